/* features: layer by layer, on the features of the already merged layers before it, each linear layer
 * is fitted to the weighted mean of what the models' own layers make of their own features. It is a
 * distillation from the aligned ends: the result does not lie on the line between them. */
#include "merge/channels.h"
#include "merge/fit.h"
#include "merge/mergers.h"
#include "merge/norm_unit.h"
#include <math.h>

/* Of the Gram of a layer: more inputs are not fitted. */
enum { COLUMNS_MAX = 8192, HOLD = 4 };
static const double gram_cost_max = 0x1p36, lane_cells_max = 0x1p22;
static const double variance_min = 1e-12, factor_min = 1e-9;
static const double golden_ratio = 0.6180339887498949;
static const double ridge_of_few = 1e-2; /* where there is too little to choose it by */

typedef struct walk {
    weld_paramset *merged;
    weld_merge_log *log;
    const weld_merge_job *job;
    weld_frontier *frontier;
    double ridge;
} walk;

/* One layer. With a normalisation right behind it both are fitted as one. */
typedef struct layer {
    const walk *walk;
    const weld_site *site;
    const weld_node *node;
    weld_patches patches;
    double share;         /* of the entries of the first axis that are read */
    weld_fit fit, held;   /* held: of lanes that choose the ridge */
    weld_norm_unit *norm; /* [model, unit]; without a normalisation 1 and 0 */
    double *rows_x[WELD_LANES], *rows_y[WELD_LANES];
    int64_t rows[WELD_LANES];
} layer;

/* ---- gathering ------------------------------------------------------------------------------ */

/* Of the rows of all entries, the one that is read as the r-th: from equal parts, at a place that moves
 * so that it does not fall in step with the sequences of which they are rows. */
static int64_t row_at(const layer *l, int64_t r, int64_t entries, int64_t read)
{
    const int64_t k = r / l->patches.positions, from = k * entries / read;
    const double place = fmod((double)k * golden_ratio, 1);
    const int64_t entry = from + (int64_t)(place * (double)((k + 1) * entries / read - from));
    return entry * l->patches.positions + r % l->patches.positions;
}

static weld_status gather_lane(void *user, int lane, weld_run *const *runs, int64_t samples,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    layer *l = user;
    const weld_merge_job *job = l->walk->job;
    const double *w = weld_job_weights(job, l->site->weight);
    const int64_t positions = l->patches.positions, units = l->site->units;
    const int64_t entries = weld_batch_entries(job->shapes, l->node->inputs[0], samples);
    const int64_t read = (int64_t)ceil((double)entries * l->share), rows = read * positions;
    const int64_t width = l->patches.matrix.channels * l->patches.matrix.taps;
    int64_t *offset = NULL;
    double *z = NULL;
    WELD_NEW(l->rows_x[lane], job->ctx, rows * width);
    WELD_NEW(l->rows_y[lane], job->ctx, rows * units);
    WELD_NEW(offset, job->ctx, l->patches.matrix.taps);
    WELD_NEW(z, job->ctx, units);
    l->rows[lane] = rows;
    for (int64_t r = 0; r < rows; r++)
        weld_patches_row(l->rows_x[lane] + r * width, &l->patches,
                         weld_run_value(runs[0], l->node->inputs[0]), row_at(l, r, entries, read),
                         NULL, (int32_t)width, offset);
    for (int k = 0; k < job->model_count; k++)
        for (int64_t r = 0; r < rows; r++) {
            double *y = l->rows_y[lane] + r * units;
            weld_patches_output(z, &l->patches, weld_run_value(runs[1 + k], l->node->outputs[0]),
                                row_at(l, r, entries, read));
            const weld_norm_unit *norm = l->norm + k * units;
            for (int64_t u = 0; u < units; u++)
                y[u] += w[k] * (norm[u].factor * z[u] + norm[u].offset);
        }
done:
    weld_free(job->ctx, offset);
    weld_free(job->ctx, z);
    return st;
}

static void free_rows(layer *l)
{
    for (int lane = 0; lane < WELD_LANES; lane++) {
        weld_free(l->walk->job->ctx, l->rows_x[lane]);
        weld_free(l->walk->job->ctx, l->rows_y[lane]);
        l->rows_x[lane] = l->rows_y[lane] = NULL;
    }
}

/* Where the ridge is to be found, every fourth batch is not fitted but judges it. */
static weld_status add_lanes(void *user, int lanes, weld_error *err)
{
    weld_status st = WELD_OK;
    layer *l = user;
    for (int from = 0; from < lanes; from += HOLD) {
        const int count = lanes - from < HOLD ? lanes - from : HOLD;
        const bool holds = l->walk->ridge <= 0 && count == HOLD;
        WELD_TRY(weld_fit_add(&l->fit, (const double *const *)l->rows_x + from,
                              (const double *const *)l->rows_y + from, l->rows + from,
                              count - holds, err));
        if (holds)
            WELD_TRY(weld_fit_add(&l->held, (const double *const *)l->rows_x + from + HOLD - 1,
                                  (const double *const *)l->rows_y + from + HOLD - 1,
                                  l->rows + from + HOLD - 1, 1, err));
    }
done:
    free_rows(l);
    return st;
}

/* Rows that are read of each entry of the first axis, as many as the cost of the Gram allows. Less than
 * one: not all entries are read, but as many as there are samples. */
static double rows_max(const layer *l, double columns, double groups)
{
    const weld_merge_job *job = l->walk->job;
    const double batch = (double)job->shapes->batch, cells = groups * columns;
    const double entries =
        (double)weld_batch_entries(job->shapes, l->node->inputs[0], job->shapes->batch);
    const double all = entries * (double)job->data->count / batch;
    const double row = fmax(cells, (double)l->site->units);
    const double most =
        fmin(gram_cost_max / (all * cells * columns), lane_cells_max / (entries * row));
    return fmin(fmax(most, batch / entries), 1e9);
}

static weld_status init_layer(layer *l, const walk *w, const weld_site *site, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_merge_job *job = w->job;
    const weld_graph *g = job->shapes->graph;
    *l = (layer){.walk = w, .site = site, .node = &g->nodes[site->node]};
    const weld_shape *weight = &g->params[site->weight].shape;
    const double group = weld_attr_number(l->node, "group");
    const int64_t groups = group > 1 ? (int64_t)group : 1;
    const int64_t columns = weld_shape_span(weight, 1, weight->rank);
    const double most = rows_max(l, (double)columns, (double)groups);
    l->share = fmin(most, 1);
    WELD_TRY(weld_patches_init(&l->patches, g, l->node,
                               &job->shapes->types[l->node->inputs[0]].shape,
                               most < 1 ? 1 : (int64_t)most, err));
    w->log->sampled += l->share < 1 || l->patches.positions < l->patches.all;
    WELD_TRY(weld_fit_init(&l->fit, job->ctx, groups, columns, site->units / groups, err));
    WELD_TRY(weld_fit_init(&l->held, job->ctx, groups, columns, site->units / groups, err));
    WELD_NEW(l->norm, job->ctx, job->model_count * site->units);
    for (int k = 0; k < job->model_count; k++)
        for (int64_t u = 0; u < site->units; u++)
            l->norm[k * site->units + u] =
                site->fold.norm_node < 0
                    ? (weld_norm_unit){1, 0}
                    : weld_norm_unit_at(job->models[k], site->fold.norm_node, u);
done:
    return st;
}

static void free_layer(layer *l)
{
    free_rows(l);
    weld_fit_free(&l->fit);
    weld_fit_free(&l->held);
    weld_free(l->walk->job->ctx, l->norm);
}

/* ---- what is fitted --------------------------------------------------------------------------- */

/* Towards the averaged weight; towards the average of the folded ones where there is a normalisation. */
static void set_prior(double *weight, const layer *l)
{
    const weld_merge_job *job = l->walk->job;
    const double *w = weld_job_weights(job, l->site->weight);
    const int64_t columns = l->fit.columns, units = l->site->units;
    for (int64_t i = 0; i < units * columns; i++) {
        double sum = 0;
        for (int k = 0; k < job->model_count; k++)
            sum += w[k] * l->norm[k * units + i / columns].factor *
                   weld_paramset_number(job->models[k], l->site->weight, i);
        weight[i] = sum;
    }
}

static void write_layer(const layer *l, const double *weight)
{
    weld_paramset *merged = l->walk->merged;
    for (int64_t i = 0; i < l->site->units * l->fit.columns; i++)
        weld_put_number(merged, l->site->weight, i, weight[i]);
    for (int64_t u = 0; l->site->bias >= 0 && u < l->site->units; u++)
        weld_put_number(merged, l->site->bias, u, l->fit.y[u] - weld_fit_mean(&l->fit, weight, u));
}

/* Unit u of layer and normalisation: the layer keeps the size of its averaged weight, and the
 * normalisation holds the statistics of what it makes. row: the fitted product of both. */
static void write_folded_unit(const layer *l, double *weight, int64_t u)
{
    weld_paramset *merged = l->walk->merged;
    const weld_norm_fold *fold = &l->site->fold;
    const int64_t columns = l->fit.columns;
    const double factor = weld_norm_unit_at(merged, fold->norm_node, u).factor;
    const bool dead = fabs(factor) < factor_min;
    for (int64_t i = u * columns; i < (u + 1) * columns; i++) {
        weight[i] = dead ? weld_paramset_number(merged, fold->weight, i) : weight[i] / factor;
        weld_put_number(merged, fold->weight, i, weight[i]);
    }
    const double bias = fold->bias >= 0 ? weld_paramset_number(merged, fold->bias, u) : 0;
    const double variance = weld_fit_variance(&l->fit, weight, u);
    weld_norm_unit_set(merged, fold->norm_node, u, weld_fit_mean(&l->fit, weight, u) + bias,
                       variance, factor, l->fit.y[u]);
}

/* weight: W0, then W*. The ridge that the user wants, or the one that does best on what was held back. */
static weld_status solve(double *weight, layer *l, bool centred, weld_error *err)
{
    weld_status st = WELD_OK;
    double ridge = l->walk->ridge;
    weld_fit_close(&l->fit, centred);
    if (ridge <= 0 && l->held.rows > 0) {
        weld_fit_close(&l->held, centred);
        WELD_TRY(weld_fit_choose_ridge(&ridge, &l->fit, &l->held, weight, err));
        weld_fit_join(&l->fit, &l->held, centred);
    }
    if (!l->site->same_input) /* else the average is the best there is */
        WELD_TRY(weld_fit_solve(weight, &l->fit, ridge > 0 ? ridge : ridge_of_few, err));
done:
    return st;
}

static weld_status fit_layer(const walk *w, const weld_site *site, weld_error *err)
{
    weld_status st = WELD_OK;
    const bool folded = site->fold.norm_node >= 0;
    layer l = {.walk = w};
    double *weight = NULL;
    const weld_visitor visitor = {&l, gather_lane, add_lanes};
    WELD_TRY(init_layer(&l, w, site, err));
    WELD_TRY(weld_frontier_visit(w->frontier,
                                 weld_plan_step_of(weld_frontier_plan(w->frontier), site->node),
                                 false, &visitor, err));
    WELD_NEW(weight, w->job->ctx, site->units * l.fit.columns);
    set_prior(weight, &l);
    WELD_TRY(solve(weight, &l, folded || site->bias >= 0, err));
    if (!folded)
        write_layer(&l, weight);
    for (int64_t u = 0; folded && u < site->units; u++)
        write_folded_unit(&l, weight, u);
    w->log->layers++;
done:
    free_layer(&l);
    weld_free(w->job->ctx, weight);
    return st;
}

/* A normalisation by itself is a layer of one input for each unit. */
static void fit_norm_unit(const walk *w, const weld_site *site, const weld_channels *c, int64_t u)
{
    const weld_merge_job *job = w->job;
    const double *weights = weld_job_weights(job, site->scale);
    const double variance = weld_channels_covariance(c, 0, 0, u);
    double goal = 0, products = 0;
    for (int k = 0; k < job->model_count; k++) {
        const weld_norm_unit norm = weld_norm_unit_at(job->models[k], site->node, u);
        goal += weights[k] * (norm.factor * weld_channels_mean(c, 1 + k, u) + norm.offset);
        products += weights[k] * norm.factor * weld_channels_covariance(c, 0, 1 + k, u);
    }
    double factor = weld_norm_factor(w->merged, site->node, u, variance);
    if (variance > variance_min && !site->same_input)
        factor += (products - factor * variance) /
                  (variance * (1 + (w->ridge > 0 ? w->ridge : ridge_of_few)));
    weld_norm_unit_set(w->merged, site->node, u, weld_channels_mean(c, 0, u), variance, factor,
                       goal);
}

static weld_status fit_norm(const walk *w, const weld_site *site, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_channels c = {0};
    WELD_TRY(weld_channels_measure(&c, w->frontier, w->job, site, err));
    for (int64_t u = 0; u < site->units; u++)
        fit_norm_unit(w, site, &c, u);
    w->log->layers++;
done:
    weld_channels_free(&c);
    return st;
}

/* ---- the walk -------------------------------------------------------------------------------- */

static bool is_too_wide(const walk *w, const weld_site *site)
{
    const weld_shape *shape = &w->merged->graph->params[site->weight].shape;
    return weld_shape_span(shape, 1, shape->rank) > COLUMNS_MAX;
}

/* The normalisation is fitted with the layer before it. */
static bool is_folded(const walk *w, const weld_sites *sites, const weld_site *norm)
{
    for (int k = 0; k < sites->count; k++)
        if (sites->items[k].linear && sites->items[k].fold.norm_node == norm->node)
            return !is_too_wide(w, &sites->items[k]);
    return false;
}

static weld_status fit_site(const walk *w, const weld_sites *sites, const weld_site *site,
                            weld_error *err)
{
    if (!site->linear)
        return is_folded(w, sites, site) ? WELD_OK : fit_norm(w, site, err);
    if (site->same_input && site->fold.norm_node < 0)
        return WELD_OK; /* the average is the best there is */
    if (is_too_wide(w, site)) {
        w->log->too_wide++;
        return WELD_OK;
    }
    return fit_layer(w, site, err);
}

static weld_status fit_all(weld_paramset *merged, weld_merge_log *log, const weld_merge_job *job,
                           const weld_sites *sites, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_paramset *const first[] = {merged};
    walk w = {merged, log, job, NULL, job->ridge};
    WELD_TRY(weld_frontier_create(&w.frontier, job, first, 1, true, err));
    for (int k = 0; k < sites->count; k++)
        WELD_TRY(fit_site(&w, sites, &sites->items[k], err));
done:
    weld_frontier_free(w.frontier);
    return st;
}

const weld_merger weld_merger_features = {
    .name = "features",
    .help = "layers fitted to the mean of the models' features (needs data, no labels)",
    .needs_data = true,
    .corrects = true,
    .tensor = weld_lerp_tensor,
    .finish = fit_all};
