/* What a report comes down to. */
#include "report/report.h"
#include <math.h>
#include <stdio.h>

const char *weld_report_verdict(const weld_report *report)
{
    bool refuted = report->verification.present && !report->verification.pass;
    const bool differs = report->diff.structure.count || report->diff.weight_count;
    const bool failed = weld_report_failures(report, WELD_GATE_ERROR, NULL) > 0;
    if (report->obstacles.count || refuted || differs || failed)
        return "fail";
    const bool doubtful = weld_report_failures(report, WELD_GATE_WARN, NULL) > 0;
    return report->warning_count || doubtful ? "warn" : "pass";
}

const char *weld_report_verdict_word(const weld_report *report)
{
    const char *verdict = weld_report_verdict(report);
    return verdict[0] == 'p' ? "PASS" : verdict[0] == 'w' ? "WARN" : "FAIL";
}

size_t weld_report_failures(const weld_report *report, weld_gate_level level,
                            const weld_report_gate **first)
{
    size_t count = 0;
    for (size_t k = 0; k < report->gate_count; k++) {
        const weld_report_gate *gate = &report->gates[k];
        if (gate->pass || gate->level != level)
            continue;
        if (first && !count)
            *first = gate;
        count++;
    }
    return count;
}

void weld_report_gate_text(char *text, size_t size, const weld_report_gate *gate)
{
    int n = snprintf(text, size, "%s is %.6g, allowed at %s %.6g", gate->id, gate->value,
                     gate->at_most ? "most" : "least", gate->limit);
    if (!isnan(gate->baseline) && n >= 0 && (size_t)n < size)
        snprintf(text + n, size - (size_t)n, " (it was %.6g)", gate->baseline);
}

const char *weld_gate_level_name(weld_gate_level level)
{
    return level == WELD_GATE_ERROR ? "error" : level == WELD_GATE_WARN ? "warn" : "off";
}

void weld_report_connection(char *text, size_t size, const weld_report_lmc *l)
{
    const bool naive = l->connected[WELD_REPORT_NAIVE];
    const int variant = naive ? WELD_REPORT_NAIVE : WELD_REPORT_ALIGNED;
    const bool loss = l->target_variance > 0;
    const weld_report_bounded *barrier = loss ? &l->loss.chord : &l->error.chord;
    const double one = loss ? l->target_variance : 1;
    text[0] = '\0';
    if (!l->judged)
        return;
    snprintf(text, size,
             "%s: the %s barrier is at most %.3g %%%s (with 95 %% confidence; δ = %.3g %%)",
             naive                   ? "linearly connected without permutation"
             : l->connected[variant] ? "linearly connected after alignment"
             : barrier->ci95[variant].low <= l->delta * one ? "not shown to be linearly connected"
                                                            : "not linearly connected",
             loss ? "loss" : "error", 100 * barrier->upper95[variant] / one,
             loss ? " of the targets' variance" : "", 100 * l->delta);
}

size_t weld_report_middle(const double *alpha, size_t count)
{
    size_t middle = 0;
    for (size_t k = 0; k < count; k++)
        if (fabs(alpha[k] - 0.5) < fabs(alpha[middle] - 0.5))
            middle = k;
    return middle;
}
