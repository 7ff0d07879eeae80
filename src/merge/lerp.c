#include "merge/mergers.h"

weld_status weld_lerp_tensor(weld_tensor *out, const weld_merge_job *job, int param,
                             weld_error *err)
{
    const double *w = weld_job_weights(job, param);
    const size_t count = weld_param_numel(job->shapes->graph, param);
    (void)err;
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (int k = 0; k < job->model_count; k++)
            sum += w[k] * weld_paramset_number(job->models[k], param, (int64_t)i);
        weld_tensor_set_number(out, (int64_t)i, sum);
    }
    return WELD_OK;
}

const weld_merger weld_merger_lerp = {
    .name = "lerp", .help = "weighted mean of the parameters", .tensor = weld_lerp_tensor};
