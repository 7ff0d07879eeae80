/* MNIST's idx: type and rank, big-endian sizes, big-endian elements. */
#ifndef WELD_DATA_IDX_H
#define WELD_DATA_IDX_H
#include "io/npy.h"

/* The view of a file of any type and rank; `name` is for messages. */
weld_status weld_idx_parse(weld_npy *out, const weld_context *ctx, const void *bytes, size_t size,
                           const char *name, weld_error *err);
/* Appends a tensor in its own type, other integers as uint8 or int32 if they fit; else
 * WELD_E_UNSUPPORTED. */
weld_status weld_idx_write(weld_buffer *out, const weld_tensor *tensor, weld_error *err);
#endif
