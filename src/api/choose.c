/* --match auto: each candidate's permutation is merged at one half, and judged on the matching data. */
#include "api/recipe.h"
#include "eval/midpoint.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* "none" stands before the table: what is connected already stays as it is. */
static const weld_candidate keep = {"none", &weld_matcher_none, NULL, false, 0};

typedef struct chooser {
    weld_alignment *al;
    const weld_match_input *input;
    const weld_recipe *recipe;
    weld_correction correction;
    weld_match_result **results; /* [al->trial_count], NULL where a candidate failed */
} chooser;

double weld_clock(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

bool weld_ends_the_run(weld_status st)
{
    return st == WELD_E_NOMEM || st == WELD_E_CANCELLED || st == WELD_E_INTERNAL;
}

/* What fails is noted, and the others go on. */
static weld_status run_candidate(chooser *c, int k, weld_error *err)
{
    weld_trial *trial = &c->al->trials[k];
    weld_error failure = WELD_ERROR_INIT;
    const double began = weld_clock();
    const weld_status st = weld_candidate_run(&c->results[k], trial->candidate, c->input, &failure);
    trial->seconds = weld_clock() - began;
    trial->loss = trial->objective = NAN;
    if (st == WELD_OK) {
        trial->objective = c->results[k]->objective_end;
        return WELD_OK;
    }
    c->results[k] = NULL;
    memcpy(trial->failure, failure.message, sizeof trial->failure - 1);
    return weld_ends_the_run(st) ? weld_fail(err, st, "%s", failure.message) : WELD_OK;
}

static weld_status merge_candidate(weld_paramset **out, const chooser *c, int k, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_paramset *moved = NULL;
    weld_merge_log log = {0};
    weld_pair_job pair = {0};
    WELD_TRY(weld_paramset_copy(out, c->al->naive, err));
    WELD_TRY(weld_paramset_copy(&moved, c->al->naive, err));
    WELD_TRY(weld_element_apply(moved, c->results[k]->element, c->al->naive, err));
    WELD_TRY(weld_recipe_pair(&pair, c->recipe, c->al, moved, 0.5, err));
    WELD_TRY(weld_recipe_merge(*out, &log, c->recipe, &c->correction, &pair.job, err));
done:
    weld_pair_job_free(&pair);
    weld_paramset_free(moved);
    return st;
}

/* As many merged models at once as a quarter of the memory holds, so that few passes do. */
static int group_size(const weld_alignment *al)
{
    const weld_graph *g = al->a->structure->graph;
    size_t bytes = 1;
    for (int p = 0; p < g->param_count; p++)
        bytes += weld_param_bytes(g, p);
    const size_t fit = al->ctx->budget_bytes / 4 / bytes;
    return fit > 64 ? 64 : fit < 1 ? 1 : (int)fit;
}

/* An earlier candidate with the same permutations, else k itself. */
static int twin_of(const chooser *c, int k)
{
    const weld_symmetry *s = c->al->symmetry;
    for (int t = 0; t < k; t++) {
        bool same = c->results[t] != NULL;
        for (int u = 0; same && u < s->free_count; u++)
            same = memcmp(c->results[t]->element->perms[u], c->results[k]->element->perms[u],
                          (size_t)s->classes[u].size * sizeof(int32_t)) == 0;
        if (same)
            return t;
    }
    return k;
}

/* The candidates from *next on that did not fail and are new, as many as the group takes. */
static weld_status judge_group(chooser *c, int *next, int size, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_alignment *al = c->al;
    weld_paramset **merged = NULL;
    int *whose = NULL, count = 0;
    double *losses = NULL;
    WELD_NEW(merged, al->ctx, size);
    WELD_NEW(whose, al->ctx, size);
    WELD_NEW(losses, al->ctx, size);
    for (; *next < al->trial_count && count < size; ++*next)
        if (c->results[*next] && twin_of(c, *next) == *next) {
            whose[count] = *next;
            WELD_TRY(merge_candidate(&merged[count], c, *next, err));
            count++;
        }
    const weld_paramset *const ends[] = {al->a->params, al->naive};
    const weld_midpoint_input in = {.ctx = al->ctx,
                                    .shapes = al->shapes,
                                    .ends = ends,
                                    .end_count = 2,
                                    .merged = (const weld_paramset *const *)merged,
                                    .count = count,
                                    .data = c->input->data};
    if (count)
        WELD_TRY(weld_midpoint_losses(losses, &al->metric, &in, err));
    for (int k = 0; k < count; k++)
        al->trials[whose[k]].loss = losses[k];
done:
    for (int k = 0; merged && k < size; k++)
        weld_paramset_free(merged[k]);
    weld_free(al->ctx, merged);
    weld_free(al->ctx, whose);
    weld_free(al->ctx, losses);
    return st;
}

/* The least loss, the earliest of equals; -1 = there is none. */
static int best_trial(chooser *c)
{
    int best = -1;
    for (int k = 0; k < c->al->trial_count; k++) {
        weld_trial *trial = &c->al->trials[k];
        if (c->results[k] && !isfinite(trial->loss))
            memcpy(trial->failure, "its loss is not finite", sizeof "its loss is not finite");
        else if (c->results[k] && (best < 0 || trial->loss < c->al->trials[best].loss))
            best = k;
    }
    return best;
}

weld_status weld_choose(weld_match_result **out, weld_alignment *al, const weld_match_input *input,
                        const weld_candidate *table, size_t count, const weld_recipe *recipe,
                        weld_error *err)
{
    weld_status st = WELD_OK;
    weld_match_input shared = *input;
    weld_moments *moments = NULL;
    weld_pair_job pair = {0};
    chooser c = {.al = al, .input = &shared, .recipe = recipe};
    const int size = group_size(al);
    *out = NULL;
    WELD_TRY(weld_recipe_pair(&pair, recipe, al, al->naive, 0.5, err));
    WELD_TRY(weld_recipe_judging(&c.correction, recipe, &pair.job, err));
    snprintf(al->judged_by, sizeof al->judged_by, "%s, %s", recipe->merger->name,
             c.correction.statistic->name);
    WELD_TRY(weld_candidates_moments(&moments, input, err));
    shared.moments = moments;
    WELD_NEW(al->trials, al->ctx, count + 1);
    WELD_NEW(c.results, al->ctx, count + 1);
    al->trial_count = (int)count + 1;
    for (int k = 0; k < al->trial_count; k++) {
        al->trials[k].candidate = k ? &table[k - 1] : &keep;
        WELD_TRY(run_candidate(&c, k, err));
    }
    for (int next = 0; next < al->trial_count;)
        WELD_TRY(judge_group(&c, &next, size, err));
    for (int k = 0; k < al->trial_count; k++)
        if (c.results[k])
            al->trials[k].loss = al->trials[twin_of(&c, k)].loss;
    al->chosen = best_trial(&c);
    WELD_REQUIRE(al->chosen >= 0, WELD_E_UNSUPPORTED,
                 "no candidate of %d could be judged; the first: %s", al->trial_count,
                 al->trials[0].failure);
    *out = c.results[al->chosen];
    c.results[al->chosen] = NULL;
done:
    for (int k = 0; c.results && k < al->trial_count; k++)
        weld_match_result_free(c.results[k]);
    weld_free(al->ctx, c.results);
    weld_pair_job_free(&pair);
    weld_moments_free(moments);
    return st;
}
