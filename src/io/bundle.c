#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "io/bundle.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK_BYTES = 1 << 16 };

typedef struct member {
    char *name;
    uint64_t offset, size; /* in the waiting file */
} member;

struct weld_bundle {
    weld_context *ctx;
    weld_archive_form form;
    FILE *waiting;
    uint64_t size;
    member *members;
    size_t count, cap;
};

/* Never has a name; where the folder's file system can't do that, among the temporary files. */
static FILE *open_waiting(weld_context *ctx, const char *path)
{
    char *folder = weld_strdup(ctx, path);
    char *slash = folder ? strrchr(folder, '/') : NULL;
    if (slash)
        slash[slash == folder] = '\0';
    const int fd = open(slash ? folder : ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    FILE *file = fd >= 0 ? fdopen(fd, "w+") : NULL;
    if (fd >= 0 && !file)
        close(fd);
    weld_free(ctx, folder);
    return file ? file : tmpfile();
}

weld_status weld_bundle_create(weld_bundle **out, weld_context *ctx, const char *path,
                               int64_t mtime, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_bundle *b = NULL;
    const bool tar = weld_ends_with(path, ".tar.gz") || weld_ends_with(path, ".tgz");
    *out = NULL;
    WELD_REQUIRE(tar || weld_ends_with(path, ".zip"), WELD_E_ARGUMENT,
                 "%s: a bundle is .zip, .tar.gz or .tgz", path);
    WELD_NEW(b, ctx, 1);
    b->ctx = ctx;
    b->form = (weld_archive_form){.tar = tar, .compress = true, .mtime = mtime};
    b->waiting = open_waiting(ctx, path);
    WELD_REQUIRE(b->waiting, WELD_E_IO, "%s: a temporary file: %s", path, strerror(errno));
    *out = b;
    b = NULL;
done:
    weld_bundle_free(b);
    return st;
}

weld_status weld_bundle_begin(weld_bundle *b, const char *name, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_REQUIRE(*name && !strchr(name, '/') && strcmp(name, "-") != 0 && name[0] != '.',
                 WELD_E_ARGUMENT, "%s: in a bundle, names have no folder and begin with no dot",
                 name);
    for (size_t k = 0; k < b->count; k++)
        WELD_REQUIRE(strcmp(b->members[k].name, name) != 0, WELD_E_ARGUMENT,
                     "%s: named for two outputs", name);
    WELD_GROW(b->members, b->cap, b->ctx, b->count + 1);
    b->members[b->count] = (member){.name = weld_strdup(b->ctx, name), .offset = b->size};
    WELD_REQUIRE(b->members[b->count].name, WELD_E_NOMEM, "out of memory");
    b->count++;
done:
    return st;
}

weld_status weld_bundle_write(weld_bundle *b, const void *bytes, size_t n, weld_error *err)
{
    if (n && fwrite(bytes, 1, n, b->waiting) != n)
        return weld_fail(err, WELD_E_IO, "the bundle's temporary file: %s", strerror(errno));
    b->size += n;
    b->members[b->count - 1].size += n;
    return WELD_OK;
}

static int by_name(const void *a, const void *b)
{
    const member *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static weld_status pack(weld_bundle *b, weld_archive_writer *w, const member *m, weld_error *err)
{
    weld_status st = WELD_OK;
    char block[BLOCK_BYTES];
    WELD_TRY(weld_archive_writer_begin(w, m->name, m->size, err));
    WELD_REQUIRE(fseeko(b->waiting, (off_t)m->offset, SEEK_SET) == 0, WELD_E_IO,
                 "the bundle's temporary file: %s", strerror(errno));
    for (uint64_t left = m->size; left;) {
        const size_t n = left < sizeof block ? (size_t)left : sizeof block;
        WELD_REQUIRE(fread(block, 1, n, b->waiting) == n, WELD_E_IO,
                     "the bundle's temporary file can't be read back");
        WELD_TRY(weld_archive_writer_write(w, block, n, err));
        left -= n;
    }
done:
    return st;
}

weld_status weld_bundle_finish(weld_bundle *b, const weld_writer *to, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_archive_writer *w = NULL;
    WELD_REQUIRE(fflush(b->waiting) == 0, WELD_E_IO, "the bundle's temporary file: %s",
                 strerror(errno));
    if (b->count)
        qsort(b->members, b->count, sizeof *b->members, by_name);
    WELD_TRY(weld_archive_writer_create(&w, b->ctx, &b->form, to, err));
    for (size_t k = 0; k < b->count; k++)
        WELD_TRY(pack(b, w, &b->members[k], err));
    WELD_TRY(weld_archive_writer_finish(w, err));
done:
    weld_archive_writer_free(w);
    return st;
}

void weld_bundle_free(weld_bundle *b)
{
    if (!b)
        return;
    for (size_t k = 0; k < b->count; k++)
        weld_free(b->ctx, b->members[k].name);
    weld_free(b->ctx, b->members);
    if (b->waiting)
        fclose(b->waiting);
    weld_free(b->ctx, b);
}
