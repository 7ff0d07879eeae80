/* Load, align, merge and save with the n-th allocation failing: a status, no leak, no crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <onnxweld.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef struct failing {
    atomic_long calls, live;
    long fail_at; /* this call and all after it fail; -1 = none */
} failing;

static void *failing_resize(void *block, size_t size_bytes, void *user)
{
    failing *f = user;
    if (size_bytes == 0) {
        if (block)
            atomic_fetch_sub(&f->live, 1);
        free(block);
        return NULL;
    }
    long call = atomic_fetch_add(&f->calls, 1);
    if (f->fail_at >= 0 && call >= f->fail_at)
        return NULL;
    void *grown = realloc(block, size_bytes);
    if (grown && !block)
        atomic_fetch_add(&f->live, 1);
    return grown;
}

static weld_status job(weld_context *ctx, weld_error *err)
{
    weld_model *a = NULL, *b = NULL, *merged = NULL;
    weld_alignment *alignment = NULL;
    weld_report *report = NULL, *shapes = NULL;
    weld_align_options options = WELD_ALIGN_OPTIONS_INIT;
    void *bytes = NULL;
    size_t size;
    char *text = NULL;
    options.restarts = 1;
    weld_status st = weld_model_load(&a, ctx, WELD_MODELS "/mlp/a.onnx", err);
    if (st == WELD_OK)
        st = weld_model_load(&b, ctx, WELD_MODELS "/mlp/b.onnx", err);
    if (st == WELD_OK)
        st = weld_model_shapes(&shapes, a, NULL, err);
    if (st == WELD_OK)
        st = weld_align(&alignment, a, b, &options, err);
    if (st == WELD_OK)
        st = weld_alignment_verify(alignment, NULL, 8, 1e-4, err);
    if (st == WELD_OK)
        st = weld_merge(&merged, alignment, 0.5, err);
    if (st == WELD_OK)
        st = weld_model_save_memory(&bytes, &size, merged, err);
    if (st == WELD_OK)
        st = weld_report_create(&report, alignment, err);
    if (st == WELD_OK)
        st = weld_report_text(&text, report, "html", err);
    weld_bytes_free(ctx, text);
    weld_report_free(report);
    weld_report_free(shapes);
    weld_bytes_free(ctx, bytes);
    weld_model_free(merged);
    weld_alignment_free(alignment);
    weld_model_free(b);
    weld_model_free(a);
    return st;
}

static weld_status run(failing *f)
{
    weld_context_options options = WELD_CONTEXT_OPTIONS_INIT;
    weld_context *ctx;
    weld_error err = WELD_ERROR_INIT;
    options.allocator = (weld_allocator){failing_resize, f};
    options.threads = 1;
    weld_status st = weld_context_create(&ctx, &options, &err);
    if (st == WELD_OK)
        st = job(ctx, &err);
    if (st != WELD_OK)
        assert_true(err.message[0] != '\0');
    weld_context_free(ctx);
    return st;
}

static void every_failed_allocation_is_a_status(void **state)
{
    (void)state;
    failing all = {.fail_at = -1};
    assert_int_equal(run(&all), WELD_OK);
    assert_int_equal(atomic_load(&all.live), 0);
    long calls = atomic_load(&all.calls);
    for (long n = 0; n < calls; n++) {
        failing some = {.fail_at = n};
        weld_status st = run(&some);
        if (st == WELD_OK || atomic_load(&some.live) != 0)
            fail_msg("allocation %ld of %ld: status %d, %ld blocks live", n, calls, (int)st,
                     atomic_load(&some.live));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_failed_allocation_is_a_status)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
