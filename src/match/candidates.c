#include "match/candidates.h"

static const weld_candidate candidates[WELD_CANDIDATES] = {
    {"weights", &weld_matcher_weights, NULL, false, 0},
    {"second-moment", &weld_matcher_second_moment, NULL, false, 1},
    {"activations", &weld_matcher_activations, NULL, false, 1},
    {"both", &weld_matcher_both, NULL, false, 1},
    {"both-correlation", &weld_matcher_both_correlation, NULL, false, 1},
    {"commutativity from second-moment", &weld_matcher_commutativity, "second-moment", false, 1},
    {"commutativity from activations", &weld_matcher_commutativity, "activations", false, 1},
    {"commutativity from both", &weld_matcher_commutativity, "both", false, 1},
    {"commutativity alone from second-moment", &weld_matcher_commutativity, "second-moment", true,
     1},
    {"commutativity alone from weights", &weld_matcher_commutativity, "weights", true, 6},
};

const weld_candidate *weld_candidates(void)
{
    return candidates;
}

weld_status weld_candidates_moments(weld_moments **out, const weld_match_input *in, weld_error *err)
{
    const weld_moments_input what = {.symmetry = in->symmetry,
                                     .shapes = in->shapes,
                                     .a = in->a,
                                     .b = in->b,
                                     .data = in->data,
                                     .kinds = WELD_MOMENTS_INPUTS};
    return weld_moments_create(out, &what, err);
}

weld_status weld_candidate_run(weld_match_result **out, const weld_candidate *candidate,
                               const weld_match_input *input, weld_error *err)
{
    weld_match_input in = *input;
    in.start = candidate->start;
    in.alone = candidate->alone;
    in.restarts = candidate->restarts;
    return candidate->matcher->run(out, &in, err);
}
