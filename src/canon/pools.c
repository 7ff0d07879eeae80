/* Pools over a whole map: ReduceMean or ReduceMax over all spatial axes and AveragePool or MaxPool of
 * full size become the global pools. */
#include "canon/edit.h"

/* A reduction over exactly the axes from 2 on, kept in the output (after the pass `forms`). */
static bool reduces_map(const weld_draft *draft, int n)
{
    const int x = weld_draft_in(draft, n, 0), rank = draft->values[x].rank;
    unsigned axes;
    return rank >= 3 && weld_attr_number(&draft->nodes[n], "keepdims") != 0 &&
           weld_axes_of(&axes, draft, n, rank) && axes == (((1u << rank) - 1) & ~3u);
}

/* A window as large as the map, and no padding (after the pass `windows`). */
static bool covers_map(const weld_draft *draft, int n)
{
    const weld_node *node = &draft->nodes[n];
    const weld_value *x = &draft->values[weld_draft_in(draft, n, 0)];
    const weld_ints *kernel = weld_attr_slot(node, "kernel_shape");
    const weld_ints *pads = weld_attr_slot(node, "pads");
    if (x->rank < 3 || kernel->count != x->rank - 2 || weld_attr_number(node, "auto_pad") != 0 ||
        (node->output_count > 1 && node->outputs[1] >= 0))
        return false;
    for (int k = 0; k < x->rank - 2; k++)
        if (x->dims[k + 2] < 1 || kernel->at[k] != x->dims[k + 2])
            return false;
    for (int64_t k = 0; k < pads->count; k++)
        if (pads->at[k] != 0)
            return false;
    return true;
}

static const weld_op *global_form(const weld_draft *draft, int n)
{
    const weld_op *op = draft->nodes[n].op;
    if (op == &weld_op_ReduceMean || op == &weld_op_ReduceMax)
        return !reduces_map(draft, n)      ? NULL
               : op == &weld_op_ReduceMean ? &weld_op_GlobalAveragePool
                                           : &weld_op_GlobalMaxPool;
    if (op == &weld_op_AveragePool || op == &weld_op_MaxPool)
        return !covers_map(draft, n)        ? NULL
               : op == &weld_op_AveragePool ? &weld_op_GlobalAveragePool
                                            : &weld_op_GlobalMaxPool;
    return NULL;
}

weld_status weld_pass_pools(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t count = draft->node_count;
    int made = 0;
    for (size_t n = 0; n < count; n++) {
        const weld_op *form = draft->nodes[n].dead ? NULL : global_form(draft, (int)n);
        if (!form || !weld_dtype_is_float(draft->values[weld_draft_in(draft, (int)n, 0)].dtype))
            continue;
        WELD_TRY(weld_make_node(NULL, draft, form, draft->nodes[n].name,
                                (int[]){weld_draft_in(draft, (int)n, 0)}, 1,
                                draft->nodes[n].outputs[0], err));
        made++;
    }
    if (made)
        WELD_TRY(weld_draft_log(draft, err, "%d pools or reductions read as global pools", made));
done:
    return st;
}
