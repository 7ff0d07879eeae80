#include "ops/broadcast.h"
#include <inttypes.h>
#include <stddef.h>
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

/* Axis a of input i is axis a + shift of the output. */
static void tie_operand(weld_ties *ties, const weld_node *node, int i, int shift)
{
    const int x = node->inputs[i], out = node->outputs[0];
    for (int a = 0; a < weld_tie_shape(ties, x)->rank; a++)
        weld_tie_axes(ties, x, a, out, a + shift);
}

weld_status weld_broadcast_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index, (void)err;
    const int rank = weld_tie_shape(ties, node->outputs[0])->rank;
    for (int i = 0; i < node->input_count; i++)
        tie_operand(ties, node, i, rank - weld_tie_shape(ties, node->inputs[i])->rank);
    return WELD_OK;
}

/* ---- two inputs ---------------------------------------------------------------------- */

enum { OPSET_NUMPY = 7 }; /* from here on numpy's rule */

const weld_field weld_pair_fields[] = {
    {"broadcast", WELD_FIELD_INT, offsetof(weld_pair_attrs, broadcast), 0.0, NULL, false},
    {"axis", WELD_FIELD_INT, offsetof(weld_pair_attrs, axis), (double)INT64_MIN, NULL, false},
    {"consumed_inputs", WELD_FIELD_IGNORED, 0, 0.0, NULL, false},
    {0}};

weld_status weld_pair_check(const weld_node *node, weld_error *err)
{
    const weld_pair_attrs *attrs = node->attrs;
    if (node->opset >= OPSET_NUMPY && (attrs->broadcast != 0 || attrs->axis != INT64_MIN))
        return weld_fail(err, WELD_E_FORMAT,
                         "broadcast and axis are defined before opset %d, opset is %d", OPSET_NUMPY,
                         node->opset);
    return WELD_OK;
}

/* *at = the axis of x that axis 0 of y is; y has one element where that matters not. */
static weld_status first_axis(int *at, const weld_node *node, const weld_shape *x,
                              const weld_shape *y, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_pair_attrs *attrs = node->attrs;
    char tx[128], ty[128];
    *at = x->rank - y->rank;
    if (node->opset >= OPSET_NUMPY || weld_shape_equal(x, y))
        return WELD_OK;
    WELD_REQUIRE(attrs->broadcast != 0, WELD_E_FORMAT, "inputs %s and %s differ, broadcast is 0",
                 weld_shape_text(x, tx), weld_shape_text(y, ty));
    WELD_REQUIRE(*at >= 0, WELD_E_FORMAT, "input %s can't broadcast to input %s",
                 weld_shape_text(y, ty), weld_shape_text(x, tx));
    if (attrs->axis == INT64_MIN || weld_shape_numel(y) == 1)
        return WELD_OK;
    WELD_REQUIRE(attrs->axis >= -x->rank && attrs->axis <= x->rank, WELD_E_FORMAT,
                 "axis is %" PRId64 " for inputs %s and %s", attrs->axis, weld_shape_text(x, tx),
                 weld_shape_text(y, ty));
    const int axis = (int)(attrs->axis < 0 ? attrs->axis + x->rank : attrs->axis);
    WELD_REQUIRE(axis + y->rank <= x->rank, WELD_E_FORMAT, "axis is %d for inputs %s and %s", axis,
                 weld_shape_text(x, tx), weld_shape_text(y, ty));
    *at = axis;
done:
    return st;
}

weld_status weld_pair_view(weld_shape *out, const weld_node *node, const weld_shape *x,
                           const weld_shape *y, weld_error *err)
{
    int at;
    const weld_status st = first_axis(&at, node, x, y, err);
    if (st != WELD_OK)
        return st;
    *out = *y;
    while (out->rank < x->rank - at)
        out->dims[out->rank++] = 1;
    return WELD_OK;
}

weld_status weld_pair_infer(weld_infer *inf, const weld_node *node, unsigned types,
                            weld_dtype result, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_shape second, shape;
    for (int i = 0; i < 2; i++)
        WELD_TRY(weld_operand_type(inf, i, types, err));
    WELD_TRY(weld_operand_agree(inf, 0, 1, err));
    const weld_shape *first = weld_infer_shape(inf, 0);
    WELD_TRY(weld_pair_view(&second, node, first, weld_infer_shape(inf, 1), err));
    WELD_TRY(weld_shape_broadcast(&shape, first, &second, err));
    const weld_dtype dtype = result == WELD_UNDEFINED ? weld_infer_dtype(inf, 0) : result;
    WELD_TRY(weld_infer_set(inf, 0, dtype, &shape, err));
done:
    return st;
}

weld_status weld_pair_run(const weld_kernel_args *args, const weld_node *node, weld_span_fn fn,
                          weld_error *err)
{
    weld_tensor second = *args->in[1];
    const weld_status st =
        weld_pair_view(&second.shape, node, &args->in[0]->shape, &args->in[1]->shape, err);
    const weld_tensor *const in[2] = {args->in[0], &second};
    if (st == WELD_OK)
        weld_broadcast_run(fn, in, 2, args->out[0]);
    return st;
}

weld_status weld_pair_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index;
    const weld_shape *first = weld_tie_shape(ties, node->inputs[0]);
    const weld_shape *second = weld_tie_shape(ties, node->inputs[1]);
    const int extra = weld_tie_shape(ties, node->outputs[0])->rank - first->rank;
    int at;
    const weld_status st = first_axis(&at, node, first, second, err);
    if (st != WELD_OK)
        return st;
    tie_operand(ties, node, 0, extra);
    tie_operand(ties, node, 1, extra + at);
    return WELD_OK;
}

bool weld_op_is_elementwise(const weld_op *op)
{
    return op->tie == weld_tie_elementwise || op->tie == weld_broadcast_tie ||
           op->tie == weld_pair_tie || op == &weld_op_PRelu;
}
