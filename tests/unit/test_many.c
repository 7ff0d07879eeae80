/* Three and more models in one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/objects.h"
#include "failing.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OK(call) assert_int_equal((call), WELD_OK)
#define MLP(which) WELD_MODELS "/mlp/" which ".onnx"
enum { COPIES = 2 };

typedef struct fixture {
    weld_context *ctx;
    char folder[64], paths[COPIES][96];
} fixture;

/* Files of the model with its units in random orders. */
static fixture open_copies(const char *path)
{
    fixture f = {.folder = "/tmp/test_many.XXXXXX"};
    weld_align_options none = WELD_ALIGN_OPTIONS_INIT;
    weld_model *a, *copy;
    weld_alignment *al;
    weld_element *random;
    none.method = "none";
    assert_non_null(mkdtemp(f.folder));
    OK(weld_context_create(&f.ctx, NULL, NULL));
    OK(weld_model_load(&a, f.ctx, path, NULL));
    for (int k = 0; k < COPIES; k++) {
        snprintf(f.paths[k], sizeof f.paths[k], "%s/%d.onnx", f.folder, k);
        OK(weld_align(&al, a, a, &none, NULL));
        OK(weld_element_random(&random, al->symmetry, (uint64_t)k + 7, NULL));
        weld_element_copy(al->element, random);
        OK(weld_alignment_settle(al, NULL));
        OK(weld_permuted(&copy, al, NULL));
        OK(weld_model_save(copy, f.paths[k], false, NULL));
        weld_model_free(copy);
        weld_element_free(random);
        weld_alignment_free(al);
    }
    weld_model_free(a);
    return f;
}

static void close_copies(fixture *f)
{
    for (int k = 0; k < COPIES; k++)
        unlink(f->paths[k]);
    rmdir(f->folder);
    assert_int_equal(atomic_load(&f->ctx->in_use_bytes), 0);
    weld_context_free(f->ctx);
}

static weld_model *merge(weld_context *ctx, const char *const *paths, size_t count,
                         const weld_many_options *o)
{
    weld_error err = WELD_ERROR_INIT;
    weld_model *merged = NULL;
    if (weld_merge_many(&merged, NULL, ctx, paths, count, o, &err) != WELD_OK)
        fail_msg("%s", err.message);
    return merged;
}

/* The largest difference of a parameter, as a part of its largest element. */
static double distance(const weld_paramset *x, const weld_paramset *y)
{
    double worst = 0;
    OK(weld_paramset_hold(x, NULL));
    OK(weld_paramset_hold(y, NULL));
    for (int p = 0; p < x->graph->param_count; p++) {
        double apart = 0, size = 1e-30;
        for (size_t i = 0; i < weld_param_numel(x->graph, p); i++) {
            const double a = weld_paramset_number(x, p, (int64_t)i);
            apart = fmax(apart, fabs(a - weld_paramset_number(y, p, (int64_t)i)));
            size = fmax(size, fabs(a));
        }
        worst = fmax(worst, apart / size);
    }
    return worst;
}

static void a_model_and_its_copies_make_the_model(void **state)
{
    (void)state;
    const char *const models[] = {MLP("a"), WELD_MODELS "/cnn/a.onnx", WELD_MODELS "/resnet/a.onnx",
                                  WELD_MODELS "/vit/a.onnx"};
    for (int m = 0; m < 4; m++) {
        fixture f = open_copies(models[m]);
        weld_many_options o = WELD_MANY_OPTIONS_INIT;
        const char *const paths[] = {models[m], f.paths[0], f.paths[1]};
        o.start = 0;
        weld_model *a, *merged = merge(f.ctx, paths, 3, &o);
        OK(weld_model_load(&a, f.ctx, models[m], NULL));
        assert_true(distance(a->params, merged->params) <= 1e-6);
        weld_model_free(a);
        weld_model_free(merged);
        close_copies(&f);
    }
}

static void the_order_of_the_files_does_not_matter(void **state)
{
    (void)state;
    const char *const orders[][3] = {{MLP("a"), MLP("b"), MLP("c")},
                                     {MLP("c"), MLP("a"), MLP("b")},
                                     {MLP("b"), MLP("a"), MLP("c")}};
    weld_context *ctx;
    OK(weld_context_create(&ctx, NULL, NULL));
    weld_model *first = merge(ctx, orders[0], 3, NULL);
    for (int k = 1; k < 3; k++) {
        weld_model *other = merge(ctx, orders[k], 3, NULL);
        assert_true(distance(first->params, other->params) <= 1e-6);
        weld_model_free(other);
    }
    weld_model_free(first);
    weld_context_free(ctx);
}

static weld_report *report_of(weld_context *ctx, const char *method, weld_dataset *data)
{
    const char *const paths[] = {MLP("a"), MLP("b"), MLP("c")};
    weld_many_options o = WELD_MANY_OPTIONS_INIT;
    weld_align_options how = WELD_ALIGN_OPTIONS_INIT;
    weld_model *merged;
    weld_report *report;
    how.method = method;
    how.data = data;
    o.align = &how;
    OK(weld_merge_many(&merged, &report, ctx, paths, 3, &o, NULL));
    weld_model_free(merged);
    assert_true(report->many.rounds >= 1);
    return report;
}

/* Whatever the matcher, going on to the means only ever makes the models agree more. */
static void matching_to_the_means_gains(void **state)
{
    (void)state;
    const char *const by_weights[] = {"weights", "frank-wolfe"};
    const char *const by_data[] = {"activations", "both", "commutativity", "auto", NULL};
    weld_context *ctx;
    weld_dataset *data;
    weld_dataset_options unit = WELD_DATASET_OPTIONS_INIT;
    unit.preset = "unit";
    unit.samples_max = 200;
    OK(weld_context_create(&ctx, NULL, NULL));
    OK(weld_dataset_open(&data, ctx, WELD_MODELS "/grey/match.npz", &unit, NULL));
    for (int k = 0; k < 2; k++) {
        weld_report *report = report_of(ctx, by_weights[k], NULL);
        assert_true(report->many.objective[1] >= report->many.objective[0]);
        assert_null(report->many.metric);
        weld_report_free(report);
    }
    for (int k = 0; k < 5; k++) {
        weld_report *report = report_of(ctx, by_data[k], data);
        assert_string_equal(report->many.metric, "kl");
        assert_true(report->many.matching_loss[1] < report->many.matching_loss[0]);
        weld_report_free(report);
    }
    weld_dataset_free(data);
    weld_context_free(ctx);
}

static void weights_are_shares(void **state)
{
    (void)state;
    const char *const paths[] = {MLP("a"), MLP("b"), MLP("c")};
    const double all_b[] = {0, 5, 0}, three[] = {3, 3, 3};
    weld_context *ctx;
    weld_model *b;
    weld_many_options o = WELD_MANY_OPTIONS_INIT;
    OK(weld_context_create(&ctx, NULL, NULL));
    o.start = 1;
    o.weights = all_b;
    weld_model *one = merge(ctx, paths, 3, &o);
    OK(weld_model_load(&b, ctx, MLP("b"), NULL));
    assert_true(distance(b->params, one->params) == 0);
    o.weights = three;
    weld_model *equal = merge(ctx, paths, 3, &o);
    o.weights = NULL;
    weld_model *by_default = merge(ctx, paths, 3, &o);
    assert_true(distance(equal->params, by_default->params) == 0);
    weld_model_free(one);
    weld_model_free(b);
    weld_model_free(equal);
    weld_model_free(by_default);
    weld_context_free(ctx);
}

static void assert_refused(weld_context *ctx, const char *const *paths, size_t count,
                           const weld_many_options *o, weld_status status, const char *what)
{
    weld_model *merged;
    weld_report *report;
    weld_error err = WELD_ERROR_INIT;
    assert_int_equal(weld_merge_many(&merged, &report, ctx, paths, count, o, &err), status);
    assert_null(merged);
    assert_null(report);
    if (!strstr(err.message, what))
        fail_msg("'%s' does not say '%s'", err.message, what);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    const char *const paths[] = {MLP("a"), MLP("b"), WELD_MODELS "/cnn/a.onnx"};
    const double negative[] = {1, -1, 1}, zero[] = {0, 0, 0};
    weld_context *ctx;
    weld_many_options o = WELD_MANY_OPTIONS_INIT;
    OK(weld_context_create(&ctx, NULL, NULL));
    assert_refused(ctx, paths, 1, &o, WELD_E_ARGUMENT, "1 models, allowed 2 to 64");
    assert_refused(ctx, paths, 3, &o, WELD_E_MISMATCH, "cnn/a.onnx");
    o.start = 3;
    assert_refused(ctx, paths, 3, &o, WELD_E_ARGUMENT, "start is model 4, there are 3");
    o.start = -1;
    o.weights = negative;
    assert_refused(ctx, paths, 3, &o, WELD_E_ARGUMENT, "weight -1 of");
    o.weights = zero;
    assert_refused(ctx, paths, 3, &o, WELD_E_ARGUMENT, "all weights are 0");
    weld_context_free(ctx);
}

static weld_status failing_merge(weld_context *ctx, weld_error *err)
{
    const char *const paths[] = {MLP("a"), MLP("b"), MLP("c")};
    weld_model *merged = NULL;
    weld_report *report = NULL;
    const weld_status st = weld_merge_many(&merged, &report, ctx, paths, 3, NULL, err);
    weld_report_free(report);
    weld_model_free(merged);
    return st;
}

static void every_failed_allocation_is_a_status(void **state)
{
    (void)state;
    check_failed_allocations(failing_merge, 50, 97);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_model_and_its_copies_make_the_model),
                                       cmocka_unit_test(the_order_of_the_files_does_not_matter),
                                       cmocka_unit_test(matching_to_the_means_gains),
                                       cmocka_unit_test(weights_are_shares),
                                       cmocka_unit_test(what_makes_no_sense_is_refused),
                                       cmocka_unit_test(every_failed_allocation_is_a_status)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
