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
