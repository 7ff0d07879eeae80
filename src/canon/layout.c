/* Layout Transposes move towards the outputs, where those of a network in NHWC meet and vanish: an
 * operator that treats its axes alike is applied before the Transpose instead of behind it, with its
 * axes renamed. What remains stands at the ends, or before an operator that wants that layout. */
#include "canon/edit.h"
#include "canon/layout.h"
#include "ops/broadcast.h"
#include <string.h>

/* ---- permutations: axis k of T(u) is axis perm[k] of u -------------------------------- */

bool weld_layout_of(weld_layout *out, const weld_draft *draft, int value)
{
    const int node = weld_made_by(draft, value, &weld_op_Transpose);
    if (node < 0)
        return false;
    out->from = weld_draft_in(draft, node, 0);
    out->rank = draft->values[weld_draft_at(draft, value)].rank;
    const weld_ints *given = weld_attr_slot(&draft->nodes[node], "perm");
    for (int k = 0; k < out->rank; k++)
        out->perm[k] = given->count == out->rank ? (int)given->at[k] : out->rank - 1 - k;
    return out->rank > 0;
}

static bool same_perm(const weld_layout *a, const weld_layout *b)
{
    return a->rank == b->rank && memcmp(a->perm, b->perm, sizeof(int) * (size_t)a->rank) == 0;
}

static bool is_identity(const weld_layout *l)
{
    for (int k = 0; k < l->rank; k++)
        if (l->perm[k] != k)
            return false;
    return true;
}

weld_status weld_make_transpose(weld_draft *draft, int from, const int *perm, int output,
                                const char *name, weld_error *err)
{
    int node;
    weld_status st = weld_make_node(&node, draft, &weld_op_Transpose, name, &from, 1, output, err);
    if (st != WELD_OK)
        return st;
    weld_ints *list = weld_attr_slot(&draft->nodes[node], "perm");
    list->count = draft->values[output].rank;
    for (int k = 0; k < list->count; k++)
        list->at[k] = perm[k];
    return WELD_OK;
}

/* `value`, which is T(u), stays what it was: the node makes u, whose dims follow, and a Transpose
 * behind it makes the value. */
static weld_status hang_behind(weld_draft *draft, int node, int slot, const weld_layout *l,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    const int value = draft->nodes[node].outputs[slot];
    int inner;
    if (value < 0)
        return WELD_OK;
    WELD_TRY(weld_value_like(&inner, draft, value, err));
    for (int k = 0; k < l->rank; k++)
        draft->values[inner].dims[l->perm[k]] = draft->values[value].dims[k];
    weld_draft_set_out(draft, node, slot, inner);
    draft->values[value].producer = -1;
    WELD_TRY(weld_make_transpose(draft, inner, l->perm, value, draft->nodes[node].name, err));
done:
    return st;
}

/* ---- operands of elementwise operators -------------------------------------------------- */

/* A parameter that was broadcast to T(u), for u: its axes filled up in front and turned back. */
static weld_status turn_param(int *out, weld_draft *draft, int param, const weld_layout *l,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_value *v = &draft->values[param];
    weld_shape full = {.rank = l->rank};
    int inverse[WELD_RANK_MAX];
    for (int k = 0; k < l->rank; k++) {
        const int from = k - (l->rank - v->rank);
        full.dims[k] = from < 0 ? 1 : v->dims[from];
    }
    *out = param;
    if (v->rank < l->rank)
        WELD_TRY(weld_reshaped_param(out, draft, param, &full, err));
    weld_invert_perm(inverse, l->perm, l->rank);
    if (*out >= 0)
        WELD_TRY(weld_transposed_param(out, draft, *out, inverse, err));
done:
    return st;
}

/* What stands for operand `value` when T moves behind the operator; *out = -1: it can't. */
static weld_status turn_operand(int *out, weld_draft *draft, int value, const weld_layout *l,
                                weld_error *err)
{
    weld_layout own;
    double number;
    *out = -1;
    if (weld_is_number(&number, draft, value)) {
        *out = draft->values[value].rank <= 1 ? value : -1;
    } else if (weld_layout_of(&own, draft, value)) {
        *out = same_perm(&own, l) ? own.from : -1;
    } else if (draft->values[value].kind == WELD_VALUE_PARAM &&
               draft->values[value].rank <= l->rank && weld_draft_uses(draft, value) == 1) {
        return turn_param(out, draft, value, l, err);
    }
    return WELD_OK;
}

static weld_status move_elementwise(bool *moved, weld_draft *draft, int n, const weld_layout *l,
                                    weld_error *err)
{
    weld_status st = WELD_OK;
    const int count = draft->nodes[n].input_count;
    int turned[8];
    if (count > 8 || draft->values[draft->nodes[n].outputs[0]].rank != l->rank)
        return WELD_OK;
    for (int k = 0; k < count; k++) {
        turned[k] = -1;
        if (weld_draft_in(draft, n, k) < 0)
            continue;
        WELD_TRY(turn_operand(&turned[k], draft, weld_draft_in(draft, n, k), l, err));
        if (turned[k] < 0)
            goto done;
    }
    for (int k = 0; k < count; k++)
        if (turned[k] >= 0)
            weld_draft_set_in(draft, n, k, turned[k]);
    WELD_TRY(hang_behind(draft, n, 0, l, err));
    *moved = true;
done:
    return st;
}

/* ---- operators with an axis ---------------------------------------------------------------- */

/* All inputs are T(u_k); the attribute `axis` is renamed, and T hangs behind every output. */
static weld_status move_axis(bool *moved, weld_draft *draft, int n, const weld_layout *l,
                             int inputs, weld_error *err)
{
    weld_status st = WELD_OK;
    int64_t *axis = weld_attr_slot(&draft->nodes[n], "axis");
    const int64_t at = *axis < 0 ? *axis + l->rank : *axis;
    if (at < 0 || at >= l->rank)
        return WELD_OK;
    for (int k = 0; k < inputs; k++) {
        weld_layout own;
        if (!weld_layout_of(&own, draft, weld_draft_in(draft, n, k)) || !same_perm(&own, l))
            return WELD_OK;
    }
    for (int k = 0; k < inputs; k++) {
        weld_layout own;
        weld_layout_of(&own, draft, weld_draft_in(draft, n, k));
        weld_draft_set_in(draft, n, k, own.from);
    }
    *axis = l->perm[at];
    for (int k = 0; k < draft->nodes[n].output_count; k++)
        WELD_TRY(hang_behind(draft, n, k, l, err));
    *moved = true;
done:
    return st;
}

/* Axes that come as input `slot` (after the pass `forms`) are renamed. */
static weld_status move_axes(bool *moved, weld_draft *draft, int n, const weld_layout *l, int slot,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    const int list = weld_draft_in(draft, n, slot);
    const weld_tensor *data = list < 0 ? NULL : draft->values[list].data;
    int64_t axes[WELD_RANK_MAX];
    int renamed;
    if (!data || weld_shape_numel(&data->shape) > WELD_RANK_MAX ||
        draft->values[draft->nodes[n].outputs[0]].rank != l->rank)
        return WELD_OK;
    const int64_t count = weld_shape_numel(&data->shape);
    for (int64_t k = 0; k < count; k++)
        axes[k] = l->perm[data->i[k]];
    for (int64_t k = 1; k < count; k++) /* a reduction's axes ascend; a slice has one, mostly */
        for (int64_t j = k; slot == 1 && j > 0 && axes[j - 1] > axes[j]; j--) {
            const int64_t swap = axes[j];
            axes[j] = axes[j - 1];
            axes[j - 1] = swap;
        }
    WELD_TRY(weld_make_integers(&renamed, draft, axes, count, err));
    weld_draft_set_in(draft, n, slot, renamed);
    weld_draft_set_in(draft, n, 0, l->from);
    WELD_TRY(hang_behind(draft, n, 0, l, err));
    *moved = true;
done:
    return st;
}

static weld_status move_pad(bool *moved, weld_draft *draft, int n, const weld_layout *l,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    const int list = weld_draft_in(draft, n, 1);
    const weld_tensor *data = list < 0 ? NULL : draft->values[list].data;
    int64_t pads[2 * WELD_RANK_MAX];
    int renamed;
    if (!data || weld_shape_numel(&data->shape) != 2 * l->rank || weld_draft_in(draft, n, 3) >= 0)
        return WELD_OK;
    for (int k = 0; k < l->rank; k++) {
        pads[l->perm[k]] = data->i[k];
        pads[l->perm[k] + l->rank] = data->i[k + l->rank];
    }
    WELD_TRY(weld_make_integers(&renamed, draft, pads, 2 * l->rank, err));
    weld_draft_set_in(draft, n, 1, renamed);
    weld_draft_set_in(draft, n, 0, l->from);
    WELD_TRY(hang_behind(draft, n, 0, l, err));
    *moved = true;
done:
    return st;
}

/* ---- one node ------------------------------------------------------------------------------ */

/* T'(T(u)) is one Transpose, or nothing. */
static weld_status join(bool *moved, weld_draft *draft, int n, const weld_layout *l,
                        weld_error *err)
{
    weld_layout outer, both = *l;
    const int output = draft->nodes[n].outputs[0];
    weld_layout_of(&outer, draft, output);
    for (int k = 0; k < l->rank; k++)
        both.perm[k] = l->perm[outer.perm[k]];
    *moved = true;
    if (is_identity(&both)) {
        weld_draft_replace(draft, output, l->from);
        return WELD_OK;
    }
    return weld_make_transpose(draft, l->from, both.perm, output, draft->nodes[n].name, err);
}

static bool is_reduction(const weld_op *op)
{
    return strncmp(op->name, "Reduce", 6) == 0;
}

/* A softmax over the last axis only, as the pass `forms` leaves it. */
static bool has_one_axis(const weld_node *node)
{
    return (node->op == &weld_op_Softmax || node->op == &weld_op_LogSoftmax) && node->opset >= 13;
}

static weld_status move_behind(bool *moved, weld_draft *draft, int n, weld_error *err)
{
    const weld_op *op = draft->nodes[n].op;
    const int inputs = draft->nodes[n].input_count;
    weld_layout l;
    int at = 0;
    *moved = false;
    if (op == &weld_op_Dense)
        return weld_turn_features(moved, draft, n, err);
    while (at < inputs && !weld_layout_of(&l, draft, weld_draft_in(draft, n, at)))
        at++;
    if (at == inputs || draft->nodes[n].output_count < 1 || draft->nodes[n].outputs[0] < 0)
        return WELD_OK;
    if (op == &weld_op_Transpose)
        return join(moved, draft, n, &l, err);
    if (weld_op_is_elementwise(op))
        return move_elementwise(moved, draft, n, &l, err);
    if (op == &weld_op_Concat)
        return move_axis(moved, draft, n, &l, inputs, err);
    if (at != 0)
        return WELD_OK;
    if (op == &weld_op_Split || has_one_axis(&draft->nodes[n]))
        return move_axis(moved, draft, n, &l, 1, err);
    if (is_reduction(op))
        return move_axes(moved, draft, n, &l, 1, err);
    if (op == &weld_op_Slice)
        return move_axes(moved, draft, n, &l, 3, err);
    if (op == &weld_op_Pad)
        return move_pad(moved, draft, n, &l, err);
    if (op->flags & WELD_OP_VIEW)
        return weld_move_view(moved, draft, n, &l, err);
    return WELD_OK;
}

weld_status weld_pass_layout(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    int count = 0;
    bool moved;
    /* In topological order, and what the pass appends only stands behind what it has seen. */
    const size_t nodes = draft->node_count;
    for (size_t n = 0; n < nodes; n++) {
        if (draft->nodes[n].dead)
            continue;
        WELD_TRY(move_behind(&moved, draft, (int)n, err));
        count += moved;
    }
    if (count)
        WELD_TRY(weld_draft_log(draft, err, "Transposes moved behind %d operators", count));
done:
    return st;
}
