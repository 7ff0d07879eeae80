/* Shapes, types and known values of every value of a graph, for given input shapes. */
#ifndef WELD_OPS_INFER_H
#define WELD_OPS_INFER_H
#include "ops/op.h"

typedef struct weld_type {
    weld_dtype dtype;
    weld_shape shape;
    const weld_tensor *data; /* the value itself where it is known, else NULL */
    bool varies;             /* depends on the contents of a graph input */
} weld_type;

typedef struct weld_shapes {
    weld_context *ctx;
    weld_arena arena;
    const weld_graph *graph;         /* borrowed */
    weld_type *types;                /* [value_count] */
    int64_t literal_batch, batch;    /* rewrite of literal batch sizes; equal when none */
    const weld_tensor *const *given; /* the inputs where they are given, else NULL */
    bool contents_known;             /* the given inputs count as constants */
} weld_shapes;

/* Shapes with the batch of the inputs (axis 0 of the first) set to `batch` and the other symbols to
 * the sizes that the graph holds for them. `literal_batch` (> 0) is read as `batch` in Reshape
 * targets. */
weld_status weld_shapes_infer(weld_shapes **out, weld_context *ctx, const weld_graph *graph,
                              int64_t batch, int64_t literal_batch, weld_error *err);
/* Shapes for these very inputs [graph->input_count], which are borrowed. Where a shape depends on
 * the contents of an input (a Reshape target that is fed, NonZero), those are taken as known. */
weld_status weld_shapes_infer_given(weld_shapes **out, weld_context *ctx, const weld_graph *graph,
                                    const weld_tensor *const *inputs, weld_error *err);
void weld_shapes_free(weld_shapes *shapes);
/* Entries of a value's first axis that count in a batch of so many samples: all where the axis is not
 * that of the samples (rows of all positions, sequences that stand first, what no input reaches). */
int64_t weld_batch_entries(const weld_shapes *shapes, int value, int64_t samples);
#endif
