#include "eval/loss.h"
#include <inttypes.h>
#include <math.h>

int64_t weld_largest(const float *z, int64_t classes)
{
    int64_t best = 0;
    for (int64_t c = 1; c < classes; c++)
        best = z[c] > z[best] ? c : best;
    return best;
}

/* The same with the place of the largest known. */
static double log_sum_exp(const float *z, int64_t classes, int64_t best)
{
    const double top = (double)z[best];
    double sum = 1; /* of the largest itself */
    for (int64_t c = 0; c < classes; c++)
        sum += c == best ? 0 : exp((double)z[c] - top);
    return top + log(sum);
}

double weld_log_sum_exp(const float *z, int64_t classes)
{
    return log_sum_exp(z, classes, weld_largest(z, classes));
}

void weld_score_sample(double *loss, double *correct, const float *z, int64_t classes,
                       int64_t label)
{
    const int64_t best = weld_largest(z, classes);
    *loss = log_sum_exp(z, classes, best) - (double)z[label];
    *correct = best == label;
}

bool weld_is_class_scores(const weld_shape *shape)
{
    int wide = 0;
    for (int axis = 1; axis < shape->rank; axis++)
        wide += shape->dims[axis] != 1;
    return wide == 1;
}

double weld_square_error(const float *z, const double *target, int64_t size)
{
    double sum = 0;
    for (int64_t k = 0; k < size; k++)
        sum += ((double)z[k] - target[k]) * ((double)z[k] - target[k]);
    return sum / (double)size;
}

void weld_judge_sample(double *loss, double *correct, const weld_dataset *data, int64_t sample,
                       const float *z, int64_t size)
{
    if (data->labels) {
        weld_score_sample(loss, correct, z, size, data->labels[sample]);
        return;
    }
    *loss = weld_square_error(z, data->targets + sample * size, size);
    *correct = NAN;
}

const char *weld_truth_metric(const weld_dataset *data)
{
    return data->labels ? "ce" : data->targets ? "mse_target" : NULL;
}

weld_status weld_check_truth(const weld_dataset *data, int64_t classes, weld_error *err)
{
    if (data->targets && weld_shape_numel(&data->target) != classes)
        return weld_fail(err, WELD_E_FORMAT,
                         "labels of a floating type are targets: %" PRId64
                         " for each sample, the model has %" PRId64
                         " outputs (class numbers have to be integers)",
                         weld_shape_numel(&data->target), classes);
    for (int64_t k = 0; data->labels && k < data->count; k++)
        if (data->labels[k] < 0 || data->labels[k] >= classes)
            return weld_fail(err, WELD_E_FORMAT,
                             "label %" PRId64 " of sample %" PRId64 ", allowed 0 to %" PRId64
                             " (the model has %" PRId64 " outputs)",
                             data->labels[k], k, classes - 1, classes);
    return WELD_OK;
}
