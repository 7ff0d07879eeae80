#include "ir/paramset.h"
#include <string.h>

size_t weld_params_bytes(const weld_graph *graph)
{
    size_t bytes = 0;
    for (int p = 0; p < graph->param_count; p++)
        bytes += weld_param_bytes(graph, p);
    return bytes;
}

weld_status weld_paramset_from(weld_paramset **out, weld_context *ctx, const weld_graph *graph,
                               const weld_origin *origin, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_paramset *set = NULL;
    *out = NULL;
    WELD_NEW(set, ctx, 1);
    *set = (weld_paramset){.ctx = ctx, .references = 1, .graph = graph, .origin = *origin};
    WELD_NEW(set->arrays, ctx, graph->param_count);
    *out = set;
    return WELD_OK;
done:
    if (set)
        weld_paramset_free(set);
    else if (origin->free)
        origin->free(origin->user);
    return st;
}

/* Room for one parameter. */
static weld_status make_array(const weld_paramset *set, int p, weld_error *err)
{
    const size_t bytes = weld_param_bytes(set->graph, p);
    set->arrays[p] = weld_alloc(set->ctx, bytes, 1);
    return set->arrays[p] ? WELD_OK
                          : weld_fail(err, WELD_E_NOMEM, "no memory for '%s' (%zu bytes)",
                                      set->graph->params[p].name, bytes);
}

weld_status weld_paramset_create(weld_paramset **out, weld_context *ctx, const weld_graph *graph,
                                 weld_error *err)
{
    const weld_origin none = {0};
    weld_status st = weld_paramset_from(out, ctx, graph, &none, err);
    for (int p = 0; st == WELD_OK && p < graph->param_count; p++)
        st = make_array(*out, p, err);
    if (st != WELD_OK) {
        weld_paramset_free(*out);
        *out = NULL;
    }
    return st;
}

weld_status weld_paramset_copy(weld_paramset **out, const weld_paramset *set, weld_error *err)
{
    const weld_graph *g = set->graph;
    weld_status st = weld_paramset_create(out, set->ctx, g, err);
    for (int p = 0; st == WELD_OK && p < g->param_count; p++)
        st = weld_paramset_read((*out)->arrays[p], set, p, WELD_CANONICAL, 0,
                                weld_param_numel(g, p), err);
    if (st != WELD_OK) {
        weld_paramset_free(*out);
        *out = NULL;
    }
    return st;
}

weld_status weld_paramset_hold_one(const weld_paramset *set, int p, weld_error *err)
{
    if (set->arrays[p])
        return WELD_OK;
    weld_status st = make_array(set, p, err);
    if (st == WELD_OK)
        st = set->origin.read(set->arrays[p], set->origin.user, p, WELD_CANONICAL, 0,
                              weld_param_numel(set->graph, p), err);
    if (st != WELD_OK) {
        weld_free(set->ctx, set->arrays[p]);
        set->arrays[p] = NULL;
    }
    return st;
}

weld_status weld_paramset_hold(const weld_paramset *set, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int p = 0; p < set->graph->param_count && st == WELD_OK; p++)
        st = weld_paramset_hold_one(set, p, err);
    return st;
}

void weld_paramset_drop_one(const weld_paramset *set, int p)
{
    if (!set->origin.read)
        return;
    weld_free(set->ctx, set->arrays[p]);
    set->arrays[p] = NULL;
}

bool weld_paramset_is_held(const weld_paramset *set)
{
    for (int p = 0; p < set->graph->param_count; p++)
        if (!set->arrays[p])
            return false;
    return true;
}

weld_status weld_paramset_read(void *out, const weld_paramset *set, int p, weld_order order,
                               size_t first, size_t count, weld_error *err)
{
    const size_t size = weld_compute_size(set->graph->params[p].dtype);
    if (order == WELD_STORED || !set->arrays[p])
        return set->origin.read(out, set->origin.user, p, order, first, count, err);
    if (count)
        memcpy(out, (const char *)set->arrays[p] + first * size, count * size);
    return WELD_OK;
}

bool weld_paramset_in_parts(const weld_paramset *set, int p, weld_order order)
{
    if (set->arrays[p])
        return order == WELD_CANONICAL;
    return set->origin.in_parts(set->origin.user, p, order);
}

/* Where the two are equal, rounding must not show. */
void weld_lerp(void *out, const void *a, const void *b, weld_dtype dtype, size_t count,
               double alpha)
{
    const size_t bytes = count * weld_compute_size(dtype);
    const double beta = 1.0 - alpha;
    if (bytes == 0)
        return;
    if (alpha == 1.0 || alpha == 0.0 || memcmp(a, b, bytes) == 0) {
        memmove(out, alpha == 0.0 ? b : a, bytes);
    } else if (dtype == WELD_DOUBLE) {
        const double *x = a, *y = b;
        double *z = out;
        for (size_t k = 0; k < count; k++)
            z[k] = x[k] == y[k] ? x[k] : alpha * x[k] + beta * y[k];
    } else {
        const float *x = a, *y = b;
        float *z = out;
        for (size_t k = 0; k < count; k++)
            z[k] = (float)(alpha * (double)x[k] + beta * (double)y[k]);
    }
}

void weld_paramset_lerp(weld_paramset *out, const weld_paramset *a, const weld_paramset *b,
                        double alpha)
{
    for (int p = 0; p < a->graph->param_count; p++)
        weld_lerp(out->arrays[p], a->arrays[p], b->arrays[p], a->graph->params[p].dtype,
                  weld_param_numel(a->graph, p), alpha);
}

weld_paramset *weld_paramset_retain(weld_paramset *set)
{
    set->references++;
    return set;
}

void weld_paramset_free(weld_paramset *set)
{
    if (!set || --set->references > 0)
        return;
    for (int p = 0; set->arrays && p < set->graph->param_count; p++)
        weld_free(set->ctx, set->arrays[p]);
    weld_free(set->ctx, set->arrays);
    if (set->origin.free)
        set->origin.free(set->origin.user);
    weld_free(set->ctx, set);
}
