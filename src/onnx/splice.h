/* Export: the file's own bytes, with payloads replaced and metadata appended. */
#ifndef WELD_ONNX_SPLICE_H
#define WELD_ONNX_SPLICE_H
#include "ir/paramset.h"
#include "onnx/copies.h"
#include "io/sink.h"

typedef struct weld_metadata {
    const char *key, *value;
} weld_metadata;

/* What becomes of tensors whose data are external, and with `all` of large initializers too. */
typedef struct weld_relocation {
    bool all;
    bool keep; /* they stay where they are: only for a model whose values have not changed */
    const char *location; /* name of the fresh file; NULL = into the model */
} weld_relocation;

/* An export that is ready to be written: what it changes is known, the values are made as they are
 * written. */
typedef struct weld_splice weld_splice;
/* `values` are those of `homes` in `file`; all of them, `copies` and `relocation` are borrowed and
 * outlive the splice. Of `copies` (NULL = none), those that differ from their tensor become initializers.
 * metadata_count 0: nothing is appended, and equal values give equal bytes. */
weld_status weld_splice_create(weld_splice **out, const weld_onnx_file *file,
                               const weld_paramset *values, const weld_home *homes,
                               const weld_copies *copies, const weld_metadata *metadata,
                               size_t metadata_count, const weld_relocation *relocation,
                               weld_error *err);
/* Bytes of the model, and of the file of external data beside it (0 = there is none). */
uint64_t weld_splice_size(const weld_splice *splice);
uint64_t weld_splice_outside_size(const weld_splice *splice);
/* WELD_E_LIMIT for a model that is larger than a protobuf can be (2 GiB - 1). */
weld_status weld_splice_write(const weld_splice *splice, const weld_writer *to, weld_error *err);
weld_status weld_splice_write_outside(const weld_splice *splice, const weld_writer *to,
                                      weld_error *err);
void weld_splice_free(weld_splice *splice);
/* Are there tensors with external data? */
bool weld_onnx_has_external(const weld_onnx_file *file);
#endif
