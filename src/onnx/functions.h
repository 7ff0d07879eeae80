/* Local functions and branches of If: calls and decided Ifs are replaced by what they stand for, so
 * that what is imported is one flat graph. */
#ifndef WELD_ONNX_FUNCTIONS_H
#define WELD_ONNX_FUNCTIONS_H
#include "core/strmap.h"
#include "onnx/copies.h"
#include "onnx/skeleton.h"

/* A node of the flat graph; of a body or branch: a copy with the names of the call and resolved
 * attributes. */
typedef struct weld_flat_node {
    const Weld__Onnx__Node *proto;
    const char *domain; /* "" = ai.onnx */
    int64_t opset;      /* of that domain where the node stands; 0 = not imported there */
    bool inside;        /* of a body or branch: names in its subgraphs are not resolved */
} weld_flat_node;

/* An initializer of a branch. */
typedef struct weld_flat_tensor {
    const Weld__Onnx__Tensor *proto; /* of a sparse one: its values */
    const char *name;
} weld_flat_tensor;

typedef struct weld_flat_graph {
    weld_arena arena; /* owns the copies */
    weld_flat_node *nodes;
    weld_flat_tensor *tensors;
    size_t count, cap, tensor_count, tensor_cap;
} weld_flat_graph;

/* `branches`: name of an If's first output -> 1 then, 0 else; other Ifs stay nodes. Inputs that read
 * `copies` (NULL = none) carry their names. WELD_E_LIMIT for more than limits.nodes_max nodes, WELD_E_FORMAT for functions that call themselves. Borrows from the
 * model. */
weld_status weld_flat_graph_make(weld_flat_graph *out, const weld_onnx_file *file,
                                 const Weld__Onnx__Model *model, const weld_strmap *branches,
                                 const weld_copies *copies, weld_error *err);
void weld_flat_graph_free(weld_context *ctx, weld_flat_graph *flat);
/* An If that `branches` did not decide. */
bool weld_flat_is_if(const weld_flat_node *node);
#endif
