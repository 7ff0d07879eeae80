/* Every model that we ship, and those of others where the shared corpus is there: random elements of its
 * symmetry, applied to random weights, keep the function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/objects.h"
#include <glob.h>
#include <stdio.h>

/* How many of them were read; the others need operators that we lack. */
static int prove_all(const char *pattern)
{
    weld_context *ctx;
    glob_t found;
    int proved = 0;
    assert_int_equal(weld_context_create(&ctx, NULL, NULL), WELD_OK);
    if (glob(pattern, 0, NULL, &found) != 0)
        found.gl_pathc = 0;
    for (size_t k = 0; k < found.gl_pathc; k++) {
        weld_error err = WELD_ERROR_INIT;
        weld_model *model = NULL;
        weld_report *report = NULL;
        weld_status st = weld_model_load(&model, ctx, found.gl_pathv[k], &err);
        if (st == WELD_E_UNSUPPORTED)
            continue;
        for (uint64_t seed = 1; st == WELD_OK && seed <= 2; seed++) {
            weld_report_free(report);
            st = weld_model_prove_symmetry(&report, model, seed, &err);
        }
        if (st != WELD_OK)
            fail_msg("%s: %s", found.gl_pathv[k], err.message);
        proved++;
        weld_report_free(report);
        weld_model_free(model);
    }
    globfree(&found);
    assert_int_equal(atomic_load(&ctx->in_use_bytes), 0);
    weld_context_free(ctx);
    return proved;
}

static void our_models_are_symmetric(void **state)
{
    (void)state;
    assert_true(prove_all(WELD_MODELS "/*/*.onnx") >= 10);
    assert_true(prove_all(WELD_GRAPHS "/*.onnx") >= 25);
}

static void shared_models_are_symmetric(void **state)
{
    (void)state;
    const int single = prove_all(WELD_SHARED "/models/single/*.onnx");
    if (single == 0) {
        printf("skipped: no shared corpus\n");
        skip();
    }
    assert_true(single >= 14);
    assert_true(prove_all(WELD_SHARED "/models/pairs/*/*.onnx") >= 11);
    assert_true(prove_all(WELD_SHARED "/models/quirks/*.onnx") >= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_models_are_symmetric),
        cmocka_unit_test(shared_models_are_symmetric),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
