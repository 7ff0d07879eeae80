/* Functions of one element: rounding, exponentials, trigonometry, tests, logic. */
#include "ops/operand.h"
#include <tgmath.h>
#include <stddef.h>

#define UNARY_INFER(op, types, result)                                                             \
    static weld_status infer_##op(weld_infer *inf, const weld_node *node, weld_error *err)         \
    {                                                                                              \
        (void)node;                                                                                \
        return weld_unary_infer(inf, (types), (result), err);                                      \
    }

#define UNARY_DESCRIPTOR(op, opset, op_flags, op_fields, size)                                     \
    WELD_DEFINE_OP(op) = {.name = #op,                                                             \
                          .domain = "",                                                            \
                          .opset_min = (opset),                                                    \
                          .opset_max = WELD_OPSET_MAX,                                             \
                          .inputs_min = 1,                                                         \
                          .inputs_max = 1,                                                         \
                          .outputs_min = 1,                                                        \
                          .outputs_max = 1,                                                        \
                          .flags = (op_flags),                                                     \
                          .fields = (op_fields),                                                   \
                          .attrs_size = (size),                                                    \
                          .infer = infer_##op,                                                     \
                          .run = run_##op,                                                         \
                          .tie = weld_tie_elementwise}

/* ---- functions of floating point --------------------------------------------------- */

#define APPLY(name, expr)                                                                          \
    static void name(const weld_tensor *x, weld_tensor *y)                                         \
    {                                                                                              \
        const int64_t count = weld_shape_numel(&x->shape);                                         \
        for (int64_t i = 0; i < count; i++) {                                                      \
            const weld_real v = weld_reals(x)[i];                                                  \
            weld_reals(y)[i] = (expr);                                                             \
        }                                                                                          \
    }

/* All of them are nonlinear. Comparisons are written so that NaN passes through. */
#define FLOAT_OP(op, opset, expr)                                                                  \
    APPLY(apply_##op, expr)                                                                        \
    static weld_status run_##op(const weld_kernel_args *args, const weld_node *node,               \
                                weld_error *err)                                                   \
    {                                                                                              \
        (void)node, (void)err;                                                                     \
        apply_##op(args->in[0], args->out[0]);                                                     \
        return WELD_OK;                                                                            \
    }                                                                                              \
    UNARY_INFER(op, WELD_TYPES_FLOAT, WELD_UNDEFINED)                                              \
    UNARY_DESCRIPTOR(op, opset, WELD_OP_ACTIVATION, weld_in_place_fields, 0)

FLOAT_OP(Acos, 7, acos(v));
FLOAT_OP(Acosh, 9, acosh(v));
FLOAT_OP(Asin, 7, asin(v));
FLOAT_OP(Asinh, 9, asinh(v));
FLOAT_OP(Atan, 7, atan(v));
FLOAT_OP(Atanh, 9, atanh(v));
FLOAT_OP(Ceil, 1, ceil(v));
FLOAT_OP(Cos, 7, cos(v));
FLOAT_OP(Cosh, 9, cosh(v));
FLOAT_OP(Erf, 9, erf(v));
FLOAT_OP(Exp, 1, exp(v));
FLOAT_OP(Floor, 1, floor(v));
FLOAT_OP(Log, 1, log(v));
FLOAT_OP(Reciprocal, 1, 1.0f / v);
FLOAT_OP(Round, 11, nearbyint(v)); /* halves to even: the rounding mode is never changed */
FLOAT_OP(Sin, 7, sin(v));
FLOAT_OP(Sinh, 9, sinh(v));
FLOAT_OP(Sqrt, 1, sqrt(v));
FLOAT_OP(Tan, 7, tan(v));

/* ---- functions of integers too ------------------------------------------------------- */

#define APPLY_INT(name, expr)                                                                      \
    static void name(const weld_tensor *x, weld_tensor *y)                                         \
    {                                                                                              \
        const int64_t count = weld_shape_numel(&x->shape);                                         \
        for (int64_t i = 0; i < count; i++) {                                                      \
            const int64_t v = x->i[i];                                                             \
            y->i[i] = (expr);                                                                      \
        }                                                                                          \
        weld_int_wrap_all(y);                                                                      \
    }

#define NUMBER_OP(op, opset, op_flags, types, on_float, on_int)                                    \
    APPLY(float_##op, on_float)                                                                    \
    APPLY_INT(int_##op, on_int)                                                                    \
    static weld_status run_##op(const weld_kernel_args *args, const weld_node *node,               \
                                weld_error *err)                                                   \
    {                                                                                              \
        (void)node, (void)err;                                                                     \
        if (weld_dtype_is_float(args->in[0]->dtype))                                               \
            float_##op(args->in[0], args->out[0]);                                                 \
        else                                                                                       \
            int_##op(args->in[0], args->out[0]);                                                   \
        return WELD_OK;                                                                            \
    }                                                                                              \
    UNARY_INFER(op, types, WELD_UNDEFINED)                                                         \
    UNARY_DESCRIPTOR(op, opset, op_flags, weld_in_place_fields, 0)

static int64_t negate(int64_t v)
{
    return (int64_t)(0 - (uint64_t)v);
}

/* Half of the values of uint64 are negative as int64. */
static bool is_below_zero(const weld_tensor *x, int64_t v)
{
    return v < 0 && x->dtype != WELD_UINT64;
}

NUMBER_OP(Abs, 1, WELD_OP_ACTIVATION, WELD_TYPES_NUMBER, fabs(v),
          is_below_zero(x, v) ? negate(v) : v);
NUMBER_OP(Neg, 1, 0, WELD_TYPES_SIGNED | WELD_TYPES_FLOAT, -v, negate(v));
NUMBER_OP(Sign, 9, WELD_OP_ACTIVATION, WELD_TYPES_NUMBER,
          v > 0   ? 1.0f
          : v < 0 ? -1.0f
                  : v,
          v == 0                ? 0
          : is_below_zero(x, v) ? -1
                                : 1);

/* ---- logic and bits -------------------------------------------------------------------- */

#define INTEGER_OP(op, opset, types, expr)                                                         \
    APPLY_INT(int_##op, expr)                                                                      \
    static weld_status run_##op(const weld_kernel_args *args, const weld_node *node,               \
                                weld_error *err)                                                   \
    {                                                                                              \
        (void)node, (void)err;                                                                     \
        int_##op(args->in[0], args->out[0]);                                                       \
        return WELD_OK;                                                                            \
    }                                                                                              \
    UNARY_INFER(op, types, WELD_UNDEFINED)                                                         \
    UNARY_DESCRIPTOR(op, opset, 0, weld_no_fields, 0)

INTEGER_OP(BitwiseNot, 18, WELD_TYPES_INTEGER, ~v);
INTEGER_OP(Not, 1, WELD_TYPES_BOOL, v == 0);

/* ---- tests of floating point: bool results ------------------------------------------------ */

UNARY_INFER(IsNaN, WELD_TYPES_FLOAT, WELD_BOOL)
UNARY_INFER(IsInf, WELD_TYPES_FLOAT, WELD_BOOL)

static weld_status run_IsNaN(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)node, (void)err;
    const int64_t count = weld_shape_numel(&args->in[0]->shape);
    for (int64_t i = 0; i < count; i++)
        args->out[0]->i[i] = isnan(weld_reals(args->in[0])[i]) != 0;
    return WELD_OK;
}

UNARY_DESCRIPTOR(IsNaN, 9, 0, weld_no_fields, 0);

typedef struct is_inf_attrs {
    int64_t negative, positive;
} is_inf_attrs;

static const weld_field is_inf_fields[] = {
    {"detect_negative", WELD_FIELD_INT, offsetof(is_inf_attrs, negative), 1.0, NULL, false},
    {"detect_positive", WELD_FIELD_INT, offsetof(is_inf_attrs, positive), 1.0, NULL, false},
    {0}};

static weld_status run_IsInf(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)err;
    const is_inf_attrs *attrs = node->attrs;
    const int64_t count = weld_shape_numel(&args->in[0]->shape);
    for (int64_t i = 0; i < count; i++) {
        const weld_real v = weld_reals(args->in[0])[i];
        const bool wanted = (v < 0 ? attrs->negative : attrs->positive) != 0;
        args->out[0]->i[i] = isinf(v) && wanted;
    }
    return WELD_OK;
}

UNARY_DESCRIPTOR(IsInf, 10, 0, is_inf_fields, sizeof(is_inf_attrs));
