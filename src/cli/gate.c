/* What the options say of gates; gate, the command that judges a saved report. */
#include "cli.h"
#include <math.h>
#include <string.h>

bool wants_gates(const options *o)
{
    return o->limits.count || o->gates || o->baseline;
}

weld_status read_gates(weld_gate_options *out, const options *o, weld_error *err)
{
    const weld_gate_options defaults = WELD_GATE_OPTIONS_INIT;
    *out = defaults;
    out->config = o->gates;
    out->limits = o->limits.at;
    out->limit_count = o->limits.count;
    out->warn_only = o->warn_only;
    out->baseline = o->baseline;
    if (!isnan(o->worse))
        out->worse = o->worse;
    if (o->worse < 0)
        return bad_usage(err, "--max-worse: %g, allowed from 0", o->worse);
    if (o->gate_on)
        out->on = word_index("--gate-on", o->gate_on) ? WELD_GATE_ON_UPPER : WELD_GATE_ON_POINT;
    return WELD_OK;
}

weld_status check_gates(const session *s, weld_error *err)
{
    const options *o = s->o;
    weld_gate_options gates;
    const weld_status st = read_gates(&gates, o, err);
    if (st != WELD_OK || !wants_gates(o))
        return st;
    return weld_gate_check(s->ctx, &gates, err);
}

weld_status run_gate(const session *s, weld_error *err)
{
    weld_gate_options gates;
    weld_report *report = NULL;
    weld_status st = read_gates(&gates, s->o, err);
    begin_stage(s->talk, "judge");
    if (st == WELD_OK)
        st = weld_gate_saved(&report, s->ctx, s->o->files[0], &gates, err);
    st = report_on(report, st, s, err);
    weld_report_free(report);
    return st;
}
