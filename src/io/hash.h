/* SHA-256, as 64 hexadecimal digits. */
#ifndef WELD_IO_HASH_H
#define WELD_IO_HASH_H
#include "io/source.h"

enum { WELD_SHA256_TEXT = 65 };
typedef struct weld_sha256 weld_sha256;

weld_status weld_sha256_create(weld_sha256 **out, weld_context *ctx, weld_error *err);
weld_status weld_sha256_update(weld_sha256 *hash, const void *bytes, size_t n, weld_error *err);
/* Once; then only weld_sha256_free. */
weld_status weld_sha256_finish(char hex[WELD_SHA256_TEXT], weld_sha256 *hash, weld_error *err);
void weld_sha256_free(weld_sha256 *hash);

weld_status weld_sha256_memory(char hex[WELD_SHA256_TEXT], weld_context *ctx, const void *bytes,
                               size_t n, weld_error *err);
weld_status weld_sha256_source(char hex[WELD_SHA256_TEXT], weld_context *ctx,
                               const weld_source *source, weld_error *err);
const char *weld_hash_library(void);
#endif
