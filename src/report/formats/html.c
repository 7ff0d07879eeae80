/* One self-contained page: inline SVG and plain tables, readable without scripts and style sheets;
 * the style sheet is an enhancement only. Every string of a model is escaped. */
#include "report/formats.h"
#include "report/formats/escape.h"
#include "report/formats/html_frame.h"
#include "report/formats/json.h"
#include "report/formats/page.h"

enum { PAGE_BYTES_MAX = 950000 };

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
              [WELD_MARK_TABLE] = {"<div class=\"wide\"><table>\n", "</table></div>\n"},
              [WELD_MARK_HEAD] = {"<tr>", "</tr>\n"},
              [WELD_MARK_TITLE] = {"<th scope=\"col\">", "</th>"},
              [WELD_MARK_ROW] = {"<tr>", "</tr>\n"},
              [WELD_MARK_CELL] = {"<td>", "</td>"},
              [WELD_MARK_FIGURE] = {"<td class=\"n\">", "</td>"},
              [WELD_MARK_DETAILS] = {"<details>", "</details>\n"},
              [WELD_MARK_SUMMARY] = {"<summary>", "</summary>\n"}},
    .line_break = "<br>",
    .rows_max = 300, /* keeps the page of a network with thousands of layers below 1 MB */
    .charts = true,
    .say = say,
    .name = name,
};

/* No "</script>" nor "<!--" can stand in what is embedded. */
static int append(const char *bytes, size_t size, void *user)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '<')
            weld_buffer_printf(user, "\\u003c");
        else
            weld_buffer_append(user, &bytes[i], 1);
    }
    return 0;
}

/* The same as JSON, for programs; left out where the page would grow too large. */
static weld_status embed(weld_buffer *out, const weld_report *report, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_buffer text;
    json_t *root = NULL;
    weld_buffer_init(&text, report->ctx);
    WELD_TRY(weld_report_document(&root, report, err));
    WELD_REQUIRE(json_dump_callback(root, append, &text, JSON_COMPACT | JSON_REAL_PRECISION(17)) ==
                     0,
                 WELD_E_NOMEM, "out of memory for the HTML report");
    WELD_TRY(weld_buffer_check(&text, err));
    if (out->size + text.size > PAGE_BYTES_MAX)
        goto done;
    weld_buffer_printf(out, "<script type=\"application/json\" id=\"report\">");
    weld_buffer_append(out, text.data, text.size);
    weld_buffer_printf(out, "</script>\n");
done:
    json_decref(root);
    weld_buffer_free(&text);
    return st;
}

weld_status weld_report_render_html(weld_buffer *out, const weld_report *report, weld_error *err)
{
    weld_page page = {.out = out, .style = &style};
    weld_html_begin(out);
    weld_buffer_printf(out, "<div class=\"verdict %s\">", weld_report_verdict(report));
    weld_page_verdict(&page, report);
    weld_buffer_printf(out, "</div>\n");
    weld_page_report(&page, report);
    weld_html_end(out);
    const weld_status st = embed(out, report, err);
    weld_buffer_printf(out, "</body>\n</html>\n");
    return st == WELD_OK ? weld_buffer_check(out, err) : st;
}
