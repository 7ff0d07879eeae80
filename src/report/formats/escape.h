/* Text within markup. */
#ifndef WELD_REPORT_FORMATS_ESCAPE_H
#define WELD_REPORT_FORMATS_ESCAPE_H
#include "core/buffer.h"

/* For HTML and XML, text and quoted attributes; at most `max` characters, then an ellipsis. */
void weld_escape(weld_buffer *out, const char *text, size_t max);
/* As a string of JSON, which YAML takes as well. */
void weld_escape_json(weld_buffer *out, const char *text);
/* The number of bytes of the first `max` characters. */
size_t weld_cut(const char *text, size_t max);
#endif
