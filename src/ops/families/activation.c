/* Rectifiers and sigmoids: Relu, LeakyRelu, Sigmoid, Tanh, PRelu. */
#include "ops/move.h"
#include <tgmath.h>
#include <stddef.h>

/* ---- functions of one element, perhaps with one attribute `alpha` ------------------ */

typedef struct unary_attrs {
    float alpha;
} unary_attrs;

static const weld_field leaky_fields[] = {
    {"alpha", WELD_FIELD_FLOAT, offsetof(unary_attrs, alpha), 0.01, NULL, false},
    {"consumed_inputs", WELD_FIELD_IGNORED, 0, 0.0, NULL, false},
    {0}};

static weld_status infer_float(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    return weld_unary_infer(inf, WELD_TYPES_FLOAT, WELD_UNDEFINED, err);
}

/* A new one: its name, what its kernel is called, field table, size of its attributes, and the
 * value of the function at `v`. `alpha` may be used where the field table has it. */
#define UNARY_KERNEL(name, size, expr)                                                             \
    static weld_status name(const weld_kernel_args *args, const weld_node *node, weld_error *err)  \
    {                                                                                              \
        (void)err;                                                                                 \
        const weld_real alpha = (size) ? ((const unary_attrs *)node->attrs)->alpha : 0.0f;         \
        (void)alpha;                                                                               \
        const weld_real *x = weld_reals(args->in[0]);                                              \
        weld_real *y = weld_reals(args->out[0]);                                                   \
        const int64_t count = weld_shape_numel(&args->out[0]->shape);                              \
        for (int64_t i = 0; i < count; i++) {                                                      \
            const weld_real v = x[i];                                                              \
            y[i] = (expr);                                                                         \
        }                                                                                          \
        return WELD_OK;                                                                            \
    }
#define UNARY_OP(op, field_table, size, expr)                                                      \
    UNARY_KERNEL(run_##op, size, expr)                                                             \
    WELD_MOVE_OP(op, 1, 1, 1, .flags = WELD_OP_ACTIVATION, .fields = (field_table),                \
                 .attrs_size = (size), .infer = infer_float, .run = run_##op,                      \
                 .tie = weld_tie_elementwise)

/* Either branch keeps the exponent <= 0. */
static inline weld_real sigmoid(weld_real v)
{
    const weld_real e = exp(-fabs(v));
    return v >= 0.0f ? 1.0f / (1.0f + e) : e / (1.0f + e);
}

/* Comparisons are written so that NaN passes through. */
UNARY_OP(LeakyRelu, leaky_fields, sizeof(unary_attrs), v < 0.0f ? alpha * v : v);
UNARY_OP(Sigmoid, weld_in_place_fields, 0, sigmoid(v));
UNARY_OP(Tanh, weld_in_place_fields, 0, tanh(v));

/* ---- Relu: of signed integers too (opset 14) ---------------------------------------- */

UNARY_KERNEL(relu_reals, 0, v < 0.0f ? 0.0f : v)

static weld_status relu_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    return weld_unary_infer(inf, WELD_TYPES_FLOAT | WELD_TYPES_SIGNED, WELD_UNDEFINED, err);
}

static weld_status relu_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    if (weld_dtype_is_float(args->in[0]->dtype))
        return relu_reals(args, node, err);
    const int64_t count = weld_shape_numel(&args->out[0]->shape);
    for (int64_t i = 0; i < count; i++)
        args->out[0]->i[i] = args->in[0]->i[i] < 0 ? 0 : args->in[0]->i[i];
    return WELD_OK;
}

WELD_MOVE_OP(Relu, 1, 1, 1, .flags = WELD_OP_ACTIVATION, .fields = weld_in_place_fields,
             .infer = relu_infer, .run = relu_run, .tie = weld_tie_elementwise);

/* ---- PRelu: the slope broadcasts to the data, never the other way ------------------- */

/* Before opset 7 a vector of slopes is one per channel (axis 1). */
static weld_shape slope_view(const weld_node *node, const weld_shape *x, const weld_shape *slope)
{
    weld_shape view = *slope;
    if (node->opset < 7 && slope->rank == 1 && x->rank > 1)
        for (view.rank = 1; view.rank < x->rank - 1; view.rank++)
            view.dims[view.rank] = 1;
    return view;
}

static weld_status prelu_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const unsigned types = WELD_TYPES_FLOAT | 1u << WELD_INT32 | 1u << WELD_INT64 |
                           1u << WELD_UINT32 | 1u << WELD_UINT64;
    char tx[128], ts[128];
    weld_shape both;
    WELD_TRY(weld_operand_type(inf, 0, types, err));
    WELD_TRY(weld_operand_agree(inf, 0, 1, err));
    const weld_shape *x = weld_infer_shape(inf, 0);
    const weld_shape slope = slope_view(node, x, weld_infer_shape(inf, 1));
    WELD_TRY(weld_shape_broadcast(&both, x, &slope, err));
    WELD_REQUIRE(weld_shape_equal(&both, x), WELD_E_FORMAT,
                 "slope %s must broadcast to the input %s", weld_shape_text(&slope, ts),
                 weld_shape_text(x, tx));
    WELD_TRY(weld_infer_same(inf, node, err));
done:
    return st;
}

/* y[i] = x[i], or the product with its slope where it is negative. */
static void prelu_line(weld_tensor *y, const weld_tensor *x, const weld_tensor *slope, int64_t at,
                       int64_t from, int64_t step)
{
    const int64_t count = y->shape.rank > 0 ? y->shape.dims[y->shape.rank - 1] : 1;
    if (weld_dtype_is_float(x->dtype)) {
        for (int64_t i = 0; i < count; i++) {
            const weld_real v = weld_reals(x)[at + i];
            weld_reals(y)[at + i] = v < 0.0f ? weld_reals(slope)[from + i * step] * v : v;
        }
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        const int64_t v = x->i[at + i];
        const bool below = v < 0 && x->dtype != WELD_UINT64;
        y->i[at + i] = below ? (int64_t)((uint64_t)slope->i[from + i * step] * (uint64_t)v) : v;
    }
}

static weld_status prelu_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)err;
    const weld_shape *shape = &args->in[0]->shape;
    const weld_shape small = slope_view(node, shape, &args->in[1]->shape);
    int64_t strides[WELD_RANK_MAX], step[WELD_RANK_MAX + 1] = {0}, index[WELD_RANK_MAX] = {0};
    weld_strides(strides, &small);
    const int shift = shape->rank - small.rank, last = shape->rank - 1;
    for (int k = 0; k < small.rank; k++)
        step[k + shift] = small.dims[k] == 1 ? 0 : strides[k];
    const int64_t run = last >= 0 ? shape->dims[last] : 1, total = weld_shape_numel(shape);
    for (int64_t at = 0; at < total; at += run) {
        int64_t from = 0;
        for (int k = 0; k < last; k++)
            from += index[k] * step[k];
        prelu_line(args->out[0], args->in[0], args->in[1], at, from, last >= 0 ? step[last] : 0);
        weld_next_index(index, shape->dims, last);
    }
    weld_int_wrap_all(args->out[0]);
    return WELD_OK;
}

static weld_status prelu_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index, (void)err;
    const int x = node->inputs[0], slope = node->inputs[1], y = node->outputs[0];
    const weld_shape *xs = weld_tie_shape(ties, x), *given = weld_tie_shape(ties, slope);
    const int shift = xs->rank - slope_view(node, xs, given).rank;
    weld_tie_other_axes(ties, x, y, -1);
    for (int k = 0; k < given->rank; k++)
        weld_tie_axes(ties, slope, k, y, k + shift);
    return WELD_OK;
}

WELD_MOVE_OP(PRelu, 1, 2, 2, .flags = WELD_OP_ACTIVATION, .fields = weld_in_place_fields,
             .infer = prelu_infer, .run = prelu_run, .tie = prelu_tie);
