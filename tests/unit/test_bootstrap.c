/* Intervals along a path: how often they hold the true figures, by simulation; and where no chance is
 * involved, what they have to be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "failing.h"

#include "core/rng.h"
#include "eval/bootstrap.h"
#include <math.h>
#include <stdatomic.h>

#define OK(call) assert_int_equal((call), WELD_OK)

enum { POINTS = 5, SAMPLES = 400, RESAMPLES = 200, TRIALS = 1000 };
static const double alphas[POINTS] = {0, 0.25, 0.5, 0.75, 1};

/* How a sample of a made-up path comes about: a score of its own, noise at every point, a hill. */
typedef struct world {
    const char *name;
    double mean, spread, noise, hill[POINTS];
    bool share; /* whether the score is below 0, else log(1 + exp(score)) */
    bool rare;
} world;

static const world worlds[] = {
    {"flat losses", -4, 2.5, 0.7, {0, 0, 0, 0, 0}, false, false},
    {"losses with a hill", -4, 2.5, 0.7, {0, 0.6, 0.9, 0.6, 0}, false, false},
    {"losses with a hollow", -2, 1, 0.3, {0, -0.6, -0.9, -0.6, 0}, false, false},
    {"flat errors", -4, 2.5, 0.7, {0, 0, 0, 0, 0}, true, false},
    {"errors with a hill", -4, 2.5, 0.7, {0, 0.3, 0.9, 0.6, 0}, true, false},
    {"one error in hundreds", -9, 2.9, 0.7, {0, 0.5, 1, 0.5, 0}, true, true},
};
enum { WORLDS = sizeof worlds / sizeof worlds[0] };

static void draw_sample(double *y, int64_t stride, const world *w, weld_rng *rng)
{
    const double own = w->mean + w->spread * weld_rng_normal(rng);
    for (int k = 0; k < POINTS; k++) {
        const double score = own + w->hill[k] + w->noise * weld_rng_normal(rng);
        y[k * stride] = w->share ? score < 0 : log1p(exp(score));
    }
}

/* The mean of a point by the trapezoid rule over the score's density. */
static double true_mean(const world *w, int k)
{
    const double sd = hypot(w->spread, w->noise), mean = w->mean + w->hill[k], step = 1e-3;
    if (w->share)
        return 0.5 * erfc(mean / sd / sqrt(2));
    double sum = 0;
    for (double z = -10; z < 10; z += step)
        sum += log1p(exp(mean + sd * z)) * exp(-z * z / 2) * step / sqrt(2 * acos(-1));
    return sum;
}

static double true_gap(const world *w, const double *mean, int k, bool midpoint)
{
    const double a = midpoint ? 0.5 : alphas[k];
    return (w->share ? -1 : 1) * (mean[k] - a * mean[POINTS - 1] - (1 - a) * mean[0]);
}

typedef struct tally {
    int held[POINTS];            /* intervals with the true mean */
    int exceeded[2], outside[2]; /* chord, midpoint: barrier above upper95; not in ci95 */
    double width; /* mean of what upper95 of the chord lies above the true one, in deviations */
} tally;

/* Of the mean gap in the middle. */
static double deviation_of(const double *y)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < SAMPLES; i++) {
        const double gap = y[POINTS / 2 * SAMPLES + i] - (y[(POINTS - 1) * SAMPLES + i] + y[i]) / 2;
        sum += gap;
        squares += gap * gap;
    }
    return sqrt((squares - sum * sum / SAMPLES) / SAMPLES / SAMPLES);
}

static void draw(double *y, int samples, const world *w, uint64_t seed)
{
    weld_rng rng;
    weld_rng_seed(&rng, 7, seed);
    for (int i = 0; i < samples; i++)
        draw_sample(y + i, samples, w, &rng);
}

/* POINTS at alphas, `samples` of each one after the other. */
static weld_curve path_of(const double *y, int64_t samples, bool share, weld_curve_bounds *out)
{
    return (weld_curve){.kind = share ? WELD_CURVE_SHARE : WELD_CURVE_LOSS,
                        .alpha = alphas,
                        .count = POINTS,
                        .y = y,
                        .stride = samples,
                        .out = out};
}

static void bound(weld_arena *arena, const weld_curve *curves, int count, int64_t samples,
                  int64_t group, uint64_t seed)
{
    const weld_bootstrap_input in = {.ctx = arena->ctx,
                                     .samples = samples,
                                     .group = group,
                                     .curves = curves,
                                     .curve_count = count,
                                     .resamples = RESAMPLES,
                                     .seed = seed};
    OK(weld_bootstrap(arena, &in, NULL));
}

static bool holds(const weld_bounds *bounds, double x)
{
    return bounds->ci95.low <= x && x <= bounds->ci95.high;
}

static void one_trial(tally *t, weld_context *ctx, const world *w, const double *mean, int trial)
{
    static double y[POINTS * SAMPLES];
    weld_curve_bounds out;
    const weld_curve curve = path_of(y, SAMPLES, w->share, &out);
    weld_arena arena;
    weld_arena_init(&arena, ctx);
    draw(y, SAMPLES, w, (uint64_t)trial);
    bound(&arena, &curve, 1, SAMPLES, 1, (uint64_t)trial);
    for (int k = 0; k < POINTS; k++)
        t->held[k] += holds(&out.at[k], mean[k]);
    const weld_bounds *both[2] = {&out.chord, &out.midpoint};
    for (int m = 0; m < 2; m++) {
        double barrier = 0;
        for (int k = 0; k < POINTS; k++)
            barrier = fmax(barrier, true_gap(w, mean, k, m));
        t->exceeded[m] += barrier > both[m]->upper95;
        t->outside[m] += barrier < both[m]->ci95.low || barrier > both[m]->ci95.high;
        assert_true(0 <= both[m]->ci95.low && both[m]->ci95.low <= both[m]->upper95);
        assert_true(both[m]->upper95 <= both[m]->ci95.high);
        if (m == 0)
            t->width += (both[m]->upper95 - barrier) / deviation_of(y) / TRIALS;
    }
    weld_arena_free(&arena);
}

/* Of TRIALS; a rare event is held too often, as it can't be otherwise with so few samples. */
static void check_tally(const tally *t, const world *w)
{
    print_message("%-21s means held %.1f to %.1f %%, barrier above its bound %.1f, %.1f %%, out of "
                  "its interval %.1f, %.1f %%\n",
                  w->name, 100.0 * t->held[0] / TRIALS, 100.0 * t->held[2] / TRIALS,
                  100.0 * t->exceeded[0] / TRIALS, 100.0 * t->exceeded[1] / TRIALS,
                  100.0 * t->outside[0] / TRIALS, 100.0 * t->outside[1] / TRIALS);
    for (int k = 0; k < POINTS; k++) {
        assert_true(t->held[k] >= 0.93 * TRIALS);
        assert_true(w->rare || t->held[k] <= 0.97 * TRIALS);
    }
    for (int m = 0; m < 2; m++) {
        assert_true(t->exceeded[m] <= 0.06 * TRIALS);
        assert_true(t->outside[m] <= 0.06 * TRIALS);
    }
    assert_true(w->rare || t->width < 3.5);
}

static void intervals_hold_what_is_true(void **state)
{
    (void)state;
    weld_context *ctx;
    weld_context_options options = WELD_CONTEXT_OPTIONS_INIT;
    options.threads = 1; /* small jobs, and thousands of them */
    OK(weld_context_create(&ctx, &options, NULL));
    for (int n = 0; n < WORLDS; n++) {
        tally t = {0};
        double mean[POINTS];
        for (int k = 0; k < POINTS; k++)
            mean[k] = true_mean(&worlds[n], k);
        for (int trial = 0; trial < TRIALS; trial++)
            one_trial(&t, ctx, &worlds[n], mean, trial);
        check_tally(&t, &worlds[n]);
    }
    weld_context_free(ctx);
}

/* ---- what does not depend on chance ------------------------------------------------------------- */

static void nothing_seen_leaves_three_in_n(void **state)
{
    (void)state;
    enum { N = 100 };
    static double right[POINTS * N], same[POINTS * N];
    weld_context *ctx;
    weld_arena arena;
    weld_curve_bounds out[2];
    const weld_curve curves[2] = {path_of(right, N, true, &out[0]),
                                  path_of(same, N, false, &out[1])};
    OK(weld_context_create(&ctx, NULL, NULL));
    weld_arena_init(&arena, ctx);
    for (int i = 0; i < POINTS * N; i++) {
        right[i] = 1;
        same[i] = i % N;
    }
    bound(&arena, curves, 2, N, 1, 0);
    /* Clopper and Pearson, but for the quantile's noise: p (1 - p) / density^2 / RESAMPLES. */
    const double exact = 1 - pow(0.05, 1.0 / N), noise = sqrt(0.95 / 0.05 / RESAMPLES) / N;
    assert_true(fabs(out[0].chord.upper95 - exact) < 3 * noise);
    assert_true(out[0].chord.ci95.low == 0 && out[0].at[2].ci95.high == 1);
    assert_true(fabs(1 - out[0].at[2].ci95.low - (1 - pow(0.025, 1.0 / N))) < 5 * noise);
    /* A line that every sample follows has no barrier. */
    assert_true(out[1].chord.upper95 == 0 && out[1].chord.ci95.high == 0);
    weld_arena_free(&arena);
    weld_context_free(ctx);
}

static void what_is_not_finite_is_not_known(void **state)
{
    (void)state;
    enum { N = 30 };
    static double y[POINTS * N];
    weld_context *ctx;
    weld_arena arena;
    weld_curve_bounds out;
    const weld_curve curve = path_of(y, N, false, &out);
    OK(weld_context_create(&ctx, NULL, NULL));
    weld_arena_init(&arena, ctx);
    y[2 * N + 5] = INFINITY;
    bound(&arena, &curve, 1, N, 1, 0);
    assert_true(isnan(out.at[2].ci95.low) && isnan(out.at[2].ci95.high) &&
                out.at[1].ci95.high == 0);
    assert_true(isnan(out.chord.upper95) && isnan(out.midpoint.ci95.low));
    weld_arena_free(&arena);
    weld_context_free(ctx);
}

static void threads_and_neighbours_change_nothing(void **state)
{
    (void)state;
    enum { N = 5000 };
    static double y[2][POINTS * N];
    weld_curve_bounds out[3][2];
    weld_arena arenas[3];
    weld_context *ctx[3];
    draw(y[0], N, &worlds[1], 1);
    draw(y[1], N, &worlds[4], 2);
    for (int t = 0; t < 3; t++) {
        weld_context_options options = WELD_CONTEXT_OPTIONS_INIT;
        options.threads = t + 1;
        OK(weld_context_create(&ctx[t], &options, NULL));
        weld_arena_init(&arenas[t], ctx[t]);
        const weld_curve curves[2] = {path_of(y[0], N, false, &out[t][0]),
                                      path_of(y[1], N, true, &out[t][1])};
        bound(&arenas[t], curves, t < 2 ? 2 : 1, N, 10, 3);
        assert_true(out[t][0].chord.upper95 == out[0][0].chord.upper95);
        assert_true(out[t][0].midpoint.ci95.low == out[0][0].midpoint.ci95.low);
        for (int k = 0; k < POINTS; k++)
            assert_true(out[t][0].at[k].ci95.low == out[0][0].at[k].ci95.low);
    }
    assert_true(out[1][1].chord.upper95 == out[0][1].chord.upper95);
    for (int t = 0; t < 3; t++) {
        weld_arena_free(&arenas[t]);
        weld_context_free(ctx[t]);
    }
}

static weld_status small_job(weld_context *ctx, weld_error *err)
{
    static const double y[POINTS * 3] = {1, 2, 3, 4};
    weld_curve_bounds out;
    const weld_curve curve = path_of(y, 3, false, &out);
    const weld_bootstrap_input in = {ctx, 3, 1, &curve, 1, 10, 0};
    weld_arena arena;
    weld_arena_init(&arena, ctx);
    const weld_status st = weld_bootstrap(&arena, &in, err);
    weld_arena_free(&arena);
    return st;
}

static void failed_allocations_are_a_status(void **state)
{
    (void)state;
    check_failed_allocations(small_job, 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_hold_what_is_true),
        cmocka_unit_test(nothing_seen_leaves_three_in_n),
        cmocka_unit_test(what_is_not_finite_is_not_known),
        cmocka_unit_test(threads_and_neighbours_change_nothing),
        cmocka_unit_test(failed_allocations_are_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
