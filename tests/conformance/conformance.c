/* Runs ONNX test folders (model.onnx, test_data_set_N/{input,output}_K.pb) with the public API:
 *
 *     conformance [--list NAMES.json] [--allow-unsupported] PATH...
 *
 * A PATH is such a folder, a folder of folders at any depth, or an archive of them, which tar
 * unpacks into a temporary folder. --list: only folders named in a JSON list of strings, and all of
 * them must be there. --allow-unsupported: models with operators that we lack are counted, not
 * failed. Every model is also written back unchanged and must give the same bytes. */
#include "onnxweld.h"
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct tally {
    weld_context *ctx;
    json_t *names; /* {name: seen}, NULL = all */
    bool allow_unsupported;
    int passed, failed, unsupported;
} tally;

/* The tolerance of ONNX's own runner. */
static const double relative = 1e-3, absolute = 1e-7;

static bool exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

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
        if (!exists(path))
            break;
        st = run_set(t, model, path, err);
    }
    weld_model_free(model);
    return st;
}

static void count_case(tally *t, const char *folder)
{
    const char *slash = strrchr(folder, '/');
    const char *name = slash ? slash + 1 : folder;
    weld_error err = WELD_ERROR_INIT;
    if (t->names && !json_object_get(t->names, name))
        return;
    if (t->names)
        json_object_set_new(t->names, name, json_true());
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

static void walk(tally *t, const char *folder)
{
    char path[4096];
    struct dirent **entries;
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    if (exists(path)) {
        count_case(t, folder);
        return;
    }
    int n = scandir(folder, &entries, NULL, alphasort);
    for (int k = 0; k < n; k++) {
        struct stat info;
        snprintf(path, sizeof path, "%s/%s", folder, entries[k]->d_name);
        if (entries[k]->d_name[0] != '.' && stat(path, &info) == 0 && S_ISDIR(info.st_mode))
            walk(t, path);
        free(entries[k]);
    }
    if (n >= 0)
        free(entries);
}

static bool unpack_and_walk(tally *t, const char *archive)
{
    char folder[] = "/tmp/onnxweld-conformance-XXXXXX", command[8192];
    if (!mkdtemp(folder))
        return false;
    snprintf(command, sizeof command, "tar -xf '%s' -C %s", archive, folder);
    bool ok = system(command) == 0;
    if (ok)
        walk(t, folder);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command) == 0 && ok;
}

static bool read_names(tally *t, const char *path)
{
    json_error_t where;
    json_t *list = json_load_file(path, 0, &where), *name;
    size_t k;
    t->names = list ? json_object() : NULL;
    /* ONNX's training tests are not inference. */
    json_array_foreach (list, k, name)
        if (!strstr(json_string_value(name), "training_dropout"))
            json_object_set_new(t->names, json_string_value(name), json_false());
    json_decref(list);
    return t->names != NULL;
}

static void report_missing(tally *t)
{
    const char *name;
    json_t *seen;
    json_object_foreach (t->names, name, seen) {
        if (json_is_true(seen))
            continue;
        printf("FAIL %s: not found\n", name);
        t->failed++;
    }
}

int main(int argc, char **argv)
{
    tally t = {0};
    weld_error err = WELD_ERROR_INIT;
    bool ok = weld_context_create(&t.ctx, NULL, &err) == WELD_OK;
    for (int k = 1; k < argc && ok; k++) {
        struct stat info;
        if (strcmp(argv[k], "--list") == 0 && k + 1 < argc)
            ok = read_names(&t, argv[++k]);
        else if (strcmp(argv[k], "--allow-unsupported") == 0)
            t.allow_unsupported = true;
        else if (stat(argv[k], &info) != 0)
            ok = false;
        else if (S_ISDIR(info.st_mode))
            walk(&t, argv[k]);
        else
            ok = unpack_and_walk(&t, argv[k]);
        if (!ok)
            printf("FAIL: can't read %s\n", argv[k]);
    }
    report_missing(&t);
    printf("%d/%d passed, %d failed, %d lacking operators\n", t.passed,
           t.passed + t.failed + t.unsupported, t.failed, t.unsupported);
    json_decref(t.names);
    weld_context_free(t.ctx);
    return !ok || t.failed || t.passed == 0;
}
