#include "merge/statistics.h"
#include <string.h>

static const weld_statistic *const statistics[] = {
#define WELD_STATISTIC(id, name) &weld_statistic_##id,
#include "merge/statistics.def"
#undef WELD_STATISTIC
    NULL};

static const char *const names[] = {"auto",
#define WELD_STATISTIC(id, name) name,
#include "merge/statistics.def"
#undef WELD_STATISTIC
                                    NULL};

const weld_statistic *weld_statistic_find(const char *name)
{
    for (int k = 0; statistics[k]; k++)
        if (strcmp(statistics[k]->name, name) == 0)
            return statistics[k];
    return NULL;
}

const char *const *weld_statistic_names(void)
{
    return names;
}

const weld_statistic *const *weld_statistics(void)
{
    return statistics;
}

static bool applies_always(const weld_sites *sites, const weld_graph *graph)
{
    (void)sites, (void)graph;
    return true;
}

static weld_status run_none(weld_paramset *merged, weld_merge_log *log, const weld_merge_job *job,
                            const weld_sites *sites, weld_error *err)
{
    (void)merged, (void)log, (void)job, (void)sites, (void)err;
    return WELD_OK;
}

const weld_statistic weld_statistic_none = {
    .name = "none", .help = "as averaged", .applies = applies_always, .run = run_none};
