/* Elements of SVG by presentation attributes, which need no style sheet. */
#ifndef WELD_REPORT_FORMATS_CHART_SVG_H
#define WELD_REPORT_FORMATS_CHART_SVG_H
#include "core/buffer.h"

/* viewBox in tenths of a pixel, ground, fonts. */
void weld_svg_open(weld_buffer *out, int width, int height, const char *title);
void weld_svg_close(weld_buffer *out);
void weld_svg_heading(weld_buffer *out, int x, const char *text);
void weld_svg_text(weld_buffer *out, int x, int y, const char *anchor, const char *text);
void weld_svg_strong(weld_buffer *out, int x, int y, const char *text);
void weld_svg_line(weld_buffer *out, const int xy[4], const char *stroke, int width,
                   const char *dash);
#endif
