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
/* Every label is below the number of outputs; data without labels pass. */
weld_status weld_check_labels(const weld_dataset *data, int64_t classes, weld_error *err);
#endif
