/* Mergers: how the parameters of aligned models become one set. To add one: a descriptor in a file of its
 * own and a line in mergers.def. */
#ifndef WELD_MERGE_MERGERS_H
#define WELD_MERGE_MERGERS_H
#include "merge/statistics.h"

typedef struct weld_merger {
    const char *name, *help;
    bool needs_data;
    bool needs_base;    /* works on differences from a model that all come from */
    bool takes_density; /* keeps a part of these differences */
    bool of_two;        /* takes two models, not more */
    bool corrects;      /* statistics need no correction after it */
    /* out := the merge of one parameter of the models. Not called where one model is taken alone or all
     * agree (with needs_base: where the first is kept, or all agree with the base): that is copied. */
    weld_status (*tensor)(weld_tensor *out, const weld_merge_job *job, int param, weld_error *err);
    /* The same for `count` elements, wherever they stand in a parameter: models [model_count][count] in
     * the compute type of dtype, `weights` [model_count]. NULL = the parameter is needed as a whole. */
    void (*part)(void *out, const void *const *models, const double *weights, int model_count,
                 weld_dtype dtype, size_t count);
    /* What needs more than single parameters, on the merged tensors; NULL = nothing does. */
    weld_status (*finish)(weld_paramset *merged, weld_merge_log *log, const weld_merge_job *job,
                          const weld_sites *sites, weld_error *err);
} weld_merger;

#define WELD_MERGER(id, name) extern const weld_merger weld_merger_##id;
#include "merge/mergers.def"
#undef WELD_MERGER

/* The weighted mean of a parameter, in double. */
weld_status weld_lerp_tensor(weld_tensor *out, const weld_merge_job *job, int param,
                             weld_error *err);
/* The same as weld_merger's `part`. */
void weld_lerp_part(void *out, const void *const *models, const double *weights, int model_count,
                    weld_dtype dtype, size_t count);
/* NULL when there is none of that name; '_' counts as '-' (mergekit's names), "average" is the first. */
const weld_merger *weld_merger_find(const char *name);
/* All of them, NULL-terminated; the first is what a user gets who asks for nothing. */
const char *const *weld_merger_names(void);
/* One parameter, by the rules above; those of models and base are held. `shapes` and `data` of the job are
 * not needed. */
weld_status weld_merge_tensor(weld_tensor *out, const weld_merger *merger,
                              const weld_merge_job *job, int param, weld_error *err);
/* merged: all parameters, then what `merger` and `statistic` do on top. Where no site differs or one
 * model is taken alone, nothing is corrected. */
weld_status weld_merge_params(weld_paramset *merged, weld_merge_log *log, const weld_merger *merger,
                              const weld_statistic *statistic, const weld_merge_job *job,
                              weld_error *err);
#endif
