/* Pooling: MaxPool and AveragePool in one and two dimensions, and the global pools. */
#include "ops/operand.h"
#include <inttypes.h>
#include <tgmath.h>
#include <stddef.h>

enum { AUTO_NOTSET, AUTO_SAME_UPPER, AUTO_SAME_LOWER, AUTO_VALID };
static const char *const auto_pad_names[] = {"NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID", NULL};

typedef struct pool_attrs {
    int64_t auto_pad, ceil_mode, count_include_pad;
    weld_ints dilations, kernel_shape, pads, strides;
} pool_attrs;

#define POOL_FIELDS                                                                                \
    {"auto_pad",  WELD_FIELD_ENUM, offsetof(pool_attrs, auto_pad),                                 \
     AUTO_NOTSET, auto_pad_names,  false},                                                         \
        {"ceil_mode", WELD_FIELD_INT, offsetof(pool_attrs, ceil_mode), 0.0, NULL, false},          \
        {"dilations", WELD_FIELD_INTS, offsetof(pool_attrs, dilations), 0.0, NULL, false},         \
        {"kernel_shape", WELD_FIELD_INTS, offsetof(pool_attrs, kernel_shape), 0.0, NULL, true},    \
        {"pads", WELD_FIELD_INTS, offsetof(pool_attrs, pads), 0.0, NULL, false},                   \
    {                                                                                              \
        "strides", WELD_FIELD_INTS, offsetof(pool_attrs, strides), 0.0, NULL, false                \
    }

/* storage_order only orders Indices, an output that we lack. */
static const weld_field max_pool_fields[] = {
    POOL_FIELDS, {"storage_order", WELD_FIELD_IGNORED, 0, 0.0, NULL, false}, {0}};
static const weld_field average_pool_fields[] = {POOL_FIELDS,
                                                 {"count_include_pad", WELD_FIELD_INT,
                                                  offsetof(pool_attrs, count_include_pad), 0.0,
                                                  NULL, false},
                                                 {0}};

/* ---- geometry: one dimension is two, with a height of 1 ------------------------------- */

typedef struct pool_axis {
    int64_t in, out, kernel, stride, dilation, pad, pad_end;
} pool_axis;

typedef struct pool_geometry {
    pool_axis y, x;
} pool_geometry;

static weld_status check_lists(const pool_attrs *attrs, int spatial, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_REQUIRE(attrs->kernel_shape.count >= 0, WELD_E_FORMAT, "kernel_shape is missing");
    WELD_TRY(weld_check_ints(&attrs->kernel_shape, "kernel_shape", spatial, 1, err));
    WELD_TRY(weld_check_ints(&attrs->strides, "strides", spatial, 1, err));
    WELD_TRY(weld_check_ints(&attrs->dilations, "dilations", spatial, 1, err));
    WELD_TRY(weld_check_ints(&attrs->pads, "pads", 2 * spatial, 0, err));
    if (attrs->auto_pad != AUTO_NOTSET)
        for (int64_t k = 0; k < attrs->pads.count; k++)
            WELD_REQUIRE(attrs->pads.at[k] == 0, WELD_E_FORMAT,
                         "pads given with auto_pad %s, allowed with NOTSET",
                         auto_pad_names[attrs->auto_pad]);
done:
    return st;
}

/* Spatial axis s of size axis->in. All values are below 2^31, so nothing here overflows. */
static weld_status resolve_axis(pool_axis *axis, const pool_attrs *attrs, int s, int spatial,
                                weld_error *err)
{
    axis->kernel = attrs->kernel_shape.at[s];
    axis->stride = attrs->strides.count > 0 ? attrs->strides.at[s] : 1;
    axis->dilation = attrs->dilations.count > 0 ? attrs->dilations.at[s] : 1;
    const int64_t reach = (axis->kernel - 1) * axis->dilation + 1;
    const bool same = attrs->auto_pad == AUTO_SAME_UPPER || attrs->auto_pad == AUTO_SAME_LOWER;
    axis->pad = axis->pad_end = 0;
    if (attrs->auto_pad == AUTO_NOTSET && attrs->pads.count > 0) {
        axis->pad = attrs->pads.at[s];
        axis->pad_end = attrs->pads.at[s + spatial];
    } else if (same) {
        const int64_t out = (axis->in + axis->stride - 1) / axis->stride;
        int64_t total = (out - 1) * axis->stride + reach - axis->in;
        total = total > 0 ? total : 0;
        const int64_t less = total / 2, more = total - less;
        axis->pad = attrs->auto_pad == AUTO_SAME_UPPER ? less : more;
        axis->pad_end = total - axis->pad;
    }
    const int64_t room = axis->in + axis->pad + axis->pad_end - reach;
    if (axis->in < 1 || room < 0 || axis->pad >= reach || axis->pad_end >= reach)
        return weld_fail(err, WELD_E_FORMAT,
                         "spatial axis %d: window of %" PRId64 " over %" PRId64
                         " entries, pads %" PRId64 " and %" PRId64
                         " must be smaller than the window, and the output not empty",
                         s, reach, axis->in, axis->pad, axis->pad_end);
    axis->out = room / axis->stride + 1;
    /* Rounded up, but the last window must start inside the input or the padding before it. */
    if (attrs->ceil_mode && attrs->auto_pad == AUTO_NOTSET && room % axis->stride != 0 &&
        axis->out * axis->stride < axis->in + axis->pad)
        axis->out++;
    return WELD_OK;
}

static weld_status pool_resolve(pool_geometry *g, const pool_attrs *attrs, const weld_shape *x,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    char text[128];
    WELD_REQUIRE(x->rank == 3 || x->rank == 4, x->rank < 3 ? WELD_E_FORMAT : WELD_E_UNSUPPORTED,
                 "input has shape %s, supported: rank 3 (1-D) and 4 (2-D)",
                 weld_shape_text(x, text));
    const int spatial = x->rank - 2;
    WELD_TRY(check_lists(attrs, spatial, err));
    g->y = (pool_axis){.in = 1, .out = 1, .kernel = 1, .stride = 1, .dilation = 1};
    for (int s = 0; s < spatial; s++) {
        pool_axis *axis = s == spatial - 1 ? &g->x : &g->y;
        axis->in = x->dims[s + 2];
        WELD_REQUIRE(axis->in <= INT32_MAX, WELD_E_FORMAT,
                     "axis %d has size %" PRId64 ", must be in 1..%d", s + 2, axis->in, INT32_MAX);
        WELD_TRY(resolve_axis(axis, attrs, s, spatial, err));
    }
done:
    return st;
}

/* The one input: there, floating point; and no output but the first. */
static weld_status check_input(const weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_REQUIRE(weld_infer_shape(inf, 0), WELD_E_FORMAT, "input 0 is missing");
    const weld_dtype dtype = weld_infer_dtype(inf, 0);
    const char *name = weld_dtype_name((int)dtype);
    WELD_REQUIRE(weld_dtype_is_float(dtype), WELD_E_UNSUPPORTED,
                 "input has element type %s, supported: floating point", name ? name : "unknown");
    WELD_REQUIRE(node->output_count < 2 || node->outputs[1] < 0, WELD_E_UNSUPPORTED,
                 "output 1 (Indices) is used, supported: output 0");
done:
    return st;
}

static weld_status pool_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st;
    WELD_TRY(check_input(inf, node, err));
    pool_geometry g;
    weld_shape shape = *weld_infer_shape(inf, 0);
    WELD_TRY(pool_resolve(&g, node->attrs, &shape, err));
    shape.dims[shape.rank - 1] = g.x.out;
    if (shape.rank == 4)
        shape.dims[2] = g.y.out;
    st = weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &shape, err);
done:
    return st;
}

/* ---- kernels ------------------------------------------------------------------------------ */

/* A window along one axis: entries first, first + dilation, ... [count] lie in the input, and
 * `padded` >= count of them in the input or its padding. */
typedef struct pool_window {
    int64_t first, count, padded;
} pool_window;

static pool_window window_at(const pool_axis *axis, int64_t out)
{
    const int64_t d = axis->dilation, start = out * axis->stride - axis->pad;
    const int64_t skip = start < 0 ? (-start + d - 1) / d : 0; /* entries before the input */
    const int64_t to_end = start < axis->in ? (axis->in - start + d - 1) / d : 0;
    const int64_t end = to_end < axis->kernel ? to_end : axis->kernel;
    const int64_t wall = axis->in + axis->pad_end - start;
    const int64_t to_wall = wall > 0 ? (wall + d - 1) / d : 0;
    return (pool_window){.first = start + skip * d,
                         .count = end > skip ? end - skip : 0,
                         .padded = to_wall < axis->kernel ? to_wall : axis->kernel};
}

typedef weld_real (*pool_reduce)(const weld_real *plane, const pool_geometry *g, pool_window wy,
                                 pool_window wx, bool include_pad);

/* NaN wins, as in numpy. */
static weld_real reduce_max(const weld_real *plane, const pool_geometry *g, pool_window wy,
                            pool_window wx, bool include_pad)
{
    (void)include_pad;
    weld_real top = -INFINITY;
    for (int64_t i = 0; i < wy.count; i++) {
        const weld_real *line = plane + (wy.first + i * g->y.dilation) * g->x.in + wx.first;
        for (int64_t j = 0; j < wx.count; j++) {
            const weld_real v = line[j * g->x.dilation];
            if (v > top || isnan(v))
                top = v;
        }
    }
    return top;
}

static weld_real reduce_average(const weld_real *plane, const pool_geometry *g, pool_window wy,
                                pool_window wx, bool include_pad)
{
    double sum = 0.0;
    for (int64_t i = 0; i < wy.count; i++) {
        const weld_real *line = plane + (wy.first + i * g->y.dilation) * g->x.in + wx.first;
        for (int64_t j = 0; j < wx.count; j++)
            sum += (double)line[j * g->x.dilation];
    }
    const int64_t count = include_pad ? wy.padded * wx.padded : wy.count * wx.count;
    return count > 0 ? (weld_real)(sum / (double)count) : 0.0f;
}

static weld_status pool_run(const weld_kernel_args *args, const weld_node *node, pool_reduce reduce,
                            weld_error *err)
{
    const pool_attrs *attrs = node->attrs;
    const weld_shape *shape = &args->in[0]->shape; /* [N, C, H, W] or [N, C, W] */
    pool_geometry g;
    const weld_status st = pool_resolve(&g, attrs, shape, err);
    if (st != WELD_OK)
        return st;
    const bool include_pad = attrs->count_include_pad != 0;
    const int64_t planes = shape->dims[0] * shape->dims[1];
    weld_real *y = weld_reals(args->out[0]);
    for (int64_t p = 0; p < planes; p++) {
        const weld_real *plane = weld_reals(args->in[0]) + p * g.y.in * g.x.in;
        for (int64_t oy = 0; oy < g.y.out; oy++) {
            const pool_window wy = window_at(&g.y, oy);
            for (int64_t ox = 0; ox < g.x.out; ox++)
                *y++ = reduce(plane, &g, wy, window_at(&g.x, ox), include_pad);
        }
    }
    return WELD_OK;
}

static weld_status max_pool_run(const weld_kernel_args *args, const weld_node *node,
                                weld_error *err)
{
    return pool_run(args, node, reduce_max, err);
}

static weld_status average_pool_run(const weld_kernel_args *args, const weld_node *node,
                                    weld_error *err)
{
    return pool_run(args, node, reduce_average, err);
}

/* ---- global pools: any number of spatial axes ------------------------------------------------ */

static weld_status global_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st;
    char text[128];
    WELD_TRY(check_input(inf, node, err));
    const weld_shape *x = weld_infer_shape(inf, 0);
    weld_shape y = *x;
    WELD_REQUIRE(x->rank >= 3, WELD_E_FORMAT, "input has shape %s, rank must be 3 or more",
                 weld_shape_text(x, text));
    for (int k = 2; k < x->rank; k++) {
        WELD_REQUIRE(x->dims[k] >= 1, WELD_E_FORMAT, "spatial axis %d has size 0", k);
        y.dims[k] = 1;
    }
    st = weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &y, err);
done:
    return st;
}

static weld_status global_run(const weld_kernel_args *args, pool_reduce reduce)
{
    const weld_shape *shape = &args->in[0]->shape;
    const int64_t planes = shape->dims[0] * shape->dims[1];
    const int64_t size = weld_shape_span(shape, 2, shape->rank);
    const pool_geometry g = {.y = {.in = 1, .dilation = 1}, .x = {.in = size, .dilation = 1}};
    const pool_window wy = {0, 1, 1}, wx = {0, size, size};
    for (int64_t p = 0; p < planes; p++)
        weld_reals(args->out[0])[p] = reduce(weld_reals(args->in[0]) + p * size, &g, wy, wx, false);
    return WELD_OK;
}

static weld_status global_max_run(const weld_kernel_args *args, const weld_node *node,
                                  weld_error *err)
{
    (void)node, (void)err;
    return global_run(args, reduce_max);
}

static weld_status global_average_run(const weld_kernel_args *args, const weld_node *node,
                                      weld_error *err)
{
    (void)node, (void)err;
    return global_run(args, reduce_average);
}

/* ---- ties, descriptors ------------------------------------------------------------ */

static weld_status pool_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index, (void)err;
    const int x = node->inputs[0], y = node->outputs[0];
    weld_tie_axes(ties, x, 0, y, 0);
    weld_tie_axes(ties, x, 1, y, 1);
    for (int k = 2; k < weld_tie_shape(ties, x)->rank; k++) {
        weld_tie_position(ties, x, k);
        weld_tie_position(ties, y, k);
        weld_tie_mix(ties, x, k);
        weld_tie_mix(ties, y, k);
    }
    return WELD_OK;
}

static const weld_field no_fields[] = {{0}};

#define POOL_OP(op, max_outputs, field_table, size, infer_fn, run_fn)                              \
    WELD_DEFINE_OP(op) = {.name = #op,                                                             \
                          .domain = "",                                                            \
                          .opset_min = 1,                                                          \
                          .opset_max = WELD_OPSET_MAX,                                             \
                          .inputs_min = 1,                                                         \
                          .inputs_max = 1,                                                         \
                          .outputs_min = 1,                                                        \
                          .outputs_max = (max_outputs),                                            \
                          .fields = (field_table),                                                 \
                          .attrs_size = (size),                                                    \
                          .infer = infer_fn,                                                       \
                          .run = run_fn,                                                           \
                          .tie = pool_tie}

POOL_OP(MaxPool, 2, max_pool_fields, sizeof(pool_attrs), pool_infer, max_pool_run);
POOL_OP(AveragePool, 1, average_pool_fields, sizeof(pool_attrs), pool_infer, average_pool_run);
POOL_OP(GlobalMaxPool, 1, no_fields, 0, global_infer, global_max_run);
POOL_OP(GlobalAveragePool, 1, no_fields, 0, global_infer, global_average_run);
