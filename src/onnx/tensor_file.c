#include "onnx/tensor_file.h"
#include "core/buffer.h"
#include "onnx/file.h"
#include <string.h>

/* The start of a field: its number and wire type, then a number. */
static void append_head(weld_buffer *out, unsigned number, unsigned wire_type, uint64_t value)
{
    unsigned char bytes[16];
    size_t n = 0;
    bytes[n++] = (unsigned char)(number << 3 | wire_type);
    for (; value >= 128; value >>= 7)
        bytes[n++] = (unsigned char)(value | 128);
    bytes[n++] = (unsigned char)value;
    weld_buffer_append(out, bytes, n);
}

static void append_field(weld_buffer *out, unsigned number, uint64_t size)
{
    append_head(out, number, 2, size);
}

static uint64_t field_size(uint64_t content)
{
    uint64_t n = content + 2;
    for (; content >= 128; content >>= 7)
        n++;
    return n;
}

/* A model whose only content is the tensor: one reader for both, with its limits. */
static void wrap_in_model(weld_buffer *out, const void *tensor, size_t size)
{
    static const unsigned char header[] = {0x08, 10, 0x42, 4, 0x0a, 0, 0x10, 13}; /* IR, opset */
    weld_buffer_append(out, header, sizeof header);
    append_field(out, 7, field_size(size)); /* ModelProto.graph */
    append_field(out, 5, size);             /* GraphProto.initializer */
    weld_buffer_append(out, tensor, size);
}

weld_status weld_tensor_parse(weld_tensor *out, char **name, weld_context *ctx, const void *bytes,
                              size_t size, const char *label, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_source *model = NULL;
    weld_onnx_file *file = NULL;
    weld_buffer buffer;
    weld_buffer_init(&buffer, ctx);
    *out = (weld_tensor){0};
    *name = NULL;
    wrap_in_model(&buffer, bytes, size);
    WELD_TRY(weld_buffer_check(&buffer, err));
    WELD_TRY(weld_source_memory(&model, ctx, buffer.data, buffer.size, err));
    WELD_TRY(weld_onnx_open(&file, ctx, model, err));
    WELD_REQUIRE(file->scan->tensor_count == 1, WELD_E_FORMAT, "is not one TensorProto");
    WELD_TRY(weld_onnx_read_tensor(out, file, 0, err));
    *name = weld_strdup(ctx, file->tensors[0].name);
    WELD_REQUIRE(*name, WELD_E_NOMEM, "out of memory");
done:
    if (st != WELD_OK) {
        weld_error_wrap(err, "%s", label);
        weld_tensor_free(ctx, out);
    }
    weld_onnx_free(file);
    weld_source_free(model);
    weld_buffer_free(&buffer);
    return st;
}

weld_status weld_tensor_file_read(weld_tensor *out, char **name, weld_context *ctx,
                                  const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_source *source = NULL;
    void *bytes = NULL;
    size_t size;
    *out = (weld_tensor){0};
    *name = NULL;
    WELD_TRY(weld_source_open(&source, ctx, path, err));
    WELD_TRY(weld_source_read_all(&bytes, &size, source, err));
    WELD_TRY(weld_tensor_parse(out, name, ctx, bytes, size, path, err));
done:
    weld_source_free(source);
    weld_free(ctx, bytes);
    return st;
}

weld_status weld_tensor_file_write(weld_buffer *out, const char *name, const weld_tensor *tensor,
                                   weld_error *err)
{
    enum { DIMS = 1, DATA_TYPE = 2, NAME = 8, RAW_DATA = 9 };
    weld_status st = WELD_OK;
    const size_t count = (size_t)weld_shape_numel(&tensor->shape);
    const size_t size = count * weld_dtype_size(tensor->dtype);
    unsigned char *stored = NULL;
    WELD_NEW(stored, out->ctx, size);
    WELD_TRY(weld_encode(stored, tensor->dtype, tensor->data, count, err));
    for (int k = 0; k < tensor->shape.rank; k++)
        append_head(out, DIMS, 0, (uint64_t)tensor->shape.dims[k]);
    append_head(out, DATA_TYPE, 0, (uint64_t)tensor->dtype);
    append_field(out, NAME, strlen(name));
    weld_buffer_append(out, name, strlen(name));
    append_field(out, RAW_DATA, size);
    weld_buffer_append(out, stored, size);
    WELD_TRY(weld_buffer_check(out, err));
done:
    weld_free(out->ctx, stored);
    return st;
}
