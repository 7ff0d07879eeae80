/* The one pass over the data: what is kept of each sample, and what becomes of it in the end. */
#ifndef WELD_EVAL_PASS_H
#define WELD_EVAL_PASS_H
#include "eval/measure.h"

/* Per-sample scalars; the sample is the last index. NULL = not wanted. */
typedef struct weld_kept {
    double *score[WELD_SCORES];         /* [variant, alpha, N] */
    weld_end_dots *ends;                /* [variant, row, N] */
    weld_mix_dots *mixed;               /* [variant, row, llfc alpha, N] */
    double *extra_loss, *extra_correct; /* [extra, N] */
    weld_mix_dots *extra_mixed;         /* [extra, row, N] */
    weld_heat *heat; /* [group, variant, alpha, 2] of the even and the odd samples, summed */
} weld_kept;

typedef struct weld_pass {
    const weld_pair_input *in;
    weld_measures *out;
    weld_plan *plan;
    weld_paramset **mixed; /* [variant, mix] parameters on the path, NULL at the ends */
    double *mix;           /* [mix_count] all distinct alphas */
    int mix_count;
    int *alpha_of, *llfc_of; /* [mix_count] place in alpha, llfc_alpha; -1 = not there */
    weld_run **runs;         /* [slot, 4]: A, naive B, aligned B, mixed */
    weld_feed *feed;         /* [slot] one micro-batch of inputs */
    double **room;           /* [slot][2 classes] */
    weld_kept s;
    int64_t micro, per_share,
        shares;            /* samples of a batch, of a share (one thread's work); shares */
    int64_t group, groups; /* samples that have sums in common; groups */
} weld_pass;

/* Fills the figures of pass->out. */
weld_status weld_pass_reduce(weld_pass *pass, weld_error *err);
/* sums [groups, row, 2] += those of weld_llfc_distances of one of the merges. */
void weld_pass_distances(double *sums, const weld_pass *pass, int extra, int64_t group);
/* And their bounds: makes 1 - cosines of the dot products in pass->s, which are gone after it. */
weld_status weld_pass_bound(weld_pass *pass, weld_error *err);
#endif
