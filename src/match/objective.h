/* What the merge of an aligned pair loses by not being linear, as an objective of the permutations:
 *
 *   F = sum over layers of v E |(W_A - P W_B Q')(H_A - Q H_B)|^2
 *       + weights sum of u |A - pi(B)|^2 + features sum of a E |f_A - Q f_B|^2
 *       + additivity sum of d E |s((z_A + Q z_B) / 2) - (s(z_A) + Q s(z_B)) / 2|^2
 *
 * v = 1 / (E |W_A H_A|^2 + E |W_B H_B|^2) of the layer, H its input; u = 1 / (|A|^2 + |B|^2) of the
 * tensors of a node together; a = 1 / (E |f_A|^2 + E |f_B|^2) of the class, f its features; d = 1 / (E |s(z_A)|^2 +
 * E |s(z_B)|^2) of the class, z what stands in front of its activations s. Weights
 * are folded as for weight matching (match/score.h). Layers of which match/moments.h has no input
 * give nothing: those that read the input of the network above all, for there H_A = H_B. */
#ifndef WELD_MATCH_OBJECTIVE_H
#define WELD_MATCH_OBJECTIVE_H
#include "match/layer_view.h"
#include "match/matchers.h"
#include "match/qap.h"

typedef struct weld_objective {
    weld_context *ctx;
    const weld_symmetry *symmetry; /* borrowed, as the next two */
    const weld_scores *scores;
    const weld_moments *moments;
    weld_scores *normalised; /* the tensors times sqrt(u) */
    double constant;         /* sum of u (|A|^2 + |B|^2) */
    weld_objective_layer *layers;
    int layer_count;
    double *feature_weight; /* [free_count] a */
    double weights, features, additivity;
} weld_objective;

/* a, b: those of the scores. `moments` with inputs. */
weld_status weld_objective_create(weld_objective **out, const weld_scores *scores,
                                  const weld_moments *moments, const weld_paramset *a,
                                  const weld_paramset *b, weld_error *err);
void weld_objective_free(weld_objective *objective);

weld_status weld_objective_value(double *out, const weld_objective *objective,
                                 const weld_element *e, weld_error *err);
/* All of F that depends on the class, but for a constant. */
weld_status weld_objective_local(weld_qap **out, const weld_objective *objective,
                                 const weld_element *e, int unit_class, weld_error *err);
weld_status weld_objective_distances(weld_match_distances *out, const weld_objective *objective,
                                     const weld_element *e, weld_error *err);
#endif
