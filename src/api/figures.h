/* What was measured, as sections of a report. */
#ifndef WELD_API_FIGURES_H
#define WELD_API_FIGURES_H
#include "eval/measure.h"
#include "api/objects.h"

/* What is measured where, by the options: all of *in but the networks. *shapes is the caller's to free, on
 * failure as well. */
weld_status weld_measure_wish(weld_pair_input *in, weld_shapes **shapes,
                              const weld_alignment *alignment, const weld_dataset *data,
                              const weld_measure_options *options, weld_error *err);
weld_status weld_figures_lmc(weld_report *report, const weld_measures *measures,
                             const weld_pair_input *input, double delta, weld_error *err);
weld_status weld_figures_llfc(weld_report *report, const weld_measures *measures,
                              const weld_pair_input *input, weld_error *err);
weld_status weld_figures_conditions(weld_report *report, const weld_measures *measures,
                                    const weld_pair_input *input, weld_error *err);
#endif
