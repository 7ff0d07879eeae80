/* Exact linear assignment: the best permutation for a matrix of scores. */
#ifndef WELD_MATCH_LAP_H
#define WELD_MATCH_LAP_H
#include "core/context.h"

/* Maximises the sum of score[i, perm[i]]; score: [n, n], finite. `perm` [n] comes in as the current
 * permutation and stays unless another is better by more than rounding; *gain = what the new one
 * is better by, 0 if it stayed. Deterministic: the lowest column wins a tie. */
weld_status weld_lap_max(int32_t *perm, weld_context *ctx, const double *score, int32_t n,
                         double *gain, weld_error *err);
/* The same on scores in single precision; sums and prices are in double. */
weld_status weld_lap_max_single(int32_t *perm, weld_context *ctx, const float *score, int32_t n,
                                double *gain, weld_error *err);
#endif
