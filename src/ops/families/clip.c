/* Thresholds: Clip, Shrink. */
#include "ops/move.h"
#include <float.h>
#include <inttypes.h>
#include <stddef.h>

/* ---- Clip: limits are attributes before opset 11, inputs 1 and 2 from then on --------- */

typedef struct clip_attrs {
    float min, max;
} clip_attrs;

static weld_status clip_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const clip_attrs *attrs = node->attrs;
    char text[128];
    WELD_TRY(weld_operand_type(inf, 0, WELD_TYPES_NUMBER, err));
    WELD_TRY(weld_check_moved(node, "min", attrs->min != -FLT_MAX, 1, 11, err));
    WELD_TRY(weld_check_moved(node, "max", attrs->max != FLT_MAX, 2, 11, err));
    for (int i = 1; i < node->input_count; i++) {
        const weld_shape *limit = weld_infer_shape(inf, i);
        if (!limit)
            continue;
        WELD_TRY(weld_operand_agree(inf, 0, i, err));
        WELD_REQUIRE(limit->rank <= 1 && weld_shape_numel(limit) == 1, WELD_E_FORMAT,
                     "limit %d has shape %s, must be a scalar", i, weld_shape_text(limit, text));
    }
    WELD_TRY(weld_infer_same(inf, node, err));
done:
    return st;
}

static void clip_integers(const weld_tensor *x, const weld_tensor *low, const weld_tensor *high,
                          weld_tensor *y)
{
    const int64_t lo = low ? weld_int_key(x->dtype, low->i[0]) : INT64_MIN;
    const int64_t hi = high ? weld_int_key(x->dtype, high->i[0]) : INT64_MAX;
    const int64_t count = weld_shape_numel(&x->shape);
    for (int64_t i = 0; i < count; i++) {
        const int64_t v = weld_int_key(x->dtype, x->i[i]), raised = v < lo ? lo : v;
        y->i[i] = weld_int_key(x->dtype, raised > hi ? hi : raised); /* its own inverse */
    }
}

/* NaN passes through; where the limits cross, the upper one wins. */
static weld_status clip_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)err;
    const clip_attrs *attrs = node->attrs;
    const weld_tensor *low = weld_node_input(node, 1) >= 0 ? args->in[1] : NULL;
    const weld_tensor *high = weld_node_input(node, 2) >= 0 ? args->in[2] : NULL;
    if (!weld_dtype_is_float(args->in[0]->dtype)) {
        clip_integers(args->in[0], low, high, args->out[0]);
        return WELD_OK;
    }
    const bool by_input = node->opset >= 11;
    const weld_real lo = low ? weld_reals(low)[0] : by_input ? -WELD_REAL_MAX : attrs->min;
    const weld_real hi = high ? weld_reals(high)[0] : by_input ? WELD_REAL_MAX : attrs->max;
    const weld_real *x = weld_reals(args->in[0]);
    weld_real *y = weld_reals(args->out[0]);
    const int64_t count = weld_shape_numel(&args->out[0]->shape);
    for (int64_t i = 0; i < count; i++) {
        const weld_real v = x[i] < lo ? lo : x[i];
        y[i] = v > hi ? hi : v;
    }
    return WELD_OK;
}

static const weld_field clip_fields[] = {
    {"min", WELD_FIELD_FLOAT, offsetof(clip_attrs, min), -FLT_MAX, NULL, false},
    {"max", WELD_FIELD_FLOAT, offsetof(clip_attrs, max), FLT_MAX, NULL, false},
    {"consumed_inputs", WELD_FIELD_IGNORED, 0, 0.0, NULL, false},
    {0}};

WELD_MOVE_OP(Clip, 1, 1, 3, .flags = WELD_OP_ACTIVATION, .static_inputs = 6, .fields = clip_fields,
             .attrs_size = sizeof(clip_attrs), .infer = clip_infer, .run = clip_run,
             .tie = weld_tie_elementwise);

/* ---- Shrink: 0 between -lambd and lambd, what is outside comes nearer by bias ---------- */

typedef struct shrink_attrs {
    float lambd, bias;
} shrink_attrs;

static weld_status shrink_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    return weld_unary_infer(inf, WELD_TYPES_NUMBER, WELD_UNDEFINED, err);
}

static weld_status shrink_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)err;
    const shrink_attrs *attrs = node->attrs;
    const weld_real lambd = attrs->lambd, bias = attrs->bias;
    const weld_tensor *x = args->in[0];
    weld_tensor *y = args->out[0];
    const int64_t count = weld_shape_numel(&x->shape);
    for (int64_t i = 0; i < count; i++) {
        if (weld_dtype_is_float(x->dtype)) {
            const weld_real v = weld_reals(x)[i];
            weld_reals(y)[i] = v < -lambd ? v + bias : v > lambd ? v - bias : v != v ? v : 0.0f;
        } else {
            const double v = weld_tensor_number(x, i), d = (double)attrs->bias;
            const double z = v < -(double)attrs->lambd  ? v + d
                             : v > (double)attrs->lambd ? v - d
                                                        : 0.0;
            y->i[i] = weld_int_from_double(z);
        }
    }
    weld_int_wrap_all(y);
    return WELD_OK;
}

static const weld_field shrink_fields[] = {
    {"lambd", WELD_FIELD_FLOAT, offsetof(shrink_attrs, lambd), 0.5, NULL, false},
    {"bias", WELD_FIELD_FLOAT, offsetof(shrink_attrs, bias), 0.0, NULL, false},
    {0}};

WELD_MOVE_OP(Shrink, 9, 1, 1, .flags = WELD_OP_ACTIVATION, .fields = shrink_fields,
             .attrs_size = sizeof(shrink_attrs), .infer = shrink_infer, .run = shrink_run,
             .tie = weld_tie_elementwise);
