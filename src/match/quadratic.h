/* Classes that meet themselves: units on two axes of one tensor (recurrent weights, x + W x, tied
 * weights). The weight score of such a class is f(P) = <P, L> + sum of tr(P' A' P B). */
#ifndef WELD_MATCH_QUADRATIC_H
#define WELD_MATCH_QUADRATIC_H
#include "match/qap.h"
#include "match/score.h"

/* The class stands on two axes of a scored tensor; on three, or on joints, it is not treated as such. */
bool weld_class_is_quadratic(const weld_scores *scores, int unit_class);
/* Adds -weight f of the class to the qap, all other classes permuted by e. Where the class meets itself on
 * a joint (recurrent weights of two directions), f is taken to first order in its permutation. */
weld_status weld_quadratic_add(weld_qap *qap, const weld_scores *scores, const weld_element *e,
                               double weight, weld_error *err);
/* perm [n] comes in as the current permutation of the class and stays unless f rises by *gain. Above
 * 1,024 units it is one assignment on the gradient of f instead, which may lower f: check. */
weld_status weld_quadratic_assign(int32_t *perm, double *gain, const weld_scores *scores,
                                  const weld_element *e, int unit_class, weld_error *err);
#endif
