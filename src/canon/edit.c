#include "canon/edit.h"
#include <math.h>
#include <string.h>

int weld_made_by(const weld_draft *draft, int value, const weld_op *op)
{
    int node = weld_draft_producer(draft, value);
    return node >= 0 && draft->nodes[node].op == op ? node : -1;
}

int weld_made_only(const weld_draft *draft, int value, const weld_op *op)
{
    int node = weld_made_by(draft, value, op);
    return node >= 0 && weld_draft_uses(draft, value) == 1 ? node : -1;
}

bool weld_is_param(const weld_draft *draft, int value, int rank)
{
    return value >= 0 && draft->values[value].kind == WELD_VALUE_PARAM &&
           draft->values[value].rank == rank;
}

bool weld_is_number(double *x, const weld_draft *draft, int value)
{
    const weld_tensor *data = value < 0 ? NULL : draft->values[value].data;
    if (!data || weld_shape_numel(&data->shape) != 1)
        return false;
    *x = weld_tensor_number(data, 0);
    return true;
}

bool weld_is_about(const weld_draft *draft, int value, double x)
{
    double y;
    return weld_is_number(&y, draft, value) && fabs(x - y) <= 4e-3 * fabs(x);
}

int weld_number_slot(double *x, const weld_draft *draft, int node)
{
    for (int k = 1; k >= 0; k--)
        if (weld_is_number(x, draft, weld_draft_in(draft, node, k)))
            return k;
    return -1;
}

/* Appends a node like `like`, which makes `output` from now on. */
static weld_status place_node(int *made, weld_draft *draft, const weld_node *like,
                              const int *inputs, int output, weld_error *err)
{
    const int before = weld_draft_producer(draft, output);
    const weld_status st = weld_draft_node(made, draft, like, err);
    if (st != WELD_OK)
        return st;
    for (int k = 0; k < like->input_count; k++)
        if (inputs[k] >= 0)
            weld_draft_set_in(draft, *made, k, inputs[k]);
    weld_draft_set_out(draft, *made, 0, output);
    if (before >= 0) {
        draft->nodes[before].outputs[0] = -1;
        weld_draft_kill(draft, before);
    }
    return WELD_OK;
}

weld_status weld_make_node(int *node, weld_draft *draft, const weld_op *op, const char *name,
                           const int *inputs, int input_count, int output, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_node like = {.op = op,
                      .opset = op->flags & WELD_OP_INTERNAL ? 1 : op->opset_max,
                      .name = name,
                      .input_count = input_count,
                      .output_count = 1};
    int made;
    WELD_REQUIRE((like.attrs = weld_arena_alloc(&draft->arena, 1, op->attrs_size + 1)),
                 WELD_E_NOMEM, "out of memory");
    weld_attrs_default(op, like.attrs);
    WELD_TRY(place_node(&made, draft, &like, inputs, output, err));
    if (node)
        *node = made;
done:
    return st;
}

weld_status weld_make_node_like(weld_draft *draft, const weld_node *like, const int *inputs,
                                int input_count, int output, weld_error *err)
{
    weld_node node = *like;
    int made;
    node.input_count = input_count;
    node.output_count = 1;
    return place_node(&made, draft, &node, inputs, output, err);
}

weld_status weld_value_like(int *out, weld_draft *draft, int like, weld_error *err)
{
    weld_status st = weld_draft_value(out, draft, "", WELD_VALUE_NODE, err);
    if (st != WELD_OK)
        return st;
    const weld_value *from = &draft->values[like];
    weld_value *v = &draft->values[*out];
    v->dtype = from->dtype;
    v->rank = from->rank;
    memcpy(v->dims, from->dims, sizeof v->dims);
    return WELD_OK;
}

static weld_status make_vector(int *out, weld_draft *draft, weld_dtype dtype, const void *values,
                               int64_t count, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t size = weld_compute_size(dtype);
    weld_tensor *data;
    WELD_ARENA_NEW(data, &draft->arena, 1);
    *data = (weld_tensor){.dtype = dtype, .shape = {1, {count}}};
    WELD_REQUIRE((data->data = weld_arena_alloc(&draft->arena, (size_t)count + 1, size)),
                 WELD_E_NOMEM, "out of memory");
    memcpy(data->data, values, (size_t)count * size);
    WELD_TRY(weld_draft_value(out, draft, "", WELD_VALUE_CONST, err));
    weld_value *v = &draft->values[*out];
    v->dtype = dtype;
    v->rank = 1;
    v->dims[0] = count;
    v->data = data;
done:
    return st;
}

weld_status weld_make_integers(int *out, weld_draft *draft, const int64_t *values, int64_t count,
                               weld_error *err)
{
    return make_vector(out, draft, WELD_INT64, values, count, err);
}

weld_status weld_make_floats(int *out, weld_draft *draft, const float *values, int64_t count,
                             weld_error *err)
{
    return make_vector(out, draft, WELD_FLOAT, values, count, err);
}

/* A parameter like `param` whose home has one step more. */
static weld_status param_by_step(int *out, weld_draft *draft, int param, weld_view_step step,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    *out = -1;
    if (draft->homes[param].step_count == WELD_VIEW_STEPS_MAX)
        return WELD_OK;
    WELD_TRY(weld_draft_value(out, draft, draft->values[param].name, WELD_VALUE_PARAM, err));
    const weld_value *from = &draft->values[param];
    weld_value *v = &draft->values[*out];
    weld_home *home = &draft->homes[*out];
    v->dtype = from->dtype;
    v->data = from->data;
    v->rank = step.out.rank;
    memcpy(v->dims, step.out.dims, sizeof v->dims);
    *home = draft->homes[param];
    home->steps[home->step_count++] = step;
done:
    return st;
}

weld_status weld_transposed_param(int *out, weld_draft *draft, int param, const int *perm,
                                  weld_error *err)
{
    const weld_value *v = &draft->values[param];
    weld_view_step step = {.kind = WELD_VIEW_TRANSPOSE, .in = weld_shape_make(v->rank, v->dims)};
    step.out.rank = v->rank;
    for (int k = 0; k < v->rank; k++) {
        step.perm[k] = perm[k];
        step.out.dims[k] = v->dims[perm[k]];
    }
    return param_by_step(out, draft, param, step, err);
}

weld_status weld_reshaped_param(int *out, weld_draft *draft, int param, const weld_shape *shape,
                                weld_error *err)
{
    const weld_value *v = &draft->values[param];
    weld_view_step step = {
        .kind = WELD_VIEW_RESHAPE, .in = weld_shape_make(v->rank, v->dims), .out = *shape};
    return param_by_step(out, draft, param, step, err);
}

weld_status weld_folded_param(int *out, weld_draft *draft, int param, const weld_fold *fold,
                              weld_error *err)
{
    const weld_value *v = &draft->values[param];
    const weld_shape shape = weld_shape_make(v->rank, v->dims);
    weld_view_step step = {.kind = WELD_VIEW_FOLD, .in = shape, .out = shape, .fold = fold};
    return param_by_step(out, draft, param, step, err);
}

bool weld_axes_of(unsigned *axes, const weld_draft *draft, int node, int rank)
{
    const weld_ints *attr = weld_attr_slot(&draft->nodes[node], "axes");
    const int input = weld_draft_in(draft, node, 1);
    const weld_tensor *data = input < 0 ? NULL : draft->values[input].data;
    if (input >= 0 && !data)
        return false;
    const int64_t count = data ? weld_shape_numel(&data->shape) : attr ? attr->count : -1;
    *axes = 0;
    for (int64_t k = 0; k < count; k++) {
        int64_t axis = data ? data->i[k] : attr->at[k];
        axis = axis < 0 ? axis + rank : axis;
        if (axis < 0 || axis >= rank)
            return false;
        *axes |= 1u << axis;
    }
    if (count <= 0)
        *axes = (1u << rank) - 1;
    return true;
}
