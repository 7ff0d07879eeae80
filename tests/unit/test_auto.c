/* --match auto: what it looks at, what it chooses, and what it says of the rest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/recipe.h"
#include "eval/midpoint.h"
#include "failing.h"
#include "pair.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static weld_model *load(weld_context *ctx, const char *path)
{
    weld_error err = WELD_ERROR_INIT;
    weld_model *model = NULL;
    if (weld_model_load(&model, ctx, path, &err) != WELD_OK)
        fail_msg("%s", err.message);
    assert_int_equal(weld_paramset_hold(model->params, NULL), WELD_OK);
    return model;
}

static weld_dataset *grey(weld_context *ctx, const char *file, int64_t samples)
{
    weld_dataset_options options = WELD_DATASET_OPTIONS_INIT;
    weld_dataset *data;
    char path[512];
    options.preset = "unit";
    options.samples_max = samples;
    snprintf(path, sizeof path, WELD_MODELS "/grey/%s.npz", file);
    OK(weld_dataset_open(&data, ctx, path, &options, NULL));
    return data;
}

static fixture open_pair(const char *a, const char *b, const char *data, int threads)
{
    fixture f = {0};
    weld_context_options options = WELD_CONTEXT_OPTIONS_INIT;
    options.threads = threads;
    OK(weld_context_create(&f.ctx, &options, NULL));
    f.a = load(f.ctx, a);
    f.b = load(f.ctx, b);
    f.data = grey(f.ctx, data, 100);
    return f;
}

static void align(fixture *f, const weld_dataset *data)
{
    weld_align_options options = WELD_ALIGN_OPTIONS_INIT;
    weld_error err = WELD_ERROR_INIT;
    options.data = data;
    options.candidates = 4;
    weld_alignment_free(f->alignment);
    if (weld_align(&f->alignment, f->a, f->b, &options, &err) != WELD_OK)
        fail_msg("%s", err.message);
    assert_string_equal(f->alignment->method, "auto");
    assert_int_equal(f->alignment->trial_count, 5);
}

#define MLP_A WELD_MODELS "/mlp/a.onnx"
#define MLP_B WELD_MODELS "/mlp/b.onnx"

static void the_least_loss_wins(void **state)
{
    (void)state;
    fixture f = open_pair(MLP_A, MLP_B, "eval", 2);
    align(&f, f.data);
    const weld_alignment *al = f.alignment;
    assert_string_equal(al->metric, "ce");
    assert_true(al->chosen > 0);
    for (int k = 0; k < al->trial_count; k++) {
        assert_string_equal(al->trials[k].failure, "");
        assert_true(al->trials[al->chosen].loss <= al->trials[k].loss);
        assert_true(k >= al->chosen || al->trials[k].loss > al->trials[al->chosen].loss);
    }
    assert_true(al->trials[0].loss > 1); /* none */
    assert_true(al->trials[al->chosen].loss < 0.4);
    close_pair(&f);
}

/* The labels of the part that judges are garbage: nothing changes. */
static void evaluation_data_are_not_looked_at(void **state)
{
    (void)state;
    fixture f = open_pair(MLP_A, MLP_B, "eval", 2);
    weld_dataset *parts[2];
    double losses[5];
    int chosen = -1;
    for (int spoilt = 0; spoilt < 2; spoilt++) {
        OK(weld_dataset_split(parts, f.data, 0, 9, NULL));
        align(&f, parts[0]);
        assert_int_equal(f.alignment->data.split_of, 100);
        for (int k = 0; k < 5; k++) {
            assert_true(!spoilt || f.alignment->trials[k].loss == losses[k]);
            losses[k] = f.alignment->trials[k].loss;
        }
        assert_true(!spoilt || f.alignment->chosen == chosen);
        chosen = f.alignment->chosen;
        for (int64_t k = 0; k < parts[1]->count; k++)
            f.data->labels[parts[1]->place[k]] = 7;
        weld_dataset_free(parts[0]);
        weld_dataset_free(parts[1]);
    }
    close_pair(&f);
}

static void what_is_connected_stays(void **state)
{
    (void)state;
    const char *const pairs[][2] = {{MLP_A, MLP_A},
                                    {WELD_MODELS "/spawned/a.onnx", WELD_MODELS "/spawned/b.onnx"}};
    for (int p = 0; p < 2; p++)
        for (int labels = 0; labels < 2; labels++) {
            fixture f = open_pair(pairs[p][0], pairs[p][1], labels ? "eval" : "match", 2);
            align(&f, f.data);
            assert_int_equal(f.alignment->chosen, 0);
            assert_true(p || labels || fabs(f.alignment->trials[0].loss) < 1e-6);
            for (int c = 0; c < f.alignment->symmetry->free_count; c++)
                for (int32_t i = 0; i < f.alignment->symmetry->classes[c].size; i++)
                    assert_int_equal(f.alignment->element->perms[c][i], i);
            close_pair(&f);
        }
}

static weld_status run_broken(weld_match_result **out, const weld_match_input *input,
                              weld_error *err)
{
    (void)input;
    *out = NULL;
    return weld_fail(err, WELD_E_UNSUPPORTED, "it's broken");
}

static void a_failing_candidate_is_left_out(void **state)
{
    (void)state;
    static const weld_matcher broken = {.name = "broken", .run = run_broken};
    const weld_candidate table[] = {{"broken", &broken, NULL, false, 0},
                                    {"good", &weld_matcher_weights, NULL, false, 0}};
    fixture f = open_pair(MLP_A, MLP_B, "eval", 2);
    weld_align_options none = WELD_ALIGN_OPTIONS_INIT;
    weld_match_result *result;
    none.method = "none";
    OK(weld_align(&f.alignment, f.a, f.b, &none, NULL));
    weld_alignment *al = f.alignment;
    OK(weld_paramset_hold(al->naive, NULL));
    const weld_match_input input = {.symmetry = al->symmetry,
                                    .shapes = al->shapes,
                                    .a = f.a->params,
                                    .b = al->naive,
                                    .data = f.data};
    const weld_merge_options plain = WELD_MERGE_OPTIONS_INIT;
    weld_recipe recipe;
    OK(weld_recipe_init(&recipe, al, &plain, NULL));
    OK(weld_choose(&result, al, &input, table, 2, &recipe, NULL));
    weld_recipe_free(&recipe);
    assert_int_equal(al->chosen, 2);
    assert_string_equal(al->trials[1].failure, "it's broken");
    assert_true(isnan(al->trials[1].loss));
    weld_match_result_free(result);
    weld_report *report;
    char *text;
    OK(weld_report_create(&report, al, NULL));
    OK(weld_report_text(&text, report, "html", NULL));
    assert_non_null(strstr(text, "it&#39;s broken"));
    weld_bytes_free(f.ctx, text);
    weld_report_free(report);
    close_pair(&f);
}

/* The divergence by its definition, from the outputs of the merged model and of the ends. */
static double divergence(const double *a, const double *b, const double *z)
{
    double of[3] = {0, 0, 0}, sum = 0;
    for (int c = 0; c < 10; c++) {
        of[0] += exp(a[c]);
        of[1] += exp(b[c]);
        of[2] += exp(z[c]);
    }
    for (int c = 0; c < 10; c++) {
        const double p = (exp(a[c]) / of[0] + exp(b[c]) / of[1]) / 2;
        sum += p * log(p / (exp(z[c]) / of[2]));
    }
    return sum;
}

static void read_outputs(double *out, const weld_model *model, const weld_dataset *data, int each)
{
    weld_values *values;
    OK(weld_model_run_data(&values, model, data, NULL, NULL));
    const weld_array array = weld_values_at(values, 0);
    for (int k = 0; k < 100 * each; k++)
        out[k] = (double)array.f[k];
    weld_values_free(values);
}

static void without_labels_the_ends_are_agreed_with(void **state)
{
    (void)state;
    static double outputs[3][100 * 512];
    const char *const pairs[][2] = {{MLP_A, MLP_B},
                                    {WELD_GRAPHS "/picture.onnx", WELD_GRAPHS "/picture.onnx"}};
    for (int p = 0; p < 2; p++) {
        fixture f = open_pair(pairs[p][0], pairs[p][1], "match", 2);
        const int each = p ? 512 : 10;
        weld_model *merged;
        double sum = 0;
        for (int k = 0; k < 9 && p; k++) /* another picture */
            ((float *)f.b->params->arrays[0])[k] += 0.1F;
        align(&f, f.data);
        assert_string_equal(f.alignment->metric, p ? "mse" : "kl");
        OK(weld_merge(&merged, f.alignment, NULL, NULL));
        read_outputs(outputs[0], f.a, f.data, each);
        read_outputs(outputs[1], f.b, f.data, each);
        read_outputs(outputs[2], merged, f.data, each);
        for (int i = 0; i < 100 && !p; i++)
            sum += divergence(outputs[0] + 10 * i, outputs[1] + 10 * i, outputs[2] + 10 * i) / 100;
        for (int i = 0; i < 100 * 512 && p; i++)
            sum += pow(outputs[2][i] - (outputs[0][i] + outputs[1][i]) / 2, 2) / (100 * 512);
        assert_true(sum > 0);
        const double got = f.alignment->trials[f.alignment->chosen].loss;
        if (!(fabs(got - sum) < 1e-5 * sum + 1e-12))
            fail_msg("loss %g, by definition %g", got, sum);
        weld_model_free(merged);
        close_pair(&f);
    }
}

static void threads_change_nothing(void **state)
{
    (void)state;
    for (int labels = 0; labels < 2; labels++) {
        fixture one = open_pair(MLP_A, MLP_B, labels ? "eval" : "match", 1);
        fixture two = open_pair(MLP_A, MLP_B, labels ? "eval" : "match", 2);
        align(&one, one.data);
        align(&two, two.data);
        assert_int_equal(one.alignment->chosen, two.alignment->chosen);
        for (int k = 0; k < 5; k++)
            assert_true(one.alignment->trials[k].loss == two.alignment->trials[k].loss);
        close_pair(&one);
        close_pair(&two);
    }
}

/* ---- with allocations failing ---------------------------------------------------- */

static weld_status job(weld_context *ctx, weld_error *err)
{
    weld_dataset_options set = WELD_DATASET_OPTIONS_INIT;
    weld_align_options options = WELD_ALIGN_OPTIONS_INIT;
    weld_model *a = NULL, *b = NULL;
    weld_dataset *data = NULL, *parts[2] = {NULL, NULL};
    weld_alignment *alignment = NULL;
    set.preset = "unit";
    set.samples_max = 20;
    options.candidates = 2;
    weld_status st = weld_model_load(&a, ctx, MLP_A, err);
    if (st == WELD_OK)
        st = weld_model_load(&b, ctx, MLP_B, err);
    if (st == WELD_OK)
        st = weld_dataset_open(&data, ctx, WELD_MODELS "/grey/eval.npz", &set, err);
    if (st == WELD_OK)
        st = weld_dataset_split(parts, data, 0, 0, err);
    options.data = parts[0];
    if (st == WELD_OK)
        st = weld_align(&alignment, a, b, &options, err);
    weld_alignment_free(alignment);
    weld_dataset_free(parts[0]);
    weld_dataset_free(parts[1]);
    weld_dataset_free(data);
    weld_model_free(b);
    weld_model_free(a);
    return st;
}

static void failed_allocations_are_a_status(void **state)
{
    (void)state;
    check_failed_allocations(job, 1, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_loss_wins),
        cmocka_unit_test(evaluation_data_are_not_looked_at),
        cmocka_unit_test(what_is_connected_stays),
        cmocka_unit_test(a_failing_candidate_is_left_out),
        cmocka_unit_test(without_labels_the_ends_are_agreed_with),
        cmocka_unit_test(threads_change_nothing),
        cmocka_unit_test(failed_allocations_are_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
