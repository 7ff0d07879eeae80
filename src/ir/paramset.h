/* Values of all parameters of a graph: what matching permutes, merging averages. A set holds its arrays,
 * or it has an origin that gives the values whenever they are asked for: a file, another set permuted,
 * the average of two. What is read in parts and once, as a merge is, never is in memory as a whole. */
#ifndef WELD_IR_PARAMSET_H
#define WELD_IR_PARAMSET_H
#include "ir/graph.h"

/* The order of a parameter's elements. */
typedef enum weld_order {
    WELD_CANONICAL, /* of the graph */
    WELD_STORED     /* of the tensor that is its home: see weld_home */
} weld_order;

typedef struct weld_origin {
    /* out[0 .. count) = elements [first, first + count) of parameter p, in its compute type. By one
     * thread at a time. */
    weld_status (*read)(void *out, void *user, int p, weld_order order, size_t first, size_t count,
                        weld_error *err);
    /* Can that order be read in parts? Canonical elements can be read as a whole whatever this says. */
    bool (*in_parts)(const void *user, int p, weld_order order);
    void (*free)(void *user);
    void *user;
} weld_origin;

typedef struct weld_paramset {
    weld_context *ctx;
    int references;
    const weld_graph *graph; /* borrowed */
    /* [param_count][numel], canonical, in the compute type of the dtype; NULL = not held */
    void **arrays;
    weld_origin origin; /* read NULL = none: all arrays are held */
} weld_paramset;

static inline size_t weld_param_numel(const weld_graph *graph, int p)
{
    return (size_t)weld_shape_numel(&graph->params[p].shape);
}
static inline size_t weld_param_bytes(const weld_graph *graph, int p)
{
    return weld_param_numel(graph, p) * weld_compute_size(graph->params[p].dtype);
}
/* Bytes of all arrays. */
size_t weld_params_bytes(const weld_graph *graph);
/* A held parameter as a tensor that borrows the array. */
static inline weld_tensor weld_paramset_tensor(const weld_paramset *set, int p)
{
    return (weld_tensor){.dtype = set->graph->params[p].dtype,
                         .shape = set->graph->params[p].shape,
                         .data = set->arrays[p]};
}
/* Element k of a held parameter p. */
static inline double weld_paramset_number(const weld_paramset *set, int p, int64_t k)
{
    const weld_tensor t = weld_paramset_tensor(set, p);
    return weld_tensor_number(&t, k);
}

/* Held arrays of zeros. */
weld_status weld_paramset_create(weld_paramset **out, weld_context *ctx, const weld_graph *graph,
                                 weld_error *err);
/* Nothing is held. Takes over the origin's user, also on failure. */
weld_status weld_paramset_from(weld_paramset **out, weld_context *ctx, const weld_graph *graph,
                               const weld_origin *origin, weld_error *err);
/* A set of its own with all arrays held. */
weld_status weld_paramset_copy(weld_paramset **out, const weld_paramset *set, weld_error *err);
/* All arrays are held from now on. A const set changes nothing that can be seen but where its values
 * are; not while other threads use it. */
weld_status weld_paramset_hold(const weld_paramset *set, weld_error *err);
weld_status weld_paramset_hold_one(const weld_paramset *set, int p, weld_error *err);
/* It is not held any more, and read again when it is asked for; nothing for a set without an origin. */
void weld_paramset_drop_one(const weld_paramset *set, int p);
bool weld_paramset_is_held(const weld_paramset *set);
/* As weld_origin's two. */
weld_status weld_paramset_read(void *out, const weld_paramset *set, int p, weld_order order,
                               size_t first, size_t count, weld_error *err);
bool weld_paramset_in_parts(const weld_paramset *set, int p, weld_order order);
/* out[k] = alpha a[k] + (1 - alpha) b[k] in double, rounded to the compute type of dtype; at alpha 0 and
 * 1 and where both are equal they are copied. */
void weld_lerp(void *out, const void *a, const void *b, weld_dtype dtype, size_t count,
               double alpha);
/* The same for all parameters of held sets over one graph. */
void weld_paramset_lerp(weld_paramset *out, const weld_paramset *a, const weld_paramset *b,
                        double alpha);
/* One more owner; each of them calls weld_paramset_free. */
weld_paramset *weld_paramset_retain(weld_paramset *set);
void weld_paramset_free(weld_paramset *set);
#endif
