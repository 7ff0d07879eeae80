#include "match/candidates.h"

static const weld_candidate candidates[WELD_CANDIDATES] = {
    {"weights", &weld_matcher_weights, 0, 0},
    {"activations", &weld_matcher_activations, 0, 0},
    {"weights order 0", &weld_matcher_weights, 1, 0},
    {"weights order 1", &weld_matcher_weights, 1, 1},
    {"weights order 2", &weld_matcher_weights, 1, 2},
    {"weights order 3", &weld_matcher_weights, 1, 3},
    {"weights order 4", &weld_matcher_weights, 1, 4},
    {"weights order 5", &weld_matcher_weights, 1, 5},
    {"weights order 6", &weld_matcher_weights, 1, 6},
    {"weights order 7", &weld_matcher_weights, 1, 7},
};

const weld_candidate *weld_candidates(void)
{
    return candidates;
}

weld_status weld_candidate_run(weld_match_result **out, const weld_candidate *candidate,
                               const weld_match_input *input, weld_error *err)
{
    weld_match_input in = *input;
    in.restarts = candidate->restarts;
    in.seed += candidate->seed;
    return candidate->matcher->run(out, &in, err);
}
