/* Least squares for one linear layer: W and b that make of its inputs what is wanted, ridged towards the
 * weight that is there.  W* = W0 + (C - W0 K)(K + ridge s I)^-1,  b* = E y - W* E x,  with K = Cov(x),
 * C = Cov(y, x), s = tr K / columns, and for each group of a grouped convolution by itself. */
#ifndef WELD_MERGE_FIT_H
#define WELD_MERGE_FIT_H
#include "ops/patches.h"

typedef struct weld_fit {
    weld_context *ctx;
    int64_t groups, columns, outputs; /* of each group */
    double rows;
    double *k;     /* [groups, columns, columns] sums of x x', then their moments */
    double *c;     /* [groups, outputs, columns] sums of y x' */
    double *x, *y; /* [groups, columns], [groups, outputs] sums, then means */
} weld_fit;

weld_status weld_fit_init(weld_fit *fit, weld_context *ctx, int64_t groups, int64_t columns,
                          int64_t outputs, weld_error *err);
void weld_fit_free(weld_fit *fit);
/* Blocks of rows, x [rows[b], groups * columns] and y [rows[b], groups * outputs]; added in their order,
 * the same for any number of threads. */
weld_status weld_fit_add(weld_fit *fit, const double *const *x, const double *const *y,
                         const int64_t *rows, int blocks, weld_error *err);
/* Sums become moments: centred, or not where the layer can't shift its outputs. */
void weld_fit_close(weld_fit *fit, bool centred);
/* w [groups * outputs, columns]: W0, then W*. */
weld_status weld_fit_solve(double *w, const weld_fit *fit, double ridge, weld_error *err);
/* The ridge of 1e-3, 1e-2, 1e-1 with which a fit to `fit` does best on `held`: both closed. w0: W0. */
weld_status weld_fit_choose_ridge(double *out, const weld_fit *fit, const weld_fit *held,
                                  const double *w0, weld_error *err);
/* The moments of both sets of rows together; both closed alike. */
void weld_fit_join(weld_fit *fit, const weld_fit *held, bool centred);
/* Variance of output u of the weight w (second moment where not centred), and its mean. */
double weld_fit_variance(const weld_fit *fit, const double *w, int64_t u);
double weld_fit_mean(const weld_fit *fit, const double *w, int64_t u);
#endif
