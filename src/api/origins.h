/* Sets of parameters that draw their values from files and from other sets, whenever they are asked: see
 * ir/paramset.h. Each keeps alive what it draws from, and the structure whose graph it is over. */
#ifndef WELD_API_ORIGINS_H
#define WELD_API_ORIGINS_H
#include "symmetry/group.h"

struct weld_structure;
struct weld_recipe;

/* What the file holds; WELD_E_FORMAT where it does not hold what it says. */
weld_status weld_params_of_file(weld_paramset **out, struct weld_structure *structure,
                                weld_error *err);
/* Parameter p of `to` is number map[p] of `from`, whose homes are given, in the type of p; where map[p]
 * is -1 it is number p of `others` (NULL = zeros). */
weld_status weld_params_in_frame(weld_paramset **out, struct weld_structure *to,
                                 weld_paramset *from, const weld_home *from_homes, const int *map,
                                 weld_paramset *others, weld_error *err);
/* `from` as the element, one of `symmetry`, permutes it; a copy of the element is kept. */
weld_status weld_params_permuted(weld_paramset **out, struct weld_structure *structure,
                                 weld_paramset *from, weld_symmetry *symmetry,
                                 const weld_element *element, weld_error *err);
/* What the recipe makes of a and b with weights [param_count, 2], which are copied. Its merger works on
 * single parameters, and nothing is corrected. */
weld_status weld_params_merged(weld_paramset **out, struct weld_structure *structure,
                               const struct weld_recipe *recipe, weld_paramset *a, weld_paramset *b,
                               const double *weights, weld_error *err);
#endif
