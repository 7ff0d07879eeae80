/* weld with three files and more. */
#include "cli.h"
#include <stdlib.h>

typedef struct job {
    datasets sets;
    merge_wish wish;
    output_files files;
    weld_model **models; /* [file_count] the first, with --dry-run all of them */
    weld_model *merged;
    results results;
} job;

static weld_status check(const options *o, weld_error *err)
{
    const char *for_two = o->alpha.best || o->alpha.list.count ? "--alpha"
                          : is_permutation_file(o->method)     ? "a permutation file"
                          : o->save_perm                       ? "--save-perm"
                          : o->expect_acc.given                ? "--expect-acc"
                          : o->compare                         ? "--compare"
                          : o->sweep.count                     ? "--sweep"
                          : o->llfc_alpha.count                ? "--llfc-alpha"
                          : o->max_barrier                     ? "--max-barrier"
                          : o->min_llfc                        ? "--min-llfc"
                          : o->max_pinned                      ? "--max-pinned"
                                                               : NULL;
    if (for_two)
        return bad_usage(err, "%s is for two models", for_two);
    if (o->weights.count && o->weights.count != (size_t)o->file_count)
        return bad_usage(err, "--weights: %zu for %d models", o->weights.count, o->file_count);
    for (size_t k = 0; k < o->weights.count; k++)
        if (!(o->weights.at[k] >= 0))
            return bad_usage(err, "--weights: weight %g of %s, allowed from 0 on", o->weights.at[k],
                             o->files[k]);
    if (o->start > o->file_count)
        return bad_usage(err, "--start %lld: there are %d models", o->start, o->file_count);
    return WELD_OK;
}

static weld_status merge(job *j, const session *s, weld_error *err)
{
    const options *o = s->o;
    weld_many_options how = WELD_MANY_OPTIONS_INIT;
    weld_align_options align = read_align_wish(s, &j->sets);
    align.data = j->sets.match;
    align.merge = &j->wish.options;
    how.weights = o->weights.count ? o->weights.at : NULL;
    how.align = &align;
    how.merge = &j->wish.options;
    how.start = (int)o->start - 1;
    how.data = j->sets.data;
    how.output_name = o->output_name;
    how.resamples = read_resamples(o);
    how.seed = (uint64_t)o->seed;
    begin_stage(s->talk, "merge");
    return weld_merge_many(&j->merged, &j->results.report, s->ctx, o->files, (size_t)o->file_count,
                           &how, err);
}

/* What can't be written is refused before there is any work. */
static weld_status check_outputs(job *j, const session *s, const weld_model *a, weld_error *err)
{
    weld_merge_options one = WELD_MERGE_OPTIONS_INIT;
    const merge_list merges = {.at = &one, .count = 1, .written = 1};
    return list_outputs(&j->files, j->results.outputs, s, &merges, a, err);
}

static weld_status read_all(job *j, const session *s, weld_error *err)
{
    weld_status st = open_outputs(&j->results.outputs, s, err);
    if (st == WELD_OK)
        st = load_model(&j->models[0], s, s->o->files[0], err);
    if (st == WELD_OK)
        st = check_outputs(j, s, j->models[0], err);
    if (st == WELD_OK)
        st = open_datasets(&j->sets, s, err);
    if (st == WELD_OK)
        st = read_merge_wish(&j->wish, s, j->sets.match, err);
    for (int k = 1; st == WELD_OK && s->o->dry_run && k < s->o->file_count; k++)
        st = load_model(&j->models[k], s, s->o->files[k], err);
    return st;
}

/* --dry-run */
static weld_status say_plan(const job *j, const session *s, weld_error *err)
{
    const weld_measure_options measure = read_measure_wish(s->o);
    weld_align_options align = read_align_wish(s, &j->sets);
    weld_merge_options merge = j->wish.options;
    weld_preview_options how = WELD_PREVIEW_OPTIONS_INIT;
    weld_report *report = NULL;
    align.data = j->sets.match;
    align.merge = &j->wish.options;
    merge.alpha = 1.0 / s->o->file_count;
    how.align = &align;
    how.merges = &merge;
    how.merge_count = how.written = 1;
    how.data = j->sets.data;
    how.measure = &measure;
    how.others = (const weld_model *const *)j->models + 2;
    how.other_count = (size_t)s->o->file_count - 2;
    begin_stage(s->talk, "plan");
    weld_status st = weld_preview(&report, j->models[0], j->models[1], &how, err);
    if (st == WELD_OK)
        st = say_preview(report, s, &j->sets, &j->files, err);
    weld_report_free(report);
    return st;
}

static weld_status run(job *j, const session *s, weld_error *err)
{
    weld_status st = merge(j, s, err);
    begin_stage(s->talk, "write");
    if (st == WELD_OK)
        st = add_model(&j->results, s, j->merged, output_of(s), weld_model_alpha(j->merged), err);
    return st == WELD_OK ? finish(&j->results, s, err) : st;
}

static void free_job(job *j, const session *s)
{
    close_results(&j->results);
    free_outputs(&j->files);
    weld_model_free(j->merged);
    close_merge_wish(&j->wish);
    close_datasets(&j->sets);
    for (int k = 0; j->models && k < s->o->file_count; k++)
        weld_model_free(j->models[k]);
    free(j->models);
}

weld_status weld_many(const session *s, weld_error *err)
{
    job j = {0};
    weld_status st = check(s->o, err);
    begin_stage(s->talk, "load");
    j.models = calloc((size_t)s->o->file_count, sizeof(weld_model *));
    if (st == WELD_OK && !j.models)
        st = failed(err, WELD_E_NOMEM, "out of memory");
    if (st == WELD_OK)
        st = read_all(&j, s, err);
    if (st == WELD_OK)
        st = s->o->dry_run ? say_plan(&j, s, err) : run(&j, s, err);
    free_job(&j, s);
    return st;
}
