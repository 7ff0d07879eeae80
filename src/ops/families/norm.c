/* BatchNormalization at inference: y = scale (x - mean) / sqrt(var + epsilon) + shift. */
#include "ops/norm.h"
#include <inttypes.h>
#include <tgmath.h>
#include <stddef.h>

typedef struct batch_norm_attrs {
    float epsilon;
    int64_t training_mode, spatial;
} batch_norm_attrs;

static const weld_field batch_norm_fields[] = {
    {"epsilon", WELD_FIELD_FLOAT, offsetof(batch_norm_attrs, epsilon), 1e-5, NULL, false},
    {"momentum", WELD_FIELD_IGNORED, 0, 0.0, NULL, false},
    {"training_mode", WELD_FIELD_INT, offsetof(batch_norm_attrs, training_mode), 0.0, NULL, false},
    {"spatial", WELD_FIELD_INT, offsetof(batch_norm_attrs, spatial), 1.0, NULL, false},
    {0}};

static weld_status batch_norm_check(const weld_node *node, weld_error *err)
{
    const batch_norm_attrs *attrs = node->attrs;
    if (attrs->training_mode != 0)
        return weld_fail(err, WELD_E_UNSUPPORTED, "training_mode is %" PRId64 ", supported: 0",
                         attrs->training_mode);
    if (attrs->spatial != 1)
        return weld_fail(err, WELD_E_UNSUPPORTED, "spatial is %" PRId64 ", supported: 1",
                         attrs->spatial);
    for (int i = 1; i < node->output_count; i++)
        if (node->outputs[i] >= 0)
            return weld_fail(err, WELD_E_UNSUPPORTED,
                             "output %d (a training statistic), supported: output 0", i);
    return weld_check_epsilon(attrs->epsilon, err);
}

static weld_status batch_norm_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    static const char *const names[] = {"input", "scale", "shift", "mean", "variance"};
    const weld_status st = batch_norm_check(node, err);
    if (st != WELD_OK)
        return st;
    const weld_shape *x = weld_infer_shape(inf, 0);
    char text[128];
    for (int i = 0; i < 5; i++) {
        const weld_shape *shape = weld_infer_shape(inf, i);
        if (!shape)
            return weld_fail(err, WELD_E_FORMAT, "%s is missing", names[i]);
        if (!weld_dtype_is_float(weld_infer_dtype(inf, i)))
            return weld_fail(err, WELD_E_FORMAT, "%s must have a floating-point type", names[i]);
        if (x->rank < 2)
            return weld_fail(err, WELD_E_FORMAT, "input has shape %s, rank must be 2 or more",
                             weld_shape_text(x, text));
        if (i > 0 && (shape->rank != 1 || shape->dims[0] != x->dims[1]))
            return weld_fail(err, WELD_E_FORMAT, "%s has shape %s, must be [%" PRId64 "]", names[i],
                             weld_shape_text(shape, text), x->dims[1]);
    }
    return weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), x, err);
}

static weld_status batch_norm_run(const weld_kernel_args *args, const weld_node *node,
                                  weld_error *err)
{
    (void)err;
    const batch_norm_attrs *attrs = node->attrs;
    const weld_shape *shape = &args->in[0]->shape; /* [N, C, ...] */
    const int64_t images = shape->dims[0], channels = shape->dims[1];
    const int64_t inner = weld_shape_span(shape, 2, shape->rank);
    const weld_real *scale = weld_reals(args->in[1]), *shift = weld_reals(args->in[2]);
    const weld_real *mean = weld_reals(args->in[3]), *variance = weld_reals(args->in[4]);
    for (int64_t c = 0; c < channels; c++) {
        const double a = (double)scale[c] / sqrt((double)variance[c] + (double)attrs->epsilon);
        const double b = (double)shift[c] - (double)mean[c] * a;
        for (int64_t n = 0; n < images; n++) {
            const int64_t at = (n * channels + c) * inner;
            const weld_real *x = weld_reals(args->in[0]) + at;
            weld_real *y = weld_reals(args->out[0]) + at;
            for (int64_t i = 0; i < inner; i++)
                y[i] = (weld_real)(a * (double)x[i] + b);
        }
    }
    return WELD_OK;
}

static weld_status batch_norm_tie(weld_ties *ties, int index, const weld_node *node,
                                  weld_error *err)
{
    (void)index, (void)err;
    const int x = node->inputs[0], y = node->outputs[0];
    const int rank = weld_tie_shape(ties, x)->rank;
    for (int k = 0; k < rank; k++)
        weld_tie_axes(ties, x, k, y, k);
    for (int i = 1; i < 5; i++)
        weld_tie_axes(ties, node->inputs[i], 0, y, 1);
    return WELD_OK;
}

WELD_DEFINE_OP(BatchNormalization) = {.name = "BatchNormalization",
                                      .domain = "",
                                      .opset_min = 7,
                                      .opset_max = WELD_OPSET_MAX,
                                      .inputs_min = 5,
                                      .inputs_max = 5,
                                      .outputs_min = 1,
                                      .outputs_max = 5,
                                      .flags = WELD_OP_NORM,
                                      .statistic_inputs = 1u << 3 | 1u << 4,
                                      .fields = batch_norm_fields,
                                      .attrs_size = sizeof(batch_norm_attrs),
                                      .check = batch_norm_check,
                                      .infer = batch_norm_infer,
                                      .run = batch_norm_run,
                                      .tie = batch_norm_tie};
