/* Changes to a file's bytes: spans replaced by others, and the length prefixes of the messages
 * around those that grow or shrink. Everything else stays as it is. */
#ifndef WELD_ONNX_EDITS_H
#define WELD_ONNX_EDITS_H
#include "core/arena.h"
#include "onnx/scan.h"

typedef struct weld_edit {
    weld_span span;             /* size 0 = something is put in at the offset */
    const unsigned char *bytes; /* [size], borrowed */
    uint64_t size;
} weld_edit;

typedef struct weld_edits {
    weld_context *ctx;
    weld_arena arena; /* for replacement bytes */
    weld_edit *items;
    size_t count, cap;
    weld_enclosure *around; /* messages whose length may change, each once */
    size_t around_count, around_cap;
} weld_edits;

void weld_edits_init(weld_edits *edits, weld_context *ctx);
weld_status weld_edits_replace(weld_edits *edits, weld_span span, const void *bytes, uint64_t size,
                               weld_error *err);
/* These messages hold edits that change their length. */
weld_status weld_edits_around(weld_edits *edits, const weld_enclosure *around, int count,
                              weld_error *err);
/* Appends the edited file. Edits must not overlap. */
weld_status weld_edits_apply(weld_buffer *out, weld_edits *edits, const unsigned char *bytes,
                             uint64_t size, weld_error *err);
void weld_edits_free(weld_edits *edits);
#endif
