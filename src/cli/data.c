/* data: find the preprocessing, look at what is there, change the format. */
#include "cli.h"
#include <float.h>
#include <math.h>
#include <string.h>

enum { CHUNK = 256, SHOWN = 6, CLASSES_MAX = 4096, CLASSES_SHOWN = 20, TRIES_MAX = 64 };

static weld_status open_given(weld_dataset **out, const session *s, const char *path,
                              weld_error *err)
{
    if (path && s->o->raw.count)
        return bad_usage(err, "data: %.100s and --raw: one of them", path);
    if (!path && !s->o->raw.count)
        return bad_usage(err, "data: no data are given");
    return open_data(out, s, path, s->o->labels, s->o->limit, err);
}

/* ---- probe ----------------------------------------------------------------------------- */

/* One way of preprocessing, and what the model makes of it. */
typedef struct attempt {
    const char *preset, *layout;
    bool bgr;
    double loss, accuracy;
} attempt;

typedef struct attempts {
    attempt at[TRIES_MAX];
    int count;
} attempts;

static bool same_figures(const attempts *tried, const attempt *one)
{
    for (int k = 0; k < tried->count; k++)
        if (tried->at[k].loss == one->loss && strcmp(tried->at[k].preset, one->preset) == 0)
            return true;
    return false;
}

/* What does not apply to these samples, or not to the model, is left out; *why keeps the first reason. */
static weld_status try_one(attempts *tried, attempt one, const weld_model *model,
                           weld_dataset *data, const options *o, weld_error *why)
{
    weld_dataset_options how = WELD_DATASET_OPTIONS_INIT;
    weld_error err = WELD_ERROR_INIT;
    weld_status st = read_preprocessing(&how, o, &err);
    how.preset = one.preset;
    how.layout = one.layout;
    how.bgr = one.bgr;
    if (st == WELD_OK)
        st = weld_dataset_preset(data, &how, &err);
    if (st == WELD_OK)
        st = weld_model_score(&one.loss, &one.accuracy, model, data, &err);
    /* another layout or order that changes nothing is no other way */
    if (st == WELD_OK && tried->count < TRIES_MAX && !same_figures(tried, &one))
        tried->at[tried->count++] = one;
    if (st != WELD_OK && why->status == WELD_OK)
        *why = err;
    return st == WELD_E_ARGUMENT ? WELD_OK : st;
}

static weld_status try_all(attempts *tried, const weld_model *model, weld_dataset *data,
                           const options *o, weld_error *err)
{
    static const char *const layouts[] = {NULL, "nchw", "nhwc"};
    const char *const *presets = weld_dataset_presets();
    weld_error why = WELD_ERROR_INIT;
    weld_status st = WELD_OK;
    for (int p = 0; st == WELD_OK && presets[p]; p++)
        for (int l = 0; st == WELD_OK && l < 3; l++)
            for (int bgr = 0; st == WELD_OK && bgr < 2; bgr++)
                st = try_one(tried, (attempt){presets[p], layouts[l], bgr, 0, 0}, model, data, o,
                             &why);
    if (st != WELD_OK || tried->count == 0) {
        *err = why;
        return why.status;
    }
    return WELD_OK;
}

enum { FLAGS_TEXT = 96 };

static const char *write_flags(char text[FLAGS_TEXT], const attempt *a)
{
    snprintf(text, FLAGS_TEXT, "--preset %s%s%s%s", a->preset, a->layout ? " --layout " : "",
             a->layout ? a->layout : "", a->bgr ? " --bgr" : "");
    return text;
}

/* Best first; of equals, the one that was tried first. */
static void sort_attempts(attempts *tried)
{
    for (int i = 1; i < tried->count; i++) {
        const attempt one = tried->at[i];
        int k = i;
        for (; k > 0 && tried->at[k - 1].accuracy < one.accuracy; k--)
            tried->at[k] = tried->at[k - 1];
        tried->at[k] = one;
    }
}

static weld_status judge(const attempts *tried, const weld_model *model, const weld_dataset *data,
                         talk *t, weld_error *err)
{
    char flags[FLAGS_TEXT];
    begin_stage(t, NULL);
    const double chance = weld_model_chance(model, data);
    printf("%-10s %-8s %s\n", "accuracy", "loss", "flags");
    for (int k = 0; k < tried->count; k++) {
        const attempt *a = &tried->at[k];
        printf("%8.2f %% %-8.4g %s\n", 100 * a->accuracy, a->loss, write_flags(flags, a));
    }
    if (tried->at[0].accuracy < chance)
        return failed(
            err, WELD_E_NEGATIVE,
            "no way of preprocessing is above chance (%.2f %% with 3 standard deviations): "
            "check the labels, their order, and --mean, --std, --scale",
            100 * chance);
    say_line(t, "use: %s", write_flags(flags, &tried->at[0]));
    return WELD_OK;
}

static weld_status probe(const session *s, weld_error *err)
{
    static attempts tried;
    const options *o = s->o;
    weld_model *model = NULL;
    weld_dataset *data = NULL;
    if (o->file_count != 2)
        return bad_usage(err, "usage: onnxweld data probe A.onnx --data D [--labels KEY|FILE]");
    if (o->preset || o->layout || o->bgr)
        return bad_usage(err, "data probe tries all of --preset, --layout, --bgr itself");
    weld_load_options how = WELD_LOAD_OPTIONS_INIT;
    how.output_name = o->output_name;
    weld_status st = weld_model_load_as(&model, s->ctx, o->files[1], &how, err);
    if (st == WELD_OK)
        st = open_given(&data, s, o->data, err);
    begin_stage(s->talk, "run");
    if (st == WELD_OK)
        st = try_all(&tried, model, data, o, err);
    if (st == WELD_OK) {
        sort_attempts(&tried);
        st = judge(&tried, model, data, s->talk, err);
    }
    weld_dataset_free(data);
    weld_model_free(model);
    return st;
}

/* ---- head ------------------------------------------------------------------------------ */

/* Of one array, over all samples. */
typedef struct range {
    double least, most, sum, squares;
    long long count;
} range;

static double element(const weld_array *a, int64_t k)
{
    return a->f ? (double)a->f[k] : a->d ? a->d[k] : (double)a->i[k];
}

static int64_t elements(const weld_array *a)
{
    int64_t n = 1;
    for (int d = 0; d < a->rank; d++)
        n *= a->dims[d];
    return n;
}

static void add_to_range(range *r, const weld_array *a)
{
    const int64_t n = elements(a);
    for (int64_t k = 0; k < n; k++) {
        const double x = element(a, k);
        r->least = x < r->least ? x : r->least;
        r->most = x > r->most ? x : r->most;
        r->sum += x;
        r->squares += x * x;
    }
    r->count += n;
}

static const char *type_name(int dtype)
{
    static const char *const names[] = {
        [1] = "float32", [2] = "uint8",   [3] = "int8",     [4] = "uint16",   [5] = "int16",
        [6] = "int32",   [7] = "int64",   [9] = "bool",     [10] = "float16", [11] = "float64",
        [12] = "uint32", [13] = "uint64", [16] = "bfloat16"};
    return names[dtype];
}

static void print_first(const weld_array *a, int64_t total)
{
    const int64_t each = elements(a) / (a->dims[0] ? a->dims[0] : 1);
    for (int64_t s = 0; s < 2 && s < total; s++) {
        printf("  sample %lld:", (long long)s);
        for (int64_t k = 0; k < each && k < SHOWN; k++)
            printf(" %.6g", element(a, s * each + k));
        printf("%s\n", each > SHOWN ? " ..." : "");
    }
}

static void print_array(const weld_array *a, const range *r, int64_t total)
{
    const double mean = r->sum / (double)r->count;
    const double variance = r->squares / (double)r->count - mean * mean;
    printf("%s %s [%lld", a->name, type_name(a->dtype), (long long)total);
    for (int d = 1; d < a->rank; d++)
        printf(", %lld", (long long)a->dims[d]);
    printf("]: from %.6g to %.6g, mean %.6g, std %.6g\n", r->least, r->most, mean,
           sqrt(variance > 0 ? variance : 0));
    print_first(a, total);
}

/* How many samples have each label; classes beyond the first ones are summed up. */
static void print_labels(const weld_dataset *data)
{
    static long long counts[CLASSES_MAX];
    const int64_t *labels = weld_dataset_labels(data), n = weld_dataset_size(data);
    long long others = 0;
    int64_t most = 0;
    for (int64_t k = 0; k < n; k++) {
        most = labels[k] > most ? labels[k] : most;
        if (labels[k] < CLASSES_MAX)
            counts[labels[k]]++;
    }
    printf("labels int64 [%lld]: from 0 to %lld\n ", (long long)n, (long long)most);
    for (int64_t c = 0; c <= most && c < CLASSES_MAX; c++) {
        if (c < CLASSES_SHOWN)
            printf(" %lld:%lld", (long long)c, counts[c]);
        else
            others += counts[c];
    }
    if (most >= CLASSES_SHOWN)
        printf(" others:%lld", others);
    printf("\n");
}

static weld_status measure_arrays(range *ranges, size_t room, const weld_dataset *data,
                                  weld_error *err)
{
    const int64_t total = weld_dataset_size(data);
    for (int64_t first = 0; first < total; first += CHUNK) {
        weld_values *values;
        const int64_t n = total - first < CHUNK ? total - first : CHUNK;
        const weld_status st = weld_dataset_values(&values, data, first, n, err);
        if (st != WELD_OK)
            return st;
        for (size_t k = 0; k < weld_values_count(values) && k < room; k++) {
            const weld_array a = weld_values_at(values, k);
            add_to_range(&ranges[k], &a);
        }
        weld_values_free(values);
    }
    return WELD_OK;
}

static weld_status head(const session *s, weld_error *err)
{
    enum { ARRAYS = 64 };
    range ranges[ARRAYS];
    weld_dataset *data = NULL;
    weld_values *first = NULL;
    for (int k = 0; k < ARRAYS; k++)
        ranges[k] = (range){.least = DBL_MAX, .most = -DBL_MAX};
    weld_status st = open_given(&data, s, s->o->file_count > 1 ? s->o->files[1] : NULL, err);
    if (st == WELD_OK)
        st = measure_arrays(ranges, ARRAYS, data, err);
    const int64_t total = data ? weld_dataset_size(data) : 0;
    begin_stage(s->talk, NULL);
    if (st == WELD_OK)
        st = weld_dataset_values(&first, data, 0, total < 2 ? total : 2, err);
    const bool labels = st == WELD_OK && weld_dataset_labels(data);
    for (size_t k = 0; st == WELD_OK && k < weld_values_count(first) - labels && k < ARRAYS; k++) {
        const weld_array a = weld_values_at(first, k);
        print_array(&a, &ranges[k], total);
    }
    if (labels)
        print_labels(data);
    weld_values_free(first);
    weld_dataset_free(data);
    return st;
}

/* ---- convert --------------------------------------------------------------------------- */

static bool has(const char *path, const char *part)
{
    return strstr(path, part) != NULL;
}

/* "x-images-idx3-ubyte" -> "x-labels-idx1-ubyte", "x.idx" -> "x.idx-labels" */
static void labels_path(char *out, size_t size, const char *path)
{
    static const char from[] = "images-idx3";
    const char *at = strstr(path, from);
    if (at)
        snprintf(out, size, "%.*slabels-idx1%s", (int)(at - path), path, at + sizeof from - 1);
    else
        snprintf(out, size, "%s-labels", path);
}

static weld_status write_idx(weld_outputs *outputs, const weld_values *values, bool labels,
                             const char *path, weld_error *err)
{
    char beside[4200];
    const size_t arrays = weld_values_count(values) - labels;
    if (arrays != 1)
        return bad_usage(err, "data convert: idx holds one array, there are %zu", arrays);
    weld_status st = weld_outputs_add_array(outputs, values, 0, path, err);
    labels_path(beside, sizeof beside, path);
    return st == WELD_OK && labels ? weld_outputs_add_array(outputs, values, 1, beside, err) : st;
}

/* FOLDER/test_data_set_0/input_K.pb; labels have no place there. */
static weld_status write_test_data(weld_outputs *outputs, const weld_values *values, bool labels,
                                   const char *folder, weld_error *err)
{
    char path[4300];
    weld_status st = weld_outputs_add_folder(outputs, folder, err);
    snprintf(path, sizeof path, "%.4000s/test_data_set_0", folder);
    if (st == WELD_OK)
        st = weld_outputs_add_folder(outputs, path, err);
    for (size_t k = 0; st == WELD_OK && k < weld_values_count(values) - labels; k++) {
        snprintf(path, sizeof path, "%.4000s/test_data_set_0/input_%zu.pb", folder, k);
        st = weld_outputs_add_array(outputs, values, k, path, err);
    }
    return st;
}

static weld_status write_converted(weld_outputs *outputs, const weld_values *values, bool labels,
                                   const session *s, weld_error *err)
{
    const char *path = s->o->output;
    const char *base = strrchr(path, '/');
    base = base ? base : path;
    if (has(base, ".npz"))
        return weld_outputs_add_values(outputs, values, path, err);
    if (has(base, ".idx") || has(base, "-idx"))
        return write_idx(outputs, values, labels, path, err);
    if (labels)
        say_line(s->talk, "labels are left out: ONNX test data have none");
    return write_test_data(outputs, values, labels, path, err);
}

static weld_status convert(const session *s, weld_error *err)
{
    weld_dataset *data = NULL;
    weld_values *values = NULL;
    weld_outputs *outputs = NULL;
    if (!s->o->output)
        return bad_usage(err, "data convert needs -o OUT.npz, OUT.idx or a folder");
    weld_status st = open_given(&data, s, s->o->file_count > 1 ? s->o->files[1] : NULL, err);
    if (st == WELD_OK)
        st = weld_dataset_values(&values, data, 0, weld_dataset_size(data), err);
    if (st == WELD_OK)
        st = weld_outputs_create(&outputs, s->ctx, s->o->force, err);
    if (st == WELD_OK)
        st = write_converted(outputs, values, weld_dataset_has_labels(data), s, err);
    if (st == WELD_OK)
        st = weld_outputs_commit(outputs, err);
    weld_outputs_free(outputs);
    weld_values_free(values);
    weld_dataset_free(data);
    return st;
}

/* ---------------------------------------------------------------------------------------- */

weld_status run_data(const session *s, weld_error *err)
{
    static const struct {
        const char *name;
        weld_status (*run)(const session *s, weld_error *err);
    } actions[] = {{"probe", probe}, {"head", head}, {"convert", convert}};
    static const char *const names[] = {"probe", "head", "convert"};
    const char *wanted = s->o->files[0];
    char near[SUGGESTION_MAX];
    begin_stage(s->talk, "load");
    for (int k = 0; k < 3; k++)
        if (strcmp(actions[k].name, wanted) == 0)
            return actions[k].run(s, err);
    return bad_usage(err, "data: '%.40s', allowed probe, head, convert%s", wanted,
                     suggest(near, wanted, names, 3));
}
