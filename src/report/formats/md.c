/* Markdown as GitHub shows it: summaries of CI jobs, comments, model cards. Strings of files stand in
 * code spans, where nothing in them is markup, a link or a mention. */
#include "report/formats.h"
#include "report/formats/escape.h"
#include "report/formats/markdown.h"
#include <string.h>

static void say(weld_page *page, const char *text)
{
    static const char special[] = "\\`*_[]#|~";
    for (; *text; text++) {
        if (page->in_code)
            weld_buffer_append(page->out, text, 1);
        else if (*text == '<' || *text == '>' || *text == '&')
            weld_escape(page->out, (char[]){*text, '\0'}, 1);
        else
            weld_buffer_printf(page->out, "%s%c", strchr(special, *text) ? "\\" : "", *text);
    }
}

/* A backtick would end the span; a pipe ends a cell even there. */
static void name(weld_page *page, const char *text, size_t max)
{
    const size_t n = weld_cut(text, max);
    const char *mark = page->in_code || !n ? "" : "`";
    weld_buffer_printf(page->out, "%s", mark);
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '`')
            weld_buffer_printf(page->out, "'");
        else if (text[i] == '|' && page->in_table)
            weld_buffer_printf(page->out, "\\|");
        else
            weld_buffer_append(page->out, &text[i], 1);
    }
    weld_buffer_printf(page->out, "%s%s", text[n] ? "…" : "", mark);
}

const weld_page_style weld_markdown = {
    .marks = {[WELD_MARK_HEADING] = {"## ", "\n\n"},
              [WELD_MARK_PARAGRAPH] = {"", "\n\n"},
              [WELD_MARK_STRONG] = {"**", "**"},
              [WELD_MARK_LIST] = {"", "\n"},
              [WELD_MARK_ITEM] = {"1. ", "\n"},
              [WELD_MARK_CODE] = {"```\n", "\n```\n\n"},
              [WELD_MARK_TABLE] = {"", "\n"},
              [WELD_MARK_HEAD] = {"|", "\n"},
              [WELD_MARK_TITLE] = {" ", " |"},
              [WELD_MARK_ROW] = {"|", "\n"},
              [WELD_MARK_CELL] = {" ", " |"},
              [WELD_MARK_FIGURE] = {" ", " |"},
              [WELD_MARK_DETAILS] = {"<details>", "</details>\n\n"},
              [WELD_MARK_SUMMARY] = {"<summary>", "</summary>\n\n"}},
    .under_title = "---|",
    .line_break = "<br>",
    .rows_max = 100,
    .say = say,
    .name = name,
};

weld_status weld_report_render_md(weld_buffer *out, const weld_report *report, weld_error *err)
{
    weld_page page = {.out = out, .style = &weld_markdown};
    weld_buffer_printf(out, "# onnxweld report\n\n");
    weld_page_verdict(&page, report);
    weld_page_report(&page, report);
    return weld_buffer_check(out, err);
}
