/* A source read in small pieces: a window of it is in memory, and moves to where it is needed. */
#ifndef WELD_IO_CURSOR_H
#define WELD_IO_CURSOR_H
#include "core/buffer.h"
#include "io/source.h"

typedef struct weld_cursor {
    weld_context *ctx;
    const weld_source *source; /* borrowed */
    unsigned char *window;     /* [size] the bytes from `start` on */
    uint64_t start;
    size_t size, cap;
    weld_error failure; /* of the first read that failed; status WELD_OK = none did */
} weld_cursor;

void weld_cursor_init(weld_cursor *cursor, weld_context *ctx, const weld_source *source);
/* The n bytes at the offset, good until the next call; NULL with cursor->failure where they can't be
 * had. The window grows to n. */
const unsigned char *weld_cursor_at(weld_cursor *cursor, uint64_t offset, size_t n);
/* Appends n bytes at the offset to `out`, whatever their number. WELD_OK also where only `out` ran out
 * of memory (see weld_buffer_check). */
weld_status weld_cursor_copy(weld_buffer *out, weld_cursor *cursor, uint64_t offset, uint64_t n,
                             weld_error *err);
/* Passes the failure on. */
weld_status weld_cursor_check(const weld_cursor *cursor, weld_error *err);
void weld_cursor_free(weld_cursor *cursor);
#endif
