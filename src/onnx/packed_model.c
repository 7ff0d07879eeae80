#include "onnx/packed_model.h"
#include "io/archive.h"
#include "io/gzip.h"
#include "io/packed.h"
#include "onnx/foreign.h"
#include <stdio.h>
#include <string.h>

/* Is the file one that has to be unpacked? */
static weld_status is_packed(bool *out, const weld_source *source, weld_error *err)
{
    unsigned char head[512];
    const uint64_t size = weld_source_size(source);
    const size_t n = size < sizeof head ? (size_t)size : sizeof head;
    const weld_status st = weld_source_read(source, 0, head, n, err);
    *out = st == WELD_OK && (weld_is_gzip(head, n) || weld_is_filtered(head, n) ||
                             weld_is_zip(head, n) || weld_is_tar(head, n));
    return st;
}

static bool is_model(const char *member)
{
    const size_t n = strlen(member);
    return n > 5 && strcmp(member + n - 5, ".onnx") == 0;
}

/* The archive's only .onnx; freed with weld_free. */
static weld_status find_model(char **out, weld_context *ctx, weld_archive *archive,
                              const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    char list[500] = "";
    size_t n = 0;
    int count = 0;
    const char *member, *foreign = NULL;
    *out = NULL;
    for (;;) {
        WELD_TRY(weld_archive_next(&member, archive, err));
        if (!member)
            break;
        foreign = foreign ? foreign : weld_foreign_member(member);
        if (!is_model(member))
            continue;
        if (n + 100 < sizeof list)
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%.90s", count ? ", " : "", member);
        if (count++ == 0)
            WELD_REQUIRE((*out = weld_strdup(ctx, member)), WELD_E_NOMEM, "out of memory");
    }
    WELD_REQUIRE(count || !foreign, WELD_E_FORMAT, "%s: %s", path, foreign);
    if (count == 0)
        WELD_TRY(weld_archive_lacks(archive, ".onnx", err));
    WELD_REQUIRE(count == 1, WELD_E_ARGUMENT, "%s: has %d models, name one as %s#MEMBER: %s", path,
                 count, path, list);
done:
    if (st != WELD_OK) {
        weld_free(ctx, *out);
        *out = NULL;
    }
    return st;
}

/* The member of an archive, which the source keeps to find what lies beside it. */
static weld_status open_member(weld_source **out, weld_packed *packed, const char *path,
                               const char *wanted, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = packed->ctx;
    weld_archive *archive = NULL;
    char *member = NULL, *name = NULL;
    void *bytes = NULL;
    size_t size;
    WELD_TRY(weld_archive_open(&archive, ctx, packed->bytes, packed->size, path, err));
    if (wanted)
        WELD_REQUIRE((member = weld_strdup(ctx, wanted)), WELD_E_NOMEM, "out of memory");
    else
        WELD_TRY(find_model(&member, ctx, archive, path, err));
    WELD_TRY(weld_archive_member(&bytes, &size, archive, member, err));
    if (!bytes)
        WELD_TRY(weld_archive_lacks(archive, member, err));
    WELD_NEW(name, ctx, strlen(path) + strlen(member) + 2);
    sprintf(name, "%s#%s", path, member);
    WELD_TRY(weld_source_adopt(out, ctx, &bytes, size, name, err));
    weld_source_enter_archive(*out, &archive, &packed->bytes, name + strlen(path) + 1);
done:
    weld_archive_free(archive);
    weld_free(ctx, member);
    weld_free(ctx, name);
    weld_free(ctx, bytes);
    return st;
}

static weld_status unpack(weld_source **out, weld_context *ctx, const char *path,
                          const char *member, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_packed packed = {0};
    WELD_TRY(weld_packed_read(&packed, ctx, path, err));
    void *bytes = packed.bytes;
    if (weld_is_zip(bytes, packed.size) || weld_is_tar(bytes, packed.size)) {
        WELD_TRY(open_member(out, &packed, path, member, err));
    } else {
        WELD_REQUIRE(!member, WELD_E_ARGUMENT, "%s: is no archive, so it has no %s", path, member);
        packed.bytes = NULL;
        st = weld_source_adopt(out, ctx, &bytes, packed.size, path, err);
        packed.bytes = bytes;
    }
done:
    weld_packed_free(&packed);
    return st;
}

weld_status weld_packed_model_open(weld_source **out, weld_context *ctx, const char *path,
                                   weld_error *err)
{
    weld_status st = WELD_OK;
    weld_source *source = NULL;
    char *archive = NULL;
    bool packed;
    *out = NULL;
    WELD_REQUIRE(path && *path, WELD_E_ARGUMENT, "the path of a file is empty");
    const char *member = weld_packed_member(ctx, path);
    if (member) {
        WELD_REQUIRE((archive = weld_strdup(ctx, path)), WELD_E_NOMEM, "out of memory");
        archive[member - path - 1] = '\0';
        WELD_TRY(unpack(out, ctx, archive, member, err));
        goto done;
    }
    WELD_TRY(weld_source_open(&source, ctx, path, err));
    WELD_TRY(is_packed(&packed, source, err));
    if (packed) {
        WELD_TRY(unpack(out, ctx, path, NULL, err));
    } else {
        *out = source;
        source = NULL;
    }
done:
    weld_free(ctx, archive);
    weld_source_free(source);
    return st;
}
