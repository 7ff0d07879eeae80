/* Elementwise operators on two or three inputs under numpy broadcasting: shapes, the walk over the
 * elements, ties. */
#ifndef WELD_OPS_BROADCAST_H
#define WELD_OPS_BROADCAST_H
#include "ops/operand.h"

enum { WELD_SPAN_INPUTS = 3 };

/* One run along the last axis: out[i] = f(in[0][i step[0]], in[1][i step[1]], ...). */
typedef struct weld_span {
    int64_t count, step[WELD_SPAN_INPUTS]; /* steps: 0 or 1 */
    const void *in[WELD_SPAN_INPUTS];
    void *out;
} weld_span;
typedef void (*weld_span_fn)(const weld_span *span);

/* Defines a span function of two inputs of the given element types: out = expr of x and y.
 * Constant steps let the compiler vectorise each case. */
#define WELD_SPAN_OF(name, type_x, type_y, type_out, expr)                                         \
    __attribute__((always_inline)) static inline void name##_by(const weld_span *s, int64_t sx,    \
                                                                int64_t sy)                        \
    {                                                                                              \
        const type_x *a = s->in[0];                                                                \
        const type_y *b = s->in[1];                                                                \
        type_out *out = s->out;                                                                    \
        const int64_t count = s->count;                                                            \
        for (int64_t i = 0; i < count; i++) {                                                      \
            const type_x x = a[i * sx];                                                            \
            const type_y y = b[i * sy];                                                            \
            out[i] = (expr);                                                                       \
        }                                                                                          \
    }                                                                                              \
    static void name(const weld_span *s)                                                           \
    {                                                                                              \
        if (s->step[0] && s->step[1])                                                              \
            name##_by(s, 1, 1);                                                                    \
        else if (s->step[0])                                                                       \
            name##_by(s, 1, 0);                                                                    \
        else if (s->step[1])                                                                       \
            name##_by(s, 0, 1);                                                                    \
        else                                                                                       \
            name##_by(s, 0, 0);                                                                    \
    }

/* The span functions of a binary operator by element type; unsigned_ is for uint64, and NULL where
 * signed arithmetic gives the same bits. */
typedef struct weld_span_set {
    weld_span_fn float_, signed_, unsigned_;
} weld_span_set;
weld_span_fn weld_span_for(const weld_span_set *set, weld_dtype dtype);

/* out = f(in[0], in[1], ...) for `count` inputs; integer results are wrapped to their type.
 * `out` may be in[0] where the shapes are equal. */
void weld_broadcast_run(weld_span_fn fn, const weld_tensor *const in[], int count,
                        weld_tensor *out);

/* Inputs from..input_count-1 are of one element type of the set; *shape: all inputs broadcast. */
weld_status weld_broadcast_shape(weld_shape *shape, const weld_infer *inf, const weld_node *node,
                                 int from, unsigned types, weld_error *err);
/* weld_tie_elementwise, and constants whose entries differ along an axis hold it in place. */
weld_status weld_broadcast_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err);

/* Does the operator compute each element of its output from the elements in the same place? */
bool weld_op_is_elementwise(const weld_op *op);

/* infer and run of a binary operator whose inputs are of one type; `result` is WELD_UNDEFINED for
 * the type of the inputs. `spans` is a weld_span_set. */
weld_status weld_binary_infer(weld_infer *inf, const weld_node *node, unsigned types,
                              weld_dtype result, weld_error *err);
#define WELD_BINARY_OP(op, opset, types, result, op_flags, spans)                                  \
    static weld_status infer_##op(weld_infer *inf, const weld_node *node, weld_error *err)         \
    {                                                                                              \
        return weld_binary_infer(inf, node, (types), (result), err);                               \
    }                                                                                              \
    static weld_status run_##op(const weld_kernel_args *args, const weld_node *node,               \
                                weld_error *err)                                                   \
    {                                                                                              \
        (void)node, (void)err;                                                                     \
        weld_broadcast_run(weld_span_for(&(spans), args->in[0]->dtype), args->in, 2,               \
                           args->out[0]);                                                          \
        return WELD_OK;                                                                            \
    }                                                                                              \
    WELD_DEFINE_OP(op) = {.name = #op,                                                             \
                          .domain = "",                                                            \
                          .opset_min = (opset),                                                    \
                          .opset_max = WELD_OPSET_MAX,                                             \
                          .inputs_min = 2,                                                         \
                          .inputs_max = 2,                                                         \
                          .outputs_min = 1,                                                        \
                          .outputs_max = 1,                                                        \
                          .flags = (op_flags),                                                     \
                          .fields = weld_no_fields,                                                \
                          .infer = infer_##op,                                                     \
                          .run = run_##op,                                                         \
                          .tie = weld_broadcast_tie}
#endif
