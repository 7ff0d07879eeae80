/* Sentences and tables in a style. */
#include "report/formats/page.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SAY_MAX = 1024 };

static void put_mark(weld_page *page, const char *text)
{
    weld_buffer_append(page->out, text, strlen(text));
}

void weld_page_open(weld_page *page, weld_mark mark)
{
    page->in_table = page->in_table || mark == WELD_MARK_TABLE;
    page->in_code = page->in_code || mark == WELD_MARK_CODE;
    put_mark(page, page->style->marks[mark][0]);
}

void weld_page_close(weld_page *page, weld_mark mark)
{
    page->in_table = page->in_table && mark != WELD_MARK_TABLE;
    page->in_code = page->in_code && mark != WELD_MARK_CODE;
    put_mark(page, page->style->marks[mark][1]);
}

static void say_all(weld_page *page, const char *format, va_list ap) WELD_PRINTF(2, 0);
static void say_all(weld_page *page, const char *format, va_list ap)
{
    char text[SAY_MAX];
    vsnprintf(text, sizeof text, format, ap);
    page->style->say(page, text);
}

void weld_page_say(weld_page *page, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    say_all(page, format, ap);
    va_end(ap);
}

static void say_within(weld_page *page, weld_mark mark, const char *format, va_list ap)
    WELD_PRINTF(3, 0);
static void say_within(weld_page *page, weld_mark mark, const char *format, va_list ap)
{
    weld_page_open(page, mark);
    say_all(page, format, ap);
    weld_page_close(page, mark);
}

void weld_page_name(weld_page *page, const char *text, size_t max)
{
    if (text)
        page->style->name(page, text, max);
    else
        page->style->say(page, "–");
}

void weld_page_heading(weld_page *page, const char *text)
{
    weld_page_open(page, WELD_MARK_HEADING);
    weld_page_say(page, "%s", text);
    weld_page_close(page, WELD_MARK_HEADING);
}

void weld_page_paragraph(weld_page *page, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    say_within(page, WELD_MARK_PARAGRAPH, format, ap);
    va_end(ap);
}

void weld_page_lines(weld_page *page, const weld_report_lines *lines, weld_mark mark)
{
    if (mark == WELD_MARK_ITEM)
        weld_page_open(page, WELD_MARK_LIST);
    for (size_t i = 0; i < lines->count && i < page->style->rows_max; i++) {
        weld_page_open(page, mark);
        weld_page_name(page, lines->items[i], WELD_LINE_MAX);
        weld_page_close(page, mark);
    }
    if (mark == WELD_MARK_ITEM)
        weld_page_close(page, WELD_MARK_LIST);
    weld_page_left_out(page, lines->count);
}

void weld_page_left_out(weld_page *page, size_t count)
{
    if (count > page->style->rows_max)
        weld_page_paragraph(page, "The first %zu of %zu; all are in the JSON report.",
                            page->style->rows_max, count);
}

void weld_page_table(weld_page *page, const char *columns)
{
    size_t count = 0;
    weld_page_open(page, WELD_MARK_TABLE);
    weld_page_open(page, WELD_MARK_HEAD);
    for (const char *s = columns;; s++) {
        const size_t n = strcspn(s, "|");
        weld_page_open(page, WELD_MARK_TITLE);
        weld_page_say(page, "%.*s", (int)n, s);
        weld_page_close(page, WELD_MARK_TITLE);
        count++;
        s += n;
        if (!*s)
            break;
    }
    weld_page_close(page, WELD_MARK_HEAD);
    if (!page->style->under_title)
        return;
    weld_page_open(page, WELD_MARK_HEAD);
    for (size_t k = 0; k < count; k++)
        put_mark(page, page->style->under_title);
    weld_page_close(page, WELD_MARK_HEAD);
}

void weld_page_end_table(weld_page *page)
{
    weld_page_close(page, WELD_MARK_TABLE);
}

void weld_page_cell(weld_page *page, const char *text)
{
    weld_page_open(page, WELD_MARK_CELL);
    weld_page_name(page, text, WELD_NAME_MAX);
    weld_page_close(page, WELD_MARK_CELL);
}

void weld_page_label(weld_page *page, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    say_within(page, WELD_MARK_CELL, format, ap);
    va_end(ap);
}

void weld_page_number(weld_page *page, double x)
{
    weld_page_open(page, WELD_MARK_FIGURE);
    if (isfinite(x))
        weld_page_say(page, "%.4g", x);
    else
        weld_page_say(page, "–");
    weld_page_close(page, WELD_MARK_FIGURE);
}

void weld_page_integer(weld_page *page, int64_t n)
{
    weld_page_open(page, WELD_MARK_FIGURE);
    weld_page_say(page, "%lld", (long long)n);
    weld_page_close(page, WELD_MARK_FIGURE);
}

void weld_page_outcome(weld_page *page, const char *failure, bool chosen)
{
    if (failure)
        weld_page_cell(page, failure);
    else
        weld_page_label(page, "%s", chosen ? "chosen" : "");
}

void weld_page_break(weld_page *page, size_t index)
{
    if (index)
        put_mark(page, page->style->line_break);
}

void weld_page_details(weld_page *page, const char *format, ...)
{
    va_list ap;
    weld_page_open(page, WELD_MARK_DETAILS);
    va_start(ap, format);
    say_within(page, WELD_MARK_SUMMARY, format, ap);
    va_end(ap);
}
