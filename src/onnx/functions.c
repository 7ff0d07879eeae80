#include "onnx/functions.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CALLS_MAX = 32 };

/* Where nodes stand: the graph, or the body of a function for one call of it. */
typedef struct scope {
    const struct scope *caller; /* NULL = the graph */
    const Weld__Onnx__Function *function;
    const Weld__Onnx__Node *call; /* with its names and attributes resolved */
    const char *prefix;           /* of the names inside */
    int depth;
} scope;

typedef struct inliner {
    weld_flat_graph *out;
    const weld_onnx_file *file;
    const Weld__Onnx__Model *model;
} inliner;

static const char *text_of(const char *text)
{
    return text ? text : "";
}

static const char *domain_name(const char *domain)
{
    return domain && strcmp(domain, "ai.onnx") != 0 ? domain : "";
}

static int64_t opset_in(const inliner *in, const scope *at, const char *domain)
{
    for (int k = 0; !at->function && k < in->file->opset_count; k++)
        if (strcmp(in->file->opsets[k].domain, domain) == 0)
            return in->file->opsets[k].version;
    for (size_t k = 0; at->function && k < at->function->n_opset_import; k++)
        if (strcmp(domain_name(at->function->opset_import[k]->domain), domain) == 0)
            return at->function->opset_import[k]->version;
    return 0;
}

static const Weld__Onnx__Function *function_of(const inliner *in, const Weld__Onnx__Node *node)
{
    for (size_t k = 0; k < in->model->n_functions; k++) {
        const Weld__Onnx__Function *f = in->model->functions[k];
        if (strcmp(text_of(f->name), text_of(node->op_type)) == 0 &&
            strcmp(domain_name(f->domain), domain_name(node->domain)) == 0 &&
            strcmp(text_of(f->overload), text_of(node->overload)) == 0)
            return f;
    }
    return NULL;
}

/* ---- names ---------------------------------------------------------------------- */

/* A formal name is the actual one; where the call leaves it out it is "". */
static bool formal(const char **out, char *const *names, size_t count, char *const *actual,
                   size_t actual_count, const char *name)
{
    for (size_t k = 0; k < count; k++)
        if (strcmp(names[k], name) == 0) {
            *out = k < actual_count ? actual[k] : "";
            return true;
        }
    return false;
}

static weld_status rename_value(char **out, inliner *in, const scope *at, const char *name,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    const char *actual = "";
    const Weld__Onnx__Function *f = at->function;
    bool bound = f && name[0] &&
                 formal(&actual, f->input, f->n_input, at->call->input, at->call->n_input, name);
    if (f && name[0] && !bound)
        bound =
            formal(&actual, f->output, f->n_output, at->call->output, at->call->n_output, name) &&
            actual[0]; /* an output that nobody takes is a value of the body */
    if (!f || !name[0] || bound) {
        *out = (char *)(bound ? actual : name);
        return WELD_OK;
    }
    size_t n = strlen(at->prefix) + strlen(name) + 2;
    WELD_ARENA_NEW(*out, &in->out->arena, n);
    snprintf(*out, n, "%s/%s", at->prefix, name);
done:
    return st;
}

static weld_status rename_all(char ***out, inliner *in, const scope *at, char *const *names,
                              size_t count, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_ARENA_NEW(*out, &in->out->arena, count);
    for (size_t k = 0; k < count; k++)
        WELD_TRY(rename_value(&(*out)[k], in, at, text_of(names[k]), err));
done:
    return st;
}

/* ---- attributes ----------------------------------------------------------------- */

static const Weld__Onnx__Attribute *attribute_named(Weld__Onnx__Attribute *const *list,
                                                    size_t count, const char *name)
{
    for (size_t k = 0; k < count; k++)
        if (strcmp(text_of(list[k]->name), name) == 0)
            return list[k];
    return NULL;
}

/* References to the attributes of the function become what the call gives, or their defaults; where
 * there is neither, the attribute is left out. */
static weld_status resolve_attributes(Weld__Onnx__Node *copy, inliner *in, const scope *at,
                                      weld_error *err)
{
    weld_status st = WELD_OK;
    const Weld__Onnx__Node *from = copy;
    Weld__Onnx__Attribute **list;
    size_t count = 0;
    WELD_ARENA_NEW(list, &in->out->arena, from->n_attribute);
    for (size_t k = 0; k < from->n_attribute; k++) {
        const Weld__Onnx__Attribute *a = from->attribute[k], *source;
        list[count] = from->attribute[k];
        if (!a->ref_attr_name || !a->ref_attr_name[0]) {
            count++;
            continue;
        }
        source = attribute_named(at->call->attribute, at->call->n_attribute, a->ref_attr_name);
        if (!source)
            source = attribute_named(at->function->attribute_proto, at->function->n_attribute_proto,
                                     a->ref_attr_name);
        if (!source)
            continue;
        WELD_ARENA_NEW(list[count], &in->out->arena, 1);
        *list[count] = *source;
        list[count++]->name = a->name;
    }
    copy->attribute = list;
    copy->n_attribute = count;
done:
    return st;
}

/* ---- nodes ---------------------------------------------------------------------- */

static weld_status add_node(inliner *in, const scope *at, const Weld__Onnx__Node *node,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    weld_flat_graph *flat = in->out;
    WELD_REQUIRE(flat->count < in->file->ctx->limits.nodes_max, WELD_E_LIMIT,
                 "more than %u nodes once its functions are expanded",
                 in->file->ctx->limits.nodes_max);
    WELD_GROW(flat->nodes, flat->cap, in->file->ctx, flat->count + 1);
    const char *domain = domain_name(node->domain);
    flat->nodes[flat->count++] = (weld_flat_node){node, domain, opset_in(in, at, domain)};
done:
    return st;
}

static weld_status resolve(const Weld__Onnx__Node **out, inliner *in, const scope *at,
                           const Weld__Onnx__Node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    Weld__Onnx__Node *copy;
    *out = node;
    if (!at->function)
        return WELD_OK;
    WELD_ARENA_NEW(copy, &in->out->arena, 1);
    *copy = *node;
    WELD_TRY(rename_all(&copy->input, in, at, node->input, node->n_input, err));
    WELD_TRY(rename_all(&copy->output, in, at, node->output, node->n_output, err));
    WELD_TRY(rename_value(&copy->name, in, at, text_of(node->name), err));
    WELD_TRY(resolve_attributes(copy, in, at, err));
    *out = copy;
done:
    return st;
}

static weld_status add_nodes(inliner *in, const scope *at, Weld__Onnx__Node *const *nodes,
                             size_t count, weld_error *err);

/* A formal output that is a formal input as well: the body has no node that makes it. */
static weld_status pass_through(inliner *in, const scope *at, weld_error *err)
{
    static const Weld__Onnx__Node identity = WELD__ONNX__NODE__INIT;
    weld_status st = WELD_OK;
    const Weld__Onnx__Function *f = at->function;
    for (size_t k = 0; k < f->n_output && k < at->call->n_output; k++) {
        const char *actual;
        Weld__Onnx__Node *node;
        if (!at->call->output[k][0] || !formal(&actual, f->input, f->n_input, at->call->input,
                                               at->call->n_input, f->output[k]))
            continue;
        WELD_ARENA_NEW(node, &in->out->arena, 1);
        *node = identity;
        WELD_ARENA_NEW(node->input, &in->out->arena, 1);
        node->input[0] = (char *)actual;
        node->output = &at->call->output[k];
        node->n_input = node->n_output = 1;
        node->name = node->domain = (char *)"";
        node->op_type = (char *)"Identity";
        WELD_TRY(add_node(in, at, node, err));
    }
done:
    return st;
}

static weld_status add_call(inliner *in, const scope *at, const Weld__Onnx__Function *function,
                            const Weld__Onnx__Node *call, weld_error *err)
{
    weld_status st = WELD_OK;
    char *prefix;
    const char *name = text_of(call->name)[0] ? call->name
                       : call->n_output > 0   ? call->output[0]
                                              : text_of(function->name);
    WELD_REQUIRE(at->depth < CALLS_MAX, WELD_E_FORMAT,
                 "function '%s': calls nest deeper than %d (does it call itself?)",
                 text_of(function->name), CALLS_MAX);
    /* The number makes it unique: two calls may carry one name. */
    size_t n = strlen(name) + 24;
    WELD_ARENA_NEW(prefix, &in->out->arena, n);
    snprintf(prefix, n, "%s#%zu", name, in->out->count);
    scope body = {at, function, call, prefix, at->depth + 1};
    WELD_TRY(add_nodes(in, &body, function->node, function->n_node, err));
    WELD_TRY(pass_through(in, &body, err));
done:
    return st;
}

static weld_status add_nodes(inliner *in, const scope *at, Weld__Onnx__Node *const *nodes,
                             size_t count, weld_error *err)
{
    weld_status st = WELD_OK;
    for (size_t k = 0; k < count; k++) {
        const Weld__Onnx__Node *node;
        const Weld__Onnx__Function *function = function_of(in, nodes[k]);
        WELD_TRY(resolve(&node, in, at, nodes[k], err));
        WELD_TRY(function ? add_call(in, at, function, node, err) : add_node(in, at, node, err));
    }
done:
    return st;
}

weld_status weld_flat_graph_make(weld_flat_graph *out, const weld_onnx_file *file,
                                 const Weld__Onnx__Model *model, weld_error *err)
{
    const scope graph = {NULL, NULL, NULL, "", 0};
    inliner in = {out, file, model};
    *out = (weld_flat_graph){0};
    weld_arena_init(&out->arena, file->ctx);
    return add_nodes(&in, &graph, model->graph->node, model->graph->n_node, err);
}

void weld_flat_graph_free(weld_context *ctx, weld_flat_graph *flat)
{
    weld_arena_free(&flat->arena);
    weld_free(ctx, flat->nodes);
}
