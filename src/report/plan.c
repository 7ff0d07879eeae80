/* What a dry run says. */
#include "report/copy.h"

weld_status weld_report_put_step(weld_report *report, const weld_report_step *step, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_plan *p = &report->plan;
    weld_report_step s = *step;
    WELD_TRY(weld_report_copy_text(&s.stage, report, step->stage, err));
    WELD_TRY(weld_report_copy_text(&s.what, report, step->what, err));
    WELD_REPORT_ROOM(p->steps, p->step_count, p->step_cap);
    p->steps[p->step_count++] = s;
done:
    return st;
}

weld_status weld_report_put_file(weld_report *report, weld_report_file_list *list,
                                 const weld_report_file *file, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_report_file f = *file;
    WELD_TRY(weld_report_copy_text(&f.role, report, file->role, err));
    WELD_TRY(weld_report_copy_text(&f.path, report, file->path, err));
    WELD_REPORT_ROOM(list->items, list->count, list->cap);
    list->items[list->count++] = f;
done:
    return st;
}
