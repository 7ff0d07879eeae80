#include "io/hash.h"
#include <openssl/evp.h>

enum { BLOCK_BYTES = 1 << 18 };

struct weld_sha256 {
    weld_context *ctx;
    EVP_MD_CTX *md;
};

weld_status weld_sha256_create(weld_sha256 **out, weld_context *ctx, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_sha256 *hash = NULL;
    *out = NULL;
    WELD_NEW(hash, ctx, 1);
    hash->ctx = ctx;
    hash->md = EVP_MD_CTX_new();
    WELD_REQUIRE(hash->md, WELD_E_NOMEM, "out of memory for SHA-256");
    WELD_REQUIRE(EVP_DigestInit_ex(hash->md, EVP_sha256(), NULL) == 1, WELD_E_INTERNAL,
                 "libcrypto has no SHA-256");
    *out = hash;
    hash = NULL;
done:
    weld_sha256_free(hash);
    return st;
}

weld_status weld_sha256_update(weld_sha256 *hash, const void *bytes, size_t n, weld_error *err)
{
    if (n && EVP_DigestUpdate(hash->md, bytes, n) != 1)
        return weld_fail(err, WELD_E_INTERNAL, "SHA-256 failed");
    return WELD_OK;
}

weld_status weld_sha256_finish(char hex[WELD_SHA256_TEXT], weld_sha256 *hash, weld_error *err)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    hex[0] = '\0';
    if (EVP_DigestFinal_ex(hash->md, sum, &size) != 1 || size != 32)
        return weld_fail(err, WELD_E_INTERNAL, "SHA-256 failed");
    for (unsigned k = 0; k < size; k++) {
        hex[2 * k] = digits[sum[k] >> 4];
        hex[2 * k + 1] = digits[sum[k] & 15];
    }
    hex[64] = '\0';
    return WELD_OK;
}

void weld_sha256_free(weld_sha256 *hash)
{
    if (!hash)
        return;
    EVP_MD_CTX_free(hash->md);
    weld_free(hash->ctx, hash);
}

weld_status weld_sha256_memory(char hex[WELD_SHA256_TEXT], weld_context *ctx, const void *bytes,
                               size_t n, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_sha256 *hash = NULL;
    WELD_TRY(weld_sha256_create(&hash, ctx, err));
    WELD_TRY(weld_sha256_update(hash, bytes, n, err));
    WELD_TRY(weld_sha256_finish(hex, hash, err));
done:
    weld_sha256_free(hash);
    return st;
}

weld_status weld_sha256_source(char hex[WELD_SHA256_TEXT], weld_context *ctx,
                               const weld_source *source, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_sha256 *hash = NULL;
    unsigned char *block = NULL;
    uint64_t size = weld_source_size(source);
    WELD_NEW(block, ctx, BLOCK_BYTES);
    WELD_TRY(weld_sha256_create(&hash, ctx, err));
    for (uint64_t at = 0; at < size;) {
        size_t n = size - at < BLOCK_BYTES ? (size_t)(size - at) : BLOCK_BYTES;
        WELD_TRY(weld_source_read(source, at, block, n, err));
        WELD_TRY(weld_sha256_update(hash, block, n, err));
        at += n;
    }
    WELD_TRY(weld_sha256_finish(hex, hash, err));
done:
    weld_sha256_free(hash);
    weld_free(ctx, block);
    return st;
}

const char *weld_hash_library(void)
{
    return OpenSSL_version(OPENSSL_VERSION);
}
