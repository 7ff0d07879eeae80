/* What a report shows, apart from the markup: sections, sentences, tables. html.c and md.c give a
 * style to it, so that both show the same figures. */
#ifndef WELD_REPORT_FORMATS_PAGE_H
#define WELD_REPORT_FORMATS_PAGE_H
#include "core/buffer.h"
#include "report/report.h"

typedef enum weld_mark {
    WELD_MARK_HEADING,
    WELD_MARK_PARAGRAPH,
    WELD_MARK_STRONG,
    WELD_MARK_LIST,
    WELD_MARK_ITEM,
    WELD_MARK_CODE, /* a block of its own */
    WELD_MARK_TABLE,
    WELD_MARK_HEAD,
    WELD_MARK_TITLE, /* of a column */
    WELD_MARK_ROW,
    WELD_MARK_CELL,
    WELD_MARK_FIGURE, /* a cell with a number */
    WELD_MARK_DETAILS,
    WELD_MARK_SUMMARY, /* of the details; in plain words */
    WELD_MARK_COUNT
} weld_mark;

typedef struct weld_page weld_page;
typedef struct weld_page_style {
    const char *marks[WELD_MARK_COUNT][2]; /* what opens and what closes */
    const char *under_title;               /* once per column below a table's head, or NULL */
    const char *line_break;                /* within a cell */
    size_t rows_max;                       /* of a table or a list */
    bool charts;
    /* Words of ours, and names that come from files: so that they stand for themselves. */
    void (*say)(weld_page *page, const char *text);
    void (*name)(weld_page *page, const char *text, size_t max);
} weld_page_style;

struct weld_page {
    weld_buffer *out;
    const weld_page_style *style;
    bool in_table, in_code;
};

enum { WELD_NAME_MAX = 160, WELD_LINE_MAX = 400 };

void weld_page_open(weld_page *page, weld_mark mark);
void weld_page_close(weld_page *page, weld_mark mark);
void weld_page_say(weld_page *page, const char *format, ...) WELD_PRINTF(2, 3);
/* A string that comes from a file; at most `max` characters, then an ellipsis. NULL is "–". */
void weld_page_name(weld_page *page, const char *text, size_t max);
void weld_page_heading(weld_page *page, const char *text);
void weld_page_paragraph(weld_page *page, const char *format, ...) WELD_PRINTF(2, 3);
/* Items of a list, or paragraphs of their own. */
void weld_page_lines(weld_page *page, const weld_report_lines *lines, weld_mark mark);
/* Says that a table or a list of so many rows was cut. */
void weld_page_left_out(weld_page *page, size_t count);

/* Columns are separated by '|'. */
void weld_page_table(weld_page *page, const char *columns);
void weld_page_end_table(weld_page *page);
/* Words of ours; a name of a file ("–" for NULL); figures ("–" for one that is not finite). */
void weld_page_label(weld_page *page, const char *format, ...) WELD_PRINTF(2, 3);
void weld_page_cell(weld_page *page, const char *text);
void weld_page_number(weld_page *page, double x);
void weld_page_integer(weld_page *page, int64_t n);
/* A cell: why something that was tried is of no use, or that it was taken. */
void weld_page_outcome(weld_page *page, const char *failure, bool chosen);
/* Before line `index` of a cell. */
void weld_page_break(weld_page *page, size_t index);
void weld_page_details(weld_page *page, const char *format, ...) WELD_PRINTF(2, 3);

/* One paragraph: the verdict and what it comes from. */
void weld_page_verdict(weld_page *page, const weld_report *report);
/* All sections that the report has, in the order of reading. */
void weld_page_report(weld_page *page, const weld_report *report);
/* They are: */
void weld_page_lmc(weld_page *page, const weld_report *report);
void weld_page_merges(weld_page *page, const weld_report *report);
void weld_page_llfc(weld_page *page, const weld_report_llfc *llfc);
void weld_page_conditions(weld_page *page, const weld_report_conditions *conditions);
void weld_page_classes(weld_page *page, const weld_report_classes *list);
void weld_page_inspection(weld_page *page, const weld_report_inspection *inspection);
void weld_page_shapes(weld_page *page, const weld_report_shapes *shapes);
void weld_page_diff(weld_page *page, const weld_report_diff *diff);
void weld_page_models(weld_page *page, const weld_report *report);
void weld_page_environment(weld_page *page, const weld_report *report);
#endif
