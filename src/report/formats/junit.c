/* JUnit's XML, which CI systems list as tests: the proof, the obstacles, the differences, the gates. */
#include "report/formats.h"
#include "report/formats/escape.h"
#include <math.h>
#include <stdio.h>

typedef struct suite {
    weld_buffer cases;
    size_t tests, failures, skipped;
} suite;

static void attribute(weld_buffer *out, const char *name, const char *text)
{
    weld_buffer_printf(out, " %s=\"", name);
    weld_escape(out, text, SIZE_MAX);
    weld_buffer_printf(out, "\"");
}

/* `element`: "failure" or, for what only warns, "skipped". */
static void add_case(suite *s, const char *group, const char *name, const char *element,
                     const char *message)
{
    s->tests++;
    weld_buffer_printf(&s->cases, "  <testcase");
    attribute(&s->cases, "classname", group);
    attribute(&s->cases, "name", name);
    if (!element) {
        weld_buffer_printf(&s->cases, "/>\n");
        return;
    }
    *(element[0] == 'f' ? &s->failures : &s->skipped) += 1;
    weld_buffer_printf(&s->cases, ">\n   <%s", element);
    attribute(&s->cases, "message", message);
    weld_buffer_printf(&s->cases, "/>\n  </testcase>\n");
}

static void add_gates(suite *s, const weld_report *r)
{
    for (size_t k = 0; k < r->gate_count; k++) {
        const weld_report_gate *gate = &r->gates[k];
        char text[256], name[160];
        const char *element = gate->level == WELD_GATE_ERROR ? "failure" : "skipped";
        weld_report_gate_text(text, sizeof text, gate);
        snprintf(name, sizeof name, "%s%s", gate->id, isnan(gate->baseline) ? "" : " (baseline)");
        add_case(s, "gates", name, gate->pass ? NULL : element, text);
    }
}

static void add_all(suite *s, const weld_report *r)
{
    char text[160];
    const weld_report_verification *v = &r->verification;
    const bool differs = r->diff.structure.count || r->diff.weight_count;
    snprintf(text, sizeof text, "outputs differ by %.6g, allowed %.6g", v->max_abs, v->allowed);
    if (v->present)
        add_case(s, "proof", "same function", v->pass ? NULL : "failure", text);
    if (r->checked && !r->obstacles.count)
        add_case(s, "obstacles", "can be welded", NULL, "");
    for (size_t k = 0; k < r->obstacles.count; k++) {
        snprintf(text, sizeof text, "obstacle %zu", k + 1);
        add_case(s, "obstacles", text, "failure", r->obstacles.items[k]);
    }
    snprintf(text, sizeof text, "%zu differences in structure, %zu parameters differ",
             r->diff.structure.count, r->diff.weight_count);
    if (r->diff.present)
        add_case(s, "diff", "equal", differs ? "failure" : NULL, text);
    add_gates(s, r);
}

weld_status weld_report_render_junit(weld_buffer *out, const weld_report *report, weld_error *err)
{
    weld_status st = WELD_OK;
    suite s = {0};
    weld_buffer_init(&s.cases, report->ctx);
    add_all(&s, report);
    WELD_TRY(weld_buffer_check(&s.cases, err));
    weld_buffer_printf(out,
                       "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n <testsuite "
                       "name=\"onnxweld\" tests=\"%zu\" failures=\"%zu\" errors=\"0\" "
                       "skipped=\"%zu\">\n",
                       s.tests, s.failures, s.skipped);
    weld_buffer_append(out, s.cases.data ? s.cases.data : "", s.cases.size);
    weld_buffer_printf(out, " </testsuite>\n</testsuites>\n");
    st = weld_buffer_check(out, err);
done:
    weld_buffer_free(&s.cases);
    return st;
}
