#include "tensor/tensor.h"
#include "core/size.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

weld_shape weld_shape_make(int rank, const int64_t *dims)
{
    weld_shape shape = {.rank = rank};
    for (int k = 0; k < rank; k++)
        shape.dims[k] = dims[k];
    return shape;
}

int64_t weld_shape_span(const weld_shape *shape, int from, int to)
{
    int64_t n = 1;
    for (int k = from; k < to; k++)
        n *= shape->dims[k];
    return n;
}

int64_t weld_shape_numel(const weld_shape *shape)
{
    return weld_shape_span(shape, 0, shape->rank);
}

bool weld_shape_equal(const weld_shape *a, const weld_shape *b)
{
    return a->rank == b->rank && memcmp(a->dims, b->dims, (size_t)a->rank * sizeof a->dims[0]) == 0;
}

const char *weld_shape_text(const weld_shape *shape, char text[128])
{
    size_t n = 0;
    text[n++] = '[';
    for (int k = 0; k < shape->rank && n < 100; k++) {
        int w = snprintf(text + n, 128 - n, "%s%" PRId64, k ? ", " : "", shape->dims[k]);
        n += w > 0 ? (size_t)w : 0;
    }
    snprintf(text + (n < 126 ? n : 126), 2, "]");
    return text;
}

weld_status weld_shape_check(const weld_context *ctx, const weld_shape *shape, const char *name,
                             weld_error *err)
{
    int64_t bytes = 8;
    bool empty = false;
    char text[128];
    for (int k = 0; k < shape->rank; k++) {
        if (shape->dims[k] < 0)
            return weld_fail(err, WELD_E_FORMAT, "'%s' has shape %s, dims must be >= 0", name,
                             weld_shape_text(shape, text));
        empty = empty || shape->dims[k] == 0;
    }
    for (int k = 0; k < shape->rank && !empty; k++)
        if (!weld_mul_i64(bytes, shape->dims[k], &bytes) ||
            (uint64_t)bytes / 2 > ctx->limits.tensor_bytes_max)
            return weld_fail(err, WELD_E_LIMIT, "'%s' of shape %s is larger than %" PRIu64 " bytes",
                             name, weld_shape_text(shape, text), ctx->limits.tensor_bytes_max);
    /* A dim of 0 makes the tensor empty, but the others must still be sane for strides. */
    for (int k = 0; k < shape->rank; k++)
        if (shape->dims[k] > INT32_MAX)
            return weld_fail(err, WELD_E_LIMIT, "'%s' has shape %s, dims must be < 2^31", name,
                             weld_shape_text(shape, text));
    return WELD_OK;
}

weld_status weld_shape_broadcast(weld_shape *out, const weld_shape *a, const weld_shape *b,
                                 weld_error *err)
{
    char ta[128], tb[128];
    int rank = a->rank > b->rank ? a->rank : b->rank;
    weld_shape result = {.rank = rank};
    for (int k = 1; k <= rank; k++) {
        int64_t da = k <= a->rank ? a->dims[a->rank - k] : 1;
        int64_t db = k <= b->rank ? b->dims[b->rank - k] : 1;
        if (da != db && da != 1 && db != 1)
            return weld_fail(err, WELD_E_FORMAT, "shapes %s and %s do not broadcast",
                             weld_shape_text(a, ta), weld_shape_text(b, tb));
        result.dims[rank - k] = da == 1 ? db : da;
    }
    *out = result;
    return WELD_OK;
}

weld_status weld_tensor_create(weld_tensor *out, weld_context *ctx, weld_dtype dtype,
                               const weld_shape *shape, weld_error *err)
{
    size_t count = (size_t)weld_shape_numel(shape);
    *out = (weld_tensor){.dtype = dtype, .shape = *shape};
    out->data = weld_alloc(ctx, count, weld_compute_size(dtype));
    return out->data ? WELD_OK : weld_fail_memory(ctx, err, count, weld_compute_size(dtype));
}

void weld_tensor_free(weld_context *ctx, weld_tensor *tensor)
{
    weld_free(ctx, tensor->data);
    tensor->data = NULL;
}

void weld_strides(int64_t strides[WELD_RANK_MAX], const weld_shape *shape)
{
    int64_t stride = 1;
    for (int k = shape->rank - 1; k >= 0; k--) {
        strides[k] = stride;
        stride *= shape->dims[k];
    }
}

void weld_gather_axis(void *out, const void *in, const weld_shape *shape, int axis,
                      const int32_t *index, int64_t count, size_t size)
{
    size_t outer = (size_t)weld_shape_span(shape, 0, axis);
    size_t run = (size_t)weld_shape_span(shape, axis + 1, shape->rank) * size;
    size_t extent = (size_t)shape->dims[axis];
    char *to = out;
    const char *from = in;
    for (size_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < count; k++, to += run)
            memcpy(to, from + (o * extent + (size_t)index[k]) * run, run);
}

void weld_transpose(void *out, const void *in, const weld_shape *in_shape, const int *perm,
                    size_t size)
{
    int64_t strides[WELD_RANK_MAX], position[WELD_RANK_MAX] = {0};
    int rank = in_shape->rank;
    int64_t count = weld_shape_numel(in_shape), from = 0;
    char *to = out;
    weld_strides(strides, in_shape);
    for (int64_t n = 0; n < count; n++, to += size) {
        memcpy(to, (const char *)in + (size_t)from * size, size);
        for (int k = rank - 1; k >= 0; k--) { /* count up in the order of the output */
            from += strides[perm[k]];
            if (++position[k] < in_shape->dims[perm[k]])
                break;
            from -= strides[perm[k]] * in_shape->dims[perm[k]];
            position[k] = 0;
        }
    }
}

bool weld_tensors_equal(const weld_tensor *a, const weld_tensor *b)
{
    if (!a || !b)
        return a == b;
    const size_t bytes = (size_t)weld_shape_numel(&a->shape) * weld_compute_size(a->dtype);
    return a->dtype == b->dtype && weld_shape_equal(&a->shape, &b->shape) &&
           (bytes == 0 || memcmp(a->data, b->data, bytes) == 0);
}

bool weld_tensor_is_uniform(const weld_tensor *x, int axis)
{
    size_t run = (size_t)weld_shape_span(&x->shape, axis + 1, x->shape.rank) *
                 weld_compute_size(x->dtype);
    int64_t n = x->shape.dims[axis], outer = weld_shape_span(&x->shape, 0, axis);
    const char *p = x->data;
    for (int64_t o = 0; o < outer; o++, p += (size_t)n * run)
        for (int64_t i = 1; i < n; i++)
            if (memcmp(p, p + (size_t)i * run, run) != 0)
                return false;
    return true;
}

void weld_invert_perm(int *inverse, const int *perm, int rank)
{
    for (int k = 0; k < rank; k++)
        inverse[perm[k]] = k;
}
