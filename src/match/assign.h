/* Assigning the units of a class: the one place that knows which permutations a class allows. */
#ifndef WELD_MATCH_ASSIGN_H
#define WELD_MATCH_ASSIGN_H
#include "symmetry/group.h"

/* Maximises the sum of score[i, perm[i]] over what the class allows; score [n, n] and perm [n] as
 * for weld_lap_max, which see for *gain and ties. */
weld_status weld_assign_class(int32_t *perm, const weld_symmetry *symmetry, int unit_class,
                              const double *score, double *gain, weld_error *err);
#endif
