#include "core/rng.h"
#include "symmetry/group.h"
#include <string.h>

weld_status weld_element_identity(weld_element **out, const weld_symmetry *s, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_element *e = NULL;
    *out = NULL;
    WELD_NEW(e, s->ctx, 1);
    e->ctx = s->ctx;
    e->symmetry = s;
    WELD_NEW(e->perms, s->ctx, s->free_count);
    for (int c = 0; c < s->free_count; c++) {
        WELD_NEW(e->perms[c], s->ctx, s->classes[c].size);
        for (int32_t i = 0; i < s->classes[c].size; i++)
            e->perms[c][i] = i;
    }
    *out = e;
    e = NULL;
done:
    weld_element_free(e);
    return st;
}

weld_status weld_element_random(weld_element **out, const weld_symmetry *s, uint64_t seed,
                                weld_error *err)
{
    weld_rng rng;
    weld_status st = weld_element_identity(out, s, err);
    if (st != WELD_OK)
        return st;
    weld_rng_seed(&rng, seed, 1);
    for (int c = 0; c < s->free_count; c++)
        weld_rng_shuffle(&rng, (*out)->perms[c], s->classes[c].size);
    return WELD_OK;
}

void weld_element_free(weld_element *e)
{
    if (!e)
        return;
    for (int c = 0; e->perms && c < e->symmetry->free_count; c++)
        weld_free(e->ctx, e->perms[c]);
    weld_free(e->ctx, e->perms);
    weld_free(e->ctx, e);
}

void weld_element_axis_index(int32_t *index, const weld_element *e, int param, int axis)
{
    const weld_symmetry *s = e->symmetry;
    int64_t size = s->graph->params[param].shape.dims[axis];
    for (int32_t k = 0; k < size; k++)
        index[k] = k;
    for (int c = 0; c < s->free_count; c++)
        for (int m = 0; m < s->classes[c].member_count; m++) {
            const weld_member *member = &s->classes[c].members[m];
            if (member->param != param || member->axis != axis)
                continue;
            for (int32_t i = 0; i < s->classes[c].size; i++)
                for (int32_t k = 0; k < member->multiplicity; k++)
                    index[member->positions[i * member->multiplicity + k]] =
                        member->positions[e->perms[c][i] * member->multiplicity + k];
        }
}

static bool is_identity(const int32_t *index, int64_t size)
{
    for (int32_t k = 0; k < size; k++)
        if (index[k] != k)
            return false;
    return true;
}

static weld_status apply_one(void *data, const weld_element *e, int param, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape *shape = &e->symmetry->graph->params[param].shape;
    const size_t size = weld_compute_size(e->symmetry->graph->params[param].dtype);
    const size_t bytes = weld_param_bytes(e->symmetry->graph, param);
    int32_t *index = NULL;
    void *copy = weld_alloc(e->ctx, bytes, 1);
    WELD_REQUIRE(copy, WELD_E_NOMEM, "no memory for %zu bytes", bytes);
    for (int axis = 0; axis < shape->rank; axis++) {
        weld_free(e->ctx, index);
        index = NULL;
        WELD_NEW(index, e->ctx, shape->dims[axis]);
        weld_element_axis_index(index, e, param, axis);
        if (is_identity(index, shape->dims[axis]))
            continue;
        memcpy(copy, data, bytes);
        weld_gather_axis(data, copy, shape, axis, index, shape->dims[axis], size);
    }
done:
    weld_free(e->ctx, index);
    weld_free(e->ctx, copy);
    return st;
}

weld_status weld_element_apply(weld_paramset *out, const weld_element *e, const weld_paramset *in,
                               weld_error *err)
{
    const weld_graph *g = e->symmetry->graph;
    for (int p = 0; p < g->param_count; p++) {
        memcpy(out->arrays[p], in->arrays[p], weld_param_bytes(g, p));
        weld_status st = apply_one(out->arrays[p], e, p, err);
        if (st != WELD_OK)
            return st;
    }
    return WELD_OK;
}
