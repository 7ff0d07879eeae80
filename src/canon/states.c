/* Initial states of recurrent layers that are made of zeros, however an exporter makes them, are the
 * default and are left out. */
#include "canon/edit.h"

enum { DEPTH_MAX = 16 };

static bool is_zero(const weld_draft *draft, int value, int depth)
{
    value = weld_draft_at(draft, value);
    const weld_value *v = &draft->values[value];
    const int n = weld_draft_producer(draft, value);
    if (v->kind == WELD_VALUE_CONST) {
        for (int64_t k = 0; k < weld_shape_numel(&v->data->shape); k++)
            if (weld_tensor_number(v->data, k) != 0)
                return false;
        return true;
    }
    if (v->kind == WELD_VALUE_PARAM) {
        double x;
        return v->zero || (weld_is_number(&x, draft, value) && x == 0);
    }
    if (n < 0 || depth == DEPTH_MAX)
        return false;
    const weld_node *node = &draft->nodes[n];
    if (node->op == &weld_op_ConstantOfShape) {
        const weld_tensor *const *fill = weld_attr_slot(node, "value");
        return !*fill || weld_tensor_number(*fill, 0) == 0;
    }
    const bool copies = node->op == &weld_op_Expand || node->op == &weld_op_Tile ||
                        node->op == &weld_op_Transpose || node->op == &weld_op_Cast ||
                        node->op == &weld_op_Slice || node->op == &weld_op_Split ||
                        node->op->flags & WELD_OP_VIEW;
    return copies && is_zero(draft, node->inputs[0], depth + 1);
}

weld_status weld_pass_states(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    int dropped = 0;
    for (size_t n = 0; n < draft->node_count; n++) {
        const unsigned slots = draft->nodes[n].dead ? 0 : draft->nodes[n].op->zero_inputs;
        for (int k = 0; slots >> k; k++) {
            if (!(slots >> k & 1u))
                continue;
            const int state = weld_draft_in(draft, (int)n, k);
            if (state < 0 || !is_zero(draft, state, 0))
                continue;
            weld_draft_set_in(draft, (int)n, k, -1);
            dropped++;
        }
    }
    if (dropped)
        WELD_TRY(weld_draft_log(draft, err, "%d initial states of zeros left out", dropped));
done:
    return st;
}
