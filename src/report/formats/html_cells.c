/* Text and cells of tables. */
#include "report/formats/html.h"
#include <math.h>
#include <string.h>

void weld_html_text(weld_buffer *out, const char *text, size_t max)
{
    size_t shown = 0;
    for (const char *s = text; *s; s++) {
        bool starts = ((unsigned char)*s & 0xc0) != 0x80;
        if (starts && shown++ == max) {
            weld_buffer_printf(out, "…");
            return;
        }
        switch (*s) {
        case '<': weld_buffer_printf(out, "&lt;"); break;
        case '>': weld_buffer_printf(out, "&gt;"); break;
        case '&': weld_buffer_printf(out, "&amp;"); break;
        case '"': weld_buffer_printf(out, "&quot;"); break;
        case '\'': weld_buffer_printf(out, "&#39;"); break;
        default: weld_buffer_append(out, s, 1);
        }
    }
}

void weld_html_cell(weld_buffer *out, const char *text)
{
    weld_buffer_printf(out, "<td>");
    weld_html_text(out, text ? text : "–", WELD_HTML_TEXT_MAX);
    weld_buffer_printf(out, "</td>");
}

void weld_html_number(weld_buffer *out, double x)
{
    if (isfinite(x))
        weld_buffer_printf(out, "<td class=\"n\" align=\"right\">%.4g</td>", x);
    else
        weld_buffer_printf(out, "<td class=\"n\" align=\"right\">–</td>");
}

void weld_html_integer(weld_buffer *out, int64_t n)
{
    weld_buffer_printf(out, "<td class=\"n\" align=\"right\">%lld</td>", (long long)n);
}

/* "<table>" and its head; columns are separated by '|'. */
void weld_html_table(weld_buffer *out, const char *columns)
{
    weld_buffer_printf(out, "<table border=\"1\" cellpadding=\"4\" cellspacing=\"0\">\n<tr>");
    for (const char *s = columns; *s;) {
        size_t n = strcspn(s, "|");
        weld_buffer_printf(out, "<th>%.*s</th>", (int)n, s);
        s += n + (s[n] == '|');
    }
    weld_buffer_printf(out, "</tr>\n");
}
