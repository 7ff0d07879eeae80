#include "ops/broadcast.h"
#include <string.h>

/* ---- the walk ------------------------------------------------------------------- */

/* Adjacent axes that all inputs walk alike are merged, so equal shapes become one axis,
 * [N, D] + [D] two, [N, C, H, W] + [C, 1, 1] three. The last axis has steps 0 or 1. */
typedef struct walk {
    int inputs, rank; /* rank >= 1 */
    int64_t dims[WELD_RANK_MAX + 1], index[WELD_RANK_MAX + 1];
    int64_t step[WELD_SPAN_INPUTS][WELD_RANK_MAX + 1], at[WELD_SPAN_INPUTS];
} walk;

static bool walks_alike(const walk *w, int64_t step[][WELD_RANK_MAX], int k, int64_t dim)
{
    for (int t = 0; t < w->inputs; t++)
        if (w->step[t][w->rank - 1] != step[t][k] * dim)
            return false;
    return true;
}

static void walk_init(walk *w, const weld_tensor *const in[], int inputs, const weld_shape *out)
{
    int64_t step[WELD_SPAN_INPUTS][WELD_RANK_MAX] = {{0}};
    for (int t = 0; t < inputs; t++) {
        const weld_shape *shape = &in[t]->shape;
        int64_t strides[WELD_RANK_MAX];
        weld_strides(strides, shape);
        const int shift = out->rank - shape->rank;
        for (int k = 0; k < shape->rank; k++)
            step[t][k + shift] = shape->dims[k] == 1 ? 0 : strides[k];
    }
    *w = (walk){.inputs = inputs};
    for (int k = 0; k < out->rank; k++) {
        const int64_t dim = out->dims[k];
        if (dim == 1)
            continue;
        const bool merge = w->rank > 0 && walks_alike(w, step, k, dim);
        const int at = merge ? w->rank - 1 : w->rank++;
        w->dims[at] = merge ? w->dims[at] * dim : dim;
        for (int t = 0; t < inputs; t++)
            w->step[t][at] = step[t][k];
    }
    if (w->rank == 0) { /* one element */
        w->rank = 1;
        w->dims[0] = 1;
    }
}

/* Moves the offsets to the next run of the last axis; false when all runs are done. */
static bool walk_next(walk *w)
{
    for (int k = w->rank - 2; k >= 0; k--) {
        for (int t = 0; t < w->inputs; t++)
            w->at[t] += w->step[t][k];
        if (++w->index[k] < w->dims[k])
            return true;
        for (int t = 0; t < w->inputs; t++)
            w->at[t] -= w->step[t][k] * w->dims[k];
        w->index[k] = 0;
    }
    return false;
}

weld_span_fn weld_span_for(const weld_span_set *set, weld_dtype dtype)
{
    if (weld_dtype_is_float(dtype))
        return set->float_;
    return dtype == WELD_UINT64 && set->unsigned_ ? set->unsigned_ : set->signed_;
}

void weld_broadcast_run(weld_span_fn fn, const weld_tensor *const in[], int count, weld_tensor *out)
{
    if (weld_shape_numel(&out->shape) == 0)
        return;
    walk w;
    walk_init(&w, in, count, &out->shape);
    weld_span span = {.count = w.dims[w.rank - 1], .out = out->data};
    size_t size[WELD_SPAN_INPUTS] = {0};
    for (int t = 0; t < count; t++) {
        span.step[t] = w.step[t][w.rank - 1];
        size[t] = weld_compute_size(in[t]->dtype);
    }
    const size_t advance = (size_t)span.count * weld_compute_size(out->dtype);
    do {
        for (int t = 0; t < count; t++)
            span.in[t] = (const char *)in[t]->data + (size_t)w.at[t] * size[t];
        fn(&span);
        span.out = (char *)span.out + advance;
    } while (walk_next(&w));
    weld_int_wrap_all(out);
}

/* ---- shapes and ties --------------------------------------------------------------- */

weld_status weld_broadcast_shape(weld_shape *shape, const weld_infer *inf, const weld_node *node,
                                 int from, unsigned types, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int i = from; i < node->input_count; i++) {
        WELD_TRY(weld_operand_type(inf, i, types, err));
        WELD_TRY(weld_operand_agree(inf, from, i, err));
    }
    for (int i = 0; i < node->input_count; i++) {
        const weld_shape before = i == 0 ? (weld_shape){0} : *shape;
        WELD_TRY(weld_shape_broadcast(shape, &before, weld_infer_shape(inf, i), err));
    }
done:
    return st;
}

weld_status weld_binary_infer(weld_infer *inf, const weld_node *node, unsigned types,
                              weld_dtype result, weld_error *err)
{
    weld_shape shape;
    const weld_status st = weld_broadcast_shape(&shape, inf, node, 0, types, err);
    if (st != WELD_OK)
        return st;
    const weld_dtype dtype = result == WELD_UNDEFINED ? weld_infer_dtype(inf, 0) : result;
    return weld_infer_set(inf, 0, dtype, &shape, err);
}

static bool differs_along(const weld_tensor *x, int axis)
{
    const size_t size = weld_compute_size(x->dtype);
    const weld_lines lines = weld_lines_of(&x->shape, axis, axis + 1);
    const size_t row = (size_t)lines.step * size; /* bytes of one slice */
    for (int64_t o = 0; o < lines.outer; o++) {
        const char *first = (const char *)x->data + (size_t)(o * lines.count) * row;
        for (int64_t k = 1; k < lines.count; k++)
            if (memcmp(first, first + (size_t)k * row, row) != 0)
                return true;
    }
    return false;
}

weld_status weld_broadcast_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    const int out = node->outputs[0], rank = weld_tie_shape(ties, out)->rank;
    for (int i = 0; i < node->input_count; i++) {
        const weld_tensor *known = weld_tie_data(ties, node->inputs[i]);
        for (int a = 0; known && a < known->shape.rank; a++)
            if (differs_along(known, a))
                weld_tie_pin(ties, index, out, a + rank - known->shape.rank, "meets a constant");
    }
    return weld_tie_elementwise(ties, index, node, err);
}

bool weld_op_is_elementwise(const weld_op *op)
{
    return op->tie == weld_tie_elementwise || op->tie == weld_broadcast_tie;
}
