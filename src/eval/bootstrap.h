/* What the finite number of samples leaves open about what was measured.
 *
 * A resample gives every sample the weight -log u, the same one in all curves and at every point
 * (Rubin's Bayesian bootstrap): figures of different points and variants are compared on the same draw.
 * A limit of a mean is taken with one more sample at that end of the range (0 and 1 of a share, else the
 * least and largest that was seen). Of a share these limits are Clopper and Pearson's, so no event in n
 * samples still leaves about 3/n.
 *
 * What is no mean over the samples (a ratio of sums, a loss after a fit) is made anew in each resample of
 * sums over groups of samples that follow each other. A group has the weight of its first sample: groups
 * are as independent as samples are. Its limits are the quantiles alone.
 *
 * A barrier is the largest of several gaps, and the largest of what was measured picks noise. Its upper
 * bound is the largest of the bounds of the single gaps: that of the one which is really the largest
 * holds with the wanted probability, so theirs does. Its lower limit holds for all gaps at once: each
 * gap less the same number of its deviations, which the resamples stay within. */
#ifndef WELD_EVAL_BOOTSTRAP_H
#define WELD_EVAL_BOOTSTRAP_H
#include "core/arena.h"
#include "core/interval.h"

typedef struct weld_curve_bounds {
    weld_bounds *at;             /* [count] of each point */
    weld_bounds chord, midpoint; /* of a path: the barriers */
} weld_curve_bounds;

typedef enum weld_curve_kind {
    WELD_CURVE_LOSS,
    WELD_CURVE_SHARE,  /* from 0 to 1, the more the better: the barrier is that of 1 - y */
    WELD_CURVE_DROPS,  /* differences of shares, of whose points the least counts, see weld_least */
    WELD_CURVE_SPREAD, /* where y is NaN, the sample is left out of the mean */
} weld_curve_kind;

/* Figures of the groups' sums: out[count] of one resample's. */
typedef void (*weld_curve_fn)(double *out, int count, const double *sums);

typedef struct weld_curve {
    weld_curve_kind kind;
    const double *alpha; /* [count] ascending: a path, which has barriers; NULL = single figures */
    int count;
    const double *y;        /* [samples] of point k at y + k stride; or [groups, stride] */
    int64_t stride;         /* of groups: `columns` of them are summed */
    weld_curve_fn figures;  /* NULL = means of the samples */
    int columns;            /* with figures */
    weld_curve_bounds *out; /* arrays in the arena. NaN where a figure is not finite */
} weld_curve;

typedef struct weld_bootstrap_input {
    weld_context *ctx;
    int64_t samples, group; /* samples in a group */
    const weld_curve *curves;
    int curve_count;
    int resamples; /* > 0 */
    uint64_t seed;
} weld_bootstrap_input;

/* Refuses a number of resamples that is not allowed: 0 or 100 to 100000. */
weld_status weld_bootstrap_check(int resamples, weld_error *err);
/* Fills the bounds of all curves. Same bits for any threads. */
weld_status weld_bootstrap(weld_arena *arena, const weld_bootstrap_input *input, weld_error *err);
/* Of the least of means whose bounds are those of WELD_CURVE_DROPS. Each upper one is taken so high that all
 * points of the curve hold at once. */
weld_bounds weld_least(const weld_bounds *of, int count);
/* Clopper and Pearson's 95 % interval of a share: what the bootstrap comes to with ever more resamples. */
weld_interval weld_share_interval(int64_t hits, int64_t samples);
#endif
