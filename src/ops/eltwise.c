/* Elementwise arithmetic under numpy broadcasting: Add, Sub, Mul, Div, Sum. */
#include "ops/op.h"
#include <limits.h>
#include <string.h>

typedef enum arith_kind { ARITH_ADD, ARITH_SUB, ARITH_MUL, ARITH_DIV } arith_kind;

/* ---- the walk: two inputs broadcast to the shape of the output ------------------ */

/* Adjacent axes that both inputs walk alike are merged, so equal shapes become one axis,
 * [N, D] + [D] two, [N, C, H, W] + [C, 1, 1] three. The last axis has steps 0 or 1. */
typedef struct walk {
    int rank; /* >= 1 */
    int64_t dims[WELD_RANK_MAX + 1];
    int64_t step[2][WELD_RANK_MAX + 1];
} walk;

static void walk_init(walk *w, const weld_shape *const in[2], const weld_shape *out)
{
    int64_t step[2][WELD_RANK_MAX] = {{0}};
    for (int t = 0; t < 2; t++) {
        int64_t strides[WELD_RANK_MAX];
        weld_strides(strides, in[t]);
        const int shift = out->rank - in[t]->rank;
        for (int k = 0; k < in[t]->rank; k++)
            step[t][k + shift] = in[t]->dims[k] == 1 ? 0 : strides[k];
    }
    w->rank = 0;
    for (int k = 0; k < out->rank; k++) {
        const int64_t dim = out->dims[k];
        if (dim == 1)
            continue;
        const int last = w->rank - 1;
        const bool merge = last >= 0 && w->step[0][last] == step[0][k] * dim &&
                           w->step[1][last] == step[1][k] * dim;
        const int at = merge ? last : w->rank++;
        w->dims[at] = merge ? w->dims[at] * dim : dim;
        w->step[0][at] = step[0][k];
        w->step[1][at] = step[1][k];
    }
    if (w->rank == 0) {
        w->rank = 1;
        w->dims[0] = 1;
        w->step[0][0] = w->step[1][0] = 0;
    }
}

/* Moves the offsets to the next run of the last axis; false when all runs are done. */
static bool walk_next(const walk *w, int64_t index[], int64_t at[2])
{
    for (int k = w->rank - 2; k >= 0; k--) {
        at[0] += w->step[0][k];
        at[1] += w->step[1][k];
        if (++index[k] < w->dims[k])
            return true;
        at[0] -= w->step[0][k] * w->dims[k];
        at[1] -= w->step[1][k] * w->dims[k];
        index[k] = 0;
    }
    return false;
}

/* ---- one run of the last axis --------------------------------------------------- */

typedef struct span {
    arith_kind kind;
    int64_t count, sa, sb; /* steps: 0 or 1 */
} span;

#define SPAN_LOOP(expr)                                                                        \
    for (int64_t i = 0; i < s.count; i++) {                                                    \
        const float x = a[i * s.sa], y = b[i * s.sb];                                          \
        out[i] = (expr);                                                                       \
    }                                                                                          \
    break

__attribute__((always_inline)) static inline void span_float_by(span s, const float *a,
                                                                const float *b, float *out)
{
    switch (s.kind) {
    case ARITH_ADD: SPAN_LOOP(x + y);
    case ARITH_SUB: SPAN_LOOP(x - y);
    case ARITH_MUL: SPAN_LOOP(x * y);
    case ARITH_DIV: SPAN_LOOP(x / y);
    }
}

/* Constant steps let the compiler vectorise each case. */
static void span_float(span s, const float *a, const float *b, float *out)
{
    if (s.sa && s.sb)
        span_float_by((span){s.kind, s.count, 1, 1}, a, b, out);
    else if (s.sa)
        span_float_by((span){s.kind, s.count, 1, 0}, a, b, out);
    else if (s.sb)
        span_float_by((span){s.kind, s.count, 0, 1}, a, b, out);
    else
        span_float_by((span){s.kind, s.count, 0, 0}, a, b, out);
}

/* Integer arithmetic wraps; false for a division by zero. */
static bool span_int(span s, const int64_t *a, const int64_t *b, int64_t *out)
{
    for (int64_t i = 0; i < s.count; i++) {
        const int64_t x = a[i * s.sa], y = b[i * s.sb];
        int64_t r = 0;
        switch (s.kind) {
        case ARITH_ADD: (void)__builtin_add_overflow(x, y, &r); break;
        case ARITH_SUB: (void)__builtin_sub_overflow(x, y, &r); break;
        case ARITH_MUL: (void)__builtin_mul_overflow(x, y, &r); break;
        case ARITH_DIV:
            if (y == 0)
                return false;
            if (y == -1)
                (void)__builtin_sub_overflow((int64_t)0, x, &r);
            else
                r = x / y;
            break;
        }
        out[i] = r;
    }
    return true;
}

static weld_status arith(arith_kind kind, const weld_tensor *a, const weld_tensor *b,
                         weld_tensor *out, weld_error *err)
{
    const int64_t total = weld_shape_numel(&out->shape);
    if (total == 0)
        return WELD_OK;
    walk w;
    walk_init(&w, (const weld_shape *const[2]){&a->shape, &b->shape}, &out->shape);
    const int last = w.rank - 1;
    const span s = {kind, w.dims[last], w.step[0][last], w.step[1][last]};
    const bool is_float = weld_dtype_is_float(out->dtype);
    int64_t index[WELD_RANK_MAX + 1] = {0}, at[2] = {0, 0}, done = 0;
    do {
        if (is_float)
            span_float(s, a->f + at[0], b->f + at[1], out->f + done);
        else if (!span_int(s, a->i + at[0], b->i + at[1], out->i + done))
            return weld_fail(err, WELD_E_FORMAT, "integer division by zero");
        done += s.count;
    } while (walk_next(&w, index, at));
    if (out->dtype == WELD_INT32)
        for (int64_t i = 0; i < total; i++)
            out->i[i] = (int32_t)out->i[i];
    return WELD_OK;
}

static weld_status arith_run(arith_kind kind, const weld_kernel_args *args, weld_error *err)
{
    return arith(kind, args->in[0], args->in[1], args->out[0], err);
}

/* ---- shapes ---------------------------------------------------------------------- */

/* Broadcast shape of all inputs, which must be there and agree on float or integer. */
static weld_status broadcast_inputs(weld_shape *shape, const weld_infer *inf,
                                    const weld_node *node, weld_error *err)
{
    const bool is_float = weld_dtype_is_float(weld_infer_dtype(inf, 0));
    for (int i = 0; i < node->input_count; i++) {
        const weld_shape *in = weld_infer_shape(inf, i);
        if (!in)
            return weld_fail(err, WELD_E_FORMAT, "input %d is missing", i);
        if (weld_dtype_is_float(weld_infer_dtype(inf, i)) != is_float)
            return weld_fail(err, WELD_E_FORMAT,
                             "inputs 0 and %d mix floating-point and integer types", i);
        if (i == 0) {
            *shape = *in;
            continue;
        }
        const weld_shape before = *shape;
        const weld_status st = weld_shape_broadcast(shape, &before, in, err);
        if (st != WELD_OK)
            return st;
    }
    return WELD_OK;
}

static weld_status unsupported_type(weld_dtype dtype, const char *allowed, weld_error *err)
{
    const char *name = weld_dtype_name((int)dtype);
    return weld_fail(err, WELD_E_UNSUPPORTED, "element type %s, supported: %s",
                     name ? name : "unknown", allowed);
}

/* Shape arithmetic: small integer results are known when their inputs are. */
static weld_status arith_infer(arith_kind kind, weld_infer *inf, const weld_node *node,
                               weld_error *err)
{
    weld_shape shape;
    weld_status st = broadcast_inputs(&shape, inf, node, err);
    if (st != WELD_OK)
        return st;
    const weld_dtype dtype = weld_infer_dtype(inf, 0);
    if (!weld_dtype_is_float(dtype) && dtype != WELD_INT64 && dtype != WELD_INT32)
        return unsupported_type(dtype, "floating point, int32, int64", err);
    const weld_tensor *a = weld_infer_data(inf, 0), *b = weld_infer_data(inf, 1);
    if (dtype == WELD_INT64 && a && b && weld_shape_numel(&shape) <= WELD_INTS_MAX) {
        int64_t values[WELD_INTS_MAX] = {0};
        weld_tensor out = {.dtype = dtype, .shape = shape, .data = values};
        st = arith(kind, a, b, &out, err);
        return st == WELD_OK ? weld_infer_set_data(inf, 0, &shape, values, err) : st;
    }
    return weld_infer_set(inf, 0, dtype, &shape, err);
}

static const weld_field no_fields[] = {{0}};

/* A binary operator: its kind and flags. */
#define ARITH_OP(op, arith_kind_, op_flags)                                                    \
    static weld_status infer_##op(weld_infer *inf, const weld_node *node, weld_error *err)     \
    {                                                                                          \
        return arith_infer(arith_kind_, inf, node, err);                                       \
    }                                                                                          \
    static weld_status run_##op(const weld_kernel_args *args, const weld_node *node,           \
                                weld_error *err)                                               \
    {                                                                                          \
        (void)node;                                                                            \
        return arith_run(arith_kind_, args, err);                                              \
    }                                                                                          \
    const weld_op weld_op_##op = {                                                             \
        .name = #op, .domain = "", .opset_min = 7, .opset_max = WELD_OPSET_MAX,                \
        .inputs_min = 2, .inputs_max = 2, .outputs_min = 1, .outputs_max = 1,                  \
        .flags = (op_flags), .fields = no_fields, .infer = infer_##op, .run = run_##op,        \
        .tie = weld_tie_elementwise}

ARITH_OP(Add, ARITH_ADD, WELD_OP_SUM | WELD_OP_COMMUTES);
ARITH_OP(Sub, ARITH_SUB, 0);
ARITH_OP(Mul, ARITH_MUL, WELD_OP_COMMUTES);
ARITH_OP(Div, ARITH_DIV, 0);

/* ---- Sum -------------------------------------------------------------------------- */

static weld_status sum_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_shape shape;
    const weld_status st = broadcast_inputs(&shape, inf, node, err);
    if (st != WELD_OK)
        return st;
    const weld_dtype dtype = weld_infer_dtype(inf, 0);
    if (!weld_dtype_is_float(dtype))
        return unsupported_type(dtype, "floating point", err);
    return weld_infer_set(inf, 0, dtype, &shape, err);
}

static weld_status sum_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    weld_tensor *out = args->out[0];
    if (node->input_count == 1) {
        memcpy(out->f, args->in[0]->f, (size_t)weld_shape_numel(&out->shape) * sizeof(float));
        return WELD_OK;
    }
    const weld_tensor *sum = args->in[0];
    for (int i = 1; i < node->input_count; i++) {
        const weld_status st = arith(ARITH_ADD, sum, args->in[i], out, err);
        if (st != WELD_OK)
            return st;
        sum = out;
    }
    return WELD_OK;
}

const weld_op weld_op_Sum = {
    .name = "Sum", .domain = "", .opset_min = 6, .opset_max = WELD_OPSET_MAX,
    .inputs_min = 1, .inputs_max = INT_MAX, .outputs_min = 1, .outputs_max = 1,
    .flags = WELD_OP_SUM | WELD_OP_COMMUTES, .fields = no_fields,
    .infer = sum_infer, .run = sum_run, .tie = weld_tie_elementwise};
