#include "ops/patches.h"

weld_status weld_patches_init(weld_patches *p, const weld_graph *g, const weld_node *node,
                              const weld_shape *x, int64_t positions_max, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape *weight = &g->params[weld_param_at(g, node, 1)].shape;
    *p = (weld_patches){.windows = weld_attr_slot(node, "kernel_shape") != NULL,
                        .channels = weight->dims[1],
                        .taps = 1,
                        .plane = 1,
                        .outputs = weight->dims[0]};
    if (p->windows) { /* the attributes of such operators start with those of the windows */
        const weld_window_attrs *attrs = node->attrs;
        WELD_TRY(weld_windows_init(&p->w, attrs, x, weight->dims + 2, err));
        WELD_TRY(weld_windows_slide(&p->w, attrs, false, err));
        p->channels = x->dims[1];
        p->taps = weld_shape_span(weight, 2, weight->rank);
        p->plane = weld_windows_in(&p->w);
        p->all = weld_windows_out(&p->w);
    } else {
        p->all = x->dims[0] > 0 ? weld_shape_span(x, 1, x->rank - 1) : 0;
    }
    p->positions = p->all < positions_max ? p->all : positions_max;
done:
    return st;
}

/* offset[tap] in a channel [D, H, W] for the window at output `at`, -1 = padding. */
static void tap_offsets(int64_t *offset, const weld_windows *w, int64_t at)
{
    const weld_window *d = &w->axis[0], *h = &w->axis[1], *x = &w->axis[2];
    const int64_t ox = at % x->out, oh = at / x->out % h->out, od = at / x->out / h->out;
    for (int64_t a = 0; a < d->kernel; a++)
        for (int64_t b = 0; b < h->kernel; b++)
            for (int64_t c = 0; c < x->kernel; c++) {
                const int64_t id = od * d->stride + a * d->dilation - d->pad;
                const int64_t ih = oh * h->stride + b * h->dilation - h->pad;
                const int64_t ix = ox * x->stride + c * x->dilation - x->pad;
                const bool inside = id >= 0 && id < d->in && ih >= 0 && ih < h->in && ix >= 0 &&
                                    ix < x->in;
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
    if (!p->windows) {
        const int64_t base = (sample * p->all + at) * p->channels;
        for (int32_t k = 0; k < count; k++)
            out[k] = weld_tensor_number(x, base + (column ? column[k] : k));
        return;
    }
    tap_offsets(offset, &p->w, at);
    for (int32_t k = 0; k < count; k++) {
        const int64_t c = column ? column[k] : k, from = offset[c % p->taps];
        const int64_t channel = sample * p->channels + c / p->taps;
        out[k] = from < 0 ? 0 : weld_tensor_number(x, channel * p->plane + from);
    }
}

void weld_patches_output(double *out, const weld_patches *p, const weld_tensor *z, int64_t row)
{
    const int64_t sample = row / p->positions, at = position_of(p, row);
    const int64_t step = p->windows ? p->all : 1;
    const int64_t base = p->windows ? sample * p->outputs * p->all + at
                                    : (sample * p->all + at) * p->outputs;
    for (int64_t u = 0; u < p->outputs; u++)
        out[u] = weld_tensor_number(z, base + u * step);
}
