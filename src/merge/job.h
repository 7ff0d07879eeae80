/* What a merge works on. */
#ifndef WELD_MERGE_JOB_H
#define WELD_MERGE_JOB_H
#include "data/feed.h"
#include "ir/paramset.h"
#include "ops/infer.h"

/* All borrowed, over one graph, units aligned. */
typedef struct weld_merge_job {
    weld_context *ctx;
    const weld_shapes *shapes;          /* of one batch */
    const weld_paramset *const *models; /* [model_count] A, permuted B, ... */
    int model_count;
    const double *weights;    /* [param_count, model_count] of each parameter; sum 1 */
    const weld_dataset *data; /* NULL unless method or statistic need data */
    double ridge; /* of features, relative to the mean variance of the input; 0 = to be chosen */
    bool repair_logits; /* repair and rescale correct the last layer, too */
    /* [param_count] taken from the model of weight 1, whatever the method; NULL = by the method */
    const bool *keep;
    const weld_paramset *base; /* in the first model's frame; NULL unless the method needs one */
    double density, lambda;    /* of methods with a base: see merge/task.h */
    uint64_t seed;             /* of what is drawn at random */
} weld_merge_job;

/* [model_count] of the parameter */
static inline const double *weld_job_weights(const weld_merge_job *job, int param)
{
    return job->weights + (size_t)param * (size_t)job->model_count;
}
/* The parameter comes from one model alone. */
bool weld_job_takes_one(const weld_merge_job *job, int param);
/* All models hold the same bits. */
bool weld_job_agrees(const weld_merge_job *job, int param);
#endif
