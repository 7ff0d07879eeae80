#include "onnx/import.h"
#include "core/strmap.h"
#include "onnx/attributes.h"
#include "onnx/opaque.h"
#include "onnx/static_inputs.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

typedef struct importer {
    weld_draft *draft;
    const weld_onnx_file *file;
    Weld__Onnx__Model *model;
    const Weld__Onnx__Graph *graph;
    weld_flat_graph flat;
    weld_strmap names;   /* value name -> draft value */
    weld_strmap symbols; /* name of an open size -> draft symbol */
    const weld_import_options *options;
    bool zeros_matter; /* some operator has inputs that may be left out when they are zeros */
    int *value_of;     /* [tensor_count] the value of a Constant's tensor, -1 = none yet */
} importer;

/* "domain.Type (opset 1)" */
static void describe(char *text, size_t size, const weld_flat_node *node)
{
    snprintf(text, size, "%.60s%s%.60s (%s%" PRId64 ")", node->domain, node->domain[0] ? "." : "",
             node->proto->op_type ? node->proto->op_type : "",
             node->opset ? "opset " : "no opset import of its domain, ", node->opset);
}

static const weld_op *op_of(const weld_flat_node *node)
{
    return weld_op_find(node->domain, node->proto->op_type ? node->proto->op_type : "",
                        (int)node->opset);
}

/* What runs a subgraph that did not fold is frozen at once; other operators on demand. */
static bool is_opaque(const importer *im, const weld_flat_node *node)
{
    const bool nested = weld_has_subgraph(node);
    return !op_of(node) && !(nested && node->inside) && (im->options->freeze || nested);
}

/* Everything that stands in the way, in one message. */
static weld_status check_operators(const importer *im, weld_error *err)
{
    char list[700] = "";
    size_t n = 0;
    for (size_t k = 0; k < im->flat.count; k++) {
        const weld_flat_node *node = &im->flat.nodes[k];
        const Weld__Onnx__Node *proto = node->proto;
        char what[200];
        if (op_of(node) || is_opaque(im, node))
            continue;
        describe(what, sizeof what, node);
        if (strstr(list, what) || n + strlen(what) + 90 > sizeof list)
            continue;
        n += (size_t)snprintf(list + n, sizeof list - n, "%s%s at '%.60s'", n ? ", " : "", what,
                              proto->name && proto->name[0] ? proto->name
                              : proto->n_output             ? proto->output[0]
                                                            : "");
    }
    if (n)
        return weld_fail(err, WELD_E_UNSUPPORTED, "unsupported operators: %s", list);
    return WELD_OK;
}

static weld_status new_value(int *out, importer *im, const char *name, weld_value_kind kind,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_REQUIRE(weld_strmap_get(&im->names, name) < 0, WELD_E_FORMAT,
                 "value '%s' is defined twice", name);
    WELD_TRY(weld_draft_value(out, im->draft, name, kind, err));
    WELD_TRY(weld_strmap_put(&im->names, im->draft->values[*out].name, *out, err));
done:
    return st;
}

/* The value of that name; made as a node output where it is not known yet. */
static weld_status value_named(int *out, importer *im, const char *name, weld_error *err)
{
    *out = weld_strmap_get(&im->names, name);
    return *out >= 0 ? WELD_OK : new_value(out, im, name, WELD_VALUE_NODE, err);
}

/* Initial states are often stored as zeros, which the passes want to know. */
static weld_status note_zero(importer *im, int value, int tensor, weld_error *err)
{
    enum { SMALL = 1 << 16 };
    weld_status st = WELD_OK;
    weld_tensor t = {0};
    bool zero = true;
    if (!im->zeros_matter || weld_shape_numel(weld_onnx_shape(im->file, tensor)) > SMALL)
        return WELD_OK;
    WELD_TRY(weld_onnx_read_tensor(&t, im->file, tensor, err));
    for (int64_t k = 0; zero && k < weld_shape_numel(&t.shape); k++)
        zero = weld_tensor_number(&t, k) == 0;
    im->draft->values[value].zero = zero;
done:
    weld_tensor_free(im->file->ctx, &t);
    return st;
}

/* Float tensors are parameters; all others are known when shapes are inferred. */
static weld_status set_stored(importer *im, int value, int tensor, weld_error *err)
{
    weld_draft *d = im->draft;
    const weld_tensor_meta *meta = &im->file->tensors[tensor];
    weld_value *v = &d->values[value];
    v->dtype = meta->dtype;
    const weld_shape *shape = weld_onnx_shape(im->file, tensor);
    v->rank = shape->rank;
    memcpy(v->dims, shape->dims, sizeof v->dims);
    const bool real = weld_dtype_is_float(meta->dtype);
    v->kind = real ? WELD_VALUE_PARAM : WELD_VALUE_CONST;
    if (real)
        d->homes[value] = (weld_home){.tensor = tensor};
    if (real && weld_shape_numel(shape) != 1)
        return note_zero(im, value, tensor, err);
    return weld_arena_tensor(&v->data, &d->arena, im->file, tensor, err);
}

static weld_status import_initializer(importer *im, const Weld__Onnx__Tensor *t, size_t number,
                                      weld_error *err)
{
    weld_status st = WELD_OK;
    int value;
    WELD_REQUIRE(t && t->name && t->name[0], WELD_E_FORMAT, "initializer %zu has no name", number);
    WELD_TRY(new_value(&value, im, t->name, WELD_VALUE_CONST, err));
    WELD_TRY(set_stored(im, value, weld_skeleton_index(im->file, t), err));
done:
    return st;
}

static weld_status import_initializers(importer *im, const Weld__Onnx__Graph *g, weld_error *err)
{
    weld_status st = WELD_OK;
    for (size_t k = 0; k < g->n_initializer; k++)
        WELD_TRY(import_initializer(im, g->initializer[k], k, err));
    for (size_t k = 0; k < g->n_sparse_initializer; k++)
        WELD_TRY(import_initializer(im, g->sparse_initializer[k]->values, k, err));
done:
    return st;
}

/* Open sizes of one name are one symbol. */
static weld_status import_dim(importer *im, int value, int axis, const Weld__Onnx__Dimension *dim,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    weld_value *v = &im->draft->values[value];
    const char *name = dim->dim_param ? dim->dim_param : "";
    v->dims[axis] = dim->has_dim_value && dim->dim_value > 0 ? dim->dim_value : -1;
    if (v->dims[axis] > 0)
        return WELD_OK;
    v->symbol[axis] = name[0] ? weld_strmap_get(&im->symbols, name) : -1;
    if (v->symbol[axis] >= 0)
        return WELD_OK;
    WELD_TRY(weld_draft_symbol(&v->symbol[axis], im->draft, name, err));
    if (name[0])
        WELD_TRY(weld_strmap_put(&im->symbols, im->draft->symbols[v->symbol[axis]].name,
                                 v->symbol[axis], err));
done:
    return st;
}

static weld_status import_input(importer *im, const Weld__Onnx__ValueInfo *info, weld_error *err)
{
    weld_status st = WELD_OK;
    int value = info->name ? weld_strmap_get(&im->names, info->name) : -1;
    WELD_REQUIRE(info->name && info->name[0], WELD_E_FORMAT, "a graph input has no name");
    if (value >= 0 && (im->draft->values[value].kind == WELD_VALUE_PARAM ||
                       im->draft->values[value].kind == WELD_VALUE_CONST))
        return WELD_OK; /* an initializer listed as an input: IR versions below 4 demand it */
    WELD_TRY(new_value(&value, im, info->name, WELD_VALUE_INPUT, err));
    WELD_REQUIRE(info->type && info->type->tensor_type, WELD_E_UNSUPPORTED,
                 "graph input '%s' is not a tensor", info->name);
    const Weld__Onnx__TensorType *type = info->type->tensor_type;
    weld_value *v = &im->draft->values[value];
    WELD_REQUIRE(weld_dtype_size(type->elem_type), WELD_E_UNSUPPORTED,
                 "graph input '%s' has element type %d", info->name, type->elem_type);
    v->dtype = (weld_dtype)type->elem_type;
    if (type->shape) {
        WELD_REQUIRE(type->shape->n_dim <= WELD_RANK_MAX, WELD_E_LIMIT,
                     "graph input '%s' has rank %zu, allowed %d", info->name, type->shape->n_dim,
                     WELD_RANK_MAX);
        v->rank = (int)type->shape->n_dim;
        for (int k = 0; k < v->rank; k++)
            WELD_TRY(import_dim(im, value, k, type->shape->dim[k], err));
    }
    WELD_TRY(weld_draft_input(im->draft, value, err));
done:
    return st;
}

/* Constant: the node vanishes, its tensor becomes a value. */
static weld_status import_constant(bool *taken, importer *im, const Weld__Onnx__Node *proto,
                                   weld_error *err)
{
    weld_status st = WELD_OK;
    int value;
    *taken = false;
    if (strcmp(proto->op_type, "Constant") != 0 || proto->n_attribute != 1 || proto->n_output != 1)
        return WELD_OK;
    const Weld__Onnx__SparseTensor *sparse = proto->attribute[0]->sparse_tensor;
    const Weld__Onnx__Tensor *stored = sparse ? sparse->values : proto->attribute[0]->t;
    if (!stored)
        return WELD_OK;
    int tensor = weld_skeleton_index(im->file, stored);
    WELD_REQUIRE(tensor >= 0, WELD_E_FORMAT, "node '%s' has no tensor", proto->name);
    WELD_TRY(value_named(&value, im, proto->output[0], err));
    WELD_REQUIRE(im->draft->values[value].kind == WELD_VALUE_NODE, WELD_E_FORMAT,
                 "value '%s' is defined twice", proto->output[0]);
    *taken = true;
    if (im->value_of[tensor] >= 0) { /* a function called again: one tensor, one value */
        weld_draft_replace(im->draft, value, im->value_of[tensor]);
        WELD_TRY(
            weld_strmap_put(&im->names, im->draft->values[value].name, im->value_of[tensor], err));
        goto done;
    }
    im->value_of[tensor] = value;
    WELD_TRY(set_stored(im, value, tensor, err));
done:
    return st;
}

static weld_status connect(importer *im, int node, const Weld__Onnx__Node *proto, weld_error *err)
{
    weld_status st = WELD_OK;
    int value;
    for (size_t k = 0; k < proto->n_input; k++) {
        if (!proto->input[k][0])
            continue;
        WELD_TRY(value_named(&value, im, proto->input[k], err));
        weld_draft_set_in(im->draft, node, (int)k, value);
    }
    for (size_t k = 0; k < proto->n_output; k++) {
        if (!proto->output[k][0])
            continue;
        WELD_TRY(value_named(&value, im, proto->output[k], err));
        WELD_REQUIRE(im->draft->values[value].kind == WELD_VALUE_NODE, WELD_E_FORMAT,
                     "value '%s' is defined twice", proto->output[k]);
        weld_draft_set_out(im->draft, node, (int)k, value);
    }
done:
    return st;
}

/* A node without a meaning: it reads its inputs and what its subgraphs capture. */
static weld_status import_opaque(importer *im, const weld_flat_node *flat, weld_error *err)
{
    weld_status st = WELD_OK;
    const Weld__Onnx__Node *proto = flat->proto;
    const char **captured = NULL;
    size_t count = 0;
    char what[200];
    int node, value;
    weld_opaque *opaque;
    weld_opaque_output *outputs;
    describe(what, sizeof what, flat);
    WELD_TRY(weld_captured_names(&captured, &count, flat, &im->names, im->file->ctx, err));
    WELD_ARENA_NEW(opaque, &im->draft->arena, 1);
    WELD_ARENA_NEW(outputs, &im->draft->arena, proto->n_output + 1);
    WELD_REQUIRE((opaque->what = weld_arena_strdup(&im->draft->arena, what)), WELD_E_NOMEM,
                 "out of memory");
    opaque->outputs = outputs;
    for (size_t k = 0; k < proto->n_output; k++)
        outputs[k] = weld_declared_output(im->graph, proto->output[k], &im->symbols);
    const weld_node like = {.op = &weld_op_Opaque,
                            .opset = 1,
                            .name = proto->name && proto->name[0] ? proto->name : what,
                            .attrs = opaque,
                            .input_count = (int)(proto->n_input + count),
                            .output_count = (int)proto->n_output};
    WELD_TRY(weld_draft_node(&node, im->draft, &like, err));
    WELD_TRY(connect(im, node, proto, err));
    for (size_t k = 0; k < count; k++) {
        WELD_TRY(value_named(&value, im, captured[k], err));
        weld_draft_set_in(im->draft, node, (int)(proto->n_input + k), value);
    }
done:
    weld_free(im->file->ctx, captured);
    return st;
}

static weld_status import_node(importer *im, const weld_flat_node *flat, weld_error *err)
{
    weld_status st = WELD_OK;
    const Weld__Onnx__Node *proto = flat->proto;
    weld_node like = {.input_count = (int)proto->n_input, .output_count = (int)proto->n_output};
    int node;
    bool taken;
    if (is_opaque(im, flat))
        return import_opaque(im, flat, err);
    like.opset = (int)flat->opset;
    like.op = op_of(flat);
    const weld_op *op = like.op;
    like.name = proto->name && proto->name[0]                ? proto->name
                : proto->n_output > 0 && proto->output[0][0] ? proto->output[0]
                                                             : op->name;
    WELD_TRY(import_constant(&taken, im, proto, err));
    if (taken)
        return WELD_OK;
    WELD_REQUIRE(proto->n_input >= (size_t)op->inputs_min &&
                     proto->n_input <= (size_t)op->inputs_max,
                 WELD_E_FORMAT, "has %zu inputs, allowed %d to %d", proto->n_input, op->inputs_min,
                 op->inputs_max);
    WELD_REQUIRE(proto->n_output >= (size_t)op->outputs_min &&
                     proto->n_output <= (size_t)op->outputs_max,
                 WELD_E_FORMAT, "has %zu outputs, allowed %d to %d", proto->n_output,
                 op->outputs_min, op->outputs_max);
    for (int k = 0; k < op->inputs_min; k++)
        WELD_REQUIRE(proto->input[k][0], WELD_E_FORMAT, "lacks its input %d", k);
    for (int k = 0; k < op->outputs_min; k++)
        WELD_REQUIRE(proto->output[k][0] || op->outputs_min > 1, WELD_E_FORMAT,
                     "lacks its output %d", k);
    WELD_TRY(weld_read_attributes(&like.attrs, &im->draft->arena, op, proto, im->file, err));
    WELD_TRY(weld_draft_node(&node, im->draft, &like, err));
    if (op->check)
        WELD_TRY(op->check(&im->draft->nodes[node], err));
    WELD_TRY(connect(im, node, proto, err));
done:
    if (st != WELD_OK)
        weld_error_wrap(err, "node '%s' (%s)", like.name ? like.name : "", proto->op_type);
    return st;
}

static weld_status import_outputs(importer *im, weld_error *err)
{
    weld_status st = WELD_OK;
    for (size_t k = 0; k < im->graph->n_output; k++) {
        const char *name = im->graph->output[k]->name;
        int value = name ? weld_strmap_get(&im->names, name) : -1;
        WELD_REQUIRE(value >= 0, WELD_E_FORMAT, "graph output '%s' is not made by any node",
                     name ? name : "");
        WELD_TRY(weld_draft_output(im->draft, value, err));
    }
done:
    return st;
}

static weld_status open_importer(importer *im, weld_draft *draft, const weld_onnx_file *file,
                                 const weld_import_options *options, weld_error *err)
{
    weld_status st = WELD_OK;
    *im = (importer){.draft = draft, .file = file, .options = options};
    weld_strmap_init(&im->names, file->ctx);
    weld_strmap_init(&im->symbols, file->ctx);
    weld_arena_init(&im->flat.arena, file->ctx);
    WELD_TRY(weld_skeleton_unpack(&im->model, file, err));
    im->graph = im->model->graph;
    WELD_TRY(
        weld_flat_graph_make(&im->flat, file, im->model, options->branches, options->copies, err));
    WELD_NEW(im->value_of, file->ctx, file->scan->tensor_count);
    memset(im->value_of, -1, sizeof(int) * (size_t)file->scan->tensor_count);
    for (size_t k = 0; k < im->flat.count; k++) {
        const weld_op *op = op_of(&im->flat.nodes[k]);
        im->zeros_matter = im->zeros_matter || (op && op->zero_inputs);
    }
done:
    return st;
}

static void close_importer(importer *im)
{
    weld_strmap_free(&im->names);
    weld_strmap_free(&im->symbols);
    weld_flat_graph_free(im->file->ctx, &im->flat);
    weld_free(im->file->ctx, im->value_of);
    weld_skeleton_free(im->file, im->model);
}

static weld_status import_copies(importer *im, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_copies *copies = im->options->copies;
    int value;
    for (size_t k = 0; copies && k < copies->count; k++) {
        WELD_TRY(new_value(&value, im, copies->copies[k].name, WELD_VALUE_CONST, err));
        WELD_TRY(set_stored(im, value, copies->copies[k].tensor, err));
        im->draft->homes[value].copy = (int)k + 1;
    }
done:
    return st;
}

/* Initializers and inputs of the graph, and the initializers of branches. */
static weld_status import_leaves(importer *im, weld_error *err)
{
    weld_status st = WELD_OK;
    int value;
    WELD_TRY(import_initializers(im, im->graph, err));
    WELD_TRY(import_copies(im, err));
    for (size_t k = 0; k < im->flat.tensor_count; k++) {
        WELD_TRY(new_value(&value, im, im->flat.tensors[k].name, WELD_VALUE_CONST, err));
        WELD_TRY(
            set_stored(im, value, weld_skeleton_index(im->file, im->flat.tensors[k].proto), err));
    }
    for (size_t k = 0; k < im->graph->n_input; k++)
        WELD_TRY(import_input(im, im->graph->input[k], err));
done:
    return st;
}

weld_status weld_onnx_import(weld_draft *draft, const weld_onnx_file *file,
                             const weld_import_options *options, weld_error *err)
{
    weld_status st = WELD_OK;
    importer im;
    WELD_TRY(open_importer(&im, draft, file, options, err));
    WELD_TRY(check_operators(&im, err));
    WELD_TRY(import_leaves(&im, err));
    for (size_t k = 0; k < im.flat.count; k++)
        WELD_TRY(import_node(&im, &im.flat.nodes[k], err));
    WELD_TRY(weld_fix_static_inputs(draft, file, err));
    WELD_TRY(import_outputs(&im, err));
done:
    close_importer(&im);
    return st;
}

weld_status weld_onnx_import_condition(char **name, weld_draft *draft, const weld_onnx_file *file,
                                       const weld_strmap *branches, int number, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_import_options options = {.branches = branches};
    importer im;
    const Weld__Onnx__Node *found = NULL;
    *name = NULL;
    WELD_TRY(open_importer(&im, draft, file, &options, err));
    for (size_t k = 0; k < im.flat.count && !found; k++)
        if (weld_flat_is_if(&im.flat.nodes[k]) && number-- == 0)
            found = im.flat.nodes[k].proto;
    if (!found || found->n_input < 1 || found->n_output < 1)
        goto done;
    WELD_TRY(import_leaves(&im, err));
    for (size_t k = 0; k < im.flat.count; k++) /* operators that we lack make nothing here */
        if (op_of(&im.flat.nodes[k]))
            WELD_TRY(import_node(&im, &im.flat.nodes[k], err));
    WELD_TRY(weld_fix_static_inputs(draft, file, err));
    const int value = weld_strmap_get(&im.names, found->input[0]);
    WELD_REQUIRE(value >= 0, WELD_E_FORMAT, "If '%s': nothing makes its condition",
                 found->output[0]);
    WELD_TRY(weld_draft_output(draft, value, err));
    WELD_REQUIRE((*name = weld_strdup(file->ctx, found->output[0])), WELD_E_NOMEM, "out of memory");
done:
    close_importer(&im);
    return st;
}
