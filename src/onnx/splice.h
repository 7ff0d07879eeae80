/* Export: the file's own bytes, with payloads replaced and metadata appended. */
#ifndef WELD_ONNX_SPLICE_H
#define WELD_ONNX_SPLICE_H
#include "ir/paramset.h"
#include "onnx/file.h"

typedef struct weld_metadata {
    const char *key, *value;
} weld_metadata;

/* Appends the bytes of the new file to `out`. Parameters whose values equal the stored ones keep
 * their bytes. metadata_count 0: nothing is appended, and equal values give equal bytes. */
weld_status weld_onnx_splice(weld_buffer *out, const weld_onnx_file *file,
                             const weld_paramset *values, const weld_home *homes,
                             const weld_metadata *metadata, size_t metadata_count, weld_error *err);
#endif
