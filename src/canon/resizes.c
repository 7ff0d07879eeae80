/* Resize and Upsample in one form: a Resize by scales, with the attributes that opset 11 brought. */
#include "canon/edit.h"
#include "ops/resample.h"
#include <math.h>

/* The factors of all axes; false when they are not known. */
static bool read_scales(weld_floats *out, const weld_draft *draft, int n)
{
    const weld_node *node = &draft->nodes[n];
    const weld_resize_attrs *attrs = node->attrs;
    const int slot = weld_resize_slots_of(node).scales, value = weld_draft_in(draft, n, slot);
    const weld_tensor *data = value < 0 ? NULL : draft->values[value].data;
    *out = attrs->scales;
    if (!data)
        return value < 0 && out->count > 0;
    out->count = weld_shape_numel(&data->shape);
    for (int64_t k = 0; k < out->count && k < WELD_RANK_MAX; k++)
        out->at[k] = (float)weld_tensor_number(data, k);
    return out->count > 0 &&
           out->count <= WELD_RANK_MAX; /* none of opset 11 where sizes are given */
}

static bool enlarges(const weld_floats *scales)
{
    bool all = true;
    for (int64_t k = 0; k < scales->count; k++)
        all = all && scales->at[k] >= 1;
    return all;
}

static bool are_whole(const weld_floats *scales)
{
    bool all = true;
    for (int64_t k = 0; k < scales->count; k++)
        all = all && scales->at[k] == floorf(scales->at[k]);
    return all;
}

/* Repeating each element a whole number of times, by the centre of pixels: o -> floor(o / scale). */
static bool repeats(const weld_resize_attrs *attrs)
{
    const bool centred = attrs->coordinates == WELD_COORD_HALF_PIXEL ||
                         attrs->coordinates == WELD_COORD_SYMMETRIC ||
                         attrs->coordinates == WELD_COORD_PYTORCH;
    if (attrs->coordinates == WELD_COORD_TF_HALF_PIXEL)
        return attrs->nearest == WELD_NEAREST_FLOOR;
    return centred && (attrs->nearest == WELD_NEAREST_PREFER_FLOOR ||
                       attrs->nearest == WELD_NEAREST_PREFER_CEIL);
}

/* What an attribute says that does not count goes to its default. */
static void settle_attrs(weld_resize_attrs *attrs, const weld_floats *scales)
{
    if (attrs->mode != WELD_RESIZE_CUBIC)
        attrs->cubic_a = -0.75f;
    attrs->extrapolation = 0;
    attrs->scales.count = -1;
    attrs->axes.count = attrs->axes.count > 0 ? attrs->axes.count : -1;
    if (attrs->mode != WELD_RESIZE_NEAREST) {
        attrs->nearest = WELD_NEAREST_PREFER_FLOOR;
    } else if (are_whole(scales) && repeats(attrs)) {
        attrs->coordinates = WELD_COORD_ASYMMETRIC;
        attrs->nearest = WELD_NEAREST_FLOOR;
    }
}

static weld_status by_scales(weld_draft *draft, int n, const weld_floats *scales,
                             const weld_resize_attrs *attrs, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_node from = draft->nodes[n];
    int inputs[] = {weld_draft_in(draft, n, 0), -1, -1}, node;
    WELD_TRY(weld_make_floats(&inputs[2], draft, scales->at, scales->count, err));
    WELD_TRY(
        weld_make_node(&node, draft, &weld_op_Resize, from.name, inputs, 3, from.outputs[0], err));
    *(weld_resize_attrs *)draft->nodes[node].attrs = *attrs;
    settle_attrs(draft->nodes[node].attrs, scales);
done:
    return st;
}

static weld_status bring(weld_draft *draft, int n, weld_error *err)
{
    const weld_node *node = &draft->nodes[n];
    const weld_resize_slots slots = weld_resize_slots_of(node);
    weld_resize_attrs attrs = *(const weld_resize_attrs *)node->attrs;
    weld_floats scales;
    const bool modern = node->op == &weld_op_Resize && node->opset >= 11;
    if (modern && attrs.coordinates == WELD_COORD_TF_CROP)
        return WELD_OK;
    if (weld_draft_in(draft, n, slots.roi) >= 0) /* for that mode only */
        weld_draft_set_in(draft, n, slots.roi, -1);
    if (!read_scales(&scales, draft, n))
        return WELD_OK;
    if (!modern && !enlarges(&scales))
        return WELD_OK;
    if (!modern) {
        attrs.coordinates = WELD_COORD_ASYMMETRIC;
        attrs.nearest = WELD_NEAREST_FLOOR;
    }
    return by_scales(draft, n, &scales, &attrs, err);
}

weld_status weld_pass_resizes(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t count = draft->node_count;
    for (size_t n = 0; n < count && st == WELD_OK; n++) {
        const weld_node *node = &draft->nodes[n];
        if (!node->dead && (node->op == &weld_op_Resize || node->op == &weld_op_Upsample))
            st = bring(draft, (int)n, err);
    }
    return st;
}
