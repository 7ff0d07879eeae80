/* Archives that hold nothing but names, sizes and contents: equal members give equal bytes. */
#ifndef WELD_IO_ARCHIVE_WRITE_H
#define WELD_IO_ARCHIVE_WRITE_H
#include "core/buffer.h"
#include "io/sink.h"

typedef struct weld_archive_writer weld_archive_writer;

typedef struct weld_archive_form {
    bool tar;      /* .tar.gz, else .zip */
    bool compress; /* of a zip: deflated, else stored */
    int64_t
        mtime; /* of all members, seconds since 1970; 0 = the first that both can say, of 1980 */
} weld_archive_form;

/* The archive goes to `to`, which must outlive the writer. */
weld_status weld_archive_writer_create(weld_archive_writer **out, weld_context *ctx,
                                       const weld_archive_form *form, const weld_writer *to,
                                       weld_error *err);
/* The next member, of which exactly `size` bytes follow. */
weld_status weld_archive_writer_begin(weld_archive_writer *w, const char *name, uint64_t size,
                                      weld_error *err);
weld_status weld_archive_writer_write(weld_archive_writer *w, const void *bytes, size_t n,
                                      weld_error *err);
weld_status weld_archive_writer_finish(weld_archive_writer *w, weld_error *err);
void weld_archive_writer_free(weld_archive_writer *w);

typedef struct weld_archive_part {
    const char *name;
    const void *bytes;
    size_t size;
} weld_archive_part;

/* Appends a zip of these members, stored. */
weld_status weld_archive_write_zip(weld_buffer *out, const weld_archive_part *parts, size_t count,
                                   weld_error *err);
#endif
