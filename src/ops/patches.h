/* The rows that a linear layer multiplies its weight with: for a convolution the patches. */
#ifndef WELD_OPS_PATCHES_H
#define WELD_OPS_PATCHES_H
#include "ops/weight_matrix.h"
#include "ops/window.h"

/* Row r is position r % positions of sample r / positions. */
typedef struct weld_patches {
    weld_weight_matrix matrix;
    bool windows;
    weld_windows w;
    int64_t plane;          /* entries of a channel of the input */
    int64_t positions, all; /* of a sample: that are read, evenly spaced; that there are */
} weld_patches;

/* Of a node whose weight is a parameter, for inputs of the shape x [N, ...]. */
weld_status weld_patches_init(weld_patches *out, const weld_graph *g, const weld_node *node,
                              const weld_shape *x, int64_t positions_max, weld_error *err);
/* out [count]: the columns column[k] of a row, NULL = all of them. `offset`: room for [taps]. */
void weld_patches_row(double *out, const weld_patches *p, const weld_tensor *x, int64_t row,
                      const int32_t *column, int32_t count, int64_t *offset);
/* out [outputs]: what the layer, a Dense or Conv, made of the row. */
void weld_patches_output(double *out, const weld_patches *p, const weld_tensor *z, int64_t row);
#endif
