/* Puts what was measured into the report. */
#include "api/figures.h"
#include "api/recipe.h"
#include "merge/ratios.h"
#include <math.h>
#include <string.h>

/* ---- merges ---------------------------------------------------------------------------------- */

static weld_report_base describe_base(const weld_merge_record *m)
{
    return (weld_report_base){.path = m->base ? m->base->file->name : NULL,
                              .sha256 = m->base ? m->base->file->sha256 : NULL,
                              .density = m->density,
                              .lambda = m->lambda,
                              .distance_a = m->distance_a,
                              .distance_b = m->distance_b,
                              .distance_naive = m->distance_naive};
}

/* Once: it is the same for all merges of an alignment. */
static weld_status warn_of_base(weld_report *r, const weld_merge_record *m, weld_error *err)
{
    for (size_t k = 0; k < r->warning_count; k++)
        if (strcmp(r->warnings[k].code, "W016") == 0)
            return WELD_OK;
    return weld_report_warn(
        r, err, "W016",
        "aligning takes %c away from the base (distance %.4g, before %.4g): its "
        "task vector holds units in another order; --match none leaves it",
        'A' + m->moved % 26, m->distance_b, m->distance_naive);
}

static weld_report_merge describe_merge(const weld_merge_record *m, bool written,
                                        weld_report_try *tries)
{
    for (int k = 0; k < m->try_count; k++)
        tries[k] = (weld_report_try){.name = m->tries[k].name,
                                     .failure = m->tries[k].failure[0] ? m->tries[k].failure : NULL,
                                     .loss = m->tries[k].loss,
                                     .seconds = m->tries[k].seconds,
                                     .chosen = m->tries[k].chosen};
    return (weld_report_merge){.method = m->method,
                               .statistic = m->statistic,
                               .base = describe_base(m),
                               .alpha = m->alpha,
                               .written = written,
                               .loss = NAN,
                               .accuracy = NAN,
                               .one_minus_cos = NAN,
                               .loss_ci95 = {NAN, NAN},
                               .accuracy_ci95 = {NAN, NAN},
                               .cos_ci95 = {NAN, NAN},
                               .layers = m->log.layers,
                               .clipped = m->log.clipped,
                               .without_bias = m->log.without_bias,
                               .sampled = m->log.sampled,
                               .too_wide = m->log.too_wide,
                               .metric = m->metric,
                               .tries = tries,
                               .try_count = (size_t)m->try_count};
}

/* What variance the layers have kept, averaged only and in the merge. */
static weld_status find_ratios(weld_report_ratio **out, size_t *count, const weld_model *merged,
                               const weld_alignment *al, const weld_dataset *data, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_paramset *average = NULL;
    weld_ratio *ratios = NULL;
    weld_recipe recipe = {0};
    weld_pair_job pair = {0};
    int found = 0;
    weld_merge_options plain = WELD_MERGE_OPTIONS_INIT;
    WELD_TRY(weld_recipe_init(&recipe, al, &plain, err));
    WELD_TRY(weld_recipe_pair(&pair, &recipe, al, al->aligned, merged->merge->alpha, err));
    pair.job.data = data;
    pair.job.weights = merged->merge->weights;
    WELD_TRY(weld_paramset_copy(&average, al->a->params, err));
    for (int p = 0; p < average->graph->param_count; p++)
        weld_lerp(average->arrays[p], al->a->params->arrays[p], al->aligned->arrays[p],
                  average->graph->params[p].dtype, weld_param_numel(average->graph, p),
                  merged->merge->weights[2 * p]);
    const weld_paramset *const both[2] = {average, merged->params};
    WELD_TRY(weld_variance_ratios(&ratios, &found, both, &pair.job, err));
    WELD_NEW(*out, al->ctx, found);
    *count = (size_t)found;
    for (int k = 0; k < found; k++)
        (*out)[k] = (weld_report_ratio){average->graph->nodes[ratios[k].node].name, ratios[k].of[0],
                                        ratios[k].of[1]};
done:
    weld_paramset_free(average);
    weld_free(al->ctx, ratios);
    weld_pair_job_free(&pair);
    weld_recipe_free(&recipe);
    return st;
}

/* measured NULL: there are no data to measure on; else the merge is its `extra`. */
static weld_status add_merge(weld_report *r, const weld_model *model, bool written,
                             const weld_measures *measured, int extra,
                             const weld_report_ratio *ratios, size_t ratio_count, weld_error *err)
{
    weld_report_try tries[sizeof model->merge->tries / sizeof model->merge->tries[0]];
    weld_report_merge merge = describe_merge(model->merge, written, tries);
    if (measured) {
        const weld_mix_figures *figures = &measured->extra[extra];
        merge.loss = figures->loss;
        merge.accuracy = figures->accuracy;
        merge.one_minus_cos = figures->one_minus_cos;
        merge.class_accuracy = figures->class_accuracy;
        merge.class_ci95 = figures->class_interval;
        merge.drop = (weld_report_drop){isfinite(figures->drop.value), figures->drop.value,
                                        figures->drop.bounds};
        merge.bounded = figures->loss_bounds.at;
        if (merge.bounded) {
            merge.loss_ci95 = figures->loss_bounds.at->ci95;
            merge.cos_ci95 = figures->cosine_bounds.at[measured->rows.count].ci95;
        }
        if (merge.bounded && figures->accuracy_bounds.at)
            merge.accuracy_ci95 = figures->accuracy_bounds.at->ci95;
        merge.class_count = (size_t)measured->classes;
    }
    merge.ratios = ratios;
    merge.ratio_count = ratio_count;
    weld_status st = weld_report_put_merge(r, &merge, err);
    const bool idle = merge.layers == 0 && strcmp(merge.statistic, "none") != 0;
    if (st == WELD_OK && written && idle)
        st = weld_report_warn(r, err, "W019", "statistic '%s' found no layer to correct",
                              merge.statistic);
    const bool away = model->merge->base && model->merge->distance_b > model->merge->distance_naive;
    return st == WELD_OK && written && away ? warn_of_base(r, model->merge, err) : st;
}

static weld_status measure_merge(weld_report *r, const weld_model *model, bool written,
                                 const weld_measures *measured, int extra, const weld_alignment *al,
                                 const weld_dataset *data, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_ratio *ratios = NULL;
    size_t count = 0;
    if (written)
        WELD_TRY(find_ratios(&ratios, &count, model, al, data, err));
    WELD_TRY(add_merge(r, model, written, measured, extra, ratios, count, err));
done:
    weld_free(al->ctx, ratios);
    return st;
}

weld_status weld_report_add_merge(weld_report *report, const weld_model *merged, weld_error *err)
{
    if (!merged->merge)
        return weld_fail(err, WELD_E_ARGUMENT, "the model is no merge");
    return add_merge(report, merged, true, NULL, 0, NULL, 0, err);
}

/* Those that are written, then those that stand beside them. */
static const weld_model *merge_at(const weld_measure_options *o, size_t k, bool *written)
{
    *written = k < o->merged_count;
    return *written ? o->merged[k] : o->compared[k - o->merged_count];
}

static weld_status list_extras(weld_mix **out, const weld_measure_options *o, weld_context *ctx,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    bool written;
    WELD_NEW(*out, ctx, o->merged_count + o->compared_count);
    for (size_t k = 0; k < o->merged_count + o->compared_count; k++) {
        const weld_model *m = merge_at(o, k, &written);
        WELD_REQUIRE(m->merge, WELD_E_ARGUMENT, "model %zu of those to measure is no merge", k);
        WELD_TRY(weld_paramset_hold(m->params, err));
        (*out)[k] = (weld_mix){m->params, m->merge->alpha};
    }
done:
    return st;
}

/* ---- data ------------------------------------------------------------------------------------ */

/* Of one file, and not the two parts of one split. */
static bool overlap(const weld_report_data *a, const weld_report_data *b)
{
    const bool parts = a->split_of && a->split_of == b->split_of &&
                       a->split_seed == b->split_seed && a->n + b->n == a->split_of;
    return !parts && strcmp(a->sha256, b->sha256) == 0;
}

static weld_status add_data(weld_report *r, const weld_dataset *data, const weld_measures *m,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_report_data section = weld_describe_data(data);
    WELD_TRY(weld_report_put_data(r, &section, err));
    if (r->match.data.present && overlap(&r->match.data, &section))
        WELD_TRY(weld_report_warn(r, err, "W003",
                                  "matched on samples that the figures are measured on; use "
                                  "--match-data"));
    if (m->rows.left_out)
        WELD_TRY(weld_report_warn(r, err, "W017",
                                  "LLFC leaves out %d values that have no axis of the samples",
                                  m->rows.left_out));
    if (m->rows.removed)
        WELD_TRY(weld_report_warn(r, err, "W001", "the trailing %s is left out for the loss",
                                  m->rows.removed));
    for (int k = 0; k < 2 && r->lmc.curve[WELD_REPORT_ALIGNED].accuracy.y; k++) {
        double accuracy =
            r->lmc.curve[WELD_REPORT_ALIGNED].accuracy.y[k ? 0 : r->lmc.alpha_count - 1];
        if (m->classes > 1 && accuracy < weld_chance_limit(m->classes, m->samples))
            WELD_TRY(weld_report_warn(r, err, "W002",
                                      "accuracy of %s is %.4f, near chance: check preprocessing "
                                      "(--preset, --mean, --std) and the order of the labels",
                                      k ? "B" : "A", accuracy));
    }
done:
    return st;
}

static weld_status check_grid(const double *alpha, size_t count, const char *what, weld_error *err)
{
    for (size_t k = 0; k < count; k++)
        if (!(alpha[k] >= 0 && alpha[k] <= 1) || (k && !(alpha[k] > alpha[k - 1])))
            return weld_fail(err, WELD_E_ARGUMENT,
                             "%s %g at place %zu, allowed ascending in 0 to 1", what, alpha[k], k);
    return WELD_OK;
}

/* What is measured where: the grids, the bootstrap. */
static weld_status read_wish(weld_pair_input *in, const weld_measure_options *o, weld_error *err)
{
    static const double grid[] = {0, .1, .2, .3, .4, .5, .6, .7, .8, .9, 1};
    static const double llfc[] = {.25, .5, .75};
    weld_status st = WELD_OK;
    WELD_REQUIRE(o->struct_size == sizeof *o, WELD_E_ARGUMENT, "measure options of %u bytes",
                 o->struct_size);
    in->alpha = o->alpha ? o->alpha : grid;
    in->alpha_count = (int)(o->alpha ? o->alpha_count : sizeof grid / sizeof grid[0]);
    in->llfc_alpha = o->llfc_alpha ? o->llfc_alpha : llfc;
    in->llfc_alpha_count =
        (int)(o->llfc_alpha ? o->llfc_alpha_count : sizeof llfc / sizeof llfc[0]);
    WELD_TRY(check_grid(in->alpha, (size_t)in->alpha_count, "alpha", err));
    WELD_TRY(check_grid(in->llfc_alpha, (size_t)in->llfc_alpha_count, "LLFC alpha", err));
    WELD_TRY(weld_bootstrap_check(o->resamples, err));
    WELD_REQUIRE(o->delta >= 0, WELD_E_ARGUMENT, "delta %g, allowed from 0", o->delta);
    in->metric = o->metric;
    in->resamples = o->resamples;
    in->seed = o->seed;
done:
    return st;
}

weld_status weld_measure_wish(weld_pair_input *in, weld_shapes **shapes, const weld_alignment *al,
                              const weld_dataset *data, const weld_measure_options *o,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    *in = (weld_pair_input){.ctx = al->ctx, .data = data};
    *shapes = NULL;
    WELD_TRY(read_wish(in, o, err));
    WELD_TRY(weld_structure_shapes(shapes, al->a->structure,
                                   o->batch > 0 ? o->batch : WELD_MICRO_BATCH, err));
    in->shapes = *shapes;
    WELD_TRY(weld_feed_check(data, *shapes, err));
done:
    return st;
}

weld_status weld_report_measure(weld_report *report, const weld_alignment *al,
                                const weld_dataset *data, const weld_measure_options *options,
                                weld_error *err)
{
    const weld_measure_options defaults = WELD_MEASURE_OPTIONS_INIT;
    const weld_measure_options *o = options ? options : &defaults;
    weld_status st = WELD_OK;
    weld_measures *m = NULL;
    weld_shapes *shapes = NULL;
    weld_mix *extras = NULL;
    weld_pair_input in;
    WELD_TRY(weld_measure_wish(&in, &shapes, al, data, o, err));
    in.a = al->a->params;
    in.b[WELD_NAIVE] = al->naive;
    in.b[WELD_ALIGNED] = al->aligned;
    WELD_TRY(list_extras(&extras, o, al->ctx, err));
    in.extra = extras;
    in.extra_count = (int)(o->merged_count + o->compared_count);
    WELD_TRY(weld_paramset_hold(in.a, err));
    for (int k = 0; k < WELD_VARIANTS; k++)
        WELD_TRY(weld_paramset_hold(in.b[k], err));
    WELD_TRY(weld_measure(&m, &in, err));
    WELD_TRY(weld_figures_lmc(report, m, &in, o->delta, err));
    WELD_TRY(weld_figures_llfc(report, m, &in, err));
    WELD_TRY(weld_figures_conditions(report, m, &in, err));
    for (int k = 0; k < in.extra_count; k++) {
        bool written;
        const weld_model *merged = merge_at(o, (size_t)k, &written);
        WELD_TRY(measure_merge(report, merged, written, m, k, al, data, err));
    }
    WELD_TRY(add_data(report, data, m, err));
done:
    weld_measures_free(m);
    weld_free(al->ctx, extras);
    weld_shapes_free(shapes);
    return st;
}
