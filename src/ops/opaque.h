/* A node that we can't run, in a graph that is only to be aligned: its outputs have the types that the
 * file declares, and nothing that it touches moves. */
#ifndef WELD_OPS_OPAQUE_H
#define WELD_OPS_OPAQUE_H
#include "ops/op.h"

typedef struct weld_opaque_output {
    weld_dtype dtype;
    int rank;                    /* -1 = not declared */
    int64_t dims[WELD_RANK_MAX]; /* -1 = open */
    int symbol[WELD_RANK_MAX];   /* of an open axis; -1 = it has no name */
} weld_opaque_output;

/* The attributes of an Opaque node. */
typedef struct weld_opaque {
    const char *what;                  /* "domain.Type (opset 1)" */
    const weld_opaque_output *outputs; /* one per output of the node */
} weld_opaque;

/* The first such node of a graph; NULL = all of it can be run. */
const weld_node *weld_find_opaque(const weld_graph *graph);
#endif
