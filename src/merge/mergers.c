#include "merge/mergers.h"
#include <string.h>

static const weld_merger *const mergers[] = {
#define WELD_MERGER(id, name) &weld_merger_##id,
#include "merge/mergers.def"
#undef WELD_MERGER
    NULL};

static const char *const names[] = {
#define WELD_MERGER(id, name) name,
#include "merge/mergers.def"
#undef WELD_MERGER
    NULL};

static bool is_called(const weld_merger *merger, const char *name)
{
    const char *own = merger->name;
    while (*own && (*own == *name || (*own == '-' && *name == '_')))
        own++, name++;
    return !*own && !*name;
}

const weld_merger *weld_merger_find(const char *name)
{
    if (strcmp(name, "average") == 0) /* what the mean of many is called */
        return mergers[0];
    for (int k = 0; mergers[k]; k++)
        if (is_called(mergers[k], name))
            return mergers[k];
    return NULL;
}

const char *const *weld_merger_names(void)
{
    return names;
}

static bool agrees_with_base(const weld_merge_job *job, int param)
{
    return weld_job_agrees(job, param) &&
           memcmp(job->models[0]->arrays[param], job->base->arrays[param],
                  weld_param_bytes(job->models[0]->graph, param)) == 0;
}

/* The model that a parameter is taken from alone, -1 = from several. */
static int taken_from(const weld_merger *merger, const weld_merge_job *job, int param)
{
    const double *w = weld_job_weights(job, param);
    if (merger->needs_base && !(job->keep && job->keep[param]))
        return agrees_with_base(job, param) ? 0 : -1;
    for (int k = 0; k < job->model_count; k++)
        if (w[k] == 1.0)
            return k;
    return weld_job_agrees(job, param) ? 0 : -1;
}

weld_status weld_merge_tensor(weld_tensor *out, const weld_merger *merger,
                              const weld_merge_job *job, int param, weld_error *err)
{
    const int from = taken_from(merger, job, param);
    if (from < 0)
        return merger->tensor(out, job, param, err);
    memcpy(out->data, job->models[from]->arrays[param],
           weld_param_bytes(job->models[0]->graph, param));
    return WELD_OK;
}

weld_status weld_merge_params(weld_paramset *merged, weld_merge_log *log, const weld_merger *merger,
                              const weld_statistic *statistic, const weld_merge_job *job,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    weld_sites sites = {0};
    for (int k = 0; k < job->model_count; k++)
        WELD_TRY(weld_paramset_hold(job->models[k], err));
    if (job->base)
        WELD_TRY(weld_paramset_hold(job->base, err));
    for (int p = 0; p < merged->graph->param_count; p++) {
        weld_tensor out = weld_paramset_tensor(merged, p);
        WELD_TRY(weld_merge_tensor(&out, merger, job, p, err));
    }
    WELD_TRY(weld_sites_find(&sites, job, err));
    if (merger->finish && sites.count > 0)
        WELD_TRY(merger->finish(merged, log, job, &sites, err));
    if (sites.count > 0)
        WELD_TRY(statistic->run(merged, log, job, &sites, err));
done:
    weld_sites_free(&sites);
    return st;
}
