/* Exchanges of two units. With G the gradient at perm, u = e_i - e_j and w = e_perm[j] - e_perm[i],
 * exchanging i and j adds u w' to Q and changes F by <G, u w'> + what the terms make of u w' alone.
 * That second part is kept for all pairs: an exchange changes it for pairs of i or j only. */
#include "match/assign.h"
#include "match/qap.h"
#include "tensor/blas.h"
#include <math.h>
#include <string.h>

enum { EXCHANGES_PER_UNIT = 20 };
static const double gain_min = 1e-9; /* of the scale: less may be rounding */

typedef struct descent {
    const weld_qap *qap;
    int32_t *perm;
    double *gradient;     /* [n, n] */
    double *second;       /* [n, n], i < j */
    double *left, *right; /* [width, n]: an exchange adds left' right to the gradient */
    int64_t width;
    int32_t *block_end; /* [n] unit i may change places with those after it, up to there */
} descent;

/* u' X w of the tap: u = e_i - e_j, w = e_k - e_l. */
static double form(const double *x, int64_t side, int32_t i, int32_t j, int32_t k, int32_t l)
{
    const double *row_i = x + i * side, *row_j = x + j * side;
    return row_i[k] - row_i[l] - row_j[k] + row_j[l];
}

static double second_of(const weld_qap_term *t, int64_t n, int32_t i, int32_t j, int32_t pi,
                        int32_t pj)
{
    const int64_t side = t->taps * n;
    double sum = 0;
    for (int32_t a = 0; a < t->taps; a++)
        for (int32_t b = 0; b < t->taps; b++) {
            const double *x = t->x + a * n * side + b * n, *y = t->y + b * n * side + a * n;
            sum += t->crossed ? form(x, side, i, j, pj, pi) * form(y, side, i, j, pj, pi)
                              : form(x, side, i, j, i, j) * form(y, side, pj, pi, pj, pi);
        }
    return t->weight * sum;
}

static void set_second(descent *d, int32_t i, int32_t j)
{
    const int64_t n = d->qap->n;
    double sum = 0;
    for (int k = 0; k < d->qap->term_count; k++)
        sum += second_of(&d->qap->terms[k], n, i, j, d->perm[i], d->perm[j]);
    d->second[i * n + j] = sum;
}

/* out[a, b] = weight times column i minus column j of tap [a, b] of x; of tap [b, a] if flipped. */
static void columns(double *out, double weight, const weld_qap_term *t, const double *x, int64_t n,
                    int32_t i, int32_t j, bool flipped)
{
    const int64_t side = t->taps * n;
    for (int32_t a = 0; a < t->taps; a++)
        for (int32_t b = 0; b < t->taps; b++) {
            const double *tap = x + (flipped ? b : a) * n * side + (flipped ? a : b) * n;
            for (int64_t k = 0; k < n; k++)
                *out++ = weight * (tap[k * side + i] - tap[k * side + j]);
        }
}

static void rows(double *out, double weight, const weld_qap_term *t, const double *x, int64_t n,
                 int32_t i, int32_t j, bool flipped)
{
    const int64_t side = t->taps * n;
    for (int32_t a = 0; a < t->taps; a++)
        for (int32_t b = 0; b < t->taps; b++) {
            const double *tap = x + (flipped ? b : a) * n * side + (flipped ? a : b) * n;
            for (int64_t k = 0; k < n; k++)
                *out++ = weight * (tap[i * side + k] - tap[j * side + k]);
        }
}

/* Appends what the term contributes to left and right. */
static void list_products(descent *d, const weld_qap_term *t, int32_t i, int32_t j)
{
    const int64_t n = d->qap->n, squared = (int64_t)t->taps * t->taps;
    const int32_t pi = d->perm[i], pj = d->perm[j];
    double *left = d->left + d->width * n, *right = d->right + d->width * n;
    double *left_2 = left + squared * n, *right_2 = right + squared * n;
    d->width += squared;
    if (t->crossed) {
        columns(left, t->weight, t, t->x, n, pj, pi, false);
        rows(right, 1.0, t, t->y, n, i, j, true);
        columns(left_2, t->weight, t, t->y, n, pj, pi, false);
        rows(right_2, 1.0, t, t->x, n, i, j, true);
        d->width += squared;
        return;
    }
    columns(left, t->symmetric ? 2 * t->weight : t->weight, t, t->x, n, i, j, false);
    rows(right, 1.0, t, t->y, n, pj, pi, true);
    if (!t->symmetric) {
        rows(left_2, t->weight, t, t->x, n, i, j, true);
        columns(right_2, 1.0, t, t->y, n, pj, pi, false);
        d->width += squared;
    }
}

static void move_gradient(descent *d, int32_t i, int32_t j)
{
    const int64_t n = d->qap->n;
    d->width = 0;
    for (int k = 0; k < d->qap->term_count; k++)
        list_products(d, &d->qap->terms[k], i, j);
    const weld_gemm_shape shape = {
        .trans_a = true, .m = n, .n = n, .k = d->width, .lda = n, .ldb = n, .ldc = n};
    if (d->width > 0)
        weld_dgemm(&shape, 1.0, d->left, d->right, 1.0, d->gradient);
}

static void exchange(descent *d, int32_t i, int32_t j)
{
    const int32_t n = d->qap->n, old = d->perm[i];
    move_gradient(d, i, j);
    d->perm[i] = d->perm[j];
    d->perm[j] = old;
    for (int32_t t = 0; t < n; t++) {
        if (t != i)
            set_second(d, t < i ? t : i, t < i ? i : t);
        if (t != j)
            set_second(d, t < j ? t : j, t < j ? j : t);
    }
}

/* The exchange that lowers F most; ties go to the lowest pair. */
static double steepest(const descent *d, int32_t *best_i, int32_t *best_j)
{
    const int64_t n = d->qap->n;
    double best = 0;
    for (int64_t i = 0; i < n; i++) {
        const double *gi = d->gradient + i * n;
        for (int64_t j = i + 1; j < n && d->block_end[i] > j; j++) {
            const double *gj = d->gradient + j * n;
            const int32_t pi = d->perm[i], pj = d->perm[j];
            const double change = gi[pj] + gj[pi] - gi[pi] - gj[pj] + d->second[i * n + j];
            if (change < best) {
                best = change;
                *best_i = (int32_t)i;
                *best_j = (int32_t)j;
            }
        }
    }
    return best;
}

static weld_status start(descent *d, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = d->qap->symmetry->ctx;
    const size_t n = (size_t)d->qap->n;
    size_t width = 0; /* at most */
    for (int k = 0; k < d->qap->term_count; k++)
        width += 2 * (size_t)d->qap->terms[k].taps * (size_t)d->qap->terms[k].taps;
    WELD_NEW(d->gradient, ctx, n * n);
    WELD_NEW(d->second, ctx, n * n);
    WELD_NEW(d->left, ctx, width * n);
    WELD_NEW(d->right, ctx, width * n);
    WELD_NEW(d->block_end, ctx, n);
    for (int32_t i = 0; i < d->qap->n; i++) {
        d->block_end[i] = i + 1;
        while (d->block_end[i] < d->qap->n &&
               weld_may_exchange(d->qap->symmetry, d->qap->unit_class, i, d->block_end[i]))
            d->block_end[i]++;
    }
    WELD_TRY(weld_qap_gradient_at(d->gradient, d->qap, d->perm, err));
    for (int32_t i = 0; i < d->qap->n; i++)
        for (int32_t j = i + 1; j < d->qap->n; j++)
            set_second(d, i, j);
done:
    return st;
}

weld_status weld_qap_swaps(int32_t *perm, const weld_qap *qap, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = qap->symmetry->ctx;
    descent d = {.qap = qap, .perm = perm};
    double value, scale;
    int32_t i = 0, j = 0;
    weld_qap_value(&value, &scale, qap, perm);
    WELD_TRY(start(&d, err));
    for (int64_t k = 0; k < (int64_t)EXCHANGES_PER_UNIT * qap->n; k++) {
        if (!(steepest(&d, &i, &j) < -gain_min * scale))
            break;
        exchange(&d, i, j);
    }
done:
    weld_free(ctx, d.gradient);
    weld_free(ctx, d.second);
    weld_free(ctx, d.left);
    weld_free(ctx, d.right);
    weld_free(ctx, d.block_end);
    return st;
}
