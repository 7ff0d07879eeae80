/* What the inputs of a graph get from a data set, one batch at a time. */
#ifndef WELD_DATA_FEED_H
#define WELD_DATA_FEED_H
#include "data/dataset.h"
#include "ops/infer.h"

typedef struct weld_feed {
    weld_context *ctx;
    const weld_dataset *data;
    int count;                  /* of the graph's inputs */
    weld_tensor *tensors;       /* [count] of the batch that the shapes are for */
    const weld_tensor **inputs; /* [count] the same as pointers, for weld_run_all */
    int *arrays;                /* [count] of the data set */
} weld_feed;

/* Every input has its array, which fits it, and the samples on its first axis. */
weld_status weld_feed_check(const weld_dataset *data, const weld_shapes *shapes, weld_error *err);
/* To be freed on failure, too. Borrows both. */
weld_status weld_feed_create(weld_feed *out, const weld_dataset *data, const weld_shapes *shapes,
                             weld_error *err);
/* Samples [first, first + n) into the first n places; what stands behind them stays. */
weld_status weld_feed_load(weld_feed *feed, int64_t first, int64_t n, weld_error *err);
/* A feed of zeros is freed already. */
void weld_feed_free(weld_feed *feed);

/* arrays[k] = the array for the graph's input k, [input_count]; see weld_dataset_bind. */
weld_status weld_feed_bind(int *arrays, const weld_dataset *data, const weld_graph *graph,
                           weld_error *err);
#endif
