/* Weights and activations together: coordinate descent on the mean of the two scores, each brought
 * to the size of a cosine. It starts from the correlation of the features. */
#include "core/rng.h"
#include "match/assign.h"
#include "match/data_match.h"
#include <math.h>
#include <string.h>

enum { SWEEPS_MAX = 20 }; /* the scores have no objective in common: it may go round in circles */
static const double share = 0.5;     /* of the activations */
static const double gain_min = 1e-9; /* of the score: less may be rounding */
static const double tiny = 1e-12;    /* a norm that counts as this at least */

typedef struct descent {
    weld_data_match *m;
    bool correlation; /* of the features and of each pair of slices, not second moment and sums */
    double **norm[2]; /* [free_count][n]: squared norm of all slices of a unit */
    weld_element *other; /* the candidate; then what was before */
    int32_t *order;
} descent;

static weld_status list_norms(descent *d, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_scores *scores = d->m->scores;
    const weld_symmetry *s = scores->symmetry;
    for (int side = 0; side < 2; side++) {
        WELD_NEW(d->norm[side], s->ctx, s->free_count);
        for (int c = 0; c < s->free_count; c++)
            WELD_NEW(d->norm[side][c], s->ctx, s->classes[c].size);
    }
    for (int k = 0; k < scores->count; k++) {
        const weld_score_tensor *t = &scores->tensors[k];
        for (int a = 0; a < t->axis_count; a++) {
            const int c = t->axes[a].unit_class;
            const int32_t n = s->classes[c].size;
            WELD_TRY(weld_score_norms(d->norm[0][c], s->ctx, t->a, t, &t->axes[a], n, err));
            WELD_TRY(weld_score_norms(d->norm[1][c], s->ctx, t->b, t, &t->axes[a], n, err));
        }
    }
done:
    return st;
}

static double mean(const double *x, int32_t n)
{
    double sum = 0;
    for (int32_t k = 0; k < n; k++)
        sum += x[k];
    return sum / n;
}

static double at_least_tiny(double x)
{
    return x > tiny ? x : tiny;
}

/* score [n, n] = (1 - share) weights / their size + share activations / theirs. */
static weld_status score_class(double *score, descent *d, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_data_match *m = d->m;
    const int32_t n = m->scores->symmetry->classes[c].size;
    const size_t cells = (size_t)n * (size_t)n;
    const double *a = d->norm[0][c], *b = d->norm[1][c];
    const double of_class = at_least_tiny(sqrt(mean(a, n) * mean(b, n)));
    double scale, size = 1;
    if (d->correlation) {
        const int carriers = weld_moments_correlation(score, m->moments, c);
        size = carriers > 0 ? carriers : 1;
    } else {
        weld_moments_second(score, m->moments, c);
        size = at_least_tiny(
            sqrt(weld_moments_energy(m->moments, c, 0) * weld_moments_energy(m->moments, c, 1)) /
            n);
    }
    WELD_TRY(weld_scores_class(m->extra, &scale, m->scores, m->result->element, c, NULL, err));
    for (size_t k = 0; k < cells; k++) {
        const double pair = sqrt(a[k / (size_t)n] * b[k % (size_t)n]);
        const double of_weights = d->correlation ? at_least_tiny(pair) : of_class;
        score[k] = share * score[k] / size + (1 - share) * m->extra[k] / of_weights;
    }
done:
    return st;
}

static double sum_of(const double *score, const int32_t *perm, int32_t n)
{
    double sum = 0;
    for (int32_t i = 0; score && i < n; i++)
        sum += score[(size_t)i * (size_t)n + (size_t)perm[i]];
    return sum;
}

static void free_scores(double **scores, const weld_symmetry *s)
{
    for (int c = 0; scores && c < s->free_count; c++)
        weld_free(s->ctx, scores[c]);
    weld_free(s->ctx, scores);
}

/* A class, with all that moves along with its units where there are such; d->other gets the best. */
static weld_status find_best(double *gain, double *before, descent *d, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_element *e = d->m->result->element;
    const weld_symmetry *s = e->symmetry;
    double **scores = NULL;
    *before = 0;
    WELD_NEW(scores, s->ctx, s->free_count);
    for (int k = c; k < s->free_count; k++) {
        const size_t n = (size_t)s->classes[k].size;
        if (k != c && (s->classes[c].parent >= 0 || weld_class_root(s, k) != c))
            continue;
        WELD_NEW(scores[k], s->ctx, n * n);
        WELD_TRY(score_class(scores[k], d, k, err));
        *before += sum_of(scores[k], e->perms[k], s->classes[k].size);
    }
    weld_element_copy(d->other, e);
    WELD_TRY(s->classes[c].parent < 0
                 ? weld_assign_tree(d->other, c, scores, gain, err)
                 : weld_assign_class(d->other->perms[c], s, c, scores[c], gain, err));
done:
    free_scores(scores, s);
    return st;
}

static weld_status visit(bool *changed, descent *d, int c, weld_error *err)
{
    double gain, before;
    const weld_status st = find_best(&gain, &before, d, c, err);
    if (st != WELD_OK)
        return st;
    if (gain > gain_min * (fabs(before) > 1 ? fabs(before) : 1)) {
        weld_element_copy(d->m->result->element, d->other);
        *changed = true;
    }
    return WELD_OK;
}

static weld_status descend(descent *d, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_match_input *in = d->m->in;
    const int count = in->symmetry->free_count;
    bool changed = true;
    weld_rng rng;
    weld_rng_seed(&rng, in->seed, 0);
    for (int c = 0; c < count; c++)
        d->order[c] = c;
    for (int sweep = 0; changed && sweep < SWEEPS_MAX; sweep++) {
        changed = false;
        d->m->result->sweeps = sweep + 1;
        if (!in->graph_order)
            weld_rng_shuffle(&rng, d->order, count);
        for (int k = 0; k < count; k++) {
            WELD_TRY(weld_progress(in->symmetry->ctx, "match", 1.0 - 0.5 / (sweep + 1), err));
            WELD_TRY(visit(&changed, d, d->order[k], err));
        }
    }
done:
    return st;
}

static void descent_free(descent *d)
{
    const weld_symmetry *s = d->m->in->symmetry;
    for (int side = 0; side < 2; side++) {
        for (int c = 0; d->norm[side] && c < s->free_count; c++)
            weld_free(s->ctx, d->norm[side][c]);
        weld_free(s->ctx, d->norm[side]);
    }
    weld_free(s->ctx, d->order);
    weld_element_free(d->other);
}

static weld_status match_both(weld_data_match *m, bool correlation, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = m->in->symmetry;
    descent d = {.m = m, .correlation = correlation};
    WELD_NEW(d.order, s->ctx, s->free_count);
    WELD_TRY(weld_element_identity(&d.other, s, err));
    WELD_TRY(list_norms(&d, err));
    WELD_TRY(weld_match_features(m, true, false, err));
    WELD_TRY(descend(&d, err));
done:
    descent_free(&d);
    return st;
}

static weld_status run_kind(weld_match_result **out, const weld_match_input *in, bool correlation,
                            weld_error *err)
{
    weld_data_match m;
    weld_status st = weld_data_match_open(&m, in, 0, err);
    if (st == WELD_OK)
        st = match_both(&m, correlation, err);
    return weld_data_match_close(out, &m, st, err);
}

static weld_status run_both(weld_match_result **out, const weld_match_input *in, weld_error *err)
{
    return run_kind(out, in, false, err);
}

static weld_status run_both_correlation(weld_match_result **out, const weld_match_input *in,
                                        weld_error *err)
{
    return run_kind(out, in, true, err);
}

const weld_matcher weld_matcher_both = {
    .name = "both",
    .needs_data = true,
    .effort = WELD_EFFORT_ASSIGNMENT,
    .help = "weights and second moment of the features, by coordinate descent",
    .run = run_both};

const weld_matcher weld_matcher_both_correlation = {
    .name = "both-correlation",
    .needs_data = true,
    .effort = WELD_EFFORT_ASSIGNMENT,
    .help = "weights and correlation of the features, by coordinate descent",
    .run = run_both_correlation};
