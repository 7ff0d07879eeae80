#include "match/matchers.h"
#include "match/score.h"
#include <math.h>
#include <string.h>

static const weld_matcher *const matchers[] = {
#define WELD_MATCHER(id, name) &weld_matcher_##id,
#include "match/matchers.def"
#undef WELD_MATCHER
    NULL};

static const char *const names[] = {"auto",
#define WELD_MATCHER(id, name) name,
#include "match/matchers.def"
#undef WELD_MATCHER
                                    NULL};

const weld_matcher *weld_matcher_find(const char *name)
{
    if (!name)
        return matchers[0];
    for (int k = 0; matchers[k]; k++)
        if (strcmp(matchers[k]->name, name) == 0)
            return matchers[k];
    return NULL;
}

const char *const *weld_matcher_names(void)
{
    return names;
}

void weld_match_result_free(weld_match_result *result)
{
    if (!result)
        return;
    weld_element_free(result->element);
    weld_free(result->ctx, result->objectives);
    weld_free(result->ctx, result);
}

/* The objective is no reason to read the weights. */
static weld_status run_none(weld_match_result **out, const weld_match_input *input, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_match_result *result = NULL;
    weld_scores *scores = NULL;
    *out = NULL;
    WELD_NEW(result, input->symmetry->ctx, 1);
    result->ctx = input->symmetry->ctx;
    WELD_TRY(weld_element_identity(&result->element, input->symmetry, err));
    result->objective_start = result->objective_end = NAN;
    if (weld_paramset_is_held(input->a) && weld_paramset_is_held(input->b)) {
        WELD_TRY(weld_scores_create(&scores, input->symmetry, input->a, input->b, err));
        WELD_TRY(weld_scores_objective(&result->objective_start, scores, result->element, -1, err));
        result->objective_end = result->objective_start;
    }
    *out = result;
    result = NULL;
done:
    weld_scores_free(scores);
    weld_match_result_free(result);
    return st;
}

const weld_matcher weld_matcher_none = {
    .name = "none", .streams_from = 1, .help = "every unit keeps its place", .run = run_none};
