/* gzip in memory. */
#ifndef WELD_IO_GZIP_H
#define WELD_IO_GZIP_H
#include "core/context.h"

typedef struct weld_gzip_input {
    const void *bytes;
    size_t size;
    size_t cap;       /* most bytes that may come out */
    const char *name; /* for messages */
} weld_gzip_input;

bool weld_is_gzip(const void *bytes, size_t size);
/* All members, CRC and length checked; zeros may follow the last one, nothing else.
 * WELD_E_LIMIT past cap. Free with weld_free(). */
weld_status weld_gunzip(void **out, size_t *out_size, weld_context *ctx,
                        const weld_gzip_input *input, weld_error *err);
const char *weld_gzip_library(void);
#endif
