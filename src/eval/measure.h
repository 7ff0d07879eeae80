/* Linear mode connectivity and layerwise linear feature connectivity of the naive and of the
 * aligned pair, in one streaming pass. Features are never stored for the data set; per-sample
 * scalars are, and are summed in sample order: same bits for any number of threads. */
#ifndef WELD_EVAL_MEASURE_H
#define WELD_EVAL_MEASURE_H
#include "data/feed.h"
#include "eval/rows.h"
#include "exec/plan.h"

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
    const weld_mix *extra; /* [extra_count] */
    int extra_count;
} weld_pair_input;

typedef struct weld_mean_std {
    double mean, std; /* over samples; population std */
} weld_mean_std;

/* c f_alpha = f_int: coef = <f_alpha, f_int> / |f_alpha|^2, coef_authors divides by |f_int|^2. */
typedef struct weld_row_figures {
    weld_mean_std *one_minus_cos, *coef, *coef_authors; /* [llfc_alpha_count] */
    weld_mean_std one_minus_cos_ab;
    int64_t zeros; /* samples left out for a zero feature, worst alpha */
} weld_row_figures;

typedef struct weld_mix_figures {
    double loss, accuracy;        /* NaN without labels */
    weld_mean_std *one_minus_cos; /* [rows.count] */
} weld_mix_figures;

typedef struct weld_measures {
    weld_context *ctx;
    weld_arena arena;
    weld_rows rows;
    int64_t samples;
    bool has_loss;
    int classes;
    double *loss[WELD_VARIANTS], *accuracy[WELD_VARIANTS]; /* [alpha_count] */
    weld_row_figures *row[WELD_VARIANTS];                  /* [rows.count] */
    weld_mix_figures *extra;                               /* [extra_count] */
} weld_measures;

weld_status weld_measure(weld_measures **out, const weld_pair_input *input, weld_error *err);
void weld_measures_free(weld_measures *measures);

/* max over alpha of y - chord, y - mean of the ends; both >= 0. `alpha` holds 0 and 1. */
typedef struct weld_barrier {
    double chord, midpoint;
} weld_barrier;
weld_barrier weld_barrier_of(const double *alpha, const double *y, int count);
#endif
