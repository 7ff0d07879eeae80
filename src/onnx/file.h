/* An ONNX file: its tensor table, and the way to read payloads, which stay in the file. */
#ifndef WELD_ONNX_FILE_H
#define WELD_ONNX_FILE_H
#include "io/source.h"
#include "core/arena.h"
#include "onnx/scan.h"

/* What a table entry that holds the values of a sparse tensor stands for. */
typedef struct weld_sparse {
    int indices;      /* table entry */
    weld_shape shape; /* dense */
} weld_sparse;

typedef struct weld_tensor_meta {
    const char *name;
    weld_dtype dtype;
    weld_shape shape;            /* as stored */
    const weld_sparse *sparse;   /* NULL = dense */
    bool initializer;            /* of the main graph: its data may lie outside */
    const weld_source *external; /* where the data lie, NULL = in the file itself */
    uint64_t offset;             /* in the external file */
} weld_tensor_meta;

typedef struct weld_opset {
    const char *domain;
    int64_t version;
} weld_opset;

typedef struct weld_onnx_file {
    weld_context *ctx;
    int references;
    weld_arena arena;
    char *name;
    weld_source *source; /* [size] bytes */
    uint64_t size;
    char sha256[65];
    weld_scan *scan;
    weld_tensor_meta *tensors; /* [scan->tensor_count] */
    int64_t ir_version;
    const char *producer_name, *producer_version;
    weld_opset *opsets;
    int opset_count;
    bool has_if;               /* somewhere */
    const char **output_names; /* of the graph, in order */
    weld_source **external;    /* [external_count] files with data of tensors, each once */
    int external_count;
} weld_onnx_file;

/* Keeps a reference of the source. */
weld_status weld_onnx_open(weld_onnx_file **out, weld_context *ctx, weld_source *source,
                           weld_error *err);
weld_onnx_file *weld_onnx_retain(weld_onnx_file *file);
void weld_onnx_free(weld_onnx_file *file);
/* The shape that a tensor has for who uses it. */
static inline const weld_shape *weld_onnx_shape(const weld_onnx_file *file, int tensor)
{
    const weld_tensor_meta *meta = &file->tensors[tensor];
    return meta->sparse ? &meta->sparse->shape : &meta->shape;
}
/* Decodes a tensor of the table; *out is allocated with weld_alloc. */
weld_status weld_onnx_read_tensor(weld_tensor *out, const weld_onnx_file *file, int tensor,
                                  weld_error *err);
/* The same, of a sparse tensor only the values that are stored. */
weld_status weld_onnx_read_stored(weld_tensor *out, const weld_onnx_file *file, int tensor,
                                  weld_error *err);
/* Are its elements there, as many as its shape says? */
weld_status weld_onnx_check_tensor(const weld_onnx_file *file, int tensor, weld_error *err);
/* Do the tensor's elements lie side by side, each of the size of its type? Then they can be read in
 * parts, and written in place. */
bool weld_onnx_is_plain(const weld_onnx_file *file, int tensor);
/* Of a plain tensor: the stored bytes of elements [first, first + count). */
weld_status weld_onnx_read_bytes(void *out, const weld_onnx_file *file, int tensor, size_t first,
                                 size_t count, weld_error *err);
/* Of a plain tensor: the same elements, decoded into their compute type. */
weld_status weld_onnx_read_part(void *out, const weld_onnx_file *file, int tensor, size_t first,
                                size_t count, weld_error *err);
#endif
