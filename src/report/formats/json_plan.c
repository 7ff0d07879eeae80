/* A dry run; what depends on the machine is in `environment`. */
#include "report/formats/json.h"

static json_t *files(maker *m, const weld_report_file_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        const weld_report_file *f = &list->items[i];
        json_t *o = json_object();
        put(m, o, "role", text(f->role));
        put(m, o, "bytes", f->bytes < 0 ? json_null() : json_integer(f->bytes));
        if (f->samples >= 0)
            put(m, o, "n", json_integer(f->samples));
        push(m, array, o);
    }
    return array;
}

static json_t *paths(maker *m, const weld_report_file_list *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++)
        push(m, array, text(list->items[i].path));
    return array;
}

json_t *weld_json_plan(maker *m, const weld_report_plan *p)
{
    json_t *o = json_object(), *steps = json_array();
    put(m, o, "match", text(p->method));
    put(m, o, "candidates", weld_json_lines(m, &p->candidates));
    put(m, o, "merges", weld_json_lines(m, &p->merges));
    put(m, o, "layers", json_integer(p->layers));
    put(m, o, "pinned_fraction", real(p->pinned_fraction));
    put(m, o, "classes", weld_json_classes(m, &p->classes));
    for (size_t i = 0; i < p->step_count; i++) {
        json_t *step = json_object();
        put(m, step, "stage", text(p->steps[i].stage));
        put(m, step, "what", text(p->steps[i].what));
        put(m, step, "passes", real(p->steps[i].passes));
        push(m, steps, step);
    }
    put(m, o, "steps", steps);
    put(m, o, "reads", files(m, &p->reads));
    put(m, o, "writes", files(m, &p->writes));
    return o;
}

json_t *weld_json_forecast(maker *m, const weld_report_plan *p)
{
    json_t *o = json_object(), *steps = json_array();
    put(m, o, "seconds", real(p->seconds));
    for (size_t i = 0; i < p->step_count; i++)
        push(m, steps, real(p->steps[i].seconds));
    put(m, o, "step_seconds", steps);
    put(m, o, "memory_bytes", json_integer(p->memory_bytes));
    put(m, o, "budget_bytes", json_integer(p->budget_bytes));
    put(m, o, "reads", paths(m, &p->reads));
    put(m, o, "writes", paths(m, &p->writes));
    return o;
}
