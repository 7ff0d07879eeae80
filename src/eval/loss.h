/* The loss of one sample, and labels that fit. */
#ifndef WELD_EVAL_LOSS_H
#define WELD_EVAL_LOSS_H
#include "data/dataset.h"

/* Cross-entropy in double, and whether the largest score (lowest index on ties) is the label's. */
void weld_score_sample(double *loss, double *correct, const float *z, int64_t classes,
                       int64_t label);
/* log sum exp z, in double */
double weld_log_sum_exp(const float *z, int64_t classes);
/* The index of the largest, the lowest of equal ones. */
int64_t weld_largest(const float *z, int64_t classes);
/* [N, C] with C >= 2; axes of 1 don't count. */
bool weld_is_class_scores(const weld_shape *shape);
/* Mean square of z - target, [size] each. */
double weld_square_error(const float *z, const double *target, int64_t size);
/* The loss of a sample by its label or its target, for outputs z [size]; *correct is NaN by a target. */
void weld_judge_sample(double *loss, double *correct, const weld_dataset *data, int64_t sample,
                       const float *z, int64_t size);
/* What it is called: "ce" or "mse_target"; NULL = the data have neither. */
const char *weld_truth_metric(const weld_dataset *data);
/* Every label is below the number of outputs, or there is a target for every output; data without
 * either pass. */
weld_status weld_check_truth(const weld_dataset *data, int64_t outputs, weld_error *err);
#endif
