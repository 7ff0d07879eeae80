/* What a command leaves behind: files that appear together, and the report of them. */
#include "cli.h"
#include <string.h>

bool read_external(weld_external *out, const options *o)
{
    static const char *const words[] = {"auto", "never", "always"};
    *out = WELD_EXTERNAL_AUTO;
    for (int k = 0; o->external && k < 3; k++)
        if (strcmp(o->external, words[k]) == 0) {
            *out = (weld_external)k;
            return true;
        }
    return !o->external;
}

weld_status add_model(results *r, const session *s, const weld_model *model, const char *path,
                      double alpha, weld_error *err)
{
    char sha256[65];
    weld_external external;
    read_external(&external, s->o);
    const weld_status st = weld_outputs_add_model(r->outputs, model, path, external, sha256, err);
    return st == WELD_OK ? weld_report_add_output(r->report, path, sha256, alpha, err) : st;
}

weld_status finish(results *r, const session *s, weld_error *err)
{
    weld_status st = weld_report_set_run(r->report, s->argc, s->argv, seconds_run(), err);
    for (size_t k = 0; st == WELD_OK && k < s->o->reports.count; k++)
        st = weld_outputs_add_report(r->outputs, r->report, format_of(s->o->reports.at[k]),
                                     s->o->reports.at[k], err);
    if (st == WELD_OK)
        st = weld_outputs_commit(r->outputs, err);
    return st == WELD_OK ? print_report(r->report, s, err) : st;
}

void close_results(results *r)
{
    weld_outputs_free(r->outputs);
    weld_report_free(r->report);
}
