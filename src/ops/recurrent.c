#include "ops/recurrent.h"
#include "core/size.h"
#include "ops/indexed.h"
#include <inttypes.h>
#include <math.h>
#include <stddef.h>

/* ---- attributes --------------------------------------------------------------------------- */

static const char *const curve_names[] = {
    "Relu",       "Tanh",        "Sigmoid", "Affine",   "LeakyRelu", "ThresholdedRelu",
    "ScaledTanh", "HardSigmoid", "Elu",     "Softsign", "Softplus",  NULL};
static const char *const direction_names[] = {"forward", "reverse", "bidirectional", NULL};

#define OFFSET(name) offsetof(weld_recurrent_attrs, name)
#define COMMON_FIELDS                                                                              \
    {"activations", WELD_FIELD_ENUMS, OFFSET(activations), 0.0, curve_names, false},               \
        {"activation_alpha", WELD_FIELD_FLOATS, OFFSET(activation_alpha), 0.0, NULL, false},       \
        {"activation_beta", WELD_FIELD_FLOATS, OFFSET(activation_beta), 0.0, NULL, false},         \
        {"clip", WELD_FIELD_FLOAT, OFFSET(clip), (double)INFINITY, NULL, false},                   \
        {"direction", WELD_FIELD_ENUM, OFFSET(direction), 0.0, direction_names, false},            \
        {"hidden_size", WELD_FIELD_INT, OFFSET(hidden_size), 0.0, NULL, false},                    \
    {                                                                                              \
        "layout", WELD_FIELD_INT, OFFSET(layout), 0.0, NULL, false                                 \
    }
const weld_field weld_lstm_fields[] = {
    COMMON_FIELDS, {"input_forget", WELD_FIELD_INT, OFFSET(input_forget), 0.0, NULL, false}, {0}};
const weld_field weld_gru_fields[] = {
    COMMON_FIELDS,
    {"linear_before_reset", WELD_FIELD_INT, OFFSET(linear_before_reset), 0.0, NULL, false},
    {0}};
const weld_field weld_rnn_fields[] = {COMMON_FIELDS, {0}};

/* Parameters of the curves: how many of alpha and beta each takes, and what they are where the
 * lists end. */
static const struct {
    bool has_alpha, has_beta;
    double alpha, beta;
} curve_parameters[] = {
    [WELD_CURVE_RELU] = {false, false, 0.0, 0.0},
    [WELD_CURVE_TANH] = {false, false, 0.0, 0.0},
    [WELD_CURVE_SIGMOID] = {false, false, 0.0, 0.0},
    [WELD_CURVE_AFFINE] = {true, true, 1.0, 0.0},
    [WELD_CURVE_LEAKY_RELU] = {true, false, 0.01, 0.0},
    [WELD_CURVE_THRESHOLDED_RELU] = {true, false, 1.0, 0.0},
    [WELD_CURVE_SCALED_TANH] = {true, true, 1.0, 1.0},
    [WELD_CURVE_HARD_SIGMOID] = {true, true, 0.2, 0.5},
    [WELD_CURVE_ELU] = {true, false, 1.0, 0.0},
    [WELD_CURVE_SOFTSIGN] = {false, false, 0.0, 0.0},
    [WELD_CURVE_SOFTPLUS] = {false, false, 0.0, 0.0},
};

static int directions_of(const weld_node *node)
{
    return ((const weld_recurrent_attrs *)node->attrs)->direction == WELD_BIDIRECTIONAL ? 2 : 1;
}

static int curves_of(const weld_node *node)
{
    return node->op == &weld_op_LSTM ? 3 : node->op == &weld_op_GRU ? 2 : 1;
}

static int gates_of(const weld_node *node)
{
    return node->op == &weld_op_LSTM ? 4 : node->op == &weld_op_GRU ? 3 : 1;
}

static weld_status check_finite(const weld_floats *list, const char *name, weld_error *err)
{
    for (int64_t k = 0; k < list->count; k++)
        if (!isfinite(list->at[k]))
            return weld_fail(err, WELD_E_FORMAT, "%s[%" PRId64 "] is %g, must be finite", name, k,
                             (double)list->at[k]);
    return WELD_OK;
}

weld_status weld_recurrent_check(const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_recurrent_attrs *attrs = node->attrs;
    const int64_t given = attrs->activations.count;
    const int count = curves_of(node) * directions_of(node);
    /* The default of RNN names two functions, also where one direction needs one. */
    WELD_REQUIRE(given <= 0 || given == count || (node->op == &weld_op_RNN && given == 2),
                 WELD_E_FORMAT, "activations has %" PRId64 " names, must have %d", given, count);
    WELD_TRY(check_finite(&attrs->activation_alpha, "activation_alpha", err));
    WELD_TRY(check_finite(&attrs->activation_beta, "activation_beta", err));
    WELD_REQUIRE(attrs->clip > 0.0f, WELD_E_FORMAT, "clip is %g, must be > 0", (double)attrs->clip);
    WELD_REQUIRE(attrs->layout == 0 || attrs->layout == 1, WELD_E_FORMAT,
                 "layout is %" PRId64 ", allowed 0 and 1", attrs->layout);
    WELD_REQUIRE(attrs->layout == 0 || node->opset >= 14, WELD_E_FORMAT,
                 "layout is 1, allowed from opset 14 on");
done:
    return st;
}

/* The parameters are consumed in the order of the functions, by those that have one. */
void weld_recurrent_curves(weld_curve_spec out[WELD_CURVES_MAX], const weld_node *node, int d)
{
    const weld_recurrent_attrs *attrs = node->attrs;
    const int curves = curves_of(node);
    int64_t alphas = 0, betas = 0;
    for (int k = 0; k < (d + 1) * curves; k++) {
        const bool is_gate = curves > 1 && k % curves == 0;
        const weld_curve curve = attrs->activations.count > 0 ? (weld_curve)attrs->activations.at[k]
                                 : is_gate                    ? WELD_CURVE_SIGMOID
                                                              : WELD_CURVE_TANH;
        weld_curve_spec spec = {curve, curve_parameters[curve].alpha, curve_parameters[curve].beta};
        if (curve_parameters[curve].has_alpha && alphas < attrs->activation_alpha.count)
            spec.alpha = (double)attrs->activation_alpha.at[alphas++];
        if (curve_parameters[curve].has_beta && betas < attrs->activation_beta.count)
            spec.beta = (double)attrs->activation_beta.at[betas++];
        out[k % curves] = spec;
    }
}

/* ---- shapes ------------------------------------------------------------------------------- */

weld_recurrent weld_recurrent_of(const weld_node *node, const weld_shape *x, const weld_shape *r)
{
    const bool batch_first = ((const weld_recurrent_attrs *)node->attrs)->layout == 1;
    return (weld_recurrent){.directions = directions_of(node),
                            .gates = gates_of(node),
                            .curves = curves_of(node),
                            .batch_first = batch_first,
                            .steps = x->dims[batch_first ? 1 : 0],
                            .batch = x->dims[batch_first ? 0 : 1],
                            .input = x->dims[2],
                            .hidden = r->dims[2]};
}

/* Input i, if it is there, has the type of X and this shape. */
static weld_status need_shape(const weld_infer *inf, int i, const char *name,
                              const weld_shape *must, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_shape *shape = weld_infer_shape(inf, i);
    char text[128], allowed[128];
    if (!shape)
        return WELD_OK;
    WELD_REQUIRE(weld_shape_equal(shape, must), WELD_E_FORMAT, "%s has shape %s, must have %s",
                 name, weld_shape_text(shape, text), weld_shape_text(must, allowed));
    if (i == WELD_RNN_LENS)
        WELD_TRY(weld_operand_type(inf, i, WELD_TYPES_INTEGER, err));
    else
        WELD_TRY(weld_operand_agree(inf, 0, i, err));
done:
    return st;
}

/* [D, N, H] or [N, D, H] */
static weld_shape state_shape(const weld_recurrent *s)
{
    return s->batch_first ? (weld_shape){3, {s->batch, s->directions, s->hidden}}
                          : (weld_shape){3, {s->directions, s->batch, s->hidden}};
}

static weld_status check_operands(const weld_infer *inf, const weld_recurrent *s, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t rows = s->gates * s->hidden;
    const weld_shape w = {3, {s->directions, rows, s->input}};
    const weld_shape r = {3, {s->directions, rows, s->hidden}};
    const weld_shape b = {2, {s->directions, 2 * rows}};
    const weld_shape lens = {1, {s->batch}}, state = state_shape(s);
    const weld_shape p = {2, {s->directions, 3 * s->hidden}};
    WELD_TRY(need_shape(inf, WELD_RNN_W, "W", &w, err));
    WELD_TRY(need_shape(inf, WELD_RNN_R, "R", &r, err));
    WELD_TRY(need_shape(inf, WELD_RNN_B, "B", &b, err));
    WELD_TRY(need_shape(inf, WELD_RNN_LENS, "sequence_lens", &lens, err));
    WELD_TRY(need_shape(inf, WELD_RNN_H, "initial_h", &state, err));
    WELD_TRY(need_shape(inf, WELD_RNN_C, "initial_c", &state, err));
    WELD_TRY(need_shape(inf, WELD_RNN_P, "P", &p, err));
done:
    return st;
}

weld_status weld_recurrent_infer(weld_infer *inf, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_recurrent_attrs *attrs = node->attrs;
    char tx[128], tr[128];
    int64_t elements, bytes;
    WELD_TRY(weld_operand_type(inf, WELD_RNN_X, WELD_TYPES_FLOAT, err));
    const weld_shape *x = weld_infer_shape(inf, WELD_RNN_X), *r = weld_infer_shape(inf, WELD_RNN_R);
    WELD_REQUIRE(x->rank == 3 && r->rank == 3, WELD_E_FORMAT,
                 "X and R have shapes %s and %s, must have rank 3", weld_shape_text(x, tx),
                 weld_shape_text(r, tr));
    const weld_recurrent s = weld_recurrent_of(node, x, r);
    WELD_REQUIRE(s.input >= 1 && s.hidden >= 1, WELD_E_FORMAT,
                 "X %s and R %s: features and hidden units must be 1 or more",
                 weld_shape_text(x, tx), weld_shape_text(r, tr));
    WELD_REQUIRE(attrs->hidden_size == 0 || attrs->hidden_size == s.hidden, WELD_E_FORMAT,
                 "hidden_size is %" PRId64 ", R %s has %" PRId64 " hidden units",
                 attrs->hidden_size, weld_shape_text(r, tr), s.hidden);
    WELD_TRY(check_operands(inf, &s, err));
    WELD_REQUIRE(weld_mul_i64(s.batch, s.input + (s.gates + 3) * s.hidden, &elements) &&
                     weld_mul_i64(elements, sizeof(double), &bytes),
                 WELD_E_LIMIT, "X %s needs more memory than can be addressed",
                 weld_shape_text(x, tx));
    const weld_shape state = state_shape(&s);
    const weld_shape y = s.batch_first
                             ? (weld_shape){4, {s.batch, s.steps, s.directions, s.hidden}}
                             : (weld_shape){4, {s.steps, s.directions, s.batch, s.hidden}};
    const weld_dtype dtype = weld_infer_dtype(inf, WELD_RNN_X);
    WELD_TRY(weld_infer_set(inf, 0, dtype, &y, err));
    WELD_TRY(weld_infer_set(inf, 1, dtype, &state, err));
    WELD_TRY(weld_infer_set(inf, 2, dtype, &state, err));
done:
    return st;
}

/* ---- ties --------------------------------------------------------------------------------- */

/* The result that stands for the units: one that is there, and its axes. With two directions each has
 * units of its own, which stand together on the axes of directions and units. */
typedef struct anchor {
    int value, hidden_axis, batch_axis;
    int node;
} anchor;

static anchor anchor_of(const weld_node *node, int index, const weld_recurrent *s)
{
    const int batch = s->batch_first ? 0 : 1; /* axis of X and of the states */
    for (int k = node->output_count - 1; k > 0; k--)
        if (node->outputs[k] >= 0)
            return (anchor){node->outputs[k], 2, batch, index};
    return (anchor){node->outputs[0], 3, s->batch_first ? 0 : 2, index};
}

/* Hidden unit i is entry g H + i of `blocks` blocks on axis a of value v; its directions are on axis d. */
static void tie_hidden(weld_ties *ties, const weld_recurrent *s, const anchor *to, int v, int d,
                       int a, int blocks)
{
    const int64_t units = s->directions * s->hidden;
    for (int64_t k = 0; k < units * blocks; k++) {
        const int64_t row = k / (s->hidden * blocks), column = k % (s->hidden * blocks);
        const int64_t i = column % s->hidden;
        if (s->directions == 1)
            weld_tie_unit(ties, to->value, to->hidden_axis, i, v, a, column);
        else
            weld_tie_pair(ties, to->node, v, d, a, row, column, row * s->hidden + i, units);
    }
}

/* Steps have their order, and are combined. */
static void tie_steps(weld_ties *ties, int v, int a)
{
    weld_tie_position(ties, v, a);
    weld_tie_mix(ties, v, a);
}

static void tie_directions(weld_ties *ties, const anchor *to, int v, int a)
{
    weld_tie_position(ties, v, a);
    weld_tie_pin(ties, to->node, v, a, "directions");
}

static void tie_weights(weld_ties *ties, const weld_node *node, const weld_recurrent *s,
                        const anchor *to)
{
    const int x = node->inputs[WELD_RNN_X], w = node->inputs[WELD_RNN_W];
    const int r = node->inputs[WELD_RNN_R], b = weld_node_input(node, WELD_RNN_B);
    const int p = weld_node_input(node, WELD_RNN_P);
    weld_tie_axes(ties, x, 2, w, 2);
    weld_tie_mix(ties, x, 2);
    weld_tie_mix(ties, w, 2);
    tie_hidden(ties, s, to, w, 0, 1, s->gates);
    tie_hidden(ties, s, to, r, 0, 1, s->gates);
    tie_hidden(ties, s, to, r, 0, 2, 1);
    tie_hidden(ties, s, to, b, 0, 1, 2 * s->gates);
    tie_hidden(ties, s, to, p, 0, 1, 3);
    weld_tie_mix(ties, to->value, to->hidden_axis);
    const int weights[] = {w, r, b, p};
    for (int k = 0; k < 4; k++)
        tie_directions(ties, to, weights[k], 0);
}

/* A state [D, N, H] or [N, D, H]. */
static void tie_state(weld_ties *ties, const weld_recurrent *s, const anchor *to, int v)
{
    const int batch = s->batch_first ? 0 : 1;
    tie_hidden(ties, s, to, v, 1 - batch, 2, 1);
    tie_directions(ties, to, v, 1 - batch);
    weld_tie_axes(ties, to->value, to->batch_axis, v, batch);
}

weld_status weld_recurrent_tie(weld_ties *ties, int index, const weld_node *node, weld_error *err)
{
    (void)index, (void)err;
    const int x = node->inputs[WELD_RNN_X], y = node->outputs[0];
    const int lens = weld_node_input(node, WELD_RNN_LENS);
    const weld_recurrent s = weld_recurrent_of(node, weld_tie_shape(ties, x),
                                               weld_tie_shape(ties, node->inputs[WELD_RNN_R]));
    const anchor to = anchor_of(node, index, &s);
    tie_weights(ties, node, &s, &to);
    for (int k = WELD_RNN_H; k <= WELD_RNN_C; k++)
        tie_state(ties, &s, &to, weld_node_input(node, k));
    for (int k = 1; k < node->output_count; k++)
        tie_state(ties, &s, &to, node->outputs[k]);
    tie_hidden(ties, &s, &to, y, s.batch_first ? 2 : 1, 3, 1);
    tie_steps(ties, y, s.batch_first ? 1 : 0);
    tie_directions(ties, &to, y, s.batch_first ? 2 : 1);
    weld_tie_axes(ties, to.value, to.batch_axis, y, s.batch_first ? 0 : 2);
    tie_steps(ties, x, s.batch_first ? 1 : 0);
    weld_tie_axes(ties, to.value, to.batch_axis, x, s.batch_first ? 0 : 1);
    weld_tie_axes(ties, to.value, to.batch_axis, lens, 0);
    return WELD_OK;
}
