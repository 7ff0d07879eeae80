/* The two conditions that make connectivity of features follow, layer by layer, at alpha = 1/2, with A,
 * B as it stands and B permuted:
 *   I   of an elementwise activation s: |s(mean of H_A, H_B) - mean of s(H_A), s(H_B)|^2 / |the latter|^2;
 *       where s has parameters (PRelu), s_A and s_B are each model's own and s has their mean, as in the
 *       merge: the theorem's step from pre-activations to features needs just this
 *   II  of a Dense or Conv layer: Dist_com of W_A H_A + W_B H_B and W_A H_B + W_B H_A, without biases.
 * H is what the layer multiplies its weight with, for a convolution the patches; the two sides of II
 * differ by (W_A - W_B)(H_A - H_B), which is computed as such. */
#ifndef WELD_EVAL_CONDITIONS_H
#define WELD_EVAL_CONDITIONS_H
#include "eval/bootstrap.h"
#include "exec/plan.h"

enum { WELD_CONDITION_PAIRS = 2 }; /* A with the naive, with the aligned B */

/* dist(x, y) = |x - y|^2 / (|x| |y|); NaN where a side is zero. */
typedef struct weld_layer_condition {
    double dist_com, dist_w, dist_h;
    /* |(W_A - W_B)(H_A - H_B)| / 4, a part of |1/2 W_A H_A + 1/2 W_B H_B|: what the mean weight makes of the
     * mean input less the mean of what they make */
    double defect;
    /* The defect of the first samples alone, and what is measured there: an identity, to check the
     * arithmetic. */
    double predicted, measured;
} weld_layer_condition;

typedef struct weld_watch {
    int node;
    bool linear;
    weld_layer_condition layer[WELD_CONDITION_PAIRS]; /* of linear ones */
    double additivity[WELD_CONDITION_PAIRS];          /* of activations */
    weld_curve_bounds bounds[WELD_CONDITION_PAIRS]; /* of dist_com, dist_h, defect; of additivity */
} weld_watch;

typedef struct weld_conditions weld_conditions;

/* Of what has the samples on its first axis and a weight or is an elementwise activation. Sums
 * are kept of each group of samples; one thread does a group. All borrowed; the sets are held. */
weld_status weld_conditions_create(weld_conditions **out, weld_context *ctx,
                                   const weld_shapes *shapes, const weld_plan *plan,
                                   const weld_paramset *a,
                                   const weld_paramset *const b[WELD_CONDITION_PAIRS],
                                   int64_t group, int64_t groups, weld_error *err);
void weld_conditions_free(weld_conditions *conditions);
/* All steps of A and both B's side by side, bound by the caller, for n samples from `first` on; a batch
 * begins with a group, or lies in one. */
weld_status weld_conditions_run(weld_conditions *conditions,
                                weld_run *const runs[1 + WELD_CONDITION_PAIRS], int slot,
                                int64_t first, int64_t n, weld_error *err);
/* In graph order; of the conditions, filled by the call. */
weld_watch *weld_conditions_figures(int *count, weld_conditions *conditions);
/* What gives a watch its bounds: see there. */
weld_curve weld_conditions_curve(weld_conditions *conditions, int watch, int pair);
#endif
