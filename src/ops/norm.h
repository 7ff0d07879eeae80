/* What normalisations share, and what matching needs to know of a BatchNormalization to fold it
 * into the layer before it. */
#ifndef WELD_OPS_NORM_H
#define WELD_OPS_NORM_H
#include "ops/op.h"

/* Epsilon of a node whose operator has statistic_inputs: inputs are x, scale, shift, mean, variance. */
double weld_norm_epsilon(const weld_node *node);

typedef struct weld_moments {
    double mean, inverse; /* inverse = 1 / sqrt(variance + epsilon) */
} weld_moments;
/* `centered`: of the differences from the mean; else the mean counts as 0. x: [count], count > 0. */
weld_moments weld_moments_of(const float *x, int64_t count, bool centered, double epsilon);
weld_status weld_check_epsilon(float epsilon, weld_error *err);
#endif
