#include "match/moments.h"
#include "core/parallel.h"
#include "exec/plan.h"
#include "match/additivity.h"
#include "match/inputs.h"
#include "tensor/blas.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LANES = 4 }; /* batches of a round: the same for any number of threads */

/* The pass. A round runs a batch in every lane, then adds them to each sum in their order. */
typedef struct pass {
    const weld_moments_input *in;
    weld_moments *moments;
    weld_plan *plan;
    weld_run *runs[LANES][2];
    weld_feed feed[LANES];
    int64_t first[LANES], samples[LANES]; /* of the batches of this round; none: 0 samples */
} pass;

/* ---- features ----------------------------------------------------------------------------- */

/* Post-activation values of linear layers and residual sums: what stands right before the next
 * layer reads it. */
static bool is_feature(const weld_graph *g, int value)
{
    if (g->values[value].kind != WELD_VALUE_NODE)
        return false;
    const weld_node *node = &g->nodes[g->values[value].producer];
    if (!(node->op->flags & (WELD_OP_ACTIVATION | WELD_OP_LINEAR | WELD_OP_SUM | WELD_OP_NORM)))
        return false;
    for (int k = 0; k < g->consumer_count[value]; k++)
        if (g->nodes[g->consumers[value][k]].op->flags & (WELD_OP_ACTIVATION | WELD_OP_NORM))
            return false;
    return true;
}

static weld_status add_feature(weld_moments *m, const weld_symmetry *s, int c,
                               const weld_carrier *carrier, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_feature_moments *f = &m->features[m->feature_count++];
    const size_t n = (size_t)s->classes[c].size;
    *f = (weld_feature_moments){.carrier = carrier, .unit_class = c, .n = s->classes[c].size};
    for (int k = 0; k < 2; k++) {
        WELD_NEW(f->sum[k], m->ctx, n);
        WELD_NEW(f->squares[k], m->ctx, n);
        if (m->kinds & WELD_MOMENTS_WITHIN)
            WELD_NEW(f->within[k], m->ctx, n * n);
    }
    WELD_NEW(f->cross, m->ctx, n * n);
done:
    return st;
}

static weld_status list_features(weld_moments *m, const weld_symmetry *s, weld_error *err)
{
    weld_status st = WELD_OK;
    int total = 0;
    for (int c = 0; c < s->free_count; c++)
        total += s->classes[c].carrier_count;
    WELD_NEW(m->features, m->ctx, total);
    for (int c = 0; c < s->free_count; c++)
        for (int k = 0; k < s->classes[c].carrier_count; k++) {
            const weld_carrier *carrier = &s->classes[c].carriers[k];
            if (carrier->axis > 0 && is_feature(s->graph, carrier->value))
                WELD_TRY(add_feature(m, s, c, carrier, err));
        }
done:
    return st;
}

int64_t weld_carrier_rows(const weld_carrier *c, const weld_shape *shape)
{
    return weld_shape_span(shape, 1, c->axis) * weld_shape_span(shape, c->axis + 1, shape->rank) *
           c->multiplicity;
}

void weld_carrier_row(double *out, const weld_carrier *c, int32_t n, const weld_tensor *t,
                      int64_t at)
{
    const int64_t inner = weld_shape_span(&t->shape, c->axis + 1, t->shape.rank);
    const int64_t place = at % c->multiplicity, i = at / c->multiplicity % inner;
    const int64_t o = at / c->multiplicity / inner, extent = t->shape.dims[c->axis];
    for (int32_t u = 0; u < n; u++) {
        const int64_t unit = c->positions[u * c->multiplicity + place];
        out[u] = weld_tensor_number(t, (o * extent + unit) * inner + i);
    }
}

static void add_rows(weld_feature_moments *f, int side, const double *x, int64_t rows)
{
    for (int64_t r = 0; r < rows; r++)
        for (int32_t u = 0; u < f->n; u++) {
            double v = x[r * f->n + u];
            f->sum[side][u] += v;
            f->squares[side][u] += v * v;
        }
}

/* One batch: what the two networks made of it. */
static weld_status add_features(weld_feature_moments *f, weld_context *ctx, weld_run *const runs[2],
                                int64_t entries, weld_error *err)
{
    weld_status st = WELD_OK;
    double *x[2] = {NULL, NULL};
    int64_t rows = 0;
    for (int s = 0; s < 2; s++) {
        const weld_tensor *t = weld_run_value(runs[s], f->carrier->value);
        WELD_NEW(x[s], ctx, weld_shape_numel(&t->shape));
        rows = entries * weld_carrier_rows(f->carrier, &t->shape);
        for (int64_t r = 0; r < rows; r++)
            weld_carrier_row(x[s] + r * f->n, f->carrier, f->n, t, r);
        add_rows(f, s, x[s], rows);
    }
    const weld_gemm_shape gemm = {true, false, f->n, f->n, rows, f->n, f->n, f->n};
    weld_dgemm(&gemm, 1.0, x[0], x[1], 1.0, f->cross);
    for (int s = 0; s < 2 && f->within[s]; s++)
        weld_dgemm(&gemm, 1.0, x[s], x[s], 1.0, f->within[s]);
    f->rows += (double)rows;
done:
    weld_free(ctx, x[0]);
    weld_free(ctx, x[1]);
    return st;
}

/* ---- the pass ----------------------------------------------------------------------------- */

static weld_status run_lane(void *user, int64_t lane, int slot, weld_error *err)
{
    weld_status st = WELD_OK;
    pass *p = user;
    const weld_paramset *sets[2] = {p->in->a, p->in->b};
    (void)slot;
    if (p->samples[lane] == 0)
        return WELD_OK;
    WELD_TRY(weld_feed_load(&p->feed[lane], p->first[lane], p->samples[lane], err));
    for (int s = 0; s < 2; s++)
        WELD_TRY(weld_run_all(p->runs[lane][s], sets[s], p->feed[lane].inputs, err));
done:
    return st;
}

/* The item's sums, one of these. */
typedef struct item_sums {
    weld_feature_moments *feature;
    weld_input_moments *input;
    weld_additivity_moments *additivity;
    int value; /* whose rows they are of */
} item_sums;

static item_sums sums_of(const pass *p, int64_t item)
{
    weld_moments *m = p->moments;
    const weld_node *nodes = p->in->shapes->graph->nodes;
    item_sums s = {0};
    if (item < m->feature_count) {
        s.feature = &m->features[item];
        s.value = s.feature->carrier->value;
    } else if (item < m->feature_count + m->input_count) {
        s.input = &m->inputs[item - m->feature_count];
        s.value = nodes[s.input->layer->node].inputs[0];
    } else {
        s.additivity = &m->additivity[item - m->feature_count - m->input_count];
        s.value = nodes[s.additivity->node].inputs[0];
    }
    return s;
}

/* Item: a feature, or an input or an activation behind them. */
static weld_status add_item(void *user, int64_t item, int slot, weld_error *err)
{
    weld_status st = WELD_OK;
    pass *p = user;
    weld_context *ctx = p->moments->ctx;
    const weld_shapes *shapes = p->in->shapes;
    const item_sums s = sums_of(p, item);
    (void)slot;
    for (int lane = 0; lane < LANES && st == WELD_OK; lane++) {
        if (p->samples[lane] == 0)
            continue;
        weld_run *const *runs = p->runs[lane];
        const int64_t entries = weld_batch_entries(shapes, s.value, p->samples[lane]);
        if (s.feature)
            st = add_features(s.feature, ctx, runs, entries, err);
        else if (s.input)
            st = weld_inputs_add(s.input, ctx, shapes->graph, runs, entries, err);
        else
            st = weld_additivity_add(s.additivity, ctx, shapes->graph, runs, p->first[lane],
                                     entries, err);
    }
    return st;
}

static weld_status run_rounds(pass *p, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_moments *m = p->moments;
    const int64_t batch = p->in->shapes->batch, count = p->in->data->count;
    const int items = m->feature_count + m->input_count + m->additivity_count;
    for (int64_t first = 0; first < count;) {
        for (int lane = 0; lane < LANES; lane++) {
            const int64_t left = count - first;
            p->first[lane] = first;
            p->samples[lane] = left < batch ? left : batch;
            first += p->samples[lane];
        }
        WELD_TRY(weld_progress(m->ctx, "match", (double)first / (double)(2 * count), err));
        WELD_TRY(weld_parallel_for(m->ctx, LANES, run_lane, p, err));
        WELD_TRY(weld_parallel_for(m->ctx, items, add_item, p, err));
    }
    m->samples = count;
done:
    return st;
}

/* What must stay readable: features and inputs of layers, each once. */
static weld_status make_plan(pass *p, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = p->in->shapes->graph;
    const weld_moments *m = p->moments;
    int *taps = NULL, count = 0;
    bool *wanted = NULL;
    WELD_NEW(taps, m->ctx, g->value_count);
    WELD_NEW(wanted, m->ctx, g->value_count);
    for (int k = 0; k < m->feature_count; k++)
        wanted[m->features[k].carrier->value] = true;
    for (int k = 0; k < m->input_count; k++)
        wanted[g->nodes[m->inputs[k].layer->node].inputs[0]] = true;
    for (int k = 0; k < m->additivity_count; k++) {
        const weld_node *node = &g->nodes[m->additivity[k].node];
        wanted[node->inputs[0]] = wanted[node->outputs[0]] = true;
    }
    for (int v = 0; v < g->value_count; v++)
        if (wanted[v])
            taps[count++] = v;
    WELD_TRY(weld_plan_create(&p->plan, m->ctx, p->in->shapes, taps, count, err));
done:
    weld_free(m->ctx, taps);
    weld_free(m->ctx, wanted);
    return st;
}

static weld_status stream(weld_moments *m, const weld_moments_input *in, weld_error *err)
{
    weld_status st = WELD_OK;
    pass p = {.in = in, .moments = m};
    WELD_TRY(make_plan(&p, err));
    for (int lane = 0; lane < LANES; lane++) {
        WELD_TRY(weld_feed_create(&p.feed[lane], in->data, in->shapes, err));
        for (int s = 0; s < 2; s++)
            WELD_TRY(weld_run_create(&p.runs[lane][s], p.plan, err));
    }
    WELD_TRY(run_rounds(&p, err));
done:
    for (int lane = 0; lane < LANES; lane++) {
        weld_run_free(p.runs[lane][0]);
        weld_run_free(p.runs[lane][1]);
        weld_feed_free(&p.feed[lane]);
    }
    weld_plan_free(p.plan);
    return st;
}

weld_status weld_moments_create(weld_moments **out, const weld_moments_input *in, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_moments *m = NULL;
    *out = NULL;
    WELD_REQUIRE(in->data, WELD_E_ARGUMENT, "matching by activations needs data");
    WELD_NEW(m, in->symmetry->ctx, 1);
    m->ctx = in->symmetry->ctx;
    m->graph = in->symmetry->graph;
    m->kinds = in->kinds;
    WELD_TRY(list_features(m, in->symmetry, err));
    if (in->kinds & WELD_MOMENTS_INPUTS)
        WELD_TRY(weld_inputs_list(m, in->symmetry, in->shapes, err));
    if (in->kinds & WELD_MOMENTS_ADDITIVITY)
        WELD_TRY(weld_additivity_list(m, in->symmetry, in->shapes, in->data->count, err));
    WELD_TRY(stream(m, in, err));
    *out = m;
    m = NULL;
done:
    weld_moments_free(m);
    return st;
}

void weld_moments_free(weld_moments *m)
{
    if (!m)
        return;
    for (int k = 0; m->features && k < m->feature_count; k++) {
        for (int s = 0; s < 2; s++) {
            weld_free(m->ctx, m->features[k].sum[s]);
            weld_free(m->ctx, m->features[k].squares[s]);
            weld_free(m->ctx, m->features[k].within[s]);
        }
        weld_free(m->ctx, m->features[k].cross);
    }
    weld_free(m->ctx, m->features);
    weld_inputs_free(m);
    weld_additivity_free(m);
    weld_free(m->ctx, m);
}

/* ---- reading ------------------------------------------------------------------------------- */

static double rows_of_class(const weld_moments *m, int unit_class)
{
    double rows = 0;
    for (int k = 0; k < m->feature_count; k++)
        rows += m->features[k].unit_class == unit_class ? m->features[k].rows : 0;
    return rows;
}

void weld_moments_second(double *score, const weld_moments *m, int unit_class)
{
    const double rows = rows_of_class(m, unit_class);
    for (int k = 0; k < m->feature_count; k++) {
        const weld_feature_moments *f = &m->features[k];
        for (size_t i = 0; f->unit_class == unit_class && i < (size_t)f->n * (size_t)f->n; i++)
            score[i] += f->rows > 0 ? f->cross[i] / rows : 0;
    }
}

static double deviation(const weld_feature_moments *f, int s, int32_t u)
{
    double mean = f->sum[s][u] / f->rows;
    double variance = f->squares[s][u] / f->rows - mean * mean;
    return variance > 1e-12 ? sqrt(variance) : 0;
}

static void add_correlation(double *score, const weld_feature_moments *f)
{
    for (int32_t i = 0; i < f->n; i++)
        for (int32_t j = 0; j < f->n; j++) {
            double di = deviation(f, 0, i), dj = deviation(f, 1, j);
            double c = f->cross[(size_t)i * (size_t)f->n + (size_t)j] / f->rows -
                       f->sum[0][i] / f->rows * (f->sum[1][j] / f->rows);
            score[(size_t)i * (size_t)f->n + (size_t)j] += di > 0 && dj > 0 ? c / (di * dj) : 0;
        }
}

int weld_moments_correlation(double *score, const weld_moments *m, int unit_class)
{
    int count = 0;
    for (int k = 0; k < m->feature_count; k++)
        if (m->features[k].unit_class == unit_class && m->features[k].rows > 0) {
            add_correlation(score, &m->features[k]);
            count++;
        }
    return count;
}

double weld_moments_energy(const weld_moments *m, int unit_class, int side)
{
    const double rows = rows_of_class(m, unit_class);
    double sum = 0;
    for (int k = 0; k < m->feature_count; k++)
        for (int32_t u = 0; m->features[k].unit_class == unit_class && u < m->features[k].n; u++)
            sum += m->features[k].squares[side][u];
    return rows > 0 ? sum / rows : 0;
}

void weld_moments_additivity(double *score, const weld_moments *m, int unit_class, double factor)
{
    double energy = 0;
    for (int k = 0; k < m->additivity_count; k++) {
        const weld_additivity_moments *x = &m->additivity[k];
        energy += x->unit_class == unit_class && x->rows > 0 ? x->energy / x->rows : 0;
    }
    for (int k = 0; k < m->additivity_count && energy > 0; k++) {
        const weld_additivity_moments *x = &m->additivity[k];
        const size_t cells = (size_t)x->n * (size_t)x->n;
        for (size_t i = 0; x->unit_class == unit_class && x->rows > 0 && i < cells; i++)
            score[i] -= factor * x->cost[i] / x->rows / energy;
    }
}

static void note_data(char *text, size_t size, const weld_moments *m)
{
    int few = 0;
    for (int k = 0; k < m->feature_count; k++)
        few += m->features[k].rows < 10.0 * m->features[k].n;
    if (few > 0)
        snprintf(text, size,
                 "matched on %" PRId64 " samples: fewer than 10 rows per unit in %d of %d features",
                 m->samples, few, m->feature_count);
    else if (m->samples < 1000)
        snprintf(text, size, "matched on %" PRId64 " samples: use 1000 or more", m->samples);
}

void weld_moments_note(char *text, size_t size, const weld_moments *m)
{
    text[0] = '\0';
    note_data(text, size, m);
    const size_t used = strlen(text);
    if (!m->layers || m->layers->left_out_count == 0)
        return;
    const weld_left_out *first = &m->layers->left_out[0];
    snprintf(text + used, size - used, "%scommutativity leaves out %d of %d layers: %s (%.60s)",
             used ? "; " : "", m->layers->left_out_count,
             m->layers->left_out_count + m->layers->count, first->why,
             m->graph->nodes[first->node].name);
}
