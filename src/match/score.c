#include "match/score.h"
#include "match/dot.h"
#include "core/parallel.h"
#include "tensor/blas.h"
#include <string.h>

bool weld_score_has_class(const weld_score_tensor *t, int unit_class)
{
    for (int k = 0; k < t->axis_count; k++)
        if (t->axes[k].unit_class == unit_class)
            return true;
    return false;
}

/* ---- B permuted -------------------------------------------------------------------------- */

/* index[k] = the position of B that comes to k; false if nothing moves. */
static bool axis_index(int32_t *index, const weld_score_tensor *t, int axis, const weld_element *e)
{
    bool moves = false;
    for (int32_t k = 0; k < t->shape.dims[axis]; k++)
        index[k] = k;
    for (int a = 0; a < t->axis_count; a++) {
        const weld_member *m = t->axes[a].member;
        const int c = t->axes[a].unit_class;
        for (int32_t i = 0; m && m->axis == axis && i < e->symmetry->classes[c].size; i++)
            for (int32_t k = 0; k < m->multiplicity; k++)
                index[m->positions[i * m->multiplicity + k]] =
                    m->positions[e->perms[c][i] * m->multiplicity + k];
    }
    for (int32_t k = 0; k < t->shape.dims[axis] && !moves; k++)
        moves = index[k] != k;
    return moves;
}

typedef struct permuted {
    const float *data; /* B itself where nothing moves */
    float *owned[2];
} permuted;

static void permuted_free(weld_context *ctx, permuted *p)
{
    weld_free(ctx, p->owned[0]);
    weld_free(ctx, p->owned[1]);
}

/* B with every axis but `skip` permuted; with all, where units stand on several axes at once. */
static weld_status permute_but(permuted *out, const weld_score_tensor *t, const weld_element *e,
                               int skip, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = e->ctx;
    int32_t *index = NULL;
    int turn = 0;
    *out = (permuted){t->b, {NULL, NULL}};
    if (t->has_joint) { /* what stands on several axes moves as a whole */
        WELD_NEW(out->owned[0], ctx, weld_shape_numel(&t->shape));
        WELD_TRY(weld_element_permute(out->owned[0], e, t->param, t->b, sizeof(float), err));
        out->data = out->owned[0];
        goto done;
    }
    for (int axis = 0; axis < t->shape.rank; axis++) {
        if (axis == skip)
            continue;
        weld_free(ctx, index);
        index = NULL;
        WELD_NEW(index, ctx, t->shape.dims[axis]);
        if (!axis_index(index, t, axis, e))
            continue;
        if (!out->owned[turn])
            WELD_NEW(out->owned[turn], ctx, weld_shape_numel(&t->shape));
        weld_gather_axis(out->owned[turn], out->data, &t->shape, axis, index, t->shape.dims[axis],
                         sizeof(float));
        out->data = out->owned[turn];
        turn = 1 - turn;
    }
done:
    weld_free(ctx, index);
    return st;
}

/* <A, permuted B> of one tensor whose units stand on single axes: row by row of the axes after which
 * nothing moves any more. */
static weld_status inner(double *out, const weld_score_tensor *t, const weld_element *e,
                         weld_error *err)
{
    weld_status st = WELD_OK;
    const int rank = t->shape.rank;
    int32_t *index[WELD_RANK_MAX] = {NULL};
    int64_t strides[WELD_RANK_MAX], at[WELD_RANK_MAX] = {0};
    int moving = 0; /* axes up to the last one that moves */
    weld_strides(strides, &t->shape);
    for (int axis = 0; axis < rank; axis++) {
        WELD_NEW(index[axis], e->ctx, t->shape.dims[axis]);
        moving = axis_index(index[axis], t, axis, e) ? axis + 1 : moving;
    }
    const int64_t rows = weld_shape_span(&t->shape, 0, moving);
    const int64_t run = weld_shape_span(&t->shape, moving, rank);
    for (int64_t r = 0; r < rows; r++) {
        int64_t from = 0;
        for (int axis = 0; axis < moving; axis++)
            from += index[axis][at[axis]] * strides[axis];
        *out += run == 1 ? (double)t->a[r] * (double)t->b[from]
                         : weld_dot(t->a + r * run, t->b + from, run);
        for (int axis = moving - 1; axis >= 0 && ++at[axis] == t->shape.dims[axis]; axis--)
            at[axis] = 0;
    }
done:
    for (int axis = 0; axis < rank; axis++)
        weld_free(e->ctx, index[axis]);
    return st;
}

weld_status weld_score_inner(double *out, const weld_score_tensor *t, const weld_element *e,
                             weld_error *err)
{
    permuted b;
    *out = 0;
    if (!t->has_joint)
        return inner(out, t, e, err);
    const weld_status st = permute_but(&b, t, e, -1, err);
    if (st == WELD_OK)
        *out = weld_dot(t->a, b.data, weld_shape_numel(&t->shape));
    permuted_free(e->ctx, &b);
    return st;
}

typedef struct summands {
    const weld_scores *scores;
    int unit_class;
    weld_score_fn *fn;
    void *user;
    double *of; /* [scores->count] */
} summands;

static bool is_summed(const summands *s, int tensor)
{
    return s->unit_class < 0 || weld_score_has_class(&s->scores->tensors[tensor], s->unit_class);
}

static weld_status sum_held(void *user, int64_t item, int slot, weld_error *err)
{
    const summands *s = user;
    (void)slot;
    return s->scores->tensors[item].a && is_summed(s, (int)item)
               ? s->fn(&s->of[item], s->user, (int)item, err)
               : WELD_OK;
}

weld_status weld_scores_sum(double *out, const weld_scores *scores, int unit_class,
                            weld_score_fn *fn, void *user, weld_error *err)
{
    weld_status st = WELD_OK;
    summands s = {scores, unit_class, fn, user, NULL};
    *out = 0;
    WELD_NEW(s.of, scores->ctx, scores->count);
    WELD_TRY(weld_parallel_for(scores->ctx, scores->count, sum_held, &s, err));
    for (int k = 0; k < scores->count; k++) {
        if (!scores->tensors[k].a && is_summed(&s, k)) {
            WELD_TRY(weld_score_open(scores, k, err));
            st = fn(&s.of[k], user, k, err);
            weld_score_close(scores, k);
            WELD_TRY(st);
        }
        *out += s.of[k];
    }
done:
    weld_free(scores->ctx, s.of);
    return st;
}

typedef struct product {
    const weld_scores *scores;
    const weld_element *element;
} product;

static weld_status inner_of(double *out, void *user, int tensor, weld_error *err)
{
    const product *p = user;
    return weld_score_inner(out, &p->scores->tensors[tensor], p->element, err);
}

weld_status weld_scores_objective(double *out, const weld_scores *scores, const weld_element *e,
                                  int unit_class, weld_error *err)
{
    product p = {scores, e};
    return weld_scores_sum(out, scores, unit_class, inner_of, &p, err);
}

/* ---- the score of a class ---------------------------------------------------------------- */

typedef struct rows {
    const double *a, *b; /* [n, k] one row per unit: its slices, end to end */
    double *score;       /* [n, n] */
    int64_t n, k;
} rows;

enum { BLOCK = 64 }; /* rows of one item: the same for any number of threads */

static weld_status multiply_block(void *user, int64_t item, int slot, weld_error *err)
{
    (void)slot, (void)err;
    const rows *r = user;
    const int64_t first = item * BLOCK, left = r->n - first;
    const weld_gemm_shape shape = {.trans_b = true,
                                   .m = left < BLOCK ? left : BLOCK,
                                   .n = r->n,
                                   .k = r->k,
                                   .lda = r->k,
                                   .ldb = r->k,
                                   .ldc = r->n};
    weld_dgemm(&shape, 1.0, r->a + first * r->k, r->b, 1.0, r->score + first * r->n);
    return WELD_OK;
}

/* Where a class stands on a tensor, and how much there is for each of its places. */
typedef struct slices {
    const weld_shape *shape;
    const int32_t *positions; /* [size, multiplicity] */
    int32_t multiplicity;
    int axes[WELD_RANK_MAX], axis_count; /* ascending; positions are row-major over them */
    int64_t per_place;
} slices;

static slices slices_of(const weld_score_tensor *t, const weld_score_axis *axis)
{
    const weld_joint_member *j = axis->joint;
    slices s = {.shape = &t->shape,
                .positions = j ? j->positions : axis->member->positions,
                .multiplicity = j ? j->multiplicity : axis->member->multiplicity,
                .axes = {axis->axis},
                .axis_count = j ? j->axis_count : 1,
                .per_place = weld_shape_numel(&t->shape)};
    if (j)
        memcpy(s.axes, j->axes, sizeof s.axes);
    for (int k = 0; k < s.axis_count; k++)
        s.per_place /= t->shape.dims[s.axes[k]];
    return s;
}

/* One slice per place, end to end: [size, multiplicity, per_place]. */
static void take_rows(double *out, const float *data, const slices *s, int32_t size)
{
    int64_t strides[WELD_RANK_MAX], rest[WELD_RANK_MAX], at[WELD_RANK_MAX];
    int rest_count = 0;
    weld_strides(strides, s->shape);
    for (int a = 0, k = 0; a < s->shape->rank; a++) {
        if (k < s->axis_count && s->axes[k] == a)
            k++;
        else
            rest[rest_count++] = a;
    }
    for (int32_t p = 0; p < size * s->multiplicity; p++) {
        int64_t place = s->positions[p], from = 0;
        for (int k = s->axis_count - 1; k >= 0; k--) {
            from += place % s->shape->dims[s->axes[k]] * strides[s->axes[k]];
            place /= s->shape->dims[s->axes[k]];
        }
        memset(at, 0, sizeof at);
        for (int64_t n = 0; n < s->per_place; n++) {
            *out++ = data[from];
            for (int k = rest_count - 1; k >= 0; k--) {
                from += strides[rest[k]];
                if (++at[k] < s->shape->dims[rest[k]])
                    break;
                from -= at[k] * strides[rest[k]];
                at[k] = 0;
            }
        }
    }
}

int64_t weld_score_row(const weld_score_tensor *t, const weld_score_axis *axis)
{
    const slices s = slices_of(t, axis);
    return s.per_place * s.multiplicity;
}

weld_status weld_score_rows(double **out, int64_t *row, weld_context *ctx, const float *data,
                            const weld_score_tensor *t, const weld_score_axis *axis, int32_t size,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    const slices s = slices_of(t, axis);
    *row = s.per_place * s.multiplicity;
    WELD_NEW(*out, ctx, *row * size);
    take_rows(*out, data, &s, size);
done:
    return st;
}

weld_status weld_score_norms(double *norm, weld_context *ctx, const float *data,
                             const weld_score_tensor *t, const weld_score_axis *axis, int32_t size,
                             weld_error *err)
{
    double *taken = NULL;
    int64_t row;
    const weld_status st = weld_score_rows(&taken, &row, ctx, data, t, axis, size, err);
    for (int64_t k = 0; st == WELD_OK && k < row * size; k++)
        norm[k / row] += taken[k] * taken[k];
    weld_free(ctx, taken);
    return st;
}

/* B permuted as a whole has unit perm[j] of B where A has j. */
static void add_in_frame(double *score, const double *gram, const int32_t *perm, int32_t size)
{
    for (int32_t i = 0; i < size; i++)
        for (int32_t j = 0; j < size; j++)
            score[(size_t)i * (size_t)size + (size_t)perm[j]] +=
                gram[(size_t)i * (size_t)size + (size_t)j];
}

static weld_status add_gram(double *score, const weld_score_tensor *t, const weld_score_axis *axis,
                            const weld_element *e, int32_t size, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = e->ctx;
    double *a = NULL, *b = NULL, *gram = NULL;
    const slices s = slices_of(t, axis);
    const int64_t k = s.per_place * s.multiplicity;
    permuted moved;
    WELD_TRY(permute_but(&moved, t, e, axis->axis, err));
    WELD_NEW(a, ctx, k * size);
    WELD_NEW(b, ctx, k * size);
    if (t->has_joint)
        WELD_NEW(gram, ctx, (size_t)size * (size_t)size);
    take_rows(a, t->a, &s, size);
    take_rows(b, moved.data, &s, size);
    rows r = {a, b, gram ? gram : score, size, k};
    if (k > 0)
        WELD_TRY(weld_parallel_for(ctx, (size + BLOCK - 1) / BLOCK, multiply_block, &r, err));
    if (gram)
        add_in_frame(score, gram, e->perms[axis->unit_class], size);
done:
    permuted_free(ctx, &moved);
    weld_free(ctx, a);
    weld_free(ctx, b);
    weld_free(ctx, gram);
    return st;
}

/* All units on other axes are settled. */
static bool is_anchored(const weld_score_tensor *t, const weld_score_axis *axis,
                        const bool *settled)
{
    for (int k = 0; settled && k < t->axis_count; k++)
        if (t->axes[k].axis != axis->axis && !settled[t->axes[k].unit_class])
            return false;
    return true;
}

weld_status weld_scores_class(double *score, double *scale, const weld_scores *scores,
                              const weld_element *e, int unit_class, const bool *settled,
                              weld_error *err)
{
    const int32_t size = scores->symmetry->classes[unit_class].size;
    memset(score, 0, (size_t)size * (size_t)size * sizeof *score);
    *scale = 0;
    for (int k = 0; k < scores->count; k++) {
        const weld_score_tensor *t = &scores->tensors[k];
        for (int a = 0; a < t->axis_count; a++) {
            const weld_score_axis *axis = &t->axes[a];
            if (axis->unit_class != unit_class || !is_anchored(t, axis, settled))
                continue;
            weld_status st = weld_score_open(scores, k, err);
            if (st != WELD_OK)
                return st;
            st = add_gram(score, t, axis, e, size, err);
            weld_score_close(scores, k);
            if (st != WELD_OK)
                return st;
            *scale += t->scale;
        }
    }
    return WELD_OK;
}
