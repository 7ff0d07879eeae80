#include "report/formats.h"
#include <string.h>

#define WELD_FORMAT(name) #name,
static const char *const format_names[] = {
#include "report/formats.def"
    NULL};
#undef WELD_FORMAT

typedef weld_status (*render_fn)(weld_buffer *out, const weld_report *report, weld_error *err);

#define WELD_FORMAT(name) " " #name
static const char allowed[] =
#include "report/formats.def"
    ;
#undef WELD_FORMAT

#define WELD_FORMAT(name) weld_report_render_##name,
static const render_fn format_renderers[] = {
#include "report/formats.def"
};
#undef WELD_FORMAT

const char *const *weld_report_formats(void)
{
    return format_names;
}

weld_status weld_report_render(weld_buffer *out, const weld_report *report, const char *format,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    for (size_t i = 0; format && format_names[i]; i++) {
        if (strcmp(format, format_names[i]) != 0)
            continue;
        weld_buffer_append(out, "", 0); /* a text even where there is nothing to say */
        WELD_TRY(format_renderers[i](out, report, err));
        WELD_TRY(weld_buffer_check(out, err));
        return st;
    }
    st = weld_fail(err, WELD_E_ARGUMENT, "report format '%s', allowed:%s", format ? format : "",
                   allowed);
done:
    return st;
}

weld_status weld_report_text(char **out, const weld_report *report, const char *format,
                             weld_error *err)
{
    weld_buffer buffer;
    *out = NULL;
    weld_buffer_init(&buffer, report->ctx);
    weld_status st = weld_report_render(&buffer, report, format, err);
    if (st == WELD_OK)
        *out = buffer.data; /* a block of weld_alloc: weld_bytes_free() takes it */
    else
        weld_buffer_free(&buffer);
    return st;
}
