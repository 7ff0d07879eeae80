/* Files as users name them: PATH, ARCHIVE#MEMBER, or - for standard input. */
#ifndef WELD_IO_PACKED_H
#define WELD_IO_PACKED_H
#include "io/hash.h"

/* The whole of it in memory, unpacked where it is gzip, xz, zstd or bzip2. */
typedef struct weld_packed {
    weld_context *ctx;
    unsigned char *bytes;
    size_t size;
    char sha256[WELD_SHA256_TEXT]; /* of the file as it lies on disk, the whole archive */
} weld_packed;

/* The member's name in ARCHIVE#MEMBER; NULL where that is the name of a file, or no such archive is there. */
const char *weld_packed_member(weld_context *ctx, const char *path);
weld_status weld_packed_read(weld_packed *out, weld_context *ctx, const char *path,
                             weld_error *err);
void weld_packed_free(weld_packed *packed);
#endif
