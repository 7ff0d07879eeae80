/* What was measured: along the path, layer by layer. */
#include "report/formats/chart.h"
#include "report/formats/page.h"
#include <math.h>

static void barriers(weld_page *page, const weld_report_lmc *l)
{
    const weld_report_barrier *rows[2] = {&l->loss, &l->error};
    const char *const names[2] = {"loss", "error (1 − accuracy)"};
    weld_page_table(page, "Barrier|chord, naive|chord, aligned|midpoint, naive|midpoint, aligned");
    for (int i = 0; i < 2; i++) {
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_label(page, "%s", names[i]);
        weld_page_number(page, rows[i]->chord[WELD_REPORT_NAIVE]);
        weld_page_number(page, rows[i]->chord[WELD_REPORT_ALIGNED]);
        weld_page_number(page, rows[i]->midpoint[WELD_REPORT_NAIVE]);
        weld_page_number(page, rows[i]->midpoint[WELD_REPORT_ALIGNED]);
        weld_page_close(page, WELD_MARK_ROW);
    }
    weld_page_end_table(page);
}

static void path_values(weld_page *page, const weld_report_lmc *l)
{
    weld_page_details(page, "All values");
    weld_page_table(page, "α|loss, naive|loss, aligned|accuracy, naive|accuracy, aligned");
    for (size_t i = 0; i < l->alpha_count && i < page->style->rows_max; i++) {
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_number(page, l->alpha[i]);
        for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
            weld_page_number(page, l->curve[v].loss ? l->curve[v].loss[i] : NAN);
        for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
            weld_page_number(page, l->curve[v].accuracy ? l->curve[v].accuracy[i] : NAN);
        weld_page_close(page, WELD_MARK_ROW);
    }
    weld_page_end_table(page);
    weld_page_close(page, WELD_MARK_DETAILS);
    weld_page_left_out(page, l->alpha_count);
}

void weld_page_lmc(weld_page *page, const weld_report *r)
{
    const weld_report_lmc *l = &r->lmc;
    weld_page_heading(page, "Along the path from B to A");
    weld_page_paragraph(page, "Metric %s, n = %lld samples.", l->metric ? l->metric : "loss",
                        (long long)r->data.n);
    if (page->style->charts) {
        weld_page_open(page, WELD_MARK_PARAGRAPH);
        weld_chart_path(page->out, l, false);
        weld_chart_path(page->out, l, true);
        weld_page_close(page, WELD_MARK_PARAGRAPH);
    }
    barriers(page, l);
    path_values(page, l);
}

static void layer_row(weld_page *page, const weld_report_row *row, size_t at)
{
    const weld_report_figures *f = row->variant;
    weld_page_open(page, WELD_MARK_ROW);
    weld_page_cell(page, row->name);
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        weld_page_number(page, f[v].one_minus_cos[at].mean);
        weld_page_number(page, f[v].one_minus_cos[at].std);
    }
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
        weld_page_number(page, f[v].one_minus_cos_ab.mean);
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
        weld_page_number(page, f[v].coef ? f[v].coef[at].mean : NAN);
    weld_page_integer(page, f[0].zero_features > f[1].zero_features ? f[0].zero_features
                                                                    : f[1].zero_features);
    weld_page_close(page, WELD_MARK_ROW);
}

void weld_page_llfc(weld_page *page, const weld_report_llfc *l)
{
    size_t at = 0;
    for (size_t i = 0; i < l->alpha_count; i++)
        if (fabs(l->alpha[i] - 0.5) < fabs(l->alpha[at] - 0.5))
            at = i;
    if (at >= l->alpha_count)
        return;
    weld_page_heading(page, "Features, layer by layer");
    if (page->style->charts) {
        weld_page_open(page, WELD_MARK_PARAGRAPH);
        weld_chart_layers(page->out, l, at);
        weld_chart_heat(page->out, l);
        weld_page_close(page, WELD_MARK_PARAGRAPH);
    }
    weld_page_details(page, "All layers at α = %.3g", l->alpha[at]);
    weld_page_table(page, "Layer|1 − cos, naive|± std|1 − cos, aligned|± std|A to B, naive|"
                          "A to B, aligned|c, naive|c, aligned|zero features");
    for (size_t i = 0; i < l->layer_count && i < page->style->rows_max; i++)
        layer_row(page, &l->layers[i], at);
    weld_page_end_table(page);
    weld_page_close(page, WELD_MARK_DETAILS);
    weld_page_left_out(page, l->layer_count);
}
