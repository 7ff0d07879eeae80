/* Which layers take part in the objective of commutativity, with the units that stand on their weights. */
#ifndef WELD_MATCH_LAYERS_H
#define WELD_MATCH_LAYERS_H
#include "ops/weight_matrix.h"
#include "symmetry/group.h"

/* Units of a free class among the rows of a weight matrix, or among the channels of its columns. */
typedef struct weld_stand {
    int unit_class;
    int32_t multiplicity;
    const int32_t *positions; /* [size, multiplicity], borrowed from the symmetry */
} weld_stand;

typedef struct weld_stands {
    weld_stand *at;
    int count;
    size_t cap;
} weld_stands;

/* A layer whose weight multiplies what other weights have made. */
typedef struct weld_linear_layer {
    int node, param; /* param: its weight */
    weld_weight_matrix matrix;
    bool depthwise; /* row c reads channel c alone, and the unit of both is one */
    weld_stands rows, channels;
} weld_linear_layer;

/* One that does not take part though units stand on its weight. */
typedef struct weld_left_out {
    int node;
    const char *why;
} weld_left_out;

typedef struct weld_layers {
    weld_context *ctx;
    weld_linear_layer *layers; /* in graph order */
    int count;
    weld_left_out *left_out;
    int left_out_count;
    size_t cap, left_out_cap;
} weld_layers;

/* `shapes`: of any batch. What reads nothing that weights have made is neither: there H_A = H_B. */
weld_status weld_layers_create(weld_layers **out, const weld_symmetry *symmetry,
                               const weld_shapes *shapes, weld_error *err);
void weld_layers_free(weld_layers *layers);
weld_status weld_layers_leave_out(weld_layers *layers, int node, const char *why, weld_error *err);
/* Do units of the class stand there? */
bool weld_stands_have(const weld_stands *stands, int unit_class);
/* index[k] = B's row, or channel, that comes to k; [count]. */
void weld_stands_index(int32_t *index, int64_t count, const weld_stands *stands,
                       const weld_element *e);
#endif
