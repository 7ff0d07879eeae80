/* ConvTranspose in one to three dimensions: one matrix product per image, group and tile, whose
 * rows are added to the output where they belong. */
#include "ops/window.h"
#include <inttypes.h>
#include <stddef.h>

typedef struct transpose_attrs {
    weld_window_attrs window;
    int64_t group;
    weld_ints output_padding, output_shape;
} transpose_attrs;

static const weld_field transpose_fields[] = {WELD_WINDOW_FIELDS(false),
                                              {.name = "group",
                                               .kind = WELD_FIELD_INT,
                                               .offset = offsetof(transpose_attrs, group),
                                               .fallback = 1.0},
                                              {.name = "output_padding",
                                               .kind = WELD_FIELD_INTS,
                                               .offset = offsetof(transpose_attrs, output_padding)},
                                              {.name = "output_shape",
                                               .kind = WELD_FIELD_INTS,
                                               .offset = offsetof(transpose_attrs, output_shape)},
                                              {0}};

typedef struct transpose_geometry {
    int64_t images, group, in_channels, out_channels; /* channels of all groups */
    int64_t rows, pixels; /* O / group * kernel, D * H * W of the input */
    weld_windows w;       /* entry o stride + k dilation - pad of the OUTPUT is fed by input o */
} transpose_geometry;

static weld_status transpose_windows(weld_windows *w, const transpose_attrs *attrs,
                                     const weld_shape *x, const weld_shape *weight, weld_error *err)
{
    weld_status st = weld_windows_init(w, &attrs->window, x, weight->dims + 2, err);
    if (st == WELD_OK)
        st = weld_windows_spread(w, &attrs->window, &attrs->output_padding, &attrs->output_shape,
                                 err);
    return st;
}

static weld_status transpose_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st;
    const transpose_attrs *attrs = node->attrs;
    weld_windows w;
    WELD_TRY(weld_windows_check_channels(inf, attrs->group, true, err));
    const weld_shape *x = weld_infer_shape(inf, 0), *weight = weld_infer_shape(inf, 1);
    WELD_TRY(transpose_windows(&w, attrs, x, weight, err));
    WELD_REQUIRE(attrs->group <= INT32_MAX / weight->dims[1], WELD_E_FORMAT,
                 "%" PRId64 " groups of %" PRId64 " output channels, allowed %d channels",
                 attrs->group, weight->dims[1], INT32_MAX);
    const weld_shape y = weld_windows_shape(&w, x->dims[0], attrs->group * weight->dims[1]);
    st = weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &y, err);
done:
    return st;
}

/* ---- kernel ------------------------------------------------------------------------------ */

/* Of shapes that infer has accepted. */
static transpose_geometry geometry_of(const weld_kernel_args *args, const weld_node *node)
{
    const transpose_attrs *attrs = node->attrs;
    const weld_shape *x = &args->in[0]->shape, *weight = &args->in[1]->shape;
    weld_error ignored = WELD_ERROR_INIT;
    transpose_geometry g = {.images = x->dims[0],
                            .group = attrs->group,
                            .in_channels = x->dims[1],
                            .out_channels = weight->dims[1] * attrs->group,
                            .rows = weld_shape_span(weight, 1, weight->rank)};
    if (transpose_windows(&g.w, attrs, x, weight, &ignored) != WELD_OK)
        g.images = 0;
    g.pixels = g.images > 0 ? weld_windows_in(&g.w) : 0;
    return g;
}

static size_t transpose_scratch(const weld_kernel_args *args, const weld_node *node)
{
    const transpose_geometry g = geometry_of(args, node);
    if (g.images == 0)
        return 0;
    return (size_t)weld_windows_tile(g.rows, g.pixels) * (size_t)g.rows * sizeof(weld_real);
}

/* Adds what input pixels [start, start + count) give, row [count], to a channel of the output
 * [D_out, H_out, W_out] through kernel entry k. */
static void add_row(weld_real *channel, const weld_real *row, const weld_windows *w,
                    const int64_t k[WELD_SPATIAL_MAX], int64_t start, int64_t count)
{
    const weld_window *d = &w->axis[WELD_WINDOW_D], *h = &w->axis[WELD_WINDOW_H];
    const weld_window *x = &w->axis[WELD_WINDOW_W];
    const int64_t offset = k[WELD_WINDOW_W] * x->dilation - x->pad;
    int64_t line = start / x->in, ix = start % x->in; /* lines of all planes */
    for (; count > 0; line++) {
        const int64_t left = x->in - ix, run = left < count ? left : count;
        const int64_t od = line / h->in * d->stride + k[WELD_WINDOW_D] * d->dilation - d->pad;
        const int64_t oh = line % h->in * h->stride + k[WELD_WINDOW_H] * h->dilation - h->pad;
        if (od >= 0 && od < d->out && oh >= 0 && oh < h->out) {
            weld_real *to = channel + (od * h->out + oh) * x->out;
            const int64_t first = ix * x->stride + offset;
            const weld_span span = weld_span_inside(x->stride, first, x->out, run);
            for (int64_t i = span.from; i < span.to; i++)
                to[first + i * x->stride] += row[i];
        }
        row += run;
        count -= run;
        ix = 0;
    }
}

/* y [O / group, D_out, H_out, W_out] += rows [O / group * kernel, count] */
static void add_rows(weld_real *y, const weld_real *rows, const transpose_geometry *g,
                     int64_t start, int64_t count)
{
    const weld_window *axis = g->w.axis;
    const int64_t channels = g->out_channels / g->group, plane = weld_windows_out(&g->w);
    int64_t k[WELD_SPATIAL_MAX];
    for (int64_t c = 0; c < channels; c++)
        for (k[0] = 0; k[0] < axis[0].kernel; k[0]++)
            for (k[1] = 0; k[1] < axis[1].kernel; k[1]++)
                for (k[2] = 0; k[2] < axis[2].kernel; k[2]++) {
                    add_row(y + c * plane, rows, &g->w, k, start, count);
                    rows += count;
                }
}

/* One group of one image: x [C / group, pixels], weight [C / group, rows],
 * y [O / group, D_out, H_out, W_out] */
static void transpose_group(const transpose_geometry *g, const weld_real *x,
                            const weld_real *weight, weld_real *y, weld_real *scratch)
{
    const int64_t tile = weld_windows_tile(g->rows, g->pixels);
    for (int64_t start = 0; start < g->pixels; start += tile) {
        const int64_t left = g->pixels - start, count = left < tile ? left : tile;
        const weld_gemm_shape shape = {.trans_a = true,
                                       .m = g->rows,
                                       .n = count,
                                       .k = g->in_channels / g->group,
                                       .lda = g->rows,
                                       .ldb = g->pixels,
                                       .ldc = count};
        weld_real_gemm(&shape, 1.0f, weight, x + start, 0.0f, scratch);
        add_rows(y, scratch, g, start, count);
    }
}

static weld_status transpose_run(const weld_kernel_args *args, const weld_node *node,
                                 weld_error *err)
{
    (void)err;
    const transpose_geometry g = geometry_of(args, node);
    if (g.images == 0)
        return WELD_OK;
    const weld_real *bias = weld_node_input(node, 2) >= 0 ? weld_reals(args->in[2]) : NULL;
    const int64_t in_channels = g.in_channels / g.group, out_channels = g.out_channels / g.group;
    const int64_t plane = weld_windows_out(&g.w);
    for (int64_t n = 0; n < g.images; n++)
        for (int64_t k = 0; k < g.group; k++) {
            const int64_t group = n * g.group + k;
            weld_real *y = weld_reals(args->out[0]) + group * out_channels * plane;
            for (int64_t c = 0; c < out_channels; c++)
                for (int64_t i = 0; i < plane; i++)
                    y[c * plane + i] = bias ? bias[k * out_channels + c] : 0.0f;
            transpose_group(&g, weld_reals(args->in[0]) + group * in_channels * g.pixels,
                            weld_reals(args->in[1]) + k * in_channels * g.rows, y, args->scratch);
        }
    return WELD_OK;
}

/* ---- ties --------------------------------------------------------------------------------- */

static weld_status transpose_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)err;
    const transpose_attrs *attrs = node->attrs;
    weld_windows_tie(ties, node->inputs[0], node->outputs[0]);
    weld_windows_tie_channels(ties, index, node, attrs->group, true);
    return WELD_OK;
}

WELD_DEFINE_OP(ConvTranspose) = {.name = "ConvTranspose",
                                 .domain = "",
                                 .opset_min = 1,
                                 .opset_max = WELD_OPSET_MAX,
                                 .inputs_min = 2,
                                 .inputs_max = 3,
                                 .outputs_min = 1,
                                 .outputs_max = 1,
                                 .product = WELD_PRODUCT_IN_OUT,
                                 .fields = transpose_fields,
                                 .attrs_size = sizeof(transpose_attrs),
                                 .infer = transpose_infer,
                                 .run = transpose_run,
                                 .tie = transpose_tie,
                                 .scratch_bytes = transpose_scratch};
