/* Data sets and ways of aligning, as the options say. */
#include "cli.h"
#include <string.h>

const char *statistics_wanted(const session *s)
{
    return s->o->statistics ? s->o->statistics : strcmp(s->argv[1], "weld") == 0 ? NULL : "none";
}

bool is_permutation_file(const char *method)
{
    const size_t n = method ? strlen(method) : 0;
    return n > 5 && strcmp(method + n - 5, ".json") == 0;
}

bool has_data(const options *o)
{
    return o->data || o->raw.count;
}

weld_status read_preprocessing(weld_dataset_options *out, const options *o, weld_error *err)
{
    if (o->mean.count && o->std.count && o->mean.count != o->std.count)
        return bad_usage(err, "--mean has %zu values, --std %zu", o->mean.count, o->std.count);
    out->preset = o->preset;
    out->mean = o->mean.count ? o->mean.at : NULL;
    out->std = o->std.count ? o->std.at : NULL;
    out->channels = o->mean.count ? o->mean.count : o->std.count;
    out->scale = o->scale;
    out->layout = o->layout;
    out->bgr = o->bgr;
    return WELD_OK;
}

weld_status open_data(weld_dataset **out, const session *s, const char *path, const char *labels,
                      long long limit, weld_error *err)
{
    const options *o = s->o;
    weld_dataset_options d = WELD_DATASET_OPTIONS_INIT;
    const weld_status st = read_preprocessing(&d, o, err);
    if (st != WELD_OK)
        return st;
    d.labels = labels;
    d.inputs = o->inputs.at;
    d.input_count = o->inputs.count;
    d.raw = path ? NULL : o->raw.at;
    d.raw_count = path ? 0 : o->raw.count;
    d.samples_max = limit;
    return weld_dataset_open(out, s->ctx, path, &d, err);
}

weld_status open_match_data(weld_dataset **out, const session *s, weld_error *err)
{
    const options *o = s->o;
    return open_data(out, s, o->match_data, o->match_labels,
                     o->match_limit ? o->match_limit : o->limit, err);
}

/* To match, to merge or to search. */
static bool learns(const session *s)
{
    const options *o = s->o;
    const bool matches = !is_permutation_file(o->method) &&
                         (weld_align_uses_data(o->method) || o->polish > 0);
    return matches || o->alpha.best || weld_merge_uses_data(o->merge_method, statistics_wanted(s));
}

/* What is learnt from never judges. */
static weld_status split_data(datasets *d, const options *o, weld_error *err)
{
    weld_dataset *parts[2];
    weld_status st = weld_dataset_split(parts, d->data, o->match_limit, (uint64_t)o->seed, err);
    if (st == WELD_OK) {
        d->whole = d->data;
        d->match = parts[0];
        d->data = parts[1];
    }
    return st;
}

weld_status open_datasets(datasets *d, const session *s, weld_error *err)
{
    const options *o = s->o;
    weld_status st = WELD_OK;
    if (o->data && o->raw.count)
        st = bad_usage(err, "--data and --raw: one of them");
    else if (has_data(o))
        st = open_data(&d->data, s, o->data, o->labels, o->limit, err);
    if (st == WELD_OK && o->match_data)
        st = open_match_data(&d->match, s, err);
    else if (st == WELD_OK && has_data(o) && learns(s))
        st = split_data(d, o, err);
    if (st == WELD_OK && o->tune_data)
        st = open_data(&d->tune, s, o->tune_data, o->tune_labels, 0, err);
    return st;
}

void close_datasets(datasets *d)
{
    weld_dataset_free(d->data);
    weld_dataset_free(d->match);
    weld_dataset_free(d->tune);
    weld_dataset_free(d->whole);
}

weld_align_options read_align_wish(const session *s, const datasets *d)
{
    const options *o = s->o;
    weld_align_options how = WELD_ALIGN_OPTIONS_INIT;
    how.method = o->method;
    how.data = d->match ? d->match : d->data;
    how.restarts = (int)(o->restarts > 1000000 ? 1000000 : o->restarts);
    how.seed = (uint64_t)o->seed;
    how.graph_order = o->graph_order;
    how.candidates = (int)(o->candidates > 1000000 ? 1000000 : o->candidates);
    how.polish_seconds = o->polish;
    how.freeze = o->freeze.at;
    how.freeze_count = o->freeze.count;
    how.normalize = o->normalize;
    how.spec = o->spec;
    return how;
}

const weld_dataset *search_data(const datasets *d)
{
    return d->tune ? d->tune : d->match;
}

int read_resamples(const options *o)
{
    return o->resamples > 1000000 ? 1000000 : (int)o->resamples;
}

weld_measure_options read_measure_wish(const options *o)
{
    weld_measure_options how = WELD_MEASURE_OPTIONS_INIT;
    how.alpha = o->sweep.count ? o->sweep.at : NULL;
    how.alpha_count = o->sweep.count;
    how.llfc_alpha = o->llfc_alpha.count ? o->llfc_alpha.at : NULL;
    how.llfc_alpha_count = o->llfc_alpha.count;
    how.batch = o->batch;
    how.metric = o->metric;
    how.resamples = read_resamples(o);
    how.seed = (uint64_t)o->seed;
    how.delta = o->delta;
    return how;
}
