#include "io/archive.h"
#include <archive.h>
#include <archive_entry.h>

/* 1980-01-01, the first time that a zip can say. */
enum { ZIP_EPOCH = 315532800 };

static la_ssize_t append(struct archive *handle, void *user, const void *bytes, size_t size)
{
    (void)handle;
    weld_buffer_append(user, bytes, size);
    return (la_ssize_t)size;
}

static int write_part(struct archive *handle, const weld_archive_part *part)
{
    struct archive_entry *entry = archive_entry_new();
    if (!entry)
        return ARCHIVE_FATAL;
    archive_entry_set_pathname(entry, part->name);
    archive_entry_set_size(entry, (la_int64_t)part->size);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    archive_entry_set_mtime(entry, ZIP_EPOCH, 0);
    int rc = archive_write_header(handle, entry);
    if (rc == ARCHIVE_OK && part->size &&
        archive_write_data(handle, part->bytes, part->size) != (la_ssize_t)part->size)
        rc = ARCHIVE_FATAL;
    archive_entry_free(entry);
    return rc;
}

weld_status weld_archive_write_zip(weld_buffer *out, const weld_archive_part *parts, size_t count,
                                   weld_error *err)
{
    weld_status st = WELD_OK;
    struct archive *handle = archive_write_new();
    WELD_REQUIRE(handle, WELD_E_NOMEM, "out of memory");
    int rc = archive_write_set_format_zip(handle);
    if (rc == ARCHIVE_OK)
        rc = archive_write_set_options(handle, "zip:compression=store");
    if (rc == ARCHIVE_OK)
        rc = archive_write_open(handle, out, NULL, append, NULL);
    for (size_t k = 0; k < count && rc == ARCHIVE_OK; k++)
        rc = write_part(handle, &parts[k]);
    if (rc == ARCHIVE_OK)
        rc = archive_write_close(handle);
    WELD_REQUIRE(rc == ARCHIVE_OK, WELD_E_INTERNAL, "zip: %s", archive_error_string(handle));
    WELD_TRY(weld_buffer_check(out, err));
done:
    if (handle)
        archive_write_free(handle);
    return st;
}
