/* Linear assignment against all permutations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"
#include "match/lap.h"
#include <math.h>
#include <string.h>

enum { N_MAX = 8, CASES = 300 };

static double sum_of(const double *score, const int32_t *perm, int32_t n)
{
    double sum = 0;
    for (int32_t i = 0; i < n; i++)
        sum += score[i * n + perm[i]];
    return sum;
}

/* The best sum over the columns that are not in `used`, from row `i` on. */
static double brute(const double *score, int32_t n, int32_t i, unsigned used)
{
    double best = -INFINITY;
    if (i == n)
        return 0;
    for (int32_t j = 0; j < n; j++)
        if (!(used & 1u << j)) {
            double sum = score[i * n + j] + brute(score, n, i + 1, used | 1u << j);
            best = sum > best ? sum : best;
        }
    return best;
}

static void assert_permutation(const int32_t *perm, int32_t n)
{
    unsigned seen = 0;
    for (int32_t i = 0; i < n; i++)
        seen |= 1u << perm[i];
    assert_int_equal(seen, (1u << n) - 1);
}

/* Random, with ties, with dead rows and columns, all negative, and of very different sizes. */
static void fill(double *score, int32_t n, int kind, weld_rng *rng)
{
    for (int32_t k = 0; k < n * n; k++) {
        double x = weld_rng_normal(rng);
        if (kind == 1)
            x = (double)weld_rng_below(rng, 3);
        if (kind == 2 && (k / n % 2 == 0 || k % n % 3 == 0))
            x = 0;
        if (kind == 3)
            x = -fabs(x) - 1;
        if (kind == 4)
            x *= pow(10, (double)weld_rng_below(rng, 12));
        score[k] = x;
    }
}

static void equals_brute_force(void **state)
{
    (void)state;
    weld_context *ctx;
    weld_rng rng;
    double score[N_MAX * N_MAX], gain;
    int32_t perm[N_MAX], start[N_MAX], again[N_MAX];
    assert_int_equal(weld_context_create(&ctx, NULL, NULL), WELD_OK);
    weld_rng_seed(&rng, 7, 0);
    for (int c = 0; c < CASES; c++) {
        int32_t n = 1 + c % N_MAX;
        fill(score, n, c / N_MAX % 5, &rng);
        for (int32_t i = 0; i < n; i++)
            perm[i] = i;
        weld_rng_shuffle(&rng, perm, n);
        memcpy(start, perm, sizeof perm);
        memcpy(again, perm, sizeof perm);
        assert_int_equal(weld_lap_max(perm, ctx, score, n, &gain, NULL), WELD_OK);
        assert_permutation(perm, n);
        double best = brute(score, n, 0, 0), scale = fabs(best) + fabs(sum_of(score, start, n));
        assert_true(fabs(sum_of(score, perm, n) - best) <= 1e-11 * scale + 1e-12);
        assert_true(fabs(gain - (best - sum_of(score, start, n))) <= 1e-11 * scale + 1e-12);
        assert_true(gain > 0 || memcmp(perm, start, (size_t)n * sizeof *perm) == 0);
        assert_int_equal(weld_lap_max(again, ctx, score, n, &gain, NULL), WELD_OK);
        assert_memory_equal(again, perm, (size_t)n * sizeof *perm);
    }
    weld_context_free(ctx);
}

static void a_tie_keeps_the_current_permutation(void **state)
{
    (void)state;
    weld_context *ctx;
    double score[36] = {0}, gain = 1;
    int32_t perm[6] = {3, 1, 5, 0, 2, 4};
    const int32_t kept[6] = {3, 1, 5, 0, 2, 4};
    assert_int_equal(weld_context_create(&ctx, NULL, NULL), WELD_OK);
    assert_int_equal(weld_lap_max(perm, ctx, score, 6, &gain, NULL), WELD_OK);
    assert_memory_equal(perm, kept, sizeof kept);
    assert_true(gain == 0.0);
    assert_int_equal(weld_lap_max(perm, ctx, score, 0, &gain, NULL), WELD_OK);
    weld_context_free(ctx);
}

static void finds_a_hidden_permutation(void **state)
{
    (void)state;
    enum { N = 60, K = 10 };
    weld_context *ctx;
    weld_rng rng;
    static double rows[N][K], score[N * N];
    int32_t truth[N], perm[N];
    double gain;
    assert_int_equal(weld_context_create(&ctx, NULL, NULL), WELD_OK);
    weld_rng_seed(&rng, 1, 0);
    for (int32_t i = 0; i < N; i++) {
        truth[i] = perm[i] = i;
        for (int k = 0; k < K; k++)
            rows[i][k] = weld_rng_normal(&rng);
    }
    weld_rng_shuffle(&rng, truth, N);
    for (int32_t i = 0; i < N; i++)
        for (int32_t j = 0; j < N; j++)
            for (int k = 0; k < K; k++) /* B[truth[i]] = A[i] */
                score[i * N + truth[j]] += rows[i][k] * rows[j][k];
    assert_int_equal(weld_lap_max(perm, ctx, score, N, &gain, NULL), WELD_OK);
    assert_memory_equal(perm, truth, sizeof truth);
    weld_context_free(ctx);
}

static void refuses_what_is_not_finite(void **state)
{
    (void)state;
    weld_context *ctx;
    weld_error err = WELD_ERROR_INIT;
    double score[4] = {0, 1, NAN, 2}, gain;
    int32_t perm[2] = {0, 1};
    assert_int_equal(weld_context_create(&ctx, NULL, NULL), WELD_OK);
    assert_int_equal(weld_lap_max(perm, ctx, score, 2, &gain, &err), WELD_E_ARGUMENT);
    assert_string_equal(err.message, "score [1, 0] of an assignment is not finite");
    weld_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_brute_force),
        cmocka_unit_test(a_tie_keeps_the_current_permutation),
        cmocka_unit_test(finds_a_hidden_permutation),
        cmocka_unit_test(refuses_what_is_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
