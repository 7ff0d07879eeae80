/* Bytes that we read: a regular file, or memory. Positioned reads, so one source can be shared. */
#ifndef WELD_IO_SOURCE_H
#define WELD_IO_SOURCE_H
#include "io/archive.h"

typedef struct weld_source weld_source;

bool weld_is_folder(const char *path);
/* Only a regular file of at most limits.file_bytes_max; never blocks on a FIFO or a device. */
weld_status weld_source_open(weld_source **out, weld_context *ctx, const char *path,
                             weld_error *err);
/* The file `relative` below the folder that `anchor` lies in, on disk or in its archive: no "..", no
 * absolute path, no symbolic link on the way (the names come from untrusted files). May be larger than
 * file_bytes_max. WELD_E_UNSUPPORTED for an anchor in memory. */
weld_status weld_source_beneath(weld_source **out, weld_context *ctx, const weld_source *anchor,
                                const char *relative, weld_error *err);
/* Copies the bytes. */
weld_status weld_source_memory(weld_source **out, weld_context *ctx, const void *bytes, size_t size,
                               weld_error *err);
/* Takes the bytes over: *bytes = NULL. At most limits.file_bytes_max. */
weld_status weld_source_adopt(weld_source **out, weld_context *ctx, void **bytes, size_t size,
                              const char *name, weld_error *err);
/* The source is a member of this archive, both of which it takes over; `member` is its name there, which
 * is the end of the source's own name. */
void weld_source_enter_archive(weld_source *source, weld_archive **archive, unsigned char **bytes,
                               const char *member);
/* What lies beside it is no longer needed. */
void weld_source_leave_archive(weld_source *source);
/* All that comes from `fd`, at most limits.file_bytes_max bytes. */
weld_status weld_source_stream(weld_source **out, weld_context *ctx, int fd, const char *name,
                               weld_error *err);
uint64_t weld_source_size(const weld_source *source);
/* The path, or "<memory>". */
const char *weld_source_name(const weld_source *source);
/* All n bytes, or WELD_E_FORMAT where the source ends before that. WELD_E_IO when the file has changed
 * since it was opened: what was read before may not fit what was read now. */
weld_status weld_source_read(const weld_source *source, uint64_t offset, void *buf, size_t n,
                             weld_error *err);
/* The whole source; free with weld_free(). */
weld_status weld_source_read_all(void **out, size_t *out_size, const weld_source *source,
                                 weld_error *err);
/* WELD_E_IO when the file has changed since it was opened. */
weld_status weld_source_unchanged(const weld_source *source, weld_error *err);
/* One more owner; each of them calls weld_source_free. */
weld_source *weld_source_retain(weld_source *source);
void weld_source_free(weld_source *source);
#endif
