/* What LSTM, GRU and RNN share: attributes, shapes, ties. The kernels are in families/recurrent.c.
 *
 * S steps, N batch, I input features, H hidden units, D directions, G gates; with layout 1 the
 * batch comes first.
 *     X [S, N, I] or [N, S, I]     W [D, G H, I]     R [D, G H, H]     B [D, 2 G H]: W's, then R's
 *     sequence_lens [N]            initial_h, initial_c, Y_h, Y_c [D, N, H] or [N, D, H]
 *     P [D, 3 H]                   Y [S, D, N, H] or [N, S, D, H] */
#ifndef WELD_OPS_RECURRENT_H
#define WELD_OPS_RECURRENT_H
#include "ops/op.h"

enum {
    WELD_RNN_X,
    WELD_RNN_W,
    WELD_RNN_R,
    WELD_RNN_B,
    WELD_RNN_LENS,
    WELD_RNN_H,
    WELD_RNN_C,
    WELD_RNN_P
};

/* In the order of weld_curve_names. */
typedef enum weld_curve {
    WELD_CURVE_RELU,
    WELD_CURVE_TANH,
    WELD_CURVE_SIGMOID,
    WELD_CURVE_AFFINE,
    WELD_CURVE_LEAKY_RELU,
    WELD_CURVE_THRESHOLDED_RELU,
    WELD_CURVE_SCALED_TANH,
    WELD_CURVE_HARD_SIGMOID,
    WELD_CURVE_ELU,
    WELD_CURVE_SOFTSIGN,
    WELD_CURVE_SOFTPLUS
} weld_curve;

enum { WELD_FORWARD, WELD_REVERSE, WELD_BIDIRECTIONAL };

typedef struct weld_recurrent_attrs {
    weld_ints activations;
    weld_floats activation_alpha, activation_beta;
    float clip; /* infinite = none */
    int64_t direction, hidden_size, layout;
    int64_t input_forget;        /* LSTM */
    int64_t linear_before_reset; /* GRU */
} weld_recurrent_attrs;
extern const weld_field weld_lstm_fields[], weld_gru_fields[], weld_rnn_fields[];

typedef struct weld_recurrent {
    int directions, gates;
    int curves; /* activation functions of one direction */
    bool batch_first;
    int64_t steps, batch, input, hidden;
} weld_recurrent;
/* From the shapes of X and R, which have been checked. */
weld_recurrent weld_recurrent_of(const weld_node *node, const weld_shape *x, const weld_shape *r);

typedef struct weld_curve_spec {
    weld_curve curve;
    double alpha, beta;
} weld_curve_spec;
enum { WELD_CURVES_MAX = 3 };
/* The activation functions of direction d, with their parameters. */
void weld_recurrent_curves(weld_curve_spec out[WELD_CURVES_MAX], const weld_node *node, int d);

weld_status weld_recurrent_check(const weld_node *node, weld_error *err);
weld_status weld_recurrent_infer(weld_infer *inf, const weld_node *node, weld_error *err);
weld_status weld_recurrent_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err);
#endif
