/* Activations: elementwise nonlinearities, and the softmaxes. */
#include "ops/operand.h"
#include <float.h>
#include <inttypes.h>
#include <tgmath.h>
#include <stddef.h>

static weld_status need_float(const weld_infer *inf, int i, weld_error *err)
{
    if (!weld_infer_shape(inf, i))
        return weld_fail(err, WELD_E_FORMAT, "input %d is missing", i);
    const weld_dtype dtype = weld_infer_dtype(inf, i);
    if (weld_dtype_is_float(dtype))
        return WELD_OK;
    const char *name = weld_dtype_name((int)dtype);
    return weld_fail(err, WELD_E_UNSUPPORTED,
                     "input %d has element type %s, supported: floating point", i,
                     name ? name : "unknown");
}

static weld_status infer_same(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    const weld_status st = need_float(inf, 0, err);
    if (st != WELD_OK)
        return st;
    return weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), weld_infer_shape(inf, 0), err);
}

/* ---- unary: y = f(v), perhaps with one attribute `alpha` ------------------------- */

typedef struct unary_attrs {
    float alpha;
} unary_attrs;

static const weld_field no_fields[] = {{0}};
static const weld_field leaky_fields[] = {
    {"alpha", WELD_FIELD_FLOAT, offsetof(unary_attrs, alpha), 0.01, NULL, false}, {0}};

/* A new unary: its name, first opset, field table, size of its attributes, and the value of the
 * function at `v`. `alpha` may be used where the field table has it. */
#define UNARY_OP(op, opset, field_table, size, expr)                                               \
    static weld_status run_##op(const weld_kernel_args *args, const weld_node *node,               \
                                weld_error *err)                                                   \
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
    }                                                                                              \
    WELD_DEFINE_OP(op) = {.name = #op,                                                             \
                          .domain = "",                                                            \
                          .opset_min = (opset),                                                    \
                          .opset_max = WELD_OPSET_MAX,                                             \
                          .inputs_min = 1,                                                         \
                          .inputs_max = 1,                                                         \
                          .outputs_min = 1,                                                        \
                          .outputs_max = 1,                                                        \
                          .flags = WELD_OP_ACTIVATION,                                             \
                          .fields = (field_table),                                                 \
                          .attrs_size = (size),                                                    \
                          .infer = infer_same,                                                     \
                          .run = run_##op,                                                         \
                          .tie = weld_tie_elementwise}

/* Either branch keeps the exponent <= 0. */
static inline weld_real sigmoid(weld_real v)
{
    const weld_real e = exp(-fabs(v));
    return v >= 0.0f ? 1.0f / (1.0f + e) : e / (1.0f + e);
}

/* Comparisons are written so that NaN passes through. */
UNARY_OP(Relu, 6, no_fields, 0, v < 0.0f ? 0.0f : v);
UNARY_OP(LeakyRelu, 6, leaky_fields, sizeof(unary_attrs), v < 0.0f ? alpha * v : v);
UNARY_OP(Sigmoid, 6, no_fields, 0, sigmoid(v));
UNARY_OP(Tanh, 6, no_fields, 0, tanh(v));

/* ---- Clip: limits are attributes before opset 11, inputs 1 and 2 from then on ----- */

typedef struct clip_attrs {
    float min, max;
} clip_attrs;

static const weld_field clip_fields[] = {
    {"min", WELD_FIELD_FLOAT, offsetof(clip_attrs, min), -FLT_MAX, NULL, false},
    {"max", WELD_FIELD_FLOAT, offsetof(clip_attrs, max), FLT_MAX, NULL, false},
    {0}};

static weld_status clip_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    for (int i = 1; i < node->input_count; i++) {
        const weld_shape *limit = weld_infer_shape(inf, i);
        if (!limit)
            continue;
        if (node->opset < 11)
            return weld_fail(err, WELD_E_FORMAT, "input %d given, opset %d has 1 input", i,
                             node->opset);
        if (!weld_dtype_is_float(weld_infer_dtype(inf, i)) &&
            weld_dtype_is_float(weld_infer_dtype(inf, 0)))
            return weld_fail(err, WELD_E_FORMAT, "limit %d is an integer, must be float", i);
        if (limit->rank > 1 || weld_shape_numel(limit) != 1) {
            char text[128];
            return weld_fail(err, WELD_E_FORMAT, "limit %d has shape %s, must be a scalar", i,
                             weld_shape_text(limit, text));
        }
    }
    return infer_same(inf, node, err);
}

static weld_status clip_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)err;
    const clip_attrs *attrs = node->attrs;
    const bool by_input = node->opset >= 11;
    weld_real lo = by_input ? -WELD_REAL_MAX : attrs->min,
              hi = by_input ? WELD_REAL_MAX : attrs->max;
    if (weld_node_input(node, 1) >= 0)
        lo = weld_reals(args->in[1])[0];
    if (weld_node_input(node, 2) >= 0)
        hi = weld_reals(args->in[2])[0];
    const weld_real *x = weld_reals(args->in[0]);
    weld_real *y = weld_reals(args->out[0]);
    const int64_t count = weld_shape_numel(&args->out[0]->shape);
    for (int64_t i = 0; i < count; i++) {
        const weld_real v = x[i] < lo ? lo : x[i];
        y[i] = v > hi ? hi : v;
    }
    return WELD_OK;
}

WELD_DEFINE_OP(Clip) = {.name = "Clip",
                        .domain = "",
                        .opset_min = 6,
                        .opset_max = WELD_OPSET_MAX,
                        .inputs_min = 1,
                        .inputs_max = 3,
                        .outputs_min = 1,
                        .outputs_max = 1,
                        .flags = WELD_OP_ACTIVATION,
                        .static_inputs = 1u << 1 | 1u << 2,
                        .fields = clip_fields,
                        .attrs_size = sizeof(clip_attrs),
                        .infer = clip_infer,
                        .run = clip_run,
                        .tie = weld_tie_elementwise};

/* ---- PRelu: the slope broadcasts to the data, never the other way ------------------ */

static weld_status prelu_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = need_float(inf, 0, err);
    if (st == WELD_OK)
        st = need_float(inf, 1, err);
    if (st != WELD_OK)
        return st;
    const weld_shape *x = weld_infer_shape(inf, 0), *slope = weld_infer_shape(inf, 1);
    weld_shape both;
    st = weld_shape_broadcast(&both, x, slope, err);
    if (st != WELD_OK)
        return st;
    if (!weld_shape_equal(&both, x)) {
        char tx[128], ts[128];
        return weld_fail(err, WELD_E_FORMAT, "slope %s must broadcast to the input %s",
                         weld_shape_text(slope, ts), weld_shape_text(x, tx));
    }
    return infer_same(inf, node, err);
}

static weld_status prelu_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)node, (void)err;
    const weld_shape *shape = &args->in[0]->shape, *small = &args->in[1]->shape;
    int64_t strides[WELD_RANK_MAX], step[WELD_RANK_MAX + 1] = {0};
    weld_strides(strides, small);
    const int shift = shape->rank - small->rank;
    for (int k = 0; k < small->rank; k++)
        step[k + shift] = small->dims[k] == 1 ? 0 : strides[k];
    const int last = shape->rank - 1;
    const int64_t run = last >= 0 ? shape->dims[last] : 1, total = weld_shape_numel(shape);
    const int64_t inner = last >= 0 ? step[last] : 0;
    const weld_real *x = weld_reals(args->in[0]), *slope = weld_reals(args->in[1]);
    weld_real *y = weld_reals(args->out[0]);
    int64_t index[WELD_RANK_MAX] = {0}, at = 0;
    for (int64_t done = 0; done < total; done += run) {
        for (int64_t i = 0; i < run; i++) {
            const weld_real v = x[done + i];
            y[done + i] = v < 0.0f ? slope[at + i * inner] * v : v;
        }
        for (int k = last - 1; k >= 0; k--) {
            at += step[k];
            if (++index[k] < shape->dims[k])
                break;
            at -= step[k] * shape->dims[k];
            index[k] = 0;
        }
    }
    return WELD_OK;
}

WELD_DEFINE_OP(PRelu) = {.name = "PRelu",
                         .domain = "",
                         .opset_min = 7,
                         .opset_max = WELD_OPSET_MAX,
                         .inputs_min = 2,
                         .inputs_max = 2,
                         .outputs_min = 1,
                         .outputs_max = 1,
                         .flags = WELD_OP_ACTIVATION,
                         .fields = no_fields,
                         .infer = prelu_infer,
                         .run = prelu_run,
                         .tie = weld_tie_elementwise};

/* ---- Softmax, LogSoftmax ------------------------------------------------------------- */

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
    if (axis < -rank || axis >= rank)
        return weld_fail(err, WELD_E_FORMAT, "axis %" PRId64 " of an input of rank %d", axis, rank);
    out->from = (int)(axis < 0 ? axis + rank : axis);
    out->to = node->opset < 13 ? rank : out->from + 1;
    return WELD_OK;
}

static weld_status softmax_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    const weld_status st = infer_same(inf, node, err);
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
    WELD_DEFINE_OP(op) = {.name = #op,                                                             \
                          .domain = "",                                                            \
                          .opset_min = 1,                                                          \
                          .opset_max = WELD_OPSET_MAX,                                             \
                          .inputs_min = 1,                                                         \
                          .inputs_max = 1,                                                         \
                          .outputs_min = 1,                                                        \
                          .outputs_max = 1,                                                        \
                          .flags = (flag),                                                         \
                          .fields = softmax_fields,                                                \
                          .attrs_size = sizeof(softmax_attrs),                                     \
                          .infer = softmax_infer,                                                  \
                          .run = softmax_run,                                                      \
                          .tie = softmax_tie}

SOFTMAX_OP(Softmax, WELD_OP_SOFTMAX);
SOFTMAX_OP(LogSoftmax, WELD_OP_LOGSOFTMAX);
