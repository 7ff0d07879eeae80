/* Statistics: what is corrected in a merged network after its parameters were averaged, where its
 * features have lost variance. To add one: a descriptor and a line in statistics.def. */
#ifndef WELD_MERGE_STATISTICS_H
#define WELD_MERGE_STATISTICS_H
#include "merge/sites.h"

/* What was done, for the report. */
typedef struct weld_merge_log {
    int layers;       /* that were corrected or fitted */
    int clipped;      /* ratios that were out of bounds */
    int without_bias; /* layers that got the scale only */
    int sampled;      /* fitted on some positions of each sample only */
    int too_wide;     /* left as they were: more inputs than a fit takes */
} weld_merge_log;

typedef struct weld_statistic {
    const char *name, *help;
    bool needs_data;
    int networks;      /* that run over the data for it */
    bool takes_logits; /* where the job says so, the last layer is corrected, too */
    /* Some site is one that it corrects. */
    bool (*applies)(const weld_sites *sites, const weld_graph *graph);
    /* merged: the parameters averaged by the job's weights. */
    weld_status (*run)(weld_paramset *merged, weld_merge_log *log, const weld_merge_job *job,
                       const weld_sites *sites, weld_error *err);
} weld_statistic;

#define WELD_STATISTIC(id, name) extern const weld_statistic weld_statistic_##id;
#include "merge/statistics.def"
#undef WELD_STATISTIC

/* NULL when there is none of that name. */
const weld_statistic *weld_statistic_find(const char *name);
/* "auto" and all of them, NULL-terminated. */
const char *const *weld_statistic_names(void);
/* All of them, in the order in which auto tries them; NULL-terminated. */
const weld_statistic *const *weld_statistics(void);
#endif
