#include "ops/window.h"
#include <inttypes.h>

const char *const weld_auto_pad_names[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", NULL};

static weld_status check_lists(const weld_window_attrs *attrs, int spatial, weld_error *err)
{
    weld_status st;
    WELD_TRY(weld_check_ints(&attrs->strides, "strides", spatial, 1, err));
    WELD_TRY(weld_check_ints(&attrs->dilations, "dilations", spatial, 1, err));
    WELD_TRY(weld_check_ints(&attrs->kernel_shape, "kernel_shape", spatial, 1, err));
    WELD_TRY(weld_check_ints(&attrs->pads, "pads", 2 * spatial, 0, err));
    if (attrs->auto_pad != WELD_AUTO_NOTSET)
        for (int64_t k = 0; k < attrs->pads.count; k++)
            WELD_REQUIRE(attrs->pads.at[k] == 0, WELD_E_FORMAT,
                         "pads given with auto_pad %s, allowed with NOTSET",
                         weld_auto_pad_names[attrs->auto_pad]);
done:
    return st;
}

weld_status weld_windows_init(weld_windows *w, const weld_window_attrs *attrs, const weld_shape *x,
                              const int64_t *kernel, weld_error *err)
{
    weld_status st = WELD_OK;
    char text[128];
    const int spatial = x->rank - 2;
    WELD_REQUIRE(spatial >= 1 && spatial <= WELD_SPATIAL_MAX,
                 spatial < 1 ? WELD_E_FORMAT : WELD_E_UNSUPPORTED,
                 "input has shape %s, supported: rank 3 (1-D) to %d (%d-D)",
                 weld_shape_text(x, text), WELD_SPATIAL_MAX + 2, WELD_SPATIAL_MAX);
    WELD_TRY(check_lists(attrs, spatial, err));
    WELD_REQUIRE(kernel || attrs->kernel_shape.count >= 0, WELD_E_FORMAT,
                 "kernel_shape is missing");
    w->spatial = spatial;
    for (int k = 0; k < WELD_SPATIAL_MAX; k++)
        w->axis[k] = (weld_window){.in = 1, .out = 1, .kernel = 1, .stride = 1, .dilation = 1};
    for (int s = 0; s < spatial; s++) {
        weld_window *axis = weld_windows_axis(w, s);
        axis->in = x->dims[s + 2];
        axis->kernel = kernel ? kernel[s] : attrs->kernel_shape.at[s];
        axis->stride = attrs->strides.count > 0 ? attrs->strides.at[s] : 1;
        axis->dilation = attrs->dilations.count > 0 ? attrs->dilations.at[s] : 1;
        WELD_REQUIRE(axis->in >= 1 && axis->in <= INT32_MAX, WELD_E_FORMAT,
                     "axis %d has size %" PRId64 ", must be in 1..%d", s + 2, axis->in, INT32_MAX);
        WELD_REQUIRE(axis->kernel >= 1 && axis->kernel <= INT32_MAX, WELD_E_FORMAT,
                     "the kernel has size %" PRId64 " on axis %d, must be in 1..%d", axis->kernel,
                     s + 2, INT32_MAX);
        WELD_REQUIRE(attrs->kernel_shape.count < 0 || attrs->kernel_shape.at[s] == axis->kernel,
                     WELD_E_FORMAT,
                     "kernel_shape[%d] is %" PRId64 ", must be %" PRId64 " as in the weight", s,
                     attrs->kernel_shape.at[s], axis->kernel);
    }
done:
    return st;
}

void weld_window_pad(weld_window *w, int64_t total, bool more_at_end)
{
    const int64_t less = total > 0 ? total / 2 : 0, more = total > 0 ? total - less : 0;
    w->pad = more_at_end ? less : more;
    w->pad_end = more_at_end ? more : less;
}

/* All sizes are below 2^31, so nothing here overflows 64 bits. */
static weld_status slide_axis(weld_window *axis, const weld_window_attrs *attrs, int s, int spatial,
                              bool ceil_mode, weld_error *err)
{
    const int64_t reach = weld_window_reach(axis);
    const bool notset = attrs->auto_pad == WELD_AUTO_NOTSET;
    if (notset && attrs->pads.count > 0) {
        axis->pad = attrs->pads.at[s];
        axis->pad_end = attrs->pads.at[s + spatial];
    } else if (!notset && attrs->auto_pad != WELD_AUTO_VALID) {
        const int64_t out = (axis->in + axis->stride - 1) / axis->stride;
        weld_window_pad(axis, (out - 1) * axis->stride + reach - axis->in,
                        attrs->auto_pad == WELD_AUTO_SAME_UPPER);
    }
    const int64_t room = axis->in + axis->pad + axis->pad_end - reach;
    if (room < 0)
        return weld_fail(err, WELD_E_FORMAT,
                         "spatial axis %d: window of %" PRId64 " over %" PRId64
                         " entries and %" PRId64 " of padding, the output must have size 1 or more",
                         s, reach, axis->in, axis->pad + axis->pad_end);
    axis->out = room / axis->stride + 1;
    /* Rounded up, but the last window must start inside the input or the padding before it. With
     * SAME this never adds one; with VALID it does, as in onnxruntime. */
    if (ceil_mode && room % axis->stride != 0 && axis->out * axis->stride < axis->in + axis->pad)
        axis->out++;
    return WELD_OK;
}

weld_status weld_windows_slide(weld_windows *w, const weld_window_attrs *attrs, bool ceil_mode,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    for (int s = 0; s < w->spatial && st == WELD_OK; s++)
        st = slide_axis(weld_windows_axis(w, s), attrs, s, w->spatial, ceil_mode, err);
    return st;
}

/* ---- ConvTranspose ------------------------------------------------------------------------------ */

/* What is said of the size of the output. */
typedef struct spread {
    const weld_window_attrs *attrs;
    const weld_ints *padding, *shape;
    int spatial;
} spread;

/* The size of spatial axis s that is asked for, -1 = none. Some files give the whole shape. */
static int64_t wanted_size(const spread *d, int s)
{
    return d->shape->count < 0 ? -1 : d->shape->at[d->shape->count - d->spatial + s];
}

/* Sizes are below 2^31: in * stride + kernel * dilation + output_padding is below 2^63. */
static weld_status spread_axis(weld_window *axis, const spread *d, int s, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_ints *pads = &d->attrs->pads;
    const int64_t mode = d->attrs->auto_pad;
    const bool same = mode == WELD_AUTO_SAME_UPPER || mode == WELD_AUTO_SAME_LOWER;
    const int64_t extra = d->padding->count > 0 ? d->padding->at[s] : 0;
    const int64_t full = (axis->in - 1) * axis->stride + weld_window_reach(axis) + extra;
    int64_t wanted = wanted_size(d, s);
    if (wanted < 0 && same)
        wanted = axis->in * axis->stride;
    if (wanted >= 0) {
        weld_window_pad(axis, full - wanted, mode == WELD_AUTO_SAME_UPPER);
    } else if (mode == WELD_AUTO_NOTSET && pads->count > 0) {
        axis->pad = pads->at[s];
        axis->pad_end = pads->at[s + d->spatial];
    }
    axis->out = wanted >= 0 ? wanted : full - axis->pad - axis->pad_end;
    WELD_REQUIRE(axis->out >= 1 && axis->out <= INT32_MAX, WELD_E_FORMAT,
                 "spatial axis %d: the output has size %" PRId64 " (pads %" PRId64 " and %" PRId64
                 "), must be in 1..%d",
                 s, axis->out, axis->pad, axis->pad_end, INT32_MAX);
done:
    return st;
}

weld_status weld_windows_spread(weld_windows *w, const weld_window_attrs *attrs,
                                const weld_ints *padding, const weld_ints *shape, weld_error *err)
{
    weld_status st = WELD_OK;
    const spread d = {attrs, padding, shape, w->spatial};
    const bool whole = shape->count == w->spatial + 2;
    WELD_TRY(weld_check_ints(padding, "output_padding", w->spatial, 0, err));
    WELD_TRY(weld_check_ints(shape, "output_shape", whole ? w->spatial + 2 : w->spatial, 1, err));
    for (int s = 0; s < w->spatial; s++)
        WELD_TRY(spread_axis(weld_windows_axis(w, s), &d, s, err));
done:
    return st;
}

int64_t weld_windows_in(const weld_windows *w)
{
    return w->axis[0].in * w->axis[1].in * w->axis[2].in;
}

int64_t weld_windows_out(const weld_windows *w)
{
    return w->axis[0].out * w->axis[1].out * w->axis[2].out;
}

weld_shape weld_windows_shape(const weld_windows *w, int64_t images, int64_t channels)
{
    weld_shape shape = {w->spatial + 2, {images, channels}};
    for (int s = 0; s < w->spatial; s++)
        shape.dims[s + 2] = w->axis[WELD_SPATIAL_MAX - w->spatial + s].out;
    return shape;
}

weld_span weld_span_inside(int64_t stride, int64_t offset, int64_t size, int64_t count)
{
    weld_span span = {offset < 0 ? (-offset + stride - 1) / stride : 0,
                      offset < size ? (size - offset + stride - 1) / stride : 0};
    span.to = span.to < count ? span.to : count;
    span.from = span.from < span.to ? span.from : span.to;
    return span;
}

int64_t weld_windows_tile(int64_t rows, int64_t columns)
{
    enum { TILE_ELEMENTS = 1 << 20, TILE_MIN = 16 };
    const int64_t tile = TILE_ELEMENTS / rows > TILE_MIN ? TILE_ELEMENTS / rows : TILE_MIN;
    return tile < columns ? tile : columns;
}

weld_status weld_windows_check_channels(const weld_infer *inf, int64_t group, bool transposed,
                                        weld_error *err)
{
    weld_status st = WELD_OK;
    char tx[128], tw[128];
    for (int i = 0; i < 2; i++)
        WELD_TRY(weld_operand_type(inf, i, WELD_TYPES_FLOAT, err));
    const weld_shape *x = weld_infer_shape(inf, 0), *w = weld_infer_shape(inf, 1);
    const weld_shape *b = weld_infer_shape(inf, 2);
    weld_shape_text(x, tx);
    weld_shape_text(w, tw);
    WELD_REQUIRE(x->rank >= 3 && w->rank == x->rank, WELD_E_FORMAT,
                 "weight %s and input %s must have the same rank, 3 or more", tw, tx);
    WELD_REQUIRE(group >= 1 && x->dims[1] >= 1 && x->dims[1] % group == 0 && w->dims[0] >= 1 &&
                     w->dims[0] % group == 0 && w->dims[1] >= 1,
                 WELD_E_FORMAT,
                 "group is %" PRId64 ", must divide the channels of input %s and weight %s", group,
                 tx, tw);
    const int64_t wanted = transposed ? x->dims[1] : x->dims[1] / group;
    WELD_REQUIRE(w->dims[transposed ? 0 : 1] == wanted, WELD_E_FORMAT,
                 "weight %s for input %s and %" PRId64 " groups: its axis %d must be %" PRId64, tw,
                 tx, group, transposed ? 0 : 1, wanted);
    if (b) {
        const int64_t out = transposed ? w->dims[1] * group : w->dims[0];
        WELD_TRY(weld_operand_type(inf, 2, WELD_TYPES_FLOAT, err));
        WELD_REQUIRE(b->rank == 1 && b->dims[0] == out, WELD_E_FORMAT,
                     "bias has shape %s, must be [%" PRId64 "]", weld_shape_text(b, tx), out);
    }
    for (int i = 1; i <= (b ? 2 : 1); i++)
        WELD_REQUIRE(weld_compute_size(weld_infer_dtype(inf, i)) ==
                         weld_compute_size(weld_infer_dtype(inf, 0)),
                     WELD_E_FORMAT, "input %d has element type %s, input 0 has %s; they must agree",
                     i, weld_dtype_name((int)weld_infer_dtype(inf, i)),
                     weld_dtype_name((int)weld_infer_dtype(inf, 0)));
done:
    return st;
}

void weld_windows_tie(weld_ties *ties, int x, int y)
{
    weld_tie_axes(ties, x, 0, y, 0);
    for (int k = 2; k < weld_tie_shape(ties, x)->rank; k++) {
        weld_tie_position(ties, x, k);
        weld_tie_position(ties, y, k);
        weld_tie_mix(ties, x, k);
        weld_tie_mix(ties, y, k);
    }
}

/* W[out, in / groups, ..] or, transposed, W[in, out / groups, ..]: the groups move as blocks, those of x
 * and of y together, and channels within their group. */
static void tie_groups(weld_ties *ties, int index, const weld_node *node, int64_t groups,
                       bool transposed)
{
    const int x = node->inputs[0], w = node->inputs[1], y = node->outputs[0];
    const int64_t in = weld_tie_shape(ties, x)->dims[1], out = weld_tie_shape(ties, y)->dims[1];
    weld_tie_mix(ties, x, 1);
    weld_tie_blocks(ties, index, x, 1, 0, groups, in / groups);
    weld_tie_blocks(ties, index, y, 1, 0, groups, out / groups);
    weld_tie_axes(ties, w, 0, transposed ? x : y, 1);
    if (weld_tie_is_weight(ties, w)) {
        weld_tie_grouped(ties, w, 0, 1, groups, transposed ? y : x, 1);
        return;
    }
    for (int k = 0; k < 2; k++) {
        weld_tie_pin(ties, index, w, k, "grouped convolution by computed weights");
        weld_tie_pin(ties, index, k ? x : y, 1, "grouped convolution by computed weights");
    }
}

void weld_windows_tie_channels(weld_ties *ties, int index, const weld_node *node, int64_t group,
                               bool transposed)
{
    const int x = node->inputs[0], w = node->inputs[1], b = weld_node_input(node, 2);
    const int y = node->outputs[0];
    const int64_t in = weld_tie_shape(ties, x)->dims[1], out = weld_tie_shape(ties, y)->dims[1];
    const bool depthwise = group > 1 && group == in && out == in; /* channel c makes channel c */
    const int w_out = transposed && group == 1 ? 1 : 0;
    for (int k = 2; k < weld_tie_shape(ties, w)->rank; k++)
        weld_tie_position(ties, w, k);
    if (b >= 0)
        weld_tie_axes(ties, b, 0, y, 1);
    if (group == 1) {
        weld_tie_axes(ties, w, w_out, y, 1);
        weld_tie_axes(ties, x, 1, w, 1 - w_out);
        weld_tie_mix(ties, x, 1);
        weld_tie_mix(ties, w, 1 - w_out);
    } else if (depthwise) {
        weld_tie_axes(ties, w, 0, y, 1);
        weld_tie_axes(ties, x, 1, y, 1);
    } else {
        tie_groups(ties, index, node, group, transposed);
    }
}
