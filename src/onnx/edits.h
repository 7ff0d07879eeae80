/* Changes to a file's bytes: spans replaced by others, and the length prefixes of the messages
 * around those that grow or shrink. Everything else stays as it is. */
#ifndef WELD_ONNX_EDITS_H
#define WELD_ONNX_EDITS_H
#include "core/arena.h"
#include "io/sink.h"
#include "onnx/scan.h"

typedef struct weld_edit {
    weld_span span;             /* size 0 = something is put in at the offset */
    const unsigned char *bytes; /* [size], borrowed */
    uint64_t size;
    int payload; /* comes after the bytes: its number, -1 = none */
    uint64_t payload_size;
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
/* As weld_edits_replace, with a payload that is made when it is written. */
weld_status weld_edits_payload(weld_edits *edits, const weld_edit *edit, weld_error *err);
/* These messages hold edits that change their length. */
weld_status weld_edits_around(weld_edits *edits, const weld_enclosure *around, int count,
                              weld_error *err);
/* Closes the list: no edit comes after this. Edits must not overlap. *size: of the edited file, which
 * has `size_before` bytes now. */
weld_status weld_edits_close(uint64_t *size, weld_edits *edits, uint64_t size_before,
                             weld_error *err);
/* Writes payload number `payload`, all bytes that its edit says. */
typedef weld_status (*weld_payload_fn)(const void *user, int payload, const weld_writer *to,
                                       weld_error *err);
/* Writes the edited file; of a closed list. */
weld_status weld_edits_write(const weld_edits *edits, const weld_source *source,
                             const weld_writer *to, weld_payload_fn payload, const void *user,
                             weld_error *err);
void weld_edits_free(weld_edits *edits);
#endif
