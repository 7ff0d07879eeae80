#include "match/weights.h"
#include "core/rng.h"
#include "match/assign.h"
#include "match/frank_wolfe.h"
#include "match/grams.h"
#include "match/lap.h"
#include "match/quadratic.h"
#include "match/signature.h"
#include <string.h>

enum { SWEEPS_MAX = 1000 };
static const double gain_min = 1e-9;  /* of |A||B|: less may be rounding */
static const double gain_sure = 1e-5; /* more is a gain also in single precision */

/* One coordinate descent. */
typedef struct descent {
    const weld_scores *scores;
    weld_element *element;
    weld_element *other; /* the candidate; then what was before */
    weld_grams *grams;   /* of the element */
    double *score;       /* [n, n] of the largest class that stands alone, but has no grams */
    bool *stale;         /* [free_count] something that the class's score rests on has changed */
    int32_t *order;      /* [free_count] of visits */
    int sweeps;
    double fraction, share; /* of the progress: done before, this descent's part */
} descent;

static void descent_free(descent *d)
{
    weld_context *ctx = d->scores->ctx;
    weld_grams_free(d->grams);
    weld_element_free(d->element);
    weld_element_free(d->other);
    weld_free(ctx, d->score);
    weld_free(ctx, d->stale);
    weld_free(ctx, d->order);
}

/* From `start`. */
static weld_status descent_init(descent *d, const weld_scores *scores, const weld_element *start,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = scores->symmetry;
    size_t cells = 0;
    *d = (descent){.scores = scores, .share = 1.0};
    WELD_TRY(weld_element_identity(&d->element, s, err));
    WELD_TRY(weld_element_identity(&d->other, s, err));
    weld_element_copy(d->element, start);
    WELD_TRY(weld_grams_create(&d->grams, scores, d->element, err));
    for (int c = 0; c < s->free_count; c++) {
        const size_t n = (size_t)s->classes[c].size;
        cells = weld_class_is_alone(s, c) && !weld_grams_has(d->grams, c) && n * n > cells ? n * n
                                                                                           : cells;
    }
    WELD_NEW(d->score, scores->ctx, cells);
    WELD_NEW(d->stale, scores->ctx, s->free_count);
    WELD_NEW(d->order, scores->ctx, s->free_count);
    for (int c = 0; c < s->free_count; c++)
        d->order[c] = c;
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
                if (t->axes[j].axis != t->axes[i].axis)
                    d->stale[t->axes[j].unit_class] = true;
    }
}

/* The classes that a visit of c may change: the whole tree at its root, else c alone. */
static bool is_visited(const weld_symmetry *s, int c, int other)
{
    return s->classes[c].parent < 0 ? weld_class_root(s, other) == c : other == c;
}

static void swap_perms(descent *d, int c)
{
    const weld_symmetry *s = d->scores->symmetry;
    for (int k = 0; k < s->free_count; k++)
        if (is_visited(s, c, k)) {
            int32_t *swap = d->element->perms[k];
            d->element->perms[k] = d->other->perms[k];
            d->other->perms[k] = swap;
        }
}

static void free_scores(double **all, const weld_symmetry *s)
{
    for (int c = 0; all && c < s->free_count; c++)
        weld_free(s->ctx, all[c]);
    weld_free(s->ctx, all);
}

/* Scores of the classes that are visited with c, NULL where nothing counts; *scale is their sum. */
static weld_status score_visited(double ***out, double *scale, descent *d, int c,
                                 const bool *settled, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = d->scores->symmetry;
    double **all = NULL;
    *scale = 0;
    WELD_NEW(all, s->ctx, s->free_count);
    for (int k = c; k < s->free_count; k++) {
        const size_t n = (size_t)s->classes[k].size;
        double counted;
        if (!is_visited(s, c, k))
            continue;
        WELD_NEW(all[k], s->ctx, n * n);
        WELD_TRY(weld_grams_has(d->grams, k)
                     ? weld_grams_score(all[k], &counted, d->grams, k, settled, err)
                     : weld_scores_class(all[k], &counted, d->scores, d->element, k, settled, err));
        *scale += counted;
        if (counted == 0) {
            weld_free(s->ctx, all[k]);
            all[k] = NULL;
        }
    }
    *out = all;
    all = NULL;
done:
    free_scores(all, s);
    return st;
}

/* d->other := d->element with the visited classes at their best; *gain by their scores. */
static weld_status assign(double *gain, descent *d, int c, double *const *scores, weld_error *err)
{
    const weld_symmetry *s = d->scores->symmetry;
    weld_element_copy(d->other, d->element);
    *gain = 0;
    if (s->classes[c].parent < 0)
        return weld_assign_tree(d->other, c, scores, gain, err);
    return scores[c] ? weld_assign_class(d->other->perms[c], s, c, scores[c], gain, err) : WELD_OK;
}

/* Of the tensors with units of what is visited; a tree counts with all tensors. */
static weld_status objective_of(double *out, const descent *d, int c, bool tree, weld_error *err)
{
    return weld_scores_objective(out, d->scores, d->element, tree ? -1 : c, err);
}

/* The objective is linear in the permutation of c, which alone is visited. */
static bool is_linear(const descent *d, int c)
{
    return weld_class_is_alone(d->scores->symmetry, c) && weld_grams_has(d->grams, c);
}

/* What the objective really rises by when what is visited changes to d->other: for a class alone by the
 * slices that move, else by the whole of it. */
static weld_status real_gain(double *gain, descent *d, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = d->scores->symmetry;
    const bool tree = s->classes[c].parent < 0 && !weld_class_is_alone(s, c);
    double before, after;
    if (is_linear(d, c))
        return weld_grams_gain(gain, d->grams, c, d->other->perms[c], err);
    WELD_TRY(objective_of(&before, d, c, tree, err));
    swap_perms(d, c);
    st = objective_of(&after, d, c, tree, err);
    swap_perms(d, c);
    *gain = after - before;
done:
    return st;
}

/* d->other becomes the element; others are told. */
static weld_status accept(descent *d, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = d->scores->symmetry;
    swap_perms(d, c);
    for (int k = 0; k < s->free_count; k++)
        if (is_visited(s, c, k)) {
            mark_stale(d, k);
            WELD_TRY(weld_grams_moved(d->grams, k, d->other->perms[k], err));
        }
done:
    return st;
}

static bool is_stale(const descent *d, int c)
{
    for (int k = c; k < d->scores->symmetry->free_count; k++)
        if (d->stale[k] && is_visited(d->scores->symmetry, c, k))
            return true;
    return false;
}

/* find_alone by grams: in the frame of A, where B's units have their places for names. */
static weld_status find_in_frame(double *gain, double *scale, descent *d, int c,
                                 const bool *settled, weld_error *err)
{
    weld_status st = WELD_OK;
    const int32_t n = d->scores->symmetry->classes[c].size, *now = d->element->perms[c];
    int32_t *perm = d->other->perms[c];
    const float *score;
    WELD_TRY(weld_grams_view(&score, scale, d->grams, c, settled, err));
    for (int32_t i = 0; i < n; i++)
        perm[i] = i;
    WELD_TRY(weld_lap_max_single(perm, d->scores->ctx, score, n, gain, err));
    for (int32_t i = 0; i < n; i++)
        perm[i] = now[perm[i]];
done:
    weld_grams_release(d->grams, c);
    return st;
}

/* d->other := the element with class c at its best: one that stands alone. */
static weld_status find_alone(double *gain, double *scale, descent *d, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = d->scores->symmetry;
    weld_element_copy(d->other, d->element);
    if (weld_grams_has(d->grams, c))
        return find_in_frame(gain, scale, d, c, NULL, err);
    if (weld_class_is_quadratic(d->scores, c)) {
        WELD_TRY(weld_scores_class(d->score, scale, d->scores, d->element, c, NULL, err));
        WELD_TRY(weld_quadratic_assign(d->other->perms[c], gain, d->scores, d->element, c, err));
        goto done;
    }
    WELD_TRY(weld_scores_class(d->score, scale, d->scores, d->element, c, NULL, err));
    WELD_TRY(weld_assign_class(d->other->perms[c], s, c, d->score, gain, err));
done:
    return st;
}

static weld_status find_tree(double *gain, double *scale, descent *d, int c, weld_error *err)
{
    double **scores = NULL;
    weld_status st = score_visited(&scores, scale, d, c, NULL, err);
    if (st == WELD_OK)
        st = assign(gain, d, c, scores, err);
    free_scores(scores, d->scores->symmetry);
    return st;
}

/* The best permutations of what is visited with class c, all others as they are; kept only if it is a
 * real gain. */
static weld_status visit(bool *changed, descent *d, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    double scale, gain;
    WELD_TRY(weld_class_is_alone(d->scores->symmetry, c) ? find_alone(&gain, &scale, d, c, err)
                                                         : find_tree(&gain, &scale, d, c, err));
    d->stale[c] = false;
    if (!(gain > gain_min * scale))
        goto done;
    if (!(gain > gain_sure * scale) || !is_linear(d, c))
        WELD_TRY(real_gain(&gain, d, c, err));
    if (gain > 0) {
        WELD_TRY(accept(d, c, err));
        *changed = true;
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
            if (is_stale(d, d->order[k]))
                WELD_TRY(visit(&changed, d, d->order[k], err));
        }
    }
done:
    return st;
}

/* The class, or the tree from `from` on, by what is settled already; then it is settled as far as anything
 * is known of it. */
static weld_status settle(descent *d, int from, bool *settled, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = d->scores->symmetry;
    double **scores = NULL, scale, gain;
    if (is_linear(d, from)) {
        weld_element_copy(d->other, d->element);
        WELD_TRY(find_in_frame(&gain, &scale, d, from, settled, err));
        return accept(d, from, err);
    }
    WELD_TRY(score_visited(&scores, &scale, d, from, settled, err));
    WELD_TRY(assign(&gain, d, from, scores, err));
    WELD_TRY(accept(d, from, err));
    for (int k = from; k < s->free_count; k++)
        settled[k] = settled[k] || (is_visited(s, from, k) && scores[k]);
    settled[weld_class_root(s, from)] |= scale > 0;
done:
    free_scores(scores, s);
    return st;
}

/* One sweep in graph order. In a tree, the first class that anything is known of settles the blocks. */
static weld_status anchor(descent *d, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = d->scores->symmetry;
    bool *settled = NULL;
    WELD_NEW(settled, s->ctx, s->free_count);
    for (int c = 0; c < s->free_count; c++) {
        const int root = weld_class_root(s, c);
        if (settled[c] && s->classes[c].parent < 0)
            continue;
        WELD_TRY(settle(d, settled[root] ? c : root, settled, err));
        settled[c] = true;
    }
done:
    weld_free(s->ctx, settled);
    return st;
}

/* The result of one descent of several, if it is the best so far. */
static weld_status end_descent(weld_match_result *result, const descent *d, int restart,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    double objective;
    WELD_TRY(weld_grams_objective(&objective, d->grams, err));
    result->objectives[restart] = objective;
    if (restart == 0 || objective > result->objective_end) {
        weld_element_copy(result->element, d->element);
        result->objective_end = objective;
        result->sweeps = d->sweeps;
        result->best = restart;
    }
done:
    return st;
}

static weld_status start_of(weld_element *start, const weld_scores *scores,
                            const weld_weights_options *options, int restart, weld_error *err)
{
    if (options->relaxed && restart > 0)
        return weld_frank_wolfe(start, scores, restart - 1, options->seed,
                                (double)restart / options->restarts, err);
    return restart == 2 ? weld_match_signatures(start, scores, err) : WELD_OK;
}

static weld_status run_descent(weld_match_result *result, const weld_scores *scores,
                               const weld_weights_options *options, int restart, weld_error *err)
{
    weld_status st = WELD_OK;
    descent d = {.scores = scores};
    weld_element *start = NULL;
    weld_rng rng;
    WELD_TRY(weld_element_identity(&start, scores->symmetry, err));
    if (options->relaxed && restart > 0)
        weld_element_copy(start, result->element);
    WELD_TRY(start_of(start, scores, options, restart, err));
    WELD_TRY(descent_init(&d, scores, start, err));
    if (restart == 0)
        WELD_TRY(weld_grams_objective(&result->objective_start, d.grams, err));
    d.share = 1.0 / options->restarts;
    d.fraction = restart * d.share;
    weld_rng_seed(&rng, options->seed, (uint64_t)restart);
    if (restart == 0 ? options->anchored : restart == 1 && !options->relaxed)
        WELD_TRY(anchor(&d, err));
    WELD_TRY(descend(&d, options->graph_order && restart == 0 ? NULL : &rng, err));
    WELD_TRY(end_descent(result, &d, restart, err));
done:
    weld_element_free(start);
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
    for (int r = 0; r < options->restarts; r++)
        WELD_TRY(run_descent(result, scores, options, r, err));
    *out = result;
    result = NULL;
done:
    weld_match_result_free(result);
    return st;
}

/* Objectives are those of the tensors as they are. */
static weld_status report_plainly(weld_match_result *r, const weld_match_input *in, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_scores *scores = NULL;
    weld_element *identity = NULL;
    WELD_TRY(weld_scores_create(&scores, in->symmetry, in->a, in->b, err));
    WELD_TRY(weld_element_identity(&identity, in->symmetry, err));
    WELD_TRY(weld_scores_objective(&r->objective_start, scores, identity, -1, err));
    WELD_TRY(weld_scores_objective(&r->objective_end, scores, r->element, -1, err));
done:
    weld_element_free(identity);
    weld_scores_free(scores);
    return st;
}

static weld_status run(weld_match_result **out, const weld_match_input *input,
                       const weld_weights_options *options, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_scores *scores = NULL;
    *out = NULL;
    WELD_TRY(weld_scores_create(&scores, input->symmetry, input->a, input->b, err));
    WELD_TRY(weld_scores_normalise(scores, input->normalise, err));
    WELD_TRY(weld_match_weights(out, scores, options, err));
    if (input->normalise != WELD_NORMALISE_NONE)
        WELD_TRY(report_plainly(*out, input, err));
done:
    weld_scores_free(scores);
    if (st != WELD_OK) {
        weld_match_result_free(*out);
        *out = NULL;
    }
    return st;
}

static weld_status run_weights(weld_match_result **out, const weld_match_input *input,
                               weld_error *err)
{
    const weld_weights_options options = {.restarts = input->restarts ? input->restarts : 1,
                                          .seed = input->seed,
                                          .graph_order = input->graph_order,
                                          .anchored = input->restarts == 0};
    return run(out, input, &options, err);
}

static weld_status run_relaxed(weld_match_result **out, const weld_match_input *input,
                               weld_error *err)
{
    const weld_weights_options options = {.restarts = 1 + (input->restarts ? input->restarts : 1),
                                          .seed = input->seed,
                                          .graph_order = input->graph_order,
                                          .anchored = true,
                                          .relaxed = true};
    return run(out, input, &options, err);
}

const weld_matcher weld_matcher_weights = {
    .name = "weights",
    .effort = WELD_EFFORT_DESCENT,
    .streams_from = 256 << 20, /* reading tensors again and again takes time */
    .help = "align the weights, by coordinate descent",
    .run = run_weights};
const weld_matcher weld_matcher_frank_wolfe = {
    .name = "frank-wolfe",
    .effort = WELD_EFFORT_RELAXED,
    .streams_from = 256 << 20,
    .help =
        "align the weights, by coordinate descent from where all permutations relaxed at once lead",
    .run = run_relaxed};
