/* Slices of a tensor: what stands at one place of an axis, and all places of a class. */
#ifndef WELD_MATCH_SLICES_H
#define WELD_MATCH_SLICES_H
#include "symmetry/group.h"

/* The elements at one place of an axis: offsets from the place, which is `stride` from the next one. */
typedef struct weld_slice_plan {
    int64_t *offsets; /* [count], freed with weld_free */
    int64_t count, stride;
} weld_slice_plan;

/* Those on `axis`; on axis `some` only at positions `at` [at_count] (some < 0: everywhere). */
weld_status weld_slices_plan(weld_slice_plan *out, weld_context *ctx, const weld_shape *shape,
                             int axis, int some, const int32_t *at, int64_t at_count,
                             weld_error *err);
/* out [size * multiplicity, plan->count]: all places of the member. */
void weld_slices_take(float *out, const float *data, const weld_slice_plan *plan,
                      const weld_member *m, int32_t size);
/* out: the slices at positions `at` [count] of the axis, in the shape that is left. */
void weld_slices_get(float *out, const float *data, const weld_shape *shape, int axis,
                     const int32_t *at, int64_t count);
/* data at positions `at` := slices `from` [count] of `slices`, as weld_slices_get gave them. */
void weld_slices_put(float *data, const float *slices, const weld_shape *shape, int axis,
                     const int32_t *at, const int32_t *from, int64_t count);
#endif
