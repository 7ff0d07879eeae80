/* Weight matching: coordinate descent over the classes (Ainsworth et al. 2023). */
#ifndef WELD_MATCH_WEIGHTS_H
#define WELD_MATCH_WEIGHTS_H
#include "match/matchers.h"
#include "match/score.h"

typedef struct weld_weights_options {
    int restarts; /* >= 1 */
    uint64_t seed;
    bool graph_order;
    bool anchored; /* descent 0 starts from the anchored sweep, too */
    bool relaxed;  /* the others start from Frank-Wolfe (frank_wolfe.h), around the best so far */
} weld_weights_options;

/* Descent 0 starts from the identity (with one restart that is the published algorithm) unless
 * `anchored`, descent 1 from an anchored forward sweep, descent 2 from signatures (signature.h), the
 * others from the identity again; each visits the classes in random orders of its own (descent 0 in
 * graph order, if graph_order). The best objective wins, the earliest of equals. */
weld_status weld_match_weights(weld_match_result **out, const weld_scores *scores,
                               const weld_weights_options *options, weld_error *err);
#endif
