#include "onnx/edits.h"
#include "io/wire.h"
#include <stdlib.h>

void weld_edits_init(weld_edits *edits, weld_context *ctx)
{
    *edits = (weld_edits){.ctx = ctx};
    weld_arena_init(&edits->arena, ctx);
}

void weld_edits_free(weld_edits *edits)
{
    weld_arena_free(&edits->arena);
    weld_free(edits->ctx, edits->items);
    weld_free(edits->ctx, edits->around);
}

weld_status weld_edits_replace(weld_edits *edits, weld_span span, const void *bytes, uint64_t size,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_GROW(edits->items, edits->cap, edits->ctx, edits->count + 1);
    edits->items[edits->count++] = (weld_edit){span, bytes, size};
done:
    return st;
}

weld_status weld_edits_around(weld_edits *edits, const weld_enclosure *around, int count,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_GROW(edits->around, edits->around_cap, edits->ctx, edits->around_count + (size_t)count);
    for (int k = 0; k < count; k++)
        edits->around[edits->around_count++] = around[k];
done:
    return st;
}

/* What is inside is smaller than what is around it. */
static int by_size(const void *a, const void *b)
{
    const weld_enclosure *x = a, *y = b;
    return x->size != y->size ? (x->size > y->size) - (x->size < y->size)
                              : (x->length_at > y->length_at) - (x->length_at < y->length_at);
}

static int by_offset(const void *a, const void *b)
{
    const weld_edit *x = a, *y = b;
    if (x->span.offset != y->span.offset)
        return x->span.offset > y->span.offset ? 1 : -1;
    return (x->span.size > y->span.size) - (x->span.size < y->span.size); /* put in before */
}

static bool lies_in(const weld_edit *edit, const weld_enclosure *message)
{
    uint64_t at = edit->span.offset, end = message->payload + message->size;
    return at >= message->payload && (at < end || (at == end && edit->span.size == 0));
}

static weld_status rewrite_length(weld_edits *edits, const weld_enclosure *message, weld_error *err)
{
    weld_status st = WELD_OK;
    unsigned char *prefix;
    uint64_t size = message->size;
    for (size_t k = 0; k < edits->count; k++)
        if (lies_in(&edits->items[k], message))
            size += edits->items[k].size - edits->items[k].span.size;
    WELD_REQUIRE(size <= INT32_MAX, WELD_E_LIMIT,
                 "the model would exceed 2 GiB, protobuf's limit; keep its data external");
    WELD_ARENA_NEW(prefix, &edits->arena, 10);
    weld_span span = {message->length_at, message->payload - message->length_at};
    WELD_TRY(weld_edits_replace(edits, span, prefix, weld_wire_put_varint(prefix, size), err));
done:
    return st;
}

/* From the inside outwards: a longer prefix makes what is around it longer, too. */
static weld_status rewrite_lengths(weld_edits *edits, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_enclosure *last = NULL;
    if (edits->around_count)
        qsort(edits->around, edits->around_count, sizeof edits->around[0], by_size);
    for (size_t k = 0; k < edits->around_count && st == WELD_OK; k++) {
        const weld_enclosure *message = &edits->around[k];
        if (!last || last->length_at != message->length_at)
            st = rewrite_length(edits, message, err);
        last = message;
    }
    return st;
}

weld_status weld_edits_apply(weld_buffer *out, weld_edits *edits, const unsigned char *bytes,
                             uint64_t size, weld_error *err)
{
    uint64_t at = 0;
    weld_status st = rewrite_lengths(edits, err);
    if (st != WELD_OK)
        return st;
    if (edits->count)
        qsort(edits->items, edits->count, sizeof edits->items[0], by_offset);
    for (size_t k = 0; k < edits->count; k++) {
        const weld_edit *edit = &edits->items[k];
        if (edit->span.offset < at)
            return weld_fail(err, WELD_E_INTERNAL, "two edits overlap at byte %zu", (size_t)at);
        weld_buffer_append(out, bytes + at, (size_t)(edit->span.offset - at));
        weld_buffer_append(out, edit->bytes, (size_t)edit->size);
        at = edit->span.offset + edit->span.size;
    }
    weld_buffer_append(out, bytes + at, (size_t)(size - at));
    return weld_buffer_check(out, err);
}
