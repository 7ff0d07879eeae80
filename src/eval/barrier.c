#include "eval/measure.h"

/* Linear loss between the ends of the grid; both ends are part of the maximum, so it is >= 0. */
weld_barrier weld_barrier_of(const double *alpha, const double *y, int count)
{
    double b = y[0], a = y[count - 1], span = alpha[count - 1] - alpha[0];
    weld_barrier out = {0, 0};
    for (int k = 0; k < count; k++) {
        double t = span > 0 ? (alpha[k] - alpha[0]) / span : 0;
        double chord = y[k] - (t * a + (1 - t) * b), midpoint = y[k] - 0.5 * (a + b);
        out.chord = chord > out.chord ? chord : out.chord;
        out.midpoint = midpoint > out.midpoint ? midpoint : out.midpoint;
    }
    return out;
}
