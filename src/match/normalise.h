/* What counts how much in weight matching: raw sums let large layers dominate. */
#ifndef WELD_MATCH_NORMALISE_H
#define WELD_MATCH_NORMALISE_H
#include "match/score.h"

typedef enum weld_normalise {
    WELD_NORMALISE_NONE,  /* as published */
    WELD_NORMALISE_LAYER, /* every tensor has norm 1, in A and in B */
    WELD_NORMALISE_NEURON /* what comes into every unit of a linear layer, with its bias, has norm 1; other
                             tensors as for LAYER */
} weld_normalise;

/* *out by its name; false where there is none of it. NULL = none. */
bool weld_normalise_find(weld_normalise *out, const char *name);
weld_status weld_scores_normalise(weld_scores *scores, weld_normalise how, weld_error *err);
#endif
