/* Methods and statistics: what they must leave alone, what they must reach, whatever the threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/recipe.h"
#include "failing.h"
#include "merge/channels.h"
#include "merge/norm_unit.h"
#include "merge/ratios.h"
#include "pair.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static weld_model *load(weld_context *ctx, const char *pair, const char *which)
{
    weld_error err = WELD_ERROR_INIT;
    weld_model *model = NULL;
    char path[512];
    snprintf(path, sizeof path, WELD_MODELS "/%s/%s.onnx", pair, which);
    if (weld_model_load(&model, ctx, path, &err) != WELD_OK)
        fail_msg("%s", err.message);
    return model;
}

static weld_dataset *images(weld_context *ctx, const char *pair, int64_t samples)
{
    weld_dataset_options options = WELD_DATASET_OPTIONS_INIT;
    weld_dataset *data;
    char path[512];
    options.preset = "unit";
    options.samples_max = samples;
    snprintf(path, sizeof path, WELD_MODELS "/%s/match.npz",
             strcmp(pair, "resnet") == 0 ? "colour" : "grey");
    OK(weld_dataset_open(&data, ctx, path, &options, NULL));
    return data;
}

/* b: "a" for a pair of the same model */
static fixture open_pair(const char *pair, const char *b, const char *match, int64_t samples,
                         int threads)
{
    fixture f = {0};
    weld_context_options options = WELD_CONTEXT_OPTIONS_INIT;
    weld_align_options how = WELD_ALIGN_OPTIONS_INIT;
    options.threads = threads;
    OK(weld_context_create(&f.ctx, &options, NULL));
    f.a = load(f.ctx, pair, "a");
    f.b = load(f.ctx, pair, b);
    f.data = images(f.ctx, pair, samples);
    how.method = match;
    how.data = f.data;
    OK(weld_align(&f.alignment, f.a, f.b, &how, NULL));
    return f;
}

static weld_merge_options options_for(const fixture *f, const char *method, const char *statistics,
                                      double alpha)
{
    weld_merge_options o = WELD_MERGE_OPTIONS_INIT;
    o.method = method;
    o.statistics = statistics;
    o.alpha = alpha;
    o.data = f->data;
    o.repair_logits = true;
    return o;
}

static weld_model *merge(const fixture *f, const weld_merge_options *o)
{
    weld_model *merged = NULL;
    weld_error err = WELD_ERROR_INIT;
    if (weld_merge(&merged, f->alignment, o, &err) != WELD_OK)
        fail_msg("%s, %s: %s", o->method, o->statistics, err.message);
    OK(weld_paramset_hold(merged->params, NULL));
    return merged;
}

static void assert_same_params(const weld_paramset *x, const weld_paramset *y, const char *what)
{
    for (int p = 0; p < x->graph->param_count; p++)
        if (memcmp(x->arrays[p], y->arrays[p], weld_param_bytes(x->graph, p)) != 0)
            fail_msg("%s: %s differs", what, x->graph->params[p].name);
}

/* Calls `check` for every method with every statistic that may follow it. */
static void for_all(const fixture *f, double alpha, const weld_paramset *wanted)
{
    for (int m = 0; weld_merger_names()[m]; m++) {
        const weld_merger *merger = weld_merger_find(weld_merger_names()[m]);
        for (int s = 0; weld_statistic_names()[s] && !merger->needs_base; s++) {
            const char *statistic = weld_statistic_names()[s];
            if (merger->corrects && s > 0 && strcmp(statistic, "none") != 0)
                continue;
            char what[128];
            snprintf(what, sizeof what, "%s, %s, alpha %g", merger->name, statistic, alpha);
            const weld_merge_options o = options_for(f, merger->name, statistic, alpha);
            weld_model *merged = merge(f, &o);
            assert_same_params(merged->params, wanted, what);
            weld_model_free(merged);
        }
    }
}

static const char *const pairs[] = {"mlp", "cnn", "resnet", "vit"};
enum { PAIRS = sizeof pairs / sizeof pairs[0] };

static void a_model_merged_with_itself_stays(void **state)
{
    (void)state;
    for (int p = 0; p < PAIRS; p++) {
        fixture f = open_pair(pairs[p], "a", "none", 33, 2);
        for_all(&f, 0.5, f.a->params);
        for_all(&f, 0.3, f.a->params);
        close_pair(&f);
    }
}

static void the_ends_of_the_line_are_the_models(void **state)
{
    (void)state;
    for (int p = 0; p < PAIRS; p++) {
        fixture f = open_pair(pairs[p], "b", "weights", 33, 2);
        for_all(&f, 1, f.a->params);
        for_all(&f, 0, f.alignment->aligned);
        close_pair(&f);
    }
}

static void threads_change_no_bit(void **state)
{
    (void)state;
    for (int p = 0; p < PAIRS; p++) {
        fixture one = open_pair(pairs[p], "b", "activations", 100, 1);
        fixture three = open_pair(pairs[p], "b", "activations", 100, 3);
        for (int m = 0; m < 2; m++) {
            const weld_merge_options x = options_for(&one, m ? "features" : "lerp", "auto", 0.4);
            const weld_merge_options y = options_for(&three, m ? "features" : "lerp", "auto", 0.4);
            weld_model *of_one = merge(&one, &x), *of_three = merge(&three, &y);
            assert_same_params(of_one->params, of_three->params, pairs[p]);
            assert_string_equal(of_one->merge->statistic, of_three->merge->statistic);
            weld_model_free(of_one);
            weld_model_free(of_three);
        }
        close_pair(&one);
        close_pair(&three);
    }
}

/* With so little memory that the values at the cuts are not kept, but made again. */
static void memory_changes_no_bit(void **state)
{
    (void)state;
    fixture f = open_pair("mlp", "b", "weights", 1000, 1);
    const weld_merge_options o = options_for(&f, NULL, "repair", 0.5);
    weld_model *plenty = merge(&f, &o);
    const size_t at_a_cut = 1000 * 64 * sizeof(float);
    f.ctx->budget_bytes = 3050000;
    assert_true(f.ctx->budget_bytes / 4 / 3 < at_a_cut);
    weld_model *little = merge(&f, &o);
    assert_same_params(plenty->params, little->params, "little memory");
    weld_model_free(plenty);
    weld_model_free(little);
    close_pair(&f);
}

static void auto_is_never_worse_than_none(void **state)
{
    (void)state;
    for (int p = 0; p < PAIRS; p++) {
        fixture f = open_pair(pairs[p], "b", "weights", 64, 2);
        const weld_merge_options o = options_for(&f, NULL, NULL, 0.5);
        weld_model *merged = merge(&f, &o);
        const weld_merge_record *r = merged->merge;
        double chosen = NAN;
        for (int k = 0; k < r->try_count; k++)
            chosen = r->tries[k].chosen ? r->tries[k].loss : chosen;
        assert_string_equal(r->tries[0].name, "none");
        for (int k = 0; k < r->try_count; k++)
            assert_true(isnan(r->tries[k].loss) || chosen <= r->tries[k].loss);
        weld_model_free(merged);
        close_pair(&f);
    }
}

static weld_merge_job job_of(const fixture *f, const weld_paramset *models[2], double *weights)
{
    models[0] = f->a->params;
    models[1] = f->alignment->aligned;
    for (int p = 0; p < 2 * f->a->params->graph->param_count; p++)
        weights[p] = 0.5;
    return (weld_merge_job){.ctx = f->ctx,
                            .shapes = f->alignment->shapes,
                            .models = models,
                            .model_count = 2,
                            .weights = weights,
                            .data = f->data};
}

/* On the data that it was repaired with every layer has the deviation that it should have. */
static void repair_restores_the_deviations(void **state)
{
    (void)state;
    const char *const plain[] = {"mlp", "cnn"};
    for (int p = 0; p < 2; p++) {
        fixture f = open_pair(plain[p], "b", "weights", 100, 2);
        const weld_paramset *models[2];
        double weights[256];
        weld_merge_job job = job_of(&f, models, weights);
        const weld_merge_options none = options_for(&f, NULL, "none", 0.5);
        const weld_merge_options repair = options_for(&f, NULL, "repair", 0.5);
        weld_model *before = merge(&f, &none), *after = merge(&f, &repair);
        const weld_paramset *const both[2] = {before->params, after->params};
        weld_ratio *ratios;
        int count;
        OK(weld_variance_ratios(&ratios, &count, both, &job, NULL));
        assert_true(count >= 4);
        for (int k = 0; k < count; k++) {
            assert_true(fabs(ratios[k].of[1] - 1) < 2e-3); /* dead units stay as they are */
            assert_true(k == 0 || ratios[k].of[0] < 0.97);
        }
        weld_free(f.ctx, ratios);
        weld_model_free(before);
        weld_model_free(after);
        close_pair(&f);
    }
}

/* The running statistics are those of what arrives: measured again, nothing has changed. */
static void reset_takes_the_statistics_of_the_merged_network(void **state)
{
    (void)state;
    fixture f = open_pair("resnet", "b", "activations", 100, 2);
    const weld_paramset *models[2];
    double weights[256];
    weld_merge_job job = job_of(&f, models, weights);
    const weld_merge_options reset = options_for(&f, NULL, "reset", 0.5);
    weld_model *merged = merge(&f, &reset);
    const weld_paramset *const nets[] = {merged->params};
    weld_frontier *frontier;
    weld_sites sites;
    int norms = 0;
    OK(weld_frontier_create(&frontier, &job, nets, 1, false, NULL));
    OK(weld_sites_find(&sites, &job, NULL));
    for (int k = 0; k < sites.count; k++) {
        const weld_site *site = &sites.items[k];
        weld_channels c;
        if (site->linear)
            continue;
        OK(weld_channels_measure(&c, frontier, &job, site, NULL));
        for (int64_t u = 0; u < site->units; u++) {
            const double variance = weld_channels_covariance(&c, 0, 0, u) * c.rows / (c.rows - 1);
            const double stored = weld_paramset_number(merged->params, site->variance, u);
            const double mean = weld_paramset_number(merged->params, site->mean, u);
            assert_true(fabs(stored - variance) <= 1e-6 * (1 + variance));
            assert_true(fabs(mean - weld_channels_mean(&c, 0, u)) <= 1e-6 * (1 + fabs(mean)));
        }
        weld_channels_free(&c);
        norms++;
    }
    assert_int_equal(norms, 15);
    weld_sites_free(&sites);
    weld_frontier_free(frontier);
    weld_model_free(merged);
    close_pair(&f);
}

static int param_named(const weld_graph *g, const char *name)
{
    for (int p = 0; p < g->param_count; p++)
        if (strcmp(g->params[p].name, name) == 0)
            return p;
    fail_msg("no parameter %s", name);
    return -1;
}

static void single_layers_have_weights_of_their_own(void **state)
{
    (void)state;
    fixture f = open_pair("mlp", "b", "weights", 10, 1);
    const weld_paramset *a = f.a->params, *b = f.alignment->aligned;
    const int first = param_named(a->graph, "layers.1.weight");
    const int last = param_named(a->graph, "layers.7.weight");
    const char *skip[] = {"layers\\.1\\."}, *only[] = {"layers.7.weight"};
    const weld_layer_alpha quarter[] = {{".", 0.75}, {"layers.7.", 0.25}};
    for (int way = 0; way < 3; way++) {
        weld_merge_options o = options_for(&f, NULL, "none", 0.5);
        o.skip = skip;
        o.skip_count = way == 0;
        o.only = only;
        o.only_count = way == 1;
        o.layer_alpha = quarter;
        o.layer_alpha_count = way == 2 ? 2 : 0;
        weld_model *merged = merge(&f, &o);
        const double of_first = way < 2 ? 1 : 0.75, of_last = way < 2 ? 0.5 : 0.25;
        for (int64_t k = 0; k < 64; k++) {
            assert_float_equal(weld_paramset_number(merged->params, first, k),
                               of_first * weld_paramset_number(a, first, k) +
                                   (1 - of_first) * weld_paramset_number(b, first, k),
                               1e-7);
            assert_float_equal(weld_paramset_number(merged->params, last, k),
                               of_last * weld_paramset_number(a, last, k) +
                                   (1 - of_last) * weld_paramset_number(b, last, k),
                               1e-7);
        }
        weld_model_free(merged);
    }
    close_pair(&f);
}

static void assert_refused(const fixture *f, const weld_merge_options *o, const char *what)
{
    weld_model *merged;
    weld_error err = WELD_ERROR_INIT;
    assert_int_equal(weld_merge(&merged, f->alignment, o, &err), WELD_E_ARGUMENT);
    assert_null(merged);
    if (!strstr(err.message, what))
        fail_msg("'%s' does not say '%s'", err.message, what);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    fixture f = open_pair("mlp", "b", "weights", 10, 1);
    const char *nothing[] = {"nowhere"}, *broken[] = {"("};
    weld_merge_options o = options_for(&f, "lerpp", NULL, 0.5);
    assert_refused(&f, &o, "no merge method 'lerpp'");
    o = options_for(&f, NULL, "mend", 0.5);
    assert_refused(&f, &o, "no statistic 'mend'");
    o = options_for(&f, NULL, NULL, 1.5);
    assert_refused(&f, &o, "alpha 1.5, allowed 0 to 1");
    o = options_for(&f, "features", "repair", 0.5);
    assert_refused(&f, &o, "fits the statistics itself");
    o = options_for(&f, "features", NULL, 0.5);
    o.data = NULL;
    assert_refused(&f, &o, "merge method 'features' needs data");
    o = options_for(&f, NULL, "reset", 0.5);
    o.data = NULL;
    assert_refused(&f, &o, "statistic 'reset' needs data");
    o = options_for(&f, NULL, NULL, 0.5);
    o.skip = nothing;
    o.skip_count = 1;
    assert_refused(&f, &o, "no layer or parameter matches 'nowhere'");
    o.skip = broken;
    assert_refused(&f, &o, "pattern '('");
    close_pair(&f);
}

static weld_status failing_merges(weld_context *ctx, weld_error *err)
{
    weld_model *a = NULL, *b = NULL, *merged[2] = {NULL, NULL};
    weld_alignment *alignment = NULL;
    weld_dataset *data = NULL;
    weld_report *report = NULL;
    weld_merge_options how = WELD_MERGE_OPTIONS_INIT;
    weld_dataset_options reading = WELD_DATASET_OPTIONS_INIT;
    weld_measure_options measuring = WELD_MEASURE_OPTIONS_INIT;
    weld_align_options options = WELD_ALIGN_OPTIONS_INIT;
    options.method = "none";
    reading.samples_max = 33;
    reading.preset = "unit";
    weld_status st = weld_model_load(&a, ctx, WELD_MODELS "/mlp/a.onnx", err);
    if (st == WELD_OK)
        st = weld_model_load(&b, ctx, WELD_MODELS "/mlp/b.onnx", err);
    if (st == WELD_OK)
        st = weld_dataset_open(&data, ctx, WELD_MODELS "/grey/match.npz", &reading, err);
    if (st == WELD_OK)
        st = weld_align(&alignment, a, b, &options, err);
    how.data = data;
    if (st == WELD_OK)
        st = weld_merge(&merged[0], alignment, &how, err);
    how.method = "features";
    if (st == WELD_OK)
        st = weld_merge(&merged[1], alignment, &how, err);
    if (st == WELD_OK)
        st = weld_report_create(&report, alignment, err);
    measuring.merged = (const weld_model *const *)merged;
    measuring.merged_count = 2;
    if (st == WELD_OK)
        st = weld_report_measure(report, alignment, data, &measuring, err);
    weld_report_free(report);
    weld_model_free(merged[0]);
    weld_model_free(merged[1]);
    weld_alignment_free(alignment);
    weld_dataset_free(data);
    weld_model_free(b);
    weld_model_free(a);
    return st;
}

static void every_failed_allocation_is_a_status(void **state)
{
    (void)state;
    check_failed_allocations(failing_merges, 100, 41);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_merged_with_itself_stays),
        cmocka_unit_test(the_ends_of_the_line_are_the_models),
        cmocka_unit_test(threads_change_no_bit),
        cmocka_unit_test(memory_changes_no_bit),
        cmocka_unit_test(auto_is_never_worse_than_none),
        cmocka_unit_test(repair_restores_the_deviations),
        cmocka_unit_test(reset_takes_the_statistics_of_the_merged_network),
        cmocka_unit_test(single_layers_have_weights_of_their_own),
        cmocka_unit_test(what_makes_no_sense_is_refused),
        cmocka_unit_test(every_failed_allocation_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
