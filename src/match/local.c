/* What the objective of commutativity makes of one class, all others in their place. Where it writes
 * a layer, that is linear; where it reads one, W and H both move, and it is quadratic:
 *
 *   |(W_A - W_B Q')(H_A - Q H_B)|^2 = tr(Q'MQN) + tr(Q'RQT) + 2 tr(Q'UQ'V) - <Q, L> + const
 *
 * M = W_A'W_A, N = K_BB, R = K_AA, T = W_B'W_B, U = W_A'W_B, V = K_AB, L = 2 (M V + U N + R U + V T),
 * K the second moments of the input, and Q acts on all columns of a unit alike. */
#include "match/depthwise.h"
#include "match/objective.h"
#include "match/quadratic.h"
#include "tensor/blas.h"
#include <string.h>

/* ---- layers that the class writes ----------------------------------------------------------- */

static void take_rows(double *out, const double *x, const weld_stand *m, int32_t n, int32_t at,
                      int64_t k)
{
    for (int32_t i = 0; i < n; i++)
        memcpy(out + i * k, x + m->positions[i * m->multiplicity + at] * k,
               (size_t)k * sizeof *out);
}

/* score += 2 v W_A G W_B' over the rows of the class, G the second moments of H_A - Q H_B. */
static weld_status add_rows(weld_qap *qap, const weld_objective_layer *layer,
                            const weld_layer_view *v, const weld_stand *m, const double *wg,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t n = qap->n, k = v->k;
    const weld_gemm_shape shape = {
        .trans_b = true, .m = n, .n = n, .k = k, .lda = k, .ldb = k, .ldc = n};
    double *a = NULL, *b = NULL;
    WELD_NEW(a, v->ctx, n * k);
    WELD_NEW(b, v->ctx, n * k);
    for (int32_t at = 0; at < m->multiplicity; at++) {
        take_rows(a, wg, m, qap->n, at, k);
        take_rows(b, v->wb, m, qap->n, at, k);
        weld_dgemm(&shape, 2 * layer->weight_of, a, b, 1.0, qap->score);
    }
done:
    weld_free(v->ctx, a);
    weld_free(v->ctx, b);
    return st;
}

static weld_status add_written(weld_qap *qap, const weld_objective_layer *layer,
                               const weld_element *e, const weld_stand *m, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_layer_view v;
    double *g = NULL, *wg = NULL;
    WELD_TRY(weld_layer_view_init(&v, layer, e, false, true, err));
    const int64_t k = v.k;
    WELD_NEW(g, v.ctx, k * k);
    WELD_NEW(wg, v.ctx, v.outputs * k);
    for (int64_t i = 0; i < k; i++)
        for (int64_t j = 0; j < k; j++)
            g[i * k + j] = v.aa[i * k + j] - v.ab[i * k + j] - v.ab[j * k + i] + v.bb[i * k + j];
    const weld_gemm_shape shape = {.m = v.outputs, .n = k, .k = k, .lda = k, .ldb = k, .ldc = k};
    weld_dgemm(&shape, 1.0, v.wa, g, 0.0, wg);
    WELD_TRY(add_rows(qap, layer, &v, m, wg, err));
done:
    weld_free(e->ctx, g);
    weld_free(e->ctx, wg);
    weld_layer_view_free(&v);
    return st;
}

/* ---- layers that it reads ------------------------------------------------------------------- */

/* The columns of the class first, tap-major, then the others. */
typedef struct arrangement {
    int32_t *order; /* [k] */
    int32_t *rest;  /* [k - own] the place in `order` of B's column that comes to own + i */
    int32_t taps;   /* columns of a unit */
    int64_t own, k;
} arrangement;

static void list_own(arrangement *r, const weld_objective_layer *layer, int unit_class,
                     int32_t size, bool *taken)
{
    const weld_stands *channels = &layer->in->layer->channels;
    const int64_t taps = layer->in->layer->matrix.taps;
    for (int k = 0; k < channels->count; k++) {
        const weld_stand *m = &channels->at[k];
        if (m->unit_class != unit_class)
            continue;
        for (int64_t at = 0; at < m->multiplicity * taps; at++) {
            for (int32_t i = 0; i < size; i++) {
                const int64_t entry = m->positions[i * m->multiplicity + at / taps];
                const int32_t column = layer->in->part_of[entry * taps + at % taps];
                if (column < 0)
                    break; /* of another part, as for all units */
                r->order[r->own++] = column;
                taken[column] = true;
            }
        }
    }
    r->taps = size > 0 ? (int32_t)(r->own / size) : 0;
}

static weld_status arrange(arrangement *r, const weld_objective_layer *layer, const weld_element *e,
                           int unit_class, weld_error *err)
{
    weld_status st = WELD_OK;
    int32_t *place = NULL, *inverse = NULL;
    bool *taken = NULL;
    const int64_t k = layer->in->columns;
    *r = (arrangement){.k = k};
    WELD_NEW(r->order, e->ctx, k);
    WELD_NEW(r->rest, e->ctx, k);
    WELD_NEW(place, e->ctx, k);
    WELD_NEW(inverse, e->ctx, k);
    WELD_NEW(taken, e->ctx, k);
    list_own(r, layer, unit_class, e->symmetry->classes[unit_class].size, taken);
    int64_t at = r->own;
    for (int32_t c = 0; c < k; c++)
        if (!taken[c])
            r->order[at++] = c;
    for (int32_t c = 0; c < k; c++)
        inverse[r->order[c]] = c;
    WELD_TRY(weld_layer_places(place, layer, e, err));
    for (int64_t c = r->own; c < k; c++)
        r->rest[c - r->own] = inverse[place[r->order[c]]];
done:
    weld_free(e->ctx, place);
    weld_free(e->ctx, inverse);
    weld_free(e->ctx, taken);
    return st;
}

/* All that is needed of the layer, in that arrangement. */
typedef struct squares {
    weld_context *ctx;
    double *m, *n, *r, *t, *u, *v; /* [k, k] */
} squares;

static void squares_free(squares *q)
{
    double *all[] = {q->m, q->n, q->r, q->t, q->u, q->v};
    for (int k = 0; k < 6; k++)
        weld_free(q->ctx, all[k]);
}

static weld_status arranged(double **out, weld_context *ctx, const double *x, int64_t rows,
                            const arrangement *r, bool gram, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_NEW(*out, ctx, rows * r->k);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < r->k; j++)
            (*out)[i * r->k + j] = x[(gram ? r->order[i] : i) * r->k + r->order[j]];
done:
    return st;
}

static weld_status square(double **out, weld_context *ctx, const double *a, const double *b,
                          int64_t rows, int64_t k, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_gemm_shape shape = {
        .trans_a = true, .m = k, .n = k, .k = rows, .lda = k, .ldb = k, .ldc = k};
    WELD_NEW(*out, ctx, k * k);
    weld_dgemm(&shape, 1.0, a, b, 0.0, *out);
done:
    return st;
}

static weld_status make_squares(squares *q, const weld_objective_layer *layer,
                                const weld_element *e, const arrangement *r, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_layer_view view;
    double *a = NULL, *b = NULL;
    *q = (squares){.ctx = e->ctx};
    WELD_TRY(weld_layer_view_init(&view, layer, e, true, false, err));
    WELD_TRY(arranged(&q->r, q->ctx, view.aa, r->k, r, true, err));
    WELD_TRY(arranged(&q->n, q->ctx, view.bb, r->k, r, true, err));
    WELD_TRY(arranged(&q->v, q->ctx, view.ab, r->k, r, true, err));
    WELD_TRY(arranged(&a, q->ctx, view.wa, view.outputs, r, false, err));
    WELD_TRY(arranged(&b, q->ctx, view.wb, view.outputs, r, false, err));
    WELD_TRY(square(&q->m, q->ctx, a, a, view.outputs, r->k, err));
    WELD_TRY(square(&q->t, q->ctx, b, b, view.outputs, r->k, err));
    WELD_TRY(square(&q->u, q->ctx, a, b, view.outputs, r->k, err));
done:
    weld_free(e->ctx, a);
    weld_free(e->ctx, b);
    weld_layer_view_free(&view);
    return st;
}

/* score += weight * sum of the diagonal taps of x y; x [own, inner], y [inner, own] by row strides. */
static void add_taps(weld_qap *qap, double weight, const double *x, int64_t ldx, const double *y,
                     int64_t ldy, int64_t inner, int32_t taps)
{
    const int64_t n = qap->n;
    const weld_gemm_shape shape = {.m = n, .n = n, .k = inner, .lda = ldx, .ldb = ldy, .ldc = n};
    for (int32_t a = 0; a < taps && inner > 0; a++)
        weld_dgemm(&shape, weight, x + a * n * ldx, y + a * n, 1.0, qap->score);
}

/* What the class's columns have in common with the others: score -= 2 v x X y, X the permutation of
 * the others, or its transpose. */
static weld_status add_rest(weld_qap *qap, double weight, const double *x, const double *y,
                            const arrangement *r, bool transposed, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = qap->symmetry->ctx;
    const int64_t count = r->k - r->own;
    double *left = NULL, *right = NULL;
    WELD_NEW(left, ctx, r->own * count);
    WELD_NEW(right, ctx, r->own * count);
    for (int64_t c = 0; c < count; c++) {
        const int64_t from = transposed ? r->rest[c] : r->own + c;
        const int64_t to = transposed ? r->own + c : r->rest[c];
        for (int64_t i = 0; i < r->own; i++)
            left[i * count + c] = x[i * r->k + from];
        memcpy(right + c * r->own, y + to * r->k, (size_t)r->own * sizeof *right);
    }
    add_taps(qap, -weight, left, count, right, r->own, count, r->taps);
done:
    weld_free(ctx, left);
    weld_free(ctx, right);
    return st;
}

static weld_status add_term(weld_qap *qap, double weight, const double *x, const double *y,
                            const arrangement *r, bool crossed, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_qap_term like = {
        .crossed = crossed, .symmetric = !crossed, .taps = r->taps, .weight = weight};
    weld_qap_term *t;
    WELD_TRY(weld_qap_add(&t, qap, &like, err));
    for (int64_t i = 0; i < r->own; i++) {
        memcpy(t->x + i * r->own, x + i * r->k, (size_t)r->own * sizeof *x);
        memcpy(t->y + i * r->own, y + i * r->k, (size_t)r->own * sizeof *y);
    }
done:
    return st;
}

static weld_status add_read(weld_qap *qap, const weld_objective_layer *layer, const weld_element *e,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    arrangement r = {0};
    squares q = {.ctx = e->ctx};
    const double v = layer->weight_of;
    WELD_TRY(arrange(&r, layer, e, qap->unit_class, err));
    if (r.taps == 0)
        goto done;
    WELD_TRY(make_squares(&q, layer, e, &r, err));
    add_taps(qap, 2 * v, q.m, r.k, q.v, r.k, r.k, r.taps);
    add_taps(qap, 2 * v, q.u, r.k, q.n, r.k, r.k, r.taps);
    add_taps(qap, 2 * v, q.r, r.k, q.u, r.k, r.k, r.taps);
    add_taps(qap, 2 * v, q.v, r.k, q.t, r.k, r.k, r.taps);
    WELD_TRY(add_rest(qap, 2 * v, q.m, q.n, &r, false, err));
    WELD_TRY(add_rest(qap, 2 * v, q.r, q.t, &r, false, err));
    WELD_TRY(add_rest(qap, 2 * v, q.u, q.v, &r, true, err));
    WELD_TRY(add_rest(qap, 2 * v, q.v, q.u, &r, true, err));
    WELD_TRY(add_term(qap, v, q.m, q.n, &r, false, err));
    WELD_TRY(add_term(qap, v, q.r, q.t, &r, false, err));
    WELD_TRY(add_term(qap, 2 * v, q.u, q.v, &r, true, err));
done:
    squares_free(&q);
    weld_free(e->ctx, r.order);
    weld_free(e->ctx, r.rest);
    return st;
}

/* ---- all of it ------------------------------------------------------------------------------ */

static weld_status add_layer(weld_qap *qap, const weld_objective_layer *layer,
                             const weld_element *e, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_linear_layer *of = layer->in->layer;
    if (of->depthwise)
        return weld_depthwise_score(qap, layer, err);
    for (int k = 0; k < of->rows.count; k++)
        if (of->rows.at[k].unit_class == qap->unit_class)
            WELD_TRY(add_written(qap, layer, e, &of->rows.at[k], err));
    if (weld_stands_have(&of->channels, qap->unit_class))
        WELD_TRY(add_read(qap, layer, e, err));
done:
    return st;
}

weld_status weld_objective_local(weld_qap **out, const weld_objective *o, const weld_element *e,
                                 int unit_class, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_qap *qap = NULL;
    double *features = NULL;
    *out = NULL;
    WELD_TRY(weld_qap_create(&qap, o->symmetry, unit_class, err));
    const size_t cells = (size_t)qap->n * (size_t)qap->n;
    if (o->weights > 0)
        WELD_TRY(weld_quadratic_add(qap, o->normalised, e, 2 * o->weights, err));
    WELD_NEW(features, o->ctx, cells);
    weld_moments_second(features, o->moments, unit_class);
    for (size_t k = 0; k < cells; k++)
        qap->score[k] += 2 * o->features * o->feature_weight[unit_class] * features[k];
    if (o->additivity > 0)
        weld_moments_additivity(qap->score, o->moments, unit_class, o->additivity);
    for (int k = 0; k < o->layer_count; k++)
        WELD_TRY(add_layer(qap, &o->layers[k], e, err));
    *out = qap;
    qap = NULL;
done:
    weld_qap_free(qap);
    weld_free(o->ctx, features);
    return st;
}
