/* A weight that is transposed, reshaped or widened before its use is a parameter in that form: the
 * steps become part of its home, so that B's weight may be stored in another orientation or type
 * than A's. */
#include "canon/canon.h"
#include <string.h>

/* A Cast to a type that holds every weight as we compute with it. */
static bool is_widening(const weld_node *node)
{
    if (node->op != &weld_op_Cast)
        return false;
    const void *to = (const char *)node->attrs + node->op->fields[0].offset;
    return *(const int64_t *)to == WELD_FLOAT || *(const int64_t *)to == WELD_DOUBLE;
}

static bool is_view(const weld_draft *draft, const weld_node *node)
{
    int v = node->input_count > 0 ? node->inputs[0] : -1;
    if (node->dead || v < 0 || draft->values[v].kind != WELD_VALUE_PARAM ||
        node->output_count != 1 || node->outputs[0] < 0)
        return false;
    if (!(node->op->flags & WELD_OP_VIEW) && node->op != &weld_op_Transpose && !is_widening(node))
        return false;
    for (int k = 1; k < node->input_count; k++)
        if (node->inputs[k] >= 0 && draft->values[node->inputs[k]].kind != WELD_VALUE_CONST)
            return false;
    return draft->homes[v].step_count < WELD_VIEW_STEPS_MAX;
}

/* Shapes before and after, found by the operator's own rule on a graph of one node. */
static weld_status view_of(weld_view_step *out, weld_dtype *dtype, const weld_draft *draft,
                           const weld_node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_value *in = &draft->values[node->inputs[0]];
    weld_draft probe;
    weld_graph *graph = NULL;
    weld_home *homes = NULL;
    weld_shapes *shapes = NULL;
    weld_node *copy;
    weld_node like = *node;
    int value, result;
    weld_draft_init(&probe, draft->ctx);
    WELD_TRY(weld_draft_node(&copy, &probe, &like, err));
    for (int k = 0; k < node->input_count; k++) {
        if (node->inputs[k] < 0)
            continue;
        const weld_value *from = &draft->values[node->inputs[k]];
        WELD_TRY(weld_draft_value(&value, &probe, from->name, from->kind, err));
        const char *name = probe.values[value].name;
        probe.values[value] = *from;
        probe.values[value].name = name;
        probe.values[value].param = -1;
        copy->inputs[k] = value;
    }
    WELD_TRY(weld_draft_value(&result, &probe, "", WELD_VALUE_NODE, err));
    copy->outputs[0] = result;
    WELD_TRY(weld_draft_output(&probe, result, err));
    WELD_TRY(weld_draft_finish(&graph, &homes, &probe, err));
    WELD_TRY(weld_shapes_infer(&shapes, draft->ctx, graph, 1, 0, err));
    out->in = weld_shape_make(in->rank, in->dims);
    out->out = shapes->types[graph->outputs[0]].shape;
    *dtype = shapes->types[graph->outputs[0]].dtype;
done:
    weld_shapes_free(shapes);
    weld_free(draft->ctx, homes);
    weld_graph_free(draft->ctx, graph);
    weld_draft_free(&probe);
    return st;
}

static bool same_perm(const weld_view_step *step, const weld_node *node)
{
    const weld_field *perm = node->op->fields; /* Transpose has one attribute */
    const weld_ints *ints = (const weld_ints *)((const char *)node->attrs + perm->offset);
    return ints->count == step->in.rank;
}

static void fill_perm(weld_view_step *step, const weld_node *node)
{
    const weld_ints *ints =
        (const weld_ints *)((const char *)node->attrs + node->op->fields->offset);
    bool given = same_perm(step, node);
    for (int k = 0; k < step->in.rank; k++)
        step->perm[k] = given ? (int)ints->at[k] : step->in.rank - 1 - k;
}

/* The node's output becomes a parameter of its own with a longer home; the input may have other
 * uses, which keep theirs: both homes then lead to the same stored tensor. */
static void absorb(weld_draft *draft, weld_node *node, weld_view_step step, weld_dtype dtype)
{
    int from = node->inputs[0], to = node->outputs[0];
    weld_value *v = &draft->values[to];
    weld_home *home = &draft->homes[to];
    *home = draft->homes[from];
    if (node->op == &weld_op_Transpose) {
        step.kind = WELD_VIEW_TRANSPOSE;
        fill_perm(&step, node);
        home->steps[home->step_count++] = step;
    } else if (node->op != &weld_op_Cast) {
        step.kind = WELD_VIEW_RESHAPE;
        home->steps[home->step_count++] = step;
    }
    v->kind = WELD_VALUE_PARAM;
    v->dtype = dtype;
    v->rank = step.out.rank;
    memcpy(v->dims, step.out.dims, sizeof v->dims);
    v->name = draft->values[from].name; /* people know the weight by its name in the file */
    node->dead = true;
}

weld_status weld_pass_views(weld_draft *draft, weld_error *err)
{
    weld_status st = WELD_OK;
    int absorbed = 0;
    bool again = true;
    while (again) {
        again = false;
        for (size_t n = 0; n < draft->node_count; n++) {
            weld_view_step step = {0};
            weld_dtype dtype;
            /* Another use in another form would give one stored tensor two masters. */
            if (!is_view(draft, &draft->nodes[n]) ||
                weld_draft_uses(draft, draft->nodes[n].inputs[0]) != 1)
                continue;
            WELD_TRY(view_of(&step, &dtype, draft, &draft->nodes[n], err));
            absorb(draft, &draft->nodes[n], step, dtype);
            absorbed++;
            again = true;
        }
    }
    if (absorbed)
        WELD_TRY(weld_draft_log(draft, err, "%d views of weights resolved", absorbed));
done:
    return st;
}
