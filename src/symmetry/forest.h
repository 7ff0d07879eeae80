/* Units that move along with others (channels with their group, head sizes with their head) make a
 * forest; units that look alike in it may change places. */
#ifndef WELD_SYMMETRY_FOREST_H
#define WELD_SYMMETRY_FOREST_H
#include "ops/ties.h"

/* All arrays [unit_count], of roots. */
typedef struct weld_forest {
    weld_context *ctx;
    int32_t *parent;    /* the root that it moves along with; -1 = none that can move itself */
    uint64_t *colour;   /* roots of one colour can change places, along with all below them */
    const char **fixed; /* why it can't move; NULL = it can */
} weld_forest;

/* `signature` [unit_count]: equal for roots that stand in the same places. */
weld_status weld_forest_create(weld_forest **out, weld_context *ctx, const weld_ties *ties,
                               const uint64_t *signature, weld_error *err);
void weld_forest_free(weld_forest *forest);
/* Mixes x into a hash. */
uint64_t weld_unit_mix(uint64_t h, uint64_t x);
#endif
