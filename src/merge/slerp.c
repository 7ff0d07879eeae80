/* slerp: along the great circle between two models' directions, tensor by tensor, as mergekit has it
 * (arcee-ai/mergekit, merge_methods/slerp.py; Shoemake 1985). With u = v / |v| (v itself where |v| <=
 * 1e-8), theta = acos(<u_A, u_B>) and t the weight of B:
 *   v = sin((1 - t) theta) / sin(theta) v_A + sin(t theta) / sin(theta) v_B
 * and the weighted mean where |<u_A, u_B>| > 0.9995. */
#include "merge/mergers.h"
#include <math.h>

static const double parallel_from = 0.9995, length_min = 1e-8;

/* <u_A, u_B> */
static double cosine(const weld_merge_job *job, int param)
{
    const size_t count = weld_param_numel(job->models[0]->graph, param);
    double products = 0, squares[2] = {0, 0};
    for (size_t i = 0; i < count; i++) {
        const double a = weld_paramset_number(job->models[0], param, (int64_t)i);
        const double b = weld_paramset_number(job->models[1], param, (int64_t)i);
        products += a * b;
        squares[0] += a * a;
        squares[1] += b * b;
    }
    for (int k = 0; k < 2; k++)
        if (sqrt(squares[k]) > length_min)
            products /= sqrt(squares[k]);
    return products;
}

static weld_status slerp_tensor(weld_tensor *out, const weld_merge_job *job, int param,
                                weld_error *err)
{
    const size_t count = weld_param_numel(job->models[0]->graph, param);
    const double c = cosine(job, param);
    if (!(fabs(c) <= parallel_from))
        return weld_lerp_tensor(out, job, param, err);
    const double theta = acos(c), t = weld_job_weights(job, param)[1];
    const double of_a = sin(theta - t * theta) / sin(theta), of_b = sin(t * theta) / sin(theta);
    for (size_t i = 0; i < count; i++)
        weld_tensor_set_number(out, (int64_t)i,
                               of_a * weld_paramset_number(job->models[0], param, (int64_t)i) +
                                   of_b * weld_paramset_number(job->models[1], param, (int64_t)i));
    return WELD_OK;
}

const weld_merger weld_merger_slerp = {.name = "slerp",
                                       .of_two = true,
                                       .help = "between the directions of each tensor",
                                       .tensor = slerp_tensor};
