#include "io/packed.h"
#include "io/archive.h"
#include "io/gzip.h"
#include "io/source.h"
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool is_file(weld_context *ctx, const char *path, size_t n)
{
    struct stat info;
    char *name = weld_strdup(ctx, path);
    if (name)
        name[n] = '\0';
    const bool found = name && stat(name, &info) == 0 && S_ISREG(info.st_mode);
    weld_free(ctx, name);
    return found;
}

const char *weld_packed_member(weld_context *ctx, const char *path)
{
    if (access(path, F_OK) == 0)
        return NULL;
    for (const char *mark = strchr(path, '#'); mark; mark = strchr(mark + 1, '#'))
        if (is_file(ctx, path, (size_t)(mark - path)))
            return mark + 1;
    return NULL;
}

/* What lies on disk, or comes in, with its hash; then unpacked. */
static weld_status load(weld_packed *p, const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_context *ctx = p->ctx;
    weld_source *source = NULL;
    void *bytes = NULL, *unpacked = NULL;
    size_t size;
    if (strcmp(path, "-") == 0)
        WELD_TRY(weld_source_stream(&source, ctx, STDIN_FILENO, "standard input", err));
    else
        WELD_TRY(weld_source_open(&source, ctx, path, err));
    WELD_TRY(weld_source_read_all(&bytes, &size, source, err));
    WELD_TRY(weld_source_unchanged(source, err));
    WELD_TRY(weld_sha256_memory(p->sha256, ctx, bytes, size, err));
    if (weld_is_gzip(bytes, size)) {
        const weld_gzip_input input = {bytes, size, weld_expansion_max(ctx, size), path};
        WELD_TRY(weld_gunzip(&unpacked, &size, ctx, &input, err));
    } else if (weld_is_filtered(bytes, size)) {
        WELD_TRY(weld_unfilter(&unpacked, &size, ctx, bytes, size, path, err));
    }
    if (unpacked) {
        weld_free(ctx, bytes);
        bytes = unpacked;
    }
    p->bytes = bytes;
    p->size = size;
    bytes = NULL;
done:
    weld_free(ctx, bytes);
    weld_source_free(source);
    return st;
}

/* The archive is replaced by the member. */
static weld_status take_member(weld_packed *p, const char *archive, const char *member,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    weld_archive *open = NULL;
    void *bytes = NULL;
    size_t size;
    WELD_TRY(weld_archive_open(&open, p->ctx, p->bytes, p->size, archive, err));
    WELD_TRY(weld_archive_member(&bytes, &size, open, member, err));
    if (!bytes)
        WELD_TRY(weld_archive_lacks(open, member, err));
    weld_free(p->ctx, p->bytes);
    p->bytes = bytes;
    p->size = size;
    bytes = NULL;
done:
    weld_archive_free(open);
    weld_free(p->ctx, bytes);
    return st;
}

weld_status weld_packed_read(weld_packed *out, weld_context *ctx, const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    const char *member = weld_packed_member(ctx, path);
    char *archive = weld_strdup(ctx, path);
    *out = (weld_packed){.ctx = ctx};
    WELD_REQUIRE(archive, WELD_E_NOMEM, "out of memory");
    if (member)
        archive[member - path - 1] = '\0';
    WELD_TRY(load(out, archive, err));
    if (member)
        WELD_TRY(take_member(out, archive, member, err));
done:
    weld_free(ctx, archive);
    if (st != WELD_OK)
        weld_packed_free(out);
    return st;
}

void weld_packed_free(weld_packed *packed)
{
    if (!packed->ctx)
        return;
    weld_free(packed->ctx, packed->bytes);
    packed->bytes = NULL;
}
