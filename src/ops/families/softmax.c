/* Softmax, LogSoftmax. */
#include "ops/move.h"
#include <tgmath.h>
#include <stddef.h>

typedef struct softmax_attrs {
    int64_t axis;
} softmax_attrs;

/* The default depends on the opset; INT64_MIN = absent (exact as a double). */
static const weld_field softmax_fields[] = {
    {"axis", WELD_FIELD_INT, offsetof(softmax_attrs, axis), (double)INT64_MIN, NULL, false}, {0}};

/* Normalised axes are [from, to): one axis from opset 13 on, all trailing axes before. */
typedef struct softmax_axes {
    int from, to;
} softmax_axes;

static weld_status softmax_resolve(softmax_axes *out, const weld_node *node, int rank,
                                   weld_error *err)
{
    int64_t axis = ((const softmax_attrs *)node->attrs)->axis;
    if (axis == INT64_MIN)
        axis = node->opset < 13 ? 1 : -1;
    const weld_status st = weld_operand_axis(&out->from, axis, rank, err);
    if (st == WELD_OK)
        out->to = node->opset < 13 ? rank : out->from + 1;
    return st;
}

static weld_status softmax_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    const weld_status st = weld_unary_infer(inf, WELD_TYPES_FLOAT, WELD_UNDEFINED, err);
    if (st != WELD_OK)
        return st;
    softmax_axes axes = {0};
    return softmax_resolve(&axes, node, weld_infer_shape(inf, 0)->rank, err);
}

/* One distribution of `count` entries, `step` apart. */
static void softmax_row(const weld_real *x, weld_real *y, int64_t count, int64_t step,
                        bool logarithm)
{
    weld_real top = x[0];
    for (int64_t i = 1; i < count; i++)
        top = x[i * step] > top ? x[i * step] : top;
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) {
        const weld_real shifted = x[i * step] - top;
        const weld_real e = exp(shifted);
        sum += (double)e;
        y[i * step] = logarithm ? shifted : e;
    }
    if (logarithm) {
        const double shift = log(sum);
        for (int64_t i = 0; i < count; i++)
            y[i * step] = (weld_real)((double)y[i * step] - shift);
    } else {
        const double scale = 1.0 / sum;
        for (int64_t i = 0; i < count; i++)
            y[i * step] = (weld_real)((double)y[i * step] * scale);
    }
}

static weld_status softmax_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const weld_shape *shape = &args->in[0]->shape;
    softmax_axes axes = {0};
    const weld_status st = softmax_resolve(&axes, node, shape->rank, err);
    if (st != WELD_OK || weld_shape_numel(shape) == 0)
        return st;
    const bool logarithm = (node->op->flags & WELD_OP_LOGSOFTMAX) != 0;
    const int64_t outer = weld_shape_span(shape, 0, axes.from);
    const int64_t count = weld_shape_span(shape, axes.from, axes.to);
    const int64_t inner = weld_shape_span(shape, axes.to, shape->rank);
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            const int64_t at = o * count * inner + i;
            softmax_row(weld_reals(args->in[0]) + at, weld_reals(args->out[0]) + at, count, inner,
                        logarithm);
        }
    return WELD_OK;
}

static weld_status softmax_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index;
    const int x = node->inputs[0], y = node->outputs[0];
    const int rank = weld_tie_shape(ties, x)->rank;
    softmax_axes axes = {0};
    const weld_status st = softmax_resolve(&axes, node, rank, err);
    if (st != WELD_OK)
        return st;
    for (int k = 0; k < rank; k++) {
        weld_tie_axes(ties, x, k, y, k);
        if (k >= axes.from && k < axes.to) {
            weld_tie_mix(ties, x, k);
            weld_tie_mix(ties, y, k);
        }
    }
    return WELD_OK;
}

#define SOFTMAX_OP(op, flag)                                                                       \
    WELD_MOVE_OP(op, 1, 1, 1, .flags = (flag), .fields = softmax_fields,                           \
                 .attrs_size = sizeof(softmax_attrs), .infer = softmax_infer, .run = softmax_run,  \
                 .tie = softmax_tie)

SOFTMAX_OP(Softmax, WELD_OP_SOFTMAX);
SOFTMAX_OP(LogSoftmax, WELD_OP_LOGSOFTMAX);
