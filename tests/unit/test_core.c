/* The ground that everything stands on: budget, arena, maps, parallel loops, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/arena.h"
#include "core/buffer.h"
#include "core/parallel.h"
#include "core/strmap.h"
#include <stdio.h>
#include <string.h>

static weld_context *context(uint64_t budget, int threads)
{
    weld_context_options options = WELD_CONTEXT_OPTIONS_INIT;
    weld_context *ctx;
    options.memory_bytes_max = budget;
    options.threads = threads;
    assert_int_equal(weld_context_create(&ctx, &options, NULL), WELD_OK);
    return ctx;
}

static void budget_is_a_limit_and_is_given_back(void **state)
{
    (void)state;
    weld_context *ctx = context(4096, 1);
    weld_error err = WELD_ERROR_INIT;
    void *a = weld_alloc(ctx, 2000, 1);
    assert_non_null(a);
    assert_null(weld_alloc(ctx, 3000, 1));
    assert_int_equal(weld_fail_memory(ctx, &err, 3000, 1), WELD_E_LIMIT);
    weld_free(ctx, a);
    a = weld_alloc(ctx, 3000, 1);
    assert_non_null(a);
    weld_free(ctx, a);
    assert_int_equal(atomic_load(&ctx->in_use_bytes), 0);
    assert_null(weld_alloc(ctx, SIZE_MAX / 2, 4)); /* overflow is no small block */
    weld_context_free(ctx);
}

static void errors_escape_hostile_names(void **state)
{
    (void)state;
    weld_error err = WELD_ERROR_INIT;
    assert_int_equal(weld_fail(&err, WELD_E_FORMAT, "node '%s'", "a\n\033[31m"), WELD_E_FORMAT);
    assert_string_equal(err.message, "node 'a\\x0a\\x1b[31m'");
    weld_error_wrap(&err, "%s", "file");
    assert_string_equal(err.message, "file: node 'a\\x0a\\x1b[31m'");
}

static void map_finds_what_was_put(void **state)
{
    (void)state;
    weld_context *ctx = context(0, 1);
    weld_strmap map;
    char keys[1000][8];
    weld_strmap_init(&map, ctx);
    for (int k = 0; k < 1000; k++) {
        snprintf(keys[k], sizeof keys[k], "k%d", k);
        assert_int_equal(weld_strmap_get(&map, keys[k]), -1);
        assert_int_equal(weld_strmap_put(&map, keys[k], k, NULL), WELD_OK);
    }
    for (int k = 0; k < 1000; k++)
        assert_int_equal(weld_strmap_get(&map, keys[k]), k);
    weld_strmap_free(&map);
    weld_context_free(ctx);
}

static weld_status fail_from_700(void *user, int64_t item, int slot, weld_error *err)
{
    (void)slot;
    ((int *)user)[item]++;
    return item >= 700 ? weld_fail(err, WELD_E_FORMAT, "item %d", (int)item) : WELD_OK;
}

static void parallel_runs_each_item_once_and_reports_the_lowest_error(void **state)
{
    (void)state;
    static int count[1000];
    for (int threads = 1; threads <= 4; threads++) {
        weld_context *ctx = context(0, threads);
        weld_error err = WELD_ERROR_INIT;
        memset(count, 0, sizeof count);
        assert_int_equal(weld_parallel_for(ctx, 1000, fail_from_700, count, &err), WELD_E_FORMAT);
        assert_string_equal(err.message, "item 700");
        for (int k = 0; k < 700; k++)
            assert_int_equal(count[k], 1);
        weld_context_free(ctx);
    }
}

static void buffer_and_arena_keep_their_bytes(void **state)
{
    (void)state;
    weld_context *ctx = context(0, 1);
    weld_buffer b;
    weld_arena arena;
    weld_buffer_init(&b, ctx);
    for (int k = 0; k < 500; k++)
        weld_buffer_printf(&b, "%03d,", k);
    assert_int_equal(b.size, 2000);
    assert_memory_equal(b.data + 1996, "499,", 4);
    weld_buffer_free(&b);
    weld_arena_init(&arena, ctx);
    char *small = weld_arena_strdup(&arena, "hello");
    char *large = weld_arena_alloc(&arena, 100000, 1);
    large[99999] = 1;
    assert_string_equal(small, "hello");
    weld_arena_free(&arena);
    assert_int_equal(atomic_load(&ctx->in_use_bytes), 0);
    weld_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(budget_is_a_limit_and_is_given_back),
        cmocka_unit_test(errors_escape_hostile_names),
        cmocka_unit_test(map_finds_what_was_put),
        cmocka_unit_test(parallel_runs_each_item_once_and_reports_the_lowest_error),
        cmocka_unit_test(buffer_and_arena_keep_their_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
