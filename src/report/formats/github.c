/* Annotations of GitHub's workflows, one line per gate that did not pass. */
#include "report/formats.h"

/* As the runner reads the values of commands. */
static void data(weld_buffer *out, const char *text)
{
    for (; *text; text++) {
        switch (*text) {
        case '%': weld_buffer_printf(out, "%%25"); break;
        case '\r': weld_buffer_printf(out, "%%0D"); break;
        case '\n': weld_buffer_printf(out, "%%0A"); break;
        default: weld_buffer_append(out, text, 1);
        }
    }
}

weld_status weld_report_render_github(weld_buffer *out, const weld_report *report, weld_error *err)
{
    for (size_t k = 0; k < report->gate_count; k++) {
        const weld_report_gate *gate = &report->gates[k];
        char text[256];
        if (gate->pass)
            continue;
        weld_report_gate_text(text, sizeof text, gate);
        weld_buffer_printf(out, "::%s title=onnxweld gate::",
                           gate->level == WELD_GATE_ERROR ? "error" : "warning");
        data(out, text);
        weld_buffer_printf(out, "\n");
    }
    return weld_buffer_check(out, err);
}
