#include "onnx/skeleton.h"

static void *budget_alloc(void *ctx, size_t size)
{
    return weld_resize(ctx, NULL, size, 1);
}

static void budget_free(void *ctx, void *block)
{
    weld_free(ctx, block);
}

static ProtobufCAllocator allocator_of(const weld_onnx_file *file)
{
    return (ProtobufCAllocator){budget_alloc, budget_free, file->ctx};
}

weld_status weld_skeleton_unpack(Weld__Onnx__Model **out, const weld_onnx_file *file,
                                 weld_error *err)
{
    ProtobufCAllocator allocator = allocator_of(file);
    const weld_buffer *b = &file->scan->skeleton;
    size_t left = file->ctx->budget_bytes - atomic_load(&file->ctx->in_use_bytes);
    *out = weld__onnx__model__unpack(&allocator, b->size, (const uint8_t *)b->data);
    if (*out)
        return WELD_OK;
    /* protobuf-c does not say why: a skeleton that passed the scan fails for memory or schema. */
    if (b->size > left / 64)
        return weld_fail(err, WELD_E_LIMIT, "%s: no memory to read the graph within the budget",
                         file->name);
    return weld_fail(err, WELD_E_FORMAT, "%s: not an ONNX model (protobuf schema), or no memory",
                     file->name);
}

void weld_skeleton_free(const weld_onnx_file *file, Weld__Onnx__Model *model)
{
    ProtobufCAllocator allocator = allocator_of(file);
    if (model)
        weld__onnx__model__free_unpacked(model, &allocator);
}

int weld_skeleton_index(const weld_onnx_file *file, const Weld__Onnx__Tensor *tensor)
{
    if (!tensor || !tensor->has_raw_data || tensor->raw_data.len != 4)
        return -1;
    uint32_t index = 0;
    for (int k = 0; k < 4; k++)
        index |= (uint32_t)tensor->raw_data.data[k] << 8 * k;
    return index < (uint32_t)file->scan->tensor_count ? (int)index : -1;
}

const char *weld_protobuf_library(void)
{
    return protobuf_c_version();
}
