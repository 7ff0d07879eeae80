/* The values of a merge while nobody holds them: part by part, where the merger works element by element,
 * else a parameter at a time. */
#include "api/recipe.h"
#include <string.h>

typedef struct merged {
    weld_structure *structure;     /* whose graph the set is over */
    weld_paramset *ends[2], *base; /* base NULL = none */
    const weld_merger *merger;
    weld_merge_job job;
    double *weights; /* [param_count, 2] */
    bool *keep;      /* [param_count] */
    void *part;      /* elements of the second one, while two are merged */
    size_t part_bytes;
} merged;

static void free_merged(void *user)
{
    merged *m = user;
    weld_structure *structure = m->structure;
    weld_context *ctx = structure->ctx;
    for (int k = 0; k < 2; k++)
        weld_paramset_free(m->ends[k]);
    weld_paramset_free(m->base);
    weld_free(ctx, m->weights);
    weld_free(ctx, m->keep);
    weld_free(ctx, m->part);
    weld_free(ctx, m);
    weld_structure_release(structure);
}

/* ---- element by element ----------------------------------------------------------------------- */

/* The end that a parameter is taken from alone, NULL = from both. */
static const weld_paramset *only_one(const merged *m, int p)
{
    const double *w = weld_job_weights(&m->job, p);
    return w[0] == 1.0 ? m->ends[0] : w[1] == 1.0 ? m->ends[1] : NULL;
}

static weld_status read_part(void *out, merged *m, int p, weld_order order, size_t first,
                             size_t count, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_dtype dtype = m->structure->graph->params[p].dtype;
    const size_t bytes = count * weld_compute_size(dtype);
    const weld_paramset *one = only_one(m, p);
    char *part = m->part;
    if (one)
        return weld_paramset_read(out, one, p, order, first, count, err);
    WELD_GROW(part, m->part_bytes, m->structure->ctx, bytes);
    m->part = part;
    WELD_TRY(weld_paramset_read(out, m->ends[0], p, order, first, count, err));
    WELD_TRY(weld_paramset_read(part, m->ends[1], p, order, first, count, err));
    const void *const models[2] = {out, part};
    if (memcmp(out, part, bytes) != 0)
        m->merger->part(out, models, weld_job_weights(&m->job, p), 2, dtype, count);
done:
    return st;
}

static bool in_parts(const void *user, int p, weld_order order)
{
    const merged *m = user;
    if (!m->merger->part)
        return false;
    const weld_paramset *one = only_one(m, p);
    return one ? weld_paramset_in_parts(one, p, order)
               : weld_paramset_in_parts(m->ends[0], p, order) &&
                     weld_paramset_in_parts(m->ends[1], p, order);
}

/* ---- a parameter at a time -------------------------------------------------------------------- */

static weld_status read_whole(void *out, const merged *m, int p, weld_error *err)
{
    const weld_paramset *sets[3] = {m->ends[0], m->ends[1], m->base};
    const weld_param *param = &m->structure->graph->params[p];
    weld_tensor tensor = {.dtype = param->dtype, .shape = param->shape, .data = out};
    bool held[3];
    weld_status st = WELD_OK;
    for (int k = 0; k < 3; k++) {
        held[k] = !sets[k] || sets[k]->arrays[p];
        if (!held[k] && st == WELD_OK)
            st = weld_paramset_hold_one(sets[k], p, err);
    }
    if (st == WELD_OK)
        st = weld_merge_tensor(&tensor, m->merger, &m->job, p, err);
    for (int k = 0; k < 3; k++)
        if (!held[k])
            weld_paramset_drop_one(sets[k], p);
    return st;
}

static weld_status read_merged(void *out, void *user, int p, weld_order order, size_t first,
                               size_t count, weld_error *err)
{
    merged *m = user;
    return m->merger->part ? read_part(out, m, p, order, first, count, err)
                           : read_whole(out, m, p, err);
}

/* ---- making it -------------------------------------------------------------------------------- */

static weld_status new_merged(merged **out, weld_structure *structure, const weld_recipe *recipe,
                              const double *weights, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t count = (size_t)structure->graph->param_count;
    WELD_NEW(*out, structure->ctx, 1);
    (*out)->structure = weld_structure_retain(structure);
    (*out)->merger = recipe->merger;
    (*out)->base = recipe->base ? weld_paramset_retain(recipe->base) : NULL;
    WELD_NEW((*out)->weights, structure->ctx, 2 * count);
    WELD_NEW((*out)->keep, structure->ctx, count);
    for (size_t k = 0; k < 2 * count; k++)
        (*out)->weights[k] = weights[k];
    for (size_t p = 0; p < count; p++)
        (*out)->keep[p] = recipe->keep[p];
done:
    return st;
}

weld_status weld_params_merged(weld_paramset **out, weld_structure *structure,
                               const weld_recipe *recipe, weld_paramset *a, weld_paramset *b,
                               const double *weights, weld_error *err)
{
    weld_status st = WELD_OK;
    merged *m = NULL;
    *out = NULL;
    WELD_TRY(new_merged(&m, structure, recipe, weights, err));
    m->ends[0] = weld_paramset_retain(a);
    m->ends[1] = weld_paramset_retain(b);
    m->job = weld_recipe_job(recipe, NULL);
    m->job.models = (const weld_paramset *const *)m->ends;
    m->job.model_count = 2;
    m->job.weights = m->weights;
    m->job.keep = m->keep;
    const weld_origin origin = {read_merged, in_parts, free_merged, m};
    return weld_paramset_from(out, structure->ctx, structure->graph, &origin, err);
done:
    if (m)
        free_merged(m);
    return st;
}
