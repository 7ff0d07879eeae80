#include "match/weights.h"
#include "core/rng.h"
#include "match/lap.h"
#include <string.h>

enum { SWEEPS_MAX = 1000 };
static const double gain_min = 1e-9; /* of |A||B|: less may be rounding */

/* One coordinate descent. */
typedef struct descent {
    const weld_scores *scores;
    weld_element *element;
    double *score;  /* [n, n] of the largest class */
    int32_t *perm;  /* [n] of the largest class: the candidate */
    bool *stale;    /* [free_count] something that the class's score rests on has changed */
    int32_t *order; /* [free_count] of visits */
    int sweeps;
    double fraction, share; /* of the progress: done before, this descent's part */
} descent;

static void descent_free(descent *d)
{
    weld_context *ctx = d->scores->ctx;
    weld_element_free(d->element);
    weld_free(ctx, d->score);
    weld_free(ctx, d->perm);
    weld_free(ctx, d->stale);
    weld_free(ctx, d->order);
}

static weld_status descent_init(descent *d, const weld_scores *scores, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = scores->symmetry;
    int32_t largest = 0;
    *d = (descent){.scores = scores, .share = 1.0};
    for (int c = 0; c < s->free_count; c++)
        largest = s->classes[c].size > largest ? s->classes[c].size : largest;
    WELD_NEW(d->score, scores->ctx, (size_t)largest * (size_t)largest);
    WELD_NEW(d->perm, scores->ctx, largest);
    WELD_NEW(d->stale, scores->ctx, s->free_count);
    WELD_NEW(d->order, scores->ctx, s->free_count);
    for (int c = 0; c < s->free_count; c++)
        d->order[c] = c;
    WELD_TRY(weld_element_identity(&d->element, s, err));
done:
    return st;
}

/* The classes whose score rests on the place of c's units: also c itself where it stands on two
 * axes of one tensor. */
static void mark_stale(descent *d, int c)
{
    for (int k = 0; k < d->scores->count; k++) {
        const weld_score_tensor *t = &d->scores->tensors[k];
        for (int i = 0; i < t->axis_count; i++)
            for (int j = 0; t->axes[i].unit_class == c && j < t->axis_count; j++)
                if (t->axes[j].member->axis != t->axes[i].member->axis)
                    d->stale[t->axes[j].unit_class] = true;
    }
}

static void swap_perm(descent *d, int c)
{
    int32_t *perm = d->element->perms[c];
    for (int32_t i = 0; i < d->scores->symmetry->classes[c].size; i++) {
        const int32_t old = perm[i];
        perm[i] = d->perm[i];
        d->perm[i] = old;
    }
}

/* The best permutation of class c with all others as they are; kept only if it is a real gain. */
static weld_status visit(bool *changed, descent *d, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    const int32_t size = d->scores->symmetry->classes[c].size;
    double scale, gain, before, after;
    WELD_TRY(weld_scores_class(d->score, &scale, d->scores, d->element, c, NULL, err));
    memcpy(d->perm, d->element->perms[c], (size_t)size * sizeof *d->perm);
    WELD_TRY(weld_lap_max(d->perm, d->scores->ctx, d->score, size, &gain, err));
    d->stale[c] = false;
    if (!(gain > gain_min * scale))
        goto done;
    WELD_TRY(weld_scores_objective(&before, d->scores, d->element, c, err));
    swap_perm(d, c);
    WELD_TRY(weld_scores_objective(&after, d->scores, d->element, c, err));
    if (after > before) {
        mark_stale(d, c);
        *changed = true;
    } else {
        swap_perm(d, c);
    }
done:
    return st;
}

/* Sweeps until one changes nothing. rng NULL: the order stays as it is. */
static weld_status descend(descent *d, weld_rng *rng, weld_error *err)
{
    weld_status st = WELD_OK;
    const int count = d->scores->symmetry->free_count;
    bool changed = true;
    for (int c = 0; c < count; c++)
        d->stale[c] = true;
    for (d->sweeps = 0; changed && d->sweeps < SWEEPS_MAX; d->sweeps++) {
        changed = false;
        if (rng)
            weld_rng_shuffle(rng, d->order, count);
        for (int k = 0; k < count; k++) {
            const double part = 1.0 - 1.0 / (1.0 + d->sweeps + (double)k / count);
            WELD_TRY(weld_progress(d->scores->ctx, "match", d->fraction + part * d->share, err));
            if (d->stale[d->order[k]])
                WELD_TRY(visit(&changed, d, d->order[k], err));
        }
    }
done:
    return st;
}

static void take_element(weld_element *to, const weld_element *from)
{
    for (int c = 0; c < from->symmetry->free_count; c++)
        memcpy(to->perms[c], from->perms[c],
               (size_t)from->symmetry->classes[c].size * sizeof(int32_t));
}

static weld_status anchor(descent *d, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = d->scores->symmetry;
    bool *settled = NULL;
    double scale, gain;
    WELD_NEW(settled, s->ctx, s->free_count);
    for (int c = 0; c < s->free_count; c++) {
        WELD_TRY(weld_scores_class(d->score, &scale, d->scores, d->element, c, settled, err));
        WELD_TRY(
            weld_lap_max(d->element->perms[c], s->ctx, d->score, s->classes[c].size, &gain, err));
        settled[c] = true;
    }
done:
    weld_free(s->ctx, settled);
    return st;
}

static weld_status run_descent(weld_match_result *result, const weld_scores *scores,
                               const weld_weights_options *options, int restart, weld_error *err)
{
    weld_status st = WELD_OK;
    descent d;
    weld_rng rng;
    double objective;
    WELD_TRY(descent_init(&d, scores, err));
    d.share = 1.0 / options->restarts;
    d.fraction = restart * d.share;
    weld_rng_seed(&rng, options->seed, (uint64_t)restart);
    if (restart == 1 || options->anchored)
        WELD_TRY(anchor(&d, err));
    WELD_TRY(descend(&d, options->graph_order && restart == 0 ? NULL : &rng, err));
    WELD_TRY(weld_scores_objective(&objective, scores, d.element, -1, err));
    result->objectives[restart] = objective;
    if (restart == 0 || objective > result->objective_end) {
        take_element(result->element, d.element);
        result->objective_end = objective;
        result->sweeps = d.sweeps;
        result->best = restart;
    }
done:
    descent_free(&d);
    return st;
}

weld_status weld_match_weights(weld_match_result **out, const weld_scores *scores,
                               const weld_weights_options *options, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_match_result *result = NULL;
    *out = NULL;
    WELD_REQUIRE(options->restarts >= 1, WELD_E_ARGUMENT, "restarts is %d, must be 1 or more",
                 options->restarts);
    WELD_NEW(result, scores->ctx, 1);
    result->ctx = scores->ctx;
    result->restarts = options->restarts;
    WELD_NEW(result->objectives, scores->ctx, options->restarts);
    WELD_TRY(weld_element_identity(&result->element, scores->symmetry, err));
    WELD_TRY(weld_scores_objective(&result->objective_start, scores, result->element, -1, err));
    for (int r = 0; r < options->restarts; r++)
        WELD_TRY(run_descent(result, scores, options, r, err));
    *out = result;
    result = NULL;
done:
    weld_match_result_free(result);
    return st;
}

static weld_status run_weights(weld_match_result **out, const weld_match_input *input,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    weld_scores *scores = NULL;
    const weld_weights_options options = {.restarts = input->restarts ? input->restarts : 1,
                                          .seed = input->seed,
                                          .graph_order = input->graph_order,
                                          .anchored = input->restarts == 0};
    *out = NULL;
    WELD_TRY(weld_scores_create(&scores, input->symmetry, input->a, input->b, err));
    WELD_TRY(weld_match_weights(out, scores, &options, err));
done:
    weld_scores_free(scores);
    return st;
}

const weld_matcher weld_matcher_weights = {
    .name = "weights", .help = "align the weights, by coordinate descent", .run = run_weights};
