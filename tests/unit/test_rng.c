/* The generator: reference values, ranges, permutations, moments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/rng.h"
#include <math.h>
#include <string.h>

/* The first six of pcg32-demo, seed 42, stream 54. */
static void gives_the_published_numbers(void **state)
{
    (void)state;
    static const uint32_t published[] = {0xa15c02b7, 0x7b47f409, 0xba1d3330,
                                         0x83d2f293, 0xbfa4784b, 0xcbed606e};
    weld_rng rng;
    weld_rng_seed(&rng, 42, 54);
    for (int k = 0; k < 6; k++)
        assert_int_equal(weld_rng_next(&rng), published[k]);
}

static void seeds_and_streams_differ(void **state)
{
    (void)state;
    weld_rng a, b, c, d;
    int equal_seed = 0, equal_stream = 0;
    weld_rng_seed(&a, 1, 0);
    weld_rng_seed(&b, 2, 0);
    weld_rng_seed(&c, 1, 1);
    weld_rng_seed(&d, 1, 0);
    for (int k = 0; k < 1000; k++) {
        uint32_t x = weld_rng_next(&a);
        assert_int_equal(weld_rng_next(&d), x);
        equal_seed += weld_rng_next(&b) == x;
        equal_stream += weld_rng_next(&c) == x;
    }
    assert_true(equal_seed < 2 && equal_stream < 2);
}

static void below_is_even(void **state)
{
    (void)state;
    weld_rng rng;
    int count[7] = {0};
    weld_rng_seed(&rng, 3, 0);
    for (int k = 0; k < 70000; k++) {
        uint32_t x = weld_rng_below(&rng, 7);
        assert_true(x < 7);
        count[x]++;
    }
    for (int k = 0; k < 7; k++)
        assert_in_range(count[k], 9600, 10400);
    for (int k = 0; k < 100; k++)
        assert_int_equal(weld_rng_below(&rng, 1), 0);
}

static void normal_has_its_moments(void **state)
{
    (void)state;
    enum { COUNT = 200000 };
    weld_rng rng;
    double sum = 0, squares = 0, fourth = 0;
    weld_rng_seed(&rng, 4, 0);
    for (int k = 0; k < COUNT; k++) {
        double x = weld_rng_normal(&rng);
        assert_true(isfinite(x));
        sum += x;
        squares += x * x;
        fourth += x * x * x * x;
    }
    assert_true(fabs(sum / COUNT) < 0.02);
    assert_true(fabs(squares / COUNT - 1) < 0.02);
    assert_true(fabs(fourth / COUNT - 3) < 0.1);
}

static void shuffle_is_an_even_permutation_of_the_items(void **state)
{
    (void)state;
    weld_rng rng;
    int count[6] = {0};
    weld_rng_seed(&rng, 5, 0);
    for (int k = 0; k < 60000; k++) {
        int32_t items[3] = {10, 20, 30};
        weld_rng_shuffle(&rng, items, 3);
        assert_int_equal(items[0] + items[1] + items[2], 60);
        assert_int_equal(items[0] * items[1] * items[2], 6000);
        count[items[0] / 10 * 2 - 2 + (items[1] > items[2])]++;
    }
    for (int k = 0; k < 6; k++)
        assert_in_range(count[k], 9600, 10400);
    weld_rng_shuffle(&rng, NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_published_numbers),
        cmocka_unit_test(seeds_and_streams_differ),
        cmocka_unit_test(below_is_even),
        cmocka_unit_test(normal_has_its_moments),
        cmocka_unit_test(shuffle_is_an_even_permutation_of_the_items),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
