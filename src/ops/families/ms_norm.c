/* com.microsoft SkipLayerNormalization: the last axis of input + skip + bias is normalised. */
#include "ops/norm.h"
#include "ops/operand.h"
#include <inttypes.h>
#include <stddef.h>

enum { SKIP_X, SKIP_SKIP, SKIP_GAMMA, SKIP_BETA, SKIP_BIAS, SKIP_OUT_SUM = 3 };

typedef struct skip_norm_attrs {
    float epsilon;
} skip_norm_attrs;

static const weld_field skip_norm_fields[] = {
    {"epsilon", WELD_FIELD_FLOAT, offsetof(skip_norm_attrs, epsilon), 1e-12, NULL, false}, {0}};

static weld_status skip_norm_check(const weld_node *node, weld_error *err)
{
    return weld_check_epsilon(((const skip_norm_attrs *)node->attrs)->epsilon, err);
}

/* x: [B, S, H] or [S, H]; skip: as x, [1, S, H] or [S, H]; the others [H] */
static weld_status skip_norm_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    static const char *const names[] = {"input", "skip", "gamma", "beta", "bias"};
    weld_status st = WELD_OK;
    const weld_shape *x = weld_infer_shape(inf, SKIP_X), *skip = weld_infer_shape(inf, SKIP_SKIP);
    char tx[128], text[128];
    WELD_REQUIRE(node->outputs[0] >= 0, WELD_E_FORMAT, "output 0 is left out");
    for (int i = 1; i < node->output_count && i < SKIP_OUT_SUM; i++)
        WELD_REQUIRE(node->outputs[i] < 0, WELD_E_UNSUPPORTED,
                     "output %d (for training), supported: 0 and 3", i);
    for (int i = SKIP_X; i < node->input_count; i++)
        if (i <= SKIP_GAMMA || weld_infer_shape(inf, i)) {
            WELD_TRY(weld_operand_type(inf, i, WELD_TYPES_FLOAT, err));
            WELD_TRY(weld_operand_agree(inf, SKIP_X, i, err));
        }
    WELD_REQUIRE(x->rank == 2 || x->rank == 3, WELD_E_FORMAT,
                 "input has shape %s, must be of rank 2 or 3", weld_shape_text(x, tx));
    weld_shape tail = weld_shape_make(2, x->dims + x->rank - 2), one = *x;
    one.dims[0] = x->rank == 3 ? 1 : x->dims[0];
    WELD_REQUIRE(weld_shape_equal(skip, x) || weld_shape_equal(skip, &tail) ||
                     weld_shape_equal(skip, &one),
                 WELD_E_FORMAT, "skip has shape %s, must be that of the input %s but for the batch",
                 weld_shape_text(skip, text), weld_shape_text(x, tx));
    for (int i = SKIP_GAMMA; i < node->input_count; i++) {
        const weld_shape *factor = weld_infer_shape(inf, i);
        WELD_REQUIRE(!factor || (factor->rank == 1 && factor->dims[0] == tail.dims[1]),
                     WELD_E_FORMAT, "%s has shape %s, must be [%" PRId64 "]", names[i],
                     weld_shape_text(factor, text), tail.dims[1]);
    }
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, SKIP_X), x, err));
    WELD_TRY(weld_infer_set(inf, SKIP_OUT_SUM, weld_infer_dtype(inf, SKIP_X), x, err));
done:
    return st;
}

static weld_status skip_norm_run(const weld_kernel_args *args, const weld_node *node,
                                 weld_error *err)
{
    (void)err;
    const skip_norm_attrs *attrs = node->attrs;
    const weld_shape *shape = &args->in[SKIP_X]->shape;
    const int64_t width = shape->dims[shape->rank - 1], total = weld_shape_numel(shape);
    const int64_t period = weld_shape_numel(&args->in[SKIP_SKIP]->shape);
    const weld_real *gamma = weld_reals(args->in[SKIP_GAMMA]), *factor[2];
    for (int i = 0; i < 2; i++)
        factor[i] = weld_node_input(node, SKIP_BETA + i) >= 0 ? weld_reals(args->in[SKIP_BETA + i])
                                                              : NULL;
    const weld_real *beta = factor[0], *bias = factor[1];
    const bool keeps = SKIP_OUT_SUM < node->output_count && node->outputs[SKIP_OUT_SUM] >= 0;
    for (int64_t from = 0; from < total; from += width) {
        const weld_real *x = weld_reals(args->in[SKIP_X]) + from;
        const weld_real *skip = weld_reals(args->in[SKIP_SKIP]) + from % period;
        weld_real *y = weld_reals(args->out[0]) + from;
        weld_real *sum = keeps ? weld_reals(args->out[SKIP_OUT_SUM]) + from : y;
        for (int64_t i = 0; i < width; i++)
            sum[i] = x[i] + skip[i] + (bias ? bias[i] : 0);
        const weld_moments m = weld_moments_of(sum, width, true, (double)attrs->epsilon);
        for (int64_t i = 0; i < width; i++) {
            const double n = ((double)sum[i] - m.mean) * m.inverse * (double)gamma[i];
            y[i] = (weld_real)(n + (beta ? (double)beta[i] : 0.0));
        }
    }
    return WELD_OK;
}

static weld_status skip_norm_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    const int y = node->outputs[0], rank = weld_tie_shape(ties, y)->rank;
    const int sum = SKIP_OUT_SUM < node->output_count ? node->outputs[SKIP_OUT_SUM] : -1;
    for (int k = 0; k < rank; k++)
        weld_tie_axes(ties, sum, k, y, k);
    weld_tie_mix(ties, y, rank - 1);
    return weld_tie_elementwise(ties, index, node, err);
}

WELD_DEFINE_OP(MicrosoftSkipLayerNormalization) = {.name = "SkipLayerNormalization",
                                                   .domain = "com.microsoft",
                                                   .opset_min = 1,
                                                   .opset_max = 1,
                                                   .inputs_min = 3,
                                                   .inputs_max = 5,
                                                   .outputs_min = 1,
                                                   .outputs_max = 4,
                                                   .flags = WELD_OP_NORM,
                                                   .fields = skip_norm_fields,
                                                   .attrs_size = sizeof(skip_norm_attrs),
                                                   .check = skip_norm_check,
                                                   .infer = skip_norm_infer,
                                                   .run = skip_norm_run,
                                                   .tie = skip_norm_tie};
