/* How numbers of the samples lie: mean, deviation, quantiles. */
#ifndef WELD_EVAL_SPREAD_H
#define WELD_EVAL_SPREAD_H
#include <stdint.h>

typedef struct weld_spread {
    double mean, std;     /* population std */
    double q05, q50, q95; /* quantiles */
} weld_spread;

/* Summed in their order; n > 0. */
double weld_mean(const double *x, int64_t n);
/* Of those that are numbers, summed in their order; all NaN without any. `room`: [n]. Returns how many
 * are none. */
int64_t weld_spread_of(weld_spread *out, const double *x, int64_t n, double *room);
void weld_sort_ascending(double *x, int64_t n);
/* Of sorted numbers, n > 0; between two of them in proportion. */
double weld_quantile(const double *sorted, int64_t n, double p);
#endif
