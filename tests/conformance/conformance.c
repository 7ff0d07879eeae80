/* Runs ONNX test folders with the public API:
 *
 *     conformance [--list NAMES.json] [--allow-unsupported] PATH...     see folders.h
 *
 * --allow-unsupported: models with operators that we lack are counted, not failed. Every model is
 * also written back unchanged and must give the same bytes. */
#include "conformance/folders.h"
#include "onnxweld.h"
#include <stdio.h>
#include <string.h>

typedef struct tally {
    weld_context *ctx;
    bool allow_unsupported;
    int passed, failed, unsupported;
} tally;

/* The tolerance of ONNX's own runner. */
static const double relative = 1e-3, absolute = 1e-7;

static weld_status run_set(const tally *t, const weld_model *model, const char *folder,
                           weld_error *err)
{
    weld_values *inputs = NULL, *outputs = NULL, *want = NULL;
    weld_status st = weld_values_load_folder(&inputs, t->ctx, folder, "input", err);
    if (st == WELD_OK)
        st = weld_values_load_folder(&want, t->ctx, folder, "output", err);
    if (st == WELD_OK)
        st = weld_model_run(&outputs, model, inputs, NULL, err);
    if (st == WELD_OK)
        st = weld_values_compare(outputs, want, relative, absolute, err);
    weld_values_free(inputs);
    weld_values_free(outputs);
    weld_values_free(want);
    return st;
}

static weld_status round_trip(const tally *t, const weld_model *model, const char *path,
                              weld_error *err)
{
    void *bytes;
    size_t size, at = 0;
    weld_status st = weld_model_save_memory(&bytes, &size, model, err);
    if (st != WELD_OK)
        return st;
    FILE *file = fopen(path, "rb");
    for (int c; file && (c = getc(file)) != EOF; at++)
        if (at >= size || (unsigned char)c != ((unsigned char *)bytes)[at])
            st = WELD_E_INTERNAL;
    if (!file || at != size)
        st = WELD_E_INTERNAL;
    if (file)
        fclose(file);
    if (st != WELD_OK)
        snprintf(err->message, sizeof err->message, "written back unchanged, bytes differ");
    weld_bytes_free(t->ctx, bytes);
    return st;
}

static weld_status run_case(const tally *t, const char *folder, weld_error *err)
{
    char path[4096];
    weld_model *model = NULL;
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    weld_status st = weld_model_load(&model, t->ctx, path, err);
    if (st == WELD_OK)
        st = round_trip(t, model, path, err);
    for (int k = 0; st == WELD_OK; k++) {
        snprintf(path, sizeof path, "%s/test_data_set_%d", folder, k);
        if (!folders_exists(path))
            break;
        st = run_set(t, model, path, err);
    }
    weld_model_free(model);
    return st;
}

static void count_case(void *payload, const char *folder, const char *name)
{
    tally *t = payload;
    weld_error err = WELD_ERROR_INIT;
    weld_status st = run_case(t, folder, &err);
    if (st == WELD_OK) {
        t->passed++;
    } else if (st == WELD_E_UNSUPPORTED && t->allow_unsupported) {
        t->unsupported++;
        printf("lacking %s: %s\n", name, err.message);
    } else {
        t->failed++;
        printf("FAIL %s: %s: %s\n", name, weld_status_name(st), err.message);
    }
}

static bool read_option(void *payload, const char *argument)
{
    tally *t = payload;
    const bool known = strcmp(argument, "--allow-unsupported") == 0;
    t->allow_unsupported = t->allow_unsupported || known;
    return known;
}

int main(int argc, char **argv)
{
    tally t = {0};
    weld_error err = WELD_ERROR_INIT;
    const folders f = {count_case, read_option, &t};
    bool ok = weld_context_create(&t.ctx, NULL, &err) == WELD_OK && folders_visit(&f, argc, argv);
    printf("%d/%d passed, %d failed, %d lacking operators\n", t.passed,
           t.passed + t.failed + t.unsupported, t.failed, t.unsupported);
    weld_context_free(t.ctx);
    return !ok || t.failed || t.passed == 0;
}
