/* Values of all parameters of a graph: what matching permutes, merging averages. */
#ifndef WELD_IR_PARAMSET_H
#define WELD_IR_PARAMSET_H
#include "ir/graph.h"

typedef struct weld_paramset {
    weld_context *ctx;
    const weld_graph *graph; /* borrowed */
    void **arrays; /* [param_count][numel], canonical layout, in the compute type of the dtype */
} weld_paramset;

static inline size_t weld_param_numel(const weld_graph *graph, int p)
{
    return (size_t)weld_shape_numel(&graph->params[p].shape);
}
static inline size_t weld_param_bytes(const weld_graph *graph, int p)
{
    return weld_param_numel(graph, p) * weld_compute_size(graph->params[p].dtype);
}
/* A parameter as a tensor that borrows the array. */
static inline weld_tensor weld_paramset_tensor(const weld_paramset *set, int p)
{
    return (weld_tensor){.dtype = set->graph->params[p].dtype,
                         .shape = set->graph->params[p].shape,
                         .data = set->arrays[p]};
}
/* Element k of parameter p. */
static inline double weld_paramset_number(const weld_paramset *set, int p, int64_t k)
{
    const weld_tensor t = weld_paramset_tensor(set, p);
    return weld_tensor_number(&t, k);
}

weld_status weld_paramset_create(weld_paramset **out, weld_context *ctx, const weld_graph *graph,
                                 weld_error *err);
weld_status weld_paramset_copy(weld_paramset **out, const weld_paramset *set, weld_error *err);
/* out = alpha a + (1 - alpha) b in double, rounded to the compute type; alpha 0 and 1 and bit-equal
 * tensors are copied. All three over one graph. */
void weld_paramset_lerp(weld_paramset *out, const weld_paramset *a, const weld_paramset *b,
                        double alpha);
void weld_paramset_free(weld_paramset *set);
#endif
