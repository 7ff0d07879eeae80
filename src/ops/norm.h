/* What matching needs to know of a BatchNormalization to fold it into the layer before it. */
#ifndef WELD_OPS_NORM_H
#define WELD_OPS_NORM_H
#include "ops/op.h"

/* Epsilon of a node whose operator has statistic_inputs: inputs are x, scale, shift, mean, variance. */
double weld_norm_epsilon(const weld_node *node);
#endif
