/* A convolution of one entry over maps of one entry is Dense between two reshapes, which pairing looks
 * through. */
#include "canon/edit.h"

static bool is_point(const weld_draft *draft, int n)
{
    const weld_value *x = &draft->values[weld_draft_in(draft, n, 0)];
    const weld_value *y = &draft->values[draft->nodes[n].outputs[0]];
    const int w = weld_draft_in(draft, n, 1), b = weld_draft_in(draft, n, 2);
    if (x->rank < 3 || weld_attr_number(&draft->nodes[n], "group") != 1 ||
        !weld_is_param(draft, w, x->rank) || weld_draft_uses(draft, w) != 1 ||
        (b >= 0 && !weld_is_param(draft, b, 1)))
        return false;
    for (int k = 2; k < x->rank; k++)
        if (x->dims[k] != 1 || y->dims[k] != 1 || draft->values[w].dims[k] != 1)
            return false;
    return true;
}

static weld_status convert(int *made, weld_draft *draft, int n, weld_error *err)
{
    weld_status st = WELD_OK;
    const int x = weld_draft_in(draft, n, 0), b = weld_draft_in(draft, n, 2);
    const int output = draft->nodes[n].outputs[0], rank = draft->values[x].rank;
    const char *name = draft->nodes[n].name;
    int w = weld_draft_in(draft, n, 1), flat, product, list;
    int64_t target[WELD_RANK_MAX] = {0, 0};
    const weld_shape shape = {2, {draft->values[w].dims[0], draft->values[w].dims[1]}};
    for (int k = 2; k < rank; k++)
        target[k] = 1;
    target[1] = shape.dims[0];
    WELD_TRY(weld_reshaped_param(&w, draft, w, &shape, err));
    if (w < 0)
        goto done;
    WELD_TRY(weld_value_like(&flat, draft, x, err));
    WELD_TRY(weld_value_like(&product, draft, output, err));
    draft->values[flat].rank = draft->values[product].rank = 2;
    WELD_TRY(weld_make_node(NULL, draft, &weld_op_Flatten, name, (int[]){x}, 1, flat, err));
    WELD_TRY(weld_make_node(NULL, draft, &weld_op_Dense, name, (int[]){flat, w, b}, b < 0 ? 2 : 3,
                            product, err));
    WELD_TRY(weld_make_integers(&list, draft, target, rank, err));
    WELD_TRY(weld_make_node(NULL, draft, &weld_op_Reshape, name, (int[]){product, list}, 2, output,
                            err));
    (*made)++;
done:
    return st;
}

weld_status weld_pass_point_convs(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t count = draft->node_count;
    int made = 0;
    for (size_t n = 0; n < count; n++)
        if (!draft->nodes[n].dead && draft->nodes[n].op == &weld_op_Conv && is_point(draft, (int)n))
            WELD_TRY(convert(&made, draft, (int)n, err));
    if (made)
        WELD_TRY(weld_draft_log(draft, err, "%d Convs over single entries read as Dense", made));
done:
    return st;
}
