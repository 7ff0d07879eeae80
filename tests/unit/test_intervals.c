/* Intervals of what is no mean over all samples, how often they hold the true figures by simulation: means
 * that leave samples out, ratios of sums, the calibrated loss, drops of an accuracy; Clopper and Pearson's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"
#include "eval/bootstrap.h"
#include "eval/calibrate.h"
#include <math.h>
#include <onnxweld.h>
#include <string.h>

#define OK(call) assert_int_equal((call), WELD_OK)

enum { SAMPLES = 400, RESAMPLES = 200, TRIALS = 1000, CLASSES = 3, GROUP = 4, NUMBERS = 52 };
enum { GROUPS = SAMPLES / GROUP, MANY = 1000000 };

/* How far the threshold of B and of the merge lies below that of A. */
static const double worlds[][2] = {{0, 0.2}, {0.4, 0.5}};
enum { WORLDS = sizeof worlds / sizeof worlds[0] };

typedef struct sketch {
    double spread[SAMPLES];           /* exp(normal), NaN for one in ten */
    double squares[GROUPS][3];        /* |d|^2, |x|^2, |x - d|^2 */
    weld_heat heat[GROUPS][2];        /* of class scores */
    double drops[WORLDS][2][SAMPLES]; /* A less the merge, B less the merge */
} sketch;

/* ---- the worlds -------------------------------------------------------------------------------- */

static void add_scores(weld_heat heat[2], int64_t sample, weld_rng *rng)
{
    float z[CLASSES];
    double room[2 * CLASSES];
    const int64_t label = weld_rng_below(rng, CLASSES);
    for (int c = 0; c < CLASSES; c++)
        z[c] = (float)(3 * ((c == label) + 0.8 * weld_rng_normal(rng)));
    weld_heat_add(&heat[sample % 2], z, CLASSES, label, room);
}

/* d = (x + y) / 2 with x and y alike: dist = 1/2 / sqrt(1 * 1/2). */
static const double true_ratio = 0.70710678118654752;

/* Features of eight units, larger for one sample than for another. */
static void add_squares(double sums[3], weld_rng *rng)
{
    const double scale = exp(0.3 * weld_rng_normal(rng));
    for (int u = 0; u < 8; u++) {
        const double x = scale * weld_rng_normal(rng), d = (x + scale * weld_rng_normal(rng)) / 2;
        sums[0] += d * d;
        sums[1] += x * x;
        sums[2] += (x - d) * (x - d);
    }
}

static void ratio(double *out, int count, const double *sums)
{
    assert_int_equal(count, 1);
    out[0] = sums[0] / sqrt(sums[1] * sums[2]);
}

static void calibrated(double *out, int count, const double *sums)
{
    assert_int_equal(count, 1);
    out[0] = weld_calibrate((const weld_heat *)sums).loss;
}

/* Of networks that share what makes a sample hard. */
static void draw_drops(double *a, double *b, const double shift[2], weld_rng *rng)
{
    const double own = weld_rng_normal(rng);
    const bool merged = own + 0.5 * weld_rng_normal(rng) < 1.2 - shift[1];
    *a = (own + 0.5 * weld_rng_normal(rng) < 1.2) - merged;
    *b = (own + 0.5 * weld_rng_normal(rng) < 1.2 - shift[0]) - merged;
}

static double true_share(double shift)
{
    return 1 - 0.5 * erfc((1.2 - shift) / sqrt(1.25) / sqrt(2));
}

static void draw(sketch *s, uint64_t trial)
{
    weld_rng rng;
    memset(s, 0, sizeof *s);
    weld_rng_seed(&rng, 13, trial);
    for (int i = 0; i < SAMPLES; i++) {
        const double x = exp(weld_rng_normal(&rng));
        s->spread[i] = weld_rng_below(&rng, 10) ? x : NAN;
        add_squares(s->squares[i / GROUP], &rng);
        add_scores(s->heat[i / GROUP], i, &rng);
        for (int w = 0; w < WORLDS; w++)
            draw_drops(&s->drops[w][0][i], &s->drops[w][1][i], worlds[w], &rng);
    }
}

/* The loss that all samples there are would give. */
static double true_calibrated(void)
{
    weld_heat heat[2] = {0};
    weld_rng rng;
    weld_rng_seed(&rng, 17, 0);
    for (int64_t i = 0; i < MANY; i++)
        add_scores(heat, i, &rng);
    return weld_calibrate(heat).loss;
}

/* ---- trials ------------------------------------------------------------------------------------ */

enum { SPREAD, RATIO, CALIBRATED, DROP, FIGURES = DROP + WORLDS };
static const char *const names[FIGURES] = {"mean of what is left", "ratio of sums",
                                           "calibrated loss", "drop, ends alike", "drop, B worse"};

static void bound(weld_bounds out[FIGURES], weld_context *ctx, const sketch *s, uint64_t seed)
{
    weld_curve_bounds bounds[FIGURES];
    weld_curve curves[FIGURES] = {
        {.kind = WELD_CURVE_SPREAD, .count = 1, .y = s->spread, .stride = SAMPLES},
        {.count = 1, .y = s->squares[0], .stride = 3, .figures = ratio, .columns = 3},
        {.count = 1,
         .y = (const double *)s->heat,
         .stride = 2 * NUMBERS,
         .figures = calibrated,
         .columns = 2 * NUMBERS}};
    weld_arena arena;
    weld_arena_init(&arena, ctx);
    for (int w = 0; w < WORLDS; w++)
        curves[DROP + w] = (weld_curve){
            .kind = WELD_CURVE_DROPS, .count = 2, .y = s->drops[w][0], .stride = SAMPLES};
    for (int k = 0; k < FIGURES; k++)
        curves[k].out = &bounds[k];
    const weld_bootstrap_input in = {.ctx = ctx,
                                     .samples = SAMPLES,
                                     .group = GROUP,
                                     .curves = curves,
                                     .curve_count = FIGURES,
                                     .resamples = RESAMPLES,
                                     .seed = seed};
    OK(weld_bootstrap(&arena, &in, NULL));
    for (int k = 0; k < FIGURES; k++)
        out[k] = k < DROP ? bounds[k].at[0] : weld_least(bounds[k].at, 2);
    weld_arena_free(&arena);
}

static void intervals_hold_what_is_true(void **state)
{
    (void)state;
    static sketch s;
    int outside[FIGURES] = {0}, exceeded[FIGURES] = {0};
    double truth[FIGURES] = {exp(0.5), true_ratio, true_calibrated()};
    weld_context *ctx;
    weld_context_options options = WELD_CONTEXT_OPTIONS_INIT;
    options.threads = 1; /* small jobs, and thousands of them */
    OK(weld_context_create(&ctx, &options, NULL));
    for (int w = 0; w < WORLDS; w++)
        truth[DROP + w] = true_share(worlds[w][0]) - true_share(worlds[w][1]);
    for (int trial = 0; trial < TRIALS; trial++) {
        weld_bounds b[FIGURES];
        draw(&s, (uint64_t)trial);
        bound(b, ctx, &s, (uint64_t)trial);
        for (int k = 0; k < FIGURES; k++) {
            outside[k] += truth[k] < b[k].ci95.low || truth[k] > b[k].ci95.high;
            exceeded[k] += truth[k] > b[k].upper95;
        }
    }
    for (int k = 0; k < FIGURES; k++) {
        print_message("%-20s out of its interval %.1f %%, above its bound %.1f %%\n", names[k],
                      100.0 * outside[k] / TRIALS, 100.0 * exceeded[k] / TRIALS);
        /* 5 % wanted; three deviations of 1,000 trials are 2 points, and quantiles of 200 resamples
         * add to it. A drop's lower limit holds for both ends at once: it may hold more often. */
        assert_true(outside[k] <= 0.075 * TRIALS && exceeded[k] <= 0.075 * TRIALS);
        assert_true(outside[k] >= (k < DROP ? 0.025 : 0.005) * TRIALS);
    }
    weld_context_free(ctx);
}

/* ---- what does not depend on chance ------------------------------------------------------------- */

/* Groups of one sample: sums of y and of 1, whose ratio is the mean. */
static void mean_of_sums(double *out, int count, const double *sums)
{
    assert_int_equal(count, 1);
    out[0] = sums[0] / sums[1];
}

static void groups_of_one_are_samples(void **state)
{
    (void)state;
    enum { N = 3000 };
    static double y[N], pairs[N][2];
    weld_rng rng;
    weld_context *ctx;
    weld_arena arena;
    weld_curve_bounds out[2];
    OK(weld_context_create(&ctx, NULL, NULL));
    weld_arena_init(&arena, ctx);
    weld_rng_seed(&rng, 5, 0);
    for (int i = 0; i < N; i++) {
        y[i] = pairs[i][0] = weld_rng_normal(&rng);
        pairs[i][1] = 1;
    }
    const weld_curve curves[2] = {
        {.kind = WELD_CURVE_LOSS, .count = 1, .y = y, .stride = N, .out = &out[0]},
        {.count = 1,
         .y = pairs[0],
         .stride = 2,
         .figures = mean_of_sums,
         .columns = 2,
         .out = &out[1]}};
    const weld_bootstrap_input in = {.ctx = ctx,
                                     .samples = N,
                                     .group = 1,
                                     .curves = curves,
                                     .curve_count = 2,
                                     .resamples = 500,
                                     .seed = 9};
    OK(weld_bootstrap(&arena, &in, NULL));
    /* But for the one more sample, at most 1 / N of the range (some 8) away. */
    assert_true(fabs(out[0].at->ci95.low - out[1].at->ci95.low) < 8.0 / N);
    assert_true(fabs(out[0].at->upper95 - out[1].at->upper95) < 8.0 / N);
    assert_true(out[1].at->ci95.low > out[0].at->ci95.low);
    weld_arena_free(&arena);
    weld_context_free(ctx);
}

static void shares_have_clopper_and_pearsons_limits(void **state)
{
    (void)state;
    static const struct {
        int64_t hits, samples;
        double low, high; /* scipy.stats.binomtest(hits, samples).proportion_ci() */
    } cases[] = {{0, 100, 0, 0.03621669264519054},
                 {7, 20, 0.1539092047845412, 0.5921885345328283},
                 {100000, 100000, 0.9999631118858424, 1},
                 {500000, 1000000, 0.49901951919531173, 0.5009804808046883}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        const weld_interval x = weld_share_interval(cases[k].hits, cases[k].samples);
        if (fabs(x.low - cases[k].low) > 1e-10 || fabs(x.high - cases[k].high) > 1e-10)
            fail_msg("%lld of %lld: %.12g to %.12g", (long long)cases[k].hits,
                     (long long)cases[k].samples, x.low, x.high);
    }
    assert_true(isnan(weld_share_interval(0, 0).low));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_hold_what_is_true),
        cmocka_unit_test(groups_of_one_are_samples),
        cmocka_unit_test(shares_have_clopper_and_pearsons_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
