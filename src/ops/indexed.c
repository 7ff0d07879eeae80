#include "ops/indexed.h"
#include <inttypes.h>

static weld_status from_front(int64_t *out, int64_t index, int64_t extent, weld_error *err)
{
    if (index < -extent || index >= extent)
        return weld_fail(err, WELD_E_FORMAT, "index %" PRId64 ", allowed %" PRId64 " to %" PRId64,
                         index, -extent, extent - 1);
    *out = index < 0 ? index + extent : index;
    return WELD_OK;
}

weld_status weld_check_element_indices(const weld_shape *data, const weld_shape *indices, int axis,
                                       weld_error *err)
{
    char td[128], ti[128];
    bool fits = indices->rank == data->rank;
    for (int a = 0; fits && a < data->rank; a++)
        fits = a == axis || indices->dims[a] <= data->dims[a];
    if (fits)
        return WELD_OK;
    return weld_fail(err, WELD_E_FORMAT,
                     "indices have shape %s, must lie within data %s on all axes but %d",
                     weld_shape_text(indices, ti), weld_shape_text(data, td), axis);
}

size_t weld_element_targets(const weld_kernel_args *args, const weld_node *node)
{
    (void)node;
    return (size_t)weld_shape_numel(&args->in[1]->shape) * sizeof(int64_t);
}

size_t weld_slice_targets(const weld_kernel_args *args, const weld_node *node)
{
    (void)node;
    const weld_shape *indices = &args->in[1]->shape;
    return (size_t)weld_shape_span(indices, 0, indices->rank - 1) * sizeof(int64_t);
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
