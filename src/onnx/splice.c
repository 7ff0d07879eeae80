#include "onnx/splice.h"
#include "io/wire.h"
#include <stdlib.h>
#include <string.h>

/* One piece of the file that is replaced; sizes may differ only at the top level. */
typedef struct edit {
    uint64_t offset, size;
    const unsigned char *bytes; /* NULL = the span is dropped */
} edit;

typedef struct splicer {
    const weld_onnx_file *file;
    edit *edits;
    size_t count, cap;
    weld_arena arena; /* replacement bytes */
} splicer;

static weld_status add_edit(splicer *s, weld_span span, const unsigned char *bytes, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_GROW(s->edits, s->cap, s->file->ctx, s->count + 1);
    s->edits[s->count++] = (edit){span.offset, span.size, bytes};
done:
    return st;
}

/* A varint of exactly `size` bytes: padded with continuation bits that carry nothing. */
static bool put_padded(unsigned char *out, uint64_t size, uint64_t value)
{
    for (uint64_t k = 0; k < size; k++, value >>= 7)
        out[k] = (unsigned char)((value & 127u) | (k + 1 < size ? 128u : 0u));
    return value == 0;
}

/* Halves stored as varints in int32_data: each keeps the length of the one it replaces. */
static weld_status encode_varints(unsigned char *out, const splicer *s, int tensor,
                                  const unsigned char *halves, weld_error *err)
{
    const weld_tensor_entry *t = &s->file->scan->tensors[tensor];
    size_t n = 0;
    for (int p = 0; p < t->piece_count; p++) {
        uint64_t at = t->pieces[p].offset, end = at + t->pieces[p].size, old, start;
        for (; at < end; n++) {
            uint16_t half;
            start = at;
            if (!weld_wire_varint(&old, s->file->bytes, &at, end))
                return weld_fail(err, WELD_E_INTERNAL, "tensor %d changed", tensor);
            memcpy(&half, halves + 2 * n, 2);
            if (!put_padded(out, at - start, half))
                return weld_fail(err, WELD_E_UNSUPPORTED,
                                 "element %zu of tensor '%s' needs a longer varint than the file "
                                 "has room for; store it as raw_data",
                                 n, s->file->tensors[tensor].name);
            out += at - start;
        }
    }
    return WELD_OK;
}

static weld_status encode_tensor(unsigned char *out, const splicer *s, int tensor,
                                 const float *values, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor_entry *t = &s->file->scan->tensors[tensor];
    const weld_tensor_meta *meta = &s->file->tensors[tensor];
    size_t count = (size_t)weld_shape_numel(&meta->shape);
    unsigned char *flat = NULL;
    if (t->payload_field != 5)
        return weld_encode(out, meta->dtype, values, count, err);
    WELD_NEW(flat, s->file->ctx, count * 2);
    WELD_TRY(weld_encode(flat, meta->dtype, values, count, err));
    WELD_TRY(encode_varints(out, s, tensor, flat, err));
done:
    weld_free(s->file->ctx, flat);
    return st;
}

static weld_status replace_tensor(splicer *s, int tensor, const float *values, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_tensor_entry *t = &s->file->scan->tensors[tensor];
    unsigned char *bytes;
    WELD_ARENA_NEW(bytes, &s->arena, t->payload_bytes + 1);
    WELD_TRY(encode_tensor(bytes, s, tensor, values, err));
    for (int p = 0; p < t->piece_count; p++) {
        WELD_TRY(add_edit(s, t->pieces[p], bytes, err));
        bytes += t->pieces[p].size;
    }
done:
    if (st != WELD_OK)
        weld_error_wrap(err, "tensor '%s'", s->file->tensors[tensor].name);
    return st;
}

/* `values` in the canonical layout -> edits, unless they equal what the file holds. */
static weld_status replace_param(splicer *s, const weld_paramset *values, int p,
                                 const weld_home *home, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = s->file->ctx;
    size_t n = (size_t)weld_shape_numel(&values->graph->params[p].shape);
    float *stored_order = NULL, *scratch = NULL;
    weld_tensor old = {0};
    WELD_NEW(stored_order, ctx, n);
    WELD_NEW(scratch, ctx, n);
    memcpy(stored_order, values->arrays[p], n * sizeof(float));
    weld_home_backward(home, stored_order, scratch, sizeof(float));
    WELD_TRY(weld_onnx_read_tensor(&old, s->file, home->tensor, err));
    if (memcmp(old.f, stored_order, n * sizeof(float)) != 0)
        WELD_TRY(replace_tensor(s, home->tensor, stored_order, err));
done:
    weld_tensor_free(ctx, &old);
    weld_free(ctx, stored_order);
    weld_free(ctx, scratch);
    return st;
}

static int by_offset(const void *a, const void *b)
{
    uint64_t x = ((const edit *)a)->offset, y = ((const edit *)b)->offset;
    return (x > y) - (x < y);
}

static void append_metadata(weld_buffer *out, const weld_metadata *metadata, size_t count)
{
    weld_buffer entry;
    if (count == 0)
        return;
    weld_wire_put_bytes(out, 2, "onnxweld", 8); /* producer_name: the last one counts */
    for (size_t k = 0; k < count; k++) {
        weld_buffer_init(&entry, out->ctx);
        weld_wire_put_bytes(&entry, 1, metadata[k].key, strlen(metadata[k].key));
        weld_wire_put_bytes(&entry, 2, metadata[k].value, strlen(metadata[k].value));
        weld_wire_put_bytes(out, 14, entry.data, entry.size);
        out->failed = out->failed || entry.failed;
        weld_buffer_free(&entry);
    }
}

weld_status weld_onnx_splice(weld_buffer *out, const weld_onnx_file *file,
                             const weld_paramset *values, const weld_home *homes,
                             const weld_metadata *metadata, size_t metadata_count, weld_error *err)
{
    weld_status st = WELD_OK;
    splicer s = {.file = file};
    uint64_t at = 0;
    weld_arena_init(&s.arena, file->ctx);
    for (int p = 0; p < values->graph->param_count; p++)
        WELD_TRY(replace_param(&s, values, p, &homes[p], err));
    for (int k = 0; k < file->scan->own_metadata_count && metadata_count > 0; k++)
        WELD_TRY(add_edit(&s, file->scan->own_metadata[k], NULL, err));
    if (s.count)
        qsort(s.edits, s.count, sizeof s.edits[0], by_offset);
    for (size_t k = 0; k < s.count; k++) {
        weld_buffer_append(out, file->bytes + at, (size_t)(s.edits[k].offset - at));
        if (s.edits[k].bytes)
            weld_buffer_append(out, s.edits[k].bytes, (size_t)s.edits[k].size);
        at = s.edits[k].offset + s.edits[k].size;
    }
    weld_buffer_append(out, file->bytes + at, (size_t)(file->size - at));
    append_metadata(out, metadata, metadata_count);
    st = weld_buffer_check(out, err);
done:
    weld_arena_free(&s.arena);
    weld_free(file->ctx, s.edits);
    return st;
}
