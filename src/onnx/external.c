#include "onnx/external.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *entry_of(const Weld__Onnx__Tensor *tensor, const char *key)
{
    for (size_t k = 0; k < tensor->n_external_data; k++)
        if (tensor->external_data[k]->key && tensor->external_data[k]->value &&
            strcmp(tensor->external_data[k]->key, key) == 0)
            return tensor->external_data[k]->value;
    return NULL;
}

/* A decimal number from 0; `fallback` where the key is absent. */
static weld_status number_of(uint64_t *out, const Weld__Onnx__Tensor *tensor, const char *key,
                             uint64_t fallback, weld_error *err)
{
    const char *text = entry_of(tensor, key);
    char *end;
    *out = fallback;
    if (!text)
        return WELD_OK;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || *out > INT64_MAX)
        return weld_fail(err, WELD_E_FORMAT, "%s of its external data is '%.40s'", key, text);
    return WELD_OK;
}

static weld_status open_once(const weld_source **out, weld_onnx_file *file, const char *location,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    size_t cap = (size_t)file->external_count;
    for (int k = 0; k < file->external_count; k++)
        if (strcmp(weld_source_name(file->external[k]), location) == 0) {
            *out = file->external[k];
            return WELD_OK;
        }
    WELD_GROW(file->external, cap, file->ctx, file->external_count + 1);
    WELD_TRY(weld_source_beneath(&file->external[file->external_count], file->ctx, file->source,
                                 location, err));
    *out = file->external[file->external_count++];
done:
    return st;
}

weld_status weld_external_locate(weld_onnx_file *file, const Weld__Onnx__Tensor *tensor, int index,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    weld_tensor_meta *meta = &file->tensors[index];
    const char *location = entry_of(tensor, "location");
    uint64_t need = (uint64_t)weld_shape_numel(&meta->shape) * weld_dtype_size(meta->dtype);
    uint64_t offset, length;
    WELD_REQUIRE(location && location[0], WELD_E_FORMAT, "names no location of its external data");
    WELD_TRY(number_of(&offset, tensor, "offset", 0, err));
    WELD_TRY(number_of(&length, tensor, "length", need, err));
    WELD_REQUIRE(weld_dtype_size(meta->dtype), WELD_E_UNSUPPORTED, "is of type %s",
                 weld_dtype_name(meta->dtype));
    WELD_REQUIRE(length == need, WELD_E_FORMAT,
                 "has %" PRIu64 " bytes of external data, its shape needs %" PRIu64, length, need);
    WELD_TRY(open_once(&meta->external, file, location, err));
    uint64_t size = weld_source_size(meta->external);
    WELD_REQUIRE(offset <= size && need <= size - offset, WELD_E_FORMAT,
                 "has its data at bytes %" PRIu64 " to %" PRIu64 " of '%s', which has %" PRIu64,
                 offset, offset + need, location, size);
    meta->offset = offset;
done:
    if (st != WELD_OK)
        weld_error_wrap(err, "tensor '%s'", meta->name);
    return st;
}
