#include "match/quadratic.h"
#include "match/assign.h"
#include <string.h>

enum { UNITS_MAX = 1024 }; /* of a class that is worth more than one assignment */

/* Two axes of a tensor that the class's units stand on, by these members. */
typedef struct meeting {
    const weld_score_tensor *tensor;
    const weld_member *row, *column;
} meeting;

static int axes_of(const weld_score_tensor *t, int unit_class)
{
    unsigned seen = 0;
    int count = 0;
    for (int k = 0; k < t->axis_count; k++) {
        const unsigned bit = 1u << t->axes[k].axis;
        if (t->axes[k].unit_class == unit_class && !(seen & bit)) {
            seen |= bit;
            count++;
        }
    }
    return count;
}

bool weld_class_is_quadratic(const weld_scores *scores, int unit_class)
{
    int most = 0;
    bool joint = false;
    for (int k = 0; k < scores->count; k++) {
        const int count = axes_of(&scores->tensors[k], unit_class);
        most = count > most ? count : most;
        joint = joint || (count > 1 && scores->tensors[k].has_joint);
    }
    return most == 2 && !joint;
}

/* index[axis][k] = the position of B that comes to k; of the axes that do not meet. */
static weld_status list_indices(int32_t **index, const meeting *m, const weld_element *e,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    for (int axis = 0; axis < m->tensor->shape.rank; axis++) {
        if (axis == m->row->axis || axis == m->column->axis)
            continue;
        WELD_NEW(index[axis], e->ctx, m->tensor->shape.dims[axis]);
        weld_element_axis_index(index[axis], e, m->tensor->param, axis);
    }
done:
    return st;
}

/* The offset of the `at`-th slice over the other axes, those permuted by index where it is given. */
static int64_t slice_offset(const meeting *m, const int64_t *strides, int32_t *const *index,
                            int64_t at)
{
    int64_t offset = 0;
    for (int axis = m->tensor->shape.rank - 1; axis >= 0; axis--) {
        if (axis == m->row->axis || axis == m->column->axis)
            continue;
        const int64_t k = at % m->tensor->shape.dims[axis];
        at /= m->tensor->shape.dims[axis];
        offset += strides[axis] * (index ? index[axis][k] : k);
    }
    return offset;
}

/* out[i, j] = the entry at place i of the rows and j of the columns. */
static void take(double *out, const float *data, const meeting *m, const int64_t *strides,
                 int32_t n, int32_t row, int32_t column, bool transposed)
{
    for (int32_t i = 0; i < n; i++)
        for (int32_t j = 0; j < n; j++) {
            const int64_t r = m->row->positions[i * m->row->multiplicity + row];
            const int64_t c = m->column->positions[j * m->column->multiplicity + column];
            out[transposed ? j * n + i : i * n + j] =
                data[r * strides[m->row->axis] + c * strides[m->column->axis]];
        }
}

/* One term for each slice over the other axes and each place of the units on the two. */
static weld_status add_meeting(weld_qap *qap, const meeting *m, const weld_element *e,
                               double weight, weld_error *err)
{
    weld_status st = WELD_OK;
    int32_t *index[WELD_RANK_MAX] = {NULL};
    int64_t strides[WELD_RANK_MAX];
    const weld_shape *shape = &m->tensor->shape;
    const int64_t slices = weld_shape_numel(shape) / shape->dims[m->row->axis] /
                           shape->dims[m->column->axis];
    const weld_qap_term like = {.taps = 1, .weight = -weight};
    weld_qap_term *t;
    weld_strides(strides, shape);
    WELD_TRY(list_indices(index, m, e, err));
    for (int64_t at = 0; at < slices; at++)
        for (int32_t r = 0; r < m->row->multiplicity; r++)
            for (int32_t c = 0; c < m->column->multiplicity; c++) {
                const float *a = m->tensor->a + slice_offset(m, strides, NULL, at);
                const float *b = m->tensor->b + slice_offset(m, strides, index, at);
                WELD_TRY(weld_qap_add(&t, qap, &like, err));
                take(t->x, a, m, strides, qap->n, r, c, true);
                take(t->y, b, m, strides, qap->n, r, c, false);
            }
done:
    for (int axis = 0; axis < WELD_RANK_MAX; axis++)
        weld_free(e->ctx, index[axis]);
    return st;
}

static weld_status add_meetings(weld_qap *qap, const weld_score_tensor *t, const weld_element *e,
                                double weight, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int i = 0; i < t->axis_count; i++)
        for (int j = 0; j < t->axis_count; j++) {
            const weld_score_axis *row = &t->axes[i], *column = &t->axes[j];
            const meeting m = {t, row->member, column->member};
            if (row->unit_class == qap->unit_class && column->unit_class == qap->unit_class &&
                row->member->axis < column->member->axis)
                WELD_TRY(add_meeting(qap, &m, e, weight, err));
        }
done:
    return st;
}

/* The weight score at the current P is the gradient of f there: L and what the terms make of P. */
weld_status weld_quadratic_add(weld_qap *qap, const weld_scores *scores, const weld_element *e,
                               double weight, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = e->ctx;
    const size_t n = (size_t)qap->n, cells = n * n;
    const int first = qap->term_count;
    double *score = NULL, *gradient = NULL, *q = NULL, scale;
    WELD_NEW(score, ctx, cells);
    WELD_NEW(gradient, ctx, cells);
    WELD_NEW(q, ctx, cells);
    WELD_TRY(weld_scores_class(score, &scale, scores, e, qap->unit_class, NULL, err));
    for (int k = 0; k < scores->count; k++)
        if (axes_of(&scores->tensors[k], qap->unit_class) == 2 && !scores->tensors[k].has_joint) {
            WELD_TRY(weld_score_open(scores, k, err));
            st = add_meetings(qap, &scores->tensors[k], e, weight, err);
            weld_score_close(scores, k);
            WELD_TRY(st);
        }
    for (size_t i = 0; i < n; i++)
        q[i * n + (size_t)e->perms[qap->unit_class][i]] = 1;
    weld_qap fresh = *qap; /* the new terms alone */
    fresh.terms = qap->terms + first;
    fresh.term_count = qap->term_count - first;
    fresh.score = score;
    for (size_t k = 0; k < cells; k++)
        score[k] *= weight;
    WELD_TRY(weld_qap_gradient(gradient, &fresh, q, err)); /* -weight (L + terms) + weight terms' */
    for (size_t k = 0; k < cells; k++)
        qap->score[k] += 2 * score[k] + gradient[k];
done:
    weld_free(ctx, score);
    weld_free(ctx, gradient);
    weld_free(ctx, q);
    return st;
}

static weld_status assign_once(int32_t *perm, double *gain, const weld_scores *scores,
                               const weld_element *e, int unit_class, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t n = (size_t)e->symmetry->classes[unit_class].size;
    double *score = NULL, scale;
    WELD_NEW(score, e->ctx, n * n);
    WELD_TRY(weld_scores_class(score, &scale, scores, e, unit_class, NULL, err));
    WELD_TRY(weld_assign_class(perm, e->symmetry, unit_class, score, gain, err));
done:
    weld_free(e->ctx, score);
    return st;
}

weld_status weld_quadratic_assign(int32_t *perm, double *gain, const weld_scores *scores,
                                  const weld_element *e, int unit_class, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_qap *qap = NULL;
    if (e->symmetry->classes[unit_class].size > UNITS_MAX)
        return assign_once(perm, gain, scores, e, unit_class, err);
    WELD_TRY(weld_qap_create(&qap, e->symmetry, unit_class, err));
    WELD_TRY(weld_quadratic_add(qap, scores, e, 1.0, err));
    WELD_TRY(weld_qap_solve(perm, gain, qap, 2, err));
done:
    weld_qap_free(qap);
    return st;
}
