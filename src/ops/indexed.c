#include "ops/indexed.h"
#include <inttypes.h>
#include <string.h>

static weld_status from_front(int64_t *out, int64_t index, int64_t extent, weld_error *err)
{
    if (index < -extent || index >= extent)
        return weld_fail(err, WELD_E_FORMAT, "index %" PRId64 ", allowed %" PRId64 " to %" PRId64,
                         index, -extent, extent - 1);
    *out = index < 0 ? index + extent : index;
    return WELD_OK;
}

weld_status weld_point_at_elements(int64_t *target, const weld_shape *data,
                                   const weld_tensor *indices, int axis, weld_error *err)
{
    const weld_shape *shape = &indices->shape;
    const int64_t count = weld_shape_numel(shape);
    int64_t strides[WELD_RANK_MAX], position[WELD_RANK_MAX] = {0}, at = 0, index = 0;
    weld_strides(strides, data);
    for (int64_t n = 0; n < count; n++) {
        const weld_status st = from_front(&index, indices->i[n], data->dims[axis], err);
        if (st != WELD_OK)
            return st;
        target[n] = at + index * strides[axis];
        for (int a = shape->rank - 1; a >= 0; a--) {
            const int64_t step = a == axis ? 0 : strides[a];
            at += step;
            if (++position[a] < shape->dims[a])
                break;
            at -= step * position[a];
            position[a] = 0;
        }
    }
    return WELD_OK;
}

weld_status weld_point_at_slices(int64_t *target, const weld_shape *data,
                                 const weld_tensor *indices, int batch_dims, weld_error *err)
{
    const int tuple_axis = indices->shape.rank - 1;
    const int length = (int)indices->shape.dims[tuple_axis];
    const int64_t count = weld_shape_span(&indices->shape, 0, tuple_axis);
    const int64_t per_batch = weld_shape_span(&indices->shape, batch_dims, tuple_axis);
    const int64_t batch_step = weld_shape_span(data, batch_dims, data->rank);
    int64_t strides[WELD_RANK_MAX], index = 0;
    weld_strides(strides, data);
    for (int64_t n = 0; n < count; n++) {
        target[n] = n / per_batch * batch_step;
        for (int k = 0; k < length; k++) {
            const weld_status st =
                from_front(&index, indices->i[n * length + k], data->dims[batch_dims + k], err);
            if (st != WELD_OK)
                return st;
            target[n] += index * strides[batch_dims + k];
        }
    }
    return WELD_OK;
}

static bool differs_along(const weld_tensor *x, int axis)
{
    const weld_lines lines = weld_lines_of(&x->shape, axis, axis + 1);
    const size_t slice = (size_t)lines.step * weld_compute_size(x->dtype); /* bytes */
    for (int64_t o = 0; o < lines.outer; o++) {
        const char *first = (const char *)x->data + (size_t)(o * lines.count) * slice;
        for (int64_t k = 1; k < lines.count; k++)
            if (memcmp(first, first + (size_t)k * slice, slice) != 0)
                return true;
    }
    return false;
}

void weld_tie_known(weld_ties *ties, int node, int value, int a, int y, int b)
{
    const weld_tensor *known = weld_tie_data(ties, value);
    if (known && y >= 0 && differs_along(known, a))
        weld_tie_pin(ties, node, y, b, "meets a constant");
}
