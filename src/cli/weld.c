/* weld, align, lmc: the commands that bring B to A. */
#include "cli.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct job {
    weld_model *a, *b;
    datasets sets;
    merge_wish wish;
    weld_model **merged, **compared; /* that are written; that only stand beside them */
    size_t merged_count, compared_count;
    weld_alignment *alignment;
    results results;
} job;

static void free_job(job *j)
{
    for (size_t k = 0; k < j->merged_count; k++)
        weld_model_free(j->merged[k]);
    for (size_t k = 0; k < j->compared_count; k++)
        weld_model_free(j->compared[k]);
    free(j->merged);
    free(j->compared);
    close_results(&j->results);
    weld_alignment_free(j->alignment);
    close_datasets(&j->sets);
    weld_model_free(j->a);
    weld_model_free(j->b);
    close_merge_wish(&j->wish);
}

/* --expect-acc: whether the data and their preprocessing are what the models were made for. */
static weld_status check_accuracy(const job *j, const session *s, weld_error *err)
{
    const expected *e = &s->o->expect_acc;
    const weld_model *const models[] = {j->a, j->b};
    weld_status st = WELD_OK;
    for (int k = 0; st == WELD_OK && k < 2; k++) {
        double loss, accuracy;
        if (!(e->accuracy[k] > 0))
            continue;
        st = weld_model_score(&loss, &accuracy, models[k], j->sets.data, err);
        if (st != WELD_OK || accuracy >= e->accuracy[k])
            continue;
        st = failed(
            err, WELD_E_NEGATIVE,
            "accuracy of %c is %.4f on %lld samples, expected at least %g: check preprocessing "
            "(onnxweld data probe) and the order of the labels",
            "AB"[k], accuracy, (long long)weld_dataset_size(j->sets.data), e -> accuracy[k]);
    }
    return st;
}

static weld_status load(job *j, const session *s, weld_error *err)
{
    const options *o = s->o;
    if (is_permutation_file(o->method) && (o->polish > 0 || o->freeze.count || o->spec))
        return bad_usage(err, "%s: the permutation of %.100s is used as it is",
                         o->spec           ? "--spec"
                         : o->freeze.count ? "--freeze"
                                           : "--polish",
                         o->method);
    begin_stage(s->talk, "load");
    weld_status st = open_outputs(&j->results.outputs, s, err);
    if (st == WELD_OK)
        st = load_model(&j->a, s, o->files[0], err);
    if (st == WELD_OK)
        st = load_model(&j->b, s, o->files[1], err);
    if (st == WELD_OK)
        st = open_datasets(&j->sets, s, err);
    if (st == WELD_OK)
        st = check_accuracy(j, s, err);
    if (st == WELD_OK)
        st = read_merge_wish(&j->wish, s, j->sets.match, err);
    return st;
}

static weld_status align(job *j, const session *s, weld_error *err)
{
    const options *o = s->o;
    weld_align_options how = read_align_wish(s, &j->sets);
    how.merge = &j->wish.options;
    begin_stage(s->talk, "align");
    weld_status st = is_permutation_file(o->method)
                         ? weld_alignment_load(&j->alignment, j->a, j->b, o->method, err)
                         : weld_align(&j->alignment, j->a, j->b, &how, err);
    begin_stage(s->talk, "verify");
    if (st == WELD_OK)
        st = weld_alignment_verify(j->alignment, j->sets.data, 256, 1e-4, err);
    const char *saved = o->save_perm ? o->save_perm : o->bundle ? "permutation.json" : NULL;
    if (st == WELD_OK && saved)
        st = weld_outputs_add_alignment(j->results.outputs, j->alignment, saved, err);
    if (st == WELD_OK)
        st = weld_report_create(&j->results.report, j->alignment, err);
    return st;
}

/* ---- merging ---------------------------------------------------------------------------------- */

static weld_status add_merge(weld_model ***list, size_t *count, const job *j,
                             const weld_merge_options *how, weld_error *err)
{
    weld_model **grown = realloc(*list, (*count + 1) * sizeof *grown);
    if (!grown)
        return failed(err, WELD_E_NOMEM, "out of memory");
    *list = grown;
    const weld_status st = weld_merge(&grown[*count], j->alignment, how, err);
    *count += st == WELD_OK;
    return st;
}

/* The alphas of the result: as given, one half, or what is found. */
static weld_status choose_alphas(numbers *out, job *j, const session *s, weld_error *err)
{
    const options *o = s->o;
    *out = o->alpha.list;
    if (o->alpha.best) {
        const weld_dataset *data = j->sets.tune ? j->sets.tune : j->sets.match;
        out->count = 1;
        return weld_best_alpha(&out->at[0], j->results.report, j->alignment, &j->wish.options, data,
                               err);
    }
    if (!out->count)
        out->at[out->count++] = 0.5;
    return WELD_OK;
}

static bool is_name(const char *word, const char *const *names)
{
    for (int k = 0; names[k]; k++)
        if (strcmp(names[k], word) == 0)
            return true;
    return false;
}

/* One name of --compare: a method, or a statistic after the plain average. */
static weld_status compare_one(job *j, const char *word, size_t length, double alpha,
                               weld_error *err)
{
    char name[64];
    weld_merge_options how = j->wish.options;
    snprintf(name, sizeof name, "%.*s", (int)length, word);
    const bool method = weld_merge_has_method(name);
    if (!method && !is_name(name, weld_statistics_names() + 1))
        return bad_usage(err, "--compare: '%s' is no method and no statistic", name);
    if (!j->wish.base && method && weld_merge_uses_base(name))
        return bad_usage(err, "--compare %s needs --base FILE", name);
    how.alpha = alpha;
    take_method(&how, method ? name : NULL);
    how.statistics = method ? "none" : name;
    return add_merge(&j->compared, &j->compared_count, j, &how, err);
}

static weld_status compare_all(job *j, double alpha, weld_error *err)
{
    weld_status st = WELD_OK;
    const char *const *methods = weld_merge_methods(), *const *names = weld_statistics_names() + 1;
    for (int k = 0; st == WELD_OK && names[k]; k++)
        st = compare_one(j, names[k], strlen(names[k]), alpha, err);
    for (int k = 1; st == WELD_OK && methods[k]; k++) /* the first is that of the statistics */
        if (j->wish.base || !weld_merge_uses_base(methods[k]))
            st = compare_one(j, methods[k], strlen(methods[k]), alpha, err);
    return st;
}

/* What stands beside the result in the report: at least the plain average. */
static weld_status compare(job *j, const session *s, double alpha, weld_error *err)
{
    weld_status st = WELD_OK;
    const char *list = s->o->compare ? s->o->compare : "none";
    if (strcmp(list, "all") == 0)
        return compare_all(j, alpha, err);
    for (const char *at = list; st == WELD_OK && *at;) {
        const size_t n = strcspn(at, ",");
        st = compare_one(j, at, n, alpha, err);
        at += n + (at[n] == ',');
    }
    return st;
}

static weld_status merge_all(job *j, const session *s, weld_error *err)
{
    numbers alpha;
    begin_stage(s->talk, "merge");
    weld_status st = choose_alphas(&alpha, j, s, err);
    for (size_t k = 0; st == WELD_OK && k < alpha.count; k++) {
        weld_merge_options how = j->wish.options;
        how.alpha = alpha.at[k];
        st = add_merge(&j->merged, &j->merged_count, j, &how, err);
    }
    return st == WELD_OK && j->sets.data ? compare(j, s, alpha.at[0], err) : st;
}

/* lmc --stats: the path with the statistics corrected at each alpha. */
static weld_status merge_path(job *j, const session *s, weld_error *err)
{
    weld_status st = WELD_OK;
    const numbers *sweep = &s->o->sweep;
    const size_t count = sweep->count ? sweep->count : 11;
    begin_stage(s->talk, "merge");
    for (size_t k = 0; st == WELD_OK && k < count; k++) {
        weld_merge_options how = j->wish.options;
        how.alpha = sweep->count ? sweep->at[k] : (double)k / 10;
        st = add_merge(&j->compared, &j->compared_count, j, &how, err);
    }
    return st;
}

static weld_status measure(job *j, const session *s, weld_error *err)
{
    const options *o = s->o;
    weld_status st = WELD_OK;
    weld_measure_options how = WELD_MEASURE_OPTIONS_INIT;
    how.alpha = o->sweep.count ? o->sweep.at : NULL;
    how.alpha_count = o->sweep.count;
    how.llfc_alpha = o->llfc_alpha.count ? o->llfc_alpha.at : NULL;
    how.llfc_alpha_count = o->llfc_alpha.count;
    how.batch = o->batch;
    how.metric = o->metric;
    how.resamples = o->resamples > 1000000 ? 1000000 : (int)o->resamples;
    how.seed = (uint64_t)o->seed;
    how.delta = o->delta;
    how.merged = (const weld_model *const *)j->merged;
    how.merged_count = j->merged_count;
    how.compared = (const weld_model *const *)j->compared;
    how.compared_count = j->compared_count;
    begin_stage(s->talk, "measure");
    if (j->sets.data)
        return weld_report_measure(j->results.report, j->alignment, j->sets.data, &how, err);
    for (size_t k = 0; st == WELD_OK && k < j->merged_count; k++)
        st = weld_report_add_merge(j->results.report, j->merged[k], err);
    return st;
}

/* Everything that the commands have in common, up to the report. */
static weld_status load_and_align(job *j, const session *s, weld_error *err)
{
    const weld_status st = load(j, s, err);
    return st == WELD_OK ? align(j, s, err) : st;
}

/* ---- writing ---------------------------------------------------------------------------------- */

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

static weld_status write_one(job *j, const session *s, const weld_model *merged, weld_error *err)
{
    char path[4096];
    const double alpha = weld_model_alpha(merged);
    const weld_status st = output_path(path, sizeof path, output_of(s->o), alpha, err);
    return st == WELD_OK ? add_model(&j->results, s, merged, path, alpha, err) : st;
}

static weld_status check_output(const session *s, weld_error *err)
{
    const options *o = s->o;
    const char *name = s->argv[1];
    if (!o->output && !o->bundle)
        return bad_usage(err, "%s needs -o FILE", name);
    const bool streamed = o->output && strcmp(o->output, "-") == 0;
    if (streamed && isatty(STDOUT_FILENO))
        return bad_usage(err, "-o -: a model is not written to a terminal");
    if (streamed && o->json)
        return bad_usage(err, "-o - and --json both want standard output");
    if (o->alpha.list.count > 1 && !strstr(output_of(o), "{alpha}"))
        return bad_usage(err, "-o %s: several --alpha need {alpha} in the name", o->output);
    return WELD_OK;
}

weld_status run_weld(const session *s, weld_error *err)
{
    job j = {0};
    weld_status st = check_output(s, err);
    if (st == WELD_OK)
        st = check_merge(s->o, err);
    if (st == WELD_OK && s->o->file_count > 2)
        return weld_many(s, err);
    if (st == WELD_OK && (s->o->weights.count || s->o->start))
        st = bad_usage(err, "%s is for three models and more; two have --alpha",
                       s->o->start ? "--start" : "--weights");
    if (st == WELD_OK)
        st = load_and_align(&j, s, err);
    if (st == WELD_OK)
        st = merge_all(&j, s, err);
    if (st == WELD_OK)
        st = measure(&j, s, err);
    begin_stage(s->talk, "write");
    for (size_t k = 0; st == WELD_OK && k < j.merged_count; k++)
        st = write_one(&j, s, j.merged[k], err);
    if (st == WELD_OK)
        st = finish(&j.results, s, err);
    free_job(&j);
    return st;
}

weld_status run_align(const session *s, weld_error *err)
{
    job j = {0};
    weld_model *permuted = NULL;
    weld_status st = check_output(s, err);
    if (st == WELD_OK)
        st = load_and_align(&j, s, err);
    begin_stage(s->talk, "write");
    if (st == WELD_OK)
        st = weld_permuted(&permuted, j.alignment, err);
    if (st == WELD_OK)
        st = add_model(&j.results, s, permuted, s->o->output ? s->o->output : "aligned.onnx", 0,
                       err);
    if (st == WELD_OK)
        st = finish(&j.results, s, err);
    weld_model_free(permuted);
    free_job(&j);
    return st;
}

weld_status run_lmc(const session *s, weld_error *err)
{
    job j = {0};
    weld_status st = has_data(s->o) ? WELD_OK : bad_usage(err, "lmc needs --data FILE");
    if (st == WELD_OK)
        st = load_and_align(&j, s, err);
    if (st == WELD_OK && strcmp(statistics_wanted(s), "none") != 0)
        st = merge_path(&j, s, err);
    if (st == WELD_OK)
        st = measure(&j, s, err);
    if (st == WELD_OK)
        st = finish(&j.results, s, err);
    free_job(&j);
    return st;
}
