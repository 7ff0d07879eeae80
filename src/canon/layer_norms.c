/* A layer normalisation that is spelt out becomes the operator: D = x - mean(x), D / sqrt(mean(D^2) +
 * epsilon), times a scale, plus a bias; without the mean it is RMSNormalization. */
#include "canon/edit.h"
#include <math.h>

/* What is known of the pattern, from its end to its start. */
typedef struct norm_match {
    int x, centred; /* the input; D, which is x itself without a mean */
    unsigned axes;  /* the last ones */
    double epsilon;
} norm_match;

static int mean_of(const weld_draft *draft, int value, unsigned *axes)
{
    const int n = weld_made_by(draft, value, &weld_op_ReduceMean);
    const int x = n < 0 ? -1 : weld_draft_in(draft, n, 0);
    if (n < 0 || weld_attr_number(&draft->nodes[n], "keepdims") == 0 ||
        !weld_axes_of(axes, draft, n, draft->values[x].rank))
        return -1;
    return x;
}

/* The value whose square this is; -1 = it is no square. */
static int square_root_of(const weld_draft *draft, int value)
{
    int n = weld_made_by(draft, value, &weld_op_Pow);
    if (n >= 0 && weld_is_about(draft, weld_draft_in(draft, n, 1), 2))
        return weld_draft_in(draft, n, 0);
    n = weld_made_by(draft, value, &weld_op_Mul);
    return n >= 0 && weld_draft_in(draft, n, 0) == weld_draft_in(draft, n, 1)
               ? weld_draft_in(draft, n, 0)
               : -1;
}

/* The value is variance + epsilon of D: *centred, *axes, *epsilon. */
static bool is_variance(norm_match *m, const weld_draft *draft, int value)
{
    const int n = weld_made_by(draft, value, &weld_op_Add);
    const int slot = n < 0 ? -1 : weld_number_slot(&m->epsilon, draft, n);
    if (slot < 0 || !(m->epsilon >= 0 && m->epsilon < 1))
        return false;
    const int square = mean_of(draft, weld_draft_in(draft, n, 1 - slot), &m->axes);
    m->centred = square < 0 ? -1 : square_root_of(draft, square);
    return m->centred >= 0;
}

/* The value is 1 / sqrt(variance + epsilon), as a reciprocal or a power. */
static bool is_inverse(norm_match *m, const weld_draft *draft, int value)
{
    int n = weld_made_by(draft, value, &weld_op_Reciprocal);
    double one;
    if (n < 0) {
        n = weld_made_by(draft, value, &weld_op_Div);
        if (n >= 0 && !(weld_is_number(&one, draft, weld_draft_in(draft, n, 0)) && one == 1))
            n = -1;
    }
    if (n >= 0) {
        const int slot = draft->nodes[n].op == &weld_op_Div ? 1 : 0;
        const int root = weld_made_by(draft, weld_draft_in(draft, n, slot), &weld_op_Sqrt);
        return root >= 0 && is_variance(m, draft, weld_draft_in(draft, root, 0));
    }
    n = weld_made_by(draft, value, &weld_op_Pow);
    return n >= 0 && weld_is_about(draft, weld_draft_in(draft, n, 1), -0.5) &&
           is_variance(m, draft, weld_draft_in(draft, n, 0));
}

/* The node divides D by sqrt(variance + epsilon). */
static bool is_quotient(norm_match *m, const weld_draft *draft, int n)
{
    const weld_op *op = draft->nodes[n].op;
    if (op == &weld_op_Div) {
        const int root = weld_made_by(draft, weld_draft_in(draft, n, 1), &weld_op_Sqrt);
        return root >= 0 && is_variance(m, draft, weld_draft_in(draft, root, 0)) &&
               m->centred == weld_draft_in(draft, n, 0);
    }
    for (int k = 0; op == &weld_op_Mul && k < 2; k++)
        if (is_inverse(m, draft, weld_draft_in(draft, n, k)) &&
            m->centred == weld_draft_in(draft, n, 1 - k))
            return true;
    return false;
}

/* D = x - mean(x) over the same axes; then *m->x is x. Two Subs of the same operands are one D. */
static void find_mean(norm_match *m, const weld_draft *draft)
{
    unsigned axes;
    const int n = weld_made_by(draft, m->centred, &weld_op_Sub);
    m->x = m->centred;
    if (n >= 0 && mean_of(draft, weld_draft_in(draft, n, 1), &axes) == weld_draft_in(draft, n, 0) &&
        axes == m->axes)
        m->x = weld_draft_in(draft, n, 0);
}

/* Axes [axis, rank); -1 when they are others. */
static int first_axis(const norm_match *m, int rank)
{
    for (int axis = 0; axis < rank; axis++)
        if (m->axes == (((1u << rank) - 1) & ~((1u << axis) - 1)))
            return axis;
    return -1;
}

/* Scale or bias: a parameter with the dims of the axes, and 1 in front of them. *out = that shape. */
static weld_status affine_param(int *out, weld_draft *draft, int value, int x, int axis,
                                weld_error *err)
{
    const weld_value *v = value < 0 ? NULL : &draft->values[value], *input = &draft->values[x];
    weld_shape shape = {.rank = input->rank - axis};
    *out = -1;
    if (!v || v->kind != WELD_VALUE_PARAM || v->rank < shape.rank || v->rank > input->rank)
        return WELD_OK;
    for (int k = 0; k < v->rank; k++) {
        const int from = k + input->rank - v->rank;
        if (v->dims[k] != (from < axis ? 1 : input->dims[from]))
            return WELD_OK;
        if (from >= axis)
            shape.dims[from - axis] = v->dims[k];
    }
    *out = value;
    if (v->rank == shape.rank)
        return WELD_OK;
    if (weld_draft_uses(draft, value) != 1) {
        *out = -1;
        return WELD_OK;
    }
    return weld_reshaped_param(out, draft, value, &shape, err);
}

/* The operand of a Mul or Add that is not `x`, -1 = x is no operand. */
static int other_operand(const weld_draft *draft, int n, int x)
{
    for (int k = 0; k < 2; k++)
        if (weld_draft_in(draft, n, k) == x)
            return weld_draft_in(draft, n, 1 - k);
    return -1;
}

/* Mul n scales a normalised value. `add`: the Add behind it that only it feeds, -1 = none. */
static weld_status convert(int *made, weld_draft *draft, int n, int add, weld_error *err)
{
    weld_status st = WELD_OK;
    norm_match m = {.x = -1};
    int scale = -1, bias = -1, node, quotient = -1;
    for (int k = 0; k < 2 && quotient < 0; k++) {
        quotient = weld_draft_producer(draft, weld_draft_in(draft, n, k));
        if (quotient >= 0 && !is_quotient(&m, draft, quotient))
            quotient = -1;
    }
    if (quotient < 0)
        return WELD_OK;
    find_mean(&m, draft);
    const int normal = draft->nodes[quotient].outputs[0], rank = draft->values[m.x].rank;
    const int axis = rank < 1 ? -1 : first_axis(&m, rank);
    if (axis < 0)
        return WELD_OK;
    WELD_TRY(affine_param(&scale, draft, other_operand(draft, n, weld_draft_at(draft, normal)), m.x,
                          axis, err));
    if (scale < 0)
        goto done;
    const bool centres = m.x != m.centred;
    if (add >= 0 && centres)
        WELD_TRY(affine_param(&bias, draft, other_operand(draft, add, draft->nodes[n].outputs[0]),
                              m.x, axis, err));
    const weld_op *op = centres ? &weld_op_LayerNormalization : &weld_op_RMSNormalization;
    const int end = bias < 0 ? n : add;
    WELD_TRY(weld_make_node(&node, draft, op, draft->nodes[end].name, (int[]){m.x, scale, bias},
                            bias < 0 ? 2 : 3, draft->nodes[end].outputs[0], err));
    *(float *)weld_attr_slot(&draft->nodes[node], "epsilon") = (float)m.epsilon;
    *(int64_t *)weld_attr_slot(&draft->nodes[node], "axis") = axis - rank;
    (*made)++;
done:
    return st;
}

/* For each value, the one Add that reads it; -1 = none. */
static void find_adds(int *add_of, const weld_draft *draft, size_t value_count, size_t node_count)
{
    for (size_t v = 0; v < value_count; v++)
        add_of[v] = -1;
    for (size_t n = 0; n < node_count; n++)
        for (int k = 0; k < 2; k++)
            if (!draft->nodes[n].dead && draft->nodes[n].op == &weld_op_Add &&
                weld_draft_uses(draft, weld_draft_in(draft, (int)n, k)) == 1)
                add_of[weld_draft_in(draft, (int)n, k)] = (int)n;
}

weld_status weld_pass_layer_norms(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t count = draft->node_count, values = draft->value_count;
    int made = 0, *add_of = NULL;
    WELD_NEW(add_of, draft->ctx, values);
    find_adds(add_of, draft, values, count);
    for (size_t n = 0; n < count; n++)
        if (!draft->nodes[n].dead && draft->nodes[n].op == &weld_op_Mul)
            WELD_TRY(convert(&made, draft, (int)n, add_of[draft->nodes[n].outputs[0]], err));
    if (made)
        WELD_TRY(weld_draft_log(draft, err,
                                "%d normalisations that were spelt out read as one "
                                "operator each",
                                made));
done:
    weld_free(draft->ctx, add_of);
    return st;
}
