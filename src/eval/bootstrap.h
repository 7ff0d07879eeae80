/* What the finite number of samples leaves open about the figures of a path.
 *
 * A resample gives every sample the weight -log u, the same one in all curves and at every alpha
 * (Rubin's Bayesian bootstrap): figures of different points and variants are compared on the same draw.
 * A limit of a mean is taken with one more sample at that end of the range (0 and 1 of a share, else the
 * least and largest that was seen). Of a share these limits are Clopper and Pearson's, so no event in n
 * samples still leaves about 3/n.
 *
 * A barrier is the largest of several gaps, and the largest of what was measured picks noise. Its upper
 * bound is the largest of the bounds of the single gaps: that of the one which is really the largest
 * holds with the wanted probability, so theirs does. Its lower limit holds for all gaps at once: each
 * gap less the same number of its deviations, which the resamples stay within. */
#ifndef WELD_EVAL_BOOTSTRAP_H
#define WELD_EVAL_BOOTSTRAP_H
#include "core/arena.h"

typedef struct weld_interval {
    double low, high;
} weld_interval;

typedef struct weld_barrier_bounds {
    weld_interval ci95;
    double upper95; /* one-sided */
} weld_barrier_bounds;

typedef struct weld_curve_bounds {
    weld_interval *mean; /* [count], 95 % each */
    weld_barrier_bounds chord, midpoint;
} weld_curve_bounds;

typedef struct weld_curve {
    const double *y; /* [count, samples] */
    bool share;      /* of 0 to 1, the more the better: the barrier is that of 1 - y. Else a loss */
} weld_curve;

typedef struct weld_bootstrap_input {
    weld_context *ctx;
    const double *alpha; /* [count] ascending */
    int count;
    int64_t samples;
    const weld_curve *curves; /* [curve_count] */
    int curve_count;
    int resamples; /* > 0 */
    uint64_t seed;
} weld_bootstrap_input;

/* out [curve_count]; arrays in the arena. NaN where a mean is not finite. Same bits for any threads. */
weld_status weld_bootstrap(weld_curve_bounds *out, weld_arena *arena,
                           const weld_bootstrap_input *input, weld_error *err);
#endif
