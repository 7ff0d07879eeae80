/* Figures against limits. */
#include "report/gates/gates.h"
#include <math.h>

static bool holds(const weld_report_gate *gate)
{
    return gate->at_most ? gate->value <= gate->limit : gate->value >= gate->limit;
}

static weld_status missing(const char *name, const weld_gate_kind *kind, const char *figure,
                           weld_error *err)
{
    return weld_fail(err, WELD_E_ARGUMENT, "gate %s: %s has no %s (it needs %s%s)", kind->id, name,
                     figure, kind->needs, figure == kind->bound ? ", and the bootstrap" : "");
}

/* The limit that was given, or that the report has. */
static weld_status limit_of(weld_gate_figure *out, const weld_gate_rule *rule,
                            const weld_gate_kind *kind, const json_t *report, weld_error *err)
{
    *out = (weld_gate_figure){!isnan(rule->limit), rule->limit};
    return out->found || !kind->limit ? WELD_OK : weld_gate_number(out, report, kind->limit, err);
}

static weld_status judge_one(weld_report *out, const json_t *report, const weld_gate_rule *rule,
                             const weld_gate_kind *kind, const char *name, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_gate_reading reading;
    weld_gate_figure figure, limit;
    weld_report_gate gate = {.id = kind->id,
                             .figure = rule->bound ? kind->bound : kind->figure,
                             .at_most = kind->at_most,
                             .level = rule->level,
                             .baseline = NAN};
    WELD_TRY(kind->read(&reading, report, kind, err));
    figure = rule->bound ? reading.bound : reading.figure;
    WELD_TRY(limit_of(&limit, rule, kind, report, err));
    if (!rule->named && !(figure.found && limit.found))
        goto done;
    if (!figure.found || !limit.found) {
        st = missing(name, kind, figure.found ? kind->limit : gate.figure, err);
        goto done;
    }
    gate.value = figure.value;
    gate.limit = limit.value;
    gate.pass = holds(&gate);
    st = weld_report_put_gate(out, &gate, err);
done:
    return st;
}

weld_status weld_gates_judge(weld_report *out, const json_t *report, const weld_gate_rules *rules,
                             const char *name, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int k = 0; k < WELD_GATE_COUNT; k++) {
        if (rules->of[k].level == WELD_GATE_OFF)
            continue;
        WELD_TRY(judge_one(out, report, &rules->of[k], weld_gate_kinds[k], name, err));
    }
done:
    if (st == WELD_E_FORMAT)
        weld_error_wrap(err, "%s", name);
    return st;
}

/* Another processor's BLAS rounds otherwise; relative. */
#define ROUNDING 1e-6

/* How bad the figure of an older report may become. What has a limit of its own is noise below it. */
static weld_status tolerated(double *out, const json_t *older, const weld_gate_kind *kind,
                             const weld_gate_reading *before, double worse, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_gate_figure own;
    const double value = before->figure.value, end = before->end.value;
    const double slack = ROUNDING * fabs(value);
    *out = kind->at_most ? value + slack : value - slack;
    if (kind->limit) {
        WELD_TRY(weld_gate_number(&own, older, kind->limit, err));
        *out = own.found ? own.value : *out;
    } else if (worse >= 0) {
        *out = kind->at_most ? value + worse : value - worse;
    } else if (before->end.found && !isnan(end)) {
        *out = kind->at_most ? fmax(*out, end) : fmin(*out, end);
    }
done:
    return st;
}

weld_status weld_gates_compare(weld_report *out, const json_t *report, const json_t *older,
                               const weld_gate_options *options, const char *name, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int k = 0; k < WELD_GATE_COUNT; k++) {
        const weld_gate_kind *kind = weld_gate_kinds[k];
        weld_gate_reading before, now;
        double limit = NAN;
        st = kind->read(&before, older, kind, err);
        if (st == WELD_OK && before.figure.found)
            st = tolerated(&limit, older, kind, &before, options->worse, err);
        if (st == WELD_E_FORMAT)
            weld_error_wrap(err, "%s", options->baseline);
        if (st != WELD_OK)
            goto done;
        if (!before.figure.found ||
            isnan(before.figure.value)) /* nothing is worse than what is not finite */
            continue;
        weld_report_gate gate = {.id = kind->id,
                                 .figure = kind->figure,
                                 .at_most = kind->at_most,
                                 .level = options->warn_only ? WELD_GATE_WARN : WELD_GATE_ERROR,
                                 .limit = limit,
                                 .baseline = before.figure.value};
        WELD_TRY(kind->read(&now, report, kind, err));
        if (!now.figure.found) {
            st = missing(name, kind, kind->figure, err);
            goto done;
        }
        gate.value = now.figure.value;
        gate.pass = holds(&gate);
        WELD_TRY(weld_report_put_gate(out, &gate, err));
    }
done:
    return st;
}

weld_status weld_gates_result(const weld_report *out, const char *name, weld_error *err)
{
    const weld_report_gate *gate = NULL;
    const size_t count = weld_report_failures(out, WELD_GATE_ERROR, &gate);
    char text[256];
    if (!count)
        return WELD_OK;
    weld_report_gate_text(text, sizeof text, gate);
    return weld_fail(err, WELD_E_NEGATIVE, "gate %s; see %s in %s; %zu of %zu gates failed", text,
                     gate->figure, name, count, out->gate_count);
}
