/* First and second moments of the units of a value, in several networks at once. */
#ifndef WELD_MERGE_CHANNELS_H
#define WELD_MERGE_CHANNELS_H
#include "merge/frontier.h"
#include "merge/sites.h"

typedef struct weld_channels {
    weld_context *ctx;
    int nets;
    int64_t units;
    double rows;   /* samples times positions */
    double *sum;   /* [net, unit] */
    double *cross; /* [net, net, unit] sums of products; only for net <= net */
} weld_channels;

/* What stands at a site in the networks of the frontier: a linear layer's outputs, a normalisation's
 * inputs. */
weld_status weld_channels_measure(weld_channels *out, weld_frontier *frontier,
                                  const weld_merge_job *job, const weld_site *site,
                                  weld_error *err);
void weld_channels_free(weld_channels *channels);
double weld_channels_mean(const weld_channels *c, int net, int64_t unit);
/* Population covariance of the unit in two networks; never negative for k = l. */
double weld_channels_covariance(const weld_channels *c, int k, int l, int64_t unit);
#endif
