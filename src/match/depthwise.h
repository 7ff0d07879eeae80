/* Depthwise layers of the objective: unit i of A meets one unit of B in its weight and in its input alike,
 * so what they add is linear in the permutation. */
#ifndef WELD_MATCH_DEPTHWISE_H
#define WELD_MATCH_DEPTHWISE_H
#include "match/layer_view.h"
#include "match/qap.h"

/* Adds those of all units, B's as the element puts them. */
weld_status weld_depthwise_sums(weld_layer_sums *sums, const weld_objective_layer *layer,
                                const weld_element *e, weld_error *err);
/* score -= v E |(w_A,i - w_B,j)(h_A,i - h_B,j)|^2 over the units of the qap's class. */
weld_status weld_depthwise_score(weld_qap *qap, const weld_objective_layer *layer, weld_error *err);
#endif
