/* --alpha best: merges at points of the line are judged on tuning data. */
#include "api/recipe.h"
#include "eval/midpoint.h"
#include <math.h>

static double point(int k)
{
    return (double)k / (WELD_SEARCH_POINTS - 1);
}

/* The least; of equals the one nearest to the middle. */
static int best_of(const double *loss)
{
    int best = -1;
    for (int k = 0; k < WELD_SEARCH_POINTS; k++) {
        const bool nearer = best >= 0 && loss[k] == loss[best] &&
                            fabs(point(k) - 0.5) < fabs(point(best) - 0.5);
        if (isfinite(loss[k]) && (best < 0 || loss[k] < loss[best] || nearer))
            best = k;
    }
    return best;
}

static weld_status judge_points(double *loss, const char **metric, const weld_recipe *recipe,
                                const weld_alignment *al, const weld_dataset *data, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_correction correction;
    weld_paramset *merged = NULL;
    weld_merge_log log;
    weld_pair_job pair = {0};
    WELD_TRY(weld_recipe_pair(&pair, recipe, al, al->aligned, 0.5, err));
    WELD_TRY(weld_recipe_judging(&correction, recipe, &pair.job, err));
    WELD_TRY(weld_paramset_copy(&merged, al->a->params, err));
    for (int k = 0; k < WELD_SEARCH_POINTS; k++) {
        const weld_paramset *list[] = {merged};
        const weld_midpoint_input in = {.ctx = al->ctx,
                                        .shapes = al->shapes,
                                        .ends = pair.models,
                                        .end_count = 2,
                                        .merged = list,
                                        .count = 1,
                                        .data = data};
        weld_pair_job_free(&pair);
        WELD_TRY(weld_recipe_pair(&pair, recipe, al, al->aligned, point(k), err));
        WELD_TRY(weld_recipe_merge(merged, &log, recipe, &correction, &pair.job, err));
        WELD_TRY(weld_midpoint_losses(&loss[k], metric, &in, err));
    }
done:
    weld_pair_job_free(&pair);
    weld_paramset_free(merged);
    return st;
}

static weld_status note_search(weld_report *report, const double *loss, const char *metric,
                               int best, const weld_dataset *data, weld_error *err)
{
    double alpha[WELD_SEARCH_POINTS];
    for (int k = 0; k < WELD_SEARCH_POINTS; k++)
        alpha[k] = point(k);
    const weld_report_search search = {.present = true,
                                       .metric = metric,
                                       .alpha = alpha,
                                       .loss = loss,
                                       .count = WELD_SEARCH_POINTS,
                                       .best = point(best),
                                       .data = weld_describe_data(data)};
    return weld_report_put_search(report, &search, err);
}

weld_status weld_best_alpha(double *out, weld_report *report, const weld_alignment *al,
                            const weld_merge_options *options, const weld_dataset *data,
                            weld_error *err)
{
    const weld_merge_options defaults = WELD_MERGE_OPTIONS_INIT;
    weld_status st = WELD_OK;
    weld_recipe recipe = {0};
    const char *metric = NULL;
    double loss[WELD_SEARCH_POINTS];
    *out = 0.5;
    WELD_TRY(weld_recipe_init(&recipe, al, options ? options : &defaults, err));
    WELD_TRY(weld_alignment_takes(al, data, "the search for alpha", err));
    WELD_TRY(judge_points(loss, &metric, &recipe, al, data, err));
    const int best = best_of(loss);
    WELD_REQUIRE(best >= 0, WELD_E_UNSUPPORTED, "no merge has a finite loss on the tuning data");
    *out = point(best);
    if (report)
        WELD_TRY(note_search(report, loss, metric, best, data, err));
done:
    weld_recipe_free(&recipe);
    return st;
}
