#include "io/cursor.h"

enum { WINDOW_BYTES = 1 << 16 };

void weld_cursor_init(weld_cursor *cursor, weld_context *ctx, const weld_source *source)
{
    *cursor = (weld_cursor){.ctx = ctx, .source = source, .failure = WELD_ERROR_INIT};
}

/* n bytes at least; as many as the window takes, where the source has them. */
static weld_status move_window(weld_cursor *r, uint64_t offset, size_t n, weld_error *err)
{
    weld_status st = WELD_OK;
    const uint64_t size = weld_source_size(r->source), left = offset < size ? size - offset : 0;
    const size_t most = n > WINDOW_BYTES ? n : WINDOW_BYTES;
    const size_t count = n > left || left > most ? most : (size_t)left;
    r->size = 0;
    WELD_GROW(r->window, r->cap, r->ctx, most);
    WELD_TRY(weld_source_read(r->source, offset, r->window, n > left ? n : count, err));
    r->start = offset;
    r->size = count;
done:
    return st;
}

const unsigned char *weld_cursor_at(weld_cursor *r, uint64_t offset, size_t n)
{
    const bool inside = offset >= r->start && offset - r->start <= r->size &&
                        n <= r->size - (size_t)(offset - r->start);
    if (r->failure.status != WELD_OK ||
        (!(inside && r->window) && move_window(r, offset, n, &r->failure) != WELD_OK))
        return NULL;
    return r->window + (offset - r->start);
}

weld_status weld_cursor_copy(weld_buffer *out, weld_cursor *r, uint64_t offset, uint64_t n,
                             weld_error *err)
{
    for (uint64_t at = 0; at < n;) {
        const size_t piece = n - at < WINDOW_BYTES ? (size_t)(n - at) : WINDOW_BYTES;
        const unsigned char *bytes = weld_cursor_at(r, offset + at, piece);
        if (!bytes)
            return weld_cursor_check(r, err);
        weld_buffer_append(out, bytes, piece);
        at += piece;
    }
    return WELD_OK;
}

weld_status weld_cursor_check(const weld_cursor *r, weld_error *err)
{
    if (r->failure.status != WELD_OK && err)
        *err = r->failure;
    return r->failure.status;
}

void weld_cursor_free(weld_cursor *r)
{
    weld_free(r->ctx, r->window);
}
