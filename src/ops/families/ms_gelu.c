/* com.microsoft Gelu and BiasGelu (by erf), FastGelu (by tanh): y = gelu(x + bias). */
#include "ops/operand.h"
#include <inttypes.h>
#include <tgmath.h>

/* bias: [size of the last axis of x], may be left out */
static weld_status gelu_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    weld_status st = WELD_OK;
    const weld_shape *x = weld_infer_shape(inf, 0), *bias = weld_infer_shape(inf, 1);
    char tx[128], tb[128];
    if (bias) {
        WELD_TRY(weld_operand_type(inf, 1, WELD_TYPES_FLOAT, err));
        WELD_TRY(weld_operand_agree(inf, 0, 1, err));
        WELD_REQUIRE(bias->rank == 1 && x->rank > 0 && bias->dims[0] == x->dims[x->rank - 1],
                     WELD_E_FORMAT, "bias has shape %s, must be the last axis of the input %s",
                     weld_shape_text(bias, tb), weld_shape_text(x, tx));
    }
    WELD_TRY(weld_unary_infer(inf, WELD_TYPES_FLOAT, WELD_UNDEFINED, err));
done:
    return st;
}

static weld_status gelu_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)err;
    const bool by_tanh = node->op == &weld_op_MicrosoftFastGelu;
    const weld_real half_root = (weld_real)0.70710678118654752,
                    root_2_pi = (weld_real)0.79788456080286536;
    const weld_real *x = weld_reals(args->in[0]);
    const weld_real *bias = weld_node_input(node, 1) >= 0 ? weld_reals(args->in[1]) : NULL;
    const int64_t width = bias ? args->in[1]->shape.dims[0] : 1;
    const int64_t count = weld_shape_numel(&args->out[0]->shape);
    for (int64_t i = 0; i < count; i++) {
        const weld_real v = bias ? x[i] + bias[i % width] : x[i];
        const weld_real t = by_tanh ? tanh(root_2_pi * (v + (weld_real)0.044715 * v * v * v))
                                    : erf(v * half_root);
        weld_reals(args->out[0])[i] = 0.5f * v * (1.0f + t);
    }
    return WELD_OK;
}

#define GELU_OP(op, op_name, min, max)                                                             \
    WELD_DEFINE_OP(op) = {.name = (op_name),                                                       \
                          .domain = "com.microsoft",                                               \
                          .opset_min = 1,                                                          \
                          .opset_max = 1,                                                          \
                          .inputs_min = (min),                                                     \
                          .inputs_max = (max),                                                     \
                          .outputs_min = 1,                                                        \
                          .outputs_max = 1,                                                        \
                          .flags = WELD_OP_ACTIVATION,                                             \
                          .fields = weld_no_fields,                                                \
                          .infer = gelu_infer,                                                     \
                          .run = gelu_run,                                                         \
                          .tie = weld_tie_elementwise}

GELU_OP(MicrosoftBiasGelu, "BiasGelu", 2, 2);
GELU_OP(MicrosoftFastGelu, "FastGelu", 1, 2);
GELU_OP(MicrosoftGelu, "Gelu", 1, 1);
