#include "core/buffer.h"
#include <stdio.h>
#include <string.h>

void weld_buffer_init(weld_buffer *buffer, weld_context *ctx)
{
    *buffer = (weld_buffer){.ctx = ctx};
}

static bool make_room(weld_buffer *buffer, size_t more)
{
    if (buffer->failed || more >= SIZE_MAX / 4 - buffer->size) {
        buffer->failed = true;
        return false;
    }
    size_t need = buffer->size + more + 1;
    if (need <= buffer->cap)
        return true;
    size_t cap = buffer->cap + buffer->cap / 2 + 256;
    if (cap < need)
        cap = need;
    char *grown = weld_resize(buffer->ctx, buffer->data, cap, 1);
    if (!grown) {
        buffer->failed = true;
        return false;
    }
    buffer->data = grown;
    buffer->cap = cap;
    return true;
}

void weld_buffer_append(weld_buffer *buffer, const void *bytes, size_t size)
{
    if (!make_room(buffer, size))
        return;
    if (size)
        memcpy(buffer->data + buffer->size, bytes, size);
    buffer->size += size;
    buffer->data[buffer->size] = '\0';
}

void weld_buffer_printf(weld_buffer *buffer, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !make_room(buffer, (size_t)n))
        return;
    va_start(ap, fmt);
    vsnprintf(buffer->data + buffer->size, (size_t)n + 1, fmt, ap);
    va_end(ap);
    buffer->size += (size_t)n;
}

weld_status weld_buffer_check(const weld_buffer *buffer, weld_error *err)
{
    return buffer->failed ? weld_fail(err, WELD_E_NOMEM, "out of memory") : WELD_OK;
}

void weld_buffer_free(weld_buffer *buffer)
{
    weld_free(buffer->ctx, buffer->data);
    buffer->data = NULL;
    buffer->size = buffer->cap = 0;
}
