/* Sums over weights, in double; eight at a time, always in the same order. */
#ifndef WELD_MATCH_DOT_H
#define WELD_MATCH_DOT_H
#include <stdint.h>

static inline double weld_dot(const float *a, const float *b, int64_t count)
{
    enum { LANES = 8 };
    double sum[LANES] = {0}, total = 0;
    int64_t k = 0;
    for (; k + LANES <= count; k += LANES)
        for (int j = 0; j < LANES; j++)
            sum[j] += (double)a[k + j] * (double)b[k + j];
    for (int j = 0; j < LANES; j++)
        total += sum[j];
    for (; k < count; k++)
        total += (double)a[k] * (double)b[k];
    return total;
}
#endif
