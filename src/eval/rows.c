#include "eval/rows.h"

static const weld_node *only_consumer(const weld_graph *g, int value)
{
    if (g->consumer_count[value] != 1 || weld_graph_is_output(g, value))
        return NULL;
    return &g->nodes[g->consumers[value][0]];
}

/* Through at most one normalisation and one activation. */
static int after_activation(const weld_graph *g, int value)
{
    const weld_node *next = only_consumer(g, value);
    if (next && (next->op->flags & WELD_OP_NORM)) {
        value = next->outputs[0];
        next = only_consumer(g, value);
    }
    if (next && (next->op->flags & WELD_OP_ACTIVATION) && next->inputs[0] == value)
        value = next->outputs[0];
    return value;
}

static bool is_residual_sum(const weld_graph *g, const weld_node *node)
{
    if (!(node->op->flags & WELD_OP_SUM))
        return false;
    for (int k = 0; k < node->input_count; k++)
        if (node->inputs[k] < 0 || g->values[node->inputs[k]].kind != WELD_VALUE_NODE)
            return false;
    return true;
}

static void add_row(weld_rows *rows, int value, const char *name)
{
    for (int k = 0; k < rows->count; k++)
        if (rows->values[k] == value)
            return;
    rows->values[rows->count] = value;
    rows->names[rows->count++] = name;
}

static void find_logits(weld_rows *rows, const weld_graph *g)
{
    rows->logits = g->outputs[g->loss_output];
    if (g->values[rows->logits].kind != WELD_VALUE_NODE)
        return;
    const weld_node *last = &g->nodes[g->values[rows->logits].producer];
    if (last->op->flags & (WELD_OP_SOFTMAX | WELD_OP_LOGSOFTMAX)) {
        rows->removed = last->op->name;
        rows->logits = last->inputs[0];
    }
}

/* The only axis that is longer where there is one sample more, -1 = there is none. `more` NULL: that is not
 * known, and samples come first. */
static int sample_axis(const weld_shapes *shapes, const weld_shapes *more, int value)
{
    const weld_shape *shape = &shapes->types[value].shape;
    const weld_shape *longer = more ? &more->types[value].shape : NULL;
    int found = -1;
    if (!more)
        return shape->rank > 0 && shape->dims[0] == shapes->batch ? 0 : -1;
    for (int axis = 0; axis < shape->rank && longer->rank == shape->rank; axis++) {
        if (longer->dims[axis] == shape->dims[axis])
            continue;
        if (found >= 0 || shape->dims[axis] != shapes->batch || longer->dims[axis] != more->batch)
            return -1;
        found = axis;
    }
    return found;
}

static weld_status keep_samples(weld_rows *rows, const weld_shapes *shapes, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_shapes *more = NULL;
    char text[128];
    int kept = 0;
    /* a batch that stands in the model can't be another one */
    if (weld_shapes_infer(&more, rows->ctx, shapes->graph, shapes->batch + 1, shapes->literal_batch,
                          NULL) != WELD_OK)
        more = NULL;
    WELD_REQUIRE(sample_axis(shapes, more, rows->logits) == 0, WELD_E_UNSUPPORTED,
                 "the output that the loss is of has shape %s for a batch of %d: its first axis "
                 "has to be the samples",
                 weld_shape_text(&shapes->types[rows->logits].shape, text), (int)shapes->batch);
    for (int k = 0; k < rows->count; k++) {
        const int axis = sample_axis(shapes, more, rows->values[k]);
        if (axis < 0)
            continue;
        rows->values[kept] = rows->values[k];
        rows->axes[kept] = axis;
        rows->names[kept++] = rows->names[k];
    }
    rows->left_out = rows->count - kept;
    rows->count = kept;
done:
    weld_shapes_free(more);
    return st;
}

weld_status weld_rows_find(weld_rows *out, weld_context *ctx, const weld_shapes *shapes,
                           weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *graph = shapes->graph;
    *out = (weld_rows){.ctx = ctx};
    WELD_NEW(out->values, ctx, graph->node_count + 1);
    WELD_NEW(out->axes, ctx, graph->node_count + 1);
    WELD_NEW(out->names, ctx, graph->node_count + 1);
    find_logits(out, graph);
    for (int n = 0; n < graph->node_count; n++) {
        const weld_node *node = &graph->nodes[n];
        bool linear = node->op->flags & WELD_OP_LINEAR;
        if (!linear && !is_residual_sum(graph, node))
            continue;
        int value = after_activation(graph, node->outputs[0]);
        if (value != out->logits && value != graph->outputs[graph->loss_output])
            add_row(out, value, node->name);
    }
    add_row(out, out->logits, "logits");
    WELD_TRY(keep_samples(out, shapes, err));
done:
    if (st != WELD_OK)
        weld_rows_free(out);
    return st;
}

void weld_rows_free(weld_rows *rows)
{
    weld_free(rows->ctx, rows->values);
    weld_free(rows->ctx, rows->axes);
    weld_free(rows->ctx, rows->names);
    rows->values = rows->axes = NULL;
    rows->names = NULL;
}
