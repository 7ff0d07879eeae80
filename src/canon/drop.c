/* Operators that do nothing at inference. */
#include "canon/canon.h"

weld_status weld_pass_drop(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    int dropped = 0;
    for (size_t n = 0; n < draft->node_count; n++) {
        weld_node *node = &draft->nodes[n];
        bool idle = node->op == &weld_op_Identity ||
                    (node->op == &weld_op_Dropout &&
                     (node->output_count < 2 || node->outputs[1] < 0 ||
                      weld_draft_uses(draft, node->outputs[1]) == 0));
        if (!idle || node->outputs[0] < 0)
            continue;
        weld_draft_replace(draft, node->outputs[0], node->inputs[0]);
        node->dead = true;
        dropped++;
    }
    if (dropped)
        WELD_TRY(weld_draft_log(draft, err, "%d Identity or Dropout removed", dropped));
done:
    return st;
}
