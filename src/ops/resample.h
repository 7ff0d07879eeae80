/* Where Resize and Upsample look into their input, one axis at a time: entry o of the output is a
 * weighted sum of a few entries of the input (one entry where the mode is nearest). */
#ifndef WELD_OPS_RESAMPLE_H
#define WELD_OPS_RESAMPLE_H
#include "ops/operand.h"

enum { WELD_RESIZE_NEAREST, WELD_RESIZE_LINEAR, WELD_RESIZE_CUBIC };
enum {
    WELD_COORD_HALF_PIXEL,
    WELD_COORD_SYMMETRIC,
    WELD_COORD_PYTORCH,
    WELD_COORD_ALIGN_CORNERS,
    WELD_COORD_ASYMMETRIC,
    WELD_COORD_TF_HALF_PIXEL,
    WELD_COORD_TF_CROP
};
enum {
    WELD_NEAREST_PREFER_FLOOR,
    WELD_NEAREST_PREFER_CEIL,
    WELD_NEAREST_FLOOR,
    WELD_NEAREST_CEIL,
    WELD_NEAREST_LEGACY /* before opset 11, no attribute: down where it enlarges, else up */
};
enum { WELD_ASPECT_STRETCH, WELD_ASPECT_NOT_LARGER, WELD_ASPECT_NOT_SMALLER };

typedef struct weld_resize_attrs {
    int64_t antialias, coordinates, exclude_outside, aspect, mode, nearest;
    float cubic_a, extrapolation;
    weld_ints axes;
    weld_floats scales; /* of Upsample before opset 9 */
} weld_resize_attrs;

/* The values of the inputs; NULL = left out. */
typedef struct weld_resize_inputs {
    const weld_tensor *roi, *scales, *sizes;
} weld_resize_inputs;
/* Numbers of these inputs of the node; INT32_MAX, which no input has, where the opset lacks it. */
typedef struct weld_resize_slots {
    int roi, scales, sizes;
} weld_resize_slots;
weld_resize_slots weld_resize_slots_of(const weld_node *node);

typedef struct weld_resample_axis {
    int64_t in, out;
    float scale, start, end; /* start, end: the part of the input that is looked at, 0 to 1 */
    bool kept;               /* the output is the input along this axis */
} weld_resample_axis;

typedef struct weld_resample {
    int rank;
    weld_resample_axis axis[WELD_RANK_MAX];
    int64_t mode, coordinates, nearest;
    double cubic_a;
    bool antialias, exclude_outside;
} weld_resample;

weld_status weld_resample_init(weld_resample *r, const weld_node *node, const weld_shape *x,
                               const weld_resize_inputs *in, weld_error *err);
/* Entries of the input that make one of the output along the axis: 1 where nearest. */
int64_t weld_resample_taps(const weld_resample *r, const weld_resample_axis *axis);
/* Not less than weld_resample_taps, from the sizes alone. */
int64_t weld_resample_taps_max(const weld_resize_attrs *attrs, int64_t in, int64_t out);
/* index, weight [taps]: what makes entry o of the output. */
void weld_resample_weights(int64_t *index, double *weight, const weld_resample *r,
                           const weld_resample_axis *axis, int64_t o);
/* The one entry of mode nearest. */
int64_t weld_resample_nearest(const weld_resample *r, const weld_resample_axis *axis, int64_t o);
/* Entry o lies beyond the input and gets the extrapolation value. */
bool weld_resample_is_outside(const weld_resample *r, const weld_resample_axis *axis, int64_t o);
#endif
