/* The ten ways to match among which --match auto chooses: the data tell which of them merges best, which
 * no objective predicts. "none" is not in the table: it always stands before it. */
#ifndef WELD_MATCH_CANDIDATES_H
#define WELD_MATCH_CANDIDATES_H
#include "match/matchers.h"
#include "match/moments.h"

typedef struct weld_candidate {
    const char *name;
    const weld_matcher *matcher;
    const char *start; /* as in weld_match_input, as the next two */
    bool alone;
    int restarts;
} weld_candidate;

enum { WELD_CANDIDATES = 10 };
/* [WELD_CANDIDATES], in the order in which they are tried. */
const weld_candidate *weld_candidates(void);
/* Moments that serve all of them, for weld_match_input. */
weld_status weld_candidates_moments(weld_moments **out, const weld_match_input *input,
                                    weld_error *err);
/* `input` with what the candidate decides; the rest of it is as for any matcher. */
weld_status weld_candidate_run(weld_match_result **out, const weld_candidate *candidate,
                               const weld_match_input *input, weld_error *err);
#endif
