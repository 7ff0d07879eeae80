/* The ridged fit of a layer against its definition: the objective rises in every direction. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"
#include "merge/fit.h"
#include <math.h>
#include <string.h>

#define OK(call) assert_int_equal((call), WELD_OK)
enum { ROWS = 60, GROUPS = 2, COLUMNS = 4, OUTPUTS = 3, WIDTH = GROUPS * COLUMNS };
enum { UNITS = GROUPS * OUTPUTS, WEIGHTS = UNITS * COLUMNS };

typedef struct problem {
    weld_context *ctx;
    double x[ROWS][WIDTH], y[ROWS][UNITS], w0[WEIGHTS];
} problem;

static void make(problem *p)
{
    weld_rng rng;
    OK(weld_context_create(&p->ctx, NULL, NULL));
    weld_rng_seed(&rng, 5, 0);
    for (int r = 0; r < ROWS; r++)
        for (int k = 0; k < WIDTH; k++)
            p->x[r][k] = weld_rng_normal(&rng) + 0.5 * k;
    for (int i = 0; i < WEIGHTS; i++)
        p->w0[i] = weld_rng_normal(&rng);
    for (int r = 0; r < ROWS; r++)
        for (int u = 0; u < UNITS; u++)
            p->y[r][u] = p->x[r][u % WIDTH] + weld_rng_normal(&rng) - 2 * u;
}

/* The fit of rows [from, to), in blocks of 7. */
static weld_fit fit_rows(const problem *p, int from, int to, bool centred)
{
    weld_fit fit;
    OK(weld_fit_init(&fit, p->ctx, GROUPS, COLUMNS, OUTPUTS, NULL));
    for (int r = from; r < to; r += 14) {
        const double *x[2] = {p->x[r], r + 7 < to ? p->x[r + 7] : NULL};
        const double *y[2] = {p->y[r], r + 7 < to ? p->y[r + 7] : NULL};
        const int64_t rows[2] = {to - r < 7 ? to - r : 7, to - r < 14 ? to - r - 7 : 7};
        OK(weld_fit_add(&fit, x, y, rows, r + 7 < to ? 2 : 1, NULL));
    }
    weld_fit_close(&fit, centred);
    return fit;
}

/* mean_r |y - W x - b|^2 + sum_g ridge s_g |W_g - W0_g|^2, with the best b, or none. */
static double objective(const problem *p, const double *w, double ridge, bool centred)
{
    double total = 0;
    for (int g = 0; g < GROUPS; g++) {
        double scale = 0;
        for (int k = g * COLUMNS; k < (g + 1) * COLUMNS; k++) {
            double mean = 0, squares = 0;
            for (int r = 0; r < ROWS; r++) {
                mean += p->x[r][k] / ROWS;
                squares += p->x[r][k] * p->x[r][k] / ROWS;
            }
            scale += (squares - (centred ? mean * mean : 0)) / COLUMNS;
        }
        for (int u = g * OUTPUTS; u < (g + 1) * OUTPUTS; u++) {
            double residual[ROWS], mean = 0;
            for (int r = 0; r < ROWS; r++) {
                residual[r] = p->y[r][u];
                for (int k = 0; k < COLUMNS; k++)
                    residual[r] -= w[u * COLUMNS + k] * p->x[r][g * COLUMNS + k];
                mean += residual[r] / ROWS;
            }
            for (int r = 0; r < ROWS; r++) {
                const double e = residual[r] - (centred ? mean : 0);
                total += e * e / ROWS;
            }
            for (int k = 0; k < COLUMNS; k++) {
                const double d = w[u * COLUMNS + k] - p->w0[u * COLUMNS + k];
                total += ridge * scale * d * d;
            }
        }
    }
    return total;
}

static void the_gradient_vanishes_at_the_fit(void **state)
{
    (void)state;
    static const double ridges[] = {1e-6, 1e-2, 3};
    problem p;
    make(&p);
    for (int centred = 0; centred < 2; centred++)
        for (int k = 0; k < 3; k++) {
            weld_fit fit = fit_rows(&p, 0, ROWS, centred);
            double w[WEIGHTS];
            memcpy(w, p.w0, sizeof w);
            OK(weld_fit_solve(w, &fit, ridges[k], NULL));
            const double at = objective(&p, w, ridges[k], centred), h = 1e-4;
            for (int i = 0; i < WEIGHTS; i++) {
                double shifted[WEIGHTS];
                memcpy(shifted, w, sizeof w);
                shifted[i] = w[i] + h;
                const double above = objective(&p, shifted, ridges[k], centred);
                shifted[i] = w[i] - h;
                const double below = objective(&p, shifted, ridges[k], centred);
                assert_true(fabs(above - below) / (2 * h) < 1e-8 * (1 + at));
                assert_true(above > at && below > at);
            }
            weld_fit_free(&fit);
        }
    weld_context_free(p.ctx);
}

static void parts_join_to_the_whole(void **state)
{
    (void)state;
    problem p;
    make(&p);
    for (int centred = 0; centred < 2; centred++) {
        weld_fit whole = fit_rows(&p, 0, ROWS, centred), part = fit_rows(&p, 0, 43, centred),
                 rest = fit_rows(&p, 43, ROWS, centred);
        weld_fit_join(&part, &rest, centred);
        for (int i = 0; i < GROUPS * COLUMNS * COLUMNS; i++)
            assert_true(fabs(part.k[i] - whole.k[i]) < 1e-12 * (1 + fabs(whole.k[i])));
        for (int i = 0; i < WEIGHTS; i++)
            assert_true(fabs(part.c[i] - whole.c[i]) < 1e-11 * (1 + fabs(whole.c[i])));
        for (int i = 0; i < UNITS; i++)
            assert_true(fabs(part.y[i] - whole.y[i]) < 1e-12 * (1 + fabs(whole.y[i])));
        weld_fit_free(&whole);
        weld_fit_free(&part);
        weld_fit_free(&rest);
    }
    weld_context_free(p.ctx);
}

/* Outputs that are all noise are best left as they were: the largest ridge. A plain map: the least. */
static void the_ridge_suits_the_data(void **state)
{
    (void)state;
    problem p;
    double ridge;
    make(&p);
    for (int r = 0; r < ROWS; r++)
        for (int u = 0; u < UNITS; u++)
            p.y[r][u] = p.x[r][u / OUTPUTS * COLUMNS + u % COLUMNS] * 3;
    weld_fit exact = fit_rows(&p, 0, 30, true), held_exact = fit_rows(&p, 30, ROWS, true);
    OK(weld_fit_choose_ridge(&ridge, &exact, &held_exact, p.w0, NULL));
    assert_true(ridge == 1e-3);
    for (int r = 0; r < ROWS; r++)
        for (int u = 0; u < UNITS; u++) {
            p.y[r][u] = (r * 7919 + u * 104729) % 101 - 50;
            for (int k = 0; k < COLUMNS; k++)
                p.y[r][u] += p.w0[u * COLUMNS + k] * p.x[r][u / OUTPUTS * COLUMNS + k];
        }
    weld_fit noise = fit_rows(&p, 0, 10, true), held_noise = fit_rows(&p, 10, ROWS, true);
    OK(weld_fit_choose_ridge(&ridge, &noise, &held_noise, p.w0, NULL));
    assert_true(ridge == 1e-1);
    weld_fit *all[] = {&exact, &held_exact, &noise, &held_noise};
    for (int k = 0; k < 4; k++)
        weld_fit_free(all[k]);
    weld_context_free(p.ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_gradient_vanishes_at_the_fit),
                                       cmocka_unit_test(parts_join_to_the_whole),
                                       cmocka_unit_test(the_ridge_suits_the_data)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
