/* Members of a zip or tar in memory. Only regular files are seen; nothing is extracted. */
#ifndef WELD_IO_ARCHIVE_H
#define WELD_IO_ARCHIVE_H
#include "core/buffer.h"

enum { WELD_ARCHIVE_ENTRIES_MAX = 100000 };
typedef struct weld_archive weld_archive;

bool weld_is_zip(const void *bytes, size_t size);
bool weld_is_tar(const void *bytes, size_t size);
/* xz, zstd or bzip2: one packed stream, of a tar or of any other file. */
bool weld_is_filtered(const void *bytes, size_t size);
/* All of it, whole and checked; free with weld_free(). WELD_E_LIMIT past weld_expansion_max(). `name` is for
 * messages. */
weld_status weld_unfilter(void **out, size_t *out_size, weld_context *ctx, const void *bytes,
                          size_t size, const char *name, weld_error *err);
/* The bytes are borrowed and must outlive the archive. `name` is for messages. */
weld_status weld_archive_open(weld_archive **out, weld_context *ctx, const void *bytes, size_t size,
                              const char *name, weld_error *err);
/* The next regular file, or *member = NULL at the end; valid until the next call. */
weld_status weld_archive_next(const char **member, weld_archive *archive, weld_error *err);
/* The current member, whole and with its checksum checked; free with weld_free(). WELD_E_LIMIT where
 * the members read so far make more than weld_expansion_max() of the archive. */
weld_status weld_archive_read(void **out, size_t *out_size, weld_archive *archive, weld_error *err);
/* From the first member on again. */
weld_status weld_archive_rewind(weld_archive *archive, weld_error *err);
/* The member of exactly this name; *out = NULL when there is none, WELD_E_FORMAT for two. */
weld_status weld_archive_member(void **out, size_t *out_size, weld_archive *archive,
                                const char *member, weld_error *err);
/* Fails: the archive has no `what`, but these members. */
weld_status weld_archive_lacks(weld_archive *archive, const char *what, weld_error *err);
void weld_archive_free(weld_archive *archive);

/* Most bytes that so many packed ones may become: a bomb stops here. */
size_t weld_expansion_max(const weld_context *ctx, size_t packed);
const char *weld_archive_library(void);
#endif
