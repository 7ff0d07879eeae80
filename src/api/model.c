#include "api/objects.h"
#include "canon/canon.h"
#include "io/hash.h"
#include "onnx/packed_model.h"
#include "onnx/splice.h"
#include "symmetry/samples.h"
#include "tensor/blas.h"
#include <stdio.h>
#include <string.h>

weld_structure *weld_structure_retain(weld_structure *structure)
{
    structure->references++;
    return structure;
}

void weld_structure_release(weld_structure *structure)
{
    if (!structure || --structure->references > 0)
        return;
    weld_free(structure->ctx, structure->homes);
    weld_copies_free(structure->reading.copies);
    weld_graph_free(structure->ctx, structure->graph);
    weld_onnx_free(structure->file);
    weld_free(structure->ctx, structure);
}

/* Open sizes of other names on axis 0 of the inputs are the batch, too, or not; were there any? */
static bool join_batches(const weld_graph *g, bool joined)
{
    bool any = false;
    for (int k = 1; k < g->input_count; k++)
        any = weld_graph_join_batch(g, k, joined) || any;
    return any;
}

/* Is the batch size that the file names just an example? Tried with another one: every shape must
 * follow, and no operator may combine samples. A graph whose shapes need more than a batch size
 * has none; who asks for its shapes is told why. */
static weld_status find_batch(weld_structure *s, weld_error *err)
{
    const weld_graph *g = s->graph;
    weld_shapes *shapes = NULL;
    weld_error tried = WELD_ERROR_INIT;
    const weld_value *input = g->input_count ? &g->values[g->inputs[0]] : NULL;
    s->literal_batch = input && input->rank > 0 && input->dims[0] > 0 ? input->dims[0] : 0;
    int64_t other = s->literal_batch == 3 ? 5 : 3;
    weld_status st = weld_shapes_infer(&shapes, s->ctx, g, other, s->literal_batch, &tried);
    if (st != WELD_OK && st != WELD_E_NOMEM && join_batches(g, true)) {
        st = weld_shapes_infer(&shapes, s->ctx, g, other, s->literal_batch, &tried);
        if (st != WELD_OK)
            join_batches(g, false);
    }
    if (st == WELD_OK)
        st = weld_samples_independent(&s->any_batch, s->ctx, g, shapes, &tried);
    weld_shapes_free(shapes);
    if (st == WELD_E_NOMEM && err)
        *err = tried;
    return st == WELD_E_NOMEM ? st : WELD_OK;
}

weld_status weld_structure_shapes(weld_shapes **out, const weld_structure *s, int64_t wanted,
                                  weld_error *err)
{
    int64_t batch = s->any_batch || !s->literal_batch ? wanted : s->literal_batch;
    return weld_shapes_infer(out, s->ctx, s->graph, batch, s->literal_batch, err);
}

/* Takes its own reference of the file. */
static weld_status make_structure(weld_structure **out, weld_onnx_file *file,
                                  const weld_reading *reading, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_structure *s = NULL;
    weld_draft draft;
    const weld_canon_options options = {.fold_norms = reading->fold_norms};
    weld_draft_init(&draft, file->ctx);
    WELD_NEW(s, file->ctx, 1);
    s->ctx = file->ctx;
    s->references = 1;
    s->file = weld_onnx_retain(file);
    s->reading = *reading;
    s->reading.copies = NULL;
    if (reading->copies)
        WELD_TRY(weld_copies_create(&s->reading.copies, file->ctx, reading->copies, err));
    WELD_TRY(weld_import_file(&draft, file, &s->reading, err));
    WELD_TRY(weld_canonicalise(&draft, &options, err));
    WELD_TRY(weld_draft_finish(&s->graph, &s->homes, &draft, err));
    s->graph->loss_output = reading->loss_output;
    WELD_TRY(find_batch(s, err));
    *out = s;
    s = NULL;
done:
    weld_draft_free(&draft);
    weld_structure_release(s);
    return st;
}

weld_status weld_model_read(weld_model **out, weld_onnx_file *file, const weld_reading *reading,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    weld_model *model = NULL;
    *out = NULL;
    WELD_NEW(model, file->ctx, 1);
    model->ctx = file->ctx;
    WELD_TRY(make_structure(&model->structure, file, reading, err));
    WELD_TRY(weld_params_of_file(&model->params, model->structure, err));
    *out = model;
    model = NULL;
done:
    weld_model_free(model);
    return st;
}

/* Losses are of the output of this name. */
static weld_status choose_output(weld_structure *s, const char *name, weld_error *err)
{
    char list[400] = "";
    size_t n = 0;
    for (int k = 0; k < s->graph->output_count; k++) {
        if (strcmp(s->file->output_names[k], name) == 0) {
            s->graph->loss_output = s->reading.loss_output = k;
            return WELD_OK;
        }
        if (n + 100 < sizeof list)
            n += (size_t)snprintf(list + n, sizeof list - n, "%s%.90s", k ? ", " : "",
                                  s->file->output_names[k]);
    }
    return weld_fail(err, WELD_E_ARGUMENT, "has no output '%.90s'; it has: %s", name, list);
}

static weld_status load(weld_model **out, weld_context *ctx, weld_source *source,
                        const weld_load_options *options, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_reading reading = {.freeze = options->freeze_unknown};
    weld_onnx_file *file = NULL;
    weld_blas_init();
    WELD_TRY(weld_onnx_open(&file, ctx, source, err)); /* its errors name the file */
    st = weld_model_read(out, file, &reading, err);
    if (st == WELD_OK && options->output_name)
        st = choose_output((*out)->structure, options->output_name, err);
    if (st != WELD_OK)
        weld_error_wrap(err, "%s", file->name);
done:
    weld_onnx_free(file);
    return st;
}

weld_status weld_model_load_as(weld_model **out, weld_context *ctx, const char *path,
                               const weld_load_options *options, weld_error *err)
{
    const weld_load_options defaults = WELD_LOAD_OPTIONS_INIT;
    const weld_load_options *o = options ? options : &defaults;
    weld_status st = WELD_OK;
    weld_source *source = NULL;
    *out = NULL;
    WELD_REQUIRE(o->struct_size == sizeof *o, WELD_E_ARGUMENT, "load options of %u bytes",
                 o->struct_size);
    WELD_TRY(weld_packed_model_open(&source, ctx, path, err));
    WELD_TRY(load(out, ctx, source, o, err));
    weld_source_leave_archive(source);
    st = weld_source_unchanged(source, err);
done:
    weld_source_free(source);
    if (st != WELD_OK) {
        weld_model_free(*out);
        *out = NULL;
    }
    return st;
}

weld_status weld_model_load(weld_model **out, weld_context *ctx, const char *path, weld_error *err)
{
    return weld_model_load_as(out, ctx, path, NULL, err);
}

weld_status weld_model_load_memory(weld_model **out, weld_context *ctx, const void *bytes,
                                   size_t size_bytes, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_load_options defaults = WELD_LOAD_OPTIONS_INIT;
    weld_source *source = NULL;
    *out = NULL;
    WELD_TRY(weld_source_memory(&source, ctx, bytes, size_bytes, err));
    WELD_TRY(load(out, ctx, source, &defaults, err));
done:
    weld_source_free(source);
    return st;
}

weld_status weld_model_splice(weld_splice **out, const weld_model *model,
                              weld_relocation *relocation, weld_error *err)
{
    weld_metadata metadata[8];
    for (int k = 0; k < model->metadata_count; k++)
        metadata[k] = (weld_metadata){model->metadata[k][0], model->metadata[k][1]};
    const weld_structure *s = model->structure;
    relocation->keep = !relocation->location && model->metadata_count == 0;
    return weld_splice_create(out, s->file, model->params, s->homes, s->reading.copies, metadata,
                              (size_t)model->metadata_count, relocation, err);
}

static weld_status append(void *user, const void *bytes, size_t n, weld_error *err)
{
    weld_buffer_append(user, bytes, n);
    return weld_buffer_check(user, err);
}

weld_status weld_model_save_memory(void **out, size_t *out_size_bytes, const weld_model *model,
                                   weld_error *err)
{
    weld_status st = WELD_OK;
    weld_relocation into_the_model = {.location = NULL};
    weld_splice *splice = NULL;
    weld_buffer buffer;
    const weld_writer to = {append, &buffer};
    *out = NULL;
    weld_buffer_init(&buffer, model->ctx);
    WELD_TRY(weld_model_splice(&splice, model, &into_the_model, err));
    WELD_TRY(weld_splice_write(splice, &to, err));
    *out = buffer.data;
    *out_size_bytes = buffer.size;
    buffer.data = NULL;
done:
    weld_splice_free(splice);
    weld_buffer_free(&buffer);
    return st;
}

void weld_bytes_free(weld_context *ctx, void *bytes)
{
    weld_free(ctx, bytes);
}

void weld_model_free(weld_model *model)
{
    if (!model)
        return;
    if (model->merge && model->merge->base)
        weld_structure_release(model->merge->base);
    if (model->merge)
        weld_free(model->ctx, model->merge->weights);
    weld_free(model->ctx, model->merge);
    for (int k = 0; k < model->metadata_count; k++) {
        weld_free(model->ctx, model->metadata[k][0]);
        weld_free(model->ctx, model->metadata[k][1]);
    }
    weld_paramset_free(model->params);
    weld_structure_release(model->structure);
    weld_free(model->ctx, model);
}
