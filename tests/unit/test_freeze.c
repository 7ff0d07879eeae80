/* Classes that are left alone: with all of their tree, and what stays free keeps the function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/objects.h"
#include "prove/orbit.h"
#include "symmetry/freeze.h"
#include <stdio.h>
#include <string.h>

#define OK(call) assert_int_equal((call), WELD_OK)

static const char *const graphs[] = {"depthwise",        "branches",        "residual",
                                     "grouped_conv",     "channel_shuffle", "shuffled_groups",
                                     "transposed_groups"};
enum { GRAPHS = sizeof graphs / sizeof graphs[0] };

/* Freezes the class of this number by its name; false when there is none. */
static bool freeze_one(weld_context *ctx, const weld_model *model, int c)
{
    weld_shapes *shapes;
    weld_symmetry *s;
    weld_proof proof;
    char name[256], pattern[300];
    int hits;
    OK(weld_structure_shapes(&shapes, model->structure, 4, NULL));
    OK(weld_symmetry_derive(&s, ctx, model->structure->graph, shapes, NULL));
    const int free_before = s->free_count, count = s->class_count;
    const bool there = c < free_before;
    if (there) {
        snprintf(name, sizeof name, "%s", s->classes[c].name);
        snprintf(pattern, sizeof pattern, "^%s$", name);
        OK(weld_symmetry_freeze(s, pattern, &hits, NULL));
        assert_true(hits >= 1 && s->free_count < free_before);
        assert_int_equal(s->class_count, count);
        for (int k = 0; k < count; k++) {
            const weld_class *at = &s->classes[k];
            assert_int_equal(at->pinned == NULL, k < s->free_count);
            assert_true(at->parent < k && (at->parent < 0 || !at->pinned));
            if (strcmp(at->name, name) == 0)
                assert_string_equal(at->pinned, "--freeze");
            for (int m = 0; at->pinned && m < at->member_count; m++)
                assert_null(at->members[m].positions);
        }
        OK(weld_prove_symmetry(&proof, s, shapes, model->params, 3, NULL));
    }
    weld_symmetry_free(s);
    weld_shapes_free(shapes);
    return there;
}

static void what_stays_free_keeps_the_function(void **state)
{
    (void)state;
    weld_context *ctx;
    int frozen = 0;
    OK(weld_context_create(&ctx, NULL, NULL));
    for (int k = 0; k < GRAPHS; k++) {
        char path[512];
        weld_model *model;
        snprintf(path, sizeof path, WELD_GRAPHS "/%s.onnx", graphs[k]);
        OK(weld_model_load(&model, ctx, path, NULL));
        for (int c = 0; freeze_one(ctx, model, c); c++)
            frozen++;
        weld_model_free(model);
    }
    assert_true(frozen > GRAPHS);
    assert_int_equal(atomic_load(&ctx->in_use_bytes), 0);
    weld_context_free(ctx);
}

static void patterns_are_checked(void **state)
{
    (void)state;
    weld_context *ctx;
    weld_model *a;
    weld_alignment *alignment;
    weld_error err = WELD_ERROR_INIT;
    weld_align_options options = WELD_ALIGN_OPTIONS_INIT;
    const char *patterns[] = {"^Conv_0$", "nonsense"};
    OK(weld_context_create(&ctx, NULL, NULL));
    OK(weld_model_load(&a, ctx, WELD_GRAPHS "/branches.onnx", NULL));
    options.freeze = patterns;
    options.freeze_count = 1;
    OK(weld_align(&alignment, a, a, &options, NULL));
    assert_int_equal(weld_alignment_class_count(alignment), 3);
    weld_alignment_free(alignment);
    options.freeze_count = 2;
    assert_int_equal(weld_align(&alignment, a, a, &options, &err), WELD_E_ARGUMENT);
    assert_non_null(strstr(err.message, "no class of units matches 'nonsense'"));
    patterns[0] = "(";
    assert_int_equal(weld_align(&alignment, a, a, &options, &err), WELD_E_ARGUMENT);
    assert_non_null(strstr(err.message, "not a regular expression"));
    weld_model_free(a);
    assert_int_equal(atomic_load(&ctx->in_use_bytes), 0);
    weld_context_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stays_free_keeps_the_function),
        cmocka_unit_test(patterns_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
