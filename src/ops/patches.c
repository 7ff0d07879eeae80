#include "ops/patches.h"

weld_status weld_patches_init(weld_patches *p, const weld_graph *g, const weld_node *node,
                              const weld_shape *x, int64_t positions_max, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape *weight = &g->params[weld_param_at(g, node, 1)].shape;
    *p = (weld_patches){.matrix = weld_weight_matrix_of(g, node),
                        .windows = weld_attr_slot(node, "kernel_shape") != NULL,
                        .plane = 1};
    if (p->windows) { /* the attributes of such operators start with those of the windows */
        const weld_window_attrs *attrs = node->attrs;
        WELD_TRY(weld_windows_init(&p->w, attrs, x, weight->dims + 2, err));
        if (p->matrix.form == WELD_PRODUCT_IN_OUT)
            WELD_TRY(weld_windows_spread(&p->w, attrs, weld_attr_slot(node, "output_padding"),
                                         weld_attr_slot(node, "output_shape"), err));
        else
            WELD_TRY(weld_windows_slide(&p->w, attrs, false, err));
        p->plane = weld_windows_in(&p->w);
        p->all = weld_windows_out(&p->w);
    } else {
        p->all = x->dims[0] > 0 ? weld_shape_span(x, 1, x->rank - 1) : 0;
    }
    p->positions = p->all < positions_max ? p->all : positions_max;
done:
    return st;
}

/* The entry of the input's axis that tap k of the window at output `at` reads, -1 = none. */
static int64_t entry_of(const weld_patches *p, int axis, int64_t at, int64_t k)
{
    const weld_window *w = &p->w.axis[axis];
    if (p->matrix.form != WELD_PRODUCT_IN_OUT) {
        const int64_t i = at * w->stride + k * w->dilation - w->pad;
        return i >= 0 && i < w->in ? i : -1;
    }
    const int64_t from = at + w->pad - k * w->dilation; /* = input entry times stride */
    return from >= 0 && from % w->stride == 0 && from / w->stride < w->in ? from / w->stride : -1;
}

/* offset[tap] in a channel [D, H, W] for the window at output `at`, -1 = nothing is there. */
static void tap_offsets(int64_t *offset, const weld_patches *p, int64_t at)
{
    const weld_window *d = &p->w.axis[0], *h = &p->w.axis[1], *x = &p->w.axis[2];
    const int64_t ox = at % x->out, oh = at / x->out % h->out, od = at / x->out / h->out;
    for (int64_t a = 0; a < d->kernel; a++)
        for (int64_t b = 0; b < h->kernel; b++)
            for (int64_t c = 0; c < x->kernel; c++) {
                const int64_t id = entry_of(p, 0, od, a), ih = entry_of(p, 1, oh, b);
                const int64_t ix = entry_of(p, 2, ox, c);
                const bool inside = id >= 0 && ih >= 0 && ix >= 0;
                *offset++ = inside ? (id * h->in + ih) * x->in + ix : -1;
            }
}

/* Which of the sample's positions the row is of. */
static int64_t position_of(const weld_patches *p, int64_t row)
{
    return row % p->positions * p->all / p->positions;
}

void weld_patches_row(double *out, const weld_patches *p, const weld_tensor *x, int64_t row,
                      const int32_t *column, int32_t count, int64_t *offset)
{
    const int64_t sample = row / p->positions, at = position_of(p, row);
    const int64_t channels = p->matrix.channels, taps = p->matrix.taps;
    if (!p->windows) {
        const int64_t base = (sample * p->all + at) * channels;
        for (int32_t k = 0; k < count; k++)
            out[k] = weld_tensor_number(x, base + (column ? column[k] : k));
        return;
    }
    tap_offsets(offset, p, at);
    for (int32_t k = 0; k < count; k++) {
        const int64_t c = column ? column[k] : k, from = offset[c % taps];
        const int64_t channel = sample * channels + c / taps;
        out[k] = from < 0 ? 0 : weld_tensor_number(x, channel * p->plane + from);
    }
}

void weld_patches_output(double *out, const weld_patches *p, const weld_tensor *z, int64_t row)
{
    const int64_t sample = row / p->positions, at = position_of(p, row);
    const int64_t outputs = p->matrix.outputs, step = p->windows ? p->all : 1;
    const int64_t base = p->windows ? sample * outputs * p->all + at
                                    : (sample * p->all + at) * outputs;
    for (int64_t u = 0; u < outputs; u++)
        out[u] = weld_tensor_number(z, base + u * step);
}
