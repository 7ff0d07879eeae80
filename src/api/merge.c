/* Models made of an alignment: what they hold and what their metadata say. */
#include "api/recipe.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

weld_status weld_model_note(weld_model *m, const char *key, const char *value, weld_error *err)
{
    weld_status st = WELD_OK;
    char **pair = m->metadata[m->metadata_count++];
    WELD_REQUIRE((pair[0] = weld_strdup(m->ctx, key)) && (pair[1] = weld_strdup(m->ctx, value)),
                 WELD_E_NOMEM, "out of memory");
done:
    return st;
}

weld_status weld_model_made(weld_model **out, weld_structure *structure, const char *parents,
                            const char *method, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_model *m = NULL;
    *out = NULL;
    WELD_NEW(m, structure->ctx, 1);
    m->ctx = structure->ctx;
    m->structure = weld_structure_retain(structure);
    WELD_TRY(weld_model_note(m, "onnxweld.version", weld_version(), err));
    WELD_TRY(weld_model_note(m, "onnxweld.parents", parents, err));
    WELD_TRY(weld_model_note(m, "onnxweld.method", method, err));
    *out = m;
    m = NULL;
done:
    weld_model_free(m);
    return st;
}

weld_status weld_model_from(weld_model **out, const weld_alignment *al, const weld_model *like,
                            const char *method, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_model *m = NULL;
    char parents[160], align[128];
    snprintf(parents, sizeof parents, "%s,%s", al->a->structure->file->sha256,
             al->b->structure->file->sha256);
    WELD_TRY(weld_model_made(&m, like->structure, parents, method, err));
    snprintf(align, sizeof align, "%s%s%s", al->method, al->trials ? ": " : "",
             al->trials ? al->trials[al->chosen].candidate->name : "");
    WELD_TRY(weld_model_note(m, "onnxweld.align", align, err));
    *out = m;
    m = NULL;
done:
    weld_model_free(m);
    return st;
}

const char *const *weld_merge_methods(void)
{
    return weld_merger_names();
}

bool weld_merge_has_method(const char *name)
{
    return weld_merger_find(name) != NULL;
}

const char *const *weld_statistics_names(void)
{
    return weld_statistic_names();
}

bool weld_merge_uses_data(const char *method, const char *statistics)
{
    const weld_merger *merger = weld_merger_find(method ? method : weld_merger_names()[0]);
    const weld_statistic *statistic = statistics ? weld_statistic_find(statistics) : NULL;
    const bool choose = !statistics || strcmp(statistics, weld_statistic_names()[0]) == 0;
    return (merger && merger->needs_data) || choose || (statistic && statistic->needs_data);
}

bool weld_merge_uses_base(const char *method)
{
    const weld_merger *merger = weld_merger_find(method ? method : weld_merger_names()[0]);
    return merger && merger->needs_base;
}

bool weld_merge_uses_density(const char *method)
{
    const weld_merger *merger = weld_merger_find(method ? method : weld_merger_names()[0]);
    return merger && merger->takes_density;
}

static weld_status describe(weld_model *m, weld_error *err)
{
    weld_status st = WELD_OK;
    char alpha[32];
    snprintf(alpha, sizeof alpha, "%.17g", m->merge->alpha);
    WELD_TRY(weld_model_note(m, "onnxweld.alpha", alpha, err));
    WELD_TRY(weld_model_note(m, "onnxweld.statistics", m->merge->statistic, err));
done:
    return st;
}

/* The values are made when they are asked for. */
static weld_status merge_later(weld_model *m, const weld_recipe *recipe, const weld_alignment *al,
                               double alpha, weld_error *err)
{
    weld_status st = WELD_OK;
    double **weights = &m->merge->weights;
    m->merge->method = recipe->merger->name;
    snprintf(m->merge->statistic, sizeof m->merge->statistic, "%s", recipe->statistic->name);
    WELD_TRY(
        weld_recipe_weights(weights, recipe, al->a->structure->graph->param_count, alpha, err));
    WELD_TRY(weld_params_merged(&m->params, al->a->structure, recipe, al->a->params, al->aligned,
                                *weights, err));
done:
    return st;
}

static weld_status merge_now(weld_model *m, const weld_recipe *recipe, const weld_alignment *al,
                             double alpha, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_pair_job pair = {0};
    WELD_TRY(weld_paramset_create(&m->params, m->ctx, m->structure->graph, err));
    WELD_TRY(weld_recipe_pair(&pair, recipe, al, al->aligned, alpha, err));
    WELD_TRY(weld_recipe_make(m->params, m->merge, recipe, &pair.job, err));
    m->merge->weights = pair.weights;
    pair.weights = NULL;
done:
    weld_pair_job_free(&pair);
    return st;
}

weld_status weld_merge(weld_model **out, const weld_alignment *al,
                       const weld_merge_options *options, weld_error *err)
{
    const weld_merge_options defaults = WELD_MERGE_OPTIONS_INIT;
    const weld_merge_options *o = options ? options : &defaults;
    weld_status st = WELD_OK;
    weld_model *m = NULL;
    weld_recipe recipe = {0};
    *out = NULL;
    WELD_TRY(weld_recipe_init(&recipe, al, o, err));
    WELD_REQUIRE(o->alpha >= 0 && o->alpha <= 1, WELD_E_ARGUMENT, "alpha %g, allowed 0 to 1",
                 o->alpha);
    WELD_TRY(weld_model_from(&m, al, al->a, recipe.merger->name, err));
    WELD_NEW(m->merge, al->ctx, 1);
    m->merge->alpha = o->alpha;
    const bool by_parameter = !recipe.merger->finish && recipe.statistic == &weld_statistic_none;
    WELD_TRY(by_parameter ? merge_later(m, &recipe, al, o->alpha, err)
                          : merge_now(m, &recipe, al, o->alpha, err));
    WELD_TRY(describe(m, err));
    WELD_TRY(weld_base_note(m, &recipe, al->a->params, err));
    WELD_TRY(weld_base_follow(m->merge, &recipe, 1, al->aligned, al->naive, err));
    *out = m;
    m = NULL;
done:
    weld_recipe_free(&recipe);
    weld_model_free(m);
    return st;
}

double weld_model_alpha(const weld_model *model)
{
    return model->merge ? model->merge->alpha : NAN;
}

weld_status weld_permuted(weld_model **out, const weld_alignment *al, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *a = al->a->structure->graph, *b = al->b->structure->graph;
    weld_model *m = NULL;
    int *back = NULL; /* [param_count of B] A's parameter */
    *out = NULL;
    WELD_TRY(weld_model_from(&m, al, al->b, "permute", err));
    WELD_NEW(back, al->ctx, b->param_count);
    for (int q = 0; q < b->param_count; q++)
        back[q] = -1;
    for (int p = 0; p < a->param_count; p++)
        back[al->pairing->param_of[p]] = p;
    WELD_TRY(weld_params_in_frame(&m->params, al->b->structure, al->aligned,
                                  al->a->structure->homes, back, al->b->params, err));
    *out = m;
    m = NULL;
done:
    weld_free(al->ctx, back);
    weld_model_free(m);
    return st;
}
