/* Nodes that are imported without a meaning. */
#ifndef WELD_ONNX_OPAQUE_H
#define WELD_ONNX_OPAQUE_H
#include "onnx/functions.h"
#include "ops/opaque.h"

/* If that stays open, Loop, Scan: their subgraphs read values from around them. */
bool weld_has_subgraph(const weld_flat_node *node);
/* Names that the subgraphs of a node read and do not define themselves, and that `known` has, are
 * appended to *names (a growing array of its own; the texts belong to the model). */
weld_status weld_captured_names(const char ***names, size_t *count, const weld_flat_node *node,
                                const weld_strmap *known, weld_context *ctx, weld_error *err);
/* What the graph declares of the value; rank -1 where it says nothing. `symbols`: names of open sizes. */
weld_opaque_output weld_declared_output(const Weld__Onnx__Graph *graph, const char *name,
                                        const weld_strmap *symbols);
#endif
