/* The best permutations for given scores, within what the symmetry allows: classes by themselves by one
 * linear assignment, trees of classes from the bottom up. */
#ifndef WELD_MATCH_ASSIGN_H
#define WELD_MATCH_ASSIGN_H
#include "symmetry/group.h"

/* scores [free_count]: [n, n] of the classes of the tree at `root`, NULL = nothing is known of that one.
 * `element` comes in as it is, and changes in these classes; *gain = what their scores rise by. */
weld_status weld_assign_tree(weld_element *element, int root, double *const *scores, double *gain,
                             weld_error *err);
/* One class alone, all others in their places: perm [n] comes in as it is and stays unless another one is
 * better. Its units change places within their blocks; those that others move along with stay. */
weld_status weld_assign_class(int32_t *perm, const weld_symmetry *symmetry, int unit_class,
                              const double *score, double *gain, weld_error *err);
/* Nothing moves along with its units, and they with nothing. */
bool weld_class_is_alone(const weld_symmetry *symmetry, int unit_class);
/* May units i and j of the class change places, all others in theirs? */
bool weld_may_exchange(const weld_symmetry *symmetry, int unit_class, int32_t i, int32_t j);
#endif
