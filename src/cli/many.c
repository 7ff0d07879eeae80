/* weld with three files and more. */
#include "cli.h"

typedef struct job {
    datasets sets;
    merge_wish wish;
    output_files files;
    weld_model *merged;
    results results;
} job;

static weld_status check(const options *o, weld_error *err)
{
    const char *for_two = o->alpha.best || o->alpha.list.count ? "--alpha"
                          : is_permutation_file(o->method)     ? "a permutation file"
                          : o->save_perm                       ? "--save-perm"
                          : o->expect_acc.given                ? "--expect-acc"
                          : o->dry_run                         ? "--dry-run"
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
static weld_status check_outputs(job *j, const session *s, weld_error *err)
{
    weld_model *a = NULL;
    weld_merge_options one = WELD_MERGE_OPTIONS_INIT;
    const merge_list merges = {.at = &one, .count = 1, .written = 1};
    weld_status st = open_outputs(&j->results.outputs, s, err);
    if (st == WELD_OK)
        st = load_model(&a, s, s->o->files[0], err);
    if (st == WELD_OK)
        st = list_outputs(&j->files, j->results.outputs, s, &merges, a, err);
    weld_model_free(a);
    return st;
}

static void free_job(job *j)
{
    close_results(&j->results);
    free_outputs(&j->files);
    weld_model_free(j->merged);
    close_merge_wish(&j->wish);
    close_datasets(&j->sets);
}

weld_status weld_many(const session *s, weld_error *err)
{
    job j = {0};
    weld_status st = check(s->o, err);
    begin_stage(s->talk, "load");
    if (st == WELD_OK)
        st = check_outputs(&j, s, err);
    if (st == WELD_OK)
        st = open_datasets(&j.sets, s, err);
    if (st == WELD_OK)
        st = read_merge_wish(&j.wish, s, j.sets.match, err);
    if (st == WELD_OK)
        st = merge(&j, s, err);
    begin_stage(s->talk, "write");
    if (st == WELD_OK)
        st = add_model(&j.results, s, j.merged, output_of(s), weld_model_alpha(j.merged), err);
    if (st == WELD_OK)
        st = finish(&j.results, s, err);
    free_job(&j);
    return st;
}
