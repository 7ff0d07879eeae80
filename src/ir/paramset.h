/* Values of all parameters of a graph: what matching permutes, merging averages. */
#ifndef WELD_IR_PARAMSET_H
#define WELD_IR_PARAMSET_H
#include "ir/graph.h"

typedef struct weld_paramset {
    weld_context *ctx;
    const weld_graph *graph; /* borrowed */
    float **arrays;          /* [param_count][numel], canonical layout; double is narrowed */
} weld_paramset;

weld_status weld_paramset_create(weld_paramset **out, weld_context *ctx, const weld_graph *graph,
                                 weld_error *err);
weld_status weld_paramset_copy(weld_paramset **out, const weld_paramset *set, weld_error *err);
/* out = alpha a + (1 - alpha) b in double, rounded to float; alpha 0 and 1 and bit-equal tensors
 * are copied. All three over one graph. */
void weld_paramset_lerp(weld_paramset *out, const weld_paramset *a, const weld_paramset *b,
                        double alpha);
void weld_paramset_free(weld_paramset *set);
#endif
