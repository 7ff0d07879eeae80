/* Where the samples of a batch go: found by the ties of the operators, not assumed. */
#ifndef WELD_SYMMETRY_SAMPLES_H
#define WELD_SYMMETRY_SAMPLES_H
#include "ops/infer.h"

/* True when sample i of every input (axis 0) is index i on axis 0 of every output, and no operator
 * combines samples: then a batch of any size gives each sample the same result. */
weld_status weld_samples_independent(bool *out, weld_context *ctx, const weld_graph *graph,
                                     const weld_shapes *shapes, weld_error *err);
#endif
