/* Initializers that a file does not have yet: copies of shared tensors. */
#ifndef WELD_ONNX_NEW_TENSORS_H
#define WELD_ONNX_NEW_TENSORS_H
#include "io/cursor.h"
#include "onnx/copies.h"
#include "onnx/edits.h"
#include "onnx/payloads.h"
#include "onnx/splice.h"

typedef struct weld_new_tensors {
    const weld_onnx_file *file;
    weld_payloads *payloads;   /* for those that go outside */
    const weld_copies *copies; /* NULL = none */
    const weld_relocation *relocation;
    weld_buffer fields; /* of the graph */
    bool *made;         /* [copies->count] */
    weld_arena arena;   /* bytes that go outside */
} weld_new_tensors;

weld_status weld_new_tensors_init(weld_new_tensors *out, weld_payloads *payloads,
                                  const weld_copies *copies, const weld_relocation *relocation,
                                  weld_error *err);
/* Copy number `copy` (from 1) becomes an initializer; `values` in the compute type, in the shape that
 * the tensor has for its readers. */
weld_status weld_new_tensors_add(weld_new_tensors *all, int copy, const void *values,
                                 weld_error *err);
/* The edits that put them into the graph, and give them to their readers. */
weld_status weld_new_tensors_insert(weld_edits *edits, const weld_new_tensors *all, weld_cursor *in,
                                    weld_error *err);
void weld_new_tensors_free(weld_new_tensors *all);

/* The payload goes outside; what its tensor says of the place goes to `fields`. */
void weld_put_outside(weld_buffer *fields, const weld_relocation *to, weld_payloads *payloads,
                      int payload);
#endif
