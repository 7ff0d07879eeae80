/* One self-contained page: inline SVG and plain tables, readable without scripts and style sheets;
 * the style sheet is an enhancement only. Every string of a model is escaped. */
#include "report/formats.h"
#include "report/formats/escape.h"
#include "report/formats/html_frame.h"
#include "report/formats/page.h"

static void say(weld_page *page, const char *text)
{
    weld_escape(page->out, text, SIZE_MAX);
}

static void name(weld_page *page, const char *text, size_t max)
{
    weld_escape(page->out, text, max);
}

static const weld_page_style style = {
    .marks = {[WELD_MARK_HEADING] = {"<h2>", "</h2>\n"},
              [WELD_MARK_PARAGRAPH] = {"<p>", "</p>\n"},
              [WELD_MARK_STRONG] = {"<strong>", "</strong>"},
              [WELD_MARK_LIST] = {"<ol>\n", "</ol>\n"},
              [WELD_MARK_ITEM] = {"<li>", "</li>\n"},
              [WELD_MARK_CODE] = {"<pre>", "</pre>\n"},
              [WELD_MARK_TABLE] = {"<table border=\"1\">\n", "</table>\n"},
              [WELD_MARK_HEAD] = {"<tr>", "</tr>\n"},
              [WELD_MARK_TITLE] = {"<th>", "</th>"},
              [WELD_MARK_ROW] = {"<tr>", "</tr>\n"},
              [WELD_MARK_CELL] = {"<td>", "</td>"},
              [WELD_MARK_FIGURE] = {"<td class=\"n\">", "</td>"},
              [WELD_MARK_DETAILS] = {"<details>", "</details>\n"},
              [WELD_MARK_SUMMARY] = {"<summary>", "</summary>\n"}},
    .line_break = "<br>",
    .rows_max = 500,
    .charts = true,
    .say = say,
    .name = name,
};

weld_status weld_report_render_html(weld_buffer *out, const weld_report *report, weld_error *err)
{
    weld_page page = {.out = out, .style = &style};
    weld_html_begin(out);
    weld_buffer_printf(out, "<div class=\"verdict %s\">", weld_report_verdict(report));
    weld_page_verdict(&page, report);
    weld_buffer_printf(out, "</div>\n");
    weld_page_report(&page, report);
    weld_html_end(out);
    return weld_buffer_check(out, err);
}
