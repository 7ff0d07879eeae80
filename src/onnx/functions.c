#include "onnx/functions.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CALLS_MAX = 32 };

/* Where nodes stand: the graph, the body of a function for one call of it, or a branch of an If. */
typedef struct scope {
    const struct scope *caller; /* NULL = the graph */
    const Weld__Onnx__Function *function;
    const Weld__Onnx__Graph *branch;
    const weld_strmap *own;       /* names that the branch defines; it sees those around it too */
    const Weld__Onnx__Node *call; /* with its names and attributes resolved */
    const char *prefix;           /* of the names inside */
    int depth;
} scope;

typedef struct inliner {
    weld_flat_graph *out;
    const weld_onnx_file *file;
    const Weld__Onnx__Model *model;
    const weld_strmap *branches;
    const weld_copies *copies;
} inliner;

static const char *text_of(const char *text)
{
    return text ? text : "";
}

static const char *domain_name(const char *domain)
{
    return domain && strcmp(domain, "ai.onnx") != 0 ? domain : "";
}

/* The function whose body the scope is in, NULL = none. */
static const scope *body_of(const scope *at)
{
    while (at->branch)
        at = at->caller;
    return at->function ? at : NULL;
}

static int64_t opset_in(const inliner *in, const scope *at, const char *domain)
{
    const scope *body = body_of(at);
    for (int k = 0; !body && k < in->file->opset_count; k++)
        if (strcmp(in->file->opsets[k].domain, domain) == 0)
            return in->file->opsets[k].version;
    for (size_t k = 0; body && k < body->function->n_opset_import; k++)
        if (strcmp(domain_name(body->function->opset_import[k]->domain), domain) == 0)
            return body->function->opset_import[k]->version;
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

static weld_status prefixed(char **out, inliner *in, const scope *at, const char *name,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t n = strlen(at->prefix) + strlen(name) + 2;
    WELD_ARENA_NEW(*out, &in->out->arena, n);
    snprintf(*out, n, "%s/%s", at->prefix, name);
done:
    return st;
}

/* Formal names of a function or branch are the actual ones of the call; where the call leaves one out
 * it is "". */
static bool is_formal(const char **actual, const scope *at, const char *name)
{
    const Weld__Onnx__Function *f = at->function;
    if (at->branch) {
        for (size_t k = 0; k < at->branch->n_output && k < at->call->n_output; k++)
            if (at->call->output[k][0] && strcmp(text_of(at->branch->output[k]->name), name) == 0) {
                *actual = at->call->output[k];
                return weld_strmap_get(at->own, name) >= 0;
            }
        return false;
    }
    if (formal(actual, f->input, f->n_input, at->call->input, at->call->n_input, name))
        return true;
    /* an output that nobody takes is a value of the body */
    return formal(actual, f->output, f->n_output, at->call->output, at->call->n_output, name) &&
           (*actual)[0];
}

static weld_status rename_value(char **out, inliner *in, const scope *at, const char *name,
                                weld_error *err)
{
    const char *actual = "";
    while (at->branch && name[0] && weld_strmap_get(at->own, name) < 0)
        at = at->caller; /* a name from around the branch */
    *out = (char *)name;
    if (!at->caller || !name[0])
        return WELD_OK;
    if (is_formal(&actual, at, name)) {
        *out = (char *)actual;
        return WELD_OK;
    }
    return prefixed(out, in, at, name, err);
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
    const scope *body = body_of(at);
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
        if (!body)
            return weld_fail(err, WELD_E_FORMAT, "attribute '%s' refers to one of a function",
                             text_of(a->name));
        source = attribute_named(body->call->attribute, body->call->n_attribute, a->ref_attr_name);
        if (!source)
            source = attribute_named(body->function->attribute_proto,
                                     body->function->n_attribute_proto, a->ref_attr_name);
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
    flat->nodes[flat->count++] =
        (weld_flat_node){node, domain, opset_in(in, at, domain), at->caller != NULL};
done:
    return st;
}

/* Node `index` of the graph: itself, or where it reads copies of tensors a copy with their names. */
static weld_status read_copies(const Weld__Onnx__Node **out, inliner *in,
                               const Weld__Onnx__Node *node, size_t index, weld_error *err)
{
    weld_status st = WELD_OK;
    Weld__Onnx__Node *copy = NULL;
    for (size_t k = 0; k < node->n_input; k++) {
        const char *name = weld_copies_name(in->copies, (int)index, (int)k);
        if (!name)
            continue;
        if (!copy) {
            WELD_ARENA_NEW(copy, &in->out->arena, 1);
            *copy = *node;
            WELD_ARENA_NEW(copy->input, &in->out->arena, node->n_input);
            memcpy(copy->input, node->input, node->n_input * sizeof *copy->input);
        }
        copy->input[k] = (char *)name;
    }
    *out = copy ? copy : node;
done:
    return st;
}

static weld_status resolve(const Weld__Onnx__Node **out, inliner *in, const scope *at,
                           const Weld__Onnx__Node *node, size_t index, weld_error *err)
{
    weld_status st = WELD_OK;
    Weld__Onnx__Node *copy;
    if (!at->caller)
        return read_copies(out, in, node, index, err);
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

/* An Identity from one actual name to another. */
static weld_status add_identity(inliner *in, const scope *at, const char *from, char **to,
                                weld_error *err)
{
    static const Weld__Onnx__Node identity = WELD__ONNX__NODE__INIT;
    weld_status st = WELD_OK;
    Weld__Onnx__Node *node;
    WELD_ARENA_NEW(node, &in->out->arena, 1);
    *node = identity;
    WELD_ARENA_NEW(node->input, &in->out->arena, 1);
    node->input[0] = (char *)from;
    node->output = to;
    node->n_input = node->n_output = 1;
    node->name = node->domain = (char *)"";
    node->op_type = (char *)"Identity";
    WELD_TRY(add_node(in, at, node, err));
done:
    return st;
}

/* A formal output that is a formal input as well: the body has no node that makes it. */
static weld_status pass_through(inliner *in, const scope *at, weld_error *err)
{
    weld_status st = WELD_OK;
    const Weld__Onnx__Function *f = at->function;
    for (size_t k = 0; k < f->n_output && k < at->call->n_output; k++) {
        const char *actual;
        if (at->call->output[k][0] &&
            formal(&actual, f->input, f->n_input, at->call->input, at->call->n_input, f->output[k]))
            WELD_TRY(add_identity(in, at, actual, &at->call->output[k], err));
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
    scope body = {at, function, NULL, NULL, call, prefix, at->depth + 1};
    WELD_TRY(add_nodes(in, &body, function->node, function->n_node, err));
    WELD_TRY(pass_through(in, &body, err));
done:
    return st;
}

/* ---- branches ----------------------------------------------------------------------- */

bool weld_flat_is_if(const weld_flat_node *node)
{
    return node->domain[0] == '\0' && strcmp(text_of(node->proto->op_type), "If") == 0;
}

/* The graph that an If stands for; NULL = it is no If, or not decided. */
static const Weld__Onnx__Graph *branch_of(const inliner *in, const Weld__Onnx__Node *node)
{
    if (domain_name(node->domain)[0] || strcmp(text_of(node->op_type), "If") != 0 ||
        node->n_output < 1)
        return NULL;
    const int taken = weld_strmap_get(in->branches, node->output[0]);
    const char *name = taken == 1 ? "then_branch" : "else_branch";
    const Weld__Onnx__Attribute *a =
        taken < 0 ? NULL : attribute_named(node->attribute, node->n_attribute, name);
    return a ? a->g : NULL;
}

static weld_status own_names(weld_strmap *own, const Weld__Onnx__Graph *g, weld_error *err)
{
    weld_status st = WELD_OK;
    for (size_t k = 0; k < g->n_initializer; k++)
        WELD_TRY(weld_strmap_put(own, text_of(g->initializer[k]->name), 0, err));
    for (size_t k = 0; k < g->n_sparse_initializer; k++)
        WELD_TRY(weld_strmap_put(own, text_of(g->sparse_initializer[k]->values->name), 0, err));
    for (size_t n = 0; n < g->n_node; n++)
        for (size_t k = 0; k < g->node[n]->n_output; k++)
            if (g->node[n]->output[k][0])
                WELD_TRY(weld_strmap_put(own, g->node[n]->output[k], 0, err));
done:
    return st;
}

/* An initializer keeps a name of its own, also where it is the branch's output. */
static weld_status add_tensor(inliner *in, const scope *at, const Weld__Onnx__Tensor *tensor,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    weld_flat_graph *flat = in->out;
    char *name;
    WELD_TRY(rename_value(&name, in, at, text_of(tensor->name), err));
    WELD_GROW(flat->tensors, flat->tensor_cap, in->file->ctx, flat->tensor_count + 1);
    flat->tensors[flat->tensor_count++] = (weld_flat_tensor){tensor, name};
done:
    return st;
}

/* Outputs that are names from around the branch. */
static weld_status forward_outputs(inliner *in, const scope *at, weld_error *err)
{
    weld_status st = WELD_OK;
    char *from;
    for (size_t k = 0; k < at->branch->n_output && k < at->call->n_output; k++) {
        const char *name = text_of(at->branch->output[k]->name);
        if (!at->call->output[k][0] || weld_strmap_get(at->own, name) >= 0)
            continue;
        WELD_TRY(rename_value(&from, in, at, name, err));
        WELD_TRY(add_identity(in, at, from, &at->call->output[k], err));
    }
done:
    return st;
}

static weld_status add_branch(inliner *in, const scope *at, const Weld__Onnx__Graph *graph,
                              const Weld__Onnx__Node *node, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_strmap own;
    char *prefix;
    const size_t n = strlen(node->output[0]) + 24;
    weld_strmap_init(&own, in->file->ctx);
    WELD_REQUIRE(at->depth < CALLS_MAX, WELD_E_FORMAT, "branches nest deeper than %d", CALLS_MAX);
    WELD_TRY(own_names(&own, graph, err));
    WELD_ARENA_NEW(prefix, &in->out->arena, n);
    snprintf(prefix, n, "%s#%zu", node->output[0], in->out->count);
    scope inside = {at, NULL, graph, &own, node, prefix, at->depth + 1};
    for (size_t k = 0; k < graph->n_initializer; k++)
        WELD_TRY(add_tensor(in, &inside, graph->initializer[k], err));
    for (size_t k = 0; k < graph->n_sparse_initializer; k++)
        WELD_TRY(add_tensor(in, &inside, graph->sparse_initializer[k]->values, err));
    WELD_TRY(add_nodes(in, &inside, graph->node, graph->n_node, err));
    WELD_TRY(forward_outputs(in, &inside, err));
done:
    weld_strmap_free(&own);
    return st;
}

static weld_status add_nodes(inliner *in, const scope *at, Weld__Onnx__Node *const *nodes,
                             size_t count, weld_error *err)
{
    weld_status st = WELD_OK;
    for (size_t k = 0; k < count; k++) {
        const Weld__Onnx__Node *node = NULL;
        const Weld__Onnx__Function *function = function_of(in, nodes[k]);
        WELD_TRY(resolve(&node, in, at, nodes[k], k, err));
        const Weld__Onnx__Graph *branch = branch_of(in, node);
        WELD_TRY(function ? add_call(in, at, function, node, err)
                 : branch ? add_branch(in, at, branch, node, err)
                          : add_node(in, at, node, err));
    }
done:
    return st;
}

weld_status weld_flat_graph_make(weld_flat_graph *out, const weld_onnx_file *file,
                                 const Weld__Onnx__Model *model, const weld_strmap *branches,
                                 const weld_copies *copies, weld_error *err)
{
    const scope graph = {.prefix = ""};
    inliner in = {out, file, model, branches, copies};
    *out = (weld_flat_graph){0};
    weld_arena_init(&out->arena, file->ctx);
    return add_nodes(&in, &graph, model->graph->node, model->graph->n_node, err);
}

void weld_flat_graph_free(weld_context *ctx, weld_flat_graph *flat)
{
    weld_arena_free(&flat->arena);
    weld_free(ctx, flat->nodes);
    weld_free(ctx, flat->tensors);
}
