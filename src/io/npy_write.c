#include "io/npy.h"
#include <inttypes.h>
#include <stdio.h>

static const char *descr_of(weld_dtype dtype)
{
    switch ((int)dtype) {
    case WELD_DOUBLE: return "<f8";
    case WELD_BOOL: return "|b1";
    case WELD_INT8: return "|i1";
    case WELD_UINT8: return "|u1";
    case WELD_INT16: return "<i2";
    case WELD_UINT16: return "<u2";
    case WELD_INT32: return "<i4";
    case WELD_UINT32: return "<u4";
    case WELD_INT64: return "<i8";
    case WELD_UINT64: return "<u8";
    default: return "<f4";
    }
}

/* Magic, version 1.0, header length, the dictionary, padded so that data starts at 64 bytes. */
static void write_header(weld_buffer *out, const weld_tensor *tensor)
{
    char text[512];
    size_t n = (size_t)snprintf(text, sizeof text,
                                "{'descr': '%s', 'fortran_order': False, 'shape': (",
                                descr_of(tensor->dtype));
    for (int k = 0; k < tensor->shape.rank; k++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%" PRId64 ",%s", tensor->shape.dims[k],
                              k + 1 < tensor->shape.rank ? " " : "");
    n += (size_t)snprintf(text + n, sizeof text - n, "), }");
    while ((10 + n + 1) % 64)
        text[n++] = ' ';
    text[n++] = '\n';
    const char start[] = {'\x93', 'N', 'U', 'M', 'P', 'Y', 1, 0, (char)(n & 255), (char)(n >> 8)};
    weld_buffer_append(out, start, sizeof start);
    weld_buffer_append(out, text, n);
}

weld_status weld_npy_write(weld_buffer *out, const weld_tensor *tensor, weld_error *err)
{
    enum { PART = 1024 };
    char stored[PART * 8];
    const bool half = tensor->dtype == WELD_BFLOAT16 || tensor->dtype == WELD_FLOAT16;
    const weld_dtype dtype = half ? WELD_FLOAT : tensor->dtype;
    const size_t each = weld_compute_size(tensor->dtype);
    const int64_t count = weld_shape_numel(&tensor->shape);
    weld_status st = WELD_OK;
    write_header(out, tensor);
    for (int64_t at = 0; at < count; at += PART) {
        size_t n = count - at < PART ? (size_t)(count - at) : PART;
        WELD_TRY(
            weld_encode(stored, dtype, (const char *)tensor->data + (size_t)at * each, n, err));
        weld_buffer_append(out, stored, n * weld_dtype_size(dtype));
    }
    WELD_TRY(weld_buffer_check(out, err));
done:
    return st;
}
