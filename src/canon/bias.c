/* An Add of one number per unit behind a linear layer without a bias is its bias. */
#include "canon/edit.h"

/* The layer in front of operand `k` of an Add; -1 if there is none that could take a bias. */
static int layer_before(const weld_draft *draft, int add, int k)
{
    const int x = weld_draft_in(draft, add, k), n = weld_draft_producer(draft, x);
    if (n < 0 || !(draft->nodes[n].op->flags & WELD_OP_LINEAR) || weld_draft_uses(draft, x) != 1 ||
        weld_draft_in(draft, n, 2) >= 0)
        return -1;
    return n;
}

/* Units lie on the last axis of Dense and on axis 1 of the others: the bias has one entry for each
 * there, and 1 on all other axes. */
static bool is_per_unit(int64_t *units, const weld_draft *draft, int node, int bias)
{
    const weld_value *y = &draft->values[draft->nodes[node].outputs[0]];
    if (bias < 0 || draft->values[bias].kind != WELD_VALUE_PARAM || y->rank < 2)
        return false;
    const weld_value *b = &draft->values[bias];
    const int axis = draft->nodes[node].op == &weld_op_Dense ? y->rank - 1 : 1;
    const int shift = y->rank - b->rank;
    if (b->rank > y->rank || axis < shift || y->dims[axis] < 1 ||
        (b->rank > 1 && weld_draft_uses(draft, bias) > 1))
        return false;
    *units = y->dims[axis];
    for (int k = 0; k < b->rank; k++)
        if (b->dims[k] != (k + shift == axis ? *units : 1))
            return false;
    return true;
}

/* The layer again, with the bias. */
static weld_status give_bias(weld_draft *draft, int layer, int add, int bias, weld_error *err)
{
    const weld_node from = draft->nodes[layer];
    const int inputs[] = {weld_draft_in(draft, layer, 0), weld_draft_in(draft, layer, 1), bias};
    return weld_make_node_like(draft, &from, inputs, 3, draft->nodes[add].outputs[0], err);
}

static weld_status try_add(int *made, weld_draft *draft, int add, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int k = 0; k < 2; k++) {
        const int layer = layer_before(draft, add, k);
        int bias = weld_draft_in(draft, add, 1 - k);
        int64_t units;
        if (layer < 0 || !is_per_unit(&units, draft, layer, bias))
            continue;
        const weld_shape flat = {1, {units}};
        if (draft->values[bias].rank != 1)
            WELD_TRY(weld_reshaped_param(&bias, draft, bias, &flat, err));
        if (bias < 0)
            continue;
        WELD_TRY(give_bias(draft, layer, add, bias, err));
        (*made)++;
        break;
    }
done:
    return st;
}

weld_status weld_pass_bias(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t count = draft->node_count;
    int made = 0;
    for (size_t n = 0; n < count; n++)
        if (!draft->nodes[n].dead && draft->nodes[n].op == &weld_op_Add)
            WELD_TRY(try_add(&made, draft, (int)n, err));
    if (made)
        WELD_TRY(weld_draft_log(draft, err, "%d Adds behind a layer read as its bias", made));
done:
    return st;
}
