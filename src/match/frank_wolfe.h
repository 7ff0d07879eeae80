/* Weight matching with the permutations of all classes relaxed at once, as in C2M3 (Crisostomi et al.
 * 2024): where each class alone is at its best, all of them together may not be. */
#ifndef WELD_MATCH_FRANK_WOLFE_H
#define WELD_MATCH_FRANK_WOLFE_H
#include "match/score.h"

/* Frank-Wolfe from a point among the doubly stochastic matrices: 0 = the mean of all permutations, 1 =
 * the identity, others = half way from the mean to a random permutation. Then the nearest permutations;
 * the objective may be lower than at the start. progress: what is told of it at every step, [0, 1].
 *
 * Only classes that stand alone and meet no class of their own are relaxed: only for those is the
 * objective linear in each and quadratic along a segment, and a corner one assignment. The others stay
 * where `element` has them, which is a coordinate descent's result where this pays. */
weld_status weld_frank_wolfe(weld_element *element, const weld_scores *scores, int start,
                             uint64_t seed, double progress, weld_error *err);
#endif
