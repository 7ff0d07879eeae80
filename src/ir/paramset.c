#include "ir/paramset.h"
#include <string.h>

static size_t param_numel(const weld_graph *graph, int p)
{
    return (size_t)weld_shape_numel(&graph->params[p].shape);
}

weld_status weld_paramset_create(weld_paramset **out, weld_context *ctx, const weld_graph *graph,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    weld_paramset *set = NULL;
    *out = NULL;
    WELD_NEW(set, ctx, 1);
    set->ctx = ctx;
    set->graph = graph;
    WELD_NEW(set->arrays, ctx, graph->param_count);
    for (int p = 0; p < graph->param_count; p++)
        WELD_NEW(set->arrays[p], ctx, param_numel(graph, p));
    *out = set;
    set = NULL;
done:
    weld_paramset_free(set);
    return st;
}

weld_status weld_paramset_copy(weld_paramset **out, const weld_paramset *set, weld_error *err)
{
    weld_status st = weld_paramset_create(out, set->ctx, set->graph, err);
    if (st != WELD_OK)
        return st;
    for (int p = 0; p < set->graph->param_count; p++)
        memcpy((*out)->arrays[p], set->arrays[p], param_numel(set->graph, p) * sizeof(float));
    return WELD_OK;
}

void weld_paramset_lerp(weld_paramset *out, const weld_paramset *a, const weld_paramset *b,
                        double alpha)
{
    for (int p = 0; p < a->graph->param_count; p++) {
        size_t n = param_numel(a->graph, p);
        const float *x = a->arrays[p], *y = b->arrays[p];
        float *z = out->arrays[p];
        bool equal = memcmp(x, y, n * sizeof *x) == 0;
        if (equal || alpha == 1.0 || alpha == 0.0) {
            memcpy(z, equal || alpha == 1.0 ? x : y, n * sizeof *x);
            continue;
        }
        for (size_t k = 0; k < n; k++)
            z[k] = (float)(alpha * (double)x[k] + (1.0 - alpha) * (double)y[k]);
    }
}

void weld_paramset_free(weld_paramset *set)
{
    if (!set)
        return;
    for (int p = 0; set->arrays && p < set->graph->param_count; p++)
        weld_free(set->ctx, set->arrays[p]);
    weld_free(set->ctx, set->arrays);
    weld_free(set->ctx, set);
}
