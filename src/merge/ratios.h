/* How much of their variance the features of a merged network have kept. */
#ifndef WELD_MERGE_RATIOS_H
#define WELD_MERGE_RATIOS_H
#include "merge/sites.h"

typedef struct weld_ratio {
    int node; /* linear layer */
    /* sum over its units of the deviation of the pre-activation / of the weighted mean of the models'
     * deviations; 1 = all is there. Of both networks that are compared. */
    double of[2];
} weld_ratio;

/* *out [*count], freed with weld_free: the sites of the job that are linear layers, on its data, in two
 * merged networks. */
weld_status weld_variance_ratios(weld_ratio **out, int *count, const weld_paramset *const merged[2],
                                 const weld_merge_job *job, weld_error *err);
#endif
