/* Initializers that a file does not have yet: copies of shared tensors. */
#ifndef WELD_ONNX_NEW_TENSORS_H
#define WELD_ONNX_NEW_TENSORS_H
#include "onnx/copies.h"
#include "onnx/edits.h"
#include "onnx/splice.h"

typedef struct weld_new_tensors {
    const weld_onnx_file *file;
    const weld_copies *copies; /* NULL = none */
    const weld_relocation *relocation;
    weld_buffer fields; /* of the graph */
    bool *made;         /* [copies->count] */
} weld_new_tensors;

weld_status weld_new_tensors_init(weld_new_tensors *out, const weld_onnx_file *file,
                                  const weld_copies *copies, const weld_relocation *relocation,
                                  weld_error *err);
/* Copy number `copy` (from 1) becomes an initializer; `values` in the compute type, in the shape that
 * the tensor has for its readers. */
weld_status weld_new_tensors_add(weld_new_tensors *all, int copy, const void *values,
                                 weld_error *err);
/* The edits that put them into the graph, and give them to their readers. */
weld_status weld_new_tensors_insert(weld_edits *edits, weld_new_tensors *all, weld_error *err);
void weld_new_tensors_free(weld_new_tensors *all);

/* Puts bytes of a tensor into the fresh file of external data, at a whole page; what the tensor says
 * of the place goes to `fields`. */
void weld_put_outside(weld_buffer *fields, const weld_relocation *to, const void *bytes,
                      size_t size);
#endif
