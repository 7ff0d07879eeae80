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
    WELD_TRY(weld_params_to_frame(out, al->a, base, pairing, err));
done:
    weld_pairing_free(pairing);
    weld_model_free(reread);
    return st;
}

static double distance(const weld_paramset *x, const weld_paramset *y)
{
    double sum = 0;
    for (int p = 0; p < x->graph->param_count; p++)
        for (size_t i = 0; i < weld_param_numel(x->graph, p); i++) {
            const double d = weld_paramset_number(x, p, (int64_t)i) -
                             weld_paramset_number(y, p, (int64_t)i);
            sum += d * d;
        }
    return sqrt(sum);
}

weld_status weld_base_note(weld_model *merged, const weld_recipe *recipe, const weld_alignment *al,
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
    record->distance_a = al ? distance(al->a->params, recipe->base) : NAN;
    record->distance_b = al ? distance(al->aligned, recipe->base) : NAN;
    record->distance_naive = al ? distance(al->naive, recipe->base) : NAN;
    snprintf(task, sizeof task, "density %.17g, lambda %.17g, seed %" PRIu64, recipe->density,
             recipe->lambda, recipe->seed);
    WELD_TRY(weld_model_note(merged, "onnxweld.base", record->base->file->sha256, err));
    WELD_TRY(weld_model_note(merged, "onnxweld.task", task, err));
done:
    return st;
}
