#include "match/qap.h"
#include "match/assign.h"
#include "tensor/blas.h"
#include <math.h>
#include <string.h>

static const double gain_min = 1e-9; /* of the scale: less may be rounding */

weld_status weld_qap_create(weld_qap **out, const weld_symmetry *symmetry, int unit_class,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    weld_qap *qap = NULL;
    *out = NULL;
    WELD_NEW(qap, symmetry->ctx, 1);
    qap->symmetry = symmetry;
    qap->unit_class = unit_class;
    qap->n = symmetry->classes[unit_class].size;
    WELD_NEW(qap->score, symmetry->ctx, (size_t)qap->n * (size_t)qap->n);
    *out = qap;
    qap = NULL;
done:
    weld_qap_free(qap);
    return st;
}

void weld_qap_free(weld_qap *qap)
{
    if (!qap)
        return;
    weld_context *ctx = qap->symmetry->ctx;
    for (int k = 0; k < qap->term_count; k++) {
        weld_free(ctx, qap->terms[k].x);
        weld_free(ctx, qap->terms[k].y);
    }
    weld_free(ctx, qap->terms);
    weld_free(ctx, qap->score);
    weld_free(ctx, qap);
}

weld_status weld_qap_add(weld_qap_term **out, weld_qap *qap, const weld_qap_term *like,
                         weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = qap->symmetry->ctx;
    const size_t side = (size_t)like->taps * (size_t)qap->n;
    WELD_GROW(qap->terms, qap->term_cap, ctx, (size_t)qap->term_count + 1);
    weld_qap_term *t = &qap->terms[qap->term_count++];
    *t = *like;
    t->x = t->y = NULL;
    WELD_NEW(t->x, ctx, side * side);
    WELD_NEW(t->y, ctx, side * side);
    *out = t;
done:
    return st;
}

/* ---- gradient and value ------------------------------------------------------------------- */

/* A matrix that is read as it is or transposed. */
typedef struct factor {
    const double *data;
    bool transposed;
} factor;

static const double *rows_of_tap(factor f, int32_t tap, int64_t n, int64_t side)
{
    return f.data + tap * n * (f.transposed ? 1 : side);
}

/* A point: any matrix, or a permutation where that is not NULL. */
typedef struct point {
    const double *q; /* [n, n] */
    const int32_t *perm;
    bool transposed;
} point;

/* z [n, side] = Q Y, Y the rows of one tap. */
static void multiply_rows(double *z, const point *p, factor y, int32_t tap, int64_t n, int64_t side)
{
    const double *data = rows_of_tap(y, tap, n, side);
    const weld_gemm_shape shape = {.trans_a = p->transposed,
                                   .trans_b = y.transposed,
                                   .m = n,
                                   .n = side,
                                   .k = n,
                                   .lda = n,
                                   .ldb = side,
                                   .ldc = side};
    if (!p->perm)
        weld_dgemm(&shape, 1.0, p->q, data, 0.0, z);
    for (int64_t i = 0; p->perm && i < n; i++) {
        const int64_t from = p->transposed ? i : p->perm[i], to = p->transposed ? p->perm[i] : i;
        for (int64_t j = 0; j < side; j++)
            z[to * side + j] = y.transposed ? data[j * side + from] : data[from * side + j];
    }
}

/* out [n, n] += weight * sum of the diagonal taps of X (Q (x) 1) Y; z: [side, side] scratch. */
static void add_product(double *out, double weight, factor x, const point *p, factor y, int64_t n,
                        int32_t taps, double *z)
{
    const int64_t side = taps * n;
    for (int32_t a = 0; a < taps; a++)
        multiply_rows(z + a * n * side, p, y, a, n, side);
    for (int32_t a = 0; a < taps; a++) {
        const weld_gemm_shape taps_of_x = {
            .trans_a = x.transposed, .m = n, .n = n, .k = side, .lda = side, .ldb = side, .ldc = n};
        weld_dgemm(&taps_of_x, weight, rows_of_tap(x, a, n, side), z + a * n, 1.0, out);
    }
}

static void add_term(double *out, const weld_qap_term *t, point p, int64_t n, double *z)
{
    const factor x = {t->x, false}, y = {t->y, false}, xt = {t->x, true}, yt = {t->y, true};
    p.transposed = t->crossed;
    if (t->crossed) {
        add_product(out, t->weight, x, &p, y, n, t->taps, z);
        add_product(out, t->weight, y, &p, x, n, t->taps, z);
    } else {
        add_product(out, t->symmetric ? 2 * t->weight : t->weight, x, &p, y, n, t->taps, z);
        if (!t->symmetric)
            add_product(out, t->weight, xt, &p, yt, n, t->taps, z);
    }
}

/* out = gradient of the terms alone. */
static weld_status terms_gradient(double *out, const weld_qap *qap, point at, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t n = (size_t)qap->n;
    double *z = NULL;
    size_t side = 0;
    for (int k = 0; k < qap->term_count; k++)
        side = (size_t)qap->terms[k].taps * n > side ? (size_t)qap->terms[k].taps * n : side;
    memset(out, 0, n * n * sizeof *out);
    WELD_NEW(z, qap->symmetry->ctx, side * side);
    for (int k = 0; k < qap->term_count && n > 0; k++)
        add_term(out, &qap->terms[k], at, qap->n, z);
done:
    weld_free(qap->symmetry->ctx, z);
    return st;
}

static weld_status gradient(double *out, const weld_qap *qap, point at, weld_error *err)
{
    const weld_status st = terms_gradient(out, qap, at, err);
    for (size_t k = 0; st == WELD_OK && k < (size_t)qap->n * (size_t)qap->n; k++)
        out[k] -= qap->score[k];
    return st;
}

weld_status weld_qap_gradient(double *out, const weld_qap *qap, const double *q, weld_error *err)
{
    return gradient(out, qap, (point){.q = q}, err);
}

weld_status weld_qap_gradient_at(double *out, const weld_qap *qap, const int32_t *perm,
                                 weld_error *err)
{
    return gradient(out, qap, (point){.perm = perm}, err);
}

static void to_matrix(double *q, const int32_t *perm, int32_t n)
{
    memset(q, 0, (size_t)n * (size_t)n * sizeof *q);
    for (int32_t i = 0; i < n; i++)
        q[(size_t)i * (size_t)n + (size_t)perm[i]] = 1.0;
}

static double term_value(const weld_qap_term *t, const int32_t *perm, int64_t n)
{
    const int64_t side = t->taps * n;
    double sum = 0;
    for (int32_t a = 0; a < t->taps; a++)
        for (int32_t b = 0; b < t->taps; b++) {
            const double *x = t->x + a * n * side + b * n, *y = t->y + b * n * side + a * n;
            for (int64_t i = 0; i < n; i++)
                for (int64_t j = 0; j < n; j++)
                    sum += t->crossed ? x[i * side + perm[j]] * y[j * side + perm[i]]
                                      : x[i * side + j] * y[perm[j] * side + perm[i]];
        }
    return t->weight * sum;
}

void weld_qap_value(double *value, double *scale, const weld_qap *qap, const int32_t *perm)
{
    *value = *scale = 0;
    for (size_t i = 0; i < (size_t)qap->n; i++) {
        const double at = qap->score[i * (size_t)qap->n + (size_t)perm[i]];
        *value -= at;
        *scale += fabs(at);
    }
    for (int k = 0; k < qap->term_count; k++) {
        const double term = term_value(&qap->terms[k], perm, qap->n);
        *value += term;
        *scale += fabs(term);
    }
}

/* ---- Frank-Wolfe -------------------------------------------------------------------------- */

static double inner(const double *a, const double *b, size_t count)
{
    double sum = 0;
    for (size_t k = 0; k < count; k++)
        sum += a[k] * b[k];
    return sum;
}

/* Room of one run. */
typedef struct walk {
    const weld_qap *qap;
    size_t cells;
    double *q, *terms; /* where it stands, and the gradient of the terms there */
    double *direction; /* the step */
    double *there;     /* the gradient of the terms at the corner that it leads to */
    double *score;     /* of the next corner: minus the whole gradient */
    int32_t *corner;
} walk;

/* The step to the best corner: its slope, 0 when there is nothing to gain any more. */
static weld_status aim(double *slope, walk *w, weld_error *err)
{
    const size_t n = (size_t)w->qap->n;
    double gain, size = 0;
    for (size_t k = 0; k < w->cells; k++) {
        w->score[k] = w->qap->score[k] - w->terms[k];
        w->direction[k] = -w->q[k];
        size += fabs(w->score[k] * w->q[k]);
    }
    const weld_status st =
        weld_assign_class(w->corner, w->qap->symmetry, w->qap->unit_class, w->score, &gain, err);
    for (size_t i = 0; i < n; i++)
        w->direction[i * n + (size_t)w->corner[i]] += 1.0;
    *slope = -inner(w->score, w->direction, w->cells);
    if (*slope > -1e-12 * size)
        *slope = 0;
    return st;
}

/* The terms' gradient is linear, so that along the step it goes from here to what it is there. */
static void advance(walk *w, double slope)
{
    const double curvature =
        0.5 * (inner(w->direction, w->there, w->cells) - inner(w->direction, w->terms, w->cells));
    const bool whole = curvature <= 0 || -slope >= 2 * curvature;
    const double step = whole ? 1.0 : -slope / (2 * curvature);
    for (size_t k = 0; k < w->cells; k++) {
        w->q[k] += step * w->direction[k];
        w->terms[k] += step * (w->there[k] - w->terms[k]);
    }
}

weld_status weld_qap_frank_wolfe(int32_t *perm, const weld_qap *qap, double *q, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = qap->symmetry->ctx;
    walk w = {.qap = qap, .cells = (size_t)qap->n * (size_t)qap->n, .q = q, .corner = perm};
    double slope, gain;
    WELD_NEW(w.terms, ctx, w.cells);
    WELD_NEW(w.direction, ctx, w.cells);
    WELD_NEW(w.there, ctx, w.cells);
    WELD_NEW(w.score, ctx, w.cells);
    WELD_TRY(terms_gradient(w.terms, qap, (point){.q = q}, err));
    for (int step = 0; step < WELD_QAP_STEPS; step++) {
        WELD_TRY(aim(&slope, &w, err));
        if (!(slope < 0))
            break;
        WELD_TRY(terms_gradient(w.there, qap, (point){.perm = w.corner}, err));
        advance(&w, slope);
    }
    WELD_TRY(weld_assign_class(perm, qap->symmetry, qap->unit_class, q, &gain, err));
done:
    weld_free(ctx, w.terms);
    weld_free(ctx, w.direction);
    weld_free(ctx, w.there);
    weld_free(ctx, w.score);
    return st;
}

/* ---- all of it ---------------------------------------------------------------------------- */

/* The best so far and a candidate. */
typedef struct contest {
    const weld_qap *qap;
    int32_t *best, *candidate;
    double *q;
    double value, scale;
} contest;

/* Exchanges from the candidate; it wins if its F is really lower. */
static weld_status judge(contest *c, bool exchange, weld_error *err)
{
    weld_status st = WELD_OK;
    double value, scale;
    if (exchange)
        WELD_TRY(weld_qap_swaps(c->candidate, c->qap, err));
    weld_qap_value(&value, &scale, c->qap, c->candidate);
    if (value < c->value - gain_min * c->scale) {
        memcpy(c->best, c->candidate, (size_t)c->qap->n * sizeof *c->best);
        c->value = value;
    }
done:
    return st;
}

/* The mean of all permutations that the class allows, its blocks in their places. */
static void to_mean(double *q, const int32_t *perm, const weld_qap *qap)
{
    const int32_t block = qap->symmetry->classes[qap->unit_class].block;
    memset(q, 0, (size_t)qap->n * (size_t)qap->n * sizeof *q);
    for (int32_t i = 0; i < qap->n; i++)
        for (int32_t k = 0; k < block; k++)
            q[(size_t)i * (size_t)qap->n + (size_t)(perm[i] / block * block + k)] = 1.0 / block;
}

static weld_status walk_from(contest *c, const int32_t *perm, bool mean, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t n = (size_t)c->qap->n;
    memcpy(c->candidate, perm, n * sizeof *perm);
    to_matrix(c->q, perm, c->qap->n);
    if (mean)
        to_mean(c->q, perm, c->qap);
    WELD_TRY(weld_qap_frank_wolfe(c->candidate, c->qap, c->q, err));
    WELD_TRY(judge(c, true, err));
done:
    return st;
}

static weld_status contend(contest *c, const int32_t *perm, int starts, weld_error *err)
{
    weld_status st = WELD_OK;
    double gain;
    memcpy(c->candidate, perm, (size_t)c->qap->n * sizeof *perm);
    if (c->qap->term_count == 0)
        WELD_TRY(weld_assign_class(c->candidate, c->qap->symmetry, c->qap->unit_class,
                                   c->qap->score, &gain, err));
    WELD_TRY(judge(c, c->qap->term_count > 0, err));
    for (int k = 0; k < starts && c->qap->term_count > 0; k++)
        WELD_TRY(walk_from(c, perm, k == 1, err));
done:
    return st;
}

weld_status weld_qap_solve(int32_t *perm, double *gain, const weld_qap *qap, int starts,
                           weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = qap->symmetry->ctx;
    const size_t n = (size_t)qap->n;
    contest c = {.qap = qap};
    *gain = 0;
    WELD_NEW(c.best, ctx, n);
    WELD_NEW(c.candidate, ctx, n);
    WELD_NEW(c.q, ctx, n * n);
    memcpy(c.best, perm, n * sizeof *perm);
    weld_qap_value(&c.value, &c.scale, qap, perm);
    const double before = c.value;
    WELD_TRY(contend(&c, perm, starts < 2 ? starts : 2, err));
    *gain = before - c.value;
    memcpy(perm, c.best, n * sizeof *perm);
done:
    weld_free(ctx, c.best);
    weld_free(ctx, c.candidate);
    weld_free(ctx, c.q);
    return st;
}
