#include "io/archive_write.h"
#include <archive.h>
#include <archive_entry.h>

enum { EPOCH_1980 = 315532800 };

struct weld_archive_writer {
    weld_context *ctx;
    weld_archive_form form;
    const weld_writer *to;
    struct archive *handle;
    weld_error failure; /* of `to`; status WELD_OK = none */
};

static la_ssize_t pass_on(struct archive *handle, void *user, const void *bytes, size_t size)
{
    weld_archive_writer *w = user;
    (void)handle;
    const weld_status st = w->to->write(w->to->user, bytes, size, &w->failure);
    return st == WELD_OK ? (la_ssize_t)size : -1;
}

/* What libarchive says, or what stopped `to`. */
static weld_status check(const weld_archive_writer *w, int rc, weld_error *err)
{
    const char *text = rc == ARCHIVE_OK ? NULL : archive_error_string(w->handle);
    if (w->failure.status != WELD_OK) {
        if (err)
            *err = w->failure;
        return w->failure.status;
    }
    return rc == ARCHIVE_OK
               ? WELD_OK
               : weld_fail(err, WELD_E_INTERNAL, "archive: %s", text ? text : "unknown error");
}

static int set_form(struct archive *handle, const weld_archive_form *form)
{
    int rc = form->tar ? archive_write_set_format_pax_restricted(handle)
                       : archive_write_set_format_zip(handle);
    if (rc == ARCHIVE_OK && form->tar)
        rc = archive_write_add_filter_gzip(handle);
    if (rc == ARCHIVE_OK && form->tar) /* else gzip says when it was made */
        rc = archive_write_set_filter_option(handle, "gzip", "timestamp", NULL);
    if (rc == ARCHIVE_OK) /* else zeros follow the end, up to a block of a tape */
        rc = archive_write_set_bytes_in_last_block(handle, 1);
    if (rc == ARCHIVE_OK && !form->tar)
        rc = archive_write_set_format_option(handle, "zip", "compression",
                                             form->compress ? "deflate" : "store");
    return rc;
}

weld_status weld_archive_writer_create(weld_archive_writer **out, weld_context *ctx,
                                       const weld_archive_form *form, const weld_writer *to,
                                       weld_error *err)
{
    weld_status st = WELD_OK;
    weld_archive_writer *w = NULL;
    *out = NULL;
    WELD_NEW(w, ctx, 1);
    w->ctx = ctx;
    w->form = *form;
    w->to = to;
    w->handle = archive_write_new();
    WELD_REQUIRE(w->handle, WELD_E_NOMEM, "out of memory");
    int rc = set_form(w->handle, form);
    if (rc == ARCHIVE_OK)
        rc = archive_write_open(w->handle, w, NULL, pass_on, NULL);
    WELD_TRY(check(w, rc, err));
    *out = w;
    w = NULL;
done:
    weld_archive_writer_free(w);
    return st;
}

weld_status weld_archive_writer_begin(weld_archive_writer *w, const char *name, uint64_t size,
                                      weld_error *err)
{
    weld_status st = WELD_OK;
    struct archive_entry *entry = archive_entry_new();
    WELD_REQUIRE(entry, WELD_E_NOMEM, "out of memory");
    archive_entry_set_pathname(entry, name);
    archive_entry_set_size(entry, (la_int64_t)size);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    /* A zip's times are local: without one it is 1980 everywhere. */
    if (w->form.tar || w->form.mtime)
        archive_entry_set_mtime(entry, w->form.mtime ? w->form.mtime : EPOCH_1980, 0);
    WELD_TRY(check(w, archive_write_header(w->handle, entry), err));
done:
    archive_entry_free(entry);
    return st;
}

weld_status weld_archive_writer_write(weld_archive_writer *w, const void *bytes, size_t n,
                                      weld_error *err)
{
    const char *at = bytes;
    while (n) {
        const la_ssize_t k = archive_write_data(w->handle, at, n);
        if (k <= 0)
            return check(w, ARCHIVE_FATAL, err);
        at += k;
        n -= (size_t)k;
    }
    return WELD_OK;
}

weld_status weld_archive_writer_finish(weld_archive_writer *w, weld_error *err)
{
    return check(w, archive_write_close(w->handle), err);
}

void weld_archive_writer_free(weld_archive_writer *w)
{
    if (!w)
        return;
    if (w->handle)
        archive_write_free(w->handle);
    weld_free(w->ctx, w);
}

static weld_status append(void *user, const void *bytes, size_t n, weld_error *err)
{
    weld_buffer_append(user, bytes, n);
    return weld_buffer_check(user, err);
}

weld_status weld_archive_write_zip(weld_buffer *out, const weld_archive_part *parts, size_t count,
                                   weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_writer to = {append, out};
    const weld_archive_form stored = {.tar = false};
    weld_archive_writer *w = NULL;
    WELD_TRY(weld_archive_writer_create(&w, out->ctx, &stored, &to, err));
    for (size_t k = 0; k < count; k++) {
        WELD_TRY(weld_archive_writer_begin(w, parts[k].name, parts[k].size, err));
        WELD_TRY(weld_archive_writer_write(w, parts[k].bytes, parts[k].size, err));
    }
    WELD_TRY(weld_archive_writer_finish(w, err));
done:
    weld_archive_writer_free(w);
    return st;
}
