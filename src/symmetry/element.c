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

static weld_status apply_one(float *data, const weld_element *e, int param, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape *shape = &e->symmetry->graph->params[param].shape;
    size_t bytes = (size_t)weld_shape_numel(shape) * sizeof(float);
    int32_t *index = NULL;
    float *copy = NULL;
    WELD_NEW(copy, e->ctx, weld_shape_numel(shape));
    for (int axis = 0; axis < shape->rank; axis++) {
        weld_free(e->ctx, index);
        index = NULL;
        WELD_NEW(index, e->ctx, shape->dims[axis]);
        weld_element_axis_index(index, e, param, axis);
        if (is_identity(index, shape->dims[axis]))
            continue;
        memcpy(copy, data, bytes);
        weld_gather_axis(data, copy, shape, axis, index, shape->dims[axis], sizeof(float));
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
        size_t bytes = (size_t)weld_shape_numel(&g->params[p].shape) * sizeof(float);
        memcpy(out->arrays[p], in->arrays[p], bytes);
        weld_status st = apply_one(out->arrays[p], e, p, err);
        if (st != WELD_OK)
            return st;
    }
    return WELD_OK;
}
