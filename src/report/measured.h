/* What a report holds of the path between two models, the features of their layers and the conditions of
 * linear feature connectivity; report.h says how it gets there. */
#ifndef WELD_REPORT_MEASURED_H
#define WELD_REPORT_MEASURED_H
#include "core/interval.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WELD_REPORT_NAIVE = 0, WELD_REPORT_ALIGNED = 1, WELD_REPORT_VARIANTS = 2 };

/* [alpha_count]; y NULL = not measured, ci95 NULL = there was no bootstrap */
typedef struct weld_report_series {
    const double *y;
    const weld_interval *ci95;
} weld_report_series;

typedef struct weld_report_curve {
    weld_report_series loss, accuracy, top5;
    weld_report_series agree_a, agree_b; /* part of the samples with the same largest score */
    weld_report_series mse_a, mse_b;     /* mean square of the difference of the outputs */
    weld_report_series calibrated;       /* the loss at the temperature of the other half */
    const double *temperature[2];        /* that suits the even, the odd samples */
} weld_report_curve;

/* One figure for each variant; the bounds only where there was a bootstrap. */
typedef struct weld_report_bounded {
    double value[WELD_REPORT_VARIANTS], upper95[WELD_REPORT_VARIANTS];
    weld_interval ci95[WELD_REPORT_VARIANTS];
} weld_report_bounded;

typedef struct weld_report_barrier {
    weld_report_bounded chord, midpoint;
} weld_report_barrier;

/* Accuracy by class at both ends and in the middle of the path. */
enum { WELD_REPORT_CLASS_POINTS = 3 };
typedef struct weld_report_by_class {
    size_t count; /* of classes; 0 = not measured */
    double alpha[WELD_REPORT_CLASS_POINTS];
    const int64_t *samples;                                                 /* [count] */
    const double *accuracy[WELD_REPORT_VARIANTS][WELD_REPORT_CLASS_POINTS]; /* [count] */
    const weld_interval *ci95[WELD_REPORT_VARIANTS][WELD_REPORT_CLASS_POINTS];
} weld_report_by_class;

/* If the logits' features are connected with c > 0 and the ends err at most e, the path errs at most 2 e,
 * and at most as much as both ends together. */
typedef struct weld_report_lemma {
    bool present;
    double twice, sum;                  /* the two bounds */
    double worst[WELD_REPORT_VARIANTS]; /* the largest error on the path */
    double
        positive[WELD_REPORT_VARIANTS]; /* part of the samples with c > 0, the least over alpha */
} weld_report_lemma;

typedef struct weld_report_lmc {
    bool present;
    const char
        *metric; /* what the loss is: "ce", "mse_target" from targets, or "mse" from the mix of
                            the ends' outputs */
    const double *alpha; /* [alpha_count], weight of A */
    size_t alpha_count;
    weld_report_curve curve[WELD_REPORT_VARIANTS];
    weld_report_barrier loss, error; /* error: NaN without accuracy */
    weld_report_barrier calibrated;  /* NaN where there is no calibrated loss */
    bool dropped;                    /* with labels, and where both ends were measured: */
    double drop_alpha;
    weld_report_bounded drop; /* min(accuracy of A, of B) - accuracy at drop_alpha */
    weld_report_by_class by_class;
    weld_report_lemma lemma;
    int64_t resamples; /* of the bootstrap; 0 = there was none */
    uint64_t seed;
    double target_variance; /* of targets; 0 = there are none */
    bool
        judged; /* there is a verdict: a bootstrap, labels or targets, and the whole path was measured */
    double
        delta; /* connected: the upper bound of the error barrier (chord) is at most this, or that of
                     the loss barrier at most this part of the targets' variance */
    bool connected[WELD_REPORT_VARIANTS];
} weld_report_lmc;

typedef struct weld_report_spread {
    double mean, std, q05, q50, q95;
} weld_report_spread;

/* Over samples, and of the features of all samples as one vector; [llfc.alpha_count]. */
typedef struct weld_report_figures {
    const weld_report_spread *one_minus_cos, *coef, *coef_authors;
    const weld_bounds *bounds; /* of 1 - cosine, NULL = there was no bootstrap; then also: */
    weld_bounds bounds_ab;
    const weld_interval *coef_ci95, *coef_authors_ci95, *matrix_one_minus_cos_ci95,
        *matrix_coef_ci95, *matrix_coef_authors_ci95;
    weld_interval matrix_one_minus_cos_ab_ci95;
    const double *matrix_one_minus_cos, *matrix_coef, *matrix_coef_authors;
    weld_report_spread one_minus_cos_ab;
    double matrix_one_minus_cos_ab;
    int64_t zero_features; /* samples left out */
} weld_report_figures;

typedef struct weld_report_row {
    const char *name;
    weld_report_figures variant[WELD_REPORT_VARIANTS];
} weld_report_row;

typedef struct weld_report_llfc {
    bool present;
    const double *alpha; /* [alpha_count], weight of A */
    size_t alpha_count;
    weld_report_row *layers;
    size_t layer_count, layer_cap;
} weld_report_llfc;

/* The two conditions of the theorem, see eval/conditions.h; NaN = a side is zero. */
typedef struct weld_report_condition {
    const char *name, *op;
    bool linear;
    double dist_com[WELD_REPORT_VARIANTS], dist_w[WELD_REPORT_VARIANTS],
        dist_h[WELD_REPORT_VARIANTS], defect[WELD_REPORT_VARIANTS], predicted[WELD_REPORT_VARIANTS],
        measured[WELD_REPORT_VARIANTS];      /* of linear ones */
    double additivity[WELD_REPORT_VARIANTS]; /* of activations */
    weld_interval com_ci95[WELD_REPORT_VARIANTS], h_ci95[WELD_REPORT_VARIANTS],
        defect_ci95[WELD_REPORT_VARIANTS], additivity_ci95[WELD_REPORT_VARIANTS];
} weld_report_condition;

typedef struct weld_report_conditions {
    const weld_report_condition *items;
    size_t count;
    int64_t first; /* samples that predicted and measured are of */
    bool bounded;  /* the intervals are known */
} weld_report_conditions;
#endif
