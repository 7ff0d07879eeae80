#include "report/formats/chart_svg.h"
#include "report/formats/escape.h"

void weld_svg_text(weld_buffer *out, int x, int y, const char *anchor, const char *text)
{
    weld_buffer_printf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">", x, y, anchor);
    weld_escape(out, text, 34);
    weld_buffer_printf(out, "</text>\n");
}

void weld_svg_strong(weld_buffer *out, int x, int y, const char *text)
{
    weld_buffer_printf(out, "<text x=\"%d\" y=\"%d\" font-weight=\"bold\">", x, y);
    weld_escape(out, text, 34);
    weld_buffer_printf(out, "</text>\n");
}

void weld_svg_line(weld_buffer *out, const int xy[4], const char *stroke, int width,
                   const char *dash)
{
    weld_buffer_printf(out,
                       "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"%s\" "
                       "stroke-width=\"%d\" stroke-dasharray=\"%s\"/>\n",
                       xy[0], xy[1], xy[2], xy[3], stroke, width, dash);
}

void weld_svg_open(weld_buffer *out, int width, int height, const char *title)
{
    weld_buffer_printf(out,
                       "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"%d\" "
                       "height=\"%d\" viewBox=\"0 0 %d %d\">\n<title>",
                       width / 10, height / 10, width, height);
    weld_escape(out, title, SIZE_MAX);
    weld_buffer_printf(out,
                       "</title>\n<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n"
                       "<g font-family=\"sans-serif\" font-size=\"120\" fill=\"#222222\">\n",
                       width, height);
}

void weld_svg_close(weld_buffer *out)
{
    weld_buffer_printf(out, "</g>\n</svg>\n");
}

void weld_svg_heading(weld_buffer *out, int x, const char *text)
{
    weld_buffer_printf(out,
                       "<text x=\"%d\" y=\"230\" font-size=\"150\" font-weight=\"bold\">%s"
                       "</text>\n",
                       x, text);
}
