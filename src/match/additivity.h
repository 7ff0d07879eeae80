/* Weak additivity of activations, for match/moments.h: how far units are from
 *   s((a + b) / 2) = (s(a) + s(b)) / 2
 * where the ends' values a, b in front of an activation s are merged. */
#ifndef WELD_MATCH_ADDITIVITY_H
#define WELD_MATCH_ADDITIVITY_H
#include "exec/plan.h"
#include "match/moments.h"

/* Lists the activations whose units are of a free class, with their sums at zero: those that look at one
 * value alone. `samples`: of the data; of many rows only some are taken, evenly spaced. */
weld_status weld_additivity_list(weld_moments *moments, const weld_symmetry *symmetry,
                                 const weld_shapes *shapes, int64_t samples, weld_error *err);
void weld_additivity_free(weld_moments *moments);
/* Adds what the two networks made of a batch whose first sample is number `first`, of which `entries` of
 * the first axis count. */
weld_status weld_additivity_add(weld_additivity_moments *out, weld_context *ctx,
                                const weld_graph *graph, weld_run *const runs[2], int64_t first,
                                int64_t entries, weld_error *err);
#endif
