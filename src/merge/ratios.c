#include "merge/ratios.h"
#include "merge/channels.h"
#include <math.h>

/* Networks: both merged ones, then the models. */
static void fill(weld_ratio *ratio, const weld_channels *c, const double *w)
{
    double goal = 0, sum[2] = {0, 0};
    for (int64_t u = 0; u < c->units; u++) {
        for (int k = 2; k < c->nets; k++)
            goal += w[k - 2] * sqrt(weld_channels_covariance(c, k, k, u));
        for (int m = 0; m < 2; m++)
            sum[m] += sqrt(weld_channels_covariance(c, m, m, u));
    }
    for (int m = 0; m < 2; m++)
        ratio->of[m] = goal > 0 ? sum[m] / goal : 1;
}

weld_status weld_variance_ratios(weld_ratio **out, int *count, const weld_paramset *const merged[2],
                                 const weld_merge_job *job, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_sites sites = {0};
    weld_channels channels = {0};
    weld_frontier *frontier = NULL;
    *out = NULL;
    *count = 0;
    WELD_TRY(weld_sites_find(&sites, job, err));
    WELD_NEW(*out, job->ctx, sites.count);
    WELD_TRY(weld_frontier_create(&frontier, job, merged, 2, true, err));
    for (int k = 0; k < sites.count; k++) {
        const weld_site *site = &sites.items[k];
        if (!site->linear)
            continue;
        WELD_TRY(weld_channels_measure(&channels, frontier, job, site, err));
        (*out)[*count].node = site->node;
        fill(&(*out)[(*count)++], &channels, weld_job_weights(job, site->weight));
        weld_channels_free(&channels);
    }
done:
    weld_channels_free(&channels);
    weld_frontier_free(frontier);
    weld_sites_free(&sites);
    if (st != WELD_OK) {
        weld_free(job->ctx, *out);
        *out = NULL;
    }
    return st;
}
