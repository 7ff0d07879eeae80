#include "ir/graph.h"

void weld_graph_free(weld_context *ctx, weld_graph *graph)
{
    if (!graph)
        return;
    weld_arena_free(&graph->arena);
    weld_free(ctx, graph);
}

bool weld_graph_is_output(const weld_graph *graph, int value)
{
    for (int k = 0; k < graph->output_count; k++)
        if (graph->outputs[k] == value)
            return true;
    return false;
}

bool weld_graph_join_batch(const weld_graph *graph, int k, bool joined)
{
    const weld_value *first = &graph->values[graph->inputs[0]];
    const weld_value *input = &graph->values[graph->inputs[k]];
    if (first->rank < 1 || input->rank < 1 || first->dims[0] >= 0 || input->dims[0] >= 0 ||
        first->symbol[0] == input->symbol[0])
        return false;
    graph->symbols[input->symbol[0]].batch = joined;
    return true;
}
