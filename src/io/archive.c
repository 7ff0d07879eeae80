#include "io/archive.h"
#include <archive.h>
#include <archive_entry.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { BLOCK_BYTES = 1 << 16, MEMBERS_SHOWN = 12 };

struct weld_archive {
    weld_context *ctx;
    const void *bytes;
    size_t size;
    char *name;
    char *member; /* the current one, NULL before the first and at the end */
    struct archive *handle;
    long entries;
    size_t unpacked, unpacked_max; /* bytes of members that were read since the first */
};

bool weld_is_zip(const void *bytes, size_t size)
{
    return size >= 4 && (memcmp(bytes, "PK\3\4", 4) == 0 || memcmp(bytes, "PK\5\6", 4) == 0);
}

bool weld_is_tar(const void *bytes, size_t size)
{
    return size >= 512 && memcmp((const char *)bytes + 257, "ustar", 5) == 0;
}

bool weld_is_filtered(const void *bytes, size_t size)
{
    return size >= 6 && (memcmp(bytes,
                                "\xFD"
                                "7zXZ",
                                6) == 0 ||
                         memcmp(bytes, "\x28\xB5\x2F\xFD", 4) == 0 || memcmp(bytes, "BZh", 3) == 0);
}

size_t weld_expansion_max(const weld_context *ctx, size_t packed)
{
    const uint64_t most = ctx->limits.file_bytes_max;
    const uint64_t allowed = (UINT64_C(64) << 20) + 200 * (uint64_t)packed;
    return (size_t)(allowed < most ? allowed : most);
}

static const char *reason(const weld_archive *archive)
{
    const char *text = archive_error_string(archive->handle);
    return text ? text : "unknown error";
}

weld_status weld_archive_rewind(weld_archive *archive, weld_error *err)
{
    weld_status st = WELD_OK;
    bool zip = weld_is_zip(archive->bytes, archive->size);
    weld_free(archive->ctx, archive->member);
    archive->member = NULL;
    archive->entries = 0;
    archive->unpacked = 0;
    if (archive->handle)
        archive_read_free(archive->handle);
    archive->handle = archive_read_new();
    WELD_REQUIRE(archive->handle, WELD_E_NOMEM, "%s: out of memory", archive->name);
    int rc = zip ? archive_read_support_format_zip_seekable(archive->handle)
                 : archive_read_support_format_tar(archive->handle);
    WELD_REQUIRE(rc == ARCHIVE_OK, WELD_E_INTERNAL, "%s: %s", archive->name, reason(archive));
    rc = archive_read_open_memory(archive->handle, archive->bytes, archive->size);
    WELD_REQUIRE(rc == ARCHIVE_OK, WELD_E_FORMAT, "%s: bad %s: %s", archive->name,
                 zip ? "zip" : "tar", reason(archive));
done:
    return st;
}

weld_status weld_archive_open(weld_archive **out, weld_context *ctx, const void *bytes, size_t size,
                              const char *name, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_archive *archive = NULL;
    *out = NULL;
    WELD_REQUIRE(weld_is_zip(bytes, size) || weld_is_tar(bytes, size), WELD_E_FORMAT,
                 "%s: is neither zip nor tar", name);
    WELD_NEW(archive, ctx, 1);
    archive->ctx = ctx;
    archive->bytes = bytes;
    archive->size = size;
    archive->unpacked_max = weld_expansion_max(ctx, size);
    WELD_NEW(archive->name, ctx, strlen(name) + 1);
    memcpy(archive->name, name, strlen(name) + 1);
    WELD_TRY(weld_archive_rewind(archive, err));
    *out = archive;
    archive = NULL;
done:
    weld_archive_free(archive);
    return st;
}

static weld_status adopt_name(weld_archive *archive, struct archive_entry *entry, weld_error *err)
{
    weld_status st = WELD_OK;
    const char *name = archive_entry_pathname_utf8(entry);
    if (!name)
        name = archive_entry_pathname(entry);
    WELD_REQUIRE(name && *name, WELD_E_FORMAT, "%s: entry %ld has no readable name", archive->name,
                 archive->entries);
    size_t n = strlen(name), max = archive->ctx->limits.name_bytes_max;
    WELD_REQUIRE(n <= max, WELD_E_LIMIT, "%s: the name of entry %ld has %zu bytes, allowed %zu",
                 archive->name, archive->entries, n, max);
    WELD_NEW(archive->member, archive->ctx, n + 1);
    memcpy(archive->member, name, n + 1);
done:
    return st;
}

weld_status weld_archive_next(const char **member, weld_archive *archive, weld_error *err)
{
    weld_status st = WELD_OK;
    struct archive_entry *entry = NULL;
    *member = NULL;
    weld_free(archive->ctx, archive->member);
    archive->member = NULL;
    for (;;) {
        int rc = archive_read_next_header(archive->handle, &entry);
        if (rc == ARCHIVE_EOF)
            goto done;
        archive->entries++;
        WELD_REQUIRE(rc == ARCHIVE_OK, WELD_E_FORMAT, "%s: entry %ld: %s", archive->name,
                     archive->entries, reason(archive));
        WELD_REQUIRE(archive->entries <= WELD_ARCHIVE_ENTRIES_MAX, WELD_E_LIMIT,
                     "%s: more than %d entries", archive->name, WELD_ARCHIVE_ENTRIES_MAX);
        if (archive_entry_filetype(entry) == AE_IFREG && !archive_entry_hardlink(entry) &&
            !archive_entry_symlink(entry))
            break;
    }
    WELD_TRY(adopt_name(archive, entry, err));
    *member = archive->member;
done:
    return st;
}

weld_status weld_archive_read(void **out, size_t *out_size, weld_archive *archive, weld_error *err)
{
    weld_status st = WELD_OK;
    unsigned char *bytes = NULL;
    size_t size = 0, room = 0;
    *out = NULL;
    *out_size = 0;
    WELD_REQUIRE(archive->member, WELD_E_INTERNAL, "%s: no current member", archive->name);
    for (;;) {
        WELD_GROW(bytes, room, archive->ctx, size + BLOCK_BYTES);
        la_ssize_t n = archive_read_data(archive->handle, bytes + size, room - size);
        /* Also ARCHIVE_WARN: a wrong checksum or length is only a warning there. */
        WELD_REQUIRE(n >= 0, WELD_E_FORMAT, "%s: member %s at byte %zu: %s", archive->name,
                     archive->member, size, reason(archive));
        if (n == 0)
            break;
        size += (size_t)n;
        archive->unpacked += (size_t)n;
        WELD_REQUIRE(archive->unpacked <= archive->unpacked_max, WELD_E_LIMIT,
                     "%s: unpacks to more than %zu bytes, at member %s", archive->name,
                     archive->unpacked_max, archive->member);
    }
    *out = bytes;
    *out_size = size;
    bytes = NULL;
done:
    weld_free(archive->ctx, bytes);
    return st;
}

weld_status weld_archive_member(void **out, size_t *out_size, weld_archive *archive,
                                const char *member, weld_error *err)
{
    weld_status st = WELD_OK;
    const char *name = NULL;
    void *bytes = NULL;
    size_t size = 0;
    *out = NULL;
    *out_size = 0;
    WELD_TRY(weld_archive_rewind(archive, err));
    for (;;) {
        WELD_TRY(weld_archive_next(&name, archive, err));
        if (!name)
            break;
        if (strcmp(name, member) != 0)
            continue;
        WELD_REQUIRE(!bytes, WELD_E_FORMAT, "%s: two members are named %s", archive->name, member);
        WELD_TRY(weld_archive_read(&bytes, &size, archive, err));
    }
    *out = bytes;
    *out_size = size;
    bytes = NULL;
done:
    weld_free(archive->ctx, bytes);
    return st;
}

weld_status weld_archive_lacks(weld_archive *archive, const char *what, weld_error *err)
{
    weld_status st = WELD_OK;
    const char *member;
    char list[600] = "";
    size_t n = 0;
    int count = 0;
    WELD_TRY(weld_archive_rewind(archive, err));
    for (;; count++) {
        WELD_TRY(weld_archive_next(&member, archive, err));
        if (!member)
            break;
        if (count < MEMBERS_SHOWN && n + 100 < sizeof list)
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%.90s", count ? ", " : "", member);
    }
    st = weld_fail(err, WELD_E_ARGUMENT, "%s: has no %s; its %d files: %s%s", archive->name, what,
                   count, list, count > MEMBERS_SHOWN ? ", ..." : "");
done:
    return st;
}

/* ---- one packed stream --------------------------------------------------------------------------- */

/* xz allows itself 1 GiB for its dictionary, zstd 128 MiB: libarchive's own limits. */
static weld_status open_filter(struct archive *handle, const void *bytes, size_t size,
                               const char *name, weld_error *err)
{
    weld_status st = WELD_OK;
    struct archive_entry *entry = NULL;
    /* ARCHIVE_WARN: an external program would do it, which it must not */
    WELD_REQUIRE(archive_read_support_filter_xz(handle) == ARCHIVE_OK &&
                     archive_read_support_filter_zstd(handle) == ARCHIVE_OK &&
                     archive_read_support_filter_bzip2(handle) == ARCHIVE_OK &&
                     archive_read_support_format_raw(handle) == ARCHIVE_OK,
                 WELD_E_UNSUPPORTED, "%s: this libarchive can't unpack it", name);
    WELD_REQUIRE(archive_read_open_memory(handle, bytes, size) == ARCHIVE_OK &&
                     archive_read_next_header(handle, &entry) == ARCHIVE_OK,
                 WELD_E_FORMAT, "%s: can't be unpacked: %s", name, archive_error_string(handle));
done:
    return st;
}

weld_status weld_unfilter(void **out, size_t *out_size, weld_context *ctx, const void *bytes,
                          size_t size, const char *name, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t most = weld_expansion_max(ctx, size);
    struct archive *handle = archive_read_new();
    unsigned char *unpacked = NULL;
    size_t n = 0, room = 0;
    *out = NULL;
    WELD_REQUIRE(handle, WELD_E_NOMEM, "%s: out of memory", name);
    WELD_TRY(open_filter(handle, bytes, size, name, err));
    for (;;) {
        WELD_GROW(unpacked, room, ctx, n + BLOCK_BYTES);
        const la_ssize_t got = archive_read_data(handle, unpacked + n, room - n);
        WELD_REQUIRE(got >= 0, WELD_E_FORMAT, "%s: can't be unpacked at byte %zu: %s", name, n,
                     archive_error_string(handle));
        if (got == 0)
            break;
        n += (size_t)got;
        WELD_REQUIRE(n <= most, WELD_E_LIMIT, "%s: unpacks to more than %zu bytes", name, most);
    }
    *out = unpacked;
    *out_size = n;
    unpacked = NULL;
done:
    weld_free(ctx, unpacked);
    if (handle)
        archive_read_free(handle);
    return st;
}

void weld_archive_free(weld_archive *archive)
{
    if (!archive)
        return;
    if (archive->handle)
        archive_read_free(archive->handle);
    weld_free(archive->ctx, archive->member);
    weld_free(archive->ctx, archive->name);
    weld_free(archive->ctx, archive);
}

const char *weld_archive_library(void)
{
    return archive_version_string();
}
