/* The rows that a linear layer multiplies its weight with: for a convolution the patches. */
#ifndef WELD_OPS_PATCHES_H
#define WELD_OPS_PATCHES_H
#include "ops/window.h"

/* Row r is position r % positions of sample r / positions. Column channel * taps + tap: of all
 * channels that the input has, so group g of a convolution reads columns [g, g + 1) * (columns of the
 * weight as a matrix of one row per output unit). A Dense layer has one tap. */
typedef struct weld_patches {
    bool windows;
    weld_windows w;
    int64_t channels, taps, plane; /* plane: entries of a channel of the input */
    int64_t positions, all;        /* of a sample: that are read, evenly spaced; that there are */
    int64_t outputs;               /* units of the layer */
} weld_patches;

/* Of a node with WELD_OP_LINEAR whose weight is a parameter, for inputs of the shape x [N, ...]. */
weld_status weld_patches_init(weld_patches *out, const weld_graph *g, const weld_node *node,
                              const weld_shape *x, int64_t positions_max, weld_error *err);
/* out [count]: the columns column[k] of a row, NULL = all of them. `offset`: room for [taps]. */
void weld_patches_row(double *out, const weld_patches *p, const weld_tensor *x, int64_t row,
                      const int32_t *column, int32_t count, int64_t *offset);
/* out [outputs]: what the layer made of the row. */
void weld_patches_output(double *out, const weld_patches *p, const weld_tensor *z, int64_t row);
#endif
