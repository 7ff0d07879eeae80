/* A job with the n-th allocation of its context failing: a status, no leak, no crash. For one test
 * program each; include it behind cmocka.h. */
#ifndef WELD_TESTS_FAILING_H
#define WELD_TESTS_FAILING_H
#include <onnxweld.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef weld_status failing_job(weld_context *ctx, weld_error *err);

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

static weld_status run_failing(failing *f, failing_job *job)
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

/* The job as it is, then with allocation first, first + step... and all after it failing. */
static void check_failed_allocations(failing_job *job, long first, long step)
{
    failing all = {.fail_at = -1};
    assert_int_equal(run_failing(&all, job), WELD_OK);
    assert_int_equal(atomic_load(&all.live), 0);
    long calls = atomic_load(&all.calls);
    for (long n = first; n < calls; n += step) {
        failing some = {.fail_at = n};
        weld_status st = run_failing(&some, job);
        if (st == WELD_OK || atomic_load(&some.live) != 0)
            fail_msg("allocation %ld of %ld: status %d, %ld blocks live", n, calls, (int)st,
                     atomic_load(&some.live));
    }
}
#endif
