/* Linear mode connectivity and layerwise linear feature connectivity of the naive and of the
 * aligned pair, with the conditions for them, in one streaming pass. Features are never stored for the
 * data set; per-sample scalars are, and are summed in sample order: same bits for any number of threads. */
#ifndef WELD_EVAL_MEASURE_H
#define WELD_EVAL_MEASURE_H
#include "data/feed.h"
#include "eval/bootstrap.h"
#include "eval/calibrate.h"
#include "eval/conditions.h"
#include "eval/llfc.h"
#include "eval/scores.h"

enum { WELD_NAIVE = 0, WELD_ALIGNED = 1, WELD_VARIANTS = 2 };

/* A merge that is measured beside the path, against A and the aligned B. */
typedef struct weld_mix {
    const weld_paramset *params;
    double alpha; /* weight of A */
} weld_mix;

typedef struct weld_pair_input {
    weld_context *ctx;
    const weld_shapes *shapes; /* of one micro-batch, over A's graph */
    const weld_paramset *a;    /* A */
    const weld_paramset *b[2]; /* B in A's frame: naive, permuted */
    const weld_dataset *data;
    const double *alpha, *llfc_alpha; /* weight of A */
    int alpha_count, llfc_alpha_count;
    const char *metric;    /* see eval/scores.h; NULL = by the data */
    const weld_mix *extra; /* [extra_count] */
    int extra_count;
    int resamples; /* of the bootstrap, 0 = none */
    uint64_t seed;
} weld_pair_input;

/* All bounds are by bootstrap: there are none (.at is NULL) without. */

/* min(accuracy of A, of B) less that of a merge; NaN where accuracy is not in the metric. */
typedef struct weld_drop {
    double value;
    weld_bounds bounds;
} weld_drop;

/* Means over the samples at each alpha; NULL = not in the metric. */
typedef struct weld_path_figures {
    double *score[WELD_SCORES];  /* [alpha_count] */
    weld_calibrated *calibrated; /* [alpha_count]; with cross-entropy */
    weld_curve_bounds bounds[WELD_SCORES], calibrated_bounds;
    weld_drop drop; /* of the path nearest to 1/2; where its ends are A and B */
} weld_path_figures;

typedef struct weld_row_figures {
    weld_llfc_point *at; /* [llfc_alpha_count] */
    weld_llfc_baseline ends;
    /* of the means and of what all samples give together, WELD_LLFC_FIGURES for each alpha; of the ends 1 -
     * cosine alone, which the matrix has as its last one */
    weld_curve_bounds bounds, ends_bounds, matrix_bounds;
} weld_row_figures;

typedef struct weld_mix_figures {
    double loss, accuracy;                          /* NaN where they are not in the metric */
    weld_curve_bounds loss_bounds, accuracy_bounds; /* one point */
    weld_drop drop;
    double one_minus_cos;            /* the mean over the rows of the mean over the samples */
    weld_curve_bounds cosine_bounds; /* of each row, then of their mean */
    double *class_accuracy;          /* [classes], NULL as below */
    weld_interval *class_interval;   /* known without a bootstrap */
} weld_mix_figures;

enum { WELD_CLASS_POINTS = 3, WELD_CLASSES_MAX = 1024 };

/* At the ends of the grid and nearest to 1/2 between them. */
typedef struct weld_class_figures {
    int place[WELD_CLASS_POINTS]; /* of the grid */
    int64_t *samples;             /* [classes]; NULL = no accuracy, or too many classes */
    double *accuracy[WELD_VARIANTS][WELD_CLASS_POINTS];        /* [classes], NaN without samples */
    weld_interval *interval[WELD_VARIANTS][WELD_CLASS_POINTS]; /* as those of merges */
} weld_class_figures;

typedef struct weld_measures {
    weld_context *ctx;
    weld_arena arena;
    weld_rows rows;
    weld_score_set set;
    int64_t samples;
    int classes;            /* outputs per sample */
    double target_variance; /* of the targets about their means, the mean over outputs; 0 = none */
    weld_path_figures path[WELD_VARIANTS];
    weld_row_figures *row[WELD_VARIANTS]; /* [rows.count] */
    weld_class_figures by_class;
    weld_mix_figures *extra; /* [extra_count] */
    weld_conditions *conditions;
    weld_watch *watches; /* [watch_count] */
    int watch_count;
} weld_measures;

/* What weld_measure would refuse of outputs, metric and labels, before it runs anything; a and b are not
 * needed. */
weld_status weld_measure_check(const weld_pair_input *input, weld_error *err);
/* What of it is resampled: means over the samples, figures of sums over groups of them, fits of a
 * temperature. */
typedef struct weld_resampled {
    double means, sums, fits, groups;
} weld_resampled;
/* With so many merges beside the path. */
weld_status weld_measure_resampled(weld_resampled *out, const weld_pair_input *input, int extra,
                                   weld_error *err);
weld_status weld_measure(weld_measures **out, const weld_pair_input *input, weld_error *err);
void weld_measures_free(weld_measures *measures);

/* max over alpha of y - chord, y - mean of the ends; both >= 0. `alpha` holds 0 and 1. */
typedef struct weld_barrier {
    double chord, midpoint;
} weld_barrier;
weld_barrier weld_barrier_of(const double *alpha, const double *y, int count);
#endif
