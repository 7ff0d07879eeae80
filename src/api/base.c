/* The model that A and B both come from, for the merges that need one (merge/task.h). It stands in A's
 * frame as it is: nothing permutes it. B's task vector is pi(B) - base then, which is what B has learned
 * where pi gives B's units back the order that they have in the base, or leaves them in it. */
#include "api/recipe.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

weld_status weld_base_in_frame(weld_paramset **out, const weld_alignment *al,
                               const weld_model *base, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_model *reread = NULL;
    weld_pairing *pairing = NULL;
    const weld_reading *of_base = &base->structure->reading;
    *out = NULL;
    if (al->a->structure->reading.fold_norms && !of_base->fold_norms) {
        const weld_reading reading = {.freeze = of_base->freeze, .fold_norms = true};
        WELD_TRY(weld_model_read(&reread, base->structure->file, &reading, err));
        base = reread;
    }
    WELD_TRY(
        weld_pair_graphs(&pairing, al->ctx, al->a->structure->graph, base->structure->graph, err));
    if (pairing->difference_count) {
        char what[300];
        snprintf(what, sizeof what, "take %.130s as the base of %.130s",
                 base->structure->file->name, al->a->structure->file->name);
        st = weld_refuse_pairing(pairing, what, err);
        goto done;
    }
    WELD_TRY(weld_params_in_frame(out, al->a->structure, base->params, base->structure->homes,
                                  pairing->param_of, NULL, err));
done:
    weld_pairing_free(pairing);
    weld_model_free(reread);
    return st;
}

/* data [numel], the parameter; the data before are freed. */
static weld_status take(void **data, const weld_paramset *set, int p, weld_error *err)
{
    weld_free(set->ctx, *data);
    *data = weld_alloc(set->ctx, weld_param_bytes(set->graph, p), 1);
    if (!*data)
        return weld_fail_memory(set->ctx, err, weld_param_bytes(set->graph, p), 1);
    return weld_paramset_read(*data, set, p, WELD_CANONICAL, 0, weld_param_numel(set->graph, p),
                              err);
}

/* Of a set from the base, 2-norm; one tensor of each in memory at a time. */
static weld_status find_distance(double *out, const weld_paramset *set, const weld_paramset *base,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = base->graph;
    void *data[2] = {NULL, NULL};
    double sum = 0;
    for (int p = 0; p < g->param_count; p++) {
        const weld_param *param = &g->params[p];
        WELD_TRY(take(&data[0], set, p, err));
        WELD_TRY(take(&data[1], base, p, err));
        const weld_tensor x = {.dtype = param->dtype, .shape = param->shape, .data = data[0]};
        const weld_tensor y = {.dtype = param->dtype, .shape = param->shape, .data = data[1]};
        for (int64_t i = 0; i < (int64_t)weld_param_numel(g, p); i++) {
            const double d = weld_tensor_number(&x, i) - weld_tensor_number(&y, i);
            sum += d * d;
        }
    }
    *out = sqrt(sum);
done:
    weld_free(base->ctx, data[0]);
    weld_free(base->ctx, data[1]);
    return st;
}

weld_status weld_base_note(weld_model *merged, const weld_recipe *recipe, const weld_paramset *a,
                           weld_error *err)
{
    weld_status st = WELD_OK;
    weld_merge_record *record = merged->merge;
    char task[128];
    if (!recipe->base)
        return WELD_OK;
    record->base = weld_structure_retain(recipe->base_structure);
    record->density = recipe->density;
    record->lambda = recipe->lambda;
    record->distance_b = record->distance_naive = NAN;
    WELD_TRY(find_distance(&record->distance_a, a, recipe->base, err));
    snprintf(task, sizeof task, "density %.17g, lambda %.17g, seed %" PRIu64, recipe->density,
             recipe->lambda, recipe->seed);
    WELD_TRY(weld_model_note(merged, "onnxweld.base", record->base->file->sha256, err));
    WELD_TRY(weld_model_note(merged, "onnxweld.task", task, err));
done:
    return st;
}

weld_status weld_base_follow(weld_merge_record *record, const weld_recipe *recipe, int model,
                             const weld_paramset *moved, const weld_paramset *naive,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    double after, before;
    if (!recipe->base)
        return WELD_OK;
    WELD_TRY(find_distance(&after, moved, recipe->base, err));
    WELD_TRY(find_distance(&before, naive, recipe->base, err));
    if (!(after - before <= record->distance_b - record->distance_naive)) {
        record->moved = model;
        record->distance_b = after;
        record->distance_naive = before;
    }
done:
    return st;
}
