/* What operators ask about their operands: element type, order of elements, axis. */
#ifndef WELD_OPS_OPERAND_H
#define WELD_OPS_OPERAND_H
#include "ops/op.h"
#include "ops/real.h"

/* Sets of element types: one bit per weld_dtype. */
enum {
    WELD_TYPES_FLOAT = 1 << WELD_FLOAT | 1 << WELD_DOUBLE | 1 << WELD_FLOAT16 | 1 << WELD_BFLOAT16,
    WELD_TYPES_UNSIGNED = 1 << WELD_UINT8 | 1 << WELD_UINT16 | 1 << WELD_UINT32 | 1 << WELD_UINT64,
    WELD_TYPES_SIGNED = 1 << WELD_INT8 | 1 << WELD_INT16 | 1 << WELD_INT32 | 1 << WELD_INT64,
    WELD_TYPES_INTEGER = WELD_TYPES_UNSIGNED | WELD_TYPES_SIGNED,
    WELD_TYPES_NUMBER = WELD_TYPES_INTEGER | WELD_TYPES_FLOAT,
    WELD_TYPES_BOOL = 1 << WELD_BOOL,
    WELD_TYPES_ANY = WELD_TYPES_NUMBER | WELD_TYPES_BOOL
};

/* Input i is there and its element type is in the set. */
weld_status weld_operand_type(const weld_infer *inf, int i, unsigned types, weld_error *err);
/* Inputs i and j have one element type. */
weld_status weld_operand_agree(const weld_infer *inf, int i, int j, weld_error *err);
/* *out = the value of input i, a constant vector (or one number) of integers. */
weld_status weld_operand_integers(const weld_tensor **out, const weld_infer *inf, int i,
                                  weld_error *err);
/* *out = the axis counted from the front. */
weld_status weld_operand_axis(int *out, int64_t axis, int rank, weld_error *err);

/* One output shaped like input 0, whose type is of the set; `result`: its type, WELD_UNDEFINED for
 * that of the input. */
weld_status weld_unary_infer(weld_infer *inf, unsigned types, weld_dtype result, weld_error *err);
/* The field table of an operator without attributes. */
extern const weld_field weld_no_fields[];
/* The same, but for what opset 1 had on memory: consumed_inputs, ignored. */
extern const weld_field weld_in_place_fields[];

/* The lines of a tensor along an axis: entries of one line are `step` apart. */
typedef struct weld_lines {
    int64_t outer, count, step;
} weld_lines;
/* Along axes [from, to), read as one. */
weld_lines weld_lines_of(const weld_shape *shape, int from, int to);
/* Where line (o, i) starts, o < outer, i < step. */
static inline int64_t weld_line_start(const weld_lines *lines, int64_t o, int64_t i)
{
    return o * lines->count * lines->step + i;
}

/* Entry i of the tensor comes before entry j in ascending order; NaN is above all numbers. */
bool weld_entry_less(const weld_tensor *t, int64_t i, int64_t j);

/* Integers of every type are computed as int64: the low bits that the type has, extended. */
int64_t weld_int_wrap(weld_dtype dtype, int64_t value);
void weld_int_wrap_all(weld_tensor *t);
/* int64 keys in the order of the values: uint64 uses the sign bit. */
static inline int64_t weld_int_key(weld_dtype dtype, int64_t value)
{
    return dtype == WELD_UINT64 ? (int64_t)((uint64_t)value ^ UINT64_C(1) << 63) : value;
}
double weld_int_to_double(weld_dtype dtype, int64_t value);
/* Truncated; INT64_MIN for NaN and what does not fit, as Cast does it. */
int64_t weld_int_from_double(double value);
#endif
