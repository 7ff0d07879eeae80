/* Scores of classes that are kept while permutations change: what one class moves changes the scores of
 * its neighbours only by the slices that moved. Single precision; gains are summed in double.
 *
 * In the frame of A: score[i, j] is what the unit of B that stands at place j now is worth at place i. */
#ifndef WELD_MATCH_GRAMS_H
#define WELD_MATCH_GRAMS_H
#include "match/score.h"

typedef struct weld_grams weld_grams;

/* `element` (borrowed) says where B's units stand; who changes it calls weld_grams_moved. */
weld_status weld_grams_create(weld_grams **out, const weld_scores *scores,
                              const weld_element *element, weld_error *err);
void weld_grams_free(weld_grams *grams);
/* Classes that meet themselves, or stand on joints, have none. */
bool weld_grams_has(const weld_grams *grams, int unit_class);
/* *score [n, n], borrowed until the element changes; *scale: sum of |A||B| of what was counted. `settled`
 * [free_count]: if not NULL, blocks with units of another class that is not settled are left out. */
weld_status weld_grams_view(const float **score, double *scale, weld_grams *grams, int unit_class,
                            const bool *settled, weld_error *err);
/* Forgets the class's score where tensors are drawn: it is out of date before the next look at it, and
 * many of them would need more memory than the tensors. */
void weld_grams_release(weld_grams *grams, int unit_class);
/* As weld_scores_class, which has a column for each unit of B wherever it stands. */
weld_status weld_grams_score(double *score, double *scale, weld_grams *grams, int unit_class,
                             const bool *settled, weld_error *err);
/* weld_scores_objective of the element. */
weld_status weld_grams_objective(double *out, const weld_grams *grams, weld_error *err);
/* *gain: what <A, permuted B> would rise by with `perm` [n] for the class. */
weld_status weld_grams_gain(double *gain, const weld_grams *grams, int unit_class,
                            const int32_t *perm, weld_error *err);
/* The element's permutation of the class was `before` [n] until now. */
weld_status weld_grams_moved(weld_grams *grams, int unit_class, const int32_t *before,
                             weld_error *err);
#endif
