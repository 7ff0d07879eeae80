/* Comparisons, logic, bits, and the choice by a condition, under numpy broadcasting. */
#include "ops/broadcast.h"
#include <stddef.h>

/* ---- comparisons: bool results --------------------------------------------------- */

#define COMPARE_OP(op, opset, types, op_flags, expr)                                               \
    WELD_SPAN_OF(op##_float, weld_real, weld_real, int64_t, expr)                                  \
    WELD_SPAN_OF(op##_int, int64_t, int64_t, int64_t, expr)                                        \
    WELD_SPAN_OF(op##_uint64, uint64_t, uint64_t, int64_t, expr)                                   \
    static const weld_span_set op##_spans = {op##_float, op##_int, op##_uint64};                   \
    WELD_BINARY_OP(op, opset, types, WELD_BOOL, op_flags, op##_spans)

COMPARE_OP(Equal, 1, WELD_TYPES_ANY, WELD_OP_COMMUTES, x == y);
COMPARE_OP(Greater, 1, WELD_TYPES_NUMBER, 0, x > y);
COMPARE_OP(GreaterOrEqual, 12, WELD_TYPES_NUMBER, 0, x >= y);
COMPARE_OP(Less, 1, WELD_TYPES_NUMBER, 0, x < y);
COMPARE_OP(LessOrEqual, 12, WELD_TYPES_NUMBER, 0, x <= y);

/* ---- logic and bits --------------------------------------------------------------- */

#define INTEGER_OP(op, opset, types, expr)                                                         \
    WELD_SPAN_OF(op##_int, uint64_t, uint64_t, uint64_t, expr)                                     \
    static const weld_span_set op##_spans = {NULL, op##_int, NULL};                                \
    WELD_BINARY_OP(op, opset, types, WELD_UNDEFINED, WELD_OP_COMMUTES, op##_spans)

INTEGER_OP(And, 1, WELD_TYPES_BOOL, (x != 0) & (y != 0));
INTEGER_OP(Or, 1, WELD_TYPES_BOOL, (x != 0) | (y != 0));
INTEGER_OP(Xor, 1, WELD_TYPES_BOOL, (x != 0) ^ (y != 0));
INTEGER_OP(BitwiseAnd, 18, WELD_TYPES_INTEGER, x &y);
INTEGER_OP(BitwiseOr, 18, WELD_TYPES_INTEGER, x | y);
INTEGER_OP(BitwiseXor, 18, WELD_TYPES_INTEGER, x ^ y);

typedef enum shift_direction { SHIFT_LEFT, SHIFT_RIGHT } shift_direction;
typedef struct shift_attrs {
    int64_t direction; /* shift_direction */
} shift_attrs;

static const char *const shift_names[] = {"LEFT", "RIGHT", NULL};
static const weld_field shift_fields[] = {
    {"direction", WELD_FIELD_ENUM, offsetof(shift_attrs, direction), 0.0, shift_names, true}, {0}};

/* All bits are shifted out of narrower types by the wrap of the result. */
WELD_SPAN_OF(shift_left, uint64_t, uint64_t, uint64_t, y < 64 ? x << y : 0)
WELD_SPAN_OF(shift_right, uint64_t, uint64_t, uint64_t, y < 64 ? x >> y : 0)

static weld_status shift_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    return weld_binary_infer(inf, node, WELD_TYPES_UNSIGNED, WELD_UNDEFINED, err);
}

static weld_status shift_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)err;
    const bool left = ((const shift_attrs *)node->attrs)->direction == SHIFT_LEFT;
    weld_broadcast_run(left ? shift_left : shift_right, args->in, 2, args->out[0]);
    return WELD_OK;
}

WELD_DEFINE_OP(BitShift) = {.name = "BitShift",
                            .domain = "",
                            .opset_min = 11,
                            .opset_max = WELD_OPSET_MAX,
                            .inputs_min = 2,
                            .inputs_max = 2,
                            .outputs_min = 1,
                            .outputs_max = 1,
                            .fields = shift_fields,
                            .attrs_size = sizeof(shift_attrs),
                            .infer = shift_infer,
                            .run = shift_run,
                            .tie = weld_broadcast_tie};

/* ---- Where ------------------------------------------------------------------------- */

#define CHOOSE_SPAN(name, type)                                                                    \
    static void name(const weld_span *s)                                                           \
    {                                                                                              \
        const int64_t *condition = s->in[0];                                                       \
        const type *yes = s->in[1], *no = s->in[2];                                                \
        type *out = s->out;                                                                        \
        for (int64_t i = 0; i < s->count; i++)                                                     \
            out[i] = condition[i * s->step[0]] ? yes[i * s->step[1]] : no[i * s->step[2]];         \
    }

CHOOSE_SPAN(choose_float, weld_real)
CHOOSE_SPAN(choose_int, int64_t)

static weld_status where_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_shape shape;
    WELD_TRY(weld_operand_type(inf, 0, WELD_TYPES_BOOL, err));
    WELD_TRY(weld_broadcast_shape(&shape, inf, node, 1, WELD_TYPES_ANY, err));
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 1), &shape, err));
done:
    return st;
}

static weld_status where_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)node, (void)err;
    const bool is_float = weld_dtype_is_float(args->out[0]->dtype);
    weld_broadcast_run(is_float ? choose_float : choose_int, args->in, 3, args->out[0]);
    return WELD_OK;
}

WELD_DEFINE_OP(Where) = {.name = "Where",
                         .domain = "",
                         .opset_min = 9,
                         .opset_max = WELD_OPSET_MAX,
                         .inputs_min = 3,
                         .inputs_max = 3,
                         .outputs_min = 1,
                         .outputs_max = 1,
                         .fields = weld_no_fields,
                         .infer = where_infer,
                         .run = where_run,
                         .tie = weld_broadcast_tie};
