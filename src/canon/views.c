/* A weight that is transposed, reshaped or widened before its use is a parameter in that form: the
 * steps become part of its home, so that B's weight may be stored in another orientation or type
 * than A's. */
#include "canon/edit.h"
#include <string.h>

/* A Cast to a type that holds every weight as we compute with it. */
static bool is_widening(const weld_node *node)
{
    if (node->op != &weld_op_Cast)
        return false;
    const int64_t to = (int64_t)weld_attr_number(node, "to");
    return to == WELD_FLOAT || to == WELD_DOUBLE;
}

/* Another use in another form would give one stored tensor two masters. */
static bool is_view(const weld_draft *draft, int n)
{
    const weld_node *node = &draft->nodes[n];
    const int v = weld_draft_in(draft, n, 0);
    if (node->dead || v < 0 || draft->values[v].kind != WELD_VALUE_PARAM ||
        node->output_count != 1 || node->outputs[0] < 0 || weld_draft_uses(draft, v) != 1)
        return false;
    if (!(node->op->flags & WELD_OP_VIEW) && node->op != &weld_op_Transpose && !is_widening(node))
        return false;
    for (int k = 1; k < node->input_count; k++)
        if (weld_draft_in(draft, n, k) >= 0 &&
            draft->values[weld_draft_in(draft, n, k)].kind != WELD_VALUE_CONST)
            return false;
    return draft->homes[v].step_count < WELD_VIEW_STEPS_MAX;
}

static void fill_perm(weld_view_step *step, const weld_node *node)
{
    const weld_ints *ints = weld_attr_slot(node, "perm");
    for (int k = 0; k < step->in.rank; k++)
        step->perm[k] = ints->count == step->in.rank ? (int)ints->at[k] : step->in.rank - 1 - k;
}

/* The node's output becomes the parameter, with a longer home. */
static void absorb(weld_draft *draft, int n)
{
    const weld_node *node = &draft->nodes[n];
    const int from = weld_draft_in(draft, n, 0), to = node->outputs[0];
    const weld_value *in = &draft->values[from];
    weld_value *v = &draft->values[to];
    weld_home *home = &draft->homes[to];
    weld_view_step step = {.kind = node->op == &weld_op_Transpose ? WELD_VIEW_TRANSPOSE
                                                                  : WELD_VIEW_RESHAPE,
                           .in = weld_shape_make(in->rank, in->dims),
                           .out = weld_shape_make(v->rank, v->dims)};
    *home = draft->homes[from];
    if (step.kind == WELD_VIEW_TRANSPOSE)
        fill_perm(&step, node);
    if (node->op != &weld_op_Cast)
        home->steps[home->step_count++] = step;
    v->kind = WELD_VALUE_PARAM;
    v->name = in->name; /* people know the weight by its name in the file */
    v->data = in->data;
    v->zero = in->zero;
    v->producer = -1;
    weld_draft_kill(draft, n);
}

weld_status weld_pass_views(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    int absorbed = 0;
    for (size_t n = 0; n < draft->node_count; n++)
        if (is_view(draft, (int)n)) {
            absorb(draft, (int)n);
            absorbed++;
        }
    if (absorbed)
        WELD_TRY(weld_draft_log(draft, err, "%d views of weights resolved", absorbed));
done:
    return st;
}
