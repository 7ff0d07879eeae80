/* GroupNormalization and InstanceNormalization: each image is normalised per block of channels,
 * over all positions. */
#include "ops/norm.h"
#include "ops/operand.h"
#include <inttypes.h>
#include <stddef.h>

typedef struct group_norm_attrs {
    float epsilon;
    int64_t groups; /* 0 = one per channel (InstanceNormalization has no such attribute) */
} group_norm_attrs;

/* stash_type only asks for a precision. */
static const weld_field group_norm_fields[] = {
    {"epsilon", WELD_FIELD_FLOAT, offsetof(group_norm_attrs, epsilon), 1e-5, NULL, false},
    {"num_groups", WELD_FIELD_INT, offsetof(group_norm_attrs, groups), 0.0, NULL, true},
    {"stash_type", WELD_FIELD_IGNORED, 0, 0.0, NULL, false},
    {0}};
static const weld_field instance_norm_fields[] = {
    {"epsilon", WELD_FIELD_FLOAT, offsetof(group_norm_attrs, epsilon), 1e-5, NULL, false},
    {"consumed_inputs", WELD_FIELD_IGNORED, 0, 0.0, NULL, false},
    {0}};

static weld_status group_norm_check(const weld_node *node, weld_error *err)
{
    const group_norm_attrs *attrs = node->attrs;
    if (node->op == &weld_op_GroupNormalization && (attrs->groups < 1 || attrs->groups > INT32_MAX))
        return weld_fail(err, WELD_E_FORMAT, "num_groups is %" PRId64 ", must be in 1..%d",
                         attrs->groups, INT32_MAX);
    return weld_check_epsilon(attrs->epsilon, err);
}

/* x: [N, C, ...] seen as [N, groups, channels of a group, inner] */
typedef struct group_layout {
    int64_t images, groups, channels, inner;
    bool per_group; /* scale and bias are [groups] (before opset 21), not [C] */
} group_layout;

static group_layout group_layout_of(const weld_node *node, const weld_shape *x)
{
    const group_norm_attrs *attrs = node->attrs;
    const int64_t groups = attrs->groups ? attrs->groups : x->dims[1];
    return (group_layout){.images = x->dims[0],
                          .groups = groups,
                          .channels = groups ? x->dims[1] / groups : 0,
                          .inner = weld_shape_span(x, 2, x->rank),
                          .per_group = attrs->groups && node->opset < 21};
}

static weld_status group_norm_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const group_norm_attrs *attrs = node->attrs;
    const weld_shape *x = weld_infer_shape(inf, 0);
    char text[128];
    for (int i = 0; i < 3; i++)
        WELD_TRY(weld_operand_type(inf, i, WELD_TYPES_FLOAT, err));
    WELD_REQUIRE(x->rank >= 3, WELD_E_FORMAT, "input has shape %s, rank must be 3 or more",
                 weld_shape_text(x, text));
    WELD_REQUIRE(!attrs->groups || x->dims[1] % attrs->groups == 0, WELD_E_FORMAT,
                 "num_groups is %" PRId64 ", must divide %" PRId64 " channels", attrs->groups,
                 x->dims[1]);
    const group_layout l = group_layout_of(node, x);
    const int64_t want = l.per_group ? l.groups : x->dims[1];
    for (int i = 1; i < 3; i++) {
        const weld_shape *factor = weld_infer_shape(inf, i);
        WELD_REQUIRE(factor->rank == 1 && factor->dims[0] == want, WELD_E_FORMAT,
                     "%s has shape %s, must be [%" PRId64 "]", i == 1 ? "scale" : "bias",
                     weld_shape_text(factor, text), want);
    }
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), x, err));
done:
    return st;
}

static weld_status group_norm_run(const weld_kernel_args *args, const weld_node *node,
                                  weld_error *err)
{
    (void)err;
    const group_norm_attrs *attrs = node->attrs;
    const group_layout l = group_layout_of(node, &args->in[0]->shape);
    const weld_real *scale = weld_reals(args->in[1]), *bias = weld_reals(args->in[2]);
    const int64_t count = l.channels * l.inner;
    if (count == 0)
        return WELD_OK;
    for (int64_t block = 0; block < l.images * l.groups; block++) {
        const int64_t group = block % l.groups;
        const weld_moments m = weld_moments_of(weld_reals(args->in[0]) + block * count, count, true,
                                               (double)attrs->epsilon);
        for (int64_t c = 0; c < l.channels; c++) {
            const int64_t factor = l.per_group ? group : group * l.channels + c;
            const double a = (double)scale[factor] * m.inverse;
            const double b = (double)bias[factor] - m.mean * a;
            const weld_real *x = weld_reals(args->in[0]) + block * count + c * l.inner;
            weld_real *y = weld_reals(args->out[0]) + block * count + c * l.inner;
            for (int64_t i = 0; i < l.inner; i++)
                y[i] = (weld_real)(a * (double)x[i] + b);
        }
    }
    return WELD_OK;
}

/* One group, or one per channel: channels are alike. Else only those of a group are, and the ties
 * of an axis can't say so. */
static weld_status group_norm_tie(weld_ties *ties, int index, const weld_node *node,
                                  weld_error *err)
{
    (void)err;
    const int x = node->inputs[0], y = node->outputs[0];
    const weld_shape *shape = weld_tie_shape(ties, x);
    const group_layout l = group_layout_of(node, shape);
    const bool blocks = l.groups > 1 && l.channels > 1;
    weld_tie_axes(ties, x, 0, y, 0);
    weld_tie_axes(ties, x, 1, y, 1);
    for (int i = 1; i < 3; i++) {
        if (!l.per_group || l.channels == 1)
            weld_tie_axes(ties, node->inputs[i], 0, y, 1);
        if (blocks && l.per_group)
            weld_tie_blocks(ties, index, node->inputs[i], 0, 0, l.groups, 1);
    }
    if (blocks)
        weld_tie_blocks(ties, index, y, 1, 0, l.groups, l.channels);
    if (l.groups < shape->dims[1]) {
        weld_tie_mix(ties, x, 1);
        weld_tie_mix(ties, y, 1);
    }
    for (int k = 2; k < shape->rank; k++) {
        weld_tie_axes(ties, x, k, y, k);
        weld_tie_mix(ties, y, k);
    }
    return WELD_OK;
}

WELD_DEFINE_OP(GroupNormalization) = {.name = "GroupNormalization",
                                      .domain = "",
                                      .opset_min = 18,
                                      .opset_max = WELD_OPSET_MAX,
                                      .inputs_min = 3,
                                      .inputs_max = 3,
                                      .outputs_min = 1,
                                      .outputs_max = 1,
                                      .flags = WELD_OP_NORM,
                                      .fields = group_norm_fields,
                                      .attrs_size = sizeof(group_norm_attrs),
                                      .check = group_norm_check,
                                      .infer = group_norm_infer,
                                      .run = group_norm_run,
                                      .tie = group_norm_tie};

WELD_DEFINE_OP(InstanceNormalization) = {.name = "InstanceNormalization",
                                         .domain = "",
                                         .opset_min = 1,
                                         .opset_max = WELD_OPSET_MAX,
                                         .inputs_min = 3,
                                         .inputs_max = 3,
                                         .outputs_min = 1,
                                         .outputs_max = 1,
                                         .flags = WELD_OP_NORM,
                                         .fields = instance_norm_fields,
                                         .attrs_size = sizeof(group_norm_attrs),
                                         .check = group_norm_check,
                                         .infer = group_norm_infer,
                                         .run = group_norm_run,
                                         .tie = group_norm_tie};
