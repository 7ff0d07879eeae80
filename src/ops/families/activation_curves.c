/* Activations with curves and parameters of their own: Elu, Gelu, Softplus and their kin. */
#include "ops/operand.h"
#include <inttypes.h>
#include <tgmath.h>
#include <stddef.h>

typedef struct curve_attrs {
    float alpha, beta, gamma;
    int64_t approximate; /* Gelu: 0 by erf, 1 by tanh */
} curve_attrs;

#define FIELD(name, value)                                                                         \
    {                                                                                              \
#name, WELD_FIELD_FLOAT, offsetof(curve_attrs, name), (value), NULL, false                 \
    }

static const char *const approximate_names[] = {"none", "tanh", NULL};
#define CONSUMED                                                                                   \
    {                                                                                              \
        "consumed_inputs", WELD_FIELD_IGNORED, 0, 0.0, NULL, false                                 \
    }
static const weld_field alpha_fields[] = {FIELD(alpha, 1.0), {0}};
static const weld_field elu_fields[] = {FIELD(alpha, 1.0), CONSUMED, {0}};
static const weld_field selu_fields[] = {
    FIELD(alpha, 1.67326319217681884765625), FIELD(gamma, 1.05070102214813232421875), {0}};
static const weld_field hard_sigmoid_fields[] = {
    FIELD(alpha, 0.2), FIELD(beta, 0.5), CONSUMED, {0}};
static const weld_field gelu_fields[] = {{"approximate", WELD_FIELD_ENUM,
                                          offsetof(curve_attrs, approximate), 0.0,
                                          approximate_names, false},
                                         {0}};

static weld_status infer_curve(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    return weld_unary_infer(inf, WELD_TYPES_FLOAT, WELD_UNDEFINED, err);
}

/* Celu divides by alpha, and no curve is defined with a parameter that is no number. */
static weld_status check_curve(const weld_node *node, weld_error *err)
{
    const curve_attrs *attrs = node->attrs;
    if (!isfinite(attrs->alpha) || !isfinite(attrs->beta) || !isfinite(attrs->gamma))
        return weld_fail(err, WELD_E_FORMAT, "alpha, beta, gamma are %g, %g, %g, must be finite",
                         (double)attrs->alpha, (double)attrs->beta, (double)attrs->gamma);
    if (node->op == &weld_op_Celu && attrs->alpha == 0.0f)
        return weld_fail(err, WELD_E_FORMAT, "alpha is 0, must be another number");
    return WELD_OK;
}

/* A curve: its name, first opset, fields, and the value at v with the attributes p. */
#define CURVE_OP(op, opset, op_fields, expr)                                                       \
    static weld_status run_##op(const weld_kernel_args *args, const weld_node *node,               \
                                weld_error *err)                                                   \
    {                                                                                              \
        (void)err;                                                                                 \
        const curve_attrs *p = node->attrs;                                                        \
        (void)p;                                                                                   \
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
                          .fields = (op_fields),                                                   \
                          .attrs_size = sizeof(curve_attrs),                                       \
                          .check = check_curve,                                                    \
                          .infer = infer_curve,                                                    \
                          .run = run_##op,                                                         \
                          .tie = weld_tie_elementwise}

/* NaN passes through. */
static inline weld_real clip_to_one(weld_real v)
{
    return v < 0.0f ? 0.0f : v > 1.0f ? 1.0f : v;
}

/* log(1 + exp(v)); the exponent is never positive. */
static inline weld_real softplus(weld_real v)
{
    return v > 0.0f ? v + log1p(exp(-v)) : log1p(exp(v));
}

static inline weld_real gelu(weld_real v, bool by_tanh)
{
    const weld_real half_root = (weld_real)0.70710678118654752,
                    root_2_pi = (weld_real)0.79788456080286536;
    const weld_real t = by_tanh ? tanh(root_2_pi * (v + (weld_real)0.044715 * v * v * v))
                                : erf(v * half_root);
    return 0.5f * v * (1.0f + t);
}

CURVE_OP(Celu, 12, alpha_fields, v < 0.0f ? p->alpha * expm1(v / p->alpha) : v);
CURVE_OP(Elu, 1, elu_fields, v < 0.0f ? p->alpha * expm1(v) : v);
CURVE_OP(Gelu, 20, gelu_fields, gelu(v, p->approximate == 1));
CURVE_OP(HardSigmoid, 1, hard_sigmoid_fields, clip_to_one(p->alpha *v + p->beta));
CURVE_OP(HardSwish, 14, weld_no_fields, v *clip_to_one(v / 6.0f + 0.5f));
CURVE_OP(Mish, 18, weld_no_fields, v *tanh(softplus(v)));
CURVE_OP(Selu, 6, selu_fields, p->gamma *(v < 0.0f ? p->alpha * expm1(v) : v));
CURVE_OP(Softplus, 1, weld_no_fields, softplus(v));
CURVE_OP(Softsign, 1, weld_no_fields, v / (1.0f + fabs(v)));
CURVE_OP(Swish, 24, alpha_fields, v / (1.0f + exp(-p->alpha * v)));
CURVE_OP(ThresholdedRelu, 10, alpha_fields, v <= p->alpha ? 0.0f : v);
