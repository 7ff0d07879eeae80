#include "match/slices.h"
#include <string.h>

weld_status weld_slices_plan(weld_slice_plan *out, weld_context *ctx, const weld_shape *shape,
                             int axis, int some, const int32_t *at, int64_t at_count,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    int64_t strides[WELD_RANK_MAX], index[WELD_RANK_MAX] = {0}, extent[WELD_RANK_MAX];
    weld_strides(strides, shape);
    *out = (weld_slice_plan){.count = 1, .stride = strides[axis]};
    for (int a = 0; a < shape->rank; a++) {
        extent[a] = a == axis ? 1 : a == some ? at_count : shape->dims[a];
        out->count *= extent[a];
    }
    WELD_NEW(out->offsets, ctx, out->count);
    for (int64_t k = 0; k < out->count; k++) {
        for (int a = 0; a < shape->rank; a++)
            out->offsets[k] += (a == some ? at[index[a]] : index[a]) * strides[a];
        for (int a = shape->rank - 1; a >= 0 && ++index[a] == extent[a]; a--)
            index[a] = 0;
    }
done:
    return st;
}

/* A few columns at a time, so that neighbouring places (columns of a matrix) find what they read in the
 * cache. */
void weld_slices_take(float *out, const float *data, const weld_slice_plan *plan,
                      const weld_member *m, int32_t size)
{
    enum { COLUMNS = 16 };
    for (int64_t first = 0; first < plan->count; first += COLUMNS) {
        const int64_t end = first + COLUMNS < plan->count ? first + COLUMNS : plan->count;
        for (int32_t p = 0; p < size * m->multiplicity; p++) {
            const float *from = data + m->positions[p] * plan->stride;
            for (int64_t k = first; k < end; k++)
                out[p * plan->count + k] = from[plan->offsets[k]];
        }
    }
}

void weld_slices_get(float *out, const float *data, const weld_shape *shape, int axis,
                     const int32_t *at, int64_t count)
{
    const int64_t outer = weld_shape_span(shape, 0, axis);
    const int64_t inner = weld_shape_span(shape, axis + 1, shape->rank), extent = shape->dims[axis];
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < count; k++)
            memcpy(out + (o * count + k) * inner, data + (o * extent + at[k]) * inner,
                   (size_t)inner * sizeof *data);
}

void weld_slices_put(float *data, const float *slices, const weld_shape *shape, int axis,
                     const int32_t *at, const int32_t *from, int64_t count)
{
    const int64_t outer = weld_shape_span(shape, 0, axis);
    const int64_t inner = weld_shape_span(shape, axis + 1, shape->rank), extent = shape->dims[axis];
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < count; k++)
            memcpy(data + (o * extent + at[k]) * inner, slices + (o * count + from[k]) * inner,
                   (size_t)inner * sizeof *data);
}
