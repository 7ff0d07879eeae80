/* Reading the elements of tensors, wherever and however a file has them. */
#include "io/wire.h"
#include "onnx/file.h"
#include "onnx/sparse.h"
#include <inttypes.h>

enum { PART_BYTES = 1 << 14 };

/* The one typed field that may hold elements of this type; 0 = none. */
static int typed_field(weld_dtype dtype)
{
    switch ((int)dtype) {
    case WELD_FLOAT: return 4;
    case WELD_DOUBLE: return 10;
    case WELD_INT64: return 7;
    case WELD_UINT32:
    case WELD_UINT64: return 11;
    case WELD_STRING: return 6;
    default: return 5;
    }
}

/* raw_data, float_data, double_data: elements of a fixed size. */
static bool is_fixed(const weld_tensor_entry *t)
{
    return t->payload_field == 9 || t->payload_field == 4 || t->payload_field == 10;
}

static weld_status check_payload(const weld_onnx_file *file, int tensor, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor_entry *t = &file->scan->tensors[tensor];
    const weld_tensor_meta *meta = &file->tensors[tensor];
    size_t count = (size_t)weld_shape_numel(&meta->shape);
    WELD_REQUIRE(weld_dtype_size(meta->dtype), WELD_E_UNSUPPORTED, "tensor '%s' is of type %s",
                 meta->name, weld_dtype_name(meta->dtype));
    WELD_REQUIRE(t->payload_field >= 0, WELD_E_FORMAT, "tensor '%s' has data in several fields",
                 meta->name);
    WELD_REQUIRE(t->payload_field == 9 || t->payload_field == typed_field(meta->dtype) ||
                     (count == 0 && t->payload_field == 0),
                 WELD_E_FORMAT, "tensor '%s' of type %s has its data in field %d", meta->name,
                 weld_dtype_name(meta->dtype), t->payload_field);
    WELD_REQUIRE(t->payload_field != 9 || t->piece_count == 1, WELD_E_FORMAT,
                 "tensor '%s' has raw_data %d times", meta->name, t->piece_count);
    const size_t stored = count * weld_dtype_size(meta->dtype);
    WELD_REQUIRE(!is_fixed(t) || t->payload_bytes == stored, WELD_E_FORMAT,
                 "tensor '%s' has %" PRIu64 " bytes of data, its shape needs %zu", meta->name,
                 t->payload_bytes, stored);
done:
    return st;
}

static bool in_one_run(const weld_onnx_file *file, int tensor)
{
    const weld_tensor_entry *t = &file->scan->tensors[tensor];
    return file->tensors[tensor].external || (is_fixed(t) && t->piece_count == 1);
}

bool weld_onnx_is_plain(const weld_onnx_file *file, int tensor)
{
    const weld_tensor_meta *meta = &file->tensors[tensor];
    return !meta->sparse && weld_dtype_size(meta->dtype) && in_one_run(file, tensor);
}

weld_status weld_onnx_read_bytes(void *out, const weld_onnx_file *file, int tensor, size_t first,
                                 size_t count, weld_error *err)
{
    const weld_tensor_meta *meta = &file->tensors[tensor];
    const size_t size = weld_dtype_size(meta->dtype);
    if (meta->external)
        return weld_source_read(meta->external, meta->offset + first * size, out, count * size,
                                err);
    const weld_status st = check_payload(file, tensor, err);
    if (st != WELD_OK)
        return st;
    const uint64_t payload = file->scan->tensors[tensor].pieces[0].payload;
    return weld_source_read(file->source, payload + first * size, out, count * size, err);
}

weld_status weld_onnx_read_part(void *out, const weld_onnx_file *file, int tensor, size_t first,
                                size_t count, weld_error *err)
{
    const weld_dtype dtype = file->tensors[tensor].dtype;
    const size_t size = weld_dtype_size(dtype), most = PART_BYTES / size;
    unsigned char part[PART_BYTES];
    if (dtype == WELD_FLOAT || dtype == WELD_DOUBLE)
        return weld_onnx_read_bytes(out, file, tensor, first, count, err);
    for (size_t at = 0; at < count;) {
        const size_t n = count - at < most ? count - at : most;
        const weld_status st = weld_onnx_read_bytes(part, file, tensor, first + at, n, err);
        if (st != WELD_OK)
            return st;
        weld_decode((char *)out + at * weld_compute_size(dtype), dtype, part, n);
        at += n;
    }
    return WELD_OK;
}

static void put_varint(weld_tensor *out, int64_t at, uint64_t value)
{
    const uint16_t half = (uint16_t)value;
    if (weld_dtype_is_float(out->dtype))
        weld_decode(out->f + at, out->dtype, &half, 1);
    else
        out->i[at] = (int64_t)value;
}

static weld_status read_varints(weld_tensor *out, const weld_onnx_file *file, int tensor,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor_entry *t = &file->scan->tensors[tensor];
    const int64_t count = weld_shape_numel(&out->shape);
    int64_t n = 0;
    weld_cursor in;
    weld_cursor_init(&in, file->ctx, file->source);
    for (int p = 0; p < t->piece_count; p++) {
        uint64_t at = t->pieces[p].payload, end = at + t->pieces[p].size, value;
        for (; at < end; n++) {
            WELD_TRY(weld_wire_varint(&value, &in, &at, end, "varint", err));
            if (n < count)
                put_varint(out, n, value);
        }
    }
    WELD_REQUIRE(n == count, WELD_E_FORMAT, "%" PRId64 " elements, its shape needs %" PRId64, n,
                 count);
done:
    if (st != WELD_OK)
        weld_error_wrap(err, "tensor '%s'", file->tensors[tensor].name);
    weld_cursor_free(&in);
    return st;
}

/* Elements of a fixed size in several pieces, or one by one. */
static weld_status read_pieces(weld_tensor *out, const weld_onnx_file *file, int tensor,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor_entry *t = &file->scan->tensors[tensor];
    const size_t size = weld_dtype_size(out->dtype), most = PART_BYTES / size;
    char *to = out->data;
    weld_cursor in;
    weld_cursor_init(&in, file->ctx, file->source);
    for (int p = 0; p < t->piece_count; p++) {
        const size_t count = (size_t)t->pieces[p].size / size;
        WELD_REQUIRE(count * size == t->pieces[p].size, WELD_E_FORMAT,
                     "tensor '%s' has a piece of %" PRIu64 " bytes", file->tensors[tensor].name,
                     t->pieces[p].size);
        for (size_t at = 0; at < count;) {
            const size_t n = count - at < most ? count - at : most;
            const unsigned char *bytes =
                weld_cursor_at(&in, t->pieces[p].payload + at * size, n * size);
            if (!bytes)
                WELD_TRY(weld_cursor_check(&in, err));
            weld_decode(to, out->dtype, bytes, n);
            to += n * weld_compute_size(out->dtype);
            at += n;
        }
    }
done:
    weld_cursor_free(&in);
    return st;
}

weld_status weld_onnx_read_stored(weld_tensor *out, const weld_onnx_file *file, int tensor,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor_entry *t = &file->scan->tensors[tensor];
    const weld_tensor_meta *meta = &file->tensors[tensor];
    *out = (weld_tensor){.dtype = meta->dtype};
    if (!meta->external)
        WELD_TRY(check_payload(file, tensor, err));
    WELD_TRY(weld_tensor_create(out, file->ctx, meta->dtype, &meta->shape, err));
    if (in_one_run(file, tensor))
        st = weld_onnx_read_part(out->data, file, tensor, 0, (size_t)weld_shape_numel(&meta->shape),
                                 err);
    else
        st = is_fixed(t) ? read_pieces(out, file, tensor, err)
                         : read_varints(out, file, tensor, err);
done:
    if (st != WELD_OK)
        weld_tensor_free(file->ctx, out);
    return st;
}

weld_status weld_onnx_read_tensor(weld_tensor *out, const weld_onnx_file *file, int tensor,
                                  weld_error *err)
{
    weld_status st = weld_onnx_read_stored(out, file, tensor, err);
    if (st == WELD_OK && file->tensors[tensor].sparse)
        st = weld_sparse_expand(out, file, tensor, err);
    if (st != WELD_OK)
        weld_tensor_free(file->ctx, out);
    return st;
}

weld_status weld_onnx_check_tensor(const weld_onnx_file *file, int tensor, weld_error *err)
{
    weld_tensor t;
    if (weld_onnx_is_plain(file,
                           tensor)) /* external data have been looked at when they were found */
        return file->tensors[tensor].external ? WELD_OK : check_payload(file, tensor, err);
    const weld_status st = weld_onnx_read_tensor(&t, file, tensor, err);
    weld_tensor_free(file->ctx, &t);
    return st;
}
