#include "match/objective.h"
#include "match/depthwise.h"
#include "match/dot.h"
#include "tensor/blas.h"
#include <math.h>
#include <string.h>

static const double tiny = 1e-30; /* an energy that counts as this at least */

/* tr(x gram y') for x, y [outputs, k]; gram [k, k], transposed where said so. */
static weld_status form(double *out, const weld_layer_view *v, const double *x, const double *gram,
                        bool transposed, const double *y, weld_error *err)
{
    weld_status st = WELD_OK;
    double *product = NULL, sum = 0;
    const weld_gemm_shape shape = {.trans_b = transposed,
                                   .m = v->outputs,
                                   .n = v->k,
                                   .k = v->k,
                                   .lda = v->k,
                                   .ldb = v->k,
                                   .ldc = v->k};
    WELD_NEW(product, v->ctx, v->outputs * v->k);
    weld_dgemm(&shape, 1.0, x, gram, 0.0, product);
    for (int64_t i = 0; i < v->outputs * v->k; i++)
        sum += product[i] * y[i];
    *out = sum;
done:
    weld_free(v->ctx, product);
    return st;
}

/* ---- making it ------------------------------------------------------------------------------ */

static const weld_score_tensor *tensor_of(const weld_scores *scores, int param)
{
    for (int k = 0; k < scores->count; k++)
        if (scores->tensors[k].param == param)
            return &scores->tensors[k];
    return NULL;
}

/* The node whose tensors are measured together: the first that uses the parameter, or the layer in
 * front of that if it is a normalisation with running statistics. */
static int group_of(const weld_graph *g, int param)
{
    const int value = g->params[param].value;
    const int n = g->consumer_count[value] > 0 ? g->consumers[value][0] : 0;
    const weld_node *node = &g->nodes[n];
    if (node->op->flags & WELD_OP_NORM && node->op->statistic_inputs) {
        const int from = g->values[node->inputs[0]].producer;
        if (from >= 0 && g->nodes[from].op->flags & WELD_OP_LINEAR &&
            g->consumer_count[node->inputs[0]] == 1)
            return from;
    }
    return n;
}

static bool is_statistic(const weld_graph *g, int param)
{
    const int value = g->params[param].value;
    for (int k = 0; k < g->consumer_count[value]; k++) {
        const weld_node *user = &g->nodes[g->consumers[value][k]];
        for (int i = 0; i < user->input_count && i < 32; i++)
            if (user->inputs[i] == value && user->op->statistic_inputs >> i & 1u)
                return true;
    }
    return false;
}

static double energy(const double *x, int64_t count)
{
    double sum = 0;
    for (int64_t k = 0; k < count; k++)
        sum += x[k] * x[k];
    return sum;
}

static double param_energy(const weld_paramset *set, int param)
{
    double sum = 0;
    for (size_t k = 0; k < weld_param_numel(set->graph, param); k++) {
        const double x = weld_paramset_number(set, param, (int64_t)k);
        sum += isfinite(x) ? x * x : 0;
    }
    return sum;
}

/* Energy of the tensors of every node [node_count]: scored ones as they are scored. */
static void list_energies(double *total, const weld_scores *scores, const weld_paramset *a,
                          const weld_paramset *b)
{
    const weld_graph *g = scores->symmetry->graph;
    for (int k = 0; k < scores->count; k++) {
        const weld_score_tensor *t = &scores->tensors[k];
        const int64_t count = weld_shape_numel(&t->shape);
        total[group_of(g, t->param)] += weld_dot(t->a, t->a, count) + weld_dot(t->b, t->b, count);
    }
    for (int p = 0; p < g->param_count; p++)
        if (!tensor_of(scores, p) && !is_statistic(g, p))
            total[group_of(g, p)] += param_energy(a, p) + param_energy(b, p);
}

static weld_status normalise(weld_objective *o, const weld_paramset *a, const weld_paramset *b,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_graph *g = o->symmetry->graph;
    double *total = NULL;
    WELD_NEW(total, o->ctx, g->node_count);
    WELD_TRY(weld_scores_create(&o->normalised, o->symmetry, a, b, err));
    list_energies(total, o->normalised, a, b);
    for (int k = 0; k < o->normalised->count; k++) {
        weld_score_tensor *t = &o->normalised->tensors[k];
        const double factor = 1 / sqrt(fmax(total[group_of(g, t->param)], tiny));
        const int64_t count = weld_shape_numel(&t->shape);
        WELD_TRY(weld_score_own(o->normalised, t, err));
        for (int64_t i = 0; i < count; i++) {
            t->owned[0][i] = (float)(t->owned[0][i] * factor);
            t->owned[1][i] = (float)(t->owned[1][i] * factor);
        }
        t->scale *= factor * factor;
        o->constant += weld_dot(t->a, t->a, count) + weld_dot(t->b, t->b, count);
    }
done:
    weld_free(o->ctx, total);
    return st;
}

/* weight_of = E |W_A H_A|^2 + E |W_B H_B|^2 of the part at first. */
static weld_status add_layer(weld_objective *o, const weld_input_moments *in,
                             const weld_element *identity, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_score_tensor *weight = tensor_of(o->scores, in->layer->param);
    weld_layer_view v = {0};
    double of_a, of_b;
    if (!weight || !(in->rows > 0))
        return WELD_OK;
    weld_objective_layer *layer = &o->layers[o->layer_count++];
    *layer = (weld_objective_layer){.in = in, .weight = weight};
    if (in->layer->depthwise) {
        weld_layer_sums s = {0};
        WELD_TRY(weld_depthwise_sums(&s, layer, identity, err));
        layer->weight_of = s.of_a + s.of_b;
        goto done;
    }
    WELD_TRY(weld_layer_view_init(&v, layer, identity, false, false, err));
    WELD_TRY(form(&of_a, &v, v.wa, v.aa, false, v.wa, err));
    WELD_TRY(form(&of_b, &v, v.wb, v.bb, false, v.wb, err));
    layer->weight_of = of_a + of_b;
done:
    if (v.ctx)
        weld_layer_view_free(&v);
    return st;
}

/* Parts of a layer share what it is measured by. */
static void share_weights(weld_objective *o)
{
    for (int k = 0; k < o->layer_count;) {
        double sum = 0;
        int end = k;
        for (; end < o->layer_count && o->layers[end].in->layer == o->layers[k].in->layer; end++)
            sum += o->layers[end].weight_of;
        for (; k < end; k++)
            o->layers[k].weight_of = 1 / fmax(sum, tiny);
    }
}

weld_status weld_objective_create(weld_objective **out, const weld_scores *scores,
                                  const weld_moments *moments, const weld_paramset *a,
                                  const weld_paramset *b, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_objective *o = NULL;
    weld_element *identity = NULL;
    const weld_symmetry *s = scores->symmetry;
    *out = NULL;
    WELD_NEW(o, s->ctx, 1);
    *o = (weld_objective){.ctx = s->ctx,
                          .symmetry = s,
                          .scores = scores,
                          .moments = moments,
                          .weights = 1,
                          .features = 1};
    WELD_NEW(o->layers, o->ctx, moments->input_count);
    WELD_NEW(o->feature_weight, o->ctx, s->free_count);
    WELD_TRY(weld_element_identity(&identity, s, err));
    for (int k = 0; k < moments->input_count; k++)
        WELD_TRY(add_layer(o, &moments->inputs[k], identity, err));
    share_weights(o);
    WELD_TRY(normalise(o, a, b, err));
    for (int c = 0; c < s->free_count; c++) {
        const double sum = weld_moments_energy(moments, c, 0) + weld_moments_energy(moments, c, 1);
        o->feature_weight[c] = sum > 0 ? 1 / sum : 0;
    }
    *out = o;
    o = NULL;
done:
    weld_element_free(identity);
    weld_objective_free(o);
    return st;
}

void weld_objective_free(weld_objective *o)
{
    if (!o)
        return;
    weld_scores_free(o->normalised);
    weld_free(o->ctx, o->layers);
    weld_free(o->ctx, o->feature_weight);
    weld_free(o->ctx, o);
}

/* ---- its value ------------------------------------------------------------------------------ */

/* Differences first, in double: what is left of nearly equal networks is small. */
static void subtract(weld_layer_view *v, double *dw, double *dh)
{
    for (int64_t i = 0; i < v->outputs * v->k; i++)
        dw[i] = v->wa[i] - v->wb[i];
    for (int64_t i = 0; i < v->k; i++)
        for (int64_t j = 0; j < v->k; j++)
            dh[i * v->k + j] = (v->aa[i * v->k + j] - v->ab[i * v->k + j]) +
                               (v->bb[i * v->k + j] - v->ab[j * v->k + i]);
}

static double trace(const double *gram, int64_t k)
{
    double sum = 0;
    for (int64_t i = 0; i < k; i++)
        sum += gram[i * k + i];
    return sum;
}

static weld_status add_products(weld_layer_sums *s, const weld_layer_view *v, weld_error *err)
{
    weld_status st = WELD_OK;
    double aa, bb, ab, ba, cross, back;
    WELD_TRY(form(&aa, v, v->wa, v->aa, false, v->wa, err));
    WELD_TRY(form(&bb, v, v->wb, v->bb, false, v->wb, err));
    WELD_TRY(form(&ab, v, v->wa, v->bb, false, v->wa, err));
    WELD_TRY(form(&ba, v, v->wb, v->aa, false, v->wb, err));
    WELD_TRY(form(&cross, v, v->wa, v->ab, false, v->wb, err));
    WELD_TRY(form(&back, v, v->wa, v->ab, true, v->wb, err));
    s->of_a += aa;
    s->of_b += bb;
    s->same += aa + bb + 2 * cross;
    s->crossed += ab + ba + 2 * back;
done:
    return st;
}

static weld_status add_sums(weld_layer_sums *s, const weld_objective_layer *layer,
                            const weld_element *e, bool products, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_layer_view v;
    double *dw = NULL, *dh = NULL, product;
    if (layer->in->layer->depthwise)
        return weld_depthwise_sums(s, layer, e, err);
    WELD_TRY(weld_layer_view_init(&v, layer, e, true, true, err));
    WELD_NEW(dw, v.ctx, v.outputs * v.k);
    WELD_NEW(dh, v.ctx, v.k * v.k);
    subtract(&v, dw, dh);
    WELD_TRY(form(&product, &v, dw, dh, false, dw, err));
    s->product += product;
    s->weights += energy(dw, v.outputs * v.k);
    s->wa += energy(v.wa, v.outputs * v.k);
    s->wb += energy(v.wb, v.outputs * v.k);
    s->features += trace(dh, v.k);
    s->ha += trace(v.aa, v.k);
    s->hb += trace(v.bb, v.k);
    if (products)
        WELD_TRY(add_products(s, &v, err));
done:
    weld_free(e->ctx, dw);
    weld_free(e->ctx, dh);
    weld_layer_view_free(&v);
    return st;
}

/* a E |f_A - Q f_B|^2 */
static weld_status feature_difference(double *out, const weld_objective *o, const weld_element *e,
                                      int c, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t n = (size_t)o->symmetry->classes[c].size;
    double *score = NULL, same = 0;
    *out = 0;
    WELD_NEW(score, o->ctx, n * n);
    weld_moments_second(score, o->moments, c);
    for (size_t i = 0; i < n; i++)
        same += score[i * n + (size_t)e->perms[c][i]];
    *out = o->feature_weight[c] > 0 ? 1 - 2 * o->feature_weight[c] * same : 0;
done:
    weld_free(o->ctx, score);
    return st;
}

static weld_status additivity_defect(double *out, const weld_objective *o, const weld_element *e,
                                     int c, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t n = (size_t)o->symmetry->classes[c].size;
    double *score = NULL;
    *out = 0;
    WELD_NEW(score, o->ctx, n * n);
    weld_moments_additivity(score, o->moments, c, 1);
    for (size_t i = 0; i < n; i++)
        *out -= score[i * n + (size_t)e->perms[c][i]];
done:
    weld_free(o->ctx, score);
    return st;
}

weld_status weld_objective_value(double *out, const weld_objective *o, const weld_element *e,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    double inner;
    *out = 0;
    for (int k = 0; k < o->layer_count; k++) {
        weld_layer_sums s = {0};
        WELD_TRY(add_sums(&s, &o->layers[k], e, false, err));
        *out += o->layers[k].weight_of * s.product;
    }
    WELD_TRY(weld_scores_objective(&inner, o->normalised, e, -1, err));
    *out += o->weights * (o->constant - 2 * inner);
    for (int c = 0; c < o->symmetry->free_count; c++) {
        double difference, defect = 0;
        WELD_TRY(feature_difference(&difference, o, e, c, err));
        if (o->additivity > 0)
            WELD_TRY(additivity_defect(&defect, o, e, c, err));
        *out += o->features * difference + o->additivity * defect;
    }
done:
    return st;
}

static double distance(double difference, double x, double y)
{
    return difference / fmax(sqrt(x * y), tiny);
}

weld_status weld_objective_distances(weld_match_distances *out, const weld_objective *o,
                                     const weld_element *e, weld_error *err)
{
    weld_status st = WELD_OK;
    int layers = 0;
    *out = (weld_match_distances){0};
    for (int k = 0; k < o->layer_count; layers++) {
        const weld_linear_layer *layer = o->layers[k].in->layer;
        const double v = o->layers[k].weight_of;
        weld_layer_sums s = {0};
        for (; k < o->layer_count && o->layers[k].in->layer == layer; k++)
            WELD_TRY(add_sums(&s, &o->layers[k], e, true, err));
        s.product = fmax(s.product, 0); /* nearly equal networks: rounding */
        out->commutativity += v * s.product;
        out->weights += distance(s.weights, s.wa, s.wb);
        out->features += distance(s.features, s.ha, s.hb);
        out->products += distance(s.product, s.same, s.crossed);
    }
    out->present = layers > 0;
    if (layers > 0) {
        out->weights /= layers;
        out->features /= layers;
        out->products /= layers;
    }
done:
    return st;
}
