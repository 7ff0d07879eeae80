#include "ir/paramset.h"
#include <string.h>

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
        WELD_REQUIRE((set->arrays[p] = weld_alloc(ctx, weld_param_bytes(graph, p), 1)),
                     WELD_E_NOMEM, "no memory for '%s' (%zu bytes)", graph->params[p].name,
                     weld_param_bytes(graph, p));
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
        memcpy((*out)->arrays[p], set->arrays[p], weld_param_bytes(set->graph, p));
    return WELD_OK;
}

static void lerp(weld_tensor *z, const weld_tensor *x, const weld_tensor *y, double alpha)
{
    const size_t n = (size_t)weld_shape_numel(&x->shape);
    if (x->dtype == WELD_DOUBLE) {
        for (size_t k = 0; k < n; k++)
            z->d[k] = alpha * x->d[k] + (1.0 - alpha) * y->d[k];
        return;
    }
    for (size_t k = 0; k < n; k++)
        z->f[k] = (float)(alpha * (double)x->f[k] + (1.0 - alpha) * (double)y->f[k]);
}

void weld_paramset_lerp(weld_paramset *out, const weld_paramset *a, const weld_paramset *b,
                        double alpha)
{
    for (int p = 0; p < a->graph->param_count; p++) {
        const size_t bytes = weld_param_bytes(a->graph, p);
        const bool equal = memcmp(a->arrays[p], b->arrays[p], bytes) == 0;
        weld_tensor x = weld_paramset_tensor(a, p), y = weld_paramset_tensor(b, p);
        weld_tensor z = weld_paramset_tensor(out, p);
        if (equal || alpha == 1.0 || alpha == 0.0)
            memcpy(z.data, equal || alpha == 1.0 ? x.data : y.data, bytes);
        else
            lerp(&z, &x, &y, alpha);
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
