#include "symmetry/samples.h"
#include "ops/ties.h"

static bool output_follows(const weld_ties *ties, const weld_graph *g, const weld_shapes *shapes,
                           int output)
{
    const weld_shape *in = &shapes->types[g->inputs[0]].shape;
    const weld_shape *out = &shapes->types[output].shape;
    if (out->rank < 1 || in->rank < 1 || out->dims[0] != in->dims[0])
        return false;
    for (int64_t i = 0; i < in->dims[0]; i++) {
        int32_t root = weld_ties_root(ties, g->inputs[0], 0, i);
        weld_unit_info info = weld_ties_info(ties, root);
        if (root != weld_ties_root(ties, output, 0, i) || info.mixed || info.pinned)
            return false;
    }
    return true;
}

weld_status weld_samples_independent(bool *out, weld_context *ctx, const weld_graph *graph,
                                     const weld_shapes *shapes, weld_error *err)
{
    weld_ties *ties = NULL;
    *out = false;
    if (graph->input_count == 0)
        return WELD_OK;
    weld_status st = weld_ties_build(&ties, ctx, graph, shapes, WELD_TIES_SAMPLES, err);
    if (st != WELD_OK)
        return st;
    *out = true;
    for (int k = 0; k < graph->output_count; k++)
        *out = *out && output_follows(ties, graph, shapes, graph->outputs[k]);
    weld_ties_free(ties);
    return WELD_OK;
}
