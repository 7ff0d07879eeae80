/* Pooling in one to three dimensions, and over all spatial axes. */
#include "ops/window.h"
#include <inttypes.h>
#include <tgmath.h>
#include <stddef.h>

typedef struct pool_attrs {
    weld_window_attrs window;
    int64_t ceil_mode, count_include_pad, storage_order, p;
} pool_attrs;

#define POOL_FIELD(field, value)                                                                   \
    {                                                                                              \
        .name = #field, .kind = WELD_FIELD_INT, .offset = offsetof(pool_attrs, field),             \
        .fallback = (value)                                                                        \
    }

static const weld_field max_pool_fields[] = {
    WELD_WINDOW_FIELDS(true), POOL_FIELD(ceil_mode, 0.0), POOL_FIELD(storage_order, 0.0), {0}};
static const weld_field average_pool_fields[] = {
    WELD_WINDOW_FIELDS(true), POOL_FIELD(ceil_mode, 0.0), POOL_FIELD(count_include_pad, 0.0), {0}};
static const weld_field lp_pool_fields[] = {
    WELD_WINDOW_FIELDS(true), POOL_FIELD(ceil_mode, 0.0), POOL_FIELD(p, 2.0), {0}};
static const weld_field global_lp_fields[] = {POOL_FIELD(p, 2.0), {0}};

static weld_status check_p(const weld_node *node, weld_error *err)
{
    const pool_attrs *attrs = node->attrs;
    if (attrs->p >= 1 && attrs->p <= INT32_MAX)
        return WELD_OK;
    return weld_fail(err, WELD_E_FORMAT, "p is %" PRId64 ", must be in 1..%d", attrs->p, INT32_MAX);
}

static weld_status pool_windows(weld_windows *w, const pool_attrs *attrs, const weld_shape *x,
                                weld_error *err)
{
    weld_status st;
    WELD_TRY(weld_windows_init(w, &attrs->window, x, NULL, err));
    WELD_TRY(weld_windows_slide(w, &attrs->window, attrs->ceil_mode != 0, err));
    for (int s = 0; s < w->spatial; s++) {
        const weld_window *axis = weld_windows_axis(w, s);
        const int64_t reach = weld_window_reach(axis);
        WELD_REQUIRE(axis->pad < reach && axis->pad_end < reach, WELD_E_FORMAT,
                     "spatial axis %d: pads %" PRId64 " and %" PRId64
                     " must be smaller than the window of %" PRId64,
                     s, axis->pad, axis->pad_end, reach);
    }
done:
    return st;
}

static weld_status pool_infer_types(weld_infer *inf, const weld_node *node, unsigned types,
                                    weld_error *err)
{
    weld_status st;
    weld_windows w;
    WELD_TRY(weld_operand_type(inf, 0, types, err));
    const weld_shape *x = weld_infer_shape(inf, 0);
    WELD_TRY(pool_windows(&w, node->attrs, x, err));
    const weld_shape y = weld_windows_shape(&w, x->dims[0], x->dims[1]);
    WELD_TRY(weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &y, err));
    st = weld_infer_set(inf, 1, WELD_INT64, &y, err);
done:
    return st;
}

static weld_status pool_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    return pool_infer_types(inf, node, WELD_TYPES_FLOAT, err);
}

static weld_status max_pool_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    return pool_infer_types(inf, node, WELD_TYPES_FLOAT | 1u << WELD_INT8 | 1u << WELD_UINT8, err);
}

/* ---- windows ------------------------------------------------------------------------------ */

/* A window along one axis: entries first, first + step, ... [count] lie in the input, and
 * `padded` >= count of them in the input or its padding. */
typedef struct pool_span {
    int64_t first, step, count, padded;
} pool_span;

static pool_span span_at(const weld_window *axis, int64_t out)
{
    const int64_t start = out * axis->stride - axis->pad;
    const weld_span in = weld_span_inside(axis->dilation, start, axis->in, axis->kernel);
    const weld_span padded =
        weld_span_inside(axis->dilation, start, axis->in + axis->pad_end, axis->kernel);
    return (pool_span){.first = start + in.from * axis->dilation,
                       .step = axis->dilation,
                       .count = in.to - in.from,
                       .padded = padded.to};
}

/* One window of a channel [D, H, W], which starts at element `base` of the tensor. */
typedef struct pool_view {
    const weld_tensor *x;
    int64_t base;
    const weld_windows *w;
    pool_span at[WELD_SPATIAL_MAX];
} pool_view;

/* Where line (d, h) of the window starts in the tensor. */
static int64_t line_start(const pool_view *v, int64_t d, int64_t h)
{
    const pool_span *at = v->at;
    const int64_t id = at[0].first + d * at[0].step, ih = at[1].first + h * at[1].step;
    return v->base + (id * v->w->axis[1].in + ih) * v->w->axis[2].in + at[2].first;
}

typedef struct pool_result {
    weld_tensor *y, *indices; /* indices: NULL = not wanted */
    int64_t at;
} pool_result;
/* Result number out->at from one window. */
typedef void (*pool_reduce)(const pool_result *out, const pool_view *v, const pool_attrs *attrs);

/* ---- MaxPool ------------------------------------------------------------------------------ */

/* The place of the first largest entry of the window; -1 if it has none. NaN wins, as in numpy. */
static int64_t top_real(const pool_view *v)
{
    const weld_real *x = weld_reals(v->x);
    weld_real top = -INFINITY;
    int64_t place = -1;
    for (int64_t d = 0; d < v->at[0].count; d++)
        for (int64_t h = 0; h < v->at[1].count; h++) {
            int64_t i = line_start(v, d, h);
            for (int64_t k = 0; k < v->at[2].count; k++, i += v->at[2].step)
                if (x[i] > top || place < 0 || (isnan(x[i]) && !isnan(top))) {
                    top = x[i];
                    place = i;
                }
        }
    return place;
}

static int64_t top_integer(const pool_view *v)
{
    int64_t place = -1;
    for (int64_t d = 0; d < v->at[0].count; d++)
        for (int64_t h = 0; h < v->at[1].count; h++) {
            int64_t i = line_start(v, d, h);
            for (int64_t k = 0; k < v->at[2].count; k++, i += v->at[2].step)
                if (place < 0 || v->x->i[i] > v->x->i[place])
                    place = i;
        }
    return place;
}

/* Indices count elements of the whole input; with storage_order 1 the last axis of a channel is
 * the outermost one. */
static int64_t index_of(const pool_view *v, int64_t place, bool by_columns)
{
    if (!by_columns || place < 0)
        return place;
    const weld_window *axis = v->w->axis;
    const int64_t i = place - v->base, width = axis[2].in, height = axis[1].in;
    const int64_t x = i % width, h = i / width % height, d = i / width / height;
    return v->base + d + (h + x * height) * axis[0].in;
}

static void reduce_max(const pool_result *out, const pool_view *v, const pool_attrs *attrs)
{
    const bool is_real = weld_dtype_is_float(v->x->dtype);
    const int64_t place = is_real ? top_real(v) : top_integer(v);
    if (is_real)
        weld_reals(out->y)[out->at] = place < 0 ? -INFINITY : weld_reals(v->x)[place];
    else
        out->y->i[out->at] = place >= 0 ? v->x->i[place] : v->x->dtype == WELD_INT8 ? INT8_MIN : 0;
    if (out->indices)
        out->indices->i[out->at] = index_of(v, place, attrs->storage_order != 0);
}

/* ---- AveragePool, LpPool ------------------------------------------------------------------ */

/* onnxruntime divides by the whole window before opset 19 where ceil_mode lets it reach beyond the
 * padding; we count padding only, as the specification says, in all opsets. */
static void reduce_average(const pool_result *out, const pool_view *v, const pool_attrs *attrs)
{
    const weld_real *x = weld_reals(v->x);
    const bool include_pad = attrs->count_include_pad != 0;
    double sum = 0.0, count = 1.0;
    for (int64_t d = 0; d < v->at[0].count; d++)
        for (int64_t h = 0; h < v->at[1].count; h++) {
            int64_t i = line_start(v, d, h);
            for (int64_t k = 0; k < v->at[2].count; k++, i += v->at[2].step)
                sum += (double)x[i];
        }
    for (int s = 0; s < WELD_SPATIAL_MAX; s++)
        count *= (double)(include_pad ? v->at[s].padded : v->at[s].count);
    weld_reals(out->y)[out->at] = count > 0.0 ? (weld_real)(sum / count) : 0.0f;
}

static void reduce_lp(const pool_result *out, const pool_view *v, const pool_attrs *attrs)
{
    const weld_real *x = weld_reals(v->x);
    const double p = (double)attrs->p;
    double sum = 0.0;
    for (int64_t d = 0; d < v->at[0].count; d++)
        for (int64_t h = 0; h < v->at[1].count; h++) {
            int64_t i = line_start(v, d, h);
            for (int64_t k = 0; k < v->at[2].count; k++, i += v->at[2].step)
                sum += pow(fabs((double)x[i]), p);
        }
    weld_reals(out->y)[out->at] = (weld_real)pow(sum, 1.0 / p);
}

static weld_status pool_run(const weld_kernel_args *args, const weld_node *node, pool_reduce reduce,
                            weld_error *err)
{
    const weld_shape *shape = &args->in[0]->shape; /* [N, C, spatial...] */
    weld_windows w;
    pool_view v = {.x = args->in[0], .w = &w};
    pool_result to = {args->out[0], node->output_count > 1 ? args->out[1] : NULL, 0};
    const weld_status st = pool_windows(&w, node->attrs, shape, err);
    if (st != WELD_OK || weld_shape_numel(shape) == 0)
        return st;
    const int64_t planes = shape->dims[0] * shape->dims[1], size = weld_windows_in(&w);
    for (int64_t p = 0; p < planes; p++, v.base += size)
        for (int64_t d = 0; d < w.axis[0].out; d++) {
            v.at[0] = span_at(&w.axis[0], d);
            for (int64_t h = 0; h < w.axis[1].out; h++) {
                v.at[1] = span_at(&w.axis[1], h);
                for (int64_t x = 0; x < w.axis[2].out; x++, to.at++) {
                    v.at[2] = span_at(&w.axis[2], x);
                    reduce(&to, &v, node->attrs);
                }
            }
        }
    return WELD_OK;
}

/* y [W_out] = the larger of y and what column k of the windows picks from the line x [W]; NaN wins. */
static void raise_line(weld_real *y, const weld_real *x, const weld_window *axis, int64_t k)
{
    const int64_t offset = k * axis->dilation - axis->pad, stride = axis->stride;
    const weld_span in = weld_span_inside(stride, offset, axis->in, axis->out);
    for (int64_t o = in.from; o < in.to; o++) {
        const weld_real v = x[o * stride + offset];
        y[o] = v > y[o] || v != v ? v : y[o];
    }
}

/* The largest entries without their places, a line of the output at a time. */
static weld_status max_pool_lines(const weld_kernel_args *args, const weld_node *node,
                                  weld_error *err)
{
    const weld_shape *shape = &args->in[0]->shape; /* [N, C, spatial...] */
    weld_windows w;
    const weld_status st = pool_windows(&w, node->attrs, shape, err);
    if (st != WELD_OK || weld_shape_numel(shape) == 0)
        return st;
    const int64_t planes = shape->dims[0] * shape->dims[1], size = weld_windows_in(&w);
    const int64_t lines = w.axis[0].out * w.axis[1].out, width = w.axis[2].out;
    const weld_real *x = weld_reals(args->in[0]);
    weld_real *y = weld_reals(args->out[0]);
    for (int64_t line = 0; line < planes * lines; line++, y += width) {
        const weld_real *plane = x + line / lines * size; /* [D, H, W] */
        const pool_span d = span_at(&w.axis[0], line % lines / w.axis[1].out);
        const pool_span h = span_at(&w.axis[1], line % w.axis[1].out);
        for (int64_t i = 0; i < width; i++)
            y[i] = -INFINITY;
        for (int64_t k = 0; k < d.count * h.count; k++) {
            const int64_t at = (d.first + k / h.count * d.step) * w.axis[1].in + h.first +
                               k % h.count * h.step;
            for (int64_t c = 0; c < w.axis[2].kernel; c++)
                raise_line(y, plane + at * w.axis[2].in, &w.axis[2], c);
        }
    }
    return WELD_OK;
}

static weld_status max_pool_run(const weld_kernel_args *args, const weld_node *node,
                                weld_error *err)
{
    const bool places = node->output_count > 1 && args->out[1];
    if (weld_dtype_is_float(args->in[0]->dtype) && !places)
        return max_pool_lines(args, node, err);
    return pool_run(args, node, reduce_max, err);
}

static weld_status average_pool_run(const weld_kernel_args *args, const weld_node *node,
                                    weld_error *err)
{
    return pool_run(args, node, reduce_average, err);
}

static weld_status lp_pool_run(const weld_kernel_args *args, const weld_node *node, weld_error *err)
{
    return pool_run(args, node, reduce_lp, err);
}

/* ---- global pools: any number of spatial axes ------------------------------------------------ */

static weld_status global_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    (void)node;
    weld_status st;
    char text[128];
    WELD_TRY(weld_operand_type(inf, 0, WELD_TYPES_FLOAT, err));
    const weld_shape *x = weld_infer_shape(inf, 0);
    weld_shape y = *x;
    WELD_REQUIRE(x->rank >= 3, WELD_E_FORMAT, "input has shape %s, rank must be 3 or more",
                 weld_shape_text(x, text));
    for (int k = 2; k < x->rank; k++) {
        WELD_REQUIRE(x->dims[k] >= 1, WELD_E_FORMAT, "spatial axis %d has size 0", k - 2);
        y.dims[k] = 1;
    }
    st = weld_infer_set(inf, 0, weld_infer_dtype(inf, 0), &y, err);
done:
    return st;
}

static weld_status global_run(const weld_kernel_args *args, const weld_node *node,
                              pool_reduce reduce)
{
    const weld_shape *shape = &args->in[0]->shape;
    if (weld_shape_numel(shape) == 0)
        return WELD_OK;
    const int64_t planes = shape->dims[0] * shape->dims[1];
    const int64_t size = weld_shape_span(shape, 2, shape->rank);
    const weld_windows w = {.axis = {{.in = 1}, {.in = 1}, {.in = size}}};
    pool_view v = {.x = args->in[0],
                   .w = &w,
                   .at = {{.count = 1, .step = 1}, {.count = 1, .step = 1}, {0, 1, size, size}}};
    for (int64_t p = 0; p < planes; p++, v.base += size)
        reduce(&(pool_result){args->out[0], NULL, p}, &v, node->attrs);
    return WELD_OK;
}

static weld_status global_max_run(const weld_kernel_args *args, const weld_node *node,
                                  weld_error *err)
{
    (void)err;
    return global_run(args, node, reduce_max);
}

static weld_status global_average_run(const weld_kernel_args *args, const weld_node *node,
                                      weld_error *err)
{
    (void)err;
    return global_run(args, node, reduce_average);
}

static weld_status global_lp_run(const weld_kernel_args *args, const weld_node *node,
                                 weld_error *err)
{
    (void)err;
    return global_run(args, node, reduce_lp);
}

/* ---- ties, descriptors ------------------------------------------------------------ */

static weld_status pool_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)err;
    const int x = node->inputs[0], y = node->outputs[0];
    if (node->output_count > 1 && node->outputs[1] >= 0) {
        for (int k = 0; k < 2; k++) { /* Indices count through the channels of all samples */
            weld_tie_pin(ties, index, x, k, "numbered by MaxPool's Indices");
            weld_tie_mix(ties, x, k);
        }
        weld_windows_tie(ties, x, node->outputs[1]);
        weld_tie_axes(ties, x, 1, node->outputs[1], 1);
    }
    weld_windows_tie(ties, x, y);
    weld_tie_axes(ties, x, 1, y, 1);
    return WELD_OK;
}

#define POOL_OP(op, opset, max_outputs, field_table, check_fn, infer_fn, run_fn)                   \
    WELD_DEFINE_OP(op) = {.name = #op,                                                             \
                          .domain = "",                                                            \
                          .opset_min = (opset),                                                    \
                          .opset_max = WELD_OPSET_MAX,                                             \
                          .inputs_min = 1,                                                         \
                          .inputs_max = 1,                                                         \
                          .outputs_min = 1,                                                        \
                          .outputs_max = (max_outputs),                                            \
                          .fields = (field_table),                                                 \
                          .attrs_size = sizeof(pool_attrs),                                        \
                          .check = check_fn,                                                       \
                          .infer = infer_fn,                                                       \
                          .run = run_fn,                                                           \
                          .tie = pool_tie}

POOL_OP(MaxPool, 1, 2, max_pool_fields, NULL, max_pool_infer, max_pool_run);
POOL_OP(AveragePool, 1, 1, average_pool_fields, NULL, pool_infer, average_pool_run);
POOL_OP(LpPool, 2, 1, lp_pool_fields, check_p, pool_infer, lp_pool_run); /* 1: p is a float */
POOL_OP(GlobalMaxPool, 1, 1, weld_no_fields, NULL, global_infer, global_max_run);
POOL_OP(GlobalAveragePool, 1, 1, weld_no_fields, NULL, global_infer, global_average_run);
POOL_OP(GlobalLpPool, 2, 1, global_lp_fields, check_p, global_infer, global_lp_run);
