#include "ops/infer.h"
#include <inttypes.h>
#include <string.h>

struct weld_infer {
    weld_shapes *shapes;
    const weld_node *node;
};

enum { KNOWN_ELEMENTS_MAX = 65536 };

static const weld_type *input_type(const weld_infer *inf, int i)
{
    int v = weld_node_input(inf->node, i);
    return v < 0 ? NULL : &inf->shapes->types[v];
}

const weld_shape *weld_infer_shape(const weld_infer *inf, int i)
{
    const weld_type *type = input_type(inf, i);
    return type ? &type->shape : NULL;
}

weld_dtype weld_infer_dtype(const weld_infer *inf, int i)
{
    const weld_type *type = input_type(inf, i);
    return type ? type->dtype : WELD_UNDEFINED;
}

const weld_tensor *weld_infer_data(const weld_infer *inf, int i)
{
    const weld_type *type = input_type(inf, i);
    return type ? type->data : NULL;
}

weld_status weld_infer_need(const weld_tensor **out, const weld_infer *inf, int i, weld_error *err)
{
    *out = weld_infer_data(inf, i);
    if (*out)
        return WELD_OK;
    return weld_fail(err, WELD_E_UNSUPPORTED, "input %d of %s must be a constant", i,
                     inf->node->op->name);
}

bool weld_infer_rebatch(const weld_infer *inf, int64_t literal_dim, int64_t input_dim,
                        int64_t *actual)
{
    const weld_shapes *s = inf->shapes;
    const weld_type *type = input_type(inf, 0);
    if (s->literal_batch <= 0 || s->literal_batch == s->batch || literal_dim != s->literal_batch ||
        input_dim != s->batch || !type || !type->varies)
        return false;
    *actual = s->batch;
    return true;
}

int64_t weld_infer_open_size(const weld_infer *inf, int axis, int symbol)
{
    const weld_shapes *s = inf->shapes;
    const weld_graph *g = s->graph;
    const weld_value *first = g->input_count ? &g->values[g->inputs[0]] : NULL;
    const bool batched = first && first->rank > 0 && s->batch > 0;
    if (symbol < 0)
        return axis == 0 && batched ? s->batch : 0;
    if (batched && ((first->dims[0] < 0 && first->symbol[0] == symbol) || g->symbols[symbol].batch))
        return s->batch;
    return g->symbols[symbol].size;
}

weld_status weld_infer_set(weld_infer *inf, int output, weld_dtype dtype, const weld_shape *shape,
                           weld_error *err)
{
    const weld_node *node = inf->node;
    if (output >= node->output_count || node->outputs[output] < 0)
        return WELD_OK;
    int v = node->outputs[output];
    weld_status st =
        weld_shape_check(inf->shapes->ctx, shape, inf->shapes->graph->values[v].name, err);
    if (st != WELD_OK)
        return st;
    inf->shapes->types[v].dtype = dtype;
    inf->shapes->types[v].shape = *shape;
    return WELD_OK;
}

static weld_status arena_tensor(weld_tensor **out, weld_shapes *s, weld_dtype dtype,
                                const weld_shape *shape, weld_error *err)
{
    weld_status st = WELD_OK;
    size_t count = (size_t)weld_shape_numel(shape);
    WELD_ARENA_NEW(*out, &s->arena, 1);
    (*out)->dtype = dtype;
    (*out)->shape = *shape;
    (*out)->data = weld_arena_alloc(&s->arena, count + 1, weld_compute_size(dtype));
    if (!(*out)->data)
        st = weld_fail_memory(s->ctx, err, count, weld_compute_size(dtype));
done:
    return st;
}

weld_status weld_infer_set_data(weld_infer *inf, int output, const weld_shape *shape,
                                const int64_t *values, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_tensor *data;
    WELD_TRY(weld_infer_set(inf, output, WELD_INT64, shape, err));
    if (output >= inf->node->output_count || inf->node->outputs[output] < 0)
        return WELD_OK;
    WELD_TRY(arena_tensor(&data, inf->shapes, WELD_INT64, shape, err));
    memcpy(data->i, values, (size_t)weld_shape_numel(shape) * sizeof(int64_t));
    inf->shapes->types[inf->node->outputs[output]].data = data;
done:
    return st;
}

/* The batch is axis 0 of the first input, and every axis that the file gives the same size there:
 * the same symbol, one that is known to be it, or the same literal on axis 0. */
static bool is_batch(const weld_graph *g, const weld_value *value, int axis)
{
    const weld_value *first = &g->values[g->inputs[0]];
    if (first->rank < 1 || (first->dims[0] >= 0) != (value->dims[axis] >= 0))
        return false;
    if (first->dims[0] >= 0)
        return axis == 0 && value->dims[0] == first->dims[0];
    if (first->symbol[0] == value->symbol[axis] || g->symbols[value->symbol[axis]].batch)
        return true;
    /* Open sizes without a name on axis 0 are taken for the batch as well. */
    return axis == 0 && !g->symbols[first->symbol[0]].name[0] &&
           !g->symbols[value->symbol[axis]].name[0];
}

static weld_status declared_shape(weld_shapes *s, int v, weld_error *err)
{
    const weld_graph *g = s->graph;
    const weld_value *value = &g->values[v];
    weld_type *type = &s->types[v];
    if (value->rank < 0)
        return weld_fail(err, WELD_E_UNSUPPORTED, "graph input '%s' declares no shape",
                         value->name);
    type->shape = weld_shape_make(value->rank, value->dims);
    for (int k = 0; k < value->rank; k++) {
        if (is_batch(g, value, k))
            type->shape.dims[k] = s->batch;
        else if (value->dims[k] < 0)
            type->shape.dims[k] = g->symbols[value->symbol[k]].size;
        if (type->shape.dims[k] < 1)
            return weld_fail(err, WELD_E_UNSUPPORTED,
                             "graph input '%s' leaves the size of axis %d open, and no size was "
                             "found that the graph runs with",
                             value->name, k);
    }
    return WELD_OK;
}

/* Symbolic dims take any size; so does a literal batch (axis 0) when it is to be rewritten. */
static weld_status given_shape(weld_shapes *s, int v, const weld_tensor *given, weld_error *err)
{
    const weld_value *value = &s->graph->values[v];
    char text[128];
    weld_shape_text(&given->shape, text);
    if (given->dtype != value->dtype)
        return weld_fail(err, WELD_E_ARGUMENT, "input '%s' is given as %s, the model takes %s",
                         value->name, weld_dtype_name(given->dtype), weld_dtype_name(value->dtype));
    if (value->rank >= 0 && value->rank != given->shape.rank)
        return weld_fail(err, WELD_E_ARGUMENT, "input '%s' is given as %s, the model takes rank %d",
                         value->name, text, value->rank);
    for (int k = 0; k < value->rank; k++)
        if (value->dims[k] >= 0 && value->dims[k] != given->shape.dims[k])
            return weld_fail(err, WELD_E_ARGUMENT,
                             "input '%s' is given as %s, the model takes %" PRId64 " on axis %d",
                             value->name, text, value->dims[k], k);
    s->types[v].shape = given->shape;
    if (s->contents_known) {
        s->types[v].data = given;
        s->types[v].varies = false;
    }
    return WELD_OK;
}

static weld_status set_input(weld_shapes *s, int v, weld_error *err)
{
    const weld_value *value = &s->graph->values[v];
    s->types[v].dtype = value->dtype;
    s->types[v].varies = true;
    int k = 0;
    while (s->given && s->graph->inputs[k] != v)
        k++;
    weld_status st = s->given ? given_shape(s, v, s->given[k], err) : declared_shape(s, v, err);
    return st != WELD_OK ? st : weld_shape_check(s->ctx, &s->types[v].shape, value->name, err);
}

static weld_status set_leaves(weld_shapes *s, weld_error *err)
{
    for (int v = 0; v < s->graph->value_count; v++) {
        const weld_value *value = &s->graph->values[v];
        weld_status st = WELD_OK;
        if (value->kind == WELD_VALUE_INPUT)
            st = set_input(s, v, err);
        else if (value->kind == WELD_VALUE_PARAM)
            s->types[v] =
                (weld_type){value->dtype, weld_shape_make(value->rank, value->dims), NULL, false};
        else if (value->kind == WELD_VALUE_CONST)
            s->types[v] = (weld_type){value->dtype, value->data->shape, value->data, false};
        if (st != WELD_OK)
            return st;
    }
    return WELD_OK;
}

/* True when all inputs are known and no output is large: then the kernel runs now. */
static bool can_run(const weld_shapes *s, const weld_node *node)
{
    for (int k = 0; k < node->input_count; k++) {
        if (node->inputs[k] >= 0 && !s->types[node->inputs[k]].data)
            return false;
    }
    for (int k = 0; k < node->output_count; k++) {
        int v = node->outputs[k];
        if (v >= 0 &&
            (s->types[v].data || weld_shape_numel(&s->types[v].shape) > KNOWN_ELEMENTS_MAX))
            return false;
    }
    return true;
}

static weld_status run_now(weld_shapes *s, const weld_node *node, weld_error *err)
{
    enum { ARGS = 64 };
    weld_status st = WELD_OK;
    const weld_tensor *in[ARGS];
    weld_tensor *out[ARGS];
    char *scratch = NULL;
    if (node->input_count > ARGS || node->output_count > ARGS)
        return WELD_OK;
    for (int k = 0; k < node->input_count; k++)
        in[k] = node->inputs[k] < 0 ? NULL : s->types[node->inputs[k]].data;
    for (int k = 0; k < node->output_count; k++) {
        out[k] = NULL;
        if (node->outputs[k] >= 0) {
            const weld_type *type = &s->types[node->outputs[k]];
            WELD_TRY(arena_tensor(&out[k], s, type->dtype, &type->shape, err));
        }
    }
    weld_kernel_args args = {s->ctx, in, out, NULL};
    if (node->op->scratch_bytes) {
        WELD_NEW(scratch, s->ctx, weld_op_scratch(node, &args));
        args.scratch = scratch;
    }
    WELD_TRY(weld_op_run(node, &args, err));
    for (int k = 0; k < node->output_count; k++)
        if (out[k])
            s->types[node->outputs[k]].data = out[k];
done:
    weld_free(s->ctx, scratch);
    return st;
}

static weld_status infer_node(weld_shapes *s, const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_infer inf = {s, node};
    bool varies = false;
    for (int k = 0; k < node->input_count; k++)
        varies = varies || (node->inputs[k] >= 0 && s->types[node->inputs[k]].varies);
    WELD_TRY(node->op->infer(&inf, node, err));
    if (can_run(s, node))
        WELD_TRY(run_now(s, node, err));
    for (int k = 0; k < node->output_count; k++)
        if (node->outputs[k] >= 0)
            s->types[node->outputs[k]].varies = varies && !s->types[node->outputs[k]].data;
done:
    if (st != WELD_OK)
        weld_error_wrap(err, "node '%s' (%s)", node->name, node->op->name);
    return st;
}

static weld_status infer_all(weld_shapes **out, const weld_shapes *request, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_shapes *s = NULL;
    *out = NULL;
    WELD_NEW(s, request->ctx, 1);
    *s = *request;
    weld_arena_init(&s->arena, s->ctx);
    WELD_NEW(s->types, s->ctx, s->graph->value_count);
    WELD_TRY(set_leaves(s, err));
    for (int n = 0; n < s->graph->node_count; n++)
        WELD_TRY(infer_node(s, &s->graph->nodes[n], err));
    *out = s;
    s = NULL;
done:
    weld_shapes_free(s);
    return st;
}

weld_status weld_shapes_infer(weld_shapes **out, weld_context *ctx, const weld_graph *graph,
                              int64_t batch, int64_t literal_batch, weld_error *err)
{
    const weld_shapes request = {
        .ctx = ctx, .graph = graph, .batch = batch, .literal_batch = literal_batch};
    return infer_all(out, &request, err);
}

weld_status weld_shapes_infer_given(weld_shapes **out, weld_context *ctx, const weld_graph *graph,
                                    const weld_tensor *const *inputs, weld_error *err)
{
    weld_shapes request = {.ctx = ctx, .graph = graph, .given = inputs};
    weld_error first = WELD_ERROR_INIT;
    weld_status st = infer_all(out, &request, &first);
    if (st == WELD_E_UNSUPPORTED) {
        request.contents_known = true;
        st = infer_all(out, &request, &first);
    }
    if (st != WELD_OK && err)
        *err = first;
    return st;
}

void weld_shapes_free(weld_shapes *shapes)
{
    if (!shapes)
        return;
    weld_free(shapes->ctx, shapes->types);
    weld_arena_free(&shapes->arena);
    weld_free(shapes->ctx, shapes);
}

int64_t weld_batch_entries(const weld_shapes *shapes, int value, int64_t samples)
{
    const weld_shape *shape = &shapes->types[value].shape;
    const int64_t first = shape->rank > 0 ? shape->dims[0] : 1;
    return first == shapes->batch ? samples : first;
}
