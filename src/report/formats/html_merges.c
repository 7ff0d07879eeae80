/* The section on merges. */
#include "report/formats/html.h"
#include <math.h>

static void merge_row(weld_buffer *out, const weld_report_merge *m)
{
    weld_buffer_printf(out, "<tr>");
    weld_html_number(out, m->alpha);
    weld_html_cell(out, m->method);
    weld_html_cell(out, m->statistic);
    weld_html_number(out, m->loss);
    weld_html_number(out, m->accuracy);
    weld_html_number(out, m->one_minus_cos);
    weld_html_integer(out, m->layers);
    weld_html_cell(out, m->written ? "written" : "compared");
    weld_buffer_printf(out, "</tr>\n");
}

static void tries(weld_buffer *out, const weld_report_merge *m)
{
    weld_buffer_printf(out, "<details><summary>Statistics that were tried at α = %.3g</summary>\n",
                       m->alpha);
    weld_html_table(out, "Statistics|Loss on the matching data|Result");
    for (size_t k = 0; k < m->try_count; k++) {
        const weld_report_try *t = &m->tries[k];
        weld_buffer_printf(out, "<tr>");
        weld_html_cell(out, t->name);
        weld_html_number(out, t->loss);
        weld_html_cell(out, t->failure ? t->failure : t->chosen ? "chosen" : "");
        weld_buffer_printf(out, "</tr>\n");
    }
    weld_buffer_printf(out, "</table></details>\n");
}

static void ratios(weld_buffer *out, const weld_report_merge *m)
{
    weld_buffer_printf(out,
                       "<details><summary>Deviation of the pre-activations at α = %.3g, as a part "
                       "of the ends' (1 = all of it)</summary>\n",
                       m->alpha);
    weld_html_table(out, "Layer|averaged only|as written");
    for (size_t k = 0; k < m->ratio_count && k < WELD_HTML_ROWS_MAX; k++) {
        weld_buffer_printf(out, "<tr>");
        weld_html_cell(out, m->ratios[k].layer);
        weld_html_number(out, m->ratios[k].before);
        weld_html_number(out, m->ratios[k].after);
        weld_buffer_printf(out, "</tr>\n");
    }
    weld_buffer_printf(out, "</table></details>\n");
}

static void many(weld_buffer *out, const weld_report_many *n)
{
    weld_buffer_printf(out, "<p>All units stand in the order of model %lld",
                       (long long)n->start + 1);
    if (isfinite(n->objective[0]))
        weld_buffer_printf(out, ", matched to the mean of the others in %lld rounds",
                           (long long)n->rounds);
    weld_buffer_printf(out, ".");
    if (isfinite(n->cycle_distance))
        weld_buffer_printf(out,
                           " Where %lld models are matched two by two, %.1f %% of the units do "
                           "not come back from A to B to C to A.",
                           (long long)n->cycle_models, 100 * n->cycle_distance);
    weld_buffer_printf(out, "</p>\n");
    weld_html_table(out, "Model|Weight|Loss|Accuracy");
    for (size_t k = 0; k < n->end_count; k++) {
        weld_buffer_printf(out, "<tr>");
        weld_html_integer(out, (int64_t)k + 1);
        weld_html_number(out, n->ends[k].weight);
        weld_html_number(out, n->ends[k].loss);
        weld_html_number(out, n->ends[k].accuracy);
        weld_buffer_printf(out, "</tr>\n");
    }
    weld_buffer_printf(out, "<tr><td>together</td><td></td>");
    weld_html_number(out, n->loss);
    weld_html_number(out, n->accuracy);
    weld_buffer_printf(out, "</tr></table>\n");
    weld_html_table(out, "Pair|Loss at ½|Accuracy|Barrier");
    for (size_t k = 0; k < n->pair_count && k < WELD_HTML_ROWS_MAX; k++) {
        weld_buffer_printf(out, "<tr><td>%lld, %lld</td>", (long long)n->pairs[k].a + 1,
                           (long long)n->pairs[k].b + 1);
        weld_html_number(out, n->pairs[k].loss);
        weld_html_number(out, n->pairs[k].accuracy);
        weld_html_number(out, n->pairs[k].barrier);
        weld_buffer_printf(out, "</tr>\n");
    }
    weld_buffer_printf(out, "</table>\n");
}

void weld_html_merges(weld_buffer *out, const weld_report *r)
{
    weld_buffer_printf(out,
                       "<h2>Merges</h2>\n<p>Measured on the evaluation data. A merge by features "
                       "does not lie on the line between A and B: it is no measurement of "
                       "linear connectivity.</p>\n");
    if (r->many.present)
        many(out, &r->many);
    weld_html_table(out, "α|Method|Statistics|Loss|Accuracy|1 − cos, mean over layers|"
                         "Corrected layers|Role");
    for (size_t k = 0; k < r->merge_count && k < WELD_HTML_ROWS_MAX; k++)
        merge_row(out, &r->merges[k]);
    weld_buffer_printf(out, "</table>\n");
    for (size_t k = 0; k < r->merge_count && k < WELD_HTML_ROWS_MAX; k++) {
        if (r->merges[k].try_count)
            tries(out, &r->merges[k]);
        if (r->merges[k].ratio_count)
            ratios(out, &r->merges[k]);
    }
}
