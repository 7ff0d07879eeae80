/* Quadratic assignment against sums written out, finite differences and all permutations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"
#include "match/qap.h"
#include <math.h>
#include <string.h>

enum { N_MAX = 7, TAPS_MAX = 3, CASES = 120 };

typedef struct fixture {
    weld_context *ctx;
    weld_class unit_class;
    weld_symmetry symmetry;
    weld_qap *qap;
} fixture;

/* kind 0: nothing is symmetric; 1: Gram matrices, as of commutativity. */
static void add_term(weld_qap *qap, bool crossed, int32_t taps, int kind, weld_rng *rng)
{
    const weld_qap_term like = {.crossed = crossed,
                                .symmetric = kind == 1 && !crossed,
                                .taps = taps,
                                .weight = kind == 1 ? 1.0 : weld_rng_normal(rng)};
    weld_qap_term *t;
    const int32_t side = taps * qap->n;
    assert_int_equal(weld_qap_add(&t, qap, &like, NULL), WELD_OK);
    for (int32_t i = 0; i < side; i++)
        for (int32_t j = 0; j < side; j++) {
            t->x[i * side + j] = weld_rng_normal(rng);
            t->y[i * side + j] = weld_rng_normal(rng);
            if (like.symmetric && j < i) {
                t->x[j * side + i] = t->x[i * side + j];
                t->y[j * side + i] = t->y[i * side + j];
            }
        }
}

static void open_case(fixture *f, int32_t n, int32_t taps, int kind, weld_rng *rng)
{
    assert_int_equal(weld_context_create(&f->ctx, NULL, NULL), WELD_OK);
    f->unit_class = (weld_class){.size = n, .block = n, .parent = -1};
    f->symmetry = (weld_symmetry){
        .ctx = f->ctx, .classes = &f->unit_class, .class_count = 1, .free_count = 1};
    assert_int_equal(weld_qap_create(&f->qap, &f->symmetry, 0, NULL), WELD_OK);
    for (int32_t k = 0; k < n * n; k++)
        f->qap->score[k] = weld_rng_normal(rng);
    add_term(f->qap, false, taps, kind, rng);
    add_term(f->qap, false, 1, kind, rng);
    add_term(f->qap, true, taps, kind, rng);
}

static void close_case(fixture *f)
{
    weld_qap_free(f->qap);
    assert_int_equal(atomic_load(&f->ctx->in_use_bytes), 0);
    weld_context_free(f->ctx);
}

/* tr(Q' X Q Y) or tr(Q' X Q' Y), Q repeated for every tap, entry by entry. */
static double term_value(const weld_qap_term *t, int32_t n, const double *q)
{
    const int32_t side = t->taps * n;
    double sum = 0;
    for (int32_t i = 0; i < side; i++)
        for (int32_t j = 0; j < side; j++)
            for (int32_t k = 0; k < side; k++)
                for (int32_t l = 0; l < side; l++) {
                    /* Q'[i, j] X[j, k] Q[k, l] Y[l, i] */
                    const double a = i / n == j / n ? q[j % n * n + i % n] : 0;
                    const int32_t row = t->crossed ? l : k, column = t->crossed ? k : l;
                    const double b = k / n == l / n ? q[row % n * n + column % n] : 0;
                    sum += a * t->x[j * side + k] * b * t->y[l * side + i];
                }
    return t->weight * sum;
}

static double value_at(const weld_qap *qap, const double *q)
{
    double sum = 0;
    for (int32_t k = 0; k < qap->n * qap->n; k++)
        sum -= q[k] * qap->score[k];
    for (int k = 0; k < qap->term_count; k++)
        sum += term_value(&qap->terms[k], qap->n, q);
    return sum;
}

static void to_matrix(double *q, const int32_t *perm, int32_t n)
{
    memset(q, 0, (size_t)(n * n) * sizeof *q);
    for (int32_t i = 0; i < n; i++)
        q[i * n + perm[i]] = 1;
}

static void shuffled(int32_t *perm, int32_t n, weld_rng *rng)
{
    for (int32_t i = 0; i < n; i++)
        perm[i] = i;
    weld_rng_shuffle(rng, perm, n);
}

static double value_of(const weld_qap *qap, const int32_t *perm)
{
    double value, scale;
    weld_qap_value(&value, &scale, qap, perm);
    return value;
}

static void value_and_gradient_are_those_of_the_sums(void **state)
{
    (void)state;
    weld_rng rng;
    weld_rng_seed(&rng, 3, 0);
    for (int c = 0; c < 24; c++) {
        fixture f;
        const int32_t n = 1 + c % 5;
        double q[25], gradient[25], there[25];
        int32_t perm[5];
        open_case(&f, n, 1 + c % TAPS_MAX, c % 2, &rng);
        shuffled(perm, n, &rng);
        to_matrix(q, perm, n);
        assert_true(fabs(value_of(f.qap, perm) - value_at(f.qap, q)) < 1e-9);
        assert_int_equal(weld_qap_gradient(gradient, f.qap, q, NULL), WELD_OK);
        assert_int_equal(weld_qap_gradient_at(there, f.qap, perm, NULL), WELD_OK);
        for (int32_t k = 0; k < n * n; k++)
            assert_true(fabs(there[k] - gradient[k]) < 1e-9 * (1 + fabs(gradient[k])));
        for (int32_t k = 0; k < n * n; k++)
            q[k] = weld_rng_normal(&rng);
        assert_int_equal(weld_qap_gradient(gradient, f.qap, q, NULL), WELD_OK);
        for (int32_t k = 0; k < n * n; k++) {
            const double h = 1e-4, at = q[k];
            q[k] = at + h;
            const double up = value_at(f.qap, q);
            q[k] = at - h;
            const double down = value_at(f.qap, q);
            q[k] = at;
            assert_true(fabs((up - down) / (2 * h) - gradient[k]) < 1e-6 * (1 + fabs(gradient[k])));
        }
        close_case(&f);
    }
}

/* After the descent no exchange is better, and it is below the start. */
static void exchanges_end_where_none_is_better(void **state)
{
    (void)state;
    weld_rng rng;
    weld_rng_seed(&rng, 4, 0);
    for (int c = 0; c < 40; c++) {
        fixture f;
        const int32_t n = 2 + c % 9;
        double q[100];
        int32_t perm[10];
        open_case(&f, n, 1 + c % TAPS_MAX, c % 2, &rng);
        shuffled(perm, n, &rng);
        const double before = value_of(f.qap, perm);
        assert_int_equal(weld_qap_swaps(perm, f.qap, NULL), WELD_OK);
        to_matrix(q, perm, n);
        const double end = value_at(f.qap, q);
        assert_true(end <= before + 1e-9);
        for (int32_t i = 0; i < n; i++)
            for (int32_t j = i + 1; j < n; j++) {
                const int32_t old = perm[i];
                perm[i] = perm[j];
                perm[j] = old;
                to_matrix(q, perm, n);
                assert_true(value_at(f.qap, q) >= end - 1e-6 * (1 + fabs(end)));
                perm[j] = perm[i];
                perm[i] = old;
            }
        close_case(&f);
    }
}

static double brute(const weld_qap *qap, int32_t *perm, int32_t at)
{
    double best = INFINITY;
    if (at == qap->n)
        return value_of(qap, perm);
    for (int32_t k = at; k < qap->n; k++) {
        const int32_t old = perm[at];
        perm[at] = perm[k];
        perm[k] = old;
        const double value = brute(qap, perm, at + 1);
        best = value < best ? value : best;
        perm[k] = perm[at];
        perm[at] = old;
    }
    return best;
}

static void solutions_are_near_the_best_of_all(void **state)
{
    (void)state;
    weld_rng rng;
    int optimal = 0;
    weld_rng_seed(&rng, 5, 0);
    for (int c = 0; c < CASES; c++) {
        fixture f;
        const int32_t n = 2 + c % (N_MAX - 2);
        int32_t perm[N_MAX], all[N_MAX];
        double gain;
        open_case(&f, n, 1 + c % 2, c % 2, &rng);
        shuffled(perm, n, &rng);
        shuffled(all, n, &rng);
        const double before = value_of(f.qap, perm), best = brute(f.qap, all, 0);
        assert_int_equal(weld_qap_solve(perm, &gain, f.qap, 2, NULL), WELD_OK);
        const double after = value_of(f.qap, perm), size = 1 + fabs(before) + fabs(after);
        assert_true(gain >= 0 && fabs(before - after - gain) < 1e-9 * size);
        assert_true(after >= best - 1e-9 * size);
        optimal += after <= best + 1e-7 * size;
        close_case(&f);
    }
    print_message("optimal: %d of %d\n", optimal, CASES);
    assert_true(optimal >= CASES * 8 / 10);
}

/* Two graphs that are the same but for the order of their nodes. */
static void a_hidden_permutation_is_found(void **state)
{
    (void)state;
    enum { N = 40 };
    fixture f;
    weld_rng rng;
    int32_t truth[N], perm[N];
    double gain;
    const weld_qap_term like = {.taps = 1, .weight = -1};
    weld_qap_term *t;
    weld_rng_seed(&rng, 6, 0);
    open_case(&f, N, 1, 0, &rng);
    f.qap->term_count = 0; /* the terms of the case: freed by hand */
    for (int k = 0; k < 3; k++) {
        weld_free(f.ctx, f.qap->terms[k].x);
        weld_free(f.ctx, f.qap->terms[k].y);
    }
    shuffled(truth, N, &rng);
    shuffled(perm, N, &rng);
    assert_int_equal(weld_qap_add(&t, f.qap, &like, NULL), WELD_OK);
    memset(f.qap->score, 0, N * N * sizeof(double));
    for (int32_t i = 0; i < N; i++)
        for (int32_t j = 0; j < N; j++) { /* B[truth[i], truth[j]] = A[i, j], X = A' */
            const double a = weld_rng_normal(&rng);
            t->x[j * N + i] = a;
            t->y[truth[i] * N + truth[j]] = a;
        }
    assert_int_equal(weld_qap_solve(perm, &gain, f.qap, 2, NULL), WELD_OK);
    assert_memory_equal(perm, truth, sizeof truth);
    close_case(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(value_and_gradient_are_those_of_the_sums),
        cmocka_unit_test(exchanges_end_where_none_is_better),
        cmocka_unit_test(solutions_are_near_the_best_of_all),
        cmocka_unit_test(a_hidden_permutation_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
