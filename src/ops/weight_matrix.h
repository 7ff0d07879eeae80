/* The weight of a linear layer as the matrix [outputs, columns] that it multiplies its rows with. */
#ifndef WELD_OPS_WEIGHT_MATRIX_H
#define WELD_OPS_WEIGHT_MATRIX_H
#include "ops/op.h"

/* The weight at input 1 of a node whose operator has a product form. Column channel * taps + tap: of all
 * channels that the input has, so group g of a convolution reads columns [g, g + 1) * columns / groups and
 * is 0 elsewhere. A Dense layer has one tap; the outputs of a recurrent one are those of all directions. */
typedef struct weld_weight_matrix {
    weld_product_form form;
    int64_t outputs, channels, taps, groups;
} weld_weight_matrix;
weld_weight_matrix weld_weight_matrix_of(const weld_graph *g, const weld_node *node);
/* Where entry (output, column) is stored among the weight's values, -1 = nowhere: it is 0. */
int64_t weld_weight_matrix_at(const weld_weight_matrix *m, int64_t output, int64_t column);

#endif
