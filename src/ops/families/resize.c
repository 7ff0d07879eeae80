/* Resize and Upsample: one pass per axis that changes. */
#include "ops/resample.h"
#include <stddef.h>
#include <string.h>

static const char *const mode_names[] = {"nearest", "linear", "cubic", NULL};
static const char *const upsample_mode_names[] = {"nearest", "linear", NULL};
static const char *const coordinate_names[] = {
    "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
    "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize", NULL};
static const char *const nearest_names[] = {"round_prefer_floor", "round_prefer_ceil", "floor",
                                            "ceil", NULL};
static const char *const aspect_names[] = {"stretch", "not_larger", "not_smaller", NULL};

#define RESIZE_FIELD(field, of_kind) .kind = (of_kind), .offset = offsetof(weld_resize_attrs, field)
static const weld_field resize_fields[] = {
    {.name = "antialias", RESIZE_FIELD(antialias, WELD_FIELD_INT)},
    {.name = "axes", RESIZE_FIELD(axes, WELD_FIELD_INTS)},
    {.name = "coordinate_transformation_mode",
     RESIZE_FIELD(coordinates, WELD_FIELD_ENUM),
     .names = coordinate_names},
    {.name = "cubic_coeff_a", RESIZE_FIELD(cubic_a, WELD_FIELD_FLOAT), .fallback = -0.75},
    {.name = "exclude_outside", RESIZE_FIELD(exclude_outside, WELD_FIELD_INT)},
    {.name = "extrapolation_value", RESIZE_FIELD(extrapolation, WELD_FIELD_FLOAT)},
    {.name = "keep_aspect_ratio_policy",
     RESIZE_FIELD(aspect, WELD_FIELD_ENUM),
     .names = aspect_names},
    {.name = "mode", RESIZE_FIELD(mode, WELD_FIELD_ENUM), .names = mode_names},
    {.name = "nearest_mode", RESIZE_FIELD(nearest, WELD_FIELD_ENUM), .names = nearest_names},
    {0}};
static const weld_field upsample_fields[] = {
    {.name = "mode", RESIZE_FIELD(mode, WELD_FIELD_ENUM), .names = upsample_mode_names},
    {.name = "scales", RESIZE_FIELD(scales, WELD_FIELD_FLOATS)},
    {0}};

static weld_status resize_check(const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_resize_attrs *attrs = node->attrs;
    WELD_REQUIRE(node->opset >= 11 || attrs->mode != WELD_RESIZE_CUBIC, WELD_E_FORMAT,
                 "mode is cubic, before opset 11 it must be nearest or linear");
    WELD_REQUIRE(!attrs->antialias || attrs->mode != WELD_RESIZE_NEAREST, WELD_E_FORMAT,
                 "antialias with mode nearest, must be with linear or cubic");
done:
    return st;
}

/* Linear takes the integers that onnxruntime takes; nearest only moves elements. */
static unsigned types_of(const weld_resize_attrs *attrs)
{
    if (attrs->mode == WELD_RESIZE_NEAREST)
        return WELD_TYPES_ANY;
    if (attrs->mode == WELD_RESIZE_CUBIC || attrs->antialias)
        return WELD_TYPES_FLOAT;
    return WELD_TYPES_FLOAT | 1u << WELD_INT8 | 1u << WELD_UINT8 | 1u << WELD_INT32;
}

static weld_status resize_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st;
    const weld_resize_attrs *attrs = node->attrs;
    const weld_resize_slots slots = weld_resize_slots_of(node);
    weld_resize_inputs in = {0};
    weld_resample r;
    WELD_TRY(weld_operand_type(inf, 0, types_of(attrs), err));
    WELD_REQUIRE(node->input_count <= (node->opset < 9    ? 1
                                       : node->opset < 11 ? 2
                                                          : 4),
                 WELD_E_FORMAT, "%d inputs, opset %d has fewer", node->input_count, node->opset);
    if (weld_node_input(node, slots.roi) >= 0 && attrs->coordinates == WELD_COORD_TF_CROP)
        WELD_TRY(weld_infer_need(&in.roi, inf, slots.roi, err));
    if (weld_node_input(node, slots.scales) >= 0)
        WELD_TRY(weld_infer_need(&in.scales, inf, slots.scales, err));
    if (weld_node_input(node, slots.sizes) >= 0)
        WELD_TRY(weld_infer_need(&in.sizes, inf, slots.sizes, err));
    weld_shape y = *weld_infer_shape(inf, 0);
    WELD_TRY(weld_resample_init(&r, node, &y, &in, err));
    for (int a = 0; a < r.rank; a++)
        y.dims[a] = r.axis[a].out;
    st = weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &y, err);
done:
    return st;
}

/* ---- kernel -------------------------------------------------------------------------------- */

static const weld_tensor *input_of(const weld_kernel_args *args, const weld_node *node, int slot)
{
    return slot < node->input_count ? args->in[slot] : NULL;
}

/* Scratch: two buffers for what passes leave, indices and weights of one axis [out, taps]. No pass
 * leaves more than the input or the output holds, because axes that shrink come first. */
typedef struct resize_scratch {
    size_t buffer_bytes, table_count;
} resize_scratch;

static resize_scratch scratch_of(const weld_kernel_args *args, const weld_node *node)
{
    const weld_shape *x = &args->in[0]->shape, *y = &args->out[0]->shape;
    resize_scratch need = {0, 0};
    const int64_t in = weld_shape_numel(x), out = weld_shape_numel(y);
    if (in == 0 || out == 0)
        return need;
    const size_t size = weld_compute_size(args->in[0]->dtype),
                 count = (size_t)(in > out ? in : out);
    need.buffer_bytes = (count * size + 7) / 8 * 8;
    for (int a = 0; a < x->rank; a++) {
        const int64_t taps = weld_resample_taps_max(node->attrs, x->dims[a], y->dims[a]);
        const size_t entries = (size_t)taps * (size_t)y->dims[a];
        need.table_count = need.table_count > entries ? need.table_count : entries;
    }
    return need;
}

static size_t resize_scratch_bytes(const weld_kernel_args *args, const weld_node *node)
{
    const resize_scratch need = scratch_of(args, node);
    return 2 * need.buffer_bytes + need.table_count * (sizeof(int64_t) + sizeof(double));
}

/* y [outer, out, step] from x [outer, count, step] by index and weight [out, taps]. */
static void blend(weld_real *y, const weld_real *x, const weld_lines *from, int64_t out,
                  int64_t taps, const int64_t *index, const double *weight)
{
    for (int64_t o = 0; o < from->outer; o++)
        for (int64_t j = 0; j < out; j++, y += from->step) {
            for (int64_t i = 0; i < from->step; i++)
                y[i] = 0.0f;
            for (int64_t k = 0; k < taps; k++) {
                const weld_real w = (weld_real)weight[j * taps + k];
                const weld_real *line = x + (o * from->count + index[j * taps + k]) * from->step;
                for (int64_t i = 0; i < from->step && w != 0.0f; i++)
                    y[i] += w * line[i];
            }
        }
}

/* One pass: `shape` is that of x. `table`: index and weight, or int32 indices where nearest. */
static void resize_axis(void *y, const void *x, const weld_shape *shape, int a,
                        const weld_resample *r, void *table, weld_dtype dtype)
{
    const weld_resample_axis *axis = &r->axis[a];
    const int64_t taps = weld_resample_taps(r, axis);
    int32_t *nearest = table;
    int64_t *index = table;
    double *weight = (double *)table + axis->out * taps;
    for (int64_t o = 0; o < axis->out; o++)
        if (r->mode == WELD_RESIZE_NEAREST)
            nearest[o] = (int32_t)weld_resample_nearest(r, axis, o);
        else
            weld_resample_weights(index + o * taps, weight + o * taps, r, axis, o);
    const weld_lines lines = weld_lines_of(shape, a, a + 1);
    if (r->mode == WELD_RESIZE_NEAREST)
        weld_gather_axis(y, x, shape, a, nearest, axis->out, weld_compute_size(dtype));
    else
        blend(y, x, &lines, axis->out, taps, index, weight);
}

/* The axes that change, those that shrink first. */
static int order_axes(int order[WELD_RANK_MAX], const weld_resample *r)
{
    int count = 0;
    for (int grows = 0; grows < 2; grows++)
        for (int a = 0; a < r->rank; a++)
            if (!r->axis[a].kept && (r->axis[a].out > r->axis[a].in) == (grows == 1))
                order[count++] = a;
    return count;
}

static void fill_outside(weld_tensor *y, const weld_resample *r, float value)
{
    for (int a = 0; a < r->rank; a++) {
        const weld_lines lines = weld_lines_of(&y->shape, a, a + 1);
        for (int64_t o = 0; o < r->axis[a].out; o++) {
            if (!weld_resample_is_outside(r, &r->axis[a], o))
                continue;
            for (int64_t k = 0; k < lines.outer; k++)
                for (int64_t i = 0; i < lines.step; i++) {
                    const int64_t at = weld_line_start(&lines, k, i) + o * lines.step;
                    if (weld_dtype_is_float(y->dtype))
                        weld_reals(y)[at] = value;
                    else
                        y->i[at] = weld_int_wrap(y->dtype, weld_int_from_double((double)value));
                }
        }
    }
}

/* Truncated, as onnxruntime does it; no value is beyond the largest of its type but by rounding. */
static void to_integers(weld_tensor *y, const weld_real *x)
{
    const int64_t count = weld_shape_numel(&y->shape);
    for (int64_t k = 0; k < count; k++) {
        const int64_t value = (int64_t)x[k];
        y->i[k] = value <= INT32_MAX ? value : INT32_MAX;
    }
}

static weld_status resize_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    const weld_resize_attrs *attrs = node->attrs;
    const weld_resize_slots slots = weld_resize_slots_of(node);
    const weld_resize_inputs in = {input_of(args, node, slots.roi),
                                   input_of(args, node, slots.scales),
                                   input_of(args, node, slots.sizes)};
    const weld_tensor *x = args->in[0];
    weld_tensor *y = args->out[0];
    const void *from = x->data;
    weld_shape shape = x->shape;
    weld_resample r;
    int order[WELD_RANK_MAX];
    const weld_status st = weld_resample_init(&r, node, &x->shape, &in, err);
    if (st != WELD_OK || weld_shape_numel(&y->shape) == 0)
        return st;
    const size_t bytes = scratch_of(args, node).buffer_bytes;
    char *buffers[] = {args->scratch, (char *)args->scratch + bytes}, *spare = buffers[0];
    const bool converts = r.mode != WELD_RESIZE_NEAREST && !weld_dtype_is_float(x->dtype);
    if (converts) {
        const int64_t count = weld_shape_numel(&shape);
        for (int64_t k = 0; k < count; k++)
            ((weld_real *)(void *)spare)[k] = (weld_real)x->i[k];
        from = spare;
        spare = buffers[1];
    }
    const int passes = order_axes(order, &r);
    for (int p = 0; p < passes; p++) {
        void *to = p == passes - 1 && !converts ? y->data : spare;
        resize_axis(to, from, &shape, order[p], &r, buffers[1] + bytes, x->dtype);
        shape.dims[order[p]] = r.axis[order[p]].out;
        spare = spare == buffers[0] ? buffers[1] : buffers[0];
        from = to;
    }
    if (converts)
        to_integers(y, from);
    else if (passes == 0)
        memcpy(y->data, x->data, (size_t)weld_shape_numel(&y->shape) * weld_compute_size(x->dtype));
    fill_outside(y, &r, attrs->extrapolation);
    return WELD_OK;
}

/* ---- ties ---------------------------------------------------------------------------------- */

static weld_status resize_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index;
    const weld_resize_slots slots = weld_resize_slots_of(node);
    const weld_resize_inputs in = {weld_tie_data(ties, weld_node_input(node, slots.roi)),
                                   weld_tie_data(ties, weld_node_input(node, slots.scales)),
                                   weld_tie_data(ties, weld_node_input(node, slots.sizes))};
    const int x = node->inputs[0], y = node->outputs[0];
    weld_resample r;
    const weld_status st = weld_resample_init(&r, node, weld_tie_shape(ties, x), &in, err);
    for (int a = 0; st == WELD_OK && a < r.rank; a++) {
        if (r.axis[a].kept) {
            weld_tie_axes(ties, x, a, y, a);
            continue;
        }
        weld_tie_position(ties, x, a);
        weld_tie_position(ties, y, a);
        weld_tie_mix(ties, x, a);
        weld_tie_mix(ties, y, a);
    }
    return st;
}

#define RESIZE_OP(op, opset_first, opset_last, most_inputs, statics, field_table)                  \
    WELD_DEFINE_OP(op) = {.name = #op,                                                             \
                          .domain = "",                                                            \
                          .opset_min = (opset_first),                                              \
                          .opset_max = (opset_last),                                               \
                          .inputs_min = 1,                                                         \
                          .inputs_max = (most_inputs),                                             \
                          .outputs_min = 1,                                                        \
                          .outputs_max = 1,                                                        \
                          .static_inputs = (statics),                                              \
                          .fields = (field_table),                                                 \
                          .attrs_size = sizeof(weld_resize_attrs),                                 \
                          .check = resize_check,                                                   \
                          .infer = resize_infer,                                                   \
                          .run = resize_run,                                                       \
                          .tie = resize_tie,                                                       \
                          .scratch_bytes = resize_scratch_bytes}

RESIZE_OP(Resize, 10, WELD_OPSET_MAX, 4, 14u, resize_fields);
RESIZE_OP(Upsample, 7, 9, 2, 2u, upsample_fields);
