/* Output that appears complete or not at all. */
#ifndef WELD_IO_SINK_H
#define WELD_IO_SINK_H
#include "core/context.h"

typedef struct weld_sink weld_sink;

/* Whatever takes bytes one after the other. */
typedef struct weld_writer {
    weld_status (*write)(void *user, const void *bytes, size_t n, weld_error *err);
    void *user;
} weld_writer;

/* "-" is standard output, written when it is committed. Refuses an existing path unless `replace`,
 * and then anything but a regular file. */
weld_status weld_sink_create(weld_sink **out, weld_context *ctx, const char *path, bool replace,
                             weld_error *err);
const char *weld_sink_path(const weld_sink *sink);
weld_status weld_sink_write(weld_sink *sink, const void *bytes, size_t n, weld_error *err);
/* All of them appear, or every path is as it was before. */
weld_status weld_sink_commit_all(weld_sink *const *sinks, size_t count, weld_error *err);
weld_status weld_sink_commit(weld_sink *sink, weld_error *err);
/* Without a commit, nothing is left. */
void weld_sink_free(weld_sink *sink);
#endif
