/* The candidates among which --match auto chooses. "none" is not in the table: it always stands
 * before it. To add one: a line in candidates.c. */
#ifndef WELD_MATCH_CANDIDATES_H
#define WELD_MATCH_CANDIDATES_H
#include <stddef.h>
#include <stdint.h>

typedef struct weld_candidate {
    const char *name;    /* in the report, each once */
    const char *matcher; /* of matchers.def */
    int restarts;        /* as weld_match_input has it */
    uint64_t seed;       /* is added to the user's */
} weld_candidate;

/* In the order in which they are tried; the first ones are the most promising. */
const weld_candidate *weld_candidates(size_t *count);
#endif
