/* Formats of reports. To add one: a renderer in a file of its own and a line in formats.def. */
#ifndef WELD_REPORT_FORMATS_H
#define WELD_REPORT_FORMATS_H
#include "core/buffer.h"
#include "report/report.h"

/* Appends to `out`; the caller checks the buffer. */
#define WELD_FORMAT(name)                                                                          \
    weld_status weld_report_render_##name(weld_buffer *out, const weld_report *report,             \
                                          weld_error *err);
#include "report/formats.def"
#undef WELD_FORMAT

/* Appends the report in a format of weld_report_formats(). */
weld_status weld_report_render(weld_buffer *out, const weld_report *report, const char *format,
                               weld_error *err);
#endif
