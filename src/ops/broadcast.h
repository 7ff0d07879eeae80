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
/* Aligned axes are tied, and constants whose entries differ along an axis hold it in place. */
weld_status weld_broadcast_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err);

/* Does the operator compute each element of its output from the elements in the same place? */
bool weld_op_is_elementwise(const weld_op *op);

/* infer of an operator whose inputs are all of one type; `result` is WELD_UNDEFINED for that. */
weld_status weld_binary_infer(weld_infer *inf, const weld_node *node, unsigned types,
                              weld_dtype result, weld_error *err);

/* Two inputs, of which the second one broadcast by other rules before opset 7: only where it was
 * told to, and its axes are those of the first one from `axis` on, or the last ones. */
typedef struct weld_pair_attrs {
    int64_t broadcast, axis;
} weld_pair_attrs;
extern const weld_field weld_pair_fields[];
weld_status weld_pair_check(const weld_node *node, weld_error *err);
/* The second shape as it broadcasts by numpy's rule, in any opset. */
weld_status weld_pair_view(weld_shape *out, const weld_node *node, const weld_shape *x,
                           const weld_shape *y, weld_error *err);
weld_status weld_pair_infer(weld_infer *inf, const weld_node *node, unsigned types,
                            weld_dtype result, weld_error *err);
weld_status weld_pair_run(const weld_kernel_args *args, const weld_node *node, weld_span_fn fn,
                          weld_error *err);
weld_status weld_pair_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err);

/* The descriptor of such an operator, from infer_##op and run_##op; both of them as well, for one
 * whose `spans` (a weld_span_set) and types of operands are all there is to say. */
#define WELD_PAIR_DESCRIPTOR(op, opset, op_flags)                                                  \
    WELD_DEFINE_OP(op) = {.name = #op,                                                             \
                          .domain = "",                                                            \
                          .opset_min = (opset),                                                    \
                          .opset_max = WELD_OPSET_MAX,                                             \
                          .inputs_min = 2,                                                         \
                          .inputs_max = 2,                                                         \
                          .outputs_min = 1,                                                        \
                          .outputs_max = 1,                                                        \
                          .flags = (op_flags),                                                     \
                          .fields = weld_pair_fields,                                              \
                          .attrs_size = sizeof(weld_pair_attrs),                                   \
                          .check = weld_pair_check,                                                \
                          .infer = infer_##op,                                                     \
                          .run = run_##op,                                                         \
                          .tie = weld_pair_tie}
#define WELD_BINARY_OP(op, opset, types, result, op_flags, spans)                                  \
    static weld_status infer_##op(weld_infer *inf, const weld_node *node, weld_error *err)         \
    {                                                                                              \
        return weld_pair_infer(inf, node, (types), (result), err);                                 \
    }                                                                                              \
    static weld_status run_##op(const weld_kernel_args *args, const weld_node *node,               \
                                weld_error *err)                                                   \
    {                                                                                              \
        return weld_pair_run(args, node, weld_span_for(&(spans), args->in[0]->dtype), err);        \
    }                                                                                              \
    WELD_PAIR_DESCRIPTOR(op, opset, op_flags)
#endif
