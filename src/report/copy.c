#include "report/copy.h"
#include <stdio.h>
#include <string.h>

/* Length of the UTF-8 sequence at s; 0 = control character or not UTF-8. */
static size_t utf8_length(const unsigned char *s)
{
    if (s[0] < 0x80)
        return s[0] >= 0x20 && s[0] != 0x7f;
    size_t n = s[0] >= 0xc2 && s[0] <= 0xdf ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : 0;
    if (s[0] >= 0xf0 && s[0] <= 0xf4)
        n = 4;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    bool c1 = s[0] == 0xc2 && s[1] < 0xa0;
    bool overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool surrogate = s[0] == 0xed && s[1] >= 0xa0;
    bool beyond = s[0] == 0xf4 && s[1] >= 0x90;
    bool nonchar = s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe;
    bool bidi = s[0] == 0xe2 && ((s[1] == 0x80 && s[2] >= 0xa8 && s[2] <= 0xae) ||
                                 (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9));
    return c1 || overlong || surrogate || beyond || nonchar || bidi ? 0 : n;
}

/* NULL stays NULL. */
weld_status weld_report_copy_text(const char **out, weld_report *report, const char *text,
                                  weld_error *err)
{
    weld_status st = WELD_OK;
    const unsigned char *s = (const unsigned char *)text;
    char *copy, *end;
    *out = NULL;
    if (!text)
        return WELD_OK;
    WELD_ARENA_NEW(copy, &report->arena, 4 * strlen(text) + 1);
    end = copy;
    while (*s) {
        size_t n = utf8_length(s);
        if (n) {
            memcpy(end, s, n);
            end += n;
            s += n;
        } else {
            end += snprintf(end, 5, "\\x%02x", *s++);
        }
    }
    *out = copy;
done:
    return st;
}

weld_status weld_report_copy_block(const void **out, weld_report *report, const void *from,
                                   size_t size, weld_error *err)
{
    weld_status st = WELD_OK;
    char *copy = NULL;
    *out = NULL;
    if (!from)
        return WELD_OK;
    WELD_ARENA_NEW(copy, &report->arena, size);
    if (size)
        memcpy(copy, from, size);
    *out = copy;
done:
    return st;
}

weld_status weld_report_copy_data(weld_report_data *out, weld_report *report,
                                  const weld_report_data *data, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_data d = *data;
    WELD_TRY(weld_report_copy_text(&d.sha256, report, data->sha256, err));
    WELD_TRY(weld_report_copy_text(&d.path, report, data->path, err));
    WELD_TRY(weld_report_copy_text(&d.preprocess, report, data->preprocess, err));
    *out = d;
done:
    return st;
}
