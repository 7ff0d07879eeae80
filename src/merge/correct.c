/* reset, rescale, repair, closed-form: every unit gets the mean and the deviation that it should have,
 * by an affine map that W and b, or the running statistics, take in. Sources: Jordan et al. 2023
 * (repair, rescale), Ainsworth et al. 2023 and Jordan (reset). */
#include "merge/channels.h"
#include "merge/norm_unit.h"
#include "merge/statistics.h"
#include <math.h>

static const double deviation_min = 1e-6, ratio_min = 0.1, ratio_max = 10.0;

/* What a unit is multiplied with and shifted by. */
typedef struct affine {
    double ratio, shift;
} affine;

/* ---- parameters ---------------------------------------------------------------------------- */

/* z := ratio z + shift for one unit of a linear layer; without a bias the shift is lost. */
static void apply(weld_paramset *merged, const weld_site *site, int64_t unit, affine by)
{
    const weld_shape *shape = &merged->graph->params[site->weight].shape;
    const int64_t run = weld_shape_span(shape, 1, shape->rank);
    for (int64_t k = unit * run; k < (unit + 1) * run; k++)
        weld_put_number(merged, site->weight, k,
                        by.ratio * weld_paramset_number(merged, site->weight, k));
    if (site->bias >= 0)
        weld_put_number(merged, site->bias, unit,
                        by.ratio * weld_paramset_number(merged, site->bias, unit) + by.shift);
}

/* ---- goals --------------------------------------------------------------------------------- */

/* The weighted means of the models' means and deviations; they are networks `first` and up. */
static double goal_mean(const weld_channels *c, int first, const double *w, int64_t unit)
{
    double mean = 0;
    for (int k = first; k < c->nets; k++)
        mean += w[k - first] * weld_channels_mean(c, k, unit);
    return mean;
}

static double goal_deviation(const weld_channels *c, int first, const double *w, int64_t unit)
{
    double deviation = 0;
    for (int k = first; k < c->nets; k++)
        deviation += w[k - first] * sqrt(weld_channels_covariance(c, k, k, unit));
    return deviation;
}

/* What the deviation of the averaged layer is where its input is the average of the models' inputs:
 * Var = sum_kl w_k w_l Cov(z_k, z_l). */
static double averaged_variance(const weld_channels *c, const double *w, int64_t unit)
{
    double variance = 0;
    for (int k = 0; k < c->nets; k++)
        for (int l = k; l < c->nets; l++)
            variance += (k == l ? 1 : 2) * w[k] * w[l] * weld_channels_covariance(c, k, l, unit);
    return variance > 0 ? variance : 0;
}

static double ratio_of(double goal, double now, weld_merge_log *log)
{
    if (now < deviation_min || goal < deviation_min)
        return 1;
    const double ratio = goal / now, kept = fmin(fmax(ratio, ratio_min), ratio_max);
    log->clipped += kept != ratio;
    return kept;
}

/* ---- the walk ------------------------------------------------------------------------------ */

typedef enum kind { RESET, RESCALE, REPAIR, CLOSED_FORM } kind;

typedef struct walk {
    kind kind;
    weld_paramset *merged;
    weld_merge_log *log;
    const weld_merge_job *job;
} walk;

static bool corrects(const walk *w, const weld_site *site)
{
    if (!site->linear)
        return true;
    /* right behind it the statistics are taken anew, or nothing is nonlinear any more */
    return w->kind != RESET && site->fold.norm_node < 0 && (!site->logits || w->job->repair_logits);
}

/* The running statistics: of the merged network, or as they would be by the models' own. */
static void correct_norm(const walk *w, const weld_site *site, const weld_channels *c)
{
    const double *weights = weld_job_weights(w->job, site->scale);
    const double unbiased = c->rows > 1 ? c->rows / (c->rows - 1) : 1;
    for (int64_t u = 0; u < site->units; u++) {
        const bool closed = w->kind == CLOSED_FORM;
        const double mean = closed ? goal_mean(c, 0, weights, u) : weld_channels_mean(c, 0, u);
        const double variance = closed ? averaged_variance(c, weights, u)
                                       : weld_channels_covariance(c, 0, 0, u);
        weld_put_number(w->merged, site->mean, u, mean);
        weld_put_number(w->merged, site->variance, u, unbiased * variance);
    }
}

static affine correction(const walk *w, const weld_site *site, const weld_channels *c, int64_t u)
{
    const double *weights = weld_job_weights(w->job, site->weight);
    if (w->kind == CLOSED_FORM) {
        const double now = sqrt(averaged_variance(c, weights, u));
        const double ratio = ratio_of(goal_deviation(c, 0, weights, u), now, w->log);
        return (affine){ratio, (1 - ratio) * goal_mean(c, 0, weights, u)};
    }
    const double now = sqrt(weld_channels_covariance(c, 0, 0, u));
    const double ratio = ratio_of(goal_deviation(c, 1, weights, u), now, w->log);
    if (w->kind == RESCALE)
        return (affine){ratio, 0};
    return (affine){ratio, goal_mean(c, 1, weights, u) - ratio * weld_channels_mean(c, 0, u)};
}

static void correct_linear(const walk *w, const weld_site *site, const weld_channels *c)
{
    for (int64_t u = 0; u < site->units; u++)
        apply(w->merged, site, u, correction(w, site, c, u));
    w->log->without_bias += site->bias < 0;
}

static weld_status correct_site(const walk *w, weld_frontier *frontier, const weld_site *site,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    weld_channels channels = {0};
    WELD_TRY(weld_channels_measure(&channels, frontier, w->job, site, err));
    if (site->linear)
        correct_linear(w, site, &channels);
    else
        correct_norm(w, site, &channels);
    w->log->layers++;
done:
    weld_channels_free(&channels);
    return st;
}

/* Networks: the merged one, then the models; for RESET it alone, for CLOSED_FORM they alone. */
static weld_status walk_sites(const walk *w, const weld_sites *sites, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_paramset *const first[] = {w->merged};
    weld_frontier *frontier = NULL;
    WELD_TRY(weld_frontier_create(&frontier, w->job, first, w->kind != CLOSED_FORM,
                                  w->kind != RESET, err));
    for (int k = 0; k < sites->count; k++)
        if (corrects(w, &sites->items[k]))
            WELD_TRY(correct_site(w, frontier, &sites->items[k], err));
done:
    weld_frontier_free(frontier);
    return st;
}

/* ---- the descriptors ----------------------------------------------------------------------- */

static bool has_norm(const weld_sites *sites, const weld_graph *graph)
{
    (void)graph;
    for (int k = 0; k < sites->count; k++)
        if (!sites->items[k].linear)
            return true;
    return false;
}

static bool has_plain_layer(const weld_sites *sites, const weld_graph *graph)
{
    (void)graph;
    for (int k = 0; k < sites->count; k++)
        if (sites->items[k].linear && sites->items[k].fold.norm_node < 0)
            return true;
    return false;
}

#define DEFINE(id, KIND, title, which, logits, nets, text)                                         \
    static weld_status run_##id(weld_paramset *merged, weld_merge_log *log,                        \
                                const weld_merge_job *job, const weld_sites *sites,                \
                                weld_error *err)                                                   \
    {                                                                                              \
        const walk w = {KIND, merged, log, job};                                                   \
        return walk_sites(&w, sites, err);                                                         \
    }                                                                                              \
    const weld_statistic weld_statistic_##id = {.name = title,                                     \
                                                .needs_data = true,                                \
                                                .networks = nets,                                  \
                                                .takes_logits = logits,                            \
                                                .help = text,                                      \
                                                .applies = which,                                  \
                                                .run = run_##id};

DEFINE(reset, RESET, "reset", has_norm, false, 1,
       "running statistics of BatchNormalization taken anew")
DEFINE(rescale, RESCALE, "rescale", has_plain_layer, true, 3,
       "each unit's deviation as in the ends")
DEFINE(repair, REPAIR, "repair", has_plain_layer, true, 3,
       "each unit's mean and deviation as in the ends")
DEFINE(closed_form, CLOSED_FORM, "closed-form", has_plain_layer, true, 2,
       "repair by what the ends alone say, without running the merge")
