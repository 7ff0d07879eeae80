/* weld_merge_many: models are opened one at a time, brought into one frame, and averaged. */
#include "api/many.h"
#include "eval/bootstrap.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MODELS_MAX = 64 };

/* A's frame has room for this model as both are stored. */
static weld_status place_one(weld_one *one, const weld_model *a, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_model *reread[2] = {NULL, NULL};
    weld_pairing *pairing = NULL;
    WELD_TRY(weld_pair_alike(&pairing, reread, a, one->model, err));
    WELD_REQUIRE(!reread[0] && !reread[1], WELD_E_UNSUPPORTED,
                 "%s fits the first model only with BatchNormalization folded or shared tensors "
                 "read apart; more than two models have to be stored alike",
                 one->path);
    WELD_TRY(weld_params_in_frame(&one->params, a->structure, one->model->params,
                                  one->model->structure->homes, pairing->param_of, NULL, err));
done:
    weld_pairing_free(pairing);
    weld_model_free(reread[0]);
    weld_model_free(reread[1]);
    return st;
}

weld_status weld_many_params(weld_paramset **out, const weld_many *m, int which, bool moved,
                             weld_error *err)
{
    const weld_one *one = &m->ones[which];
    if (!moved || !one->element)
        return weld_paramset_copy(out, one->params, err);
    weld_status st = weld_params_permuted(out, m->a->structure, one->params, m->frame->symmetry,
                                          one->element, err);
    if (st == WELD_OK)
        st = weld_paramset_hold(*out, err);
    if (st != WELD_OK) {
        weld_paramset_free(*out);
        *out = NULL;
    }
    return st;
}

weld_status weld_many_sum(double **sum, const weld_many *m, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_paramset *params = NULL;
    for (int k = 0; k < m->count; k++) {
        const int which = m->order[k];
        WELD_TRY(weld_many_params(&params, m, which, true, err));
        weld_many_add(sum, params, m->ones[which].weight);
        weld_paramset_free(params);
        params = NULL;
    }
done:
    weld_paramset_free(params);
    return st;
}

void weld_many_add(double **sum, const weld_paramset *params, double weight)
{
    for (int p = 0; p < params->graph->param_count; p++)
        for (size_t i = 0; i < weld_param_numel(params->graph, p); i++)
            sum[p][i] += weight * weld_paramset_number(params, p, (int64_t)i);
}

void weld_many_round(weld_paramset *out, double *const *sum)
{
    for (int p = 0; p < out->graph->param_count; p++) {
        weld_tensor t = weld_paramset_tensor(out, p);
        for (size_t i = 0; i < weld_param_numel(out->graph, p); i++)
            weld_tensor_set_number(&t, (int64_t)i, sum[p][i]);
    }
}

weld_status weld_many_sums_new(double ***out, const weld_many *m, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = m->a->structure->graph;
    WELD_NEW(*out, m->ctx, g->param_count + 1);
    for (int p = 0; p < g->param_count; p++)
        WELD_NEW((*out)[p], m->ctx, weld_param_numel(g, p));
done:
    return st;
}

void weld_many_sums_free(double **sum, const weld_many *m)
{
    for (int p = 0; sum && p < m->a->structure->graph->param_count; p++)
        weld_free(m->ctx, sum[p]);
    weld_free(m->ctx, sum);
}

weld_align_options weld_many_wish(const weld_many *m)
{
    const weld_align_options plain = WELD_ALIGN_OPTIONS_INIT;
    return m->options->align ? *m->options->align : plain;
}

weld_align_options weld_many_still(const weld_many *m)
{
    weld_align_options still = weld_many_wish(m);
    still.method = "none";
    still.data = m->options->data;
    still.polish_seconds = 0;
    return still;
}

/* ---- setting up ------------------------------------------------------------------------------- */

static weld_status set_weights(weld_many *m, weld_error *err)
{
    const double *w = m->options->weights;
    double sum = 0;
    for (int k = 0; k < m->count; k++) {
        if (w && !(w[k] >= 0 && isfinite(w[k])))
            return weld_fail(err, WELD_E_ARGUMENT, "weight %g of %s, allowed from 0 on", w[k],
                             m->ones[k].path);
        m->ones[k].weight = w ? w[k] : 1;
        sum += m->ones[k].weight;
    }
    if (!(sum > 0))
        return weld_fail(err, WELD_E_ARGUMENT, "all weights are 0");
    for (int k = 0; k < m->count; k++)
        m->ones[k].weight /= sum;
    return WELD_OK;
}

static int by_contents(const weld_many *m, int x, int y)
{
    const int order = strcmp(m->ones[x].model->structure->file->sha256,
                             m->ones[y].model->structure->file->sha256);
    return order ? order : x - y;
}

/* Few: by insertion. */
static void sort_order(weld_many *m)
{
    for (int k = 0; k < m->count; k++) {
        int at = k;
        for (; at > 0 && by_contents(m, k, m->order[at - 1]) < 0; at--)
            m->order[at] = m->order[at - 1];
        m->order[at] = k;
    }
}

static weld_status open_many(weld_many *m, const char *const *paths, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_align_options still = weld_many_still(m);
    weld_load_options how = WELD_LOAD_OPTIONS_INIT;
    how.output_name = m->options->output_name;
    WELD_NEW(m->ones, m->ctx, m->count);
    WELD_NEW(m->order, m->ctx, m->count);
    for (int k = 0; k < m->count; k++) {
        m->ones[k].path = paths[k];
        WELD_TRY(weld_model_load_as(&m->ones[k].model, m->ctx, paths[k], &how, err));
    }
    m->a = m->ones[0].model;
    WELD_TRY(set_weights(m, err));
    sort_order(m);
    m->start = m->options->start >= 0 ? m->options->start : m->order[0];
    WELD_TRY(weld_align(&m->frame, m->a, m->a, &still, err));
    for (int k = 0; k < m->count; k++)
        WELD_TRY(place_one(&m->ones[k], m->a, err));
    if (m->options->merge)
        WELD_TRY(weld_recipe_check(m->frame, m->options->merge, m->count, err));
done:
    return st;
}

static void close_many(weld_many *m)
{
    for (int k = 0; m->ones && k < m->count; k++) {
        weld_element_free(m->ones[k].element);
        weld_paramset_free(m->ones[k].params);
    }
    weld_alignment_free(m->frame);
    for (int k = 0; m->ones && k < m->count; k++)
        weld_model_free(m->ones[k].model);
    weld_free(m->ctx, m->ones);
    weld_free(m->ctx, m->order);
}

/* ---- merging ---------------------------------------------------------------------------------- */

/* The mean needs no more than two models in memory. */
static weld_status merge_mean(weld_paramset *out, const weld_many *m, weld_error *err)
{
    weld_status st = WELD_OK;
    double **sum = NULL;
    WELD_TRY(weld_many_sums_new(&sum, m, err));
    WELD_TRY(weld_many_sum(sum, m, err));
    weld_many_round(out, sum);
done:
    weld_many_sums_free(sum, m);
    return st;
}

/* [param_count, count], in the order of contents: what the user fixes is the weight of the first model. */
static void fill_weights(double *weights, const weld_many *m, const weld_recipe *r)
{
    const double first = m->ones[0].weight;
    for (int p = 0; p < m->a->structure->graph->param_count; p++)
        for (int k = 0; k < m->count; k++) {
            const int which = m->order[k];
            double w = m->ones[which].weight;
            if (!isnan(r->fixed[p]))
                w = which == 0 ? r->fixed[p] : first < 1 ? w * (1 - r->fixed[p]) / (1 - first) : 0;
            weights[p * m->count + k] = w;
        }
}

static weld_status merge_all(weld_paramset *out, weld_merge_record *record, const weld_many *m,
                             const weld_recipe *r, weld_error *err)
{
    weld_status st = WELD_OK;
    const int params = m->a->structure->graph->param_count;
    weld_paramset **models = NULL;
    double *weights = NULL;
    WELD_NEW(models, m->ctx, m->count);
    WELD_NEW(weights, m->ctx, params * m->count);
    for (int k = 0; k < m->count; k++)
        WELD_TRY(weld_many_params(&models[k], m, m->order[k], true, err));
    fill_weights(weights, m, r);
    weld_merge_job job = weld_recipe_job(r, m->frame->shapes);
    job.models = (const weld_paramset *const *)models;
    job.model_count = m->count;
    job.weights = weights;
    WELD_TRY(weld_recipe_make(out, record, r, &job, err));
done:
    for (int k = 0; models && k < m->count; k++)
        weld_paramset_free(models[k]);
    weld_free(m->ctx, models);
    weld_free(m->ctx, weights);
    return st;
}

static bool is_plain_mean(const weld_recipe *r, int params)
{
    bool fixed = false;
    for (int p = 0; p < params; p++)
        fixed = fixed || !isnan(r->fixed[p]);
    return !fixed && r->merger == &weld_merger_lerp && r->statistic == &weld_statistic_none;
}

/* Without values so far. */
static weld_status begin_model(weld_model **out, const weld_many *m, const char *method,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    char parents[WELD_SHA256_TEXT * MODELS_MAX], weights[WELD_SHA256_TEXT * MODELS_MAX];
    size_t n = 0, w = 0;
    for (int k = 0; k < m->count; k++) {
        n += (size_t)snprintf(parents + n, sizeof parents - n, "%s%s", k ? "," : "",
                              m->ones[k].model->structure->file->sha256);
        w += (size_t)snprintf(weights + w, sizeof weights - w, "%s%.17g", k ? "," : "",
                              m->ones[k].weight);
    }
    WELD_TRY(weld_model_made(out, m->a->structure, parents, method, err));
    WELD_TRY(weld_model_note(*out, "onnxweld.weights", weights, err));
done:
    return st;
}

static weld_status note_base(weld_model *model, const weld_many *m, const weld_recipe *recipe,
                             weld_error *err)
{
    weld_paramset *moved = NULL;
    weld_status st = weld_base_note(model, recipe, m->ones[0].params, err);
    for (int k = 0; k < m->count && st == WELD_OK && recipe->base; k++) {
        const weld_one *one = &m->ones[k];
        st = weld_params_permuted(&moved, m->a->structure, one->params, m->frame->symmetry,
                                  one->element, err);
        if (st == WELD_OK)
            st = weld_base_follow(model->merge, recipe, k, moved, one->params, err);
        weld_paramset_free(moved);
        moved = NULL;
    }
    return st;
}

static weld_status make_model(weld_model **out, const weld_many *m, weld_error *err)
{
    const weld_merge_options plain = WELD_MERGE_OPTIONS_INIT;
    weld_status st = WELD_OK;
    weld_model *model = NULL;
    weld_recipe recipe = {0};
    WELD_TRY(
        weld_recipe_init(&recipe, m->frame, m->options->merge ? m->options->merge : &plain, err));
    WELD_TRY(begin_model(&model, m, recipe.merger->name, err));
    WELD_TRY(weld_paramset_create(&model->params, m->ctx, m->a->structure->graph, err));
    WELD_NEW(model->merge, m->ctx, 1);
    model->merge->alpha = m->ones[0].weight;
    model->merge->method = recipe.merger->name;
    snprintf(model->merge->statistic, sizeof model->merge->statistic, "none");
    if (is_plain_mean(&recipe, model->params->graph->param_count))
        WELD_TRY(merge_mean(model->params, m, err));
    else
        WELD_TRY(merge_all(model->params, model->merge, m, &recipe, err));
    WELD_TRY(weld_model_note(model, "onnxweld.statistics", model->merge->statistic, err));
    WELD_TRY(note_base(model, m, &recipe, err));
    *out = model;
    model = NULL;
done:
    weld_recipe_free(&recipe);
    weld_model_free(model);
    return st;
}

static weld_status check(const weld_many_options *o, size_t count, weld_error *err)
{
    if (o->struct_size != sizeof *o)
        return weld_fail(err, WELD_E_ARGUMENT, "options of %u bytes", o->struct_size);
    if (count < 2 || count > MODELS_MAX)
        return weld_fail(err, WELD_E_ARGUMENT, "%zu models, allowed 2 to %d", count, MODELS_MAX);
    if (o->start >= (int)count)
        return weld_fail(err, WELD_E_ARGUMENT, "start is model %d, there are %zu", o->start + 1,
                         count);
    return weld_bootstrap_check(o->resamples, err);
}

weld_status weld_merge_many(weld_model **out, weld_report **report, weld_context *ctx,
                            const char *const *paths, size_t count,
                            const weld_many_options *options, weld_error *err)
{
    const weld_many_options defaults = WELD_MANY_OPTIONS_INIT;
    weld_status st = WELD_OK;
    weld_many m = {.ctx = ctx, .count = (int)count, .options = options ? options : &defaults};
    weld_model *model = NULL;
    weld_report *r = NULL;
    *out = NULL;
    if (report)
        *report = NULL;
    WELD_TRY(check(m.options, count, err));
    WELD_TRY(open_many(&m, paths, err));
    WELD_TRY(weld_many_align(&m, err));
    WELD_TRY(make_model(&model, &m, err));
    if (report) {
        WELD_TRY(weld_report_open(&r, ctx, err));
        WELD_TRY(weld_many_report(r, &m, model->params, err));
        WELD_TRY(weld_report_add_merge(r, model, err));
        r->merges[0].loss = r->many.score.loss;
        r->merges[0].accuracy = r->many.score.accuracy;
        r->merges[0].bounded = r->many.resamples;
        r->merges[0].loss_ci95 = r->many.score.loss_ci95;
        r->merges[0].accuracy_ci95 = r->many.score.accuracy_ci95;
        r->merges[0].drop = r->many.drop;
        *report = r;
        r = NULL;
    }
    *out = model;
    model = NULL;
done:
    weld_report_free(r);
    weld_model_free(model);
    close_many(&m);
    return st;
}
