/* Conv in one to three dimensions: im2col and one matrix product per image, group and tile. */
#include "ops/window.h"
#include <stddef.h>
#include <string.h>

typedef struct conv_attrs {
    weld_window_attrs window;
    int64_t group;
} conv_attrs;

static const weld_field conv_fields[] = {WELD_WINDOW_FIELDS(false),
                                         {.name = "group",
                                          .kind = WELD_FIELD_INT,
                                          .offset = offsetof(conv_attrs, group),
                                          .fallback = 1.0},
                                         {0}};

typedef struct conv_geometry {
    int64_t images, group, in_channels, out_channels; /* channels of all groups */
    int64_t rows, pixels; /* of the im2col matrix: C / group * kernel, D_out * H_out * W_out */
    weld_windows w;
} conv_geometry;

/* x [N, C, spatial...], weight [O, C / group, kernel...] */
static weld_status conv_windows(weld_windows *w, const conv_attrs *attrs, const weld_shape *x,
                                const weld_shape *weight, weld_error *err)
{
    weld_status st;
    WELD_TRY(weld_windows_init(w, &attrs->window, x, weight->dims + 2, err));
    WELD_TRY(weld_windows_slide(w, &attrs->window, false, err));
done:
    return st;
}

static weld_status conv_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st;
    const conv_attrs *attrs = node->attrs;
    weld_windows w;
    WELD_TRY(weld_windows_check_channels(inf, attrs->group, false, err));
    const weld_shape *x = weld_infer_shape(inf, 0), *weight = weld_infer_shape(inf, 1);
    WELD_TRY(conv_windows(&w, attrs, x, weight, err));
    const weld_shape y = weld_windows_shape(&w, x->dims[0], weight->dims[0]);
    st = weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &y, err);
done:
    return st;
}

/* ---- kernel ------------------------------------------------------------------------------ */

/* Of shapes that infer has accepted. */
static conv_geometry conv_geometry_of(const weld_kernel_args *args, const weld_node *node)
{
    const conv_attrs *attrs = node->attrs;
    const weld_shape *x = &args->in[0]->shape, *weight = &args->in[1]->shape;
    weld_error ignored = WELD_ERROR_INIT;
    conv_geometry g = {.images = x->dims[0],
                       .group = attrs->group,
                       .in_channels = x->dims[1],
                       .out_channels = weight->dims[0],
                       .rows = weld_shape_span(weight, 1, weight->rank)};
    if (conv_windows(&g.w, attrs, x, weight, &ignored) != WELD_OK)
        g.images = 0;
    g.pixels = g.images > 0 ? weld_windows_out(&g.w) : 0;
    return g;
}

/* The input is its own im2col matrix. */
static bool conv_is_pointwise(const conv_geometry *g)
{
    for (int s = 0; s < WELD_SPATIAL_MAX; s++) {
        const weld_window *axis = &g->w.axis[s];
        if (axis->kernel != 1 || axis->stride != 1 || axis->pad != 0 || axis->out != axis->in)
            return false;
    }
    return true;
}

static size_t conv_scratch(const weld_kernel_args *args, const weld_node *node)
{
    const conv_geometry g = conv_geometry_of(args, node);
    if (g.images == 0 || conv_is_pointwise(&g))
        return 0;
    return (size_t)weld_windows_tile(g.rows, g.pixels) * (size_t)g.rows * sizeof(weld_real);
}

/* out[i] = src[(from + i) * stride + offset] where that lies in the line, else 0. */
static void gather_line(weld_real *out, const weld_real *src, const weld_window *axis,
                        int64_t offset, int64_t from, int64_t count)
{
    const int64_t stride = axis->stride, start = from * stride + offset;
    const weld_span span = weld_span_inside(stride, start, axis->in, count);
    memset(out, 0, (size_t)span.from * sizeof *out);
    const weld_real *first = span.from < span.to ? src + (start + span.from * stride) : src;
    if (stride == 1)
        memcpy(out + span.from, first, (size_t)(span.to - span.from) * sizeof *out);
    else
        for (int64_t i = span.from; i < span.to; i++)
            out[i] = first[(i - span.from) * stride];
    memset(out + span.to, 0, (size_t)(count - span.to) * sizeof *out);
}

/* One row of the im2col matrix: kernel entry k of a channel [D, H, W], for output pixels
 * [start, start + count). */
static void im2col_row(weld_real *out, const weld_real *channel, const weld_windows *w,
                       const int64_t k[WELD_SPATIAL_MAX], int64_t start, int64_t count)
{
    const weld_window *d = &w->axis[WELD_WINDOW_D], *h = &w->axis[WELD_WINDOW_H];
    const weld_window *x = &w->axis[WELD_WINDOW_W];
    const int64_t offset = k[WELD_WINDOW_W] * x->dilation - x->pad;
    int64_t line = start / x->out, ox = start % x->out; /* lines of all planes */
    for (; count > 0; line++) {
        const int64_t left = x->out - ox, run = left < count ? left : count;
        const int64_t id = line / h->out * d->stride + k[WELD_WINDOW_D] * d->dilation - d->pad;
        const int64_t ih = line % h->out * h->stride + k[WELD_WINDOW_H] * h->dilation - h->pad;
        if (id < 0 || id >= d->in || ih < 0 || ih >= h->in)
            memset(out, 0, (size_t)run * sizeof *out);
        else
            gather_line(out, channel + (id * h->in + ih) * x->in, x, offset, ox, run);
        out += run;
        count -= run;
        ox = 0;
    }
}

/* out [rows, count] from the channels of one group x [C / group, D, H, W]. */
static void im2col(weld_real *out, const weld_real *x, const conv_geometry *g, int64_t start,
                   int64_t count)
{
    const weld_window *axis = g->w.axis;
    const int64_t channels = g->in_channels / g->group, plane = weld_windows_in(&g->w);
    int64_t k[WELD_SPATIAL_MAX];
    for (int64_t c = 0; c < channels; c++)
        for (k[0] = 0; k[0] < axis[0].kernel; k[0]++)
            for (k[1] = 0; k[1] < axis[1].kernel; k[1]++)
                for (k[2] = 0; k[2] < axis[2].kernel; k[2]++) {
                    im2col_row(out, x + c * plane, &g->w, k, start, count);
                    out += count;
                }
}

/* One group of one image: x [C / group, D, H, W], weight [O / group, rows],
 * y [O / group, pixels]. */
static void conv_group(const conv_geometry *g, const weld_real *x, const weld_real *weight,
                       weld_real *y, weld_real beta, weld_real *scratch)
{
    const bool direct = conv_is_pointwise(g);
    const int64_t tile = direct ? g->pixels : weld_windows_tile(g->rows, g->pixels);
    for (int64_t start = 0; start < g->pixels; start += tile) {
        const int64_t left = g->pixels - start, count = left < tile ? left : tile;
        if (!direct)
            im2col(scratch, x, g, start, count);
        const weld_gemm_shape shape = {.m = g->out_channels / g->group,
                                       .n = count,
                                       .k = g->rows,
                                       .lda = g->rows,
                                       .ldb = count,
                                       .ldc = g->pixels};
        weld_real_gemm(&shape, 1.0f, weight, direct ? x : scratch, beta, y + start);
    }
}

static weld_status conv_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    (void)err;
    const conv_geometry g = conv_geometry_of(args, node);
    if (g.images == 0)
        return WELD_OK;
    const weld_real *bias = weld_node_input(node, 2) >= 0 ? weld_reals(args->in[2]) : NULL;
    const int64_t in_size = g.in_channels / g.group * weld_windows_in(&g.w);
    const int64_t out_channels = g.out_channels / g.group;
    for (int64_t n = 0; n < g.images; n++)
        for (int64_t k = 0; k < g.group; k++) {
            const int64_t group = n * g.group + k;
            weld_real *y = weld_reals(args->out[0]) + group * out_channels * g.pixels;
            for (int64_t c = 0; bias && c < out_channels; c++)
                for (int64_t i = 0; i < g.pixels; i++)
                    y[c * g.pixels + i] = bias[k * out_channels + c];
            conv_group(&g, weld_reals(args->in[0]) + group * in_size,
                       weld_reals(args->in[1]) + k * out_channels * g.rows, y, bias ? 1.0f : 0.0f,
                       args->scratch);
        }
    return WELD_OK;
}

/* ---- ties --------------------------------------------------------------------------------- */

static weld_status conv_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)err;
    const conv_attrs *attrs = node->attrs;
    weld_windows_tie(ties, node->inputs[0], node->outputs[0]);
    weld_windows_tie_channels(ties, index, node, attrs->group, false);
    return WELD_OK;
}

WELD_DEFINE_OP(Conv) = {.name = "Conv",
                        .domain = "",
                        .opset_min = 1,
                        .opset_max = WELD_OPSET_MAX,
                        .inputs_min = 2,
                        .inputs_max = 3,
                        .outputs_min = 1,
                        .outputs_max = 1,
                        .flags = WELD_OP_LINEAR,
                        .product = WELD_PRODUCT_OUT_IN,
                        .fields = conv_fields,
                        .attrs_size = sizeof(conv_attrs),
                        .infer = conv_infer,
                        .run = conv_run,
                        .tie = conv_tie,
                        .scratch_bytes = conv_scratch};
