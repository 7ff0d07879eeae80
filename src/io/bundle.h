/* Files that become one archive, in the order of their names, whatever the order they are written in. */
#ifndef WELD_IO_BUNDLE_H
#define WELD_IO_BUNDLE_H
#include "io/archive_write.h"

typedef struct weld_bundle weld_bundle;

/* What is written waits in a file without a name, in the folder of `path`. mtime: see
 * weld_archive_form. */
weld_status weld_bundle_create(weld_bundle **out, weld_context *ctx, const char *path,
                               int64_t mtime, weld_error *err);
/* What is written from now on is this member; names are plain, and each is given once. */
weld_status weld_bundle_begin(weld_bundle *bundle, const char *name, weld_error *err);
weld_status weld_bundle_write(weld_bundle *bundle, const void *bytes, size_t n, weld_error *err);
/* .tar.gz or .tgz, else .zip; as the path says. */
weld_status weld_bundle_finish(weld_bundle *bundle, const weld_writer *to, weld_error *err);
void weld_bundle_free(weld_bundle *bundle);
#endif
