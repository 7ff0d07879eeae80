/* A tensor that one file stores once for readers that have nothing to do with each other (exporters
 * join equal tensors): each reader gets a copy of its own, which the file then holds under a name of
 * its own. Readers are inputs of nodes of the main graph, calls of functions among them. */
#ifndef WELD_ONNX_COPIES_H
#define WELD_ONNX_COPIES_H
#include "onnx/file.h"

typedef struct weld_copy {
    int tensor;       /* table entry that it is a copy of */
    const char *name; /* occurs nowhere in the file */
} weld_copy;

/* Input `input` of node `node`, as the file numbers them. */
typedef struct weld_reader {
    int node, input;
    int copy; /* which one it reads: 1 + index in `copies`, 0 = the tensor itself */
} weld_reader;

typedef struct weld_copies {
    weld_context *ctx;
    weld_arena arena; /* names */
    weld_copy *copies;
    weld_reader *readers; /* by node, then input */
    size_t count, cap, reader_count, reader_cap;
} weld_copies;

/* The same copies once more; `from` may be NULL: none yet. */
weld_status weld_copies_create(weld_copies **out, weld_context *ctx, const weld_copies *from,
                               weld_error *err);
void weld_copies_free(weld_copies *copies);
/* All readers of the tensor but the first get copies. *added: there were such readers, and they had
 * none yet. */
weld_status weld_copies_add(bool *added, weld_copies *copies, const weld_onnx_file *file,
                            int tensor, weld_error *err);
/* Who reads copy `copy` reads `with` instead. */
void weld_copies_join(weld_copies *copies, int copy, int with);
/* The name that the reader finds its tensor under; NULL = as the file says. `copies` may be NULL. */
const char *weld_copies_name(const weld_copies *copies, int node, int input);
#endif
