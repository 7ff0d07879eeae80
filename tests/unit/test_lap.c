/* Linear assignment against all permutations, and against a slow twin. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"
#include "match/lap.h"
#include "match/lap_inner.h"
#include <math.h>
#include <string.h>

enum { N_MAX = 8, CASES = 300, N_LARGE = 700 };

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

/* ---- the twin: Hungarian method, one row after the other, all distances anew ---- */

typedef struct twin {
    double u[N_LARGE + 1], v[N_LARGE + 1], least[N_LARGE + 1];
    int row_of[N_LARGE + 1], way[N_LARGE + 1]; /* column 0: the start of a path */
    bool used[N_LARGE + 1];
} twin;

static int twin_step(twin *t, const double *score, int n, int from)
{
    int next = 0;
    double delta = INFINITY;
    t->used[from] = true;
    for (int j = 1; j <= n; j++) {
        const int i = t->row_of[from];
        const double reduced = -score[(i - 1) * n + j - 1] - t->u[i] - t->v[j];
        if (!t->used[j] && reduced < t->least[j]) {
            t->least[j] = reduced;
            t->way[j] = from;
        }
        if (!t->used[j] && t->least[j] < delta) {
            delta = t->least[j];
            next = j;
        }
    }
    for (int j = 0; j <= n; j++)
        if (t->used[j]) {
            t->u[t->row_of[j]] += delta;
            t->v[j] -= delta;
        } else {
            t->least[j] -= delta;
        }
    return next;
}

static double twin_best(const double *score, int n)
{
    static twin t;
    double sum = 0;
    memset(&t, 0, sizeof t);
    for (int i = 1; i <= n; i++) {
        int j = 0;
        t.row_of[0] = i;
        for (int k = 0; k <= n; k++) {
            t.least[k] = INFINITY;
            t.used[k] = false;
        }
        do {
            j = twin_step(&t, score, n, j);
        } while (t.row_of[j] != 0);
        for (; j != 0; j = t.way[j])
            t.row_of[j] = t.row_of[t.way[j]];
    }
    for (int j = 1; j <= n; j++)
        sum += score[(t.row_of[j] - 1) * n + j - 1];
    return sum;
}

enum { GAUSS, INTS, ZERO, RANK_1, RELU, SCALED, CONSTANT, DEAD, COPIES, POINTS, NEAR, KINDS };

/* Products of two sets of features: positive parts if `relu`. */
static void fill_products(double *score, int n, int rank, bool relu, weld_rng *rng)
{
    static double features[2][N_LARGE][8];
    for (int s = 0; s < 2; s++)
        for (int i = 0; i < n; i++)
            for (int k = 0; k < rank; k++) {
                const double x = weld_rng_normal(rng);
                features[s][i][k] = relu && x < 0 ? 0 : x;
            }
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            score[i * n + j] = 0;
            for (int k = 0; k < rank; k++)
                score[i * n + j] += features[0][i][k] * features[1][j][k];
        }
}

static void kill_some(double *score, int n, weld_rng *rng)
{
    for (int i = 0; i < n; i++) {
        const bool row = weld_rng_below(rng, 2), column = weld_rng_below(rng, 2);
        for (int j = 0; j < n; j++) {
            score[i * n + j] *= !row;
            score[j * n + i] *= !column;
        }
    }
}

static double drawn(int kind, int i, int j, double row_scale, weld_rng *rng)
{
    switch (kind) {
    case INTS: return (double)weld_rng_below(rng, 7) - 3;
    case ZERO: return 0;
    case SCALED: return row_scale * weld_rng_normal(rng);
    case CONSTANT: return -0.1;
    case POINTS: return -fabs((double)(i * 37 % 101) - (double)(j * 53 % 103));
    /* A float has 1 between neighbours here: a bound kept in one is wrong. */
    case NEAR: return 1e7 + weld_rng_normal(rng);
    default: return weld_rng_normal(rng);
    }
}

static void fill_kind(double *score, int n, int kind, weld_rng *rng)
{
    if (kind == RANK_1 || kind == RELU) {
        fill_products(score, n, kind == RELU ? 5 : 1, kind == RELU, rng);
        return;
    }
    for (int i = 0; i < n; i++) {
        const double row_scale = pow(10, (double)weld_rng_below(rng, 17) - 8);
        for (int j = 0; j < n; j++)
            score[i * n + j] = drawn(kind, i, j, row_scale, rng);
    }
    if (kind == DEAD)
        kill_some(score, n, rng);
    for (int i = 1; kind == COPIES && i < n; i += 2)
        memcpy(score + i * n, score + (i - 1) * n, (size_t)n * sizeof *score);
}

typedef struct fuzz {
    weld_context *ctx;
    weld_rng rng;
    double *score;
    float *single;
    int32_t *start, *perm, *again;
} fuzz;

static void fuzz_start(fuzz *f, uint64_t stream)
{
    const size_t n = N_LARGE;
    assert_int_equal(weld_context_create(&f->ctx, NULL, NULL), WELD_OK);
    weld_rng_seed(&f->rng, 11, stream);
    f->score = weld_alloc(f->ctx, n * n, sizeof *f->score);
    f->single = weld_alloc(f->ctx, n * n, sizeof *f->single);
    f->start = weld_alloc(f->ctx, n, sizeof *f->start);
    f->perm = weld_alloc(f->ctx, n, sizeof *f->perm);
    f->again = weld_alloc(f->ctx, n, sizeof *f->again);
    assert_true(f->score && f->single && f->start && f->perm && f->again);
}

static void fuzz_end(fuzz *f)
{
    weld_free(f->ctx, f->score);
    weld_free(f->ctx, f->single);
    weld_free(f->ctx, f->start);
    weld_free(f->ctx, f->perm);
    weld_free(f->ctx, f->again);
    assert_int_equal(f->ctx->in_use_bytes, 0);
    weld_context_free(f->ctx);
}

static void assert_all_once(const int32_t *perm, int n)
{
    static bool seen[N_LARGE];
    memset(seen, 0, sizeof seen);
    for (int i = 0; i < n; i++) {
        assert_in_range(perm[i], 0, n - 1);
        assert_false(seen[perm[i]]);
        seen[perm[i]] = true;
    }
}

/* One case: the twin's objective is reached, with lists of that length or without. */
static void check(fuzz *f, int n, int kind, int length)
{
    double gain, scale = 0;
    fill_kind(f->score, n, kind, &f->rng);
    for (int i = 0; i < n; i++)
        f->start[i] = i;
    if (n % 2 == 0)
        weld_rng_shuffle(&f->rng, f->start, n);
    memcpy(f->perm, f->start, (size_t)n * sizeof *f->perm);
    memcpy(f->again, f->start, (size_t)n * sizeof *f->perm);
    assert_int_equal(
        weld_lap_solve(f->perm, f->ctx, f->score, sizeof *f->score, n, length, &gain, NULL),
        WELD_OK);
    assert_all_once(f->perm, n);
    for (int i = 0; i < n; i++)
        scale += fabs(f->score[i * n + f->perm[i]]);
    const double best = twin_best(f->score, n), got = sum_of(f->score, f->perm, n);
    const double before = sum_of(f->score, f->start, n);
    if (fabs(got - best) > 1e-12 * scale + 1e-300)
        fail_msg("kind %d, n %d, lists of %d: %.17g, the twin has %.17g", kind, n, length, got,
                 best);
    assert_true(fabs(gain - (got - before)) <= 1e-11 * (scale + fabs(before)));
    assert_true(gain > 0 || memcmp(f->perm, f->start, (size_t)n * sizeof *f->perm) == 0);
    assert_int_equal(
        weld_lap_solve(f->again, f->ctx, f->score, sizeof *f->score, n, length, &gain, NULL),
        WELD_OK);
    assert_memory_equal(f->again, f->perm, (size_t)n * sizeof *f->perm);
}

/* Scores in single precision give what the same numbers in double give. */
static void single_precision_is_as_good(void **state)
{
    (void)state;
    fuzz f;
    static const int lengths[] = {0, 2, 5, 16, 64};
    fuzz_start(&f, 5);
    for (int c = 0; c < 20 * KINDS; c++) {
        const int n = 1 + (int)weld_rng_below(&f.rng, c % 10 ? 60 : 300), length = lengths[c % 5];
        double gain, same;
        fill_kind(f.score, n, c % KINDS, &f.rng);
        for (int k = 0; k < n * n; k++)
            f.score[k] = f.single[k] = (float)f.score[k];
        for (int i = 0; i < n; i++)
            f.perm[i] = f.again[i] = i;
        assert_int_equal(
            weld_lap_solve(f.perm, f.ctx, f.score, sizeof *f.score, n, length, &gain, NULL),
            WELD_OK);
        assert_int_equal(
            weld_lap_solve(f.again, f.ctx, f.single, sizeof *f.single, n, length, &same, NULL),
            WELD_OK);
        assert_memory_equal(f.again, f.perm, (size_t)n * sizeof *f.perm);
        assert_true(gain >= same && gain <= same);
    }
    fuzz_end(&f);
}

static void equals_the_twin(void **state)
{
    (void)state;
    fuzz f;
    fuzz_start(&f, 0);
    for (int c = 0; c < 40 * KINDS; c++)
        check(&f, 1 + (int)weld_rng_below(&f.rng, c % 10 ? 60 : 300), c % KINDS, 0);
    fuzz_end(&f);
}

/* Lists of every length, on matrices on which the library would not use them: so short that they
 * decide nothing, as long as the row, and of a row with a last block that is not full. */
static void equals_the_twin_with_lists(void **state)
{
    (void)state;
    static const int lengths[] = {2, 3, 5, 16, 32, 400};
    fuzz f;
    fuzz_start(&f, 1);
    for (int c = 0; c < 60 * KINDS; c++)
        check(&f, 1 + (int)weld_rng_below(&f.rng, c % 10 ? 60 : 300), c % KINDS,
              lengths[weld_rng_below(&f.rng, 6)]);
    fuzz_end(&f);
}

/* A list that lacks columns of its row is never complete, whatever its length: these sizes are just
 * over one list, so that few columns are missing. */
static void a_trimmed_list_is_not_complete(void **state)
{
    (void)state;
    fuzz f;
    fuzz_start(&f, 2);
    for (int n = 65; n <= 255; n += 7)
        for (int kind = 0; kind < KINDS; kind += 3)
            check(&f, n, kind, 64);
    fuzz_end(&f);
}

/* Scores much larger than their differences: a value must not round past the bound of its list. */
static void bounds_hold_when_values_are_rounded(void **state)
{
    (void)state;
    fuzz f;
    fuzz_start(&f, 3);
    for (int c = 0; c < 60; c++)
        check(&f, 20 + 2 * c, NEAR, 2 + c % 8);
    fuzz_end(&f);
}

/* The sizes from which the library uses lists itself. */
static void equals_the_twin_when_large(void **state)
{
    (void)state;
    fuzz f;
    fuzz_start(&f, 4);
    for (int kind = 0; kind < KINDS; kind++)
        check(&f, N_LARGE - 17 * kind, kind, 32);
    fill_kind(f.score, N_LARGE, RELU, &f.rng);
    for (int i = 0; i < N_LARGE; i++)
        f.perm[i] = f.again[i] = i;
    double gain, same;
    assert_int_equal(weld_lap_max(f.perm, f.ctx, f.score, N_LARGE, &gain, NULL), WELD_OK);
    assert_int_equal(
        weld_lap_solve(f.again, f.ctx, f.score, sizeof *f.score, N_LARGE, 0, &same, NULL), WELD_OK);
    assert_true(gain > 0 && fabs(gain - same) <= 1e-11 * gain);
    fuzz_end(&f);
}

/* Rows that gain nothing anywhere stay in their places, those that take them aside. */
static void dead_units_stay(void **state)
{
    (void)state;
    enum { N = 40 };
    weld_context *ctx;
    static double score[N * N];
    int32_t perm[N];
    double gain;
    assert_int_equal(weld_context_create(&ctx, NULL, NULL), WELD_OK);
    for (int i = 0; i < N; i++)
        perm[i] = i;
    score[3 * N + 7] = 2; /* 3 and 7 change places, 20 takes 21's */
    score[7 * N + 3] = 2;
    score[20 * N + 21] = 1;
    assert_int_equal(weld_lap_max(perm, ctx, score, N, &gain, NULL), WELD_OK);
    assert_true(gain == 5.0);
    for (int i = 0; i < N; i++) {
        const int32_t to = i == 3 ? 7 : i == 7 ? 3 : i == 20 ? 21 : i == 21 ? 20 : i;
        assert_int_equal(perm[i], to);
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
    score[2] = -1e201;
    assert_int_equal(weld_lap_max(perm, ctx, score, 2, &gain, &err), WELD_E_ARGUMENT);
    weld_context_free(ctx);
}

/* The sum of a row in single precision is not. */
static void accepts_the_largest_floats(void **state)
{
    (void)state;
    enum { N = 64 };
    weld_context *ctx;
    static float score[N * N];
    int32_t perm[N];
    double gain;
    assert_int_equal(weld_context_create(&ctx, NULL, NULL), WELD_OK);
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++)
            score[i * N + j] = (i + j) % N == 5 ? 3.4e38f : j % 2 ? 3.3e38f : -3.3e38f;
    for (int i = 0; i < N; i++)
        perm[i] = i;
    assert_int_equal(weld_lap_max_single(perm, ctx, score, N, &gain, NULL), WELD_OK);
    for (int i = 0; i < N; i++)
        assert_int_equal(perm[i], (N + 5 - i) % N);
    weld_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equals_brute_force),
        cmocka_unit_test(equals_the_twin),
        cmocka_unit_test(equals_the_twin_with_lists),
        cmocka_unit_test(a_trimmed_list_is_not_complete),
        cmocka_unit_test(bounds_hold_when_values_are_rounded),
        cmocka_unit_test(equals_the_twin_when_large),
        cmocka_unit_test(single_precision_is_as_good),
        cmocka_unit_test(dead_units_stay),
        cmocka_unit_test(a_tie_keeps_the_current_permutation),
        cmocka_unit_test(finds_a_hidden_permutation),
        cmocka_unit_test(refuses_what_is_not_finite),
        cmocka_unit_test(accepts_the_largest_floats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
