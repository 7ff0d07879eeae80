#include "merge/mergers.h"

void weld_lerp_part(void *out, const void *const *models, const double *weights, int model_count,
                    weld_dtype dtype, size_t count)
{
    if (model_count == 2) {
        weld_lerp(out, models[0], models[1], dtype, count, weights[0]);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        double sum = 0;
        for (int k = 0; k < model_count; k++)
            sum += weights[k] * (dtype == WELD_DOUBLE ? ((const double *)models[k])[i]
                                                      : (double)((const float *)models[k])[i]);
        if (dtype == WELD_DOUBLE)
            ((double *)out)[i] = sum;
        else
            ((float *)out)[i] = (float)sum;
    }
}

weld_status weld_lerp_tensor(weld_tensor *out, const weld_merge_job *job, int param,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    const void **models = NULL;
    WELD_NEW(models, job->ctx, job->model_count);
    for (int k = 0; k < job->model_count; k++)
        models[k] = job->models[k]->arrays[param];
    weld_lerp_part(out->data, models, weld_job_weights(job, param), job->model_count, out->dtype,
                   (size_t)weld_shape_numel(&out->shape));
done:
    weld_free(job->ctx, models);
    return st;
}

const weld_merger weld_merger_lerp = {.name = "lerp",
                                      .help = "weighted mean of the parameters",
                                      .tensor = weld_lerp_tensor,
                                      .part = weld_lerp_part};
