/* How merges are made: what weld_merge_options ask for, ready for any alignment's parameters. */
#ifndef WELD_API_RECIPE_H
#define WELD_API_RECIPE_H
#include "api/objects.h"
#include "merge/mergers.h"

struct weld_recipe {
    weld_context *ctx;
    const weld_merger *merger;
    const weld_statistic *statistic; /* NULL = auto */
    const weld_dataset *data;        /* NULL = none */
    double ridge;
    bool repair_logits;
    double *
        fixed; /* [param_count] the weight of A that the user gives a parameter; NaN = the merge's */
};

/* A statistic as auto tries it. */
typedef struct weld_correction {
    const weld_statistic *statistic;
    bool logits;
} weld_correction;

weld_status weld_recipe_init(weld_recipe *out, const weld_alignment *al,
                             const weld_merge_options *options, weld_error *err);
void weld_recipe_free(weld_recipe *recipe);
/* What judges permutations: the recipe's statistic; for auto reset where there is something to reset, else
 * none. */
weld_status weld_recipe_judging(weld_correction *out, const weld_recipe *recipe,
                                const weld_alignment *al, weld_error *err);
/* out := the merge of A with B's parameters `b`, in A's frame and order: what is judged and what is
 * written. */
weld_status weld_recipe_merge(weld_paramset *out, weld_merge_log *log, const weld_recipe *recipe,
                              const weld_correction *correction, const weld_alignment *al,
                              const weld_paramset *b, double alpha, weld_error *err);
/* The job of such a merge; *weights is freed with weld_free. */
weld_status weld_recipe_job(weld_merge_job *job, double **weights, const weld_paramset *models[2],
                            const weld_recipe *recipe, const weld_alignment *al, double alpha,
                            weld_error *err);
/* The same with the best of all statistics that apply, by the midpoint loss on the recipe's data; the first
 * of equals, none before all. The tries are noted. */
weld_status weld_recipe_choose(weld_paramset *out, weld_merge_record *record,
                               const weld_recipe *recipe, const weld_alignment *al,
                               const weld_paramset *b, double alpha, weld_error *err);
#endif
