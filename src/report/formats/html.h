/* Parts of the HTML report. */
#ifndef WELD_REPORT_FORMATS_HTML_H
#define WELD_REPORT_FORMATS_HTML_H
#include "core/buffer.h"
#include "report/report.h"

enum { WELD_HTML_TEXT_MAX = 160, WELD_HTML_ROWS_MAX = 500 };

/* Head, style sheet, title; and glossary to the end of the page. */
void weld_html_begin(weld_buffer *out);
void weld_html_end(weld_buffer *out);

/* Escaped for text and for quoted attributes; at most `max` characters, then an ellipsis. */
void weld_html_text(weld_buffer *out, const char *text, size_t max);

/* A cell of text ("–" for NULL), of a number ("–" for one that is not finite). */
void weld_html_cell(weld_buffer *out, const char *text);
void weld_html_number(weld_buffer *out, double x);
void weld_html_integer(weld_buffer *out, int64_t n);
/* "<table>" and its head; columns are separated by '|'. */
void weld_html_table(weld_buffer *out, const char *columns);

/* How the merges were made, what they reach, what variance their layers have kept. */
void weld_html_merges(weld_buffer *out, const weld_report *report);
/* Loss (or, `accuracy`, accuracy) along alpha, naive and aligned, with the chord. */
void weld_html_path_chart(weld_buffer *out, const weld_report_lmc *lmc, bool accuracy);
/* 1 - cosine per layer at the alpha of index `at`. */
void weld_html_layer_chart(weld_buffer *out, const weld_report_llfc *llfc, size_t at);
#endif
