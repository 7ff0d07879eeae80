/* What is measured along a path: which figures there are, calibration, failures. The formulas have their
 * twin in tests/oracle/measures.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "failing.h"

#include "core/rng.h"
#include "eval/calibrate.h"
#include "eval/loss.h"
#include "eval/scores.h"
#include "eval/spread.h"
#include <math.h>
#include <string.h>

#define OK(call) assert_int_equal((call), WELD_OK)

static const weld_shape scores10 = {2, {32, 10}}, scores100 = {3, {32, 1, 100}},
                        picture = {4, {32, 3, 8, 8}};

static void the_data_decide_what_is_measured(void **state)
{
    (void)state;
    weld_score_set s;
    OK(weld_score_set_read(&s, NULL, WELD_TRUTH_LABELS, &scores10, NULL));
    assert_true(s.loss == WELD_LOSS_CE && s.labels && s.has[WELD_SCORE_CORRECT] &&
                !s.has[WELD_SCORE_TOP5]);
    assert_string_equal(weld_score_set_loss(&s), "ce");
    OK(weld_score_set_read(&s, NULL, WELD_TRUTH_LABELS, &scores100, NULL));
    assert_true(s.has[WELD_SCORE_TOP5]);
    OK(weld_score_set_read(&s, NULL, WELD_TRUTH_NONE, &scores100, NULL));
    assert_true(s.loss == WELD_LOSS_MIX && !s.labels && s.has[WELD_SCORE_LOSS] &&
                s.has[WELD_SCORE_AGREE_B]);
    assert_string_equal(weld_score_set_loss(&s), "mse");
    OK(weld_score_set_read(&s, NULL, WELD_TRUTH_NONE, &picture, NULL));
    assert_true(s.has[WELD_SCORE_MSE_A] && !s.has[WELD_SCORE_AGREE_A]);
}

static void bad_metrics_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *metric;
        weld_truth truth;
        const weld_shape *logits;
        const char *message;
    } cases[] = {
        {"ce,f1", WELD_TRUTH_LABELS, &scores10, "metric 'f1', allowed ce, top1, top5, mse, agree"},
        {"ce,", WELD_TRUTH_LABELS, &scores10, "metric '', allowed ce, top1, top5, mse, agree"},
        {"top", WELD_TRUTH_LABELS, &scores10, "metric 'top', allowed ce, top1, top5, mse, agree"},
        {"mse,top1", WELD_TRUTH_NONE, &scores10, "metric top1 needs labels"},
        {"top1,agree", WELD_TRUTH_LABELS, &scores10,
         "metric 'top1,agree' has no loss for the path, ce or mse"},
        {"ce", WELD_TRUTH_TARGETS, &scores10,
         "metric ce needs labels that are class numbers, integers"},
        {"mse,agree", WELD_TRUTH_NONE, &picture,
         "metric agree needs class scores, and the output that the loss is of has none"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        weld_error err = WELD_ERROR_INIT;
        weld_score_set s;
        assert_int_equal(
            weld_score_set_read(&s, cases[k].metric, cases[k].truth, cases[k].logits, &err),
            WELD_E_ARGUMENT);
        assert_string_equal(err.message, cases[k].message);
    }
}

static void outputs_are_scored(void **state)
{
    (void)state;
    static const float z[7] = {1, 5, 3, 3, 3, 3, 9}, a[7] = {0, 0, 0, 0, 0, 0, 1},
                       b[7] = {1, 5, 3, 3, 3, 3, 2};
    double out[WELD_SCORES];
    weld_score_set s;
    static const double target[7] = {1, 5, 3, 3, 3, 3, 6};
    weld_outputs_of of = {z, a, b, 7, 3, target, 0};
    OK(weld_score_set_read(&s, "mse,agree,top1,top5", WELD_TRUTH_LABELS, &scores10, NULL));
    weld_score_outputs(out, &s, &of);
    assert_true(out[WELD_SCORE_LOSS] == 7 && out[WELD_SCORE_MSE_B] == 7); /* (9 - 2)^2 / 7 */
    assert_true(out[WELD_SCORE_AGREE_A] == 1 && out[WELD_SCORE_AGREE_B] == 0);
    assert_true(out[WELD_SCORE_CORRECT] == 0 && out[WELD_SCORE_TOP5] == 1);
    OK(weld_score_set_read(&s, NULL, WELD_TRUTH_TARGETS, &scores10, NULL));
    assert_string_equal(weld_score_set_loss(&s), "mse_target");
    weld_score_outputs(out, &s, &of);
    assert_true(fabs(out[WELD_SCORE_LOSS] - 9.0 / 7) < 1e-15 && out[WELD_SCORE_MSE_B] == 7);
    OK(weld_score_set_read(&s, "ce,top5", WELD_TRUTH_LABELS, &scores10, NULL));
    of.label = 5; /* the sixth: equal scores of lower index come before it */
    weld_score_outputs(out, &s, &of);
    assert_true(out[WELD_SCORE_TOP5] == 0);
}

/* ---- calibration -------------------------------------------------------------------------------- */

enum { CLASSES = 5, SAMPLES = 200 };

/* Mean cross-entropy of z / T over one half. */
static double loss_at(const float *z, const int64_t *labels, int half, double temperature)
{
    double sum = 0;
    for (int i = half; i < SAMPLES; i += 2) {
        double loss = 0;
        for (int c = 0; c < CLASSES; c++)
            loss += exp((double)z[i * CLASSES + c] / temperature);
        sum += log(loss) - (double)z[i * CLASSES + labels[i]] / temperature;
    }
    return sum / (SAMPLES / 2.0);
}

/* By golden section on log T. */
static double best_temperature(const float *z, const int64_t *labels, int half)
{
    const double golden = (sqrt(5) - 1) / 2;
    double low = -log(16), high = log(16);
    while (high - low > 1e-9) {
        const double x = high - golden * (high - low), y = low + golden * (high - low);
        if (loss_at(z, labels, half, exp(x)) < loss_at(z, labels, half, exp(y)))
            high = y;
        else
            low = x;
    }
    return exp(low);
}

static void draw_scores(float *z, int64_t *labels, double scale, double noise)
{
    weld_rng rng;
    weld_rng_seed(&rng, 11, 0);
    for (int i = 0; i < SAMPLES; i++) {
        labels[i] = weld_rng_below(&rng, CLASSES);
        for (int c = 0; c < CLASSES; c++)
            z[i * CLASSES + c] =
                (float)(scale * ((c == labels[i]) + noise * weld_rng_normal(&rng)));
    }
}

static void calibration_finds_the_best_temperature(void **state)
{
    (void)state;
    for (int k = 0; k < 4; k++) {
        static const double scales[] = {0.3, 1, 4, 20};
        float z[SAMPLES * CLASSES];
        int64_t labels[SAMPLES];
        double room[2 * CLASSES];
        weld_heat halves[2] = {0};
        draw_scores(z, labels, scales[k], 0.7);
        for (int i = 0; i < SAMPLES; i++)
            weld_heat_add(&halves[i % 2], z + i * CLASSES, CLASSES, labels[i], room);
        const weld_calibrated c = weld_calibrate(halves);
        double t[2];
        for (int h = 0; h < 2; h++) {
            t[h] = best_temperature(z, labels, h);
            assert_true(fabs(log(c.temperature[h] / t[h])) < 1e-5);
        }
        const double loss = (loss_at(z, labels, 0, t[1]) + loss_at(z, labels, 1, t[0])) / 2;
        assert_true(fabs(c.loss - loss) < 1e-6);
    }
}

static void calibration_has_its_limits(void **state)
{
    (void)state;
    float z[SAMPLES * CLASSES];
    int64_t labels[SAMPLES];
    double room[2 * CLASSES];
    weld_heat halves[2] = {0};
    draw_scores(z, labels, 1, 0); /* always right: the colder the better */
    for (int i = 0; i < SAMPLES; i++)
        weld_heat_add(&halves[i % 2], z + i * CLASSES, CLASSES, labels[i], room);
    assert_true(fabs(weld_calibrate(halves).temperature[0] - 1.0 / 16) < 1e-12);
    weld_heat one[2] = {halves[0]};
    assert_true(isnan(weld_calibrate(one).loss)); /* the other half is empty */
    z[0] = NAN;
    weld_heat_add(&halves[0], z, CLASSES, labels[0], room);
    assert_true(isnan(weld_calibrate(halves).loss));
}

static void spreads_leave_out_what_is_no_number(void **state)
{
    (void)state;
    double x[11], room[11];
    weld_spread s;
    for (int k = 0; k < 11; k++)
        x[k] = k == 4 ? NAN : k < 4 ? k : k - 1; /* 0 to 9 */
    assert_int_equal(weld_spread_of(&s, x, 11, room), 1);
    assert_true(s.mean == 4.5 && fabs(s.std - sqrt(8.25)) < 1e-15);
    assert_true(fabs(s.q05 - 0.45) < 1e-15 && s.q50 == 4.5 && fabs(s.q95 - 8.55) < 1e-14);
    x[0] = NAN;
    assert_int_equal(weld_spread_of(&s, x, 1, room), 1);
    assert_true(isnan(s.mean) && isnan(s.q50));
}

/* ---- failures ----------------------------------------------------------------------------------- */

static weld_status measure_mlp(weld_context *ctx, weld_error *err)
{
    weld_model *a = NULL, *b = NULL;
    weld_alignment *al = NULL;
    weld_dataset *data = NULL;
    weld_report *r = NULL;
    weld_dataset_options options = WELD_DATASET_OPTIONS_INIT;
    weld_measure_options measuring = WELD_MEASURE_OPTIONS_INIT;
    weld_align_options how = WELD_ALIGN_OPTIONS_INIT;
    static const double alpha[] = {0, 0.5, 1};
    options.samples_max = 8;
    how.method = "none";
    measuring.alpha = measuring.llfc_alpha = alpha;
    measuring.alpha_count = measuring.llfc_alpha_count = 3;
    measuring.resamples = 100;
    weld_status st = weld_model_load(&a, ctx, WELD_MODELS "/mlp/a.onnx", err);
    if (st == WELD_OK)
        st = weld_model_load(&b, ctx, WELD_MODELS "/mlp/b.onnx", err);
    if (st == WELD_OK)
        st = weld_align(&al, a, b, &how, err);
    if (st == WELD_OK)
        st = weld_dataset_open(&data, ctx, WELD_MODELS "/grey/eval.npz", &options, err);
    if (st == WELD_OK)
        st = weld_report_create(&r, al, err);
    if (st == WELD_OK)
        st = weld_report_measure(r, al, data, &measuring, err);
    weld_report_free(r);
    weld_dataset_free(data);
    weld_alignment_free(al);
    weld_model_free(b);
    weld_model_free(a);
    return st;
}

static void failed_allocations_are_a_status(void **state)
{
    (void)state;
    check_failed_allocations(measure_mlp, 1, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_data_decide_what_is_measured),
        cmocka_unit_test(bad_metrics_are_refused),
        cmocka_unit_test(outputs_are_scored),
        cmocka_unit_test(calibration_finds_the_best_temperature),
        cmocka_unit_test(calibration_has_its_limits),
        cmocka_unit_test(spreads_leave_out_what_is_no_number),
        cmocka_unit_test(failed_allocations_are_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
