/* Operators that do nothing at inference. */
#include "canon/canon.h"

/* Dropout that is asked to train is no identity. */
static bool is_training(const weld_draft *draft, int node)
{
    int v = weld_draft_in(draft, node, 2);
    if (v < 0)
        return false;
    const weld_tensor *mode = draft->values[v].kind == WELD_VALUE_CONST ? draft->values[v].data
                                                                        : NULL;
    return !mode || weld_dtype_is_float(mode->dtype) || weld_shape_numel(&mode->shape) != 1 ||
           mode->i[0] != 0;
}

static bool is_idle(const weld_draft *draft, int n)
{
    const weld_node *node = &draft->nodes[n];
    if (node->op == &weld_op_Identity)
        return true;
    if (node->op == &weld_op_Dropout)
        return !is_training(draft, n) && (node->output_count < 2 || node->outputs[1] < 0 ||
                                          weld_draft_uses(draft, node->outputs[1]) == 0);
    const bool joins = node->op == &weld_op_Concat || node->op == &weld_op_Sum ||
                       node->op == &weld_op_Max || node->op == &weld_op_Min ||
                       node->op == &weld_op_Mean;
    return joins && node->input_count == 1;
}

weld_status weld_pass_drop(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    int dropped = 0;
    for (size_t n = 0; n < draft->node_count; n++) {
        const weld_node *node = &draft->nodes[n];
        if (node->dead || !is_idle(draft, (int)n) || node->outputs[0] < 0)
            continue;
        weld_draft_replace(draft, node->outputs[0], node->inputs[0]);
        dropped++;
    }
    if (dropped)
        WELD_TRY(weld_draft_log(draft, err,
                                "%d Identity, Dropout or operators of one input removed", dropped));
done:
    return st;
}
