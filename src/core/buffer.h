/* A growing byte buffer: text of reports, skeletons of models. */
#ifndef WELD_CORE_BUFFER_H
#define WELD_CORE_BUFFER_H
#include "core/context.h"
#include <stdarg.h>

typedef struct weld_buffer {
    weld_context *ctx;
    char *data; /* NUL-terminated after any append */
    size_t size, cap;
    bool failed; /* an append ran out of memory; checked once, at the end */
} weld_buffer;

void weld_buffer_init(weld_buffer *buffer, weld_context *ctx);
void weld_buffer_append(weld_buffer *buffer, const void *bytes, size_t size);
void weld_buffer_printf(weld_buffer *buffer, const char *fmt, ...) WELD_PRINTF(2, 3);
/* WELD_E_NOMEM if any append failed. */
weld_status weld_buffer_check(const weld_buffer *buffer, weld_error *err);
void weld_buffer_free(weld_buffer *buffer);
#endif
