#include "report/formats/escape.h"
#include <string.h>

size_t weld_cut(const char *text, size_t max)
{
    size_t shown = 0, n = 0;
    for (; text[n]; n++)
        if (((unsigned char)text[n] & 0xc0) != 0x80 && shown++ == max)
            break;
    return n;
}

void weld_escape(weld_buffer *out, const char *text, size_t max)
{
    const size_t n = weld_cut(text, max);
    for (size_t i = 0; i < n; i++) {
        switch (text[i]) {
        case '<': weld_buffer_printf(out, "&lt;"); break;
        case '>': weld_buffer_printf(out, "&gt;"); break;
        case '&': weld_buffer_printf(out, "&amp;"); break;
        case '"': weld_buffer_printf(out, "&quot;"); break;
        case '\'': weld_buffer_printf(out, "&#39;"); break;
        default: weld_buffer_append(out, &text[i], 1);
        }
    }
    if (text[n])
        weld_buffer_printf(out, "…");
}

void weld_escape_json(weld_buffer *out, const char *text)
{
    weld_buffer_printf(out, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            weld_buffer_printf(out, "\\%c", *text);
        else
            weld_buffer_append(out, text, 1);
    }
    weld_buffer_printf(out, "\"");
}
