/* The best permutations for given scores, within what the symmetry allows: classes by themselves by one
 * linear assignment, trees of classes from the bottom up. */
#ifndef WELD_MATCH_ASSIGN_H
#define WELD_MATCH_ASSIGN_H
#include "symmetry/group.h"

/* scores [free_count]: [n, n] of the classes of the tree at `root`, NULL = nothing is known of that one.
 * `element` comes in as it is, and changes in these classes; *gain = what their scores rise by. */
weld_status weld_assign_tree(weld_element *element, int root, double *const *scores, double *gain,
                             weld_error *err);
/* The units of class c within their blocks, which stay where `element` has them. */
weld_status weld_assign_within(weld_element *element, int c, const double *score, double *gain,
                               weld_error *err);
#endif
