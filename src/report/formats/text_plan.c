/* What a dry run says on the terminal. */
#include "report/formats/text.h"
#include <math.h>

static void size(weld_buffer *out, double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    int k = 0;
    for (; bytes >= 1000 && k < 4; k++)
        bytes /= 1000;
    weld_buffer_printf(out, "%.3g %s", bytes, units[k]);
}

static void duration(weld_buffer *out, double seconds)
{
    if (!isfinite(seconds))
        weld_buffer_printf(out, "for a time that is not known");
    else if (seconds < 90)
        weld_buffer_printf(out, "about %.2g s", seconds);
    else if (seconds < 5400)
        weld_buffer_printf(out, "about %.2g min", seconds / 60);
    else
        weld_buffer_printf(out, "about %.2g h", seconds / 3600);
}

static void class_line(weld_buffer *out, const weld_report_plan *p)
{
    size_t pinned = 0;
    for (size_t i = 0; i < p->classes.count; i++)
        pinned += p->classes.items[i].reason != NULL;
    weld_buffer_printf(out,
                       "pair      %lld layers match: %zu classes to permute, %zu pinned "
                       "(%.3g %% of units)\n",
                       (long long)p->layers, p->classes.count - pinned, pinned,
                       100 * p->pinned_fraction);
}

static void files(weld_buffer *out, const char *title, const weld_report_file_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        const weld_report_file *f = &list->items[i];
        weld_buffer_printf(out, "%-9s %s  %s", title, f->role, f->path ? f->path : "");
        if (f->samples >= 0)
            weld_buffer_printf(out, ", %lld samples", (long long)f->samples);
        if (f->bytes >= 0) {
            weld_buffer_printf(out, ", ");
            size(out, (double)f->bytes);
        }
        weld_buffer_printf(out, "\n");
    }
}

void weld_text_plan(weld_text_parts *parts, const weld_report_plan *p)
{
    weld_buffer *out = &parts->text;
    class_line(out, p);
    weld_text_end_part(parts, NULL);
    files(out, "reads", &p->reads);
    weld_text_end_part(parts, "data");
    for (size_t i = 0; i < p->step_count; i++) {
        weld_buffer_printf(out, "%-9s %s: ", p->steps[i].stage, p->steps[i].what);
        duration(out, p->steps[i].seconds);
        weld_buffer_printf(out, "\n");
    }
    weld_text_end_part(parts, "steps");
    files(out, "writes", &p->writes);
    weld_text_end_part(parts, "outputs");
    weld_buffer_printf(out, "DRY RUN   it would go on ");
    duration(out, p->seconds);
    weld_buffer_printf(out, " and hold up to ");
    size(out, (double)p->memory_bytes);
    weld_buffer_printf(out, " of memory; nothing is written\n");
    weld_text_end_part(parts, NULL);
}
