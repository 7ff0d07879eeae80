/* The candidates among which --match auto chooses. "none" is not in the table: it always stands
 * before it. To add one: a line in candidates.c. */
#ifndef WELD_MATCH_CANDIDATES_H
#define WELD_MATCH_CANDIDATES_H
#include "match/matchers.h"

typedef struct weld_candidate {
    const char *name; /* in the report, each once */
    const weld_matcher *matcher;
    int restarts;  /* as weld_match_input has it */
    uint64_t seed; /* is added to the user's */
} weld_candidate;

enum { WELD_CANDIDATES = 10 };
/* [WELD_CANDIDATES], in the order in which they are tried; the first ones are the most promising. */
const weld_candidate *weld_candidates(void);
/* `input` with what the candidate decides; the rest of it is as for any matcher. */
weld_status weld_candidate_run(weld_match_result **out, const weld_candidate *candidate,
                               const weld_match_input *input, weld_error *err);
#endif
