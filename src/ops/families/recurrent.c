/* Kernels of LSTM, GRU and RNN, one direction at a time, one step at a time; letters and shapes are
 * those of ops/recurrent.h. */
#include "ops/recurrent.h"
#include "ops/operand.h"
#include <inttypes.h>
#include <tgmath.h>
#include <string.h>

/* One direction of a node. */
typedef struct lane {
    weld_recurrent s;
    const weld_recurrent_attrs *attrs;
    const weld_tensor *lens; /* [N], NULL = all steps */
    bool backward;
    const weld_real *w, *r; /* [G H, I], [G H, H] */
    const weld_real *b, *p; /* [2 G H], [3 H]; NULL = 0 */
    weld_curve_spec curves[WELD_CURVES_MAX];
    weld_real clip;
    weld_real *x;     /* [N, I] inputs of the step */
    weld_real *gates; /* [N, G, H] */
    weld_real *h, *c; /* [N, H] state */
    weld_real *u;     /* [N, H] GRU: r h, or what r is applied to */
} lane;

static int64_t length_of(const lane *l, int64_t n)
{
    return l->lens ? l->lens->i[n] : l->s.steps;
}

/* ---- activation functions ------------------------------------------------------------------ */

static weld_real sigmoid(weld_real v)
{
    const weld_real e = exp(-fabs(v));
    return v >= 0.0f ? 1.0f / (1.0f + e) : e / (1.0f + e);
}

static weld_real clamp(weld_real v, weld_real low, weld_real high)
{
    return v < low ? low : v > high ? high : v;
}

/* Function k of the lane at v. */
static weld_real activate(const lane *l, int k, weld_real v)
{
    const weld_real alpha = (weld_real)l->curves[k].alpha, beta = (weld_real)l->curves[k].beta;
    v = clamp(v, -l->clip, l->clip);
    switch (l->curves[k].curve) {
    case WELD_CURVE_RELU: return v < 0.0f ? 0.0f : v;
    case WELD_CURVE_TANH: return tanh(v);
    case WELD_CURVE_SIGMOID: return sigmoid(v);
    case WELD_CURVE_AFFINE: return alpha * v + beta;
    case WELD_CURVE_LEAKY_RELU: return v < 0.0f ? alpha * v : v;
    case WELD_CURVE_THRESHOLDED_RELU: return v < alpha ? 0.0f : v;
    case WELD_CURVE_SCALED_TANH: return alpha * tanh(beta * v);
    case WELD_CURVE_HARD_SIGMOID: return clamp(alpha * v + beta, 0.0f, 1.0f);
    case WELD_CURVE_ELU: return v < 0.0f ? alpha * expm1(v) : v;
    case WELD_CURVE_SOFTSIGN: return v / (1.0f + fabs(v));
    case WELD_CURVE_SOFTPLUS: return v > 0.0f ? v + log1p(exp(-v)) : log1p(exp(v));
    }
    return v;
}

/* ---- cells: gates hold X W' + biases, h becomes the next state of the rows still running ------ */

/* out[N, count] += in[N, k] M[count, k]', rows of out `step` apart. */
static void add_product(const lane *l, weld_real *out, int64_t count, int64_t step,
                        const weld_real *in, const weld_real *m, int64_t k)
{
    const weld_gemm_shape shape = {
        .trans_b = true, .m = l->s.batch, .n = count, .k = k, .lda = k, .ldb = k, .ldc = step};
    weld_real_gemm(&shape, 1.0f, in, m, 1.0f, out);
}

static void rnn_step(lane *l, int64_t step)
{
    const int64_t hidden = l->s.hidden;
    add_product(l, l->gates, hidden, hidden, l->h, l->r, hidden);
    for (int64_t n = 0; n < l->s.batch; n++)
        for (int64_t i = n * hidden; step < length_of(l, n) && i < (n + 1) * hidden; i++)
            l->h[i] = activate(l, 0, l->gates[i]);
}

/* Gates z, r, h. */
static void gru_step(lane *l, int64_t step)
{
    const int64_t hidden = l->s.hidden, width = 3 * hidden;
    const bool linear = l->attrs->linear_before_reset != 0;
    const weld_real *rh = l->r + 2 * hidden * hidden; /* [H, H] */
    add_product(l, l->gates, 2 * hidden, width, l->h, l->r, hidden);
    for (int64_t n = 0; n < l->s.batch; n++)
        for (int64_t i = 0; i < hidden; i++) {
            weld_real *g = l->gates + n * width + i;
            g[0] = activate(l, 0, g[0]);
            g[hidden] = activate(l, 0, g[hidden]);
            l->u[n * hidden + i] = !linear ? g[hidden] * l->h[n * hidden + i]
                                   : l->b  ? l->b[5 * hidden + i]
                                           : 0.0f;
        }
    if (linear)
        add_product(l, l->u, hidden, hidden, l->h, rh, hidden);
    else
        add_product(l, l->gates + 2 * hidden, hidden, width, l->u, rh, hidden);
    for (int64_t n = 0; n < l->s.batch; n++)
        for (int64_t i = 0; step < length_of(l, n) && i < hidden; i++) {
            const weld_real *g = l->gates + n * width + i;
            weld_real *h = l->h + n * hidden + i;
            const weld_real reset = linear ? g[hidden] * l->u[n * hidden + i] : 0.0f;
            const weld_real next = activate(l, 1, g[2 * hidden] + reset);
            *h = (1.0f - g[0]) * next + g[0] * *h;
        }
}

/* Gates i, o, f, c; peepholes i, o, f. */
static void lstm_step(lane *l, int64_t step)
{
    const int64_t hidden = l->s.hidden, width = 4 * hidden;
    const weld_real *p = l->p;
    add_product(l, l->gates, width, width, l->h, l->r, hidden);
    for (int64_t n = 0; n < l->s.batch; n++)
        for (int64_t k = 0; step < length_of(l, n) && k < hidden; k++) {
            const weld_real *g = l->gates + n * width + k;
            weld_real *c = l->c + n * hidden + k;
            const weld_real i = activate(l, 0, g[0] + (p ? p[k] * *c : 0.0f));
            const weld_real f =
                l->attrs->input_forget
                    ? 1.0f - i
                    : activate(l, 0, g[2 * hidden] + (p ? p[2 * hidden + k] * *c : 0.0f));
            *c = f * *c + i * activate(l, 1, g[3 * hidden]);
            const weld_real o = activate(l, 0, g[hidden] + (p ? p[hidden + k] * *c : 0.0f));
            l->h[n * hidden + k] = o * activate(l, 2, *c);
        }
}

/* ---- the walk over the steps --------------------------------------------------------------- */

/* Where sequence n stands at a step; its padding stays in place at the end. */
static int64_t time_at(const lane *l, int64_t n, int64_t step)
{
    const int64_t length = length_of(l, n);
    return l->backward && step < length ? length - 1 - step : step;
}

static void read_inputs(lane *l, const weld_real *x, int64_t step)
{
    const weld_recurrent *s = &l->s;
    for (int64_t n = 0; n < s->batch; n++) {
        const int64_t t = time_at(l, n, step);
        const int64_t row = s->batch_first ? n * s->steps + t : t * s->batch + n;
        memcpy(l->x + n * s->input, x + row * s->input, (size_t)s->input * sizeof *x);
    }
}

/* gates = biases; that of GRU's last gate in R stays apart where the reset comes after it. */
static void fill_biases(lane *l)
{
    const int64_t width = l->s.gates * l->s.hidden;
    const bool apart = l->s.gates == 3 && l->attrs->linear_before_reset;
    for (int64_t n = 0; n < l->s.batch; n++)
        for (int64_t i = 0; i < width; i++) {
            const bool both = !apart || i < 2 * l->s.hidden;
            const weld_real of_r = l->b && both ? l->b[width + i] : 0.0f;
            l->gates[n * width + i] = l->b ? l->b[i] + of_r : 0.0f;
        }
}

/* y: where direction d of Y [S, D, N, H] or [N, S, D, H] starts */
static void write_step(const lane *l, weld_real *y, int64_t step)
{
    const weld_recurrent *s = &l->s;
    const size_t bytes = (size_t)s->hidden * sizeof *y;
    for (int64_t n = 0; n < s->batch; n++) {
        const int64_t t = time_at(l, n, step);
        const int64_t row = s->batch_first ? (n * s->steps + t) * s->directions
                                           : t * s->directions * s->batch + n;
        if (step < length_of(l, n))
            memcpy(y + row * s->hidden, l->h + n * s->hidden, bytes);
        else
            memset(y + row * s->hidden, 0, bytes);
    }
}

/* Row n of direction d in a state [D, N, H] or [N, D, H] of a tensor. */
static weld_real *state_row(const weld_tensor *t, const weld_recurrent *s, int d, int64_t n)
{
    const int64_t row = s->batch_first ? n * s->directions + d : d * s->batch + n;
    return weld_reals(t) + row * s->hidden;
}

static void read_state(weld_real *state, const weld_tensor *initial, const lane *l, int d)
{
    const size_t bytes = (size_t)l->s.hidden * sizeof *state;
    for (int64_t n = 0; n < l->s.batch; n++)
        if (initial)
            memcpy(state + n * l->s.hidden, state_row(initial, &l->s, d, n), bytes);
        else
            memset(state + n * l->s.hidden, 0, bytes);
}

static void write_state(const weld_tensor *final, const weld_real *state, const lane *l, int d)
{
    for (int64_t n = 0; final && n < l->s.batch; n++)
        memcpy(state_row(final, &l->s, d, n), state + n * l->s.hidden,
               (size_t)l->s.hidden * sizeof *state);
}

static const weld_tensor *input_of(const weld_kernel_args *args, const weld_node *node, int i)
{
    return weld_node_input(node, i) >= 0 ? args->in[i] : NULL;
}

static weld_tensor *output_of(const weld_kernel_args *args, const weld_node *node, int i)
{
    return i < node->output_count ? args->out[i] : NULL;
}

static void lane_init(lane *l, const weld_kernel_args *args, const weld_node *node, int d)
{
    const weld_tensor *w = args->in[WELD_RNN_W], *r = args->in[WELD_RNN_R];
    const weld_tensor *b = input_of(args, node, WELD_RNN_B), *p = input_of(args, node, WELD_RNN_P);
    *l = (lane){.s = weld_recurrent_of(node, &args->in[WELD_RNN_X]->shape, &r->shape),
                .attrs = node->attrs,
                .lens = input_of(args, node, WELD_RNN_LENS)};
    const int64_t rows = l->s.gates * l->s.hidden, states = l->s.batch * l->s.hidden;
    l->backward = d == 1 || l->attrs->direction == WELD_REVERSE;
    l->w = weld_reals(w) + d * rows * l->s.input;
    l->r = weld_reals(r) + d * rows * l->s.hidden;
    l->b = b ? weld_reals(b) + d * 2 * rows : NULL;
    l->p = p ? weld_reals(p) + d * 3 * l->s.hidden : NULL;
    l->clip = l->attrs->clip;
    weld_recurrent_curves(l->curves, node, d);
    l->x = args->scratch;
    l->gates = l->x + l->s.batch * l->s.input;
    l->h = l->gates + l->s.batch * rows;
    l->c = l->h + states;
    l->u = l->c + states;
}

static size_t scratch(const weld_kernel_args *args, const weld_node *node)
{
    const weld_recurrent s =
        weld_recurrent_of(node, &args->in[WELD_RNN_X]->shape, &args->in[WELD_RNN_R]->shape);
    return (size_t)(s.batch * (s.input + (s.gates + 3) * s.hidden)) * sizeof(weld_real);
}

static weld_status check_lengths(const weld_tensor *lens, int64_t steps, weld_error *err)
{
    for (int64_t n = 0; lens && n < lens->shape.dims[0]; n++)
        if (lens->i[n] < 0 || lens->i[n] > steps)
            return weld_fail(err, WELD_E_FORMAT,
                             "sequence_lens[%" PRId64 "] is %" PRId64 ", allowed 0 to %" PRId64, n,
                             lens->i[n], steps);
    return WELD_OK;
}

static weld_status run(const weld_kernel_args *args, const weld_node *node,
                       void (*cell)(lane *, int64_t), weld_error *err)
{
    const weld_tensor *x = args->in[WELD_RNN_X];
    weld_tensor *y = output_of(args, node, 0);
    const weld_recurrent s = weld_recurrent_of(node, &x->shape, &args->in[WELD_RNN_R]->shape);
    const weld_status st = check_lengths(input_of(args, node, WELD_RNN_LENS), s.steps, err);
    if (st != WELD_OK)
        return st;
    for (int d = 0; d < s.directions; d++) {
        lane l;
        lane_init(&l, args, node, d);
        const int64_t first = d * (s.batch_first ? 1 : s.batch) * s.hidden;
        read_state(l.h, input_of(args, node, WELD_RNN_H), &l, d);
        read_state(l.c, input_of(args, node, WELD_RNN_C), &l, d);
        for (int64_t step = 0; step < s.steps && s.batch > 0; step++) {
            read_inputs(&l, weld_reals(x), step);
            fill_biases(&l);
            add_product(&l, l.gates, s.gates * s.hidden, s.gates * s.hidden, l.x, l.w, s.input);
            cell(&l, step);
            if (y)
                write_step(&l, weld_reals(y) + first, step);
        }
        write_state(output_of(args, node, 1), l.h, &l, d);
        write_state(output_of(args, node, 2), l.c, &l, d);
    }
    return WELD_OK;
}

/* ---- the operators --------------------------------------------------------------------------- */

#define RECURRENT_OP(op, inputs, outputs, op_fields, cell)                                         \
    static weld_status run_##op(const weld_kernel_args *args, const weld_node *node,               \
                                weld_error *err)                                                   \
    {                                                                                              \
        return run(args, node, cell, err);                                                         \
    }                                                                                              \
    WELD_DEFINE_OP(op) = {.name = #op,                                                             \
                          .domain = "",                                                            \
                          .opset_min = 7,                                                          \
                          .opset_max = WELD_OPSET_MAX,                                             \
                          .inputs_min = 3,                                                         \
                          .inputs_max = (inputs),                                                  \
                          .zero_inputs = 1u << WELD_RNN_H | 1u << WELD_RNN_C,                      \
                          .outputs_min = 0,                                                        \
                          .outputs_max = (outputs),                                                \
                          .product = WELD_PRODUCT_STACKED,                                         \
                          .fields = (op_fields),                                                   \
                          .attrs_size = sizeof(weld_recurrent_attrs),                              \
                          .check = weld_recurrent_check,                                           \
                          .infer = weld_recurrent_infer,                                           \
                          .run = run_##op,                                                         \
                          .tie = weld_recurrent_tie,                                               \
                          .scratch_bytes = scratch}

RECURRENT_OP(GRU, 6, 2, weld_gru_fields, gru_step);
RECURRENT_OP(LSTM, 8, 3, weld_lstm_fields, lstm_step);
RECURRENT_OP(RNN, 6, 2, weld_rnn_fields, rnn_step);
