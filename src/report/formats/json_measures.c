/* What was measured. */
#include "report/formats/json.h"

static const char *const variant_names[WELD_REPORT_VARIANTS] = {"naive", "aligned"};

static json_t *barrier(maker *m, const weld_report_barrier *b)
{
    json_t *o = json_object(), *chord = json_object(), *midpoint = json_object();
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        put(m, chord, variant_names[v], real(b->chord[v]));
        put(m, midpoint, variant_names[v], real(b->midpoint[v]));
    }
    put(m, o, "chord", chord);
    put(m, o, "midpoint", midpoint);
    return o;
}

json_t *weld_json_lmc(maker *m, const weld_report_lmc *l)
{
    json_t *o = json_object(), *both = json_object();
    put(m, o, "metric", text(l->metric));
    put(m, o, "alpha", reals(m, l->alpha, l->alpha_count));
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        json_t *curve = json_object();
        put(m, curve, "loss", reals(m, l->curve[v].loss, l->alpha_count));
        put(m, curve, "accuracy", reals(m, l->curve[v].accuracy, l->alpha_count));
        put(m, o, variant_names[v], curve);
    }
    put(m, both, "loss", barrier(m, &l->loss));
    put(m, both, "error", barrier(m, &l->error));
    put(m, o, "barrier", both);
    return o;
}

json_t *weld_json_many(maker *m, const weld_report_many *n)
{
    json_t *o = json_object(), *ends = json_array(), *pairs = json_array();
    put(m, o, "start", json_integer(n->start));
    put(m, o, "rounds", json_integer(n->rounds));
    put(m, o, "objective", reals(m, n->objective, 2));
    put(m, o, "metric", text(n->metric));
    put(m, o, "matching_loss", n->metric ? reals(m, n->matching_loss, 2) : json_null());
    for (size_t i = 0; i < n->end_count; i++) {
        json_t *end = json_object();
        put(m, end, "weight", real(n->ends[i].weight));
        put(m, end, "loss", real(n->ends[i].loss));
        put(m, end, "accuracy", real(n->ends[i].accuracy));
        push(m, ends, end);
    }
    for (size_t i = 0; i < n->pair_count; i++) {
        json_t *pair = json_object();
        put(m, pair, "models",
            json_pack("[II]", (json_int_t)n->pairs[i].a, (json_int_t)n->pairs[i].b));
        put(m, pair, "loss", real(n->pairs[i].loss));
        put(m, pair, "accuracy", real(n->pairs[i].accuracy));
        put(m, pair, "barrier", real(n->pairs[i].barrier));
        push(m, pairs, pair);
    }
    put(m, o, "ends", ends);
    put(m, o, "pairs", pairs);
    put(m, o, "loss", real(n->loss));
    put(m, o, "accuracy", real(n->accuracy));
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
    return o;
}

static json_t *spreads(maker *m, const weld_report_spread *s, size_t count)
{
    json_t *array = json_array();
    for (size_t i = 0; s && i < count; i++)
        push(m, array, spread(m, s[i]));
    return array;
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
            json_t *figures = json_object();
            put(m, figures, "one_minus_cos", spreads(m, f->one_minus_cos, l->alpha_count));
            put(m, figures, "one_minus_cos_ab", spread(m, f->one_minus_cos_ab));
            put(m, figures, "coef", spreads(m, f->coef, l->alpha_count));
            put(m, figures, "coef_authors", spreads(m, f->coef_authors, l->alpha_count));
            put(m, figures, "zero_features", json_integer(f->zero_features));
            put(m, row, variant_names[v], figures);
        }
        push(m, array, row);
    }
    put(m, o, "layers", array);
    return o;
}
