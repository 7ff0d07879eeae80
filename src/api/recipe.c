#include "api/recipe.h"
#include "eval/midpoint.h"
#include "ops/op.h"
#include <math.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

/* ---- what the user gives single parameters --------------------------------------------------- */

/* Returns how many parameters match. */
static int find_hits(bool *hit, const weld_graph *g, const regex_t *pattern)
{
    int count = 0;
    for (int p = 0; p < g->param_count; p++) {
        const int value = g->params[p].value;
        bool matches = regexec(pattern, g->params[p].name, 0, NULL, 0) == 0;
        for (int k = 0; !matches && k < g->consumer_count[value]; k++)
            matches = regexec(pattern, g->nodes[g->consumers[value][k]].name, 0, NULL, 0) == 0;
        hit[p] = hit[p] || matches;
        count += matches;
    }
    return count;
}

weld_status weld_match_names(bool *hit, const weld_graph *g, const char *text, weld_error *err)
{
    regex_t pattern;
    char why[128];
    const int failed = regcomp(&pattern, text, REG_EXTENDED | REG_NOSUB);
    if (failed) {
        regerror(failed, &pattern, why, sizeof why);
        return weld_fail(err, WELD_E_ARGUMENT, "pattern '%.100s': %s", text, why);
    }
    const int count = find_hits(hit, g, &pattern);
    regfree(&pattern);
    return count ? WELD_OK
                 : weld_fail(err, WELD_E_ARGUMENT, "no layer or parameter matches '%.100s'", text);
}

static weld_status check_alpha(double alpha, const char *what, weld_error *err)
{
    if (alpha >= 0 && alpha <= 1)
        return WELD_OK;
    return weld_fail(err, WELD_E_ARGUMENT, "%s %g, allowed 0 to 1", what, alpha);
}

/* hit [param_count] := what the pattern matches */
static weld_status match_anew(bool *hit, const weld_graph *g, const char *pattern, weld_error *err)
{
    for (int p = 0; p < g->param_count; p++)
        hit[p] = false;
    return weld_match_names(hit, g, pattern, err);
}

static weld_status fix_parameters(weld_recipe *r, const weld_graph *g, const weld_merge_options *o,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    bool *hit = NULL;
    WELD_NEW(hit, r->ctx, g->param_count);
    WELD_NEW(r->fixed, r->ctx, g->param_count);
    WELD_NEW(r->keep, r->ctx, g->param_count);
    for (size_t k = 0; k < o->only_count; k++)
        WELD_TRY(weld_match_names(hit, g, o->only[k], err));
    for (int p = 0; p < g->param_count; p++) {
        r->keep[p] = o->only_count > 0 && !hit[p];
        r->fixed[p] = NAN;
    }
    for (size_t k = 0; k < o->layer_alpha_count; k++) {
        WELD_TRY(check_alpha(o->layer_alpha[k].alpha, "layer alpha", err));
        WELD_TRY(match_anew(hit, g, o->layer_alpha[k].pattern, err));
        for (int p = 0; p < g->param_count; p++)
            r->fixed[p] = hit[p] ? o->layer_alpha[k].alpha : r->fixed[p];
    }
    for (size_t k = 0; k < o->skip_count; k++)
        WELD_TRY(weld_match_names(r->keep, g, o->skip[k], err));
    for (int p = 0; p < g->param_count; p++)
        r->fixed[p] = r->keep[p] ? 1 : r->fixed[p];
done:
    weld_free(r->ctx, hit);
    return st;
}

/* ---- the recipe ------------------------------------------------------------------------------- */

static weld_status check_data(const weld_recipe *r, const weld_alignment *al, weld_error *err)
{
    char what[96];
    if (r->data || r->merger->needs_data) {
        snprintf(what, sizeof what, "merge method '%s'", r->merger->name);
        return weld_alignment_takes(al, r->data, what, err);
    }
    if (!r->statistic || !r->statistic->needs_data)
        return WELD_OK;
    snprintf(what, sizeof what, "statistic '%s'", r->statistic->name);
    return weld_alignment_takes(al, r->data, what, err);
}

/* The base and what is done with the differences from it. */
static weld_status take_base(weld_recipe *r, const weld_alignment *al, const weld_merge_options *o,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    const char *name = r->merger->name;
    const bool based = r->merger->needs_base;
    r->density = o->density;
    r->lambda = o->lambda;
    r->seed = o->seed;
    WELD_REQUIRE(based || !o->base, WELD_E_ARGUMENT, "merge method '%s' takes no base", name);
    WELD_REQUIRE(!based || o->base, WELD_E_ARGUMENT, "merge method '%s' needs a base", name);
    WELD_REQUIRE(o->density > 0 && o->density <= 1, WELD_E_ARGUMENT,
                 "density %g, allowed above 0 to 1", o->density);
    WELD_REQUIRE(isfinite(o->lambda), WELD_E_ARGUMENT, "lambda %g, allowed finite", o->lambda);
    WELD_REQUIRE(r->merger->takes_density || o->density == 1, WELD_E_ARGUMENT,
                 "merge method '%s' takes no density", name);
    WELD_REQUIRE(based || o->lambda == 1, WELD_E_ARGUMENT, "merge method '%s' takes no lambda",
                 name);
    if (!based)
        return WELD_OK;
    r->base_structure = o->base->structure;
    WELD_TRY(weld_base_in_frame(&r->base, al, o->base, err));
done:
    return st;
}

const char *weld_method_wanted(const weld_merge_options *o)
{
    return o->method ? o->method : weld_merger_names()[0];
}

const char *weld_statistic_wanted(const weld_merge_options *o)
{
    return o->statistics ? o->statistics : o->data ? "auto" : "none";
}

weld_status weld_recipe_init(weld_recipe *r, const weld_alignment *al, const weld_merge_options *o,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    const char *statistics = weld_statistic_wanted(o);
    *r = (weld_recipe){.ctx = al->ctx, .data = o->data, .ridge = o->ridge};
    r->repair_logits = o->repair_logits;
    WELD_REQUIRE(o->struct_size == sizeof *o, WELD_E_ARGUMENT, "merge options of %u bytes",
                 o->struct_size);
    r->merger = weld_merger_find(weld_method_wanted(o));
    WELD_REQUIRE(r->merger, WELD_E_ARGUMENT, "no merge method '%s'", o->method);
    const bool choose = strcmp(statistics, "auto") == 0;
    const bool tries = choose && !r->merger->corrects && o->data;
    r->statistic = tries ? NULL : weld_statistic_find(choose ? "none" : statistics);
    WELD_REQUIRE(r->statistic || tries, WELD_E_ARGUMENT, "no statistic '%s'", statistics);
    WELD_REQUIRE(!r->merger->corrects || r->statistic == &weld_statistic_none, WELD_E_ARGUMENT,
                 "merge method '%s' fits the statistics itself, '%s' can't follow", r->merger->name,
                 statistics);
    WELD_REQUIRE(o->ridge >= 0 && isfinite(o->ridge), WELD_E_ARGUMENT,
                 "ridge %g, allowed from 0 (the default) on", o->ridge);
    WELD_TRY(check_data(r, al, err));
    WELD_TRY(take_base(r, al, o, err));
    WELD_TRY(fix_parameters(r, al->a->structure->graph, o, err));
done:
    if (st != WELD_OK)
        weld_recipe_free(r);
    return st;
}

void weld_recipe_free(weld_recipe *r)
{
    if (r->ctx) {
        weld_free(r->ctx, r->fixed);
        weld_free(r->ctx, r->keep);
    }
    weld_paramset_free(r->base);
    *r = (weld_recipe){0};
}

weld_status weld_recipe_check(const weld_alignment *al, const weld_merge_options *o, int models,
                              weld_error *err)
{
    weld_recipe recipe = {0};
    weld_status st = weld_recipe_init(&recipe, al, o, err);
    if (st == WELD_OK && models == 2 && !(o->alpha >= 0 && o->alpha <= 1))
        st = weld_fail(err, WELD_E_ARGUMENT, "alpha %g, allowed 0 to 1", o->alpha);
    if (st == WELD_OK && models > 2 && recipe.merger->of_two)
        st = weld_fail(err, WELD_E_ARGUMENT, "merge method '%s' takes two models, not %d",
                       recipe.merger->name, models);
    weld_recipe_free(&recipe);
    return st;
}

weld_merge_job weld_recipe_job(const weld_recipe *r, const weld_shapes *shapes)
{
    return (weld_merge_job){.ctx = r->ctx,
                            .shapes = shapes,
                            .data = r->data,
                            .ridge = r->ridge,
                            .keep = r->keep,
                            .base = r->base,
                            .density = r->density,
                            .lambda = r->lambda,
                            .seed = r->seed};
}

weld_status weld_recipe_weights(double **out, const weld_recipe *r, int count, double alpha,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_NEW(*out, r->ctx, 2 * count);
    for (int p = 0; p < count; p++) {
        (*out)[2 * p] = isnan(r->fixed[p]) ? alpha : r->fixed[p];
        (*out)[2 * p + 1] = 1 - (*out)[2 * p];
    }
done:
    return st;
}

weld_status weld_recipe_pair(weld_pair_job *out, const weld_recipe *r, const weld_alignment *al,
                             const weld_paramset *b, double alpha, weld_error *err)
{
    weld_status st = WELD_OK;
    *out = (weld_pair_job){.models = {al->a->params, b}};
    for (int k = 0; k < 2; k++)
        WELD_TRY(weld_paramset_hold(out->models[k], err));
    WELD_TRY(
        weld_recipe_weights(&out->weights, r, al->a->structure->graph->param_count, alpha, err));
    out->job = weld_recipe_job(r, al->shapes);
    out->job.models = out->models;
    out->job.model_count = 2;
    out->job.weights = out->weights;
done:
    return st;
}

void weld_pair_job_free(weld_pair_job *pair)
{
    if (pair->weights)
        weld_free(pair->job.ctx, pair->weights);
    *pair = (weld_pair_job){0};
}

weld_status weld_recipe_merge(weld_paramset *out, weld_merge_log *log, const weld_recipe *r,
                              const weld_correction *correction, const weld_merge_job *job,
                              weld_error *err)
{
    weld_merge_job corrected = *job;
    corrected.repair_logits = correction->logits;
    *log = (weld_merge_log){0};
    return weld_merge_params(out, log, r->merger, correction->statistic, &corrected, err);
}

weld_status weld_recipe_judging(weld_correction *out, const weld_recipe *r,
                                const weld_merge_job *job, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_sites sites = {0};
    *out = (weld_correction){r->statistic, r->repair_logits};
    if (r->statistic)
        return WELD_OK;
    WELD_TRY(weld_sites_find(&sites, job, err));
    out->statistic = weld_statistic_reset.applies(&sites, job->shapes->graph)
                         ? &weld_statistic_reset
                         : &weld_statistic_none;
done:
    weld_sites_free(&sites);
    return st;
}

/* ---- auto -------------------------------------------------------------------------------------- */

/* In the order of statistics.def, the ones that can take in the last layer without and with it. */
static weld_status list_corrections(weld_correction *list, int *count, const weld_recipe *r,
                                    const weld_merge_job *job, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_sites sites = {0};
    *count = 0;
    WELD_TRY(weld_sites_find(&sites, job, err));
    for (int k = 0; weld_statistics()[k]; k++) {
        const weld_statistic *s = weld_statistics()[k];
        if (!s->applies(&sites, job->shapes->graph))
            continue;
        if (!s->takes_logits || !r->repair_logits)
            list[(*count)++] = (weld_correction){s, false};
        if (s->takes_logits)
            list[(*count)++] = (weld_correction){s, true};
    }
done:
    weld_sites_free(&sites);
    return st;
}

static void name_correction(char *out, size_t size, const weld_correction *c)
{
    snprintf(out, size, "%s%s", c->statistic->name, c->logits ? ", last layer too" : "");
}

/* Makes `trial` by the correction; loss is NaN if it failed in a way that others may not. */
static weld_status try_one(weld_paramset *trial, weld_merge_log *log, weld_statistic_try *t,
                           const weld_recipe *r, const weld_correction *c,
                           const weld_merge_job *job, const char **metric, weld_error *err)
{
    weld_error failure = WELD_ERROR_INIT;
    const double began = weld_clock();
    name_correction(t->name, sizeof t->name, c);
    weld_status st = weld_recipe_merge(trial, log, r, c, job, &failure);
    const weld_paramset *merged[] = {trial};
    const weld_midpoint_input in = {.ctx = r->ctx,
                                    .shapes = job->shapes,
                                    .ends = job->models,
                                    .end_count = job->model_count,
                                    .merged = merged,
                                    .count = 1,
                                    .data = r->data};
    if (st == WELD_OK)
        st = weld_midpoint_losses(&t->loss, metric, &in, &failure);
    t->seconds = weld_clock() - began;
    if (st == WELD_OK && isfinite(t->loss))
        return WELD_OK;
    t->loss = NAN;
    snprintf(t->failure, sizeof t->failure, "%.255s",
             st == WELD_OK ? "its loss is not finite" : failure.message);
    return weld_ends_the_run(st) ? weld_fail(err, st, "%s", failure.message) : WELD_OK;
}

static weld_status choose(weld_paramset *out, weld_merge_record *record, const weld_recipe *r,
                          const weld_merge_job *job, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_correction list[sizeof record->tries / sizeof record->tries[0]];
    weld_paramset *trial = NULL;
    weld_merge_log log;
    int count, best = -1;
    WELD_TRY(list_corrections(list, &count, r, job, err));
    WELD_TRY(weld_paramset_copy(&trial, job->models[0], err));
    for (int k = 0; k < count; k++) {
        weld_statistic_try *t = &record->tries[record->try_count++];
        WELD_TRY(try_one(trial, &log, t, r, &list[k], job, &record->metric, err));
        if (isnan(t->loss) || (best >= 0 && !(t->loss < record->tries[best].loss)))
            continue;
        best = k;
        record->log = log;
        for (int p = 0; p < out->graph->param_count; p++)
            memcpy(out->arrays[p], trial->arrays[p], weld_param_bytes(out->graph, p));
    }
    WELD_REQUIRE(best >= 0, WELD_E_UNSUPPORTED, "no statistic of %d could be judged; the first: %s",
                 count, record->tries[0].failure);
    record->tries[best].chosen = true;
    memcpy(record->statistic, record->tries[best].name, sizeof record->statistic);
done:
    weld_paramset_free(trial);
    return st;
}

weld_status weld_recipe_make(weld_paramset *out, weld_merge_record *record, const weld_recipe *r,
                             const weld_merge_job *job, weld_error *err)
{
    const weld_correction correction = {r->statistic, r->repair_logits};
    record->method = r->merger->name;
    if (!r->statistic)
        return choose(out, record, r, job, err);
    snprintf(record->statistic, sizeof record->statistic, "%s", r->statistic->name);
    return weld_recipe_merge(out, &record->log, r, &correction, job, err);
}
