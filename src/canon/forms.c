/* One form for what changed between opsets: attributes that became inputs are inputs, defaults are
 * written out, axes are counted from the front, and reductions keep their axes with a Squeeze behind
 * where the file drops them. */
#include "canon/edit.h"
#include <string.h>

/* ---- making the node again ---------------------------------------------------------- */

/* Input `slot` of the newest form is `value`; the attribute that said it before is cleared. */
static weld_status extend(int *node, weld_draft *draft, int n, int input_count, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_node from = draft->nodes[n];
    weld_node like = from;
    if (like.input_count < input_count)
        like.input_count = input_count;
    like.opset = from.op->opset_max;
    WELD_REQUIRE((like.attrs = weld_arena_alloc(&draft->arena, 1, from.op->attrs_size + 1)),
                 WELD_E_NOMEM, "out of memory");
    memcpy(like.attrs, from.attrs, from.op->attrs_size);
    WELD_TRY(weld_draft_node(node, draft, &like, err));
    for (int k = 0; k < from.input_count; k++)
        if (from.inputs[k] >= 0)
            weld_draft_set_in(draft, *node, k, from.inputs[k]);
    for (int k = 0; k < from.output_count; k++) {
        const int output = from.outputs[k];
        draft->nodes[n].outputs[k] = -1;
        if (output >= 0)
            weld_draft_set_out(draft, *node, k, output);
    }
    weld_draft_kill(draft, n);
done:
    return st;
}

static void clear_ints(weld_draft *draft, int node, const char *name)
{
    weld_ints *list = weld_attr_slot(&draft->nodes[node], name);
    memset(list, 0, sizeof *list);
    list->count = -1;
}

static weld_status set_integers(weld_draft *draft, int node, int slot, const int64_t *values,
                                int64_t count, weld_error *err)
{
    int value;
    weld_status st = weld_make_integers(&value, draft, values, count, err);
    if (st == WELD_OK)
        weld_draft_set_in(draft, node, slot, value);
    return st;
}

/* Integers that a node gets by an attribute or by an input, whichever it has. */
static bool read_integers(weld_ints *out, const weld_draft *draft, int n, const char *name,
                          int slot)
{
    const int input = weld_draft_in(draft, n, slot);
    const weld_tensor *data = input < 0 ? NULL : draft->values[input].data;
    const weld_ints *attr = weld_attr_slot(&draft->nodes[n], name);
    *out = (weld_ints){.count = -1};
    if (input >= 0 && (!data || weld_shape_numel(&data->shape) > WELD_INTS_MAX))
        return false;
    if (!data) {
        if (attr)
            *out = *attr;
        return true;
    }
    out->count = weld_shape_numel(&data->shape);
    for (int64_t k = 0; k < out->count; k++)
        out->at[k] = data->i[k];
    return true;
}

/* ---- operators ------------------------------------------------------------------------ */

/* Reduce: all axes written out, kept in the output; a Squeeze drops them where the file does. */
static weld_status reduce_form(weld_draft *draft, int n, weld_error *err)
{
    weld_status st = WELD_OK;
    const int rank = draft->values[weld_draft_in(draft, n, 0)].rank;
    weld_ints given;
    unsigned set;
    int64_t axes[WELD_RANK_MAX], *keepdims;
    int count = 0, node, kept, squeeze, list;
    if (rank < 1 || !read_integers(&given, draft, n, "axes", 1) ||
        (given.count <= 0 && weld_attr_number(&draft->nodes[n], "noop_with_empty_axes") != 0) ||
        !weld_axes_of(&set, draft, n, rank))
        return WELD_OK;
    for (int k = 0; k < rank; k++)
        if (set >> k & 1u)
            axes[count++] = k;
    WELD_TRY(extend(&node, draft, n, 2, err));
    clear_ints(draft, node, "axes");
    WELD_TRY(set_integers(draft, node, 1, axes, count, err));
    keepdims = weld_attr_slot(&draft->nodes[node], "keepdims");
    if (*keepdims)
        goto done;
    *keepdims = 1;
    const int output = draft->nodes[node].outputs[0], x = weld_draft_in(draft, node, 0);
    WELD_TRY(weld_value_like(&kept, draft, output, err));
    draft->values[kept].rank = rank;
    for (int k = 0; k < rank; k++)
        draft->values[kept].dims[k] = set >> k & 1u ? 1 : draft->values[x].dims[k];
    weld_draft_set_out(draft, node, 0, kept);
    WELD_TRY(weld_make_integers(&list, draft, axes, count, err));
    draft->values[output].producer = -1;
    WELD_TRY(weld_make_node(&squeeze, draft, &weld_op_Squeeze, draft->nodes[node].name,
                            (int[]){kept, list}, 2, output, err));
done:
    return st;
}

/* Slice: starts, ends, axes and steps, all as inputs; an end past the axis is the largest number. */
static weld_status slice_form(weld_draft *draft, int n, weld_error *err)
{
    weld_status st = WELD_OK;
    static const char *const names[] = {"starts", "ends", "axes", "steps"};
    const weld_value *x = &draft->values[weld_draft_in(draft, n, 0)];
    weld_ints list[4];
    int node;
    if (x->rank < 1)
        return WELD_OK;
    const int rank = x->rank;
    for (int k = 0; k < 4; k++)
        if (!read_integers(&list[k], draft, n, names[k], k + 1))
            return WELD_OK;
    const int64_t count = list[0].count;
    for (int64_t k = 0; k < count; k++) {
        const int64_t axis = list[2].count < 0 ? k : list[2].at[k];
        list[2].at[k] = axis < 0 ? axis + rank : axis;
        list[3].at[k] = list[3].count < 0 ? 1 : list[3].at[k];
        const int64_t dim = x->dims[list[2].at[k]];
        if (list[3].at[k] > 0 && (list[1].at[k] >= INT32_MAX || (dim > 0 && list[1].at[k] >= dim)))
            list[1].at[k] = INT64_MAX;
    }
    WELD_TRY(extend(&node, draft, n, 5, err));
    for (int k = 0; k < 3; k++)
        clear_ints(draft, node, names[k]);
    for (int k = 0; k < 4; k++)
        WELD_TRY(set_integers(draft, node, k + 1, list[k].at, count, err));
done:
    return st;
}

/* `output` becomes entries [from, to) of an axis of x, in the form that slice_form leaves. */
static weld_status make_slice(weld_draft *draft, const char *name, int x, int axis, int64_t from,
                              int64_t to, int output, weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t numbers[] = {from, to, axis, 1};
    int inputs[5] = {x};
    for (int k = 0; k < 4; k++)
        WELD_TRY(weld_make_integers(&inputs[k + 1], draft, &numbers[k], 1, err));
    draft->values[output].producer = -1;
    WELD_TRY(weld_make_node(NULL, draft, &weld_op_Slice, name, inputs, 5, output, err));
done:
    return st;
}

/* Split: one Slice for each output, as other exporters write it. */
static weld_status split_form(weld_draft *draft, int n, weld_error *err)
{
    weld_status st = WELD_OK;
    const int x = weld_draft_in(draft, n, 0), rank = draft->values[x].rank;
    const weld_node from = draft->nodes[n];
    int64_t axis = (int64_t)weld_attr_number(&from, "axis"), at = 0;
    axis = axis < 0 ? axis + rank : axis;
    if (rank < 1 || axis < 0 || axis >= rank || draft->values[x].dims[axis] < 0)
        return WELD_OK;
    const int64_t extent = draft->values[x].dims[axis];
    for (int k = 0; k < from.output_count; k++)
        if (from.outputs[k] < 0 || draft->values[from.outputs[k]].rank != rank ||
            draft->values[from.outputs[k]].dims[axis] < 0)
            return WELD_OK;
    for (int k = 0; k < from.output_count; k++) {
        const int output = from.outputs[k];
        const int64_t end = at + draft->values[output].dims[axis];
        draft->nodes[n].outputs[k] = -1;
        WELD_TRY(make_slice(draft, from.name, x, (int)axis, at, end >= extent ? INT64_MAX : end,
                            output, err));
        at = end;
    }
    weld_draft_kill(draft, n);
done:
    return st;
}

/* Gather of one entry: a Slice, and a Squeeze for the axis that it takes away. */
static weld_status gather_form(weld_draft *draft, int n, weld_error *err)
{
    weld_status st = WELD_OK;
    const int x = weld_draft_in(draft, n, 0), index = weld_draft_in(draft, n, 1);
    const int rank = draft->values[x].rank, output = draft->nodes[n].outputs[0];
    const weld_tensor *data = draft->values[index].data;
    const char *name = draft->nodes[n].name;
    int64_t axis = (int64_t)weld_attr_number(&draft->nodes[n], "axis");
    int kept, list;
    if (!data || data->shape.rank != 0 || rank < 1 || draft->values[x].kind != WELD_VALUE_NODE ||
        !weld_dtype_is_float(draft->values[x].dtype))
        return WELD_OK;
    axis = axis < 0 ? axis + rank : axis;
    const int64_t extent = draft->values[x].dims[axis];
    const int64_t from =
        data->i[0]; /* from the end where the file counts so: the size may be open */
    const int64_t end = from == -1 || (extent > 0 && from + 1 >= extent) ? INT64_MAX : from + 1;
    WELD_TRY(weld_value_like(&kept, draft, x, err));
    draft->values[kept].dims[axis] = 1;
    WELD_TRY(make_slice(draft, name, x, (int)axis, from, end, kept, err));
    WELD_TRY(weld_make_integers(&list, draft, &axis, 1, err));
    WELD_TRY(
        weld_make_node(NULL, draft, &weld_op_Squeeze, name, (int[]){kept, list}, 2, output, err));
done:
    return st;
}

/* A softmax over all axes from `axis` on is one over the last axis where that is the only one. */
static weld_status softmax_form(weld_draft *draft, int n, weld_error *err)
{
    (void)err;
    const int rank = draft->values[weld_draft_in(draft, n, 0)].rank;
    weld_node *node = &draft->nodes[n];
    int64_t *axis = weld_attr_slot(node, "axis");
    const int64_t given = *axis == INT64_MIN ? (node->opset < 13 ? 1 : -1) : *axis;
    if (rank < 1)
        return WELD_OK;
    const int64_t from = given < 0 ? given + rank : given;
    if (node->opset >= 13 || from == rank - 1) {
        *axis = from;
        node->opset = node->op->opset_max;
    }
    return WELD_OK;
}

typedef struct form {
    const weld_op *op;
    weld_status (*bring)(weld_draft *draft, int node, weld_error *err);
} form;

static const form forms[] = {
    {&weld_op_ReduceL1, reduce_form},     {&weld_op_ReduceL2, reduce_form},
    {&weld_op_ReduceLogSum, reduce_form}, {&weld_op_ReduceLogSumExp, reduce_form},
    {&weld_op_ReduceMax, reduce_form},    {&weld_op_ReduceMean, reduce_form},
    {&weld_op_ReduceMin, reduce_form},    {&weld_op_ReduceProd, reduce_form},
    {&weld_op_ReduceSum, reduce_form},    {&weld_op_ReduceSumSquare, reduce_form},
    {&weld_op_Slice, slice_form},         {&weld_op_Split, split_form},
    {&weld_op_Gather, gather_form},       {&weld_op_Softmax, softmax_form},
    {&weld_op_LogSoftmax, softmax_form},  {&weld_op_Hardmax, softmax_form}};

weld_status weld_pass_forms(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t count = draft->node_count;
    for (size_t n = 0; n < count; n++)
        for (size_t k = 0; k < sizeof forms / sizeof forms[0]; k++)
            if (!draft->nodes[n].dead && draft->nodes[n].op == forms[k].op)
                WELD_TRY(forms[k].bring(draft, (int)n, err));
done:
    return st;
}
