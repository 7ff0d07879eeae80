/* Conv in one and two dimensions: im2col and one matrix product per image, group and tile. */
#include "ops/operand.h"
#include "tensor/blas.h"
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

enum { AUTO_NOTSET, AUTO_SAME_UPPER, AUTO_SAME_LOWER, AUTO_VALID };
static const char *const auto_pad_names[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", NULL};

typedef struct conv_attrs {
    int64_t auto_pad, group;
    weld_ints dilations, kernel_shape, pads, strides;
} conv_attrs;

static const weld_field conv_fields[] = {
    {"auto_pad", WELD_FIELD_ENUM, offsetof(conv_attrs, auto_pad), AUTO_NOTSET, auto_pad_names,
     false},
    {"dilations", WELD_FIELD_INTS, offsetof(conv_attrs, dilations), 0.0, NULL, false},
    {"group", WELD_FIELD_INT, offsetof(conv_attrs, group), 1.0, NULL, false},
    {"kernel_shape", WELD_FIELD_INTS, offsetof(conv_attrs, kernel_shape), 0.0, NULL, false},
    {"pads", WELD_FIELD_INTS, offsetof(conv_attrs, pads), 0.0, NULL, false},
    {"strides", WELD_FIELD_INTS, offsetof(conv_attrs, strides), 0.0, NULL, false},
    {0}};

/* ---- geometry: one dimension is two, with a height of 1 ------------------------------- */

typedef struct conv_axis {
    int64_t in, out, kernel, stride, dilation, pad; /* pad = before the first entry */
} conv_axis;

typedef struct conv_geometry {
    int64_t images, group, in_channels, out_channels; /* channels of all groups */
    int64_t rows, pixels; /* of the im2col matrix: C / group * kernel, H_out * W_out */
    conv_axis y, x;
} conv_geometry;

static weld_status check_lists(const conv_attrs *attrs, int spatial, weld_error *err)
{
    weld_status st;
    WELD_TRY(weld_check_ints(&attrs->strides, "strides", spatial, 1, err));
    WELD_TRY(weld_check_ints(&attrs->dilations, "dilations", spatial, 1, err));
    WELD_TRY(weld_check_ints(&attrs->kernel_shape, "kernel_shape", spatial, 1, err));
    WELD_TRY(weld_check_ints(&attrs->pads, "pads", 2 * spatial, 0, err));
    if (attrs->auto_pad != AUTO_NOTSET)
        for (int64_t k = 0; k < attrs->pads.count; k++)
            WELD_REQUIRE(attrs->pads.at[k] == 0, WELD_E_FORMAT,
                         "pads given with auto_pad %s, allowed with NOTSET",
                         auto_pad_names[attrs->auto_pad]);
done:
    return st;
}

/* Spatial axis s: its padding and output size. All values are below 2^31, so nothing here
 * overflows 64 bits. */
static weld_status resolve_axis(conv_axis *axis, const conv_attrs *attrs, int s, int spatial,
                                weld_error *err)
{
    axis->stride = attrs->strides.count > 0 ? attrs->strides.at[s] : 1;
    axis->dilation = attrs->dilations.count > 0 ? attrs->dilations.at[s] : 1;
    const bool given = attrs->auto_pad == AUTO_NOTSET && attrs->pads.count > 0;
    const int64_t reach = (axis->kernel - 1) * axis->dilation + 1;
    int64_t total = given ? attrs->pads.at[s] + attrs->pads.at[s + spatial] : 0;
    axis->pad = given ? attrs->pads.at[s] : 0;
    if (attrs->auto_pad == AUTO_SAME_UPPER || attrs->auto_pad == AUTO_SAME_LOWER) {
        const int64_t out = (axis->in + axis->stride - 1) / axis->stride;
        total = (out - 1) * axis->stride + reach - axis->in;
        total = total > 0 ? total : 0;
        axis->pad = attrs->auto_pad == AUTO_SAME_UPPER ? total / 2 : total - total / 2;
    }
    const int64_t room = axis->in + total - reach;
    if (axis->in < 1 || room < 0)
        return weld_fail(err, WELD_E_FORMAT,
                         "spatial axis %d: window of %" PRId64 " over %" PRId64
                         " entries and %" PRId64 " of padding, the output must have size 1 or more",
                         s, reach, axis->in, total);
    axis->out = room / axis->stride + 1;
    return WELD_OK;
}

static weld_status check_channels(const conv_attrs *attrs, const weld_shape *x, const weld_shape *w,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    char tx[128], tw[128];
    WELD_REQUIRE(x->rank == 3 || x->rank == 4, x->rank < 3 ? WELD_E_FORMAT : WELD_E_UNSUPPORTED,
                 "input has shape %s, supported: rank 3 (1-D) and 4 (2-D)", weld_shape_text(x, tx));
    WELD_REQUIRE(w->rank == x->rank, WELD_E_FORMAT, "weight %s must have the rank of input %s",
                 weld_shape_text(w, tw), weld_shape_text(x, tx));
    WELD_REQUIRE(attrs->group >= 1 && x->dims[1] >= 1 && x->dims[1] % attrs->group == 0 &&
                     w->dims[0] >= 1 && w->dims[0] % attrs->group == 0,
                 WELD_E_FORMAT,
                 "group is %" PRId64 ", must divide %" PRId64 " input and %" PRId64
                 " output channels",
                 attrs->group, x->dims[1], w->dims[0]);
    WELD_REQUIRE(w->dims[1] == x->dims[1] / attrs->group, WELD_E_FORMAT,
                 "weight %s for input %s and %" PRId64 " groups: its axis 1 must be %" PRId64,
                 weld_shape_text(w, tw), weld_shape_text(x, tx), attrs->group,
                 x->dims[1] / attrs->group);
    for (int k = 2; k < x->rank; k++)
        WELD_REQUIRE(w->dims[k] >= 1 && w->dims[k] <= INT32_MAX && x->dims[k] <= INT32_MAX,
                     WELD_E_FORMAT,
                     "axis %d has size %" PRId64 " (kernel) over %" PRId64 ", must be in 1..%d", k,
                     w->dims[k], x->dims[k], INT32_MAX);
done:
    return st;
}

static weld_status conv_resolve(conv_geometry *g, const conv_attrs *attrs, const weld_shape *x,
                                const weld_shape *w, weld_error *err)
{
    weld_status st;
    WELD_TRY(check_channels(attrs, x, w, err));
    const int spatial = x->rank - 2;
    WELD_TRY(check_lists(attrs, spatial, err));
    *g = (conv_geometry){.images = x->dims[0],
                         .group = attrs->group,
                         .in_channels = x->dims[1],
                         .out_channels = w->dims[0]};
    g->y = (conv_axis){.in = 1, .out = 1, .kernel = 1, .stride = 1, .dilation = 1};
    for (int s = 0; s < spatial; s++) {
        conv_axis *axis = s == spatial - 1 ? &g->x : &g->y;
        axis->in = x->dims[s + 2];
        axis->kernel = w->dims[s + 2];
        WELD_REQUIRE(attrs->kernel_shape.count < 0 || attrs->kernel_shape.at[s] == axis->kernel,
                     WELD_E_FORMAT,
                     "kernel_shape[%d] is %" PRId64 ", must be %" PRId64 " as in the weight", s,
                     attrs->kernel_shape.at[s], axis->kernel);
        WELD_TRY(resolve_axis(axis, attrs, s, spatial, err));
    }
    g->rows = weld_shape_span(w, 1, w->rank);
    g->pixels = 0; /* set once the output shape has passed the limits */
done:
    return st;
}

static weld_status need_float(const weld_infer *inf, int i, weld_error *err)
{
    if (!weld_infer_shape(inf, i))
        return weld_fail(err, WELD_E_FORMAT, "input %d is missing", i);
    if (weld_dtype_is_float(weld_infer_dtype(inf, i)))
        return WELD_OK;
    const char *name = weld_dtype_name((int)weld_infer_dtype(inf, i));
    const bool mixed = i > 0 && weld_dtype_is_float(weld_infer_dtype(inf, 0));
    return weld_fail(err, mixed ? WELD_E_FORMAT : WELD_E_UNSUPPORTED,
                     "input %d has element type %s, supported: floating point", i,
                     name ? name : "unknown");
}

static weld_status conv_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st;
    char text[128];
    WELD_TRY(need_float(inf, 0, err));
    WELD_TRY(need_float(inf, 1, err));
    const weld_shape *x = weld_infer_shape(inf, 0), *w = weld_infer_shape(inf, 1);
    const weld_shape *b = weld_infer_shape(inf, 2);
    conv_geometry g;
    WELD_TRY(conv_resolve(&g, node->attrs, x, w, err));
    if (b) {
        WELD_TRY(need_float(inf, 2, err));
        WELD_REQUIRE(b->rank == 1 && b->dims[0] == w->dims[0], WELD_E_FORMAT,
                     "bias has shape %s, must be [%" PRId64 "]", weld_shape_text(b, text),
                     w->dims[0]);
    }
    weld_shape y = {x->rank, {g.images, g.out_channels, g.y.out, g.x.out}};
    if (x->rank == 3)
        y.dims[2] = g.x.out;
    st = weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &y, err);
done:
    return st;
}

/* ---- kernel ------------------------------------------------------------------------------ */

enum { CONV_SCRATCH_BYTES = 4 << 20, CONV_TILE_MIN = 16 };

/* Output pixels per tile: the im2col matrix of a tile is [rows, tile]. */
static int64_t conv_tile(const conv_geometry *g)
{
    int64_t tile = CONV_SCRATCH_BYTES / (int64_t)sizeof(weld_real) / g->rows;
    tile = tile > CONV_TILE_MIN ? tile : CONV_TILE_MIN;
    return tile < g->pixels ? tile : g->pixels;
}

/* The input is its own im2col matrix. */
static bool conv_is_pointwise(const conv_geometry *g)
{
    return g->y.kernel == 1 && g->x.kernel == 1 && g->y.stride == 1 && g->x.stride == 1 &&
           g->y.out == g->y.in && g->x.out == g->x.in && g->y.pad == 0 && g->x.pad == 0;
}

static size_t conv_scratch(const weld_kernel_args *args, const weld_node *node)
{
    weld_error ignored = WELD_ERROR_INIT;
    conv_geometry g;
    if (conv_resolve(&g, node->attrs, &args->in[0]->shape, &args->in[1]->shape, &ignored))
        return 0;
    if (g.images == 0) /* then the limits say nothing of the pixels */
        return 0;
    g.pixels = g.y.out * g.x.out;
    if (conv_is_pointwise(&g))
        return 0;
    return (size_t)conv_tile(&g) * (size_t)g.rows * sizeof(weld_real);
}

/* out[i] = src[(from + i) * stride + offset] where that lies in the line, else 0. */
static void gather_line(weld_real *out, const weld_real *src, const conv_axis *axis, int64_t offset,
                        int64_t from, int64_t count)
{
    const int64_t stride = axis->stride;
    /* first output column at or past entry 0, and first past the last entry */
    int64_t lo = offset < 0 ? (-offset + stride - 1) / stride : 0;
    int64_t hi = offset < axis->in ? (axis->in - offset + stride - 1) / stride : 0;
    lo = lo > from ? lo - from : 0;
    hi = hi > from ? hi - from : 0;
    hi = hi < count ? hi : count;
    lo = lo < hi ? lo : hi;
    memset(out, 0, (size_t)lo * sizeof *out);
    const weld_real *first = lo < hi ? src + ((from + lo) * stride + offset) : src;
    if (stride == 1)
        memcpy(out + lo, first, (size_t)(hi - lo) * sizeof *out);
    else
        for (int64_t i = lo; i < hi; i++)
            out[i] = first[(i - lo) * stride];
    memset(out + hi, 0, (size_t)(count - hi) * sizeof *out);
}

/* One row of the im2col matrix: kernel entry (ky, kx) of a channel [H, W], for output pixels
 * [start, start + count). */
static void im2col_row(weld_real *out, const weld_real *channel, const conv_geometry *g,
                       const int64_t k[2], int64_t start, int64_t count)
{
    const int64_t offset_y = k[0] * g->y.dilation - g->y.pad;
    const int64_t offset_x = k[1] * g->x.dilation - g->x.pad;
    int64_t oy = start / g->x.out, ox = start % g->x.out;
    while (count > 0) {
        const int64_t left = g->x.out - ox, run = left < count ? left : count;
        const int64_t iy = oy * g->y.stride + offset_y;
        if (iy < 0 || iy >= g->y.in)
            memset(out, 0, (size_t)run * sizeof *out);
        else
            gather_line(out, channel + iy * g->x.in, &g->x, offset_x, ox, run);
        out += run;
        count -= run;
        ox = 0;
        oy++;
    }
}

/* out [rows, count] from the channels of one group x [C / group, H, W]. */
static void im2col(weld_real *out, const weld_real *x, const conv_geometry *g, int64_t start,
                   int64_t count)
{
    const int64_t channels = g->in_channels / g->group, plane = g->y.in * g->x.in;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t ky = 0; ky < g->y.kernel; ky++)
            for (int64_t kx = 0; kx < g->x.kernel; kx++) {
                im2col_row(out, x + c * plane, g, (const int64_t[]){ky, kx}, start, count);
                out += count;
            }
}

/* One group of one image: x [C / group, H, W], w [O / group, rows], y [O / group, pixels]. */
static void conv_group(const conv_geometry *g, const weld_real *x, const weld_real *w, weld_real *y,
                       weld_real beta, weld_real *scratch)
{
    const bool direct = conv_is_pointwise(g);
    const int64_t tile = direct ? g->pixels : conv_tile(g);
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
        weld_real_gemm(&shape, 1.0f, w, direct ? x : scratch, beta, y + start);
    }
}

static weld_status conv_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    conv_geometry g;
    const weld_status st =
        conv_resolve(&g, node->attrs, &args->in[0]->shape, &args->in[1]->shape, err);
    if (st != WELD_OK || g.images == 0)
        return st;
    g.pixels = g.y.out * g.x.out;
    const weld_real *bias = weld_node_input(node, 2) >= 0 ? weld_reals(args->in[2]) : NULL;
    const int64_t in_size = g.in_channels / g.group * g.y.in * g.x.in;
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

static void conv_tie_channels(weld_ties *ties, int index, const weld_node *node)
{
    const conv_attrs *attrs = node->attrs;
    const int x = node->inputs[0], w = node->inputs[1], b = weld_node_input(node, 2);
    const int y = node->outputs[0];
    const int64_t in = weld_tie_shape(ties, x)->dims[1], out = weld_tie_shape(ties, y)->dims[1];
    weld_tie_axes(ties, w, 0, y, 1);
    if (b >= 0)
        weld_tie_axes(ties, b, 0, y, 1);
    if (attrs->group == 1) {
        weld_tie_axes(ties, x, 1, w, 1);
        weld_tie_mix(ties, x, 1);
        weld_tie_mix(ties, w, 1);
        return;
    }
    if (attrs->group == in && out == in) { /* depthwise: channel c makes channel c */
        weld_tie_axes(ties, x, 1, y, 1);
        return;
    }
    const char *why = attrs->group == in ? "depthwise convolution with a multiplier"
                                         : "grouped convolution";
    weld_tie_mix(ties, x, 1);
    weld_tie_pin(ties, index, x, 1, why);
    weld_tie_pin(ties, index, y, 1, why);
    weld_tie_pin(ties, index, w, 0, why);
    weld_tie_pin(ties, index, w, 1, why);
    if (b >= 0)
        weld_tie_pin(ties, index, b, 0, why);
}

static weld_status conv_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)err;
    const int x = node->inputs[0], w = node->inputs[1], y = node->outputs[0];
    weld_tie_axes(ties, x, 0, y, 0);
    conv_tie_channels(ties, index, node);
    for (int k = 2; k < weld_tie_shape(ties, x)->rank; k++) {
        weld_tie_position(ties, x, k);
        weld_tie_position(ties, y, k);
        weld_tie_position(ties, w, k);
        weld_tie_mix(ties, x, k);
        weld_tie_mix(ties, y, k);
    }
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
                        .fields = conv_fields,
                        .attrs_size = sizeof(conv_attrs),
                        .infer = conv_infer,
                        .run = conv_run,
                        .tie = conv_tie,
                        .scratch_bytes = conv_scratch};
