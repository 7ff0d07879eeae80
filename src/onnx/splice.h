/* Export: the file's own bytes, with payloads replaced and metadata appended. */
#ifndef WELD_ONNX_SPLICE_H
#define WELD_ONNX_SPLICE_H
#include "ir/paramset.h"
#include "onnx/copies.h"

typedef struct weld_metadata {
    const char *key, *value;
} weld_metadata;

/* What becomes of tensors whose data are external, and with `all` of large initializers too. */
typedef struct weld_relocation {
    bool all;
    bool keep; /* they stay where they are: only for a model whose values have not changed */
    const char *location; /* name of the fresh file; NULL = into the model */
    weld_buffer *data;    /* the contents of the fresh file, aligned to 4096 bytes each */
} weld_relocation;

/* Appends the bytes of the new file to `out`. Parameters whose values equal the stored ones keep
 * their bytes. Of `copies` (NULL = none), those that differ from their tensor become initializers.
 * metadata_count 0: nothing is appended, and equal values give equal bytes. */
weld_status weld_onnx_splice(weld_buffer *out, const weld_onnx_file *file,
                             const weld_paramset *values, const weld_home *homes,
                             const weld_copies *copies, const weld_metadata *metadata,
                             size_t metadata_count, const weld_relocation *relocation,
                             weld_error *err);
/* Are there tensors with external data? */
bool weld_onnx_has_external(const weld_onnx_file *file);
#endif
