#include "eval/spread.h"
#include <math.h>
#include <stdlib.h>

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void weld_sort_ascending(double *x, int64_t n)
{
    qsort(x, (size_t)n, sizeof *x, compare);
}

double weld_quantile(const double *sorted, int64_t n, double p)
{
    const double at = p * (double)(n - 1);
    const int64_t k = (int64_t)at;
    return k + 1 < n ? sorted[k] + (at - (double)k) * (sorted[k + 1] - sorted[k]) : sorted[k];
}

double weld_mean(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

int64_t weld_spread_of(weld_spread *out, const double *x, int64_t n, double *room)
{
    double sum = 0, squares = 0;
    int64_t count = 0;
    for (int64_t k = 0; k < n; k++)
        if (!isnan(x[k])) {
            sum += x[k];
            room[count++] = x[k];
        }
    *out = (weld_spread){NAN, NAN, NAN, NAN, NAN};
    if (!count)
        return n;
    out->mean = sum / (double)count;
    for (int64_t k = 0; k < count; k++)
        squares += (room[k] - out->mean) * (room[k] - out->mean);
    out->std = sqrt(squares / (double)count);
    weld_sort_ascending(room, count);
    out->q05 = weld_quantile(room, count, 0.05);
    out->q50 = weld_quantile(room, count, 0.50);
    out->q95 = weld_quantile(room, count, 0.95);
    return n - count;
}
