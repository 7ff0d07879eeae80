/* Exact line search where the objective is a polynomial of the step. */
#ifndef WELD_MATCH_QUARTIC_H
#define WELD_MATCH_QUARTIC_H

/* The t in [0, 1] where c[0] + c[1] t + ... + c[4] t^4 is largest, the smallest of equals. */
double weld_quartic_peak(const double c[5]);
#endif
