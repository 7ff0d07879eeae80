/* weld, align, lmc: the commands that bring B to A. */
#include "cli.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct job {
    weld_model *a, *b;
    datasets sets;
    merge_wish wish;
    merge_list merges;
    output_files files;
    weld_model **made; /* [made_count] of the list */
    size_t made_count;
    weld_alignment *alignment;
    results results;
} job;

static void free_job(job *j)
{
    for (size_t k = 0; k < j->made_count; k++)
        weld_model_free(j->made[k]);
    free(j->made);
    free(j->merges.at);
    free_outputs(&j->files);
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
    if (st == WELD_OK && !o->dry_run)
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
        st = weld_alignment_verify(j->alignment, j->sets.data, WELD_PROOF_SAMPLES, 1e-4, err);
    if (st == WELD_OK && permutation_of(o))
        st = weld_outputs_add_alignment(j->results.outputs, j->alignment, permutation_of(o), err);
    if (st == WELD_OK)
        st = weld_report_create(&j->results.report, j->alignment, err);
    return st;
}

/* ---- merging ---------------------------------------------------------------------------------- */

static weld_status make_merges(job *j, const session *s, weld_error *err)
{
    weld_status st = WELD_OK;
    double best;
    if (!j->merges.count)
        return WELD_OK;
    begin_stage(s->talk, "merge");
    j->made = calloc(j->merges.count, sizeof(weld_model *));
    if (!j->made)
        return failed(err, WELD_E_NOMEM, "out of memory");
    if (s->o->alpha.best)
        st = weld_best_alpha(&best, j->results.report, j->alignment, &j->wish.options,
                             search_data(&j->sets), err);
    for (size_t k = 0; st == WELD_OK && k < j->merges.count; k++) {
        if (s->o->alpha.best)
            j->merges.at[k].alpha = best;
        st = weld_merge(&j->made[k], j->alignment, &j->merges.at[k], err);
        j->made_count += st == WELD_OK;
    }
    return st;
}

static weld_status measure(job *j, const session *s, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_measure_options how = read_measure_wish(s->o);
    how.merged = (const weld_model *const *)j->made;
    how.merged_count = j->merges.written;
    how.compared = how.merged ? how.merged + j->merges.written : NULL;
    how.compared_count = j->made_count - j->merges.written;
    begin_stage(s->talk, "measure");
    if (j->sets.data)
        return weld_report_measure(j->results.report, j->alignment, j->sets.data, &how, err);
    for (size_t k = 0; st == WELD_OK && k < j->merges.written; k++)
        st = weld_report_add_merge(j->results.report, j->made[k], err);
    return st;
}

/* Everything that the commands have in common before there is any work: what is asked for, and whether it
 * can be written. */
static weld_status begin(job *j, const session *s, weld_error *err)
{
    weld_status st = load(j, s, err);
    if (st == WELD_OK)
        st = list_merges(&j->merges, s, &j->wish, j->sets.data != NULL, err);
    if (st == WELD_OK)
        st = list_outputs(&j->files, j->results.outputs, s, &j->merges,
                          strcmp(s->argv[1], "align") == 0 ? j->b : j->a, err);
    return st;
}

/* --dry-run */
static weld_status say_plan(const job *j, const session *s, weld_error *err)
{
    const options *o = s->o;
    const bool aligns = strcmp(s->argv[1], "align") == 0;
    const weld_measure_options measure = read_measure_wish(o);
    weld_align_options align = read_align_wish(s, &j->sets);
    weld_preview_options how = WELD_PREVIEW_OPTIONS_INIT;
    weld_report *report = NULL;
    align.merge = &j->wish.options;
    how.align = &align;
    how.permutation = is_permutation_file(o->method) ? o->method : NULL;
    how.merges = j->merges.at;
    how.merge_count = j->merges.count;
    how.written = aligns ? 1 : j->merges.written;
    how.search = o->alpha.best ? search_data(&j->sets) : NULL;
    how.data = j->sets.data;
    how.measure = aligns ? NULL : &measure;
    begin_stage(s->talk, "plan");
    weld_status st = weld_preview(&report, j->a, j->b, &how, err);
    if (st == WELD_OK)
        st = say_preview(report, s, &j->sets, &j->files, err);
    weld_report_free(report);
    return st;
}

/* ---- writing ---------------------------------------------------------------------------------- */

static weld_status write_one(job *j, const session *s, const weld_model *merged, weld_error *err)
{
    char path[PATH_ROOM];
    const double alpha = weld_model_alpha(merged);
    const weld_status st = output_path(path, output_of(s), alpha, err);
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
    if (o->alpha.list.count > 1 && !strstr(output_of(s), "{alpha}"))
        return bad_usage(err, "-o %s: several --alpha need {alpha} in the name", o->output);
    return WELD_OK;
}

/* What a command does with a pair that is ready; it gets a job to work on. */
typedef weld_status pair_work(job *j, const session *s, weld_error *err);

/* The pair is made ready, then worked on, or only planned. */
static weld_status run_pair(const session *s, pair_work *work, weld_error *err)
{
    job j = {0};
    weld_status st = begin(&j, s, err);
    if (st == WELD_OK)
        st = s->o->dry_run ? say_plan(&j, s, err) : work(&j, s, err);
    free_job(&j);
    return st;
}

static weld_status weld_pair(job *j, const session *s, weld_error *err)
{
    weld_status st = align(j, s, err);
    if (st == WELD_OK)
        st = make_merges(j, s, err);
    if (st == WELD_OK)
        st = measure(j, s, err);
    begin_stage(s->talk, "write");
    for (size_t k = 0; st == WELD_OK && k < j->merges.written; k++)
        st = write_one(j, s, j->made[k], err);
    return st == WELD_OK ? finish(&j->results, s, err) : st;
}

weld_status run_weld(const session *s, weld_error *err)
{
    weld_status st = check_output(s, err);
    if (st == WELD_OK)
        st = check_merge(s->o, err);
    if (st == WELD_OK && s->o->file_count > 2)
        return weld_many(s, err);
    if (st == WELD_OK && (s->o->weights.count || s->o->start))
        st = bad_usage(err, "%s is for three models and more; two have --alpha",
                       s->o->start ? "--start" : "--weights");
    return st == WELD_OK ? run_pair(s, weld_pair, err) : st;
}

static weld_status align_pair(job *j, const session *s, weld_error *err)
{
    weld_model *permuted = NULL;
    weld_status st = align(j, s, err);
    begin_stage(s->talk, "write");
    if (st == WELD_OK)
        st = weld_permuted(&permuted, j->alignment, err);
    if (st == WELD_OK)
        st = add_model(&j->results, s, permuted, output_of(s), 0, err);
    if (st == WELD_OK)
        st = finish(&j->results, s, err);
    weld_model_free(permuted);
    return st;
}

weld_status run_align(const session *s, weld_error *err)
{
    const weld_status st = check_output(s, err);
    return st == WELD_OK ? run_pair(s, align_pair, err) : st;
}

static weld_status measure_pair(job *j, const session *s, weld_error *err)
{
    weld_status st = align(j, s, err);
    if (st == WELD_OK)
        st = make_merges(j, s, err);
    if (st == WELD_OK)
        st = measure(j, s, err);
    return st == WELD_OK ? finish(&j->results, s, err) : st;
}

weld_status run_lmc(const session *s, weld_error *err)
{
    return has_data(s->o) ? run_pair(s, measure_pair, err)
                          : bad_usage(err, "lmc needs --data FILE");
}
