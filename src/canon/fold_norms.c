/* A BatchNormalization behind a linear layer becomes part of its weight and bias. Only for pairs of
 * which one model was exported with it and the other folded: the homes know the way back, so each
 * file keeps its structure. */
#include "canon/edit.h"

/* Axis of the units in the weight: [out, in, ...]. */
enum { UNIT_AXIS = 0 };

static bool is_vector(const weld_draft *draft, int value, int64_t units)
{
    return weld_is_param(draft, value, 1) && draft->values[value].dims[0] == units;
}

/* The layer that the node can be folded into; -1 if there is none. */
static int layer_of(const weld_draft *draft, int norm)
{
    const weld_node *node = &draft->nodes[norm];
    if (node->dead || !node->op->statistic_inputs)
        return -1;
    const int x = weld_draft_in(draft, norm, 0), layer = weld_draft_producer(draft, x);
    if (layer < 0 || !(draft->nodes[layer].op->flags & WELD_OP_LINEAR) ||
        weld_draft_uses(draft, x) != 1)
        return -1;
    const int weight = weld_draft_in(draft, layer, 1), bias = weld_draft_in(draft, layer, 2);
    if (draft->values[weight].kind != WELD_VALUE_PARAM || weld_draft_uses(draft, weight) != 1 ||
        draft->homes[weight].step_count == WELD_VIEW_STEPS_MAX)
        return -1;
    if (draft->nodes[layer].op == &weld_op_Dense && draft->values[x].rank != 2)
        return -1; /* then axis 1, which is normalised, does not hold the units */
    const int64_t units = draft->values[weight].dims[UNIT_AXIS];
    for (int k = 1; k < 5; k++)
        if (!is_vector(draft, weld_draft_in(draft, norm, k), units))
            return -1;
    /* Exporters store equal shifts once; a file that can't take different ones is told on export. */
    if (draft->homes[weld_draft_in(draft, norm, 2)].step_count == WELD_VIEW_STEPS_MAX)
        return -1;
    return bias < 0 || is_vector(draft, bias, units) ? layer : -1;
}

static weld_status new_fold(weld_fold **out, weld_draft *draft, int layer, int norm, bool of_shift,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    const int bias = weld_draft_in(draft, layer, 2);
    WELD_ARENA_NEW(*out, &draft->arena, 1);
    **out = (weld_fold){.scale = draft->homes[weld_draft_in(draft, norm, 1)],
                        .mean = draft->homes[weld_draft_in(draft, norm, 3)],
                        .variance = draft->homes[weld_draft_in(draft, norm, 4)],
                        .has_bias = bias >= 0,
                        .of_shift = of_shift,
                        .axis = UNIT_AXIS,
                        .units = draft->values[weld_draft_in(draft, layer, 1)].dims[UNIT_AXIS],
                        .epsilon = weld_attr_number(&draft->nodes[norm], "epsilon")};
    if (bias >= 0)
        (*out)->bias = draft->homes[bias];
done:
    return st;
}

static weld_status fold(weld_draft *draft, int layer, int norm, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_node from = draft->nodes[layer];
    int inputs[] = {weld_draft_in(draft, layer, 0), -1, -1};
    const int stored[] = {weld_draft_in(draft, layer, 1), weld_draft_in(draft, norm, 2)};
    for (int k = 0; k < 2; k++) {
        weld_fold *f;
        WELD_TRY(new_fold(&f, draft, layer, norm, k == 1, err));
        WELD_TRY(weld_folded_param(&inputs[k + 1], draft, stored[k], f, err));
    }
    WELD_TRY(weld_make_node_like(draft, &from, inputs, 3, draft->nodes[norm].outputs[0], err));
done:
    return st;
}

weld_status weld_pass_fold_norms(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t count = draft->node_count;
    int made = 0;
    for (size_t n = 0; n < count; n++) {
        const int layer = layer_of(draft, (int)n);
        if (layer < 0)
            continue;
        WELD_TRY(fold(draft, layer, (int)n, err));
        made++;
    }
    if (made)
        WELD_TRY(weld_draft_log(draft, err, "%d BatchNormalizations folded for the pair", made));
done:
    return st;
}
