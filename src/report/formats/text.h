/* Parts of the terminal summary. */
#ifndef WELD_REPORT_FORMATS_TEXT_H
#define WELD_REPORT_FORMATS_TEXT_H
#include "core/buffer.h"
#include "report/report.h"

enum { WELD_TEXT_LINES_MAX = 24, WELD_TEXT_PARTS_MAX = 16 };

typedef struct weld_text_part {
    size_t from, to;     /* bytes of the text */
    size_t lines, shown; /* of a list, the last one shown says how many more there are */
    const char *title;   /* of a list; NULL: all of it is shown */
} weld_text_part;

typedef struct weld_text_parts {
    weld_buffer text; /* all of it, in full */
    weld_text_part at[WELD_TEXT_PARTS_MAX];
    size_t count;
} weld_text_parts;

void weld_text_begin(weld_text_parts *parts, weld_context *ctx);
/* What was written to the text since the last part is one. */
void weld_text_end_part(weld_text_parts *parts, const char *title);
/* Appends all parts, the longest lists shortened until there are at most WELD_TEXT_LINES_MAX lines; then the
 * parts are gone. */
weld_status weld_text_fit(weld_buffer *out, weld_text_parts *parts, weld_error *err);

/* Of the path, the features and the conditions. */
void weld_text_measures(weld_buffer *out, const weld_report *report);
/* What a dry run says. */
void weld_text_plan(weld_text_parts *parts, const weld_report_plan *plan);
#endif
