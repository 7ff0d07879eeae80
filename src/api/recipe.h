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
    bool *keep;                     /* [param_count] the user wants it to stay A's */
    weld_paramset *base;            /* in A's frame; NULL = the method needs none */
    weld_structure *base_structure; /* of its file; borrowed */
    double density, lambda;
    uint64_t seed;
};

/* A statistic as auto tries it. */
typedef struct weld_correction {
    const weld_statistic *statistic;
    bool logits;
} weld_correction;

/* hit [param_count] |= the parameter's name matches, or that of a node that reads it. WELD_E_ARGUMENT for what
 * is no pattern, and what matches nothing. */
weld_status weld_match_names(bool *hit, const weld_graph *graph, const char *pattern,
                             weld_error *err);
/* By name: what is asked for, or the default. */
const char *weld_method_wanted(const weld_merge_options *options);
const char *weld_statistic_wanted(const weld_merge_options *options);
/* Values of alpha that weld_best_alpha tries. */
enum { WELD_SEARCH_POINTS = 21 };
weld_status weld_recipe_init(weld_recipe *out, const weld_alignment *al,
                             const weld_merge_options *options, weld_error *err);
void weld_recipe_free(weld_recipe *recipe);
/* What a merge of so many models with these options would refuse before any work; alpha is of two. */
weld_status weld_recipe_check(const weld_alignment *al, const weld_merge_options *options,
                              int models, weld_error *err);
/* WELD_E_MISMATCH where the base is not of A's structure. */
weld_status weld_base_in_frame(weld_paramset **out, const weld_alignment *al,
                               const weld_model *base, weld_error *err);
/* What record and metadata of a merge tell of the recipe's base, where there is one. */
weld_status weld_base_note(weld_model *merged, const weld_recipe *recipe, const weld_paramset *a,
                           weld_error *err);
/* After that, for each model that may move: the record keeps the one that alignment takes away furthest from
 * the base. `moved`: aligned. */
weld_status weld_base_follow(weld_merge_record *record, const weld_recipe *recipe, int model,
                             const weld_paramset *moved, const weld_paramset *naive,
                             weld_error *err);
/* All of a job but models and weights. */
weld_merge_job weld_recipe_job(const weld_recipe *recipe, const weld_shapes *shapes);
/* *out [count, 2], freed with weld_free: the weights of A and B in each of `count` parameters. */
weld_status weld_recipe_weights(double **out, const weld_recipe *recipe, int count, double alpha,
                                weld_error *err);
/* The job of a merge of two, which are held from then on; it points into itself. */
typedef struct weld_pair_job {
    weld_merge_job job;
    const weld_paramset *models[2]; /* A, B's parameters in A's frame and order */
    double *weights;
} weld_pair_job;
weld_status weld_recipe_pair(weld_pair_job *out, const weld_recipe *recipe,
                             const weld_alignment *al, const weld_paramset *b, double alpha,
                             weld_error *err);
void weld_pair_job_free(weld_pair_job *pair);
/* What judges permutations: the recipe's statistic; for auto reset where there is something to reset, else
 * none. */
weld_status weld_recipe_judging(weld_correction *out, const weld_recipe *recipe,
                                const weld_merge_job *job, weld_error *err);
/* out := the merge of the job: what is judged and what is written. */
weld_status weld_recipe_merge(weld_paramset *out, weld_merge_log *log, const weld_recipe *recipe,
                              const weld_correction *correction, const weld_merge_job *job,
                              weld_error *err);
/* The same, as the recipe says: its statistic, or the best of all that apply, by the midpoint loss on its
 * data; the first of equals, none before all. What was done is noted. */
weld_status weld_recipe_make(weld_paramset *out, weld_merge_record *record,
                             const weld_recipe *recipe, const weld_merge_job *job, weld_error *err);
#endif
