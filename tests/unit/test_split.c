/* A data set in two parts: one to match on, one to judge by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "data/dataset.h"
#include <stdatomic.h>
#include <string.h>

static weld_dataset *grey(weld_context *ctx, int64_t limit)
{
    weld_dataset_options options = WELD_DATASET_OPTIONS_INIT;
    weld_dataset *data;
    options.preset = "unit";
    options.samples_max = limit;
    assert_int_equal(weld_dataset_open(&data, ctx, WELD_MODELS "/grey/eval.npz", &options, NULL),
                     WELD_OK);
    return data;
}

/* Every sample of the whole is in one of the parts, in the order of the file. */
static void assert_partition(weld_dataset *const parts[2], const weld_dataset *whole)
{
    bool seen[1000] = {false};
    assert_int_equal(parts[0]->count + parts[1]->count, whole->count);
    for (int p = 0; p < 2; p++)
        for (int64_t k = 0; k < parts[p]->count; k++) {
            const int64_t place = parts[p]->place[k];
            assert_false(seen[place]);
            assert_true(k == 0 || place > parts[p]->place[k - 1]);
            assert_int_equal(parts[p]->labels[k], whole->labels[place]);
            seen[place] = true;
        }
}

static void parts_are_disjoint_and_complete(void **state)
{
    (void)state;
    weld_context *ctx;
    weld_dataset *parts[2];
    assert_int_equal(weld_context_create(&ctx, NULL, NULL), WELD_OK);
    weld_dataset *whole = grey(ctx, 0);
    for (int64_t n = 0; n < 1000; n += 333) {
        assert_int_equal(weld_dataset_split(parts, whole, n, 5, NULL), WELD_OK);
        assert_int_equal(weld_dataset_size(parts[0]), n ? n : 500);
        assert_true(weld_dataset_has_labels(parts[0]) && weld_dataset_has_labels(parts[1]));
        assert_partition(parts, whole);
        weld_dataset_free(parts[0]);
        weld_dataset_free(parts[1]);
    }
    weld_dataset_free(whole);
    assert_int_equal(atomic_load(&ctx->in_use_bytes), 0);
    weld_context_free(ctx);
}

static void targets_go_with_their_samples(void **state)
{
    (void)state;
    weld_context *ctx;
    weld_dataset *parts[2];
    assert_int_equal(weld_context_create(&ctx, NULL, NULL), WELD_OK);
    weld_dataset *whole = grey(ctx, 100);
    whole->target = weld_shape_make(1, (const int64_t[]){3});
    whole->targets = weld_alloc(ctx, 300, sizeof(double));
    for (int k = 0; k < 300; k++)
        whole->targets[k] = k;
    assert_int_equal(weld_dataset_split(parts, whole, 40, 5, NULL), WELD_OK);
    for (int p = 0; p < 2; p++) {
        for (int64_t k = 0; k < 3 * parts[p]->count; k++)
            assert_true(parts[p]->targets[k] == (double)(3 * parts[p]->place[k / 3] + k % 3));
        weld_dataset_free(parts[p]);
    }
    weld_dataset_free(whole);
    assert_int_equal(atomic_load(&ctx->in_use_bytes), 0);
    weld_context_free(ctx);
}

static void the_seed_decides(void **state)
{
    (void)state;
    weld_context *ctx;
    weld_dataset *first[2], *again[2], *other[2];
    assert_int_equal(weld_context_create(&ctx, NULL, NULL), WELD_OK);
    weld_dataset *whole = grey(ctx, 100);
    assert_int_equal(weld_dataset_split(first, whole, 0, 1, NULL), WELD_OK);
    assert_int_equal(weld_dataset_split(again, whole, 0, 1, NULL), WELD_OK);
    assert_int_equal(weld_dataset_split(other, whole, 0, 2, NULL), WELD_OK);
    assert_memory_equal(first[0]->place, again[0]->place, 50 * sizeof(int64_t));
    assert_true(memcmp(first[0]->place, other[0]->place, 50 * sizeof(int64_t)) != 0);
    for (int p = 0; p < 2; p++) {
        weld_dataset_free(first[p]);
        weld_dataset_free(again[p]);
        weld_dataset_free(other[p]);
    }
    weld_dataset_free(whole);
    weld_context_free(ctx);
}

/* A part gives the numbers that the whole gives for these samples. */
static void batches_are_gathered(void **state)
{
    (void)state;
    weld_context *ctx;
    weld_dataset *parts[2];
    weld_tensor one = {0}, three = {0};
    const weld_shape shape[2] = {{4, {1, 1, 16, 16}}, {4, {3, 1, 16, 16}}};
    assert_int_equal(weld_context_create(&ctx, NULL, NULL), WELD_OK);
    weld_dataset *whole = grey(ctx, 20);
    assert_int_equal(weld_dataset_split(parts, whole, 7, 3, NULL), WELD_OK);
    assert_int_equal(weld_tensor_create(&one, ctx, WELD_FLOAT, &shape[0], NULL), WELD_OK);
    assert_int_equal(weld_tensor_create(&three, ctx, WELD_FLOAT, &shape[1], NULL), WELD_OK);
    assert_int_equal(weld_dataset_batch(&three, parts[1], 0, 2, 3, NULL), WELD_OK);
    for (int64_t k = 0; k < 3; k++) {
        assert_int_equal(weld_dataset_batch(&one, whole, 0, parts[1]->place[2 + k], 1, NULL),
                         WELD_OK);
        assert_memory_equal(one.f, three.f + 256 * k, 256 * sizeof(float));
    }
    assert_int_equal(weld_dataset_batch(&three, parts[1], 0, 11, 3, NULL), WELD_E_ARGUMENT);
    weld_tensor_free(ctx, &one);
    weld_tensor_free(ctx, &three);
    weld_dataset_free(parts[0]);
    weld_dataset_free(parts[1]);
    weld_dataset_free(whole);
    weld_context_free(ctx);
}

static void nothing_is_left_over_for_one_part(void **state)
{
    (void)state;
    weld_context *ctx;
    weld_dataset *parts[2], *again[2];
    weld_error err = WELD_ERROR_INIT;
    assert_int_equal(weld_context_create(&ctx, NULL, NULL), WELD_OK);
    weld_dataset *whole = grey(ctx, 10), *single = grey(ctx, 1);
    assert_int_equal(weld_dataset_split(parts, whole, 10, 0, &err), WELD_E_ARGUMENT);
    assert_null(parts[0]);
    assert_int_equal(weld_dataset_split(parts, single, 0, 0, &err), WELD_E_ARGUMENT);
    assert_int_equal(weld_dataset_split(parts, whole, 9, 0, &err), WELD_OK);
    assert_int_equal(weld_dataset_split(again, parts[0], 0, 0, &err), WELD_E_ARGUMENT);
    weld_dataset_free(parts[0]);
    weld_dataset_free(parts[1]);
    weld_dataset_free(single);
    weld_dataset_free(whole);
    weld_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_disjoint_and_complete),
        cmocka_unit_test(targets_go_with_their_samples),
        cmocka_unit_test(the_seed_decides),
        cmocka_unit_test(batches_are_gathered),
        cmocka_unit_test(nothing_is_left_over_for_one_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
