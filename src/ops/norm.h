/* What normalisations share. */
#ifndef WELD_OPS_NORM_H
#define WELD_OPS_NORM_H
#include "ops/op.h"
#include "ops/real.h"
#include <math.h>

typedef struct weld_moments {
    double mean, inverse; /* inverse = 1 / sqrt(variance + epsilon) */
} weld_moments;

/* `centered`: of the differences from the mean; else the mean counts as 0. x: [count], count > 0. */
static inline weld_moments weld_moments_of(const weld_real *x, int64_t count, bool centered,
                                           double epsilon)
{
    weld_moments m = {0.0, 0.0};
    for (int64_t i = 0; centered && i < count; i++)
        m.mean += (double)x[i];
    m.mean /= (double)count;
    double squares = 0.0;
    for (int64_t i = 0; i < count; i++) {
        const double d = (double)x[i] - m.mean;
        squares += d * d;
    }
    m.inverse = 1.0 / (sqrt)(squares / (double)count + epsilon);
    return m;
}

static inline weld_status weld_check_epsilon(float epsilon, weld_error *err)
{
    if (epsilon >= 0.0f && isfinite(epsilon))
        return WELD_OK;
    return weld_fail(err, WELD_E_FORMAT, "epsilon is %g, must be finite and >= 0", (double)epsilon);
}
#endif
