/* Weight matching: maximise the sum over parameters of <A, pi(B)> by coordinate descent. */
#ifndef WELD_MATCH_WEIGHTS_H
#define WELD_MATCH_WEIGHTS_H
#include "symmetry/group.h"

typedef struct weld_weights_options {
    int restarts; /* descents; 1 = the published algorithm: from the identity, random order */
    uint64_t seed;
    const int32_t *order; /* [free_count] fixed order of the classes, or NULL */
} weld_weights_options;

typedef struct weld_weights_result {
    double objective[2]; /* at the identity, at the result */
    int sweeps;          /* of the best descent */
} weld_weights_result;

/* `element` is overwritten with the best found. a, b over the symmetry's graph. */
weld_status weld_match_weights(weld_element *element, weld_weights_result *result,
                               const weld_paramset *a, const weld_paramset *b,
                               const weld_weights_options *options, weld_error *err);
/* Score of one class at the current element: score[i][j] of unit i of A with unit j of B,
 * [size, size]; only_settled (or NULL) says for each class whether its axes may be relied on. */
weld_status weld_weights_score(double *score, const weld_element *element, int class_index,
                               const weld_paramset *a, const weld_paramset *b,
                               const bool *only_settled, weld_error *err);
#endif
