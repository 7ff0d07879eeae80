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
    /* Rounded up, but the last window must start inside the input or the padding before it. */
    if (ceil_mode && notset && room % axis->stride != 0 &&
        axis->out * axis->stride < axis->in + axis->pad)
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

void weld_windows_tie(weld_ties *ties, int x, int y)
{
    for (int k = 2; k < weld_tie_shape(ties, x)->rank; k++) {
        weld_tie_position(ties, x, k);
        weld_tie_position(ties, y, k);
        weld_tie_mix(ties, x, k);
        weld_tie_mix(ties, y, k);
    }
}
