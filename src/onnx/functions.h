/* Local functions: calls are replaced by the bodies, so that what is imported is one flat graph. */
#ifndef WELD_ONNX_FUNCTIONS_H
#define WELD_ONNX_FUNCTIONS_H
#include "onnx/file.h"
#include "onnx/skeleton.h"

/* A node of the flat graph; of a body: a copy with the names of the call and resolved attributes. */
typedef struct weld_flat_node {
    const Weld__Onnx__Node *proto;
    const char *domain; /* "" = ai.onnx */
    int64_t opset;      /* of that domain where the node stands; 0 = not imported there */
} weld_flat_node;

typedef struct weld_flat_graph {
    weld_arena arena; /* owns the copies */
    weld_flat_node *nodes;
    size_t count, cap;
} weld_flat_graph;

/* WELD_E_LIMIT for more than limits.nodes_max nodes, WELD_E_FORMAT for functions that call themselves.
 * Borrows from the model. */
weld_status weld_flat_graph_make(weld_flat_graph *out, const weld_onnx_file *file,
                                 const Weld__Onnx__Model *model, weld_error *err);
void weld_flat_graph_free(weld_context *ctx, weld_flat_graph *flat);
#endif
