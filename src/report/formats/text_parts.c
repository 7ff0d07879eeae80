#include "report/formats/text.h"

void weld_text_begin(weld_text_parts *parts, weld_context *ctx)
{
    *parts = (weld_text_parts){.count = 0};
    weld_buffer_init(&parts->text, ctx);
}

void weld_text_end_part(weld_text_parts *parts, const char *title)
{
    weld_text_part *part = &parts->at[parts->count];
    const char *text = parts->text.data;
    *part = (weld_text_part){
        .from = parts->count ? part[-1].to : 0, .to = parts->text.size, .title = title};
    for (size_t k = part->from; k < part->to; k++)
        part->lines += text[k] == '\n';
    part->shown = part->lines;
    parts->count += part->lines > 0;
}

/* The list that shows most, -1 = there is nothing to shorten. */
static int longest(const weld_text_parts *p)
{
    int best = -1;
    for (int k = 0; k < (int)p->count; k++)
        if (p->at[k].title && p->at[k].shown > 1 &&
            (best < 0 || p->at[k].shown > p->at[best].shown))
            best = k;
    return best;
}

static void shorten(weld_text_parts *p)
{
    size_t lines = 0;
    for (size_t k = 0; k < p->count; k++)
        lines += p->at[k].lines;
    for (int k = 0; lines > WELD_TEXT_LINES_MAX && (k = longest(p)) >= 0; lines--)
        p->at[k].shown--;
}

static void put_part(weld_buffer *out, const weld_text_parts *p, const weld_text_part *part)
{
    const char *text = p->text.data;
    const bool whole = part->shown == part->lines;
    size_t end = part->from;
    for (size_t lines = whole ? part->shown : part->shown - 1; lines; end++)
        lines -= text[end] == '\n';
    weld_buffer_append(out, text + part->from, end - part->from);
    if (!whole)
        weld_buffer_printf(out, "          … %zu more lines of %s, see the report\n",
                           part->lines - part->shown + 1, part->title);
}

weld_status weld_text_fit(weld_buffer *out, weld_text_parts *parts, weld_error *err)
{
    weld_status st = weld_buffer_check(&parts->text, err);
    shorten(parts);
    for (size_t k = 0; st == WELD_OK && k < parts->count; k++)
        put_part(out, parts, &parts->at[k]);
    weld_buffer_free(&parts->text);
    return st == WELD_OK ? weld_buffer_check(out, err) : st;
}
