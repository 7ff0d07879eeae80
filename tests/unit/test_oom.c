/* Load, align, merge and save with the n-th allocation failing: a status, no leak, no crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "failing.h"

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
        st = weld_merge(&merged, alignment, NULL, err);
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

static void every_failed_allocation_is_a_status(void **state)
{
    (void)state;
    check_failed_allocations(job, 0, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_failed_allocation_is_a_status)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
