/* weld, align, lmc: the commands that bring B to A. */
#include "cli.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct job {
    weld_model *a, *b;
    weld_dataset *whole;             /* --data, when it was split; else NULL */
    weld_dataset *data, *match_data; /* for evaluation, for matching; NULL = none */
    weld_alignment *alignment;
    weld_report *report;
    weld_outputs *outputs;
} job;

static void free_job(job *j)
{
    weld_outputs_free(j->outputs);
    weld_report_free(j->report);
    weld_alignment_free(j->alignment);
    weld_dataset_free(j->data);
    weld_dataset_free(j->match_data);
    weld_dataset_free(j->whole);
    weld_model_free(j->a);
    weld_model_free(j->b);
}

/* --match takes a method's name or a permutation file. */
static bool is_file(const char *method)
{
    size_t n = method ? strlen(method) : 0;
    return n > 5 && strcmp(method + n - 5, ".json") == 0;
}

static bool looks_at_data(const options *o)
{
    return !is_file(o->method) && (weld_align_uses_data(o->method) || o->polish > 0);
}

/* What the permutation is chosen on never judges it. */
static weld_status split_data(job *j, const options *o, weld_error *err)
{
    weld_dataset *parts[2];
    weld_status st = weld_dataset_split(parts, j->data, o->match_limit, (uint64_t)o->seed, err);
    if (st == WELD_OK) {
        j->whole = j->data;
        j->match_data = parts[0];
        j->data = parts[1];
    }
    return st;
}

static weld_status load(job *j, const session *s, weld_error *err)
{
    const options *o = s->o;
    if (is_file(o->method) && (o->polish > 0 || o->freeze.count || o->spec))
        return bad_usage(err, "%s: the permutation of %.100s is used as it is",
                         o->spec           ? "--spec"
                         : o->freeze.count ? "--freeze"
                                           : "--polish",
                         o->method);
    weld_status st = weld_outputs_create(&j->outputs, s->ctx, o->force, err);
    if (st == WELD_OK)
        st = load_model(&j->a, s, o->files[0], err);
    if (st == WELD_OK)
        st = load_model(&j->b, s, o->files[1], err);
    if (st == WELD_OK && o->data)
        st = open_data(&j->data, s, o->data, o->labels, o->limit, err);
    if (st == WELD_OK && o->match_data)
        st = open_match_data(&j->match_data, s, err);
    else if (st == WELD_OK && o->data && looks_at_data(o))
        st = split_data(j, o, err);
    return st;
}

static weld_status align(job *j, const session *s, weld_error *err)
{
    const options *o = s->o;
    weld_align_options how = WELD_ALIGN_OPTIONS_INIT;
    how.method = o->method;
    how.data = j->match_data ? j->match_data : j->data;
    how.restarts = (int)(o->restarts > 1000000 ? 1000000 : o->restarts);
    how.seed = (uint64_t)o->seed;
    how.graph_order = o->graph_order;
    how.candidates = (int)(o->candidates > 1000000 ? 1000000 : o->candidates);
    how.polish_seconds = o->polish;
    how.freeze = o->freeze.at;
    how.freeze_count = o->freeze.count;
    how.normalize = o->normalize;
    how.spec = o->spec;
    weld_status st = is_file(o->method)
                         ? weld_alignment_load(&j->alignment, j->a, j->b, o->method, err)
                         : weld_align(&j->alignment, j->a, j->b, &how, err);
    if (st == WELD_OK)
        st = weld_alignment_verify(j->alignment, j->data, 256, 1e-4, err);
    if (st == WELD_OK && o->save_perm)
        st = weld_outputs_add_alignment(j->outputs, j->alignment, o->save_perm, err);
    if (st == WELD_OK)
        st = weld_report_create(&j->report, j->alignment, err);
    return st;
}

static weld_status measure(job *j, const session *s, weld_error *err)
{
    const options *o = s->o;
    weld_measure_options how = WELD_MEASURE_OPTIONS_INIT;
    how.alpha = o->sweep.count ? o->sweep.at : NULL;
    how.alpha_count = o->sweep.count;
    how.llfc_alpha = o->llfc_alpha.count ? o->llfc_alpha.at : NULL;
    how.llfc_alpha_count = o->llfc_alpha.count;
    how.batch = o->batch;
    return j->data ? weld_report_measure(j->report, j->alignment, j->data, &how, err) : WELD_OK;
}

/* Everything that the commands have in common, up to the report. */
static weld_status align_and_measure(job *j, const session *s, weld_error *err)
{
    weld_status st = load(j, s, err);
    if (st == WELD_OK)
        st = align(j, s, err);
    return st == WELD_OK ? measure(j, s, err) : st;
}

/* *out = --external; false for a word that it does not take. */
static bool read_external(weld_external *out, const options *o)
{
    static const char *const words[] = {"auto", "never", "always"};
    *out = WELD_EXTERNAL_AUTO;
    for (int k = 0; o->external && k < 3; k++)
        if (strcmp(o->external, words[k]) == 0) {
            *out = (weld_external)k;
            return true;
        }
    return !o->external;
}

static weld_status add_model(job *j, const session *s, const weld_model *model, const char *path,
                             double alpha, weld_error *err)
{
    char sha256[65];
    weld_external external;
    read_external(&external, s->o);
    weld_status st = weld_outputs_add_model(j->outputs, model, path, external, sha256, err);
    return st == WELD_OK ? weld_report_add_output(j->report, path, sha256, alpha, err) : st;
}

/* "m_{alpha}.onnx" -> "m_0.3.onnx" */
static weld_status output_path(char *path, size_t size, const char *pattern, double alpha,
                               weld_error *err)
{
    static const char mark[] = "{alpha}";
    const char *at = strstr(pattern, mark);
    int n = at ? snprintf(path, size, "%.*s%g%s", (int)(at - pattern), pattern, alpha,
                          at + strlen(mark))
               : snprintf(path, size, "%s", pattern);
    return n >= 0 && (size_t)n < size ? WELD_OK : bad_usage(err, "-o: the path is too long");
}

static weld_status merge_one(job *j, const session *s, double alpha, weld_error *err)
{
    char path[4096];
    weld_model *merged = NULL;
    weld_status st = output_path(path, sizeof path, s->o->output, alpha, err);
    if (st == WELD_OK)
        st = weld_merge(&merged, j->alignment, alpha, err);
    if (st == WELD_OK)
        st = add_model(j, s, merged, path, alpha, err);
    weld_model_free(merged);
    return st;
}

/* The reports go with the other files, or nothing is written. */
static weld_status finish(job *j, const session *s, weld_error *err)
{
    weld_status st = weld_report_set_run(j->report, s->argc, s->argv, seconds_run(), err);
    for (size_t k = 0; st == WELD_OK && k < s->o->reports.count; k++)
        st = weld_outputs_add_report(j->outputs, j->report, format_of(s->o->reports.at[k]),
                                     s->o->reports.at[k], err);
    if (st == WELD_OK)
        st = weld_outputs_commit(j->outputs, err);
    return st == WELD_OK ? print_report(j->report, s, err) : st;
}

static weld_status check_output(const session *s, weld_error *err)
{
    const options *o = s->o;
    const char *name = s->argv[1];
    if (!o->output)
        return bad_usage(err, "%s needs -o FILE", name);
    if (strcmp(o->output, "-") == 0 && isatty(STDOUT_FILENO))
        return bad_usage(err, "-o -: a model is not written to a terminal");
    if (strcmp(o->output, "-") == 0 && o->json)
        return bad_usage(err, "-o - and --json both want standard output");
    weld_external external;
    if (!read_external(&external, o))
        return bad_usage(err, "--external: '%.40s', allowed auto, never, always", o->external);
    if (o->alpha.count > 1 && !strstr(o->output, "{alpha}"))
        return bad_usage(err, "-o %s: several --alpha need {alpha} in the name", o->output);
    return WELD_OK;
}

weld_status run_weld(const session *s, weld_error *err)
{
    static const double half = 0.5;
    const double *alpha = s->o->alpha.count ? s->o->alpha.at : &half;
    size_t count = s->o->alpha.count ? s->o->alpha.count : 1;
    job j = {0};
    weld_status st = check_output(s, err);
    for (size_t k = 0; st == WELD_OK && k < count; k++)
        if (!(alpha[k] >= 0 && alpha[k] <= 1))
            st = bad_usage(err, "--alpha: %g, allowed 0 to 1", alpha[k]);
    if (st == WELD_OK)
        st = align_and_measure(&j, s, err);
    for (size_t k = 0; st == WELD_OK && k < count; k++)
        st = merge_one(&j, s, alpha[k], err);
    if (st == WELD_OK)
        st = finish(&j, s, err);
    free_job(&j);
    return st;
}

weld_status run_align(const session *s, weld_error *err)
{
    job j = {0};
    weld_model *permuted = NULL;
    weld_status st = check_output(s, err);
    if (st == WELD_OK)
        st = load(&j, s, err);
    if (st == WELD_OK)
        st = align(&j, s, err);
    if (st == WELD_OK)
        st = weld_permuted(&permuted, j.alignment, err);
    if (st == WELD_OK)
        st = add_model(&j, s, permuted, s->o->output, 0, err);
    if (st == WELD_OK)
        st = finish(&j, s, err);
    weld_model_free(permuted);
    free_job(&j);
    return st;
}

weld_status run_lmc(const session *s, weld_error *err)
{
    job j = {0};
    weld_status st = s->o->data ? WELD_OK : bad_usage(err, "lmc needs --data FILE");
    if (st == WELD_OK)
        st = align_and_measure(&j, s, err);
    if (st == WELD_OK)
        st = finish(&j, s, err);
    free_job(&j);
    return st;
}
