/* What was measured, as sections of a report. */
#ifndef WELD_API_FIGURES_H
#define WELD_API_FIGURES_H
#include "eval/measure.h"
#include "report/report.h"

weld_status weld_figures_lmc(weld_report *report, const weld_measures *measures,
                             const weld_pair_input *input, double delta, weld_error *err);
weld_status weld_figures_llfc(weld_report *report, const weld_measures *measures,
                              const weld_pair_input *input, weld_error *err);
weld_status weld_figures_conditions(weld_report *report, const weld_measures *measures,
                                    const weld_pair_input *input, weld_error *err);
#endif
