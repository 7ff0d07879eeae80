/* What was measured. */
#include "report/formats/json.h"
#include <stdio.h>

static const char *const variant_names[WELD_REPORT_VARIANTS] = {"naive", "aligned"};

static json_t *interval(maker *m, weld_interval x)
{
    json_t *array = json_array();
    push(m, array, real(x.low));
    push(m, array, real(x.high));
    return array;
}

static json_t *intervals(maker *m, const weld_interval *x, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; x && i < count; i++)
        push(m, array, interval(m, x[i]));
    return array;
}

static json_t *bounded(maker *m, const weld_report_bounded *b, bool bounds)
{
    json_t *o = json_object();
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
        put(m, o, variant_names[v], real(b->value[v]));
    if (!bounds)
        return o;
    json_t *ci95 = json_object(), *upper95 = json_object();
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        put(m, ci95, variant_names[v], interval(m, b->ci95[v]));
        put(m, upper95, variant_names[v], real(b->upper95[v]));
    }
    put(m, o, "ci95", ci95);
    put(m, o, "upper95", upper95);
    return o;
}

static json_t *barrier(maker *m, const weld_report_barrier *b, bool bounds)
{
    json_t *o = json_object();
    put(m, o, "chord", bounded(m, &b->chord, bounds));
    put(m, o, "midpoint", bounded(m, &b->midpoint, bounds));
    return o;
}

static json_t *curve(maker *m, const weld_report_curve *c, size_t count)
{
    json_t *o = json_object();
    const struct {
        const char *key;
        const weld_report_series *of;
    } all[] = {{"loss", &c->loss},       {"accuracy", &c->accuracy},         {"top5", &c->top5},
               {"agree_a", &c->agree_a}, {"agree_b", &c->agree_b},           {"mse_a", &c->mse_a},
               {"mse_b", &c->mse_b},     {"calibrated_loss", &c->calibrated}};
    static const char *const halves[2] = {"temperature_even", "temperature_odd"};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const weld_report_series *s = all[i].of;
        char key[40];
        snprintf(key, sizeof key, "%s_ci95", all[i].key);
        if (s->y || i < 2) /* these two are always there */
            put(m, o, all[i].key, reals_or_nulls(m, s->y, count));
        if (s->ci95)
            put(m, o, key, intervals(m, s->ci95, count));
    }
    for (int h = 0; h < 2; h++)
        if (c->temperature[h])
            put(m, o, halves[h], reals(m, c->temperature[h], count));
    return o;
}

static json_t *by_class(maker *m, const weld_report_by_class *c)
{
    json_t *o = json_object(), *samples = json_array(), *ci95 = json_object();
    for (size_t i = 0; i < c->count; i++)
        push(m, samples, json_integer(c->samples[i]));
    put(m, o, "alpha", reals(m, c->alpha, WELD_REPORT_CLASS_POINTS));
    put(m, o, "samples", samples);
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        json_t *points = json_array(), *bounds = json_array();
        for (int k = 0; k < WELD_REPORT_CLASS_POINTS; k++) {
            push(m, points, reals(m, c->accuracy[v][k], c->count));
            push(m, bounds, intervals(m, c->ci95[v][k], c->count));
        }
        put(m, o, variant_names[v], points);
        put(m, ci95, variant_names[v], bounds);
    }
    if (c->ci95[0][0])
        put(m, o, "accuracy_ci95", ci95);
    else
        json_decref(ci95);
    return o;
}

static json_t *lemma(maker *m, const weld_report_lemma *l)
{
    json_t *o = json_object();
    put(m, o, "twice_the_larger_error", real(l->twice));
    put(m, o, "sum_of_the_errors", real(l->sum));
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        json_t *one = json_object();
        put(m, one, "worst_error", real(l->worst[v]));
        put(m, one, "holds", json_boolean(l->worst[v] <= l->twice));
        put(m, one, "sum_holds", json_boolean(l->worst[v] <= l->sum));
        put(m, one, "positive_c", real(l->positive[v]));
        put(m, o, variant_names[v], one);
    }
    return o;
}

static json_t *bootstrap(maker *m, int64_t resamples, uint64_t seed)
{
    json_t *o = json_object();
    put(m, o, "resamples", json_integer(resamples));
    put(m, o, "seed", json_integer((json_int_t)seed));
    return o;
}

static json_t *connected(maker *m, const weld_report_lmc *l)
{
    json_t *o = json_object();
    put(m, o, "delta", real(l->delta));
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
        put(m, o, variant_names[v], json_boolean(l->connected[v]));
    return o;
}

json_t *weld_json_lmc(maker *m, const weld_report_lmc *l)
{
    json_t *o = json_object(), *both = json_object();
    put(m, o, "metric", text(l->metric));
    put(m, o, "alpha", reals(m, l->alpha, l->alpha_count));
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
        put(m, o, variant_names[v], curve(m, &l->curve[v], l->alpha_count));
    put(m, both, "loss", barrier(m, &l->loss, l->resamples));
    put(m, both, "error", barrier(m, &l->error, l->resamples));
    if (l->curve[0].calibrated.y)
        put(m, both, "calibrated_loss", barrier(m, &l->calibrated, l->resamples));
    put(m, o, "barrier", both);
    if (l->dropped) {
        json_t *drop = bounded(m, &l->drop, l->resamples);
        put(m, drop, "alpha", real(l->drop_alpha));
        put(m, o, "accuracy_drop", drop);
    }
    if (l->resamples)
        put(m, o, "bootstrap", bootstrap(m, l->resamples, l->seed));
    if (l->target_variance > 0)
        put(m, o, "target_variance", real(l->target_variance));
    if (l->judged)
        put(m, o, "connected", connected(m, l));
    if (l->by_class.count)
        put(m, o, "by_class", by_class(m, &l->by_class));
    if (l->lemma.present)
        put(m, o, "lemma", lemma(m, &l->lemma));
    return o;
}

static void put_score(maker *m, json_t *o, const weld_report_score *s, bool bounded)
{
    put(m, o, "loss", real(s->loss));
    put(m, o, "accuracy", real(s->accuracy));
    if (!bounded)
        return;
    put(m, o, "loss_ci95", interval(m, s->loss_ci95));
    put(m, o, "accuracy_ci95", interval(m, s->accuracy_ci95));
}

json_t *weld_json_many(maker *m, const weld_report_many *n)
{
    json_t *o = json_object(), *ends = json_array(), *pairs = json_array();
    put(m, o, "start", json_integer(n->start));
    put(m, o, "rounds", json_integer(n->rounds));
    put(m, o, "universe", json_boolean(n->universe));
    put(m, o, "objective", reals(m, n->objective, 2));
    put(m, o, "metric", text(n->metric));
    put(m, o, "matching_loss", n->metric ? reals(m, n->matching_loss, 2) : json_null());
    for (size_t i = 0; i < n->end_count; i++) {
        json_t *end = json_object();
        put(m, end, "weight", real(n->ends[i].weight));
        put_score(m, end, &n->ends[i].score, n->resamples);
        push(m, ends, end);
    }
    for (size_t i = 0; i < n->pair_count; i++) {
        json_t *pair = json_object();
        put(m, pair, "models",
            json_pack("[II]", (json_int_t)n->pairs[i].a, (json_int_t)n->pairs[i].b));
        put_score(m, pair, &n->pairs[i].score, n->resamples);
        put(m, pair, "barrier", real(n->pairs[i].barrier));
        if (n->resamples)
            put(m, pair, "barrier_ci95", interval(m, n->pairs[i].barrier_ci95));
        push(m, pairs, pair);
    }
    put(m, o, "ends", ends);
    put(m, o, "pairs", pairs);
    put_score(m, o, &n->score, n->resamples);
    if (n->resamples)
        put(m, o, "bootstrap", bootstrap(m, n->resamples, n->seed));
    put(m, o, "cycle_distance", real(n->cycle_distance));
    put(m, o, "cycle_models", json_integer(n->cycle_models));
    return o;
}

static json_t *tries(maker *m, const weld_report_merge *merge)
{
    json_t *array = json_array();
    for (size_t i = 0; i < merge->try_count; i++) {
        const weld_report_try *t = &merge->tries[i];
        json_t *o = json_object();
        put(m, o, "statistic", text(t->name));
        put(m, o, "matching_loss", real(t->loss));
        put(m, o, "failure", text(t->failure));
        put(m, o, "chosen", json_boolean(t->chosen));
        push(m, array, o);
    }
    return array;
}

static json_t *ratios(maker *m, const weld_report_merge *merge)
{
    json_t *array = json_array();
    for (size_t i = 0; i < merge->ratio_count; i++) {
        json_t *o = json_object();
        put(m, o, "layer", text(merge->ratios[i].layer));
        put(m, o, "before", real(merge->ratios[i].before));
        put(m, o, "after", real(merge->ratios[i].after));
        push(m, array, o);
    }
    return array;
}

static json_t *base(maker *m, const weld_report_base *b)
{
    json_t *o = json_object();
    put(m, o, "sha256", text(b->sha256));
    put(m, o, "density", real(b->density));
    put(m, o, "lambda", real(b->lambda));
    put(m, o, "distance_a", real(b->distance_a));
    put(m, o, "distance_b", real(b->distance_b));
    put(m, o, "distance_b_naive", real(b->distance_naive));
    return o;
}

static void put_bounds(maker *m, json_t *o, const weld_bounds *b)
{
    put(m, o, "ci95", interval(m, b->ci95));
    put(m, o, "upper95", real(b->upper95));
}

/* How sure the figures of a merge are. */
static void put_merge_bounds(maker *m, json_t *o, const weld_report_merge *merge)
{
    if (merge->bounded) {
        put(m, o, "loss_ci95", interval(m, merge->loss_ci95));
        put(m, o, "accuracy_ci95", interval(m, merge->accuracy_ci95));
        put(m, o, "one_minus_cos_ci95", interval(m, merge->cos_ci95));
    }
    if (merge->drop.present) {
        json_t *drop = json_object();
        put(m, drop, "value", real(merge->drop.value));
        if (merge->bounded)
            put_bounds(m, drop, &merge->drop.bounds);
        put(m, o, "accuracy_drop", drop);
    }
    if (merge->class_accuracy)
        put(m, o, "class_accuracy", reals(m, merge->class_accuracy, merge->class_count));
    if (merge->class_ci95)
        put(m, o, "class_accuracy_ci95", intervals(m, merge->class_ci95, merge->class_count));
}

json_t *weld_json_merges(maker *m, const weld_report *r)
{
    json_t *array = json_array();
    for (size_t i = 0; i < r->merge_count; i++) {
        const weld_report_merge *merge = &r->merges[i];
        json_t *o = json_object();
        put(m, o, "method", text(merge->method));
        put(m, o, "statistics", text(merge->statistic));
        put(m, o, "alpha", real(merge->alpha));
        put(m, o, "written", json_boolean(merge->written));
        put(m, o, "loss", real(merge->loss));
        put(m, o, "accuracy", real(merge->accuracy));
        put(m, o, "one_minus_cos", real(merge->one_minus_cos));
        put(m, o, "corrected_layers", json_integer(merge->layers));
        put(m, o, "clipped_units", json_integer(merge->clipped));
        put(m, o, "layers_without_bias", json_integer(merge->without_bias));
        put(m, o, "sampled_layers", json_integer(merge->sampled));
        put(m, o, "wide_layers", json_integer(merge->too_wide));
        if (merge->metric) {
            put(m, o, "metric", text(merge->metric));
            put(m, o, "tries", tries(m, merge));
        }
        put(m, o, "deviation", ratios(m, merge));
        put_merge_bounds(m, o, merge);
        if (merge->base.sha256)
            put(m, o, "base", base(m, &merge->base));
        push(m, array, o);
    }
    return array;
}

static json_t *spread(maker *m, weld_report_spread s)
{
    json_t *o = json_object();
    put(m, o, "mean", real(s.mean));
    put(m, o, "std", real(s.std));
    put(m, o, "q05", real(s.q05));
    put(m, o, "q50", real(s.q50));
    put(m, o, "q95", real(s.q95));
    return o;
}

/* ci95 NULL = without */
static json_t *spreads(maker *m, const weld_report_spread *s, const weld_interval *ci95,
                       size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; s && i < count; i++) {
        json_t *o = spread(m, s[i]);
        if (ci95)
            put(m, o, "ci95", interval(m, ci95[i]));
        push(m, array, o);
    }
    return array;
}

/* bounds NULL = without */
static json_t *bounded_spread(maker *m, weld_report_spread s, const weld_bounds *bounds)
{
    json_t *o = spread(m, s);
    if (bounds)
        put_bounds(m, o, bounds);
    return o;
}

static json_t *matrix(maker *m, const weld_report_figures *f, size_t count)
{
    json_t *o = json_object();
    put(m, o, "one_minus_cos", reals(m, f->matrix_one_minus_cos, count));
    put(m, o, "one_minus_cos_ab", real(f->matrix_one_minus_cos_ab));
    put(m, o, "coef", reals(m, f->matrix_coef, count));
    put(m, o, "coef_authors", reals(m, f->matrix_coef_authors, count));
    if (!f->bounds)
        return o;
    put(m, o, "one_minus_cos_ci95", intervals(m, f->matrix_one_minus_cos_ci95, count));
    put(m, o, "one_minus_cos_ab_ci95", interval(m, f->matrix_one_minus_cos_ab_ci95));
    put(m, o, "coef_ci95", intervals(m, f->matrix_coef_ci95, count));
    put(m, o, "coef_authors_ci95", intervals(m, f->matrix_coef_authors_ci95, count));
    return o;
}

json_t *weld_json_llfc(maker *m, const weld_report_llfc *l)
{
    json_t *o = json_object(), *array = json_array();
    put(m, o, "alpha", reals(m, l->alpha, l->alpha_count));
    for (size_t i = 0; i < l->layer_count; i++) {
        json_t *row = json_object();
        put(m, row, "name", text(l->layers[i].name));
        for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
            const weld_report_figures *f = &l->layers[i].variant[v];
            json_t *figures = json_object(), *cosines = json_array();
            for (size_t k = 0; k < l->alpha_count; k++)
                push(m, cosines,
                     bounded_spread(m, f->one_minus_cos[k], f->bounds ? &f->bounds[k] : NULL));
            put(m, figures, "one_minus_cos", cosines);
            put(m, figures, "one_minus_cos_ab",
                bounded_spread(m, f->one_minus_cos_ab, f->bounds ? &f->bounds_ab : NULL));
            put(m, figures, "coef", spreads(m, f->coef, f->coef_ci95, l->alpha_count));
            put(m, figures, "coef_authors",
                spreads(m, f->coef_authors, f->coef_authors_ci95, l->alpha_count));
            put(m, figures, "matrix", matrix(m, f, l->alpha_count));
            put(m, figures, "zero_features", json_integer(f->zero_features));
            put(m, row, variant_names[v], figures);
        }
        push(m, array, row);
    }
    put(m, o, "layers", array);
    return o;
}

static json_t *condition(maker *m, const weld_report_condition *c, int v, bool bounds)
{
    json_t *o = json_object();
    if (!c->linear) {
        put(m, o, "additivity", real(c->additivity[v]));
        if (bounds)
            put(m, o, "additivity_ci95", interval(m, c->additivity_ci95[v]));
        return o;
    }
    if (bounds) {
        put(m, o, "dist_com_ci95", interval(m, c->com_ci95[v]));
        put(m, o, "dist_h_ci95", interval(m, c->h_ci95[v]));
        put(m, o, "defect_ci95", interval(m, c->defect_ci95[v]));
    }
    put(m, o, "dist_com", real(c->dist_com[v]));
    put(m, o, "dist_w", real(c->dist_w[v]));
    put(m, o, "dist_h", real(c->dist_h[v]));
    put(m, o, "factor_w", real(sqrt(c->dist_w[v])));
    put(m, o, "factor_h", real(sqrt(c->dist_h[v])));
    put(m, o, "defect", real(c->defect[v]));
    put(m, o, "defect_predicted", real(c->predicted[v]));
    put(m, o, "defect_measured", real(c->measured[v]));
    return o;
}

static json_t *conditions(maker *m, const weld_report_conditions *c, bool linear)
{
    json_t *array = json_array();
    for (size_t i = 0; i < c->count; i++) {
        if (c->items[i].linear != linear)
            continue;
        json_t *o = json_object();
        put(m, o, "name", text(c->items[i].name));
        put(m, o, "op", text(c->items[i].op));
        for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
            put(m, o, variant_names[v], condition(m, &c->items[i], v, c->bounded));
        push(m, array, o);
    }
    return array;
}

json_t *weld_json_conditions(maker *m, const weld_report_conditions *c)
{
    json_t *o = json_object();
    put(m, o, "alpha", json_real(0.5));
    put(m, o, "defect_samples", json_integer(c->first));
    put(m, o, "layers", conditions(m, c, true));
    put(m, o, "activations", conditions(m, c, false));
    return o;
}
