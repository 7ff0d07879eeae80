#include "match/layers.h"
#include "ops/recurrent.h"

/* ---- who stands where ------------------------------------------------------------------------ */

bool weld_stands_have(const weld_stands *s, int unit_class)
{
    for (int k = 0; k < s->count; k++)
        if (s->at[k].unit_class == unit_class)
            return true;
    return false;
}

void weld_stands_index(int32_t *index, int64_t count, const weld_stands *s, const weld_element *e)
{
    for (int32_t k = 0; k < count; k++)
        index[k] = k;
    for (int k = 0; k < s->count; k++) {
        const weld_stand *t = &s->at[k];
        const int32_t size = e->symmetry->classes[t->unit_class].size;
        for (int32_t i = 0; i < size * t->multiplicity; i++)
            index[t->positions[i]] =
                t->positions[e->perms[t->unit_class][i / t->multiplicity] * t->multiplicity +
                             i % t->multiplicity];
    }
}

static weld_status add_stand(weld_stands *s, weld_context *ctx, weld_stand stand, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_GROW(s->at, s->cap, ctx, (size_t)s->count + 1);
    s->at[s->count++] = stand;
done:
    return st;
}

/* Those of the value's units on the axis; *elsewhere: some stand on another one, but the samples'. */
static weld_status stand_on_value(weld_stands *out, bool *elsewhere, const weld_symmetry *s,
                                  int value, int axis, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int c = 0; c < s->free_count; c++)
        for (int k = 0; k < s->classes[c].carrier_count; k++) {
            const weld_carrier *r = &s->classes[c].carriers[k];
            if (r->value != value)
                continue;
            *elsewhere = *elsewhere || r->axis != axis;
            if (r->axis == axis)
                WELD_TRY(
                    add_stand(out, s->ctx, (weld_stand){c, r->multiplicity, r->positions}, err));
        }
done:
    return st;
}

/* The rows of a recurrent layer are no value of the graph: what stands on [directions, out]. */
static weld_status stand_on_stack(weld_stands *out, const weld_symmetry *s, int param,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    for (int c = 0; c < s->free_count; c++) {
        const weld_class *k = &s->classes[c];
        for (int m = 0; m < k->member_count; m++)
            if (k->members[m].param == param && k->members[m].axis == 1)
                WELD_TRY(add_stand(
                    out, s->ctx,
                    (weld_stand){c, k->members[m].multiplicity, k->members[m].positions}, err));
        for (int m = 0; m < k->joint_count; m++)
            if (k->joints[m].param == param)
                WELD_TRY(add_stand(
                    out, s->ctx, (weld_stand){c, k->joints[m].multiplicity, k->joints[m].positions},
                    err));
    }
done:
    return st;
}

/* ---- which layers ----------------------------------------------------------------------------- */

/* made [value_count]: more than numbers of the model went into it. */
static void list_made(bool *made, const weld_graph *g)
{
    for (int n = 0; n < g->node_count; n++) {
        const weld_node *node = &g->nodes[n];
        bool any = false;
        for (int k = 0; k < node->input_count; k++) {
            const int v = node->inputs[k];
            const bool param = v >= 0 && g->values[v].kind == WELD_VALUE_PARAM;
            any = any || (param && weld_param_numel(g, g->values[v].param) > 1) ||
                  (v >= 0 && made[v]);
        }
        for (int k = 0; k < node->output_count; k++)
            if (node->outputs[k] >= 0)
                made[node->outputs[k]] = any;
    }
}

/* Why a layer with units on its weight can't take part; NULL = it can. */
static const char *obstacle(const weld_linear_layer *l, const weld_node *node, bool elsewhere)
{
    if (elsewhere)
        return "units stand on an axis that its input has besides the channels";
    if (l->matrix.form == WELD_PRODUCT_STACKED && weld_node_input(node, WELD_RNN_LENS) >= 0)
        return "its sequences have lengths of their own";
    return NULL;
}

static void free_stands(weld_layers *l, weld_linear_layer *layer)
{
    weld_free(l->ctx, layer->rows.at);
    weld_free(l->ctx, layer->channels.at);
}

static weld_status add_layer(weld_layers *l, const weld_symmetry *s, const weld_shapes *shapes,
                             int n, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_node *node = &s->graph->nodes[n];
    const int param = weld_param_at(s->graph, node, 1), x = node->inputs[0];
    const bool windows = weld_attr_slot(node, "kernel_shape") != NULL;
    const int axis = windows ? 1 : shapes->types[x].shape.rank - 1;
    weld_linear_layer layer = {
        .node = n, .param = param, .matrix = weld_weight_matrix_of(s->graph, node)};
    const weld_weight_matrix *m = &layer.matrix;
    bool elsewhere = false, ignored = false;
    WELD_TRY(stand_on_value(&layer.channels, &elsewhere, s, x, axis, err));
    if (m->form == WELD_PRODUCT_STACKED)
        WELD_TRY(stand_on_stack(&layer.rows, s, param, err));
    else
        WELD_TRY(stand_on_value(&layer.rows, &ignored, s, node->outputs[0], axis, err));
    layer.depthwise = m->groups > 1 && m->groups == m->channels && m->groups == m->outputs;
    if (layer.rows.count + layer.channels.count == 0)
        goto done;
    const char *why = obstacle(&layer, node, elsewhere);
    if (why) {
        WELD_TRY(weld_layers_leave_out(l, n, why, err));
        goto done;
    }
    WELD_GROW(l->layers, l->cap, l->ctx, (size_t)l->count + 1);
    l->layers[l->count++] = layer;
    return st;
done:
    free_stands(l, &layer);
    return st;
}

weld_status weld_layers_leave_out(weld_layers *l, int node, const char *why, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_GROW(l->left_out, l->left_out_cap, l->ctx, (size_t)l->left_out_count + 1);
    l->left_out[l->left_out_count++] = (weld_left_out){node, why};
done:
    return st;
}

weld_status weld_layers_create(weld_layers **out, const weld_symmetry *s, const weld_shapes *shapes,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = s->graph;
    weld_layers *l = NULL;
    bool *made = NULL;
    *out = NULL;
    WELD_NEW(l, s->ctx, 1);
    l->ctx = s->ctx;
    WELD_NEW(made, s->ctx, g->value_count);
    list_made(made, g);
    for (int n = 0; n < g->node_count; n++) {
        const weld_node *node = &g->nodes[n];
        if (node->op->product == WELD_PRODUCT_NONE || weld_param_at(g, node, 1) < 0)
            continue;
        if (g->values[node->inputs[0]].kind == WELD_VALUE_NODE && made[node->inputs[0]])
            WELD_TRY(add_layer(l, s, shapes, n, err));
        if (node->op->product == WELD_PRODUCT_STACKED)
            WELD_TRY(weld_layers_leave_out(
                l, n, "its recurrent weights: the states that they multiply are no value", err));
    }
    *out = l;
    l = NULL;
done:
    weld_free(s->ctx, made);
    weld_layers_free(l);
    return st;
}

void weld_layers_free(weld_layers *l)
{
    if (!l)
        return;
    for (int k = 0; k < l->count; k++)
        free_stands(l, &l->layers[k]);
    weld_free(l->ctx, l->layers);
    weld_free(l->ctx, l->left_out);
    weld_free(l->ctx, l);
}
