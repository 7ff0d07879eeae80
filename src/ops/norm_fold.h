/* A BatchNormalization counts folded into the layer before it. */
#ifndef WELD_OPS_NORM_FOLD_H
#define WELD_OPS_NORM_FOLD_H
#include "ir/paramset.h"

/* Params; bias may be -1. The folded tensors have the shapes of weight and shift. */
typedef struct weld_norm_fold {
    int norm_node; /* -1 = the node is not folded */
    int weight, bias, scale, shift, mean, variance;
} weld_norm_fold;

/* The fold of linear node n: its output goes to one BatchNormalization and nowhere else. */
weld_norm_fold weld_find_norm_fold(const weld_graph *g, int n);
/* W scale / sqrt(variance + epsilon), as large as the weight. */
void weld_norm_fold_weight(float *out, const weld_norm_fold *fold, const weld_paramset *set);
/* shift + (bias - mean) scale / sqrt(variance + epsilon), as large as the shift. */
void weld_norm_fold_shift(float *out, const weld_norm_fold *fold, const weld_paramset *set);
#endif
