/* Per channel y = a x + b: BatchNormalization at inference, ImageScaler. */
#include "ops/move.h"
#include "ops/norm.h"
#include <inttypes.h>
#include <tgmath.h>
#include <stddef.h>

/* ---- BatchNormalization: y = scale (x - mean) / sqrt(variance + epsilon) + shift ------ */

/* Before opset 9 `spatial` says what a channel is: 1 = axis 1, 0 = an entry of axes 1 and up. */
typedef struct batch_norm_attrs {
    float epsilon;
    int64_t training_mode, spatial, is_test;
} batch_norm_attrs;

static const weld_field batch_norm_fields[] = {
    {"epsilon", WELD_FIELD_FLOAT, offsetof(batch_norm_attrs, epsilon), 1e-5, NULL, false},
    {"momentum", WELD_FIELD_IGNORED, 0, 0.0, NULL, false},
    {"training_mode", WELD_FIELD_INT, offsetof(batch_norm_attrs, training_mode), 0.0, NULL, false},
    {"spatial", WELD_FIELD_INT, offsetof(batch_norm_attrs, spatial), 1.0, NULL, false},
    {"is_test", WELD_FIELD_INT, offsetof(batch_norm_attrs, is_test), 0.0, NULL, false},
    {"consumed_inputs", WELD_FIELD_IGNORED, 0, 0.0, NULL, false},
    {0}};

static weld_status batch_norm_check(const weld_node *node, weld_error *err)
{
    const batch_norm_attrs *attrs = node->attrs;
    if (attrs->training_mode != 0)
        return weld_fail(err, WELD_E_UNSUPPORTED, "training_mode is %" PRId64 ", supported: 0",
                         attrs->training_mode);
    if (node->opset < 7 && attrs->is_test == 0)
        return weld_fail(err, WELD_E_UNSUPPORTED, "is_test is 0 (training), supported: 1");
    if (attrs->spatial != 1 && (attrs->spatial != 0 || node->opset >= 9))
        return weld_fail(err, WELD_E_FORMAT, "spatial is %" PRId64 ", allowed: 1%s", attrs->spatial,
                         node->opset < 9 ? " or 0" : "");
    return weld_check_epsilon(attrs->epsilon, err);
}

/* The shape of scale, shift, mean and variance. */
static weld_shape batch_norm_channels(const weld_node *node, const weld_shape *x)
{
    const bool spatial = ((const batch_norm_attrs *)node->attrs)->spatial != 0;
    return weld_shape_make(spatial ? 1 : x->rank - 1, x->dims + 1);
}

static weld_status batch_norm_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    static const char *const names[] = {"input", "scale", "shift", "mean", "variance"};
    weld_status st = WELD_OK;
    char text[128], wanted[128];
    for (int i = 1; i < node->output_count; i++)
        WELD_REQUIRE(node->outputs[i] < 0, WELD_E_UNSUPPORTED,
                     "output %d (a training statistic), supported: output 0", i);
    for (int i = 0; i < 5; i++)
        WELD_TRY(weld_operand_type(inf, i, WELD_TYPES_FLOAT, err));
    const weld_shape *x = weld_infer_shape(inf, 0);
    WELD_REQUIRE(x->rank >= 2, WELD_E_FORMAT, "input has shape %s, rank must be 2 or more",
                 weld_shape_text(x, text));
    const weld_shape channels = batch_norm_channels(node, x);
    for (int i = 1; i < 5; i++)
        WELD_REQUIRE(weld_shape_equal(weld_infer_shape(inf, i), &channels), WELD_E_FORMAT,
                     "%s has shape %s, must be %s", names[i],
                     weld_shape_text(weld_infer_shape(inf, i), text),
                     weld_shape_text(&channels, wanted));
    WELD_TRY(weld_infer_same(inf, node, err));
done:
    return st;
}

/* y = a x + b; x, y: [images, channels, inner], channel c of each image. */
static void scale_channel(const weld_kernel_args *args, int64_t c, int64_t channels, int64_t inner,
                          double a, double b)
{
    const int64_t images = args->in[0]->shape.dims[0];
    for (int64_t n = 0; n < images; n++) {
        const int64_t at = (n * channels + c) * inner;
        const weld_real *x = weld_reals(args->in[0]) + at;
        weld_real *y = weld_reals(args->out[0]) + at;
        for (int64_t i = 0; i < inner; i++)
            y[i] = (weld_real)(a * (double)x[i] + b);
    }
}

/* The statistics may have another floating-point type than the input. */
static weld_status batch_norm_run(const weld_kernel_args *args, const weld_node *node,
                                  weld_error *err)
{
    (void)err;
    const double epsilon = (double)((const batch_norm_attrs *)node->attrs)->epsilon;
    const weld_shape *shape = &args->in[0]->shape;
    const weld_shape of_channels = batch_norm_channels(node, shape);
    const int64_t channels = weld_shape_numel(&of_channels);
    const int64_t inner = weld_shape_span(shape, 1 + of_channels.rank, shape->rank);
    for (int64_t c = 0; c < channels; c++) {
        const double scale = weld_tensor_number(args->in[1], c);
        const double shift = weld_tensor_number(args->in[2], c);
        const double mean = weld_tensor_number(args->in[3], c);
        const double a = scale / sqrt(weld_tensor_number(args->in[4], c) + epsilon);
        scale_channel(args, c, channels, inner, a, shift - mean * a);
    }
    return WELD_OK;
}

static weld_status batch_norm_tie(weld_ties *ties, int index, const weld_node *node,
                                  weld_error *err)
{
    (void)index, (void)err;
    const int x = node->inputs[0], y = node->outputs[0];
    const int rank = batch_norm_channels(node, weld_tie_shape(ties, x)).rank;
    weld_tie_other_axes(ties, x, y, -1);
    for (int i = 1; i < 5; i++)
        for (int k = 0; k < rank; k++)
            weld_tie_axes(ties, node->inputs[i], k, y, 1 + k);
    return WELD_OK;
}

WELD_DEFINE_OP(BatchNormalization) = {.name = "BatchNormalization",
                                      .domain = "",
                                      .opset_min = 1,
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

/* ---- ImageScaler: y = scale x + bias (experimental in early ONNX) --------------------- */

typedef struct image_scaler_attrs {
    float scale;
    weld_floats bias; /* one per channel */
} image_scaler_attrs;

static const weld_field image_scaler_fields[] = {
    {"scale", WELD_FIELD_FLOAT, offsetof(image_scaler_attrs, scale), 1.0, NULL, false},
    {"bias", WELD_FIELD_FLOATS, offsetof(image_scaler_attrs, bias), 0.0, NULL, true},
    {0}};

static weld_status image_scaler_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_floats *bias = &((const image_scaler_attrs *)node->attrs)->bias;
    char text[128];
    WELD_TRY(weld_operand_type(inf, 0, WELD_TYPES_FLOAT, err));
    const weld_shape *x = weld_infer_shape(inf, 0);
    WELD_REQUIRE(x->rank == 4 && x->dims[1] == bias->count, WELD_E_FORMAT,
                 "input has shape %s, must be [N, %" PRId64 ", H, W]", weld_shape_text(x, text),
                 bias->count);
    WELD_TRY(weld_infer_same(inf, node, err));
done:
    return st;
}

static weld_status image_scaler_run(const weld_kernel_args *args, const weld_node *node,
                                    weld_error *err)
{
    (void)err;
    const image_scaler_attrs *attrs = node->attrs;
    const int64_t inner = weld_shape_span(&args->in[0]->shape, 2, 4);
    for (int64_t c = 0; c < attrs->bias.count; c++)
        scale_channel(args, c, attrs->bias.count, inner, (double)attrs->scale,
                      (double)attrs->bias.at[c]);
    return WELD_OK;
}

static weld_status image_scaler_tie(weld_ties *ties, int index, const weld_node *node,
                                    weld_error *err)
{
    (void)err;
    const weld_floats *bias = &((const image_scaler_attrs *)node->attrs)->bias;
    weld_tie_other_axes(ties, node->inputs[0], node->outputs[0], -1);
    for (int64_t c = 1; c < bias->count; c++)
        if (bias->at[c] != bias->at[0])
            weld_tie_pin(ties, index, node->outputs[0], 1, "each channel has a bias of its own");
    return WELD_OK;
}

WELD_MOVE_OP(ImageScaler, 1, 1, 1, .fields = image_scaler_fields,
             .attrs_size = sizeof(image_scaler_attrs), .infer = image_scaler_infer,
             .run = image_scaler_run, .tie = image_scaler_tie);
