/* Gates by the public API: what is judged, what is asked wrongly, allocations that fail. The cases of every
 * gate, of configurations and of reports that are none are in tests/cli/gates.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "failing.h"
#include "report/report.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define OK(call) assert_int_equal((call), WELD_OK)

static weld_status small_report(weld_report **out, weld_context *ctx, weld_error *err)
{
    static const double alpha[] = {0, 0.5, 1}, loss[] = {0.2, 0.5, 0.4},
                        accuracy[] = {0.9, 0.8, 0.95};
    const weld_report_model a = {.role = "A", .path = "a.onnx"}, b = {.role = "B"};
    weld_report_lmc lmc = {.metric = "ce", .alpha = alpha, .alpha_count = 3};
    weld_report_match match = {.method = "weights", .pinned_fraction = 0.25};
    weld_status st = weld_report_new(out, ctx, err);
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        lmc.curve[v].loss.y = loss;
        lmc.curve[v].accuracy.y = accuracy;
    }
    if (st == WELD_OK)
        st = weld_report_put_model(*out, &a, err);
    if (st == WELD_OK)
        st = weld_report_put_model(*out, &b, err);
    if (st == WELD_OK)
        st = weld_report_put_lmc(*out, &lmc, err);
    if (st == WELD_OK)
        st = weld_report_put_match(*out, &match, err);
    if (st == WELD_OK)
        (*out)->verification = (weld_report_verification){.present = true,
                                                          .pass = true,
                                                          .n = 4,
                                                          .max_abs = 1e-6,
                                                          .max_rel = 1e-7,
                                                          .allowed = 1e-3};
    return st;
}

static weld_context *context(void)
{
    weld_context *ctx;
    OK(weld_context_create(&ctx, NULL, NULL));
    return ctx;
}

static void figures_are_judged_in_order(void **state)
{
    (void)state;
    weld_context *ctx = context();
    weld_report *r;
    const weld_gate_limit limits[] = {{"pinned.fraction", 0.25}, {"acc.drop", 0.1}};
    weld_gate_options how = WELD_GATE_OPTIONS_INIT;
    how.limits = limits;
    how.limit_count = 2;
    OK(small_report(&r, ctx, NULL));
    OK(weld_report_judge(r, &how, NULL));
    assert_int_equal(r->gate_count, 3);
    assert_string_equal(r->gates[0].id, "acc.drop");
    assert_true(fabs(r->gates[0].value - 0.1) < 1e-12);
    assert_string_equal(r->gates[1].id, "equiv.max_abs");
    assert_true(r->gates[1].limit == 1e-3);
    assert_string_equal(r->gates[2].id, "pinned.fraction");
    assert_true(r->gates[2].pass);
    assert_string_equal(weld_report_verdict(r), "pass");
    weld_report_free(r);
    weld_context_free(ctx);
}

static void what_failed_is_named(void **state)
{
    (void)state;
    weld_context *ctx = context();
    weld_report *r;
    weld_error err = WELD_ERROR_INIT;
    const weld_gate_limit limit = {"acc.drop", 0.05};
    weld_gate_options how = WELD_GATE_OPTIONS_INIT;
    how.limits = &limit;
    how.limit_count = 1;
    OK(small_report(&r, ctx, NULL));
    assert_int_equal(weld_report_judge(r, &how, &err), WELD_E_NEGATIVE);
    assert_non_null(strstr(err.message, "acc.drop is 0.1, allowed at most 0.05"));
    assert_string_equal(weld_report_verdict(r), "fail");
    weld_report_free(r);
    OK(small_report(&r, ctx, NULL));
    how.warn_only = true;
    OK(weld_report_judge(r, &how, &err));
    assert_string_equal(weld_report_verdict(r), "warn");
    weld_report_free(r);
    weld_context_free(ctx);
}

static void wrong_questions_are_refused(void **state)
{
    (void)state;
    weld_context *ctx = context();
    weld_report *r;
    static const struct {
        weld_gate_limit limit;
        const char *says;
    } cases[] = {{{"nosuch", 1}, "no gate 'nosuch'"},
                 {{NULL, 1}, "no gate ''"},
                 {{"acc.drop", NAN}, "gate acc.drop: the limit is not finite"},
                 {{"acc.drop", INFINITY}, "gate acc.drop: the limit is not finite"},
                 {{"llfc.min", 0.9}, "gate llfc.min: the report has no aligned.one_minus_cos"}};
    OK(small_report(&r, ctx, NULL));
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        weld_error err = WELD_ERROR_INIT;
        weld_gate_options how = WELD_GATE_OPTIONS_INIT;
        how.limits = &cases[k].limit;
        how.limit_count = 1;
        assert_int_equal(weld_report_judge(r, &how, &err), WELD_E_ARGUMENT);
        if (!strstr(err.message, cases[k].says))
            fail_msg("'%s', expected '%s'", err.message, cases[k].says);
    }
    weld_gate_options cut = WELD_GATE_OPTIONS_INIT;
    cut.struct_size = 8;
    assert_int_equal(weld_report_judge(r, &cut, NULL), WELD_E_ARGUMENT);
    weld_report_free(r);
    weld_context_free(ctx);
}

static void options_know_their_gates(void **state)
{
    (void)state;
    assert_string_equal(weld_gate_of_option("--max-barrier"), "barrier.loss");
    assert_string_equal(weld_gate_of_option("--min-llfc"), "llfc.min");
    assert_null(weld_gate_of_option("--max-nothing"));
}

/* ---- failing allocations ---------------------------------------------------------------------- */

static char saved[] = "/tmp/onnxweld-gates-XXXXXX";

static void save_report(void)
{
    weld_context *ctx = context();
    weld_report *r;
    char *text;
    OK(small_report(&r, ctx, NULL));
    OK(weld_report_text(&text, r, "json", NULL));
    const int file = mkstemp(saved);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (int)strlen(text));
    close(file);
    weld_bytes_free(ctx, text);
    weld_report_free(r);
    weld_context_free(ctx);
}

static weld_status job(weld_context *ctx, weld_error *err)
{
    weld_report *made = NULL, *judged = NULL;
    const weld_gate_limit limit = {"acc.drop", 0.2};
    weld_gate_options how = WELD_GATE_OPTIONS_INIT;
    how.limits = &limit;
    how.limit_count = 1;
    how.baseline = saved;
    weld_status st = small_report(&made, ctx, err);
    if (st == WELD_OK)
        st = weld_report_judge(made, &how, err);
    if (st == WELD_OK)
        st = weld_gate_saved(&judged, ctx, saved, &how, err);
    for (const char *const *f = weld_report_formats(); st == WELD_OK && *f; f++) {
        char *text;
        st = weld_report_text(&text, made, *f, err);
        weld_bytes_free(ctx, text);
    }
    weld_report_free(judged);
    weld_report_free(made);
    return st;
}

static void every_failed_allocation_is_a_status(void **state)
{
    (void)state;
    save_report();
    check_failed_allocations(job, 0, 1);
    unlink(saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_are_judged_in_order),
        cmocka_unit_test(what_failed_is_named),
        cmocka_unit_test(wrong_questions_are_refused),
        cmocka_unit_test(options_know_their_gates),
        cmocka_unit_test(every_failed_allocation_is_a_status),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
