/* What the matchers that use data have in common. */
#ifndef WELD_MATCH_DATA_MATCH_H
#define WELD_MATCH_DATA_MATCH_H
#include "match/matchers.h"
#include "match/moments.h"
#include "match/score.h"

typedef struct weld_data_match {
    const weld_match_input *in;
    weld_scores *scores;
    const weld_moments *moments; /* those of the input, or its own */
    weld_moments *own;
    weld_match_result *result; /* its element is the identity at first */
    double *score, *extra;     /* [n, n] of the largest class: room */
} weld_data_match;

/* `kinds` of moments are needed besides those of features. */
weld_status weld_data_match_open(weld_data_match *m, const weld_match_input *in, unsigned kinds,
                                 weld_error *err);
/* *out = the result for its element, if `st` is WELD_OK; frees all else. Returns the first failure. */
weld_status weld_data_match_close(weld_match_result **out, weld_data_match *m, weld_status st,
                                  weld_error *err);

/* Every class by itself, by the correlation of its features or their second moment; the weight
 * score, far below, orders units that the data can't tell apart. */
weld_status weld_match_features(weld_data_match *m, bool correlation, bool by_weights,
                                weld_error *err);
#endif
