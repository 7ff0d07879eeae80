/* Where a merged network can be corrected: the linear layers and the normalisations with running
 * statistics whose parameters are theirs alone. */
#ifndef WELD_MERGE_SITES_H
#define WELD_MERGE_SITES_H
#include "merge/job.h"
#include "ops/norm_fold.h"

typedef struct weld_site {
    int node;
    bool linear;         /* Dense or Conv; else a normalisation with running statistics */
    bool logits;         /* linear, and no linear layer comes after it */
    bool same_input;     /* all models and their merge see the same values */
    weld_norm_fold fold; /* of linear ones: norm_node -1 = no normalisation right behind it that
                          * may be changed as well */
    int weight, bias;    /* of linear ones; bias -1 = none */
    int scale, shift, mean, variance; /* of normalisations */
    int64_t units;
} weld_site;

typedef struct weld_sites {
    weld_context *ctx;
    weld_site *items; /* [count] in graph order */
    int count;
} weld_sites;

/* Left out: what is taken from one model alone, and what makes the same of the same input in all. */
weld_status weld_sites_find(weld_sites *out, const weld_merge_job *job, weld_error *err);
void weld_sites_free(weld_sites *sites);
#endif
