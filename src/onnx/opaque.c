#include "onnx/opaque.h"
#include <string.h>

bool weld_has_subgraph(const weld_flat_node *node)
{
    for (size_t k = 0; k < node->proto->n_attribute; k++)
        if (node->proto->attribute[k]->g || node->proto->attribute[k]->n_graphs)
            return true;
    return false;
}

typedef struct collector {
    const char **names;
    size_t count, cap;
    const weld_strmap *known;
    weld_strmap seen;
    weld_context *ctx;
} collector;

static weld_status add_name(collector *c, const char *name, weld_error *err)
{
    weld_status st = WELD_OK;
    if (!name || !name[0] || weld_strmap_get(c->known, name) < 0 ||
        weld_strmap_get(&c->seen, name) >= 0)
        return WELD_OK;
    WELD_TRY(weld_strmap_put(&c->seen, name, 0, err));
    WELD_GROW(c->names, c->cap, c->ctx, c->count + 1);
    c->names[c->count++] = name;
done:
    return st;
}

/* A name that a subgraph defines as well is pinned for nothing, which is safe. */
static weld_status collect_graph(collector *c, const Weld__Onnx__Graph *g, weld_error *err)
{
    weld_status st = WELD_OK;
    for (size_t n = 0; n < g->n_node; n++) {
        const Weld__Onnx__Node *node = g->node[n];
        for (size_t k = 0; k < node->n_input; k++)
            WELD_TRY(add_name(c, node->input[k], err));
        for (size_t k = 0; k < node->n_attribute; k++) {
            if (node->attribute[k]->g)
                WELD_TRY(collect_graph(c, node->attribute[k]->g, err));
            for (size_t i = 0; i < node->attribute[k]->n_graphs; i++)
                WELD_TRY(collect_graph(c, node->attribute[k]->graphs[i], err));
        }
    }
    for (size_t k = 0; k < g->n_output; k++)
        WELD_TRY(add_name(c, g->output[k]->name, err));
done:
    return st;
}

weld_status weld_captured_names(const char ***names, size_t *count, const weld_flat_node *node,
                                const weld_strmap *known, weld_context *ctx, weld_error *err)
{
    weld_status st = WELD_OK;
    collector c = {.known = known, .ctx = ctx};
    weld_strmap_init(&c.seen, ctx);
    for (size_t k = 0; k < node->proto->n_attribute; k++) {
        const Weld__Onnx__Attribute *a = node->proto->attribute[k];
        if (a->g)
            WELD_TRY(collect_graph(&c, a->g, err));
        for (size_t i = 0; i < a->n_graphs; i++)
            WELD_TRY(collect_graph(&c, a->graphs[i], err));
    }
    *names = c.names;
    *count = c.count;
    c.names = NULL;
done:
    weld_strmap_free(&c.seen);
    weld_free(ctx, c.names);
    return st;
}

static const Weld__Onnx__ValueInfo *info_of(Weld__Onnx__ValueInfo *const *list, size_t count,
                                            const char *name)
{
    for (size_t k = 0; k < count; k++)
        if (list[k]->name && strcmp(list[k]->name, name) == 0)
            return list[k];
    return NULL;
}

weld_opaque_output weld_declared_output(const Weld__Onnx__Graph *graph, const char *name,
                                        const weld_strmap *symbols)
{
    weld_opaque_output out = {.rank = -1};
    const Weld__Onnx__ValueInfo *info = info_of(graph->value_info, graph->n_value_info, name);
    if (!info)
        info = info_of(graph->output, graph->n_output, name);
    const Weld__Onnx__TensorType *type = info && info->type ? info->type->tensor_type : NULL;
    if (!type || !type->shape || type->shape->n_dim > WELD_RANK_MAX ||
        !weld_dtype_size(type->elem_type))
        return out;
    out.dtype = (weld_dtype)type->elem_type;
    out.rank = (int)type->shape->n_dim;
    for (int a = 0; a < out.rank; a++) {
        const Weld__Onnx__Dimension *dim = type->shape->dim[a];
        out.dims[a] = dim->has_dim_value && dim->dim_value >= 0 ? dim->dim_value : -1;
        out.symbol[a] =
            dim->dim_param && dim->dim_param[0] ? weld_strmap_get(symbols, dim->dim_param) : -1;
    }
    return out;
}
