/* Classes that the user wants left alone. */
#ifndef WELD_SYMMETRY_FREEZE_H
#define WELD_SYMMETRY_FREEZE_H
#include "symmetry/group.h"

/* Pins the classes whose name, or the name of a parameter on which their units stand, matches the
 * POSIX extended regular expression, with all that move along with them. *hits: how many matched, also
 * those that were pinned before. */
weld_status weld_symmetry_freeze(weld_symmetry *s, const char *pattern, int *hits, weld_error *err);
#endif
