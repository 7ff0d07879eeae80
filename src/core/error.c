#include "core/error.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void escape_into(char *out, size_t size, const char *text)
{
    static const char hex[] = "0123456789abcdef";
    size_t n = 0;
    for (const char *p = text; *p && n + 5 < size; p++) {
        unsigned char c = (unsigned char)*p;
        if (c >= 0x20 && c < 0x7f) {
            out[n++] = *p;
            continue;
        }
        out[n++] = '\\';
        out[n++] = 'x';
        out[n++] = hex[c >> 4];
        out[n++] = hex[c & 15];
    }
    out[n] = '\0';
}

weld_status weld_fail_at(weld_error *err, const char *file, int line, weld_status status,
                         const char *fmt, ...)
{
    if (err) {
        char raw[sizeof err->message];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(raw, sizeof raw, fmt, ap);
        va_end(ap);
        err->status = status;
        err->file = file;
        err->line = line;
        escape_into(err->message, sizeof err->message, raw);
    }
    return status;
}

void weld_error_wrap(weld_error *err, const char *fmt, ...)
{
    char inner[sizeof err->message];
    char raw[sizeof err->message];
    va_list ap;
    if (!err)
        return;
    memcpy(inner, err->message, sizeof inner);
    va_start(ap, fmt);
    vsnprintf(raw, sizeof raw, fmt, ap);
    va_end(ap);
    escape_into(err->message, sizeof err->message, raw);
    size_t n = strlen(err->message);
    snprintf(err->message + n, sizeof err->message - n, ": %s", inner);
}

const char *weld_status_name(weld_status status)
{
    static const char *const names[] = {"ok",         "out of memory",  "input/output error",
                                        "bad format", "limit exceeded", "unsupported",
                                        "mismatch",   "bad argument",   "negative result",
                                        "cancelled",  "internal error"};
    int index = -(int)status;
    return index >= 0 && index <= 10 ? names[index] : "unknown status";
}
