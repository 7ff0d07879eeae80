/* LayerNormalization and RMSNormalization: each sample is normalised over its trailing axes. */
#include "ops/norm.h"
#include "ops/operand.h"
#include <stddef.h>

typedef struct layer_norm_attrs {
    float epsilon;
    int64_t axis;
} layer_norm_attrs;

/* stash_type only asks for a precision; we compute in float32 and sum in double. */
static const weld_field layer_norm_fields[] = {
    {"axis", WELD_FIELD_INT, offsetof(layer_norm_attrs, axis), -1.0, NULL, false},
    {"epsilon", WELD_FIELD_FLOAT, offsetof(layer_norm_attrs, epsilon), 1e-5, NULL, false},
    {"stash_type", WELD_FIELD_IGNORED, 0, 0.0, NULL, false},
    {0}};

static weld_status layer_norm_check(const weld_node *node, weld_error *err)
{
    return weld_check_epsilon(((const layer_norm_attrs *)node->attrs)->epsilon, err);
}

/* Scale and bias broadcast to the input, never the other way. */
static weld_status layer_norm_factor(const weld_infer *inf, int i, weld_error *err)
{
    static const char *const names[] = {"input", "scale", "bias"};
    const weld_shape *x = weld_infer_shape(inf, 0), *factor = weld_infer_shape(inf, i);
    char tx[128], tf[128];
    weld_shape both;
    weld_status st = weld_operand_type(inf, i, WELD_TYPES_FLOAT, err);
    if (st == WELD_OK)
        st = weld_shape_broadcast(&both, x, factor, err);
    if (st == WELD_OK && !weld_shape_equal(&both, x))
        st = weld_fail(err, WELD_E_FORMAT, "%s %s must broadcast to the input %s", names[i],
                       weld_shape_text(factor, tf), weld_shape_text(x, tx));
    return st;
}

static weld_status layer_norm_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const layer_norm_attrs *attrs = node->attrs;
    const weld_shape *x = weld_infer_shape(inf, 0);
    int axis;
    WELD_TRY(weld_operand_type(inf, 0, WELD_TYPES_FLOAT, err));
    WELD_TRY(weld_operand_axis(&axis, attrs->axis, x->rank, err));
    WELD_TRY(layer_norm_factor(inf, 1, err));
    if (weld_infer_shape(inf, 2))
        WELD_TRY(layer_norm_factor(inf, 2, err));
    WELD_TRY(
        weld_infer_set(inf, 0, weld_infer_dtype(inf, node->op->inputs_max == 2 ? 1 : 0), x, err));
    weld_shape statistic = *x; /* one value per sample: the normalised axes have size 1 */
    for (int k = axis; k < x->rank; k++)
        statistic.dims[k] = 1;
    WELD_TRY(weld_infer_set(inf, 1, WELD_FLOAT, &statistic, err));
    WELD_TRY(weld_infer_set(inf, 2, WELD_FLOAT, &statistic, err));
done:
    return st;
}

/* Where a factor that broadcasts to `shape` is read, one run of the last axis after the other. */
typedef struct factor_walk {
    const weld_real *at; /* NULL = there is no such factor */
    int64_t last, step[WELD_RANK_MAX], index[WELD_RANK_MAX];
} factor_walk;

static factor_walk factor_start(const weld_tensor *factor, const weld_shape *shape)
{
    factor_walk w = {0};
    if (!factor)
        return w;
    int64_t strides[WELD_RANK_MAX];
    weld_strides(strides, &factor->shape);
    const int shift = shape->rank - factor->shape.rank;
    for (int k = 0; k < factor->shape.rank; k++)
        w.step[k + shift] = factor->shape.dims[k] == 1 ? 0 : strides[k];
    w.last = w.step[shape->rank - 1];
    w.at = weld_reals(factor);
    return w;
}

static void factor_next(factor_walk *w, const weld_shape *shape)
{
    for (int k = shape->rank - 2; w->at && k >= 0; k--) {
        w->at += w->step[k];
        if (++w->index[k] < shape->dims[k])
            return;
        w->at -= w->step[k] * shape->dims[k];
        w->index[k] = 0;
    }
}

/* `centered`: LayerNormalization; else RMSNormalization, which takes the mean for 0. */
static void layer_norm_rows(const weld_kernel_args *args, const weld_node *node, bool centered)
{
    const layer_norm_attrs *attrs = node->attrs;
    const weld_shape *shape = &args->in[0]->shape;
    const int axis = (int)(attrs->axis < 0 ? attrs->axis + shape->rank : attrs->axis);
    const int64_t outer = weld_shape_span(shape, 0, axis);
    const int64_t count = weld_shape_span(shape, axis, shape->rank);
    const int64_t run = shape->dims[shape->rank - 1];
    const weld_real *x = weld_reals(args->in[0]);
    weld_real *y = weld_reals(args->out[0]);
    factor_walk scale = factor_start(args->in[1], shape);
    factor_walk bias = factor_start(weld_node_input(node, 2) >= 0 ? args->in[2] : NULL, shape);
    weld_tensor *mean = node->output_count > 1 ? args->out[1] : NULL;
    weld_tensor *inverse = node->output_count > 2 ? args->out[2] : NULL;
    for (int64_t o = 0; o < outer && count > 0; o++) {
        const weld_moments m = weld_moments_of(x, count, centered, (double)attrs->epsilon);
        if (mean)
            weld_tensor_set_number(mean, o, m.mean);
        if (inverse)
            weld_tensor_set_number(inverse, o, m.inverse);
        for (int64_t from = 0; from < count; from += run, x += run, y += run) {
            for (int64_t i = 0; i < run; i++) {
                const double n = ((double)x[i] - m.mean) * m.inverse;
                const double shift = bias.at ? (double)bias.at[i * bias.last] : 0.0;
                y[i] = (weld_real)(n * (double)scale.at[i * scale.last] + shift);
            }
            factor_next(&scale, shape);
            factor_next(&bias, shape);
        }
    }
}

static weld_status layer_norm_run(const weld_kernel_args *args, const weld_node *node,
                                  weld_error *err)
{
    (void)err;
    layer_norm_rows(args, node, true);
    return WELD_OK;
}

static weld_status rms_norm_run(const weld_kernel_args *args, const weld_node *node,
                                weld_error *err)
{
    (void)err;
    layer_norm_rows(args, node, false);
    return WELD_OK;
}

/* Mean and variance don't depend on the order of the units: they move with their scale and bias. */
static weld_status layer_norm_tie(weld_ties *ties, int index, const weld_node *node,
                                  weld_error *err)
{
    const layer_norm_attrs *attrs = node->attrs;
    const int x = node->inputs[0], y = node->outputs[0];
    const int rank = weld_tie_shape(ties, x)->rank;
    int axis;
    weld_status st = weld_operand_axis(&axis, attrs->axis, rank, err);
    if (st == WELD_OK)
        st = weld_tie_elementwise(ties, index, node, err);
    for (int k = 0; st == WELD_OK && k < rank; k++) {
        for (int i = 1; i < node->output_count && k < axis; i++)
            if (node->outputs[i] >= 0)
                weld_tie_axes(ties, x, k, node->outputs[i], k);
        if (k >= axis) {
            weld_tie_mix(ties, x, k);
            weld_tie_mix(ties, y, k);
        }
    }
    return st;
}

WELD_DEFINE_OP(LayerNormalization) = {.name = "LayerNormalization",
                                      .domain = "",
                                      .opset_min = 17,
                                      .opset_max = WELD_OPSET_MAX,
                                      .inputs_min = 2,
                                      .inputs_max = 3,
                                      .outputs_min = 1,
                                      .outputs_max = 3,
                                      .flags = WELD_OP_NORM,
                                      .fields = layer_norm_fields,
                                      .attrs_size = sizeof(layer_norm_attrs),
                                      .check = layer_norm_check,
                                      .infer = layer_norm_infer,
                                      .run = layer_norm_run,
                                      .tie = layer_norm_tie};

WELD_DEFINE_OP(RMSNormalization) = {.name = "RMSNormalization",
                                    .domain = "",
                                    .opset_min = 23,
                                    .opset_max = WELD_OPSET_MAX,
                                    .inputs_min = 2,
                                    .inputs_max = 2,
                                    .outputs_min = 1,
                                    .outputs_max = 1,
                                    .flags = WELD_OP_NORM,
                                    .fields = layer_norm_fields,
                                    .attrs_size = sizeof(layer_norm_attrs),
                                    .check = layer_norm_check,
                                    .infer = layer_norm_infer,
                                    .run = rms_norm_run,
                                    .tie = layer_norm_tie};
