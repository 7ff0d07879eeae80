#include "ops/resample.h"
#include <inttypes.h>
#include <math.h>

/* ---- sizes and scales ------------------------------------------------------------------ */

weld_resize_slots weld_resize_slots_of(const weld_node *node)
{
    if (node->opset < 9)
        return (weld_resize_slots){INT32_MAX, INT32_MAX, INT32_MAX};
    if (node->opset < 11)
        return (weld_resize_slots){INT32_MAX, 1, INT32_MAX};
    return (weld_resize_slots){1, 2, 3};
}

/* The axes that are resized, [*count], in the order of scales, sizes and roi; all of them where the
 * attribute is absent or empty, or the operator lacks it. */
static weld_status read_axes(int axes[WELD_RANK_MAX], int *count, const weld_ints *given, int rank,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    bool seen[WELD_RANK_MAX] = {false};
    WELD_REQUIRE(rank >= 1, WELD_E_FORMAT, "input has rank 0, must be 1 or more");
    WELD_REQUIRE(given->count <= rank, WELD_E_FORMAT, "axes has %" PRId64 " values, rank is %d",
                 given->count, rank);
    *count = given->count <= 0 ? rank : (int)given->count;
    for (int k = 0; k < *count; k++) {
        WELD_TRY(weld_operand_axis(&axes[k], given->count <= 0 ? k : given->at[k], rank, err));
        WELD_REQUIRE(!seen[axes[k]], WELD_E_FORMAT, "axes names axis %d twice", axes[k]);
        seen[axes[k]] = true;
    }
done:
    return st;
}

/* An input of `count` values, floating-point or integer. */
static weld_status check_vector(const weld_tensor *t, const char *name, bool is_float, int count,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    char text[128];
    WELD_REQUIRE(weld_dtype_is_float(t->dtype) == is_float, WELD_E_FORMAT,
                 "%s has element type %s, must be %s", name, weld_dtype_name((int)t->dtype),
                 is_float ? "floating point" : "int64");
    WELD_REQUIRE(t->shape.rank == 1 && t->shape.dims[0] == count, WELD_E_FORMAT,
                 "%s has shape %s, must be [%d]", name, weld_shape_text(&t->shape, text), count);
done:
    return st;
}

/* Not given, or given as an empty tensor. */
static bool is_absent(const weld_tensor *t)
{
    return !t || weld_shape_numel(&t->shape) == 0;
}

static weld_status apply_scale(weld_resample_axis *axis, float scale, bool enlarges, int a,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    const float size = scale * (float)axis->in; /* as onnxruntime: products in float */
    WELD_REQUIRE(scale >= (enlarges ? 1.0f : FLT_MIN) && size < 0x1p31f, WELD_E_FORMAT,
                 "scale of axis %d of size %" PRId64 " is %g, must be %s and the result below 2^31",
                 a, axis->in, (double)scale, enlarges ? "1 or more" : "above 0");
    axis->scale = scale;
    axis->out = (int64_t)size;
done:
    return st;
}

/* Scales of the file or of its attribute. */
static weld_status apply_scales(weld_resample *r, const weld_node *node, const int *axes, int count,
                                const weld_tensor *given, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_resize_attrs *attrs = node->attrs;
    if (given)
        WELD_TRY(check_vector(given, "scales", true, count, err));
    else
        WELD_REQUIRE(attrs->scales.count == count, WELD_E_FORMAT,
                     "scales has %" PRId64 " values, must have %d", attrs->scales.count, count);
    for (int k = 0; k < count; k++) {
        const float scale = given ? (float)weld_tensor_number(given, k) : attrs->scales.at[k];
        WELD_TRY(apply_scale(&r->axis[axes[k]], scale, node->opset < 10, axes[k], err));
    }
done:
    return st;
}

static weld_status apply_sizes(weld_resample *r, int64_t aspect, const int *axes, int count,
                               const weld_tensor *sizes, weld_error *err)
{
    weld_status st = WELD_OK;
    float one = 0.0f; /* the scale of all axes, where the aspect is kept */
    WELD_TRY(check_vector(sizes, "sizes", false, count, err));
    for (int k = 0; k < count; k++) {
        weld_resample_axis *axis = &r->axis[axes[k]];
        axis->out = sizes->i[k];
        WELD_REQUIRE(axis->out >= 0 && axis->out <= INT32_MAX && (axis->in > 0 || axis->out == 0),
                     WELD_E_FORMAT,
                     "size of axis %d is %" PRId64 ", must be in 0..%d, and 0 for an axis of size "
                     "0 (it is %" PRId64 ")",
                     axes[k], axis->out, INT32_MAX, axis->in);
        axis->scale = axis->in > 0 ? (float)axis->out / (float)axis->in : 1.0f;
        if (k == 0 || (aspect == WELD_ASPECT_NOT_LARGER) == (axis->scale < one))
            one = axis->scale;
    }
    for (int k = 0; k < count && aspect != WELD_ASPECT_STRETCH; k++) {
        weld_resample_axis *axis = &r->axis[axes[k]];
        const float size = roundf(one * (float)axis->in);
        WELD_REQUIRE(size < 0x1p31f, WELD_E_LIMIT,
                     "size of axis %d is %g where the aspect is kept, must be below 2^31", axes[k],
                     (double)size);
        axis->scale = one;
        axis->out = (int64_t)size;
    }
done:
    return st;
}

static weld_status apply_roi(weld_resample *r, const int *axes, int count, const weld_tensor *roi,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_REQUIRE(!is_absent(roi), WELD_E_FORMAT, "roi is missing, tf_crop_and_resize needs it");
    WELD_TRY(check_vector(roi, "roi", true, 2 * count, err));
    for (int k = 0; k < count; k++) {
        weld_resample_axis *axis = &r->axis[axes[k]];
        axis->start = (float)weld_tensor_number(roi, k);
        axis->end = (float)weld_tensor_number(roi, k + count);
        WELD_REQUIRE(isfinite(axis->start) && isfinite(axis->end), WELD_E_FORMAT,
                     "roi of axis %d is %g to %g, must be finite", axes[k], (double)axis->start,
                     (double)axis->end);
    }
done:
    return st;
}

static void take_attrs(weld_resample *r, const weld_node *node)
{
    const weld_resize_attrs *attrs = node->attrs;
    const bool legacy = node->opset < 11; /* only the mode can be chosen */
    r->mode = attrs->mode;
    r->coordinates = legacy ? WELD_COORD_ASYMMETRIC : attrs->coordinates;
    r->nearest = legacy ? WELD_NEAREST_LEGACY : attrs->nearest;
    r->cubic_a = (double)attrs->cubic_a;
    r->antialias = attrs->antialias != 0;
    r->exclude_outside = attrs->exclude_outside != 0;
}

weld_status weld_resample_init(weld_resample *r, const weld_node *node, const weld_shape *x,
                               const weld_resize_inputs *in, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_resize_attrs *attrs = node->attrs;
    const bool no_scales = node->opset < 9 ? attrs->scales.count < 0 : is_absent(in->scales);
    int axes[WELD_RANK_MAX], count = 0;
    take_attrs(r, node);
    r->rank = x->rank;
    WELD_TRY(read_axes(axes, &count, &attrs->axes, x->rank, err));
    for (int a = 0; a < x->rank; a++)
        r->axis[a] =
            (weld_resample_axis){.in = x->dims[a], .out = x->dims[a], .scale = 1.0f, .end = 1.0f};
    WELD_REQUIRE(no_scales != is_absent(in->sizes), WELD_E_FORMAT,
                 "%s, one of scales and sizes must be",
                 no_scales ? "neither scales nor sizes is given" : "scales and sizes are given");
    if (no_scales)
        WELD_TRY(apply_sizes(r, attrs->aspect, axes, count, in->sizes, err));
    else
        WELD_TRY(apply_scales(r, node, axes, count, node->opset < 9 ? NULL : in->scales, err));
    if (r->coordinates == WELD_COORD_TF_CROP)
        WELD_TRY(apply_roi(r, axes, count, in->roi, err));
    for (int a = 0; a < x->rank; a++) {
        weld_resample_axis *axis = &r->axis[a];
        axis->kept = axis->out == axis->in && axis->scale == 1.0f && axis->start == 0.0f &&
                     axis->end == 1.0f;
    }
done:
    return st;
}

/* ---- coordinates --------------------------------------------------------------------------- */

/* The resized length before it was rounded; the tests of ONNX want it in align_corners. */
static float full_length(const weld_resample_axis *axis)
{
    const float size = (float)axis->out, length = axis->scale * (float)axis->in;
    return fabsf(length - size) < 1e-4f * size ? size : length;
}

/* Where entry o lies in the input. In float whatever the data, so that files of all types round
 * alike (and as onnxruntime does). */
static float coordinate(const weld_resample *r, const weld_resample_axis *axis, int64_t o)
{
    const float x = (float)o, in = (float)axis->in, out = (float)axis->out, scale = axis->scale;
    const float last = (float)(axis->in - 1);
    const float half = (x + 0.5f) / scale - 0.5f;
    switch (r->coordinates) {
    case WELD_COORD_SYMMETRIC: return in / 2.0f * (1.0f - out / (scale * in)) + half;
    case WELD_COORD_PYTORCH: return axis->out > 1 ? half : 0.0f;
    case WELD_COORD_ALIGN_CORNERS:
        return axis->out > 1 ? x * last / (full_length(axis) - 1.0f) : 0.0f;
    case WELD_COORD_ASYMMETRIC: return x / scale;
    case WELD_COORD_TF_HALF_PIXEL: return (x + 0.5f) / scale;
    case WELD_COORD_TF_CROP:
        return axis->out > 1
                   ? axis->start * last + x * (axis->end - axis->start) * last / (out - 1.0f)
                   : 0.5f * (axis->start + axis->end) * last;
    default: return half;
    }
}

bool weld_resample_is_outside(const weld_resample *r, const weld_resample_axis *axis, int64_t o)
{
    if (r->coordinates != WELD_COORD_TF_CROP || axis->kept)
        return false;
    const float x = coordinate(r, axis, o);
    return !(x >= 0.0f && x <= (float)(axis->in - 1));
}

static int64_t clamp_index(int64_t i, int64_t size)
{
    return i < 0 ? 0 : i < size ? i : size - 1;
}

/* The coordinate within one entry of the input: beyond, all is as at the border. */
static float near_coordinate(const weld_resample *r, const weld_resample_axis *axis, int64_t o)
{
    const float x = coordinate(r, axis, o), last = (float)axis->in;
    return x > -1.0f ? x < last ? x : last : -1.0f; /* NaN: -1 */
}

int64_t weld_resample_nearest(const weld_resample *r, const weld_resample_axis *axis, int64_t o)
{
    const float x = near_coordinate(r, axis, o);
    const bool is_half = x - floorf(x) == 0.5f;
    float at = roundf(x);
    if (r->nearest == WELD_NEAREST_FLOOR || (r->nearest == WELD_NEAREST_PREFER_FLOOR && is_half))
        at = floorf(x);
    else if (r->nearest == WELD_NEAREST_CEIL || (r->nearest == WELD_NEAREST_PREFER_CEIL && is_half))
        at = ceilf(x);
    else if (r->nearest == WELD_NEAREST_LEGACY)
        at = axis->scale < 1.0f ? ceilf(x) : floorf(x);
    return clamp_index((int64_t)at, axis->in);
}

/* ---- weights ------------------------------------------------------------------------------- */

/* How much wider than between neighbours the filter is. */
static double stretch_of(const weld_resample *r, const weld_resample_axis *axis)
{
    return r->antialias && axis->scale < 1.0f ? 1.0 / (double)axis->scale : 1.0;
}

/* Entries on one side that have weight. */
static int64_t side(int64_t mode, double stretch)
{
    return (int64_t)ceil((mode == WELD_RESIZE_CUBIC ? 2.0 : 1.0) * stretch);
}

int64_t weld_resample_taps(const weld_resample *r, const weld_resample_axis *axis)
{
    return r->mode == WELD_RESIZE_NEAREST ? 1 : 2 * side(r->mode, stretch_of(r, axis));
}

int64_t weld_resample_taps_max(const weld_resize_attrs *attrs, int64_t in, int64_t out)
{
    if (attrs->mode == WELD_RESIZE_NEAREST)
        return 1;
    /* Sizes are rounded to the nearest at worst: the scale is above out / (2 in). */
    const double stretch = attrs->antialias && out < 2 * in ? 2.0 * (double)in / (double)out : 1.0;
    return 2 * (side(attrs->mode, stretch) + 1);
}

/* The filter at distance t: a triangle, or Keys' cubic. */
static double filter_at(const weld_resample *r, double t)
{
    const double a = r->cubic_a;
    t = fabs(t);
    if (r->mode == WELD_RESIZE_LINEAR)
        return t < 1.0 ? 1.0 - t : 0.0;
    if (t <= 1.0)
        return ((a + 2.0) * t - (a + 3.0)) * t * t + 1.0;
    return t < 2.0 ? ((a * t - 5.0 * a) * t + 8.0 * a) * t - 4.0 * a : 0.0;
}

void weld_resample_weights(int64_t *index, double *weight, const weld_resample *r,
                           const weld_resample_axis *axis, int64_t o)
{
    const double x = (double)near_coordinate(r, axis, o), stretch = stretch_of(r, axis);
    const int64_t reach = side(r->mode, stretch), first = (int64_t)floor(x) - reach + 1;
    double sum = 0.0;
    for (int64_t k = 0; k < 2 * reach; k++) {
        const int64_t i = first + k;
        const bool dropped = r->exclude_outside && (i < 0 || i >= axis->in);
        weight[k] = dropped ? 0.0 : filter_at(r, ((double)i - x) / stretch);
        index[k] = clamp_index(i, axis->in);
        sum += weight[k];
    }
    for (int64_t k = 0; k < 2 * reach && sum != 0.0; k++)
        weight[k] /= sum;
}
