/* Weight matching with the permutations of all classes relaxed at once, as in C2M3 (Crisostomi et al.
 * 2024): where each class alone is at its best, all of them together may not be. */
#ifndef WELD_MATCH_FRANK_WOLFE_H
#define WELD_MATCH_FRANK_WOLFE_H
#include "match/score.h"

/* Frank-Wolfe from a point among the doubly stochastic matrices: 0 = the mean of all permutations, 1 =
 * the identity, others = half way from the mean to a random permutation. Then the nearest permutations;
 * the objective may be lower than at the start. progress: what is told of it at every step, [0, 1].
 *
 * Classes that are not relaxed (relaxed.h) stay where `element` has them, which is a coordinate descent's
 * result where this pays. */
weld_status weld_frank_wolfe(weld_element *element, const weld_scores *scores, int start,
                             uint64_t seed, double progress, weld_error *err);
#endif
