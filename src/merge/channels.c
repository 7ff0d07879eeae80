#include "merge/channels.h"
#include "ops/op.h"

typedef struct gathering {
    weld_channels *all;
    weld_channels lane[WELD_LANES];
    int value; /* that is looked at */
    const weld_shapes *shapes;
    int64_t outer, inner; /* of an entry of the first axis: the units stand between them */
} gathering;

static weld_status init(weld_channels *c, weld_context *ctx, int nets, int64_t units,
                        weld_error *err)
{
    weld_status st = WELD_OK;
    *c = (weld_channels){.ctx = ctx, .nets = nets, .units = units};
    WELD_NEW(c->sum, ctx, nets * units);
    WELD_NEW(c->cross, ctx, nets * nets * units);
done:
    return st;
}

void weld_channels_free(weld_channels *c)
{
    if (!c->ctx)
        return;
    weld_free(c->ctx, c->sum);
    weld_free(c->ctx, c->cross);
    *c = (weld_channels){0};
}

/* One unit of one sample, in every network: entries `at` to `at` + inner. */
static void add_run(weld_channels *c, const weld_tensor *const *x, int64_t unit, int64_t at,
                    int64_t inner)
{
    for (int k = 0; k < c->nets; k++) {
        double sum = 0;
        for (int64_t i = at; i < at + inner; i++)
            sum += weld_tensor_number(x[k], i);
        c->sum[k * c->units + unit] += sum;
        for (int l = k; l < c->nets; l++) {
            double products = 0;
            for (int64_t i = at; i < at + inner; i++)
                products += weld_tensor_number(x[k], i) * weld_tensor_number(x[l], i);
            c->cross[(k * c->nets + l) * c->units + unit] += products;
        }
    }
}

static weld_status gather_lane(void *user, int lane, weld_run *const *runs, int64_t samples,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    gathering *g = user;
    weld_channels *c = &g->lane[lane];
    const weld_tensor **x = NULL;
    WELD_TRY(init(c, g->all->ctx, g->all->nets, g->all->units, err));
    WELD_NEW(x, c->ctx, c->nets);
    for (int k = 0; k < c->nets; k++)
        x[k] = weld_run_value(runs[k], g->value);
    const int64_t entries = weld_batch_entries(g->shapes, g->value, samples);
    for (int64_t o = 0; o < entries * g->outer; o++)
        for (int64_t u = 0; u < c->units; u++)
            add_run(c, x, u, (o * c->units + u) * g->inner, g->inner);
    c->rows = (double)(entries * g->outer * g->inner);
done:
    weld_free(g->all->ctx, x);
    return st;
}

static weld_status add_lanes(void *user, int lanes, weld_error *err)
{
    gathering *g = user;
    weld_channels *all = g->all;
    (void)err;
    for (int lane = 0; lane < lanes; lane++) {
        const weld_channels *c = &g->lane[lane];
        for (int64_t i = 0; i < all->nets * all->units; i++)
            all->sum[i] += c->sum[i];
        for (int64_t i = 0; i < all->nets * all->nets * all->units; i++)
            all->cross[i] += c->cross[i];
        all->rows += c->rows;
        weld_channels_free(&g->lane[lane]);
    }
    return WELD_OK;
}

/* Units stand on the last axis of a Dense layer's output, else they are axis 1 (and up). */
static void find_axis(gathering *g, const weld_merge_job *job, const weld_site *site)
{
    const weld_node *node = &job->shapes->graph->nodes[site->node];
    const weld_shape *shape =
        &job->shapes->types[site->linear ? node->outputs[0] : node->inputs[0]].shape;
    const bool last = site->linear && !weld_attr_slot(node, "kernel_shape");
    const int64_t rest = weld_shape_span(shape, 1, shape->rank) / site->units;
    g->value = site->linear ? node->outputs[0] : node->inputs[0];
    g->outer = last ? rest : 1;
    g->inner = last ? 1 : rest;
}

weld_status weld_channels_measure(weld_channels *out, weld_frontier *frontier,
                                  const weld_merge_job *job, const weld_site *site, weld_error *err)
{
    weld_status st = WELD_OK;
    gathering g = {.all = out, .shapes = job->shapes};
    const weld_visitor visitor = {&g, gather_lane, add_lanes};
    const int step = weld_plan_step_of(weld_frontier_plan(frontier), site->node);
    WELD_TRY(init(out, job->ctx, weld_frontier_nets(frontier), site->units, err));
    find_axis(&g, job, site);
    WELD_TRY(weld_frontier_visit(frontier, step, site->linear, &visitor, err));
done:
    for (int lane = 0; lane < WELD_LANES; lane++)
        weld_channels_free(&g.lane[lane]);
    return st;
}

double weld_channels_mean(const weld_channels *c, int net, int64_t unit)
{
    return c->rows > 0 ? c->sum[net * c->units + unit] / c->rows : 0;
}

double weld_channels_covariance(const weld_channels *c, int k, int l, int64_t unit)
{
    if (c->rows <= 0)
        return 0;
    const double product = c->cross[(k * c->nets + l) * c->units + unit] / c->rows;
    const double covariance = product -
                              weld_channels_mean(c, k, unit) * weld_channels_mean(c, l, unit);
    return k == l && covariance < 0 ? 0 : covariance;
}
