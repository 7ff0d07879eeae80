/* What a merge works on. */
#ifndef WELD_MERGE_JOB_H
#define WELD_MERGE_JOB_H
#include "data/dataset.h"
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
