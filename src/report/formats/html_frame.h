/* What stands around the HTML report. */
#ifndef WELD_REPORT_FORMATS_HTML_FRAME_H
#define WELD_REPORT_FORMATS_HTML_FRAME_H
#include "core/buffer.h"

/* Head, style sheet, title; and the glossary. */
void weld_html_begin(weld_buffer *out);
void weld_html_end(weld_buffer *out);
#endif
