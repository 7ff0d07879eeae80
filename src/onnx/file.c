#include "onnx/file.h"
#include "io/hash.h"
#include "onnx/external.h"
#include "onnx/foreign.h"
#include "onnx/skeleton.h"
#include "onnx/sparse.h"
#include <inttypes.h>
#include <string.h>

static const char *keep_text(weld_onnx_file *file, const char *text)
{
    return weld_arena_strdup(&file->arena, text ? text : "");
}

static weld_status note_tensor(weld_onnx_file *file, const Weld__Onnx__Tensor *t, weld_error *err)
{
    weld_status st = WELD_OK;
    int index = weld_skeleton_index(file, t);
    weld_tensor_meta *meta = &file->tensors[index];
    const char *name = t->name ? t->name : "";
    WELD_REQUIRE(t->n_dims <= WELD_RANK_MAX, WELD_E_LIMIT, "tensor '%s' has rank %zu, allowed %d",
                 name, t->n_dims, WELD_RANK_MAX);
    meta->name = keep_text(file, name);
    if (!meta->name)
        return weld_fail_memory(file->ctx, err, strlen(name), 1);
    meta->shape = weld_shape_make((int)t->n_dims, t->dims);
    WELD_TRY(weld_shape_check(file->ctx, &meta->shape, name, err));
    WELD_REQUIRE(t->has_data_type && t->data_type > 0 && weld_dtype_name(t->data_type),
                 WELD_E_FORMAT, "tensor '%s' has data type %d, which ONNX does not define", name,
                 t->has_data_type ? t->data_type : 0);
    meta->dtype = (weld_dtype)t->data_type;
    if (file->scan->tensors[index].external)
        WELD_TRY(weld_external_locate(file, t, index, err));
done:
    return st;
}

static weld_status note_sparse(weld_onnx_file *file, const Weld__Onnx__SparseTensor *sparse,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    if (sparse->values)
        WELD_TRY(note_tensor(file, sparse->values, err));
    if (sparse->indices)
        WELD_TRY(note_tensor(file, sparse->indices, err));
    WELD_TRY(weld_sparse_note(file, sparse, err));
done:
    return st;
}

static weld_status note_graph(weld_onnx_file *file, const Weld__Onnx__Graph *graph,
                              weld_error *err);

/* Attributes hold graphs, which hold attributes: as deep as the scan allowed messages to nest. */
static weld_status note_attributes(weld_onnx_file *file, Weld__Onnx__Attribute *const *attributes,
                                   size_t count, weld_error *err)
{
    weld_status st = WELD_OK;
    for (size_t k = 0; k < count; k++) {
        const Weld__Onnx__Attribute *a = attributes[k];
        if (a->t)
            WELD_TRY(note_tensor(file, a->t, err));
        for (size_t t = 0; t < a->n_tensors; t++)
            WELD_TRY(note_tensor(file, a->tensors[t], err));
        if (a->sparse_tensor)
            WELD_TRY(note_sparse(file, a->sparse_tensor, err));
        if (a->g)
            WELD_TRY(note_graph(file, a->g, err));
        for (size_t g = 0; g < a->n_graphs; g++)
            WELD_TRY(note_graph(file, a->graphs[g], err));
    }
done:
    return st;
}

static weld_status note_nodes(weld_onnx_file *file, Weld__Onnx__Node *const *nodes, size_t count,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    for (size_t n = 0; n < count && st == WELD_OK; n++) {
        file->has_if = file->has_if || (nodes[n]->op_type && strcmp(nodes[n]->op_type, "If") == 0);
        st = note_attributes(file, nodes[n]->attribute, nodes[n]->n_attribute, err);
    }
    return st;
}

static weld_status note_graph(weld_onnx_file *file, const Weld__Onnx__Graph *graph, weld_error *err)
{
    weld_status st = WELD_OK;
    for (size_t k = 0; k < graph->n_initializer; k++)
        WELD_TRY(note_tensor(file, graph->initializer[k], err));
    for (size_t k = 0; k < graph->n_sparse_initializer; k++)
        WELD_TRY(note_sparse(file, graph->sparse_initializer[k], err));
    WELD_TRY(note_nodes(file, graph->node, graph->n_node, err));
done:
    return st;
}

static weld_status note_tensors(weld_onnx_file *file, const Weld__Onnx__Model *m, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_TRY(note_graph(file, m->graph, err));
    for (size_t k = 0; k < m->graph->n_initializer; k++)
        file->tensors[weld_skeleton_index(file, m->graph->initializer[k])].initializer = true;
    for (size_t k = 0; k < m->n_functions; k++) {
        const Weld__Onnx__Function *f = m->functions[k];
        WELD_TRY(note_nodes(file, f->node, f->n_node, err));
        WELD_TRY(note_attributes(file, f->attribute_proto, f->n_attribute_proto, err));
    }
done:
    return st;
}

static weld_status note_header(weld_onnx_file *file, const Weld__Onnx__Model *m, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_REQUIRE(m->graph, WELD_E_FORMAT, "the model has no graph");
    WELD_REQUIRE(m->has_ir_version && m->ir_version >= 1 && m->ir_version <= 14, WELD_E_FORMAT,
                 "IR version %" PRId64 ", allowed 1 to 14", m->has_ir_version ? m->ir_version : 0);
    file->ir_version = m->ir_version;
    file->producer_name = keep_text(file, m->producer_name);
    file->producer_version = keep_text(file, m->producer_version);
    WELD_ARENA_NEW(file->opsets, &file->arena, m->n_opset_import + 1);
    for (size_t k = 0; k < m->n_opset_import; k++) {
        const Weld__Onnx__OperatorSet *set = m->opset_import[k];
        const char *domain = set->domain && strcmp(set->domain, "ai.onnx") != 0 ? set->domain : "";
        for (int o = 0; o < file->opset_count; o++)
            WELD_REQUIRE(strcmp(file->opsets[o].domain, domain) != 0 ||
                             file->opsets[o].version == set->version,
                         WELD_E_FORMAT, "two opset imports of domain '%s'", domain);
        WELD_REQUIRE(set->has_version && set->version >= 1 && set->version < 1000000, WELD_E_FORMAT,
                     "opset %" PRId64 " of domain '%s'", set->version, domain);
        file->opsets[file->opset_count++] = (weld_opset){keep_text(file, domain), set->version};
    }
    /* IR 1 and 2 knew no imports: the operators of opset 1. */
    if (file->opset_count == 0) {
        WELD_REQUIRE(m->ir_version < 3, WELD_E_FORMAT, "no opset_import (IR version %" PRId64 ")",
                     m->ir_version);
        file->opsets[file->opset_count++] = (weld_opset){"", 1};
    }
    WELD_ARENA_NEW(file->output_names, &file->arena, m->graph->n_output);
    for (size_t k = 0; k < m->graph->n_output; k++)
        WELD_REQUIRE((file->output_names[k] = keep_text(file, m->graph->output[k]->name)),
                     WELD_E_NOMEM, "out of memory");
    WELD_ARENA_NEW(file->tensors, &file->arena, file->scan->tensor_count);
    WELD_TRY(note_tensors(file, m, err));
done:
    return st;
}

/* What the bytes hold. */
static weld_status parse(weld_onnx_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    Weld__Onnx__Model *model = NULL;
    unsigned char start[512];
    const size_t n = file->size < sizeof start ? (size_t)file->size : sizeof start;
    WELD_TRY(weld_source_read(file->source, 0, start, n, err));
    const char *what = weld_foreign_file(start, n, file->size);
    WELD_REQUIRE(!what, WELD_E_FORMAT, "%s", what);
    WELD_TRY(weld_sha256_source(file->sha256, file->ctx, file->source, err));
    WELD_TRY(weld_scan_model(&file->scan, file->ctx, file->source, err));
    WELD_TRY(weld_skeleton_unpack(&model, file, err));
    WELD_TRY(note_header(file, model, err));
done:
    if (model)
        weld_skeleton_free(file, model);
    if (st != WELD_OK)
        weld_error_wrap(err, "%s", file->name);
    return st;
}

weld_status weld_onnx_open(weld_onnx_file **out, weld_context *ctx, weld_source *source,
                           weld_error *err)
{
    weld_status st = WELD_OK;
    weld_onnx_file *file = NULL;
    *out = NULL;
    WELD_NEW(file, ctx, 1);
    file->ctx = ctx;
    file->references = 1;
    file->source = weld_source_retain(source);
    file->size = weld_source_size(source);
    weld_arena_init(&file->arena, ctx);
    file->name = weld_arena_strdup(&file->arena, weld_source_name(source));
    WELD_REQUIRE(file->name, WELD_E_NOMEM, "out of memory");
    WELD_TRY(parse(file, err));
    *out = file;
    file = NULL;
done:
    weld_onnx_free(file);
    return st;
}

weld_onnx_file *weld_onnx_retain(weld_onnx_file *file)
{
    file->references++;
    return file;
}

void weld_onnx_free(weld_onnx_file *file)
{
    if (!file || --file->references > 0)
        return;
    weld_scan_free(file->scan);
    for (int k = 0; k < file->external_count; k++)
        weld_source_free(file->external[k]);
    weld_free(file->ctx, file->external);
    weld_source_free(file->source);
    weld_arena_free(&file->arena);
    weld_free(file->ctx, file);
}
