/* Layerwise linear feature connectivity: of every row and sample the dot products of the features of A,
 * B and what lies between them, from which all figures follow. Features themselves are not kept. */
#ifndef WELD_EVAL_LLFC_H
#define WELD_EVAL_LLFC_H
#include "core/arena.h"
#include "eval/rows.h"
#include "eval/spread.h"
#include "exec/plan.h"

typedef struct weld_end_dots {
    double aa, bb, ab;
} weld_end_dots;

typedef struct weld_mix_dots {
    double mm, ma, mb;
} weld_mix_dots;

/* out[r * stride + i]: of row r and sample i of n. */
void weld_llfc_ends(weld_end_dots *out, const weld_rows *rows, const weld_shapes *shapes,
                    weld_run *a, weld_run *b, int64_t stride, int64_t n);
void weld_llfc_mixed(weld_mix_dots *out, const weld_rows *rows, const weld_shapes *shapes,
                     weld_run *const ends[2], weld_run *mixed, int64_t stride, int64_t n);

/* c f_alpha = f_int: coef = <f_alpha, f_int> / |f_alpha|^2, coef_authors divides by |f_int|^2. */
typedef struct weld_llfc_point {
    weld_spread one_minus_cos, coef, coef_authors; /* over samples */
    double matrix_one_minus_cos, matrix_coef,
        matrix_coef_authors; /* of the features of all samples as one vector */
    double positive;         /* part of the samples with c > 0 */
    int64_t zeros;           /* samples left out for a zero feature */
} weld_llfc_point;

typedef struct weld_llfc_baseline {
    weld_spread one_minus_cos;
    double matrix_one_minus_cos;
    int64_t zeros;
} weld_llfc_baseline;

/* Over n samples of one row; `room`: [2 n]. */
void weld_llfc_summarise(weld_llfc_point *out, const weld_mix_dots *mixed,
                         const weld_end_dots *ends, double alpha, int64_t n, double *room);

enum { WELD_LLFC_FIGURES = 3 }; /* 1 - cosine, coef, coef_authors */

/* [WELD_LLFC_FIGURES, n] of each sample, NaN for a zero feature, in the place of what they are made of;
 * `room`: as much. */
const double *weld_llfc_samples(weld_mix_dots *mixed, const weld_end_dots *ends, double alpha,
                                int64_t n, double *room);
/* [n] 1 - cosine between the ends, likewise. */
const double *weld_llfc_end_samples(weld_end_dots *ends, int64_t n);
/* What the figures of all samples as one vector are made of, for each `group` of samples: three sums at
 * out + g stride. Those of the ends give 1 - cosine alone. */
void weld_llfc_sums(double *out, int64_t stride, const weld_mix_dots *mixed,
                    const weld_end_dots *ends, double alpha, int64_t n, int64_t group);
void weld_llfc_end_sums(double *out, int64_t stride, const weld_end_dots *ends, int64_t n,
                        int64_t group);
/* A weld_curve_fn: `count` figures of such sums, WELD_LLFC_FIGURES of each three. */
void weld_llfc_matrix(double *out, int count, const double *sums);
/* The sum of 1 - cosine over the samples without a zero feature and how many these are, likewise two. */
void weld_llfc_distances(double *out, int64_t stride, const weld_mix_dots *mixed,
                         const weld_end_dots *ends, double alpha, int64_t n, int64_t group);
/* A weld_curve_fn: the means of such sums of count - 1 rows, then the mean of those that have a sample. */
void weld_llfc_row_means(double *out, int count, const double *sums);
void weld_llfc_baseline_of(weld_llfc_baseline *out, const weld_end_dots *ends, int64_t n,
                           double *room);
#endif
