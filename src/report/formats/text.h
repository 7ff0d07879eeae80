/* Parts of the terminal summary. */
#ifndef WELD_REPORT_FORMATS_TEXT_H
#define WELD_REPORT_FORMATS_TEXT_H
#include "core/buffer.h"
#include "report/report.h"

/* All that a dry run says, but for the models and warnings. */
void weld_text_plan(weld_buffer *out, const weld_report *report);
#endif
