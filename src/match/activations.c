/* Activation matching: correlation of post-activation features, in one streaming pass. */
#include "exec/plan.h"
#include "core/parallel.h"
#include "match/assign.h"
#include "match/matchers.h"
#include "match/score.h"
#include "tensor/blas.h"
#include <math.h>
#include <string.h>

/* Sums over rows of one carrier: a row is one sample at one position. */
typedef struct moments {
    const weld_carrier *carrier;
    int class_index;
    int32_t n;
    double rows;
    double *sum[2], *squares[2]; /* [n] of A, B */
    double *cross;               /* [n, n] */
} moments;

enum { LANES = 4 }; /* fixed: chunk i belongs to lane i mod LANES, for any number of threads */

typedef struct matcher {
    weld_context *ctx;
    const weld_shapes *shapes;
    const weld_paramset *const *sets;
    const weld_dataset *data;
    weld_plan *plan;
    const weld_scores *scores;
    int carrier_count, carriers_max;
    moments *lane[LANES]; /* [carriers_max] each, of which carrier_count are in use */
} matcher;

static weld_status alloc_moments(moments *m, weld_context *ctx, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int s = 0; s < 2; s++) {
        WELD_NEW(m->sum[s], ctx, m->n);
        WELD_NEW(m->squares[s], ctx, m->n);
    }
    WELD_NEW(m->cross, ctx, (size_t)m->n * (size_t)m->n);
done:
    return st;
}

static void free_moments(moments *m, weld_context *ctx)
{
    for (int s = 0; s < 2; s++) {
        weld_free(ctx, m->sum[s]);
        weld_free(ctx, m->squares[s]);
    }
    weld_free(ctx, m->cross);
}

/* features[row, n] of the class's units; `samples` of the batch count. */
static int64_t unit_rows(double *out, const weld_tensor *t, const weld_carrier *c, int32_t n,
                         int64_t samples)
{
    int64_t per_sample = weld_shape_span(&t->shape, 1, c->axis);
    int64_t inner = weld_shape_span(&t->shape, c->axis + 1, t->shape.rank);
    int64_t extent = t->shape.dims[c->axis], rows = 0;
    for (int64_t o = 0; o < samples * per_sample; o++)
        for (int64_t i = 0; i < inner; i++)
            for (int32_t m = 0; m < c->multiplicity; m++, rows++)
                for (int32_t u = 0; u < n; u++) {
                    int64_t at = c->positions[u * c->multiplicity + m];
                    *out++ = weld_tensor_number(t, (o * extent + at) * inner + i);
                }
    return rows;
}

static weld_status add_batch(moments *m, const matcher *k, weld_run *const runs[2], int64_t samples,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    double *x[2] = {NULL, NULL};
    int64_t rows = 0;
    for (int s = 0; s < 2; s++) {
        const weld_tensor *t = weld_run_value(runs[s], m->carrier->value);
        WELD_NEW(x[s], k->ctx, weld_shape_numel(&t->shape));
        rows = unit_rows(x[s], t, m->carrier, m->n, samples);
        for (int64_t r = 0; r < rows; r++)
            for (int32_t u = 0; u < m->n; u++) {
                double v = x[s][r * m->n + u];
                m->sum[s][u] += v;
                m->squares[s][u] += v * v;
            }
    }
    weld_gemm_shape gemm = {true, false, m->n, m->n, rows, m->n, m->n, m->n};
    weld_dgemm(&gemm, 1.0, x[0], x[1], 1.0, m->cross);
    m->rows += (double)rows;
done:
    weld_free(k->ctx, x[0]);
    weld_free(k->ctx, x[1]);
    return st;
}

static weld_status run_lane(void *user, int64_t lane, int slot, weld_error *err)
{
    weld_status st = WELD_OK;
    matcher *k = user;
    weld_run *runs[2] = {NULL, NULL};
    const weld_type *in = &k->shapes->types[k->shapes->graph->inputs[0]];
    int64_t batch = k->shapes->batch, chunks = (k->data->count + batch - 1) / batch;
    weld_tensor input = {0};
    const weld_tensor *inputs[] = {&input};
    (void)slot;
    WELD_TRY(weld_tensor_create(&input, k->ctx, in->dtype, &in->shape, err));
    for (int s = 0; s < 2; s++)
        WELD_TRY(weld_run_create(&runs[s], k->plan, err));
    for (int64_t c = lane; c < chunks; c += LANES) {
        int64_t first = c * batch;
        int64_t n = k->data->count - first < batch ? k->data->count - first : batch;
        WELD_TRY(weld_dataset_batch(&input, k->data, first, n, err));
        for (int s = 0; s < 2; s++)
            WELD_TRY(weld_run_all(runs[s], k->sets[s], inputs, err));
        for (int m = 0; m < k->carrier_count; m++)
            WELD_TRY(add_batch(&k->lane[lane][m], k, runs, n, err));
    }
done:
    weld_run_free(runs[0]);
    weld_run_free(runs[1]);
    weld_tensor_free(k->ctx, &input);
    return st;
}

static double deviation(const moments *m, int s, int32_t u)
{
    double mean = m->sum[s][u] / m->rows;
    double variance = m->squares[s][u] / m->rows - mean * mean;
    return variance > 1e-12 ? sqrt(variance) : 0;
}

/* Adds the correlation of unit i of A with unit j of B; 0 where either does not vary. */
static void add_correlation(double *score, const moments *m)
{
    for (int32_t i = 0; i < m->n; i++)
        for (int32_t j = 0; j < m->n; j++) {
            double di = deviation(m, 0, i), dj = deviation(m, 1, j);
            double c = m->cross[(size_t)i * (size_t)m->n + (size_t)j] / m->rows -
                       m->sum[0][i] / m->rows * (m->sum[1][j] / m->rows);
            score[(size_t)i * (size_t)m->n + (size_t)j] += di > 0 && dj > 0 ? c / (di * dj) : 0;
        }
}

static void combine(moments *to, const moments *from)
{
    to->rows += from->rows;
    for (int s = 0; s < 2; s++)
        for (int32_t u = 0; u < to->n; u++) {
            to->sum[s][u] += from->sum[s][u];
            to->squares[s][u] += from->squares[s][u];
        }
    for (size_t k = 0; k < (size_t)to->n * (size_t)to->n; k++)
        to->cross[k] += from->cross[k];
}

static bool is_among(int value, const int *values, int count)
{
    for (int k = 0; k < count; k++)
        if (values[k] == value)
            return true;
    return false;
}

static weld_status list_carriers(matcher *k, const weld_symmetry *s, const int *values, int count,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    for (int c = 0; c < s->free_count; c++)
        k->carriers_max += s->classes[c].carrier_count;
    for (int lane = 0; lane < LANES; lane++) {
        WELD_NEW(k->lane[lane], k->ctx, k->carriers_max);
        k->carrier_count = 0;
        for (int c = 0; c < s->free_count; c++)
            for (int m = 0; m < s->classes[c].carrier_count; m++) {
                const weld_carrier *carrier = &s->classes[c].carriers[m];
                if (carrier->axis == 0 || !is_among(carrier->value, values, count))
                    continue;
                moments *fresh = &k->lane[lane][k->carrier_count++];
                *fresh = (moments){.carrier = carrier, .class_index = c, .n = s->classes[c].size};
                WELD_TRY(alloc_moments(fresh, k->ctx, err));
            }
    }
done:
    return st;
}

/* The correlations decide; the weight score, far below them, orders dead units. */
static weld_status score_class(double **out, matcher *k, const weld_element *element, int c,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    int32_t n = element->symmetry->classes[c].size;
    size_t cells = (size_t)n * (size_t)n;
    double *weights = NULL, scale, largest = 0;
    WELD_NEW(*out, k->ctx, cells);
    WELD_NEW(weights, k->ctx, cells);
    for (int m = 0; m < k->carrier_count; m++)
        if (k->lane[0][m].class_index == c)
            add_correlation(*out, &k->lane[0][m]);
    WELD_TRY(weld_scores_class(weights, &scale, k->scores, element, c, NULL, err));
    for (size_t i = 0; i < cells; i++)
        largest = fabs(weights[i]) > largest ? fabs(weights[i]) : largest;
    for (size_t i = 0; i < cells && largest > 0; i++)
        (*out)[i] += 1e-6 * weights[i] / largest;
done:
    weld_free(k->ctx, weights);
    return st;
}

/* A class, with all that moves along with its units. */
static weld_status solve_tree(matcher *k, weld_element *element, int root, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = element->symmetry;
    double **scores = NULL, gain;
    WELD_NEW(scores, k->ctx, s->free_count);
    for (int c = root; c < s->free_count; c++)
        if (weld_class_root(s, c) == root)
            WELD_TRY(score_class(&scores[c], k, element, c, err));
    WELD_TRY(weld_assign_tree(element, root, scores, &gain, err));
done:
    for (int c = 0; scores && c < s->free_count; c++)
        weld_free(k->ctx, scores[c]);
    weld_free(k->ctx, scores);
    return st;
}

/* Post-activation values of linear layers and residual sums: what stands right before the next
 * layer reads it. */
static bool is_feature(const weld_graph *g, int value)
{
    const weld_node *node = &g->nodes[g->values[value].producer];
    if (node->op->flags & (WELD_OP_ACTIVATION | WELD_OP_LINEAR | WELD_OP_SUM | WELD_OP_NORM)) {
        for (int k = 0; k < g->consumer_count[value]; k++) {
            unsigned next = g->nodes[g->consumers[value][k]].op->flags;
            if (next & (WELD_OP_ACTIVATION | WELD_OP_NORM))
                return false;
        }
        return true;
    }
    return false;
}

static weld_status match_element(weld_element *element, const weld_match_input *in,
                                 const weld_scores *scores, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = element->symmetry;
    const weld_paramset *sets[2] = {in->a, in->b};
    matcher k = {
        .ctx = s->ctx, .shapes = in->shapes, .sets = sets, .data = in->data, .scores = scores};
    int *values = NULL, count = 0;
    WELD_NEW(values, k.ctx, s->graph->value_count);
    for (int v = 0; v < s->graph->value_count; v++)
        if (s->graph->values[v].kind == WELD_VALUE_NODE && is_feature(s->graph, v))
            values[count++] = v;
    WELD_TRY(weld_plan_create(&k.plan, k.ctx, in->shapes, values, count, err));
    WELD_TRY(list_carriers(&k, s, values, count, err));
    WELD_TRY(weld_parallel_for(k.ctx, LANES, run_lane, &k, err));
    for (int lane = 1; lane < LANES; lane++)
        for (int m = 0; m < k.carrier_count; m++)
            combine(&k.lane[0][m], &k.lane[lane][m]);
    for (int c = 0; c < s->free_count; c++)
        if (s->classes[c].parent < 0)
            WELD_TRY(solve_tree(&k, element, c, err));
done:
    for (int lane = 0; lane < LANES; lane++) {
        for (int m = 0; k.lane[lane] && m < k.carriers_max; m++)
            free_moments(&k.lane[lane][m], k.ctx);
        weld_free(k.ctx, k.lane[lane]);
    }
    weld_free(k.ctx, values);
    weld_plan_free(k.plan);
    return st;
}

static weld_status run_activations(weld_match_result **out, const weld_match_input *in,
                                   weld_error *err)
{
    weld_status st = WELD_OK;
    weld_match_result *r = NULL;
    weld_scores *scores = NULL;
    WELD_NEW(r, in->symmetry->ctx, 1);
    r->ctx = in->symmetry->ctx;
    WELD_TRY(weld_scores_create(&scores, in->symmetry, in->a, in->b, err));
    WELD_TRY(weld_element_identity(&r->element, in->symmetry, err));
    WELD_TRY(weld_scores_objective(&r->objective_start, scores, r->element, -1, err));
    WELD_TRY(match_element(r->element, in, scores, err));
    WELD_TRY(weld_scores_objective(&r->objective_end, scores, r->element, -1, err));
    r->samples = in->data->count;
    *out = r;
    r = NULL;
done:
    weld_scores_free(scores);
    weld_match_result_free(r);
    return st;
}

const weld_matcher weld_matcher_activations = {
    .name = "activations",
    .needs_data = true,
    .help = "correlation of post-activation features on the matching data",
    .run = run_activations};
