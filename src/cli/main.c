/* The command line: sees onnxweld.h only. */
#include "onnxweld.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPORTS_MAX = 8, ALPHAS_MAX = 101, CHANNELS_MAX = 16 };

typedef struct options {
    const char *files[2];
    int file_count;
    const char *output, *data, *match_data, *labels, *method, *preset, *save_perm;
    const char *reports[REPORTS_MAX];
    int report_count;
    double alpha, scale, mean[CHANNELS_MAX], std[CHANNELS_MAX], sweep[ALPHAS_MAX];
    long long limit, batch, restarts, seed, threads, memory;
    size_t mean_count, std_count, sweep_count;
    bool force, json, quiet;
} options;

typedef struct command {
    const char *name, *arguments, *help;
    int files;
    weld_status (*run)(const options *o, weld_context *ctx, int argc, char **argv,
                       weld_error *err);
} command;

static weld_status bad(weld_error *err, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static weld_status bad(weld_error *err, const char *format, ...)
{
    va_list ap;
    err->status = WELD_E_ARGUMENT;
    va_start(ap, format);
    vsnprintf(err->message, sizeof err->message, format, ap);
    va_end(ap);
    return WELD_E_ARGUMENT;
}

static weld_status parse_real(double *out, const char *name, const char *text, weld_error *err)
{
    char *end;
    errno = 0;
    *out = strtod(text, &end);
    if (end == text || *end || errno || *out != *out)
        return bad(err, "%s: '%s' is not a number", name, text);
    return WELD_OK;
}

static weld_status parse_int(long long *out, const char *name, const char *text, weld_error *err)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (end == text || *end || errno || *out < 0)
        return bad(err, "%s: '%s' is not a whole number from 0", name, text);
    return WELD_OK;
}

/* "1,2,3" -> out[count] */
static weld_status parse_list(double *out, size_t *count, const char *name, const char *text,
                              weld_error *err)
{
    char item[64];
    *count = 0;
    while (*text) {
        size_t n = strcspn(text, ",");
        if (n >= sizeof item || *count == CHANNELS_MAX)
            return bad(err, "%s: '%s' is too long", name, text);
        memcpy(item, text, n);
        item[n] = '\0';
        weld_status st = parse_real(&out[(*count)++], name, item, err);
        if (st != WELD_OK)
            return st;
        text += n + (text[n] == ',');
    }
    return WELD_OK;
}

/* "0:1:11" -> 11 values from 0 to 1 */
static weld_status parse_sweep(options *o, const char *name, const char *text, weld_error *err)
{
    double from, to;
    int count, used = 0;
    if (sscanf(text, "%lf:%lf:%d%n", &from, &to, &count, &used) != 3 || text[used] || count < 2 ||
        count > ALPHAS_MAX || !(from >= 0 && to <= 1 && from < to))
        return bad(err, "%s: '%s', allowed FROM:TO:COUNT within 0 and 1", name, text);
    for (int k = 0; k < count; k++)
        o->sweep[k] = k == count - 1 ? to : from + (to - from) * k / (count - 1);
    o->sweep_count = (size_t)count;
    return WELD_OK;
}

static weld_status take_report(options *o, const char *name, const char *value, weld_error *err)
{
    if (o->report_count == REPORTS_MAX)
        return bad(err, "%s: more than 8 reports ('%s')", name, value);
    o->reports[o->report_count++] = value;
    return WELD_OK;
}

static weld_status take_value(options *o, const char *name, const char *value, weld_error *err)
{
    const struct {
        const char *name;
        const char **text;
        long long *integer;
        double *real;
    } table[] = {{"-o", &o->output, NULL, NULL},
                 {"--data", &o->data, NULL, NULL},
                 {"--match-data", &o->match_data, NULL, NULL},
                 {"--labels", &o->labels, NULL, NULL},
                 {"--match", &o->method, NULL, NULL},
                 {"--preset", &o->preset, NULL, NULL},
                 {"--save-perm", &o->save_perm, NULL, NULL},
                 {"--limit", NULL, &o->limit, NULL},
                 {"--batch", NULL, &o->batch, NULL},
                 {"--restarts", NULL, &o->restarts, NULL},
                 {"--seed", NULL, &o->seed, NULL},
                 {"-j", NULL, &o->threads, NULL},
                 {"--mem", NULL, &o->memory, NULL},
                 {"--alpha", NULL, NULL, &o->alpha},
                 {"--scale", NULL, NULL, &o->scale}};
    if (strcmp(name, "--report") == 0)
        return take_report(o, name, value, err);
    if (strcmp(name, "--mean") == 0)
        return parse_list(o->mean, &o->mean_count, name, value, err);
    if (strcmp(name, "--std") == 0)
        return parse_list(o->std, &o->std_count, name, value, err);
    if (strcmp(name, "--sweep") == 0)
        return parse_sweep(o, name, value, err);
    for (size_t k = 0; k < sizeof table / sizeof table[0]; k++) {
        if (strcmp(table[k].name, name) != 0)
            continue;
        if (table[k].text)
            *table[k].text = value;
        else if (table[k].integer)
            return parse_int(table[k].integer, name, value, err);
        else
            return parse_real(table[k].real, name, value, err);
        return WELD_OK;
    }
    return bad(err, "unknown option %s", name);
}

static weld_status parse(options *o, const command *c, int argc, char **argv, weld_error *err)
{
    for (int k = 2; k < argc; k++) {
        const char *arg = argv[k];
        weld_status st = WELD_OK;
        if (strcmp(arg, "-f") == 0 || strcmp(arg, "--force") == 0)
            o->force = true;
        else if (strcmp(arg, "--json") == 0)
            o->json = true;
        else if (strcmp(arg, "-q") == 0)
            o->quiet = true;
        else if (arg[0] == '-' && arg[1])
            st = k + 1 < argc ? take_value(o, arg, argv[++k], err)
                              : bad(err, "option %s is unknown or lacks its value", arg);
        else if (o->file_count < c->files)
            o->files[o->file_count++] = arg;
        else
            st = bad(err, "%s takes no further argument '%s'", c->name, arg);
        if (st != WELD_OK)
            return st;
    }
    if (o->file_count < c->files)
        return bad(err, "usage: onnxweld %s %s", c->name, c->arguments);
    return WELD_OK;
}

static weld_status load_data(weld_dataset **out, const options *o, weld_context *ctx,
                             const char *path, weld_error *err)
{
    weld_dataset_options d = WELD_DATASET_OPTIONS_INIT;
    if (o->mean_count && o->std_count && o->mean_count != o->std_count)
        return bad(err, "--mean and --std differ in length");
    d.preset = o->preset;
    d.labels = o->labels;
    d.mean = o->mean_count ? o->mean : NULL;
    d.std = o->std_count ? o->std : NULL;
    d.channels = o->mean_count ? o->mean_count : o->std_count;
    d.scale = o->scale;
    d.samples_max = o->limit;
    return weld_dataset_open(out, ctx, path, &d, err);
}

static const char *format_of(const char *path)
{
    const char *dot = strrchr(path, '.');
    return !dot ? "text" : strcmp(dot, ".txt") == 0 ? "text" : dot + 1;
}

static weld_status print(const weld_report *report, const options *o, weld_context *ctx,
                         weld_error *err)
{
    char *text;
    weld_status st = weld_report_text(&text, report, o->json ? "json" : "text", err);
    if (st != WELD_OK)
        return st;
    if (o->json || !o->quiet)
        fputs(text, o->json ? stdout : stderr);
    weld_bytes_free(ctx, text);
    return WELD_OK;
}

static weld_status finish(weld_report *report, const options *o, weld_context *ctx, int argc,
                          char **argv, weld_error *err)
{
    double seconds = (double)clock() / CLOCKS_PER_SEC;
    weld_status st = weld_report_set_run(report, argc, argv, seconds, err);
    for (int k = 0; st == WELD_OK && k < o->report_count; k++)
        st = weld_report_save(report, format_of(o->reports[k]), o->reports[k], o->force, err);
    return st == WELD_OK ? print(report, o, ctx, err) : st;
}

typedef struct job {
    weld_model *a, *b, *merged;
    weld_dataset *data, *match_data;
    weld_alignment *alignment;
    weld_report *report;
} job;

static void free_job(job *j)
{
    weld_report_free(j->report);
    weld_model_free(j->merged);
    weld_alignment_free(j->alignment);
    weld_dataset_free(j->data);
    weld_dataset_free(j->match_data);
    weld_model_free(j->a);
    weld_model_free(j->b);
}

/* --match takes a method's name or a permutation file. */
static bool is_file(const char *method)
{
    size_t n = method ? strlen(method) : 0;
    return n > 5 && strcmp(method + n - 5, ".json") == 0;
}

/* Everything that weld and lmc have in common: models, data, alignment, proof, report. */
static weld_status align_and_measure(job *j, const options *o, weld_context *ctx, weld_error *err)
{
    weld_align_options align = WELD_ALIGN_OPTIONS_INIT;
    weld_measure_options measure = WELD_MEASURE_OPTIONS_INIT;
    weld_status st = weld_model_load(&j->a, ctx, o->files[0], err);
    if (st == WELD_OK)
        st = weld_model_load(&j->b, ctx, o->files[1], err);
    if (st == WELD_OK && o->data)
        st = load_data(&j->data, o, ctx, o->data, err);
    if (st == WELD_OK && o->match_data)
        st = load_data(&j->match_data, o, ctx, o->match_data, err);
    align.method = o->method;
    align.data = j->match_data ? j->match_data : j->data;
    align.restarts = (int)o->restarts;
    align.seed = (uint64_t)o->seed;
    if (st == WELD_OK)
        st = is_file(o->method) ? weld_alignment_load(&j->alignment, j->a, j->b, o->method, err)
                                : weld_align(&j->alignment, j->a, j->b, &align, err);
    if (st == WELD_OK)
        st = weld_alignment_verify(j->alignment, j->data, 256, 1e-4, err);
    if (st == WELD_OK && o->save_perm)
        st = weld_alignment_save(j->alignment, o->save_perm, o->force, err);
    if (st == WELD_OK)
        st = weld_report_create(&j->report, j->alignment, err);
    if (st == WELD_OK && align.method && strcmp(align.method, "activations") == 0 && !j->match_data)
        st = weld_report_add_warning(j->report, "W003",
                                     "matched on the evaluation data; use --match-data", err);
    measure.alpha = o->sweep_count ? o->sweep : NULL;
    measure.alpha_count = o->sweep_count;
    measure.batch = o->batch;
    if (st == WELD_OK && j->data)
        st = weld_report_measure(j->report, j->alignment, j->data, &measure, err);
    return st;
}

static weld_status run_weld(const options *o, weld_context *ctx, int argc, char **argv,
                            weld_error *err)
{
    job j = {0};
    weld_status st = o->output ? WELD_OK : bad(err, "weld needs -o FILE");
    if (st == WELD_OK)
        st = align_and_measure(&j, o, ctx, err);
    if (st == WELD_OK)
        st = weld_merge(&j.merged, j.alignment, o->alpha, err);
    if (st == WELD_OK)
        st = weld_report_add_output(j.report, j.merged, o->output, o->alpha, err);
    if (st == WELD_OK)
        st = weld_model_save(j.merged, o->output, o->force, err);
    if (st == WELD_OK)
        st = finish(j.report, o, ctx, argc, argv, err);
    free_job(&j);
    return st;
}

static weld_status run_lmc(const options *o, weld_context *ctx, int argc, char **argv,
                           weld_error *err)
{
    job j = {0};
    weld_status st = o->data ? WELD_OK : bad(err, "lmc needs --data FILE");
    if (st == WELD_OK)
        st = align_and_measure(&j, o, ctx, err);
    if (st == WELD_OK)
        st = finish(j.report, o, ctx, argc, argv, err);
    free_job(&j);
    return st;
}

static weld_status run_check(const options *o, weld_context *ctx, int argc, char **argv,
                             weld_error *err)
{
    job j = {0};
    weld_error late = WELD_ERROR_INIT;
    weld_status st = weld_model_load(&j.a, ctx, o->files[0], err);
    if (st == WELD_OK)
        st = weld_model_load(&j.b, ctx, o->files[1], err);
    if (st == WELD_OK)
        st = weld_check(&j.report, j.a, j.b, err);
    if (j.report && finish(j.report, o, ctx, argc, argv, &late) != WELD_OK && st == WELD_OK) {
        *err = late;
        st = late.status;
    }
    free_job(&j);
    return st;
}

static weld_status run_inspect(const options *o, weld_context *ctx, int argc, char **argv,
                               weld_error *err)
{
    job j = {0};
    weld_status st = weld_model_load(&j.a, ctx, o->files[0], err);
    if (st == WELD_OK)
        st = weld_model_inspect(&j.report, j.a, err);
    if (st == WELD_OK)
        st = finish(j.report, o, ctx, argc, argv, err);
    free_job(&j);
    return st;
}

static const command commands[] = {
    {"weld", "A.onnx B.onnx -o AB.onnx [--data D] [--report FILE.json]",
     "align, merge, verify, measure, write", 2, run_weld},
    {"lmc", "A.onnx B.onnx --data D [--sweep 0:1:11]", "loss, accuracy and LLFC along the path", 2,
     run_lmc},
    {"check", "A.onnx B.onnx", "can these be merged? every obstacle, no data", 2, run_check},
    {"inspect", "M.onnx [--json]", "inputs, classes of units, what is pinned and why", 1,
     run_inspect}};
enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void print_help(FILE *to)
{
    fprintf(to, "onnxweld: align and average ONNX models\nusage: onnxweld COMMAND [options]\n\n");
    for (int k = 0; k < COMMANDS; k++)
        fprintf(to, "  %-8s %s\n           %s\n", commands[k].name, commands[k].arguments,
                commands[k].help);
    fprintf(to, "\n  -o FILE -f --report FILE.{json,txt} --json -q\n"
                "  --match weights|activations|none|FILE.json --save-perm FILE.json --restarts K --seed N --match-data D\n"
                "  --alpha A (weight of A, 0.5) --sweep FROM:TO:COUNT\n"
                "  --data D --labels KEY|FILE --preset P --mean L --std L --scale X\n"
                "  --limit N --batch N -j THREADS --mem BYTES\n"
                "exit: 0 done, 1 negative result, 2 usage, 3 not weldable, 4 unsupported,\n"
                "      5 I/O or malformed, 6 limit, 70 internal, 130 interrupted\n");
}

static int exit_code(weld_status st)
{
    static const int codes[] = {0, 6, 5, 5, 6, 4, 3, 2, 1, 130, 70};
    int index = -(int)st;
    return index >= 0 && index < 11 ? codes[index] : 70;
}

static int run_command(const command *c, int argc, char **argv)
{
    options o = {.alpha = 0.5};
    weld_error err = WELD_ERROR_INIT;
    weld_context_options context = WELD_CONTEXT_OPTIONS_INIT;
    weld_context *ctx = NULL;
    weld_status st = parse(&o, c, argc, argv, &err);
    context.threads = o.threads > 1024 ? 1024 : (int)o.threads;
    context.memory_bytes_max = (uint64_t)o.memory;
    if (st == WELD_OK)
        st = weld_context_create(&ctx, &context, &err);
    if (st == WELD_OK)
        st = c->run(&o, ctx, argc, argv, &err);
    if (st != WELD_OK)
        fprintf(stderr, "onnxweld: error: %s\n", err.message);
    weld_context_free(ctx);
    return exit_code(st);
}

int main(int argc, char **argv)
{
    if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        print_help(stdout);
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        printf("onnxweld %s\n", weld_version());
        return 0;
    }
    for (int k = 0; argc > 1 && k < COMMANDS; k++)
        if (strcmp(commands[k].name, argv[1]) == 0)
            return run_command(&commands[k], argc, argv);
    if (argc > 1)
        fprintf(stderr, "onnxweld: error: no command '%s'\n", argv[1]);
    print_help(stderr);
    return 2;
}
