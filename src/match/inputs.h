/* The inputs of layers, for match/moments.h. */
#ifndef WELD_MATCH_INPUTS_H
#define WELD_MATCH_INPUTS_H
#include "exec/plan.h"
#include "match/moments.h"

/* Lists the layers that take part, and their inputs with the sums at zero. */
weld_status weld_inputs_list(weld_moments *moments, const weld_symmetry *symmetry,
                             const weld_shapes *shapes, weld_error *err);
void weld_inputs_free(weld_moments *moments);
/* Adds what the two networks made of a batch, of which `entries` of the first axis count. */
weld_status weld_inputs_add(weld_input_moments *in, weld_context *ctx, const weld_graph *graph,
                            weld_run *const runs[2], int64_t entries, weld_error *err);
#endif
