/* Charts as inline SVG. */
#ifndef WELD_REPORT_FORMATS_CHART_H
#define WELD_REPORT_FORMATS_CHART_H
#include "core/buffer.h"
#include "report/report.h"

/* Loss (or, `accuracy`, accuracy) along alpha, naive and aligned, with the chord. */
void weld_chart_path(weld_buffer *out, const weld_report_lmc *lmc, bool accuracy);
/* 1 - cosine per layer at the alpha of index `at`. */
void weld_chart_layers(weld_buffer *out, const weld_report_llfc *llfc, size_t at);
/* The same at every alpha. */
void weld_chart_heat(weld_buffer *out, const weld_report_llfc *llfc);
#endif
