/* Quadratic assignment of one class, minimised: what an objective becomes when the class meets
 * itself, on two axes of one tensor or in a product of weights and features.
 *
 *   F(Q) = -<Q, S> + sum over terms of weight tr(Q' X Q Y), or tr(Q' X Q' Y) where crossed
 *
 * Q [n, n] has 1 at [i, perm[i]]. A term with r taps has X, Y [r n, r n], tap-major (unit i of tap
 * a at a n + i), and Q stands for its r copies on the diagonal. */
#ifndef WELD_MATCH_QAP_H
#define WELD_MATCH_QAP_H
#include "symmetry/group.h"

enum {
    /* Columns of a class for which Frank-Wolfe is tried besides exchanges (by commutativity): wider ones were
     * measured without, and exchanges alone lose little. */
    WELD_QAP_WALKED = 256,
    WELD_QAP_STEPS = 30 /* of Frank-Wolfe, at most */
};

typedef struct weld_qap_term {
    bool crossed;
    bool symmetric; /* X and Y both are: half the work; ignored where crossed */
    int32_t taps;
    double weight;
    double *x, *y; /* [taps n, taps n] */
} weld_qap_term;

typedef struct weld_qap {
    const weld_symmetry *symmetry; /* borrowed */
    int unit_class;
    int32_t n;
    double *score; /* S [n, n], zero at first */
    weld_qap_term *terms;
    int term_count;
    size_t term_cap;
} weld_qap;

weld_status weld_qap_create(weld_qap **out, const weld_symmetry *symmetry, int unit_class,
                            weld_error *err);
void weld_qap_free(weld_qap *qap);
/* Adds a copy of `like` with X and Y allocated, to be filled. */
weld_status weld_qap_add(weld_qap_term **out, weld_qap *qap, const weld_qap_term *like,
                         weld_error *err);

/* out [n, n] = gradient of F at any matrix q [n, n], or with less work at a permutation. */
weld_status weld_qap_gradient(double *out, const weld_qap *qap, const double *q, weld_error *err);
weld_status weld_qap_gradient_at(double *out, const weld_qap *qap, const int32_t *perm,
                                 weld_error *err);
/* *scale: the size of what F sums up, for telling a change from rounding. */
void weld_qap_value(double *value, double *scale, const weld_qap *qap, const int32_t *perm);

/* Steepest descent over exchanges of two units, at most 20 n of them; never ends above the start.
 * Two units change places only where the class lets them. */
weld_status weld_qap_swaps(int32_t *perm, const weld_qap *qap, weld_error *err);
/* Frank-Wolfe from q [n, n], which it uses up: the assignment of the gradient, exact line search, at
 * most WELD_QAP_STEPS, then the nearest permutation. It may end above the start. */
weld_status weld_qap_frank_wolfe(int32_t *perm, const weld_qap *qap, double *q, weld_error *err);
/* Both: exchanges from perm, and from where Frank-Wolfe ends that started there (`starts` >= 1) or
 * at the mean of all permutations (`starts` >= 2). *gain: what F dropped by; 0 and perm as it was,
 * if by no more than rounding. Without terms it is an assignment. */
weld_status weld_qap_solve(int32_t *perm, double *gain, const weld_qap *qap, int starts,
                           weld_error *err);
#endif
