#include "match/quartic.h"
#include <stdbool.h>

enum { HALVINGS = 60 };

static double value(const double *c, int degree, double t)
{
    double sum = 0;
    for (int k = degree; k >= 0; k--)
        sum = sum * t + c[k];
    return sum;
}

/* Roots of the polynomial where it changes its sign in (0, 1), ascending: between two neighbouring roots of
 * its derivative it is monotone. Returns their number, at most `degree`. */
static int roots(double *out, const double *c, int degree)
{
    double derivative[4], ends[6];
    int count = 0, found = 0;
    if (degree == 0)
        return 0;
    for (int k = 0; k < degree; k++)
        derivative[k] = (k + 1) * c[k + 1];
    ends[0] = 0;
    count = 1 + roots(ends + 1, derivative, degree - 1);
    ends[count++] = 1;
    for (int k = 0; k + 1 < count; k++) {
        double low = ends[k], high = ends[k + 1];
        const bool rises = value(c, degree, low) < 0;
        if (rises == (value(c, degree, high) < 0))
            continue;
        for (int i = 0; i < HALVINGS; i++) {
            const double middle = (low + high) / 2;
            *((value(c, degree, middle) < 0) == rises ? &low : &high) = middle;
        }
        out[found++] = (low + high) / 2;
    }
    return found;
}

double weld_quartic_peak(const double c[5])
{
    double derivative[4], candidates[4], best = 0;
    for (int k = 0; k < 4; k++)
        derivative[k] = (k + 1) * c[k + 1];
    int count = roots(candidates, derivative, 3);
    candidates[count++] = 1;
    for (int k = 0; k < count; k++)
        if (value(c, 4, candidates[k]) > value(c, 4, best))
            best = candidates[k];
    return best;
}
