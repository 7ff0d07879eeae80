/* run: a model on data, or an ONNX test folder. */
#include "cli.h"
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* Inputs that need no preprocessing are taken as they are, by name. */
static bool is_raw(const options *o)
{
    const char *dot = o->data ? strrchr(o->data, '.') : NULL;
    bool arrays = dot &&
                  (strcmp(dot, ".npz") == 0 || strcmp(dot, ".npy") == 0 || strcmp(dot, ".pb") == 0);
    return arrays && !o->preset && !o->mean.count && !o->std.count && o->scale == 0 && !o->limit &&
           !o->inputs.count && !o->layout && !o->bgr;
}

static weld_status run_on_data(weld_values **out, const weld_model *model, const session *s,
                               weld_error *err)
{
    const options *o = s->o;
    weld_run_options how = WELD_RUN_OPTIONS_INIT;
    weld_values *inputs = NULL;
    weld_dataset *data = NULL;
    weld_status st;
    how.tap = o->tap;
    how.batch = o->batch;
    if (is_raw(o)) {
        st = weld_values_load(&inputs, s->ctx, o->data, err);
        if (st == WELD_OK)
            st = weld_model_run(out, model, inputs, &how, err);
    } else {
        st = open_data(&data, s, o->data, o->labels, o->limit, err);
        if (st == WELD_OK)
            st = weld_model_run_data(out, model, data, &how, err);
    }
    weld_values_free(inputs);
    weld_dataset_free(data);
    return st;
}

enum { SHAPE_TEXT = 256 };

static void print_values(talk *t, const weld_values *values)
{
    for (size_t k = 0; k < weld_values_count(values); k++) {
        weld_array a = weld_values_at(values, k);
        char shape[SHAPE_TEXT] = "";
        for (int d = 0, used = 0; d < a.rank && used < (int)sizeof shape; d++)
            used += snprintf(shape + used, sizeof shape - (size_t)used, "%s%lld", d ? ", " : "",
                             (long long)a.dims[d]);
        say_line(t, "%s [%s]", a.name, shape);
    }
}

/* The first output tells how many samples there were. */
static void print_parts(talk *t, const weld_model *model, const weld_values *values)
{
    const long long batch = (long long)weld_model_batch(model);
    const weld_array a = weld_values_count(values) ? weld_values_at(values, 0) : (weld_array){0};
    if (batch > 0 && a.rank > 0 && a.dims[0] != batch)
        say_line(t, "run in parts of %lld, the batch that the file fixes", batch);
}

static weld_status save(const weld_values *values, const session *s, weld_error *err)
{
    weld_outputs *outputs = NULL;
    weld_status st = weld_outputs_create(&outputs, s->ctx, s->o->force, err);
    if (st == WELD_OK)
        st = weld_outputs_add_values(outputs, values, s->o->output, err);
    if (st == WELD_OK)
        st = weld_outputs_commit(outputs, err);
    weld_outputs_free(outputs);
    return st;
}

static weld_status run_model(const session *s, weld_error *err)
{
    weld_model *model = NULL;
    weld_values *values = NULL;
    weld_status st = weld_model_load(&model, s->ctx, s->o->files[0], err);
    if (st == WELD_OK)
        st = run_on_data(&values, model, s, err);
    if (st == WELD_OK && s->o->output)
        st = save(values, s, err);
    begin_stage(s->talk, NULL);
    if (st == WELD_OK) {
        print_parts(s->talk, model, values);
        print_values(s->talk, values);
    }
    weld_values_free(values);
    weld_model_free(model);
    return st;
}

/* ---- ONNX tests: a model and test_data_set_N/{input,output}_K.pb, in a folder or an archive ------- */

/* *none: there is no such set. */
static weld_status run_set(bool *none, const weld_model *model, int set, const session *s,
                           weld_error *err)
{
    const double rtol = s->o->rtol > 0 ? s->o->rtol : 1e-3;
    const double atol = s->o->atol > 0 ? s->o->atol : 1e-7;
    const char *path = s->o->files[0];
    weld_values *inputs = NULL, *outputs = NULL, *want = NULL;
    weld_status st = weld_values_load_set(&inputs, s->ctx, path, set, "input", err);
    if (st == WELD_OK)
        st = weld_values_load_set(&want, s->ctx, path, set, "output", err);
    *none = st == WELD_OK && weld_values_count(want) == 0;
    if (st == WELD_OK && !*none)
        st = weld_model_run(&outputs, model, inputs, NULL, err);
    if (st == WELD_OK && !*none)
        st = weld_values_compare(outputs, want, rtol, atol, err);
    weld_values_free(inputs);
    weld_values_free(outputs);
    weld_values_free(want);
    return st;
}

static weld_status run_sets(const session *s, weld_error *err)
{
    char path[4096];
    const char *given = s->o->files[0];
    weld_model *model = NULL;
    bool none = false;
    int sets = 0;
    snprintf(path, sizeof path, "%.4000s%s", given, is_folder(given) ? "/model.onnx" : "");
    weld_status st = weld_model_load(&model, s->ctx, path, err);
    while (st == WELD_OK && !none) {
        char detail[sizeof err->message];
        st = run_set(&none, model, sets, s, err);
        if (st != WELD_OK) {
            memcpy(detail, err->message, sizeof detail);
            snprintf(err->message, sizeof err->message, "%.300s: test_data_set_%d: %.650s", given,
                     sets, detail);
        }
        sets += !none;
    }
    if (st == WELD_OK && sets == 0)
        st = bad_usage(err,
                       "%s: no test_data_set_0; run needs --data FILE, or a model with test "
                       "data",
                       given);
    if (st == WELD_OK)
        say_line(s->talk, "%s: %d test data sets agree", given, sets);
    weld_model_free(model);
    return st;
}

weld_status run_run(const session *s, weld_error *err)
{
    begin_stage(s->talk, "run");
    return has_data(s->o) ? run_model(s, err) : run_sets(s, err);
}
