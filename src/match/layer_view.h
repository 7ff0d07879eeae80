/* One layer in matrices: its weights in two networks and the second moments of its input. */
#ifndef WELD_MATCH_LAYER_VIEW_H
#define WELD_MATCH_LAYER_VIEW_H
#include "match/moments.h"
#include "match/score.h"

/* A layer, or a part of one, with its input. */
typedef struct weld_objective_layer {
    const weld_input_moments *in;
    const weld_score_tensor *weight;
    double weight_of; /* v */
} weld_objective_layer;

/* Sums over the parts of a layer, B permuted. */
typedef struct weld_layer_sums {
    double product;           /* E |dW dH|^2 */
    double weights, features; /* |dW|^2, E |dH|^2 */
    double wa, wb, ha, hb;    /* |W_A|^2 .. E |H_B|^2 */
    double of_a, of_b;        /* E |W_A H_A|^2, E |W_B H_B|^2 */
    double same, crossed;     /* E |W_A H_A + W_B H_B|^2, E |W_A H_B + W_B H_A|^2 */
} weld_layer_sums;

/* B permuted by an element; [outputs, k] and [k, k] for the k columns of the part. The groups of a
 * convolution stand along the diagonal, with zeroes beside them: as costly as one without groups. */
typedef struct weld_layer_view {
    weld_context *ctx;
    int64_t outputs, k;
    double *wa, *wb, *aa, *bb, *ab;
} weld_layer_view;

/* Without the output units of B where `rows` is false, without the columns where `columns` is. */
weld_status weld_layer_view_init(weld_layer_view *out, const weld_objective_layer *layer,
                                 const weld_element *e, bool rows, bool columns, weld_error *err);
void weld_layer_view_free(weld_layer_view *view);
/* place[k] = the column of B, among the part's, that comes to column k. */
weld_status weld_layer_places(int32_t *place, const weld_objective_layer *layer,
                              const weld_element *e, weld_error *err);
#endif
