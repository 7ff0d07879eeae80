/* Activation matching: every class by its own features. */
#include "match/data_match.h"

static weld_status run_kind(weld_match_result **out, const weld_match_input *in, bool correlation,
                            weld_error *err)
{
    weld_data_match m;
    weld_status st = weld_data_match_open(&m, in, 0, err);
    if (st == WELD_OK)
        st = weld_match_features(&m, correlation, true, err);
    return weld_data_match_close(out, &m, st, err);
}

static weld_status run_activations(weld_match_result **out, const weld_match_input *in,
                                   weld_error *err)
{
    return run_kind(out, in, true, err);
}

static weld_status run_second_moment(weld_match_result **out, const weld_match_input *in,
                                     weld_error *err)
{
    return run_kind(out, in, false, err);
}

const weld_matcher weld_matcher_activations = {
    .name = "activations",
    .needs_data = true,
    .effort = WELD_EFFORT_ASSIGNMENT,
    .help = "correlation of post-activation features on the matching data",
    .run = run_activations};

const weld_matcher weld_matcher_second_moment = {
    .name = "second-moment",
    .needs_data = true,
    .effort = WELD_EFFORT_ASSIGNMENT,
    .help = "second moment of post-activation features: the nearest features",
    .run = run_second_moment};
