/* The files of one run appear together or not at all. */
#include "api/objects.h"
#include "api/values.h"
#include "io/hash.h"
#include "io/sink.h"
#include "onnx/splice.h"
#include "report/report.h"
#include <stdio.h>
#include <string.h>

struct weld_outputs {
    weld_context *ctx;
    bool replace;
    weld_sink **sinks;
    const char **paths; /* owned copies */
    size_t count, cap, path_cap;
};

weld_status weld_outputs_create(weld_outputs **out, weld_context *ctx, bool replace,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_NEW(*out, ctx, 1);
    (*out)->ctx = ctx;
    (*out)->replace = replace;
done:
    return st;
}

void weld_outputs_free(weld_outputs *outputs)
{
    if (!outputs)
        return;
    for (size_t k = 0; k < outputs->count; k++) {
        weld_sink_free(outputs->sinks[k]);
        weld_free(outputs->ctx, (char *)outputs->paths[k]);
    }
    weld_free(outputs->ctx, outputs->sinks);
    weld_free(outputs->ctx, outputs->paths);
    weld_free(outputs->ctx, outputs);
}

static weld_status add_bytes(weld_outputs *o, const char *path, const void *bytes, size_t size,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    weld_sink *sink = NULL;
    char *copy = NULL;
    for (size_t k = 0; k < o->count; k++)
        WELD_REQUIRE(strcmp(o->paths[k], path) != 0, WELD_E_ARGUMENT, "%s: named for two outputs",
                     path);
    WELD_TRY(weld_sink_create(&sink, o->ctx, path, o->replace, err));
    WELD_TRY(weld_sink_write(sink, bytes, size, err));
    WELD_GROW(o->sinks, o->cap, o->ctx, o->count + 1);
    WELD_GROW(o->paths, o->path_cap, o->ctx, o->count + 1);
    copy = weld_strdup(o->ctx, path);
    WELD_REQUIRE(copy, WELD_E_NOMEM, "out of memory");
    o->paths[o->count] = copy;
    o->sinks[o->count++] = sink;
    sink = NULL;
done:
    weld_sink_free(sink);
    return st;
}

/* The name of the file for external data beside a model of that path; NULL = none is wanted. */
static weld_status data_path(char *path, size_t size, const weld_model *model, const char *beside,
                             weld_external external, const char **location, weld_error *err)
{
    const bool has = weld_onnx_has_external(model->structure->file);
    *location = NULL;
    if (external == WELD_EXTERNAL_NEVER || (external == WELD_EXTERNAL_AUTO && !has) ||
        strcmp(beside, "-") == 0)
        return WELD_OK;
    int n = snprintf(path, size, "%s.data", beside);
    if (n < 0 || (size_t)n >= size)
        return weld_fail(err, WELD_E_ARGUMENT, "%.100s...: the path is too long", beside);
    const char *slash = strrchr(path, '/');
    *location = slash ? slash + 1 : path;
    return WELD_OK;
}

weld_status weld_outputs_add_model(weld_outputs *outputs, const weld_model *model, const char *path,
                                   weld_external external, char sha256[65], weld_error *err)
{
    weld_status st = WELD_OK;
    weld_buffer bytes, data;
    char beside[4096], hex[WELD_SHA256_TEXT];
    const char *location = NULL;
    weld_buffer_init(&bytes, outputs->ctx);
    weld_buffer_init(&data, outputs->ctx);
    WELD_TRY(data_path(beside, sizeof beside, model, path, external, &location, err));
    WELD_TRY(
        weld_model_bytes(&bytes, model, location, external == WELD_EXTERNAL_ALWAYS, &data, err));
    WELD_TRY(weld_sha256_memory(hex, outputs->ctx, bytes.data, bytes.size, err));
    WELD_TRY(add_bytes(outputs, path, bytes.data, bytes.size, err));
    if (location && data.size)
        WELD_TRY(add_bytes(outputs, beside, data.data, data.size, err));
    if (sha256)
        memcpy(sha256, hex, sizeof hex);
done:
    weld_buffer_free(&bytes);
    weld_buffer_free(&data);
    return st;
}

weld_status weld_outputs_add_alignment(weld_outputs *outputs, const weld_alignment *alignment,
                                       const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_buffer text;
    weld_buffer_init(&text, outputs->ctx);
    WELD_TRY(weld_alignment_text(&text, alignment, err));
    WELD_TRY(add_bytes(outputs, path, text.data, text.size, err));
done:
    weld_buffer_free(&text);
    return st;
}

weld_status weld_outputs_add_report(weld_outputs *outputs, const weld_report *report,
                                    const char *format, const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    char *text = NULL;
    WELD_TRY(weld_report_text(&text, report, format, err));
    WELD_TRY(add_bytes(outputs, path, text, strlen(text), err));
done:
    weld_free(outputs->ctx, text);
    return st;
}

weld_status weld_outputs_add_values(weld_outputs *outputs, const weld_values *values,
                                    const char *path, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_buffer zip;
    weld_buffer_init(&zip, outputs->ctx);
    WELD_TRY(weld_values_npz(&zip, values, err));
    WELD_TRY(add_bytes(outputs, path, zip.data, zip.size, err));
done:
    weld_buffer_free(&zip);
    return st;
}

weld_status weld_outputs_commit(weld_outputs *outputs, weld_error *err)
{
    return weld_sink_commit_all(outputs->sinks, outputs->count, err);
}

weld_status weld_model_save(const weld_model *model, const char *path, bool replace,
                            weld_error *err)
{
    weld_outputs *alone = NULL;
    weld_status st = weld_outputs_create(&alone, model->ctx, replace, err);
    if (st == WELD_OK)
        st = weld_outputs_add_model(alone, model, path, WELD_EXTERNAL_AUTO, NULL, err);
    if (st == WELD_OK)
        st = weld_outputs_commit(alone, err);
    weld_outputs_free(alone);
    return st;
}
