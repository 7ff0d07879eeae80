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
    const weld_edit edit = {.span = span, .bytes = bytes, .size = size, .payload = -1};
    return weld_edits_payload(edits, &edit, err);
}

weld_status weld_edits_payload(weld_edits *edits, const weld_edit *edit, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_GROW(edits->items, edits->cap, edits->ctx, edits->count + 1);
    edits->items[edits->count++] = *edit;
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
            size += edits->items[k].size + edits->items[k].payload_size - edits->items[k].span.size;
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

weld_status weld_edits_close(uint64_t *size, weld_edits *edits, uint64_t size_before,
                             weld_error *err)
{
    uint64_t at = 0;
    weld_status st = rewrite_lengths(edits, err);
    if (st != WELD_OK)
        return st;
    if (edits->count)
        qsort(edits->items, edits->count, sizeof edits->items[0], by_offset);
    *size = size_before;
    for (size_t k = 0; k < edits->count; k++) {
        const weld_edit *edit = &edits->items[k];
        if (edit->span.offset < at)
            return weld_fail(err, WELD_E_INTERNAL, "two edits overlap at byte %zu", (size_t)at);
        at = edit->span.offset + edit->span.size;
        *size += edit->size + edit->payload_size - edit->span.size;
    }
    return WELD_OK;
}

/* Bytes [from, to) of the source as they are. */
static weld_status write_span(const weld_writer *out, const weld_source *source, uint64_t from,
                              uint64_t to, weld_error *err)
{
    enum { PART_BYTES = 1 << 14 };
    unsigned char part[PART_BYTES];
    weld_status st = WELD_OK;
    while (from < to && st == WELD_OK) {
        const size_t n = to - from < PART_BYTES ? (size_t)(to - from) : PART_BYTES;
        st = weld_source_read(source, from, part, n, err);
        if (st == WELD_OK)
            st = out->write(out->user, part, n, err);
        from += n;
    }
    return st;
}

weld_status weld_edits_write(const weld_edits *edits, const weld_source *source,
                             const weld_writer *to, weld_payload_fn payload, const void *user,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    uint64_t at = 0;
    for (size_t k = 0; k < edits->count; k++) {
        const weld_edit *edit = &edits->items[k];
        WELD_TRY(write_span(to, source, at, edit->span.offset, err));
        if (edit->size)
            WELD_TRY(to->write(to->user, edit->bytes, (size_t)edit->size, err));
        if (edit->payload >= 0)
            WELD_TRY(payload(user, edit->payload, to, err));
        at = edit->span.offset + edit->span.size;
    }
    WELD_TRY(write_span(to, source, at, weld_source_size(source), err));
done:
    return st;
}
