/* How good merged models are: one figure for each, by which --match auto chooses. */
#ifndef WELD_EVAL_MIDPOINT_H
#define WELD_EVAL_MIDPOINT_H
#include "data/feed.h"
#include "exec/plan.h"

typedef struct weld_midpoint_input {
    weld_context *ctx;
    const weld_shapes *shapes;        /* of one micro-batch, over A's graph */
    const weld_paramset *const *ends; /* [end_count] units in any order */
    int end_count;
    const weld_paramset *const *merged; /* [count] */
    int count;
    const weld_dataset *data;
    double *accuracies;               /* [count], of ce; NULL = not wanted */
    double *each_loss, *each_correct; /* [count, N] of each sample; NULL = not wanted */
} weld_midpoint_input;

/* losses [count]: the mean over the samples of (z: the output that losses are of, before a trailing Softmax)
 *   "ce"   with labels: cross-entropy of z;
 *   "mse_target" with targets: the mean over the elements of (z - target)^2;
 *   "kl"   without, and z is [N, C], C >= 2 (axes of 1 don't count): the divergence
 *          sum_c p_c (log p_c - log softmax(z)_c) from p, the mean of the ends' softmax;
 *   "mse"  otherwise: the mean over the elements of (z - the mean of the ends' outputs)^2.
 * kl and mse are what the merged model lacks to the ensemble of the ends; both differ from the mean of
 * its divergences from either end by the same number for all candidates. The ends run once for all of
 * them, and only where there are no labels. *metric: one of these names. */
weld_status weld_midpoint_losses(double *losses, const char **metric,
                                 const weld_midpoint_input *input, weld_error *err);
#endif
