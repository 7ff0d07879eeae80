/* Operators whose operands point into others: where indices lead, and what may move there. */
#ifndef WELD_OPS_INDEXED_H
#define WELD_OPS_INDEXED_H
#include "ops/operand.h"

/* Indices per element may be shorter than the data on the other axes, not longer. */
weld_status weld_check_element_indices(const weld_shape *data, const weld_shape *indices, int axis,
                                       weld_error *err);
/* target[n] = offset in data, a tensor of shape `data`, of the element that entry n of the indices
 * points to: its coordinates are those of the entry, but on `axis` the entry itself, negative ones
 * counted from the end. WELD_E_FORMAT for an index out of range. */
weld_status weld_point_at_elements(int64_t *target, const weld_shape *data,
                                   const weld_tensor *indices, int axis, weld_error *err);
/* target[n] = offset in data [batches.., extents.., rest..] where the slice [rest..] starts that
 * tuple n of the indices [batches.., tuples.., length] points to; `batch_dims` axes are batches. */
weld_status weld_point_at_slices(int64_t *target, const weld_shape *data,
                                 const weld_tensor *indices, int batch_dims, weld_error *err);
/* Room for the targets of input 1, in bytes: one per entry, one per tuple. */
size_t weld_element_targets(const weld_kernel_args *args, const weld_node *node);
size_t weld_slice_targets(const weld_kernel_args *args, const weld_node *node);
#endif
