#include "match/data_match.h"
#include "match/assign.h"
#include "match/objective.h"
#include <math.h>
#include <string.h>

static weld_status get_moments(weld_data_match *m, unsigned kinds, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_match_input *in = m->in;
    const weld_moments_input what = {.symmetry = in->symmetry,
                                     .shapes = in->shapes,
                                     .a = in->a,
                                     .b = in->b,
                                     .data = in->data,
                                     .kinds = kinds};
    m->moments = in->moments;
    if (!m->moments || (m->moments->kinds & kinds) != kinds) {
        WELD_TRY(weld_moments_create(&m->own, &what, err));
        m->moments = m->own;
    }
done:
    return st;
}

weld_status weld_data_match_open(weld_data_match *m, const weld_match_input *in, unsigned kinds,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = in->symmetry;
    size_t n = 0;
    *m = (weld_data_match){.in = in};
    for (int c = 0; c < s->free_count; c++)
        n = (size_t)s->classes[c].size > n ? (size_t)s->classes[c].size : n;
    WELD_NEW(m->result, s->ctx, 1);
    m->result->ctx = s->ctx;
    WELD_NEW(m->score, s->ctx, n * n);
    WELD_NEW(m->extra, s->ctx, n * n);
    WELD_TRY(weld_scores_create(&m->scores, s, in->a, in->b, err));
    WELD_TRY(weld_element_identity(&m->result->element, s, err));
    WELD_TRY(
        weld_scores_objective(&m->result->objective_start, m->scores, m->result->element, -1, err));
    WELD_TRY(get_moments(m, kinds, err));
    m->result->samples = m->moments->samples;
    weld_moments_note(m->result->note, sizeof m->result->note, m->moments);
done:
    return st;
}

/* Where the moments tell them. */
static weld_status measure(weld_data_match *m, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_objective *objective = NULL;
    weld_match_result *r = m->result;
    WELD_TRY(weld_scores_objective(&r->objective_end, m->scores, r->element, -1, err));
    if (!(m->moments->kinds & WELD_MOMENTS_INPUTS))
        goto done;
    WELD_TRY(weld_objective_create(&objective, m->scores, m->moments, m->in->a, m->in->b, err));
    WELD_TRY(weld_objective_distances(&r->distances, objective, r->element, err));
done:
    weld_objective_free(objective);
    return st;
}

weld_status weld_data_match_close(weld_match_result **out, weld_data_match *m, weld_status st,
                                  weld_error *err)
{
    weld_context *ctx = m->in->symmetry->ctx;
    *out = NULL;
    if (st == WELD_OK)
        st = measure(m, err);
    if (st == WELD_OK) {
        *out = m->result;
        m->result = NULL;
    }
    weld_match_result_free(m->result);
    weld_moments_free(m->own);
    weld_scores_free(m->scores);
    weld_free(ctx, m->score);
    weld_free(ctx, m->extra);
    return st;
}

static double largest_of(const double *x, size_t count)
{
    double largest = 0;
    for (size_t k = 0; k < count; k++)
        largest = fabs(x[k]) > largest ? fabs(x[k]) : largest;
    return largest;
}

/* score [n, n] of the class. */
static weld_status score_class(double *score, weld_data_match *m, int c, bool correlation,
                               bool by_weights, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_element *e = m->result->element;
    const size_t n = (size_t)e->symmetry->classes[c].size;
    double scale, unit = 1;
    if (correlation) {
        weld_moments_correlation(score, m->moments, c);
    } else {
        weld_moments_second(score, m->moments, c);
        unit = largest_of(score, n * n);
    }
    WELD_TRY(weld_scores_class(m->extra, &scale, m->scores, e, c, NULL, err));
    const double largest = largest_of(m->extra, n * n);
    for (size_t k = 0; k < n * n && largest > 0 && by_weights; k++)
        score[k] += 1e-6 * (unit > 0 ? unit : 1) * m->extra[k] / largest;
done:
    return st;
}

/* A class, with all that moves along with its units. */
static weld_status match_tree(weld_data_match *m, int root, bool correlation, bool by_weights,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = m->in->symmetry;
    double **scores = NULL, gain;
    WELD_NEW(scores, s->ctx, s->free_count);
    for (int c = root; c < s->free_count; c++) {
        if (weld_class_root(s, c) != root)
            continue;
        WELD_NEW(scores[c], s->ctx, (size_t)s->classes[c].size * (size_t)s->classes[c].size);
        WELD_TRY(score_class(scores[c], m, c, correlation, by_weights, err));
    }
    WELD_TRY(weld_assign_tree(m->result->element, root, scores, &gain, err));
done:
    for (int c = 0; scores && c < s->free_count; c++)
        weld_free(s->ctx, scores[c]);
    weld_free(s->ctx, scores);
    return st;
}

weld_status weld_match_features(weld_data_match *m, bool correlation, bool by_weights,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    for (int c = 0; c < m->in->symmetry->free_count; c++)
        if (m->in->symmetry->classes[c].parent < 0)
            WELD_TRY(match_tree(m, c, correlation, by_weights, err));
done:
    return st;
}
