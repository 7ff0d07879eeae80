/* One frame for many models: the permutations of all of them relaxed at once (C2M3, Crisostomi et al. 2024).
 *
 * The objective, sum over pairs p < q of w_p w_q <model p, model q>, each permuted into the common frame, is
 * cycle-consistent by itself: pairs meet only there. Along a step it is a polynomial of degree 4. */
#ifndef WELD_MATCH_UNIVERSE_H
#define WELD_MATCH_UNIVERSE_H
#include "match/score.h"

typedef struct weld_universe_input {
    const weld_symmetry *symmetry;
    int count;
    const double *weights; /* [count] >= 0 */
    int fixed; /* the model whose units keep their order: nothing else tells frames apart */
    /* *out: the values of a model as they are stored, over the symmetry's graph; freed by the caller. One at
     * a time is asked for, again and again. */
    weld_status (*open)(weld_paramset **out, void *user, int which, weld_error *err);
    void *user;
} weld_universe_input;

/* Frank-Wolfe with exact line search from the mean of all permutations, then the nearest permutations;
 * elements [count] bring each model to the common frame. Classes that are not relaxed (relaxed.h) stay as
 * they are in them. The objective may be lower than at the start. */
weld_status weld_match_universe(weld_element *const *elements, const weld_universe_input *input,
                                weld_error *err);
#endif
