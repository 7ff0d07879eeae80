/* Arithmetic of two inputs under numpy broadcasting: Add, Sub, Mul, Div, Mod, Pow. */
#include "ops/broadcast.h"
#include <inttypes.h>
#include <tgmath.h>
#include <stddef.h>

/* ---- Add, Sub, Mul: integers wrap, so that unsigned arithmetic serves all types ---- */

WELD_SPAN_OF(add_float, weld_real, weld_real, weld_real, x + y)
WELD_SPAN_OF(sub_float, weld_real, weld_real, weld_real, x - y)
WELD_SPAN_OF(mul_float, weld_real, weld_real, weld_real, x *y)
WELD_SPAN_OF(add_int, uint64_t, uint64_t, uint64_t, x + y)
WELD_SPAN_OF(sub_int, uint64_t, uint64_t, uint64_t, x - y)
WELD_SPAN_OF(mul_int, uint64_t, uint64_t, uint64_t, x *y)

static const weld_span_set add_spans = {add_float, add_int, NULL};
static const weld_span_set sub_spans = {sub_float, sub_int, NULL};
static const weld_span_set mul_spans = {mul_float, mul_int, NULL};

WELD_BINARY_OP(Add, 1, WELD_TYPES_NUMBER, WELD_UNDEFINED, WELD_OP_SUM | WELD_OP_COMMUTES,
               add_spans);
WELD_BINARY_OP(Sub, 1, WELD_TYPES_NUMBER, WELD_UNDEFINED, 0, sub_spans);
WELD_BINARY_OP(Mul, 1, WELD_TYPES_NUMBER, WELD_UNDEFINED, WELD_OP_COMMUTES, mul_spans);

/* ---- Div, Mod --------------------------------------------------------------------- */

/* Integer division has no result for a divisor 0; a divisor -1 is taken apart below, because
 * INT64_MIN / -1 overflows. */
static weld_status check_divisor(const weld_kernel_args *args, weld_error *err)
{
    const weld_tensor *y = args->in[1];
    const int64_t count = weld_shape_numel(&y->shape);
    if (weld_dtype_is_float(y->dtype) || weld_shape_numel(&args->out[0]->shape) == 0)
        return WELD_OK;
    for (int64_t k = 0; k < count; k++)
        if (y->i[k] == 0)
            return weld_fail(err, WELD_E_FORMAT, "integer division by zero");
    return WELD_OK;
}

static int64_t negate(int64_t x)
{
    return (int64_t)(0 - (uint64_t)x);
}

WELD_SPAN_OF(div_float, weld_real, weld_real, weld_real, x / y)
WELD_SPAN_OF(div_int, int64_t, int64_t, int64_t, y == -1 ? negate(x) : x / y)
WELD_SPAN_OF(div_uint64, uint64_t, uint64_t, uint64_t, x / y)
static const weld_span_set div_spans = {div_float, div_int, div_uint64};

static weld_status infer_Div(weld_infer *inf, const weld_node *node, weld_error *err)
{
    return weld_pair_infer(inf, node, WELD_TYPES_NUMBER, WELD_UNDEFINED, err);
}

static weld_status run_Div(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const weld_status st = check_divisor(args, err);
    if (st != WELD_OK)
        return st;
    return weld_pair_run(args, node, weld_span_for(&div_spans, args->in[0]->dtype), err);
}

WELD_PAIR_DESCRIPTOR(Div, 1, 0);

typedef struct mod_attrs {
    int64_t fmod; /* the result has the sign of: 0 the divisor, 1 the dividend */
} mod_attrs;

static const weld_field mod_fields[] = {
    {"fmod", WELD_FIELD_INT, offsetof(mod_attrs, fmod), 0.0, NULL, false}, {0}};

static int64_t remainder_of(int64_t x, int64_t y)
{
    return y == -1 ? 0 : x % y;
}

static int64_t floored_remainder(int64_t x, int64_t y)
{
    const int64_t r = remainder_of(x, y);
    return r != 0 && (r < 0) != (y < 0) ? r + y : r;
}

WELD_SPAN_OF(fmod_float, weld_real, weld_real, weld_real, fmod(x, y))
WELD_SPAN_OF(fmod_int, int64_t, int64_t, int64_t, remainder_of(x, y))
WELD_SPAN_OF(mod_int, int64_t, int64_t, int64_t, floored_remainder(x, y))
WELD_SPAN_OF(mod_uint64, uint64_t, uint64_t, uint64_t, x % y)
static const weld_span_set mod_spans[2] = {{fmod_float, mod_int, mod_uint64},
                                           {fmod_float, fmod_int, mod_uint64}};

static weld_status mod_check(const weld_node *node, weld_error *err)
{
    const int64_t fmod_ = ((const mod_attrs *)node->attrs)->fmod;
    if (fmod_ != 0 && fmod_ != 1)
        return weld_fail(err, WELD_E_FORMAT, "fmod is %" PRId64 ", must be 0 or 1", fmod_);
    return WELD_OK;
}

static weld_status mod_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const bool by_fmod = ((const mod_attrs *)node->attrs)->fmod == 1;
    weld_shape shape;
    WELD_REQUIRE(by_fmod || !weld_dtype_is_float(weld_infer_dtype(inf, 0)), WELD_E_FORMAT,
                 "fmod is 0, must be 1 for floating-point inputs");
    WELD_TRY(weld_broadcast_shape(&shape, inf, node, 0, WELD_TYPES_NUMBER, err));
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

static weld_status mod_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const weld_span_set *spans = &mod_spans[((const mod_attrs *)node->attrs)->fmod];
    const weld_status st = check_divisor(args, err);
    if (st == WELD_OK)
        weld_broadcast_run(weld_span_for(spans, args->in[0]->dtype), args->in, 2, args->out[0]);
    return st;
}

WELD_DEFINE_OP(Mod) = {.name = "Mod",
                       .domain = "",
                       .opset_min = 10,
                       .opset_max = WELD_OPSET_MAX,
                       .inputs_min = 2,
                       .inputs_max = 2,
                       .outputs_min = 1,
                       .outputs_max = 1,
                       .fields = mod_fields,
                       .attrs_size = sizeof(mod_attrs),
                       .check = mod_check,
                       .infer = mod_infer,
                       .run = mod_run,
                       .tie = weld_broadcast_tie};

/* ---- Pow: the result has the type of the base ---------------------------------------- */

static int64_t int_by_double(double x, double y)
{
    return weld_int_from_double(pow(x, y));
}

/* Exact in wrapping arithmetic for y >= 0; a negative exponent leaves 0, 1, -1 (or no number). */
static int64_t int_power(int64_t x, int64_t y)
{
    if (y < 0)
        return int_by_double((double)x, (double)y);
    uint64_t base = (uint64_t)x, result = 1;
    for (; y > 0; y >>= 1) {
        if (y & 1)
            result *= base;
        base *= base;
    }
    return (int64_t)result;
}

WELD_SPAN_OF(pow_ff, weld_real, weld_real, weld_real, pow(x, y))
WELD_SPAN_OF(pow_fo, weld_real, weld_other_real, weld_real, (weld_real)pow((double)x, (double)y))
WELD_SPAN_OF(pow_fi, weld_real, int64_t, weld_real, (weld_real)pow((double)x, (double)y))
WELD_SPAN_OF(pow_fu, weld_real, uint64_t, weld_real, (weld_real)pow((double)x, (double)y))
WELD_SPAN_OF(pow_if, int64_t, weld_real, int64_t, int_by_double((double)x, (double)y))
WELD_SPAN_OF(pow_ii, int64_t, int64_t, int64_t, int_power(x, y))
WELD_SPAN_OF(pow_iu, int64_t, uint64_t, int64_t, int_by_double((double)x, (double)y))
static const weld_span_set pow_float_spans = {pow_ff, pow_fi, pow_fu};
static const weld_span_set pow_int_spans = {pow_if, pow_ii, pow_iu};

static weld_status infer_Pow(weld_infer *inf, const weld_node *node, weld_error *err)
{
    const unsigned bases = WELD_TYPES_FLOAT | 1u << WELD_INT32 | 1u << WELD_INT64;
    weld_shape exponent, shape;
    weld_status st = WELD_OK;
    WELD_TRY(weld_operand_type(inf, 0, bases, err));
    WELD_TRY(weld_operand_type(inf, 1, WELD_TYPES_NUMBER, err));
    WELD_REQUIRE(node->opset >= 12 || weld_infer_dtype(inf, 0) == weld_infer_dtype(inf, 1),
                 WELD_E_FORMAT, "base and exponent must have one element type before opset 12");
    const weld_shape *base = weld_infer_shape(inf, 0);
    WELD_TRY(weld_pair_view(&exponent, node, base, weld_infer_shape(inf, 1), err));
    WELD_TRY(weld_shape_broadcast(&shape, base, &exponent, err));
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err));
done:
    return st;
}

static weld_status run_Pow(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const bool is_float = weld_dtype_is_float(args->in[0]->dtype);
    const weld_span_set *spans = is_float ? &pow_float_spans : &pow_int_spans;
    weld_span_fn fn = weld_span_for(spans, args->in[1]->dtype);
    if (fn == pow_ff && !weld_is_real(args->in[1]))
        fn = pow_fo;
    return weld_pair_run(args, node, fn, err);
}

WELD_PAIR_DESCRIPTOR(Pow, 1, 0);
