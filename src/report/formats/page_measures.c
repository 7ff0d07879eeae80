/* What was measured: along the path, layer by layer. */
#include "report/formats/chart.h"
#include "report/formats/order.h"
#include "report/formats/page.h"
#include <math.h>
#include <stdio.h>

static const char *const names[WELD_REPORT_VARIANTS] = {"naive", "aligned"};

/* A cell: "low to high", "–" for NULL. */
static void interval(weld_page *page, const weld_interval *x)
{
    weld_page_open(page, WELD_MARK_FIGURE);
    if (x && isfinite(x->low))
        weld_page_say(page, "%.4g to %.4g", x->low, x->high);
    else
        weld_page_say(page, "–");
    weld_page_close(page, WELD_MARK_FIGURE);
}

static void barrier_row(weld_page *page, const char *name, const weld_report_bounded *b,
                        bool bounds)
{
    weld_page_open(page, WELD_MARK_ROW);
    weld_page_label(page, "%s", name);
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        weld_page_number(page, b->value[v]);
        interval(page, bounds ? &b->ci95[v] : NULL);
        weld_page_number(page, bounds ? b->upper95[v] : NAN);
    }
    weld_page_close(page, WELD_MARK_ROW);
}

static void barriers(weld_page *page, const weld_report_lmc *l)
{
    const bool bounds = l->resamples > 0;
    weld_page_table(page, "Barrier|naive|95 % interval|at most (95 %)|aligned|95 % interval"
                          "|at most (95 %)");
    barrier_row(page, "loss, chord", &l->loss.chord, bounds);
    barrier_row(page, "loss, midpoint", &l->loss.midpoint, bounds);
    if (l->curve[WELD_REPORT_NAIVE].accuracy.y) {
        barrier_row(page, "error (1 − accuracy), chord", &l->error.chord, bounds);
        barrier_row(page, "error, midpoint", &l->error.midpoint, bounds);
    }
    if (l->curve[WELD_REPORT_NAIVE].calibrated.y) {
        barrier_row(page, "calibrated loss, chord", &l->calibrated.chord, bounds);
        barrier_row(page, "calibrated loss, midpoint", &l->calibrated.midpoint, bounds);
    }
    if (l->dropped) {
        char name[80];
        snprintf(name, sizeof name, "drop of the accuracy at α = %.3g", l->drop_alpha);
        barrier_row(page, name, &l->drop, bounds);
    }
    weld_page_end_table(page);
    if (bounds)
        weld_page_paragraph(page,
                            "Intervals by a paired bootstrap over the samples: %lld resamples, "
                            "seed %llu.",
                            (long long)l->resamples, (unsigned long long)l->seed);
}

static void lemma(weld_page *page, const weld_report_lemma *l)
{
    weld_page_paragraph(page, "Lemma: where the logits are connected with positive c, the error on "
                              "the path is at most twice that of the worse end, and at most the "
                              "sum of both.");
    weld_page_table(page, "Pair|largest error|twice the worse end|sum of the ends"
                          "|samples with positive c");
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_label(page, "%s", names[v]);
        weld_page_number(page, l->worst[v]);
        weld_page_label(page, "%.4g: %s", l->twice, l->worst[v] <= l->twice ? "holds" : "exceeded");
        weld_page_label(page, "%.4g: %s", l->sum, l->worst[v] <= l->sum ? "holds" : "exceeded");
        weld_page_number(page, l->positive[v]);
        weld_page_close(page, WELD_MARK_ROW);
    }
    weld_page_end_table(page);
}

/* One figure of both pairs at every alpha. */
static void curve_table(weld_page *page, const weld_report_lmc *l, const char *what,
                        const weld_report_series *const both[WELD_REPORT_VARIANTS])
{
    char head[160];
    if (!both[0]->y)
        return;
    const char *more = both[0]->ci95 ? "|95 % interval" : "";
    snprintf(head, sizeof head, "α|%s, naive%s|%s, aligned%s", what, more, what, more);
    weld_page_table(page, head);
    for (size_t i = 0; i < l->alpha_count && i < page->style->rows_max; i++) {
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_number(page, l->alpha[i]);
        for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
            weld_page_number(page, both[v]->y[i]);
            if (both[0]->ci95)
                interval(page, both[v]->ci95 ? &both[v]->ci95[i] : NULL);
        }
        weld_page_close(page, WELD_MARK_ROW);
    }
    weld_page_end_table(page);
}

/* A figure with its interval in the same cell. */
static void class_cell(weld_page *page, const weld_report_by_class *c, int v, int point, size_t i)
{
    const weld_interval *ci95 = c->ci95[v][point];
    if (ci95 && isfinite(ci95[i].low))
        weld_page_label(page, "%.4g (%.3g to %.3g)", c->accuracy[v][point][i], ci95[i].low,
                        ci95[i].high);
    else
        weld_page_number(page, c->accuracy[v][point][i]);
}

static void class_table(weld_page *page, const weld_report_by_class *c)
{
    char head[200];
    snprintf(head, sizeof head,
             "Class|Samples|accuracy at α = %.3g|naive, α = %.3g|aligned, α = %.3g|α = %.3g",
             c->alpha[0], c->alpha[1], c->alpha[1], c->alpha[2]);
    weld_page_table(page, head);
    for (size_t i = 0; i < c->count && i < page->style->rows_max; i++) {
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_integer(page, (int64_t)i);
        weld_page_integer(page, c->samples[i]);
        class_cell(page, c, WELD_REPORT_ALIGNED, 0, i);
        class_cell(page, c, WELD_REPORT_NAIVE, 1, i);
        class_cell(page, c, WELD_REPORT_ALIGNED, 1, i);
        class_cell(page, c, WELD_REPORT_ALIGNED, 2, i);
        weld_page_close(page, WELD_MARK_ROW);
    }
    weld_page_end_table(page);
    weld_page_left_out(page, c->count);
}

static void path_values(weld_page *page, const weld_report_lmc *l)
{
    const weld_report_curve *n = &l->curve[WELD_REPORT_NAIVE], *a = &l->curve[WELD_REPORT_ALIGNED];
    const weld_report_series t[2][WELD_REPORT_VARIANTS] = {
        {{n->temperature[0], NULL}, {a->temperature[0], NULL}},
        {{n->temperature[1], NULL}, {a->temperature[1], NULL}}};
    const struct {
        const char *what;
        const weld_report_series *both[WELD_REPORT_VARIANTS];
    } all[] = {{"loss", {&n->loss, &a->loss}},
               {"accuracy", {&n->accuracy, &a->accuracy}},
               {"top-5 accuracy", {&n->top5, &a->top5}},
               {"calibrated loss", {&n->calibrated, &a->calibrated}},
               {"T of even samples", {&t[0][0], &t[0][1]}},
               {"T of odd samples", {&t[1][0], &t[1][1]}},
               {"agreement with A", {&n->agree_a, &a->agree_a}},
               {"agreement with B", {&n->agree_b, &a->agree_b}},
               {"MSE from A", {&n->mse_a, &a->mse_a}},
               {"MSE from B", {&n->mse_b, &a->mse_b}}};
    weld_page_details(page, "All values");
    for (size_t k = 0; k < sizeof all / sizeof all[0]; k++)
        curve_table(page, l, all[k].what, all[k].both);
    if (l->by_class.count)
        class_table(page, &l->by_class);
    weld_page_close(page, WELD_MARK_DETAILS);
    weld_page_left_out(page, l->alpha_count);
}

void weld_page_lmc(weld_page *page, const weld_report *r)
{
    const weld_report_lmc *l = &r->lmc;
    weld_page_heading(page, "Along the path from B to A");
    weld_page_paragraph(page, "Metric %s, n = %lld samples.", l->metric ? l->metric : "loss",
                        (long long)r->data.n);
    if (l->target_variance > 0)
        weld_page_paragraph(page,
                            "The labels are targets, numbers that the outputs should be (variance "
                            "%.4g): there are no classes, so nothing on accuracy, calibration or "
                            "the lemma.",
                            l->target_variance);
    if (page->style->charts) {
        weld_page_open(page, WELD_MARK_PARAGRAPH);
        weld_chart_path(page->out, l, false);
        weld_chart_path(page->out, l, true);
        weld_page_close(page, WELD_MARK_PARAGRAPH);
    }
    barriers(page, l);
    if (l->lemma.present)
        lemma(page, &l->lemma);
    path_values(page, l);
}

static void layer_row(weld_page *page, const weld_report_row *row, size_t at)
{
    const weld_report_figures *f = row->variant;
    weld_page_open(page, WELD_MARK_ROW);
    weld_page_cell(page, row->name);
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        weld_page_number(page, f[v].one_minus_cos[at].mean);
        interval(page, f[v].bounds ? &f[v].bounds[at].ci95 : NULL);
        weld_page_number(page, f[v].one_minus_cos[at].std);
        const weld_interval most = {f[v].one_minus_cos[at].q05, f[v].one_minus_cos[at].q95};
        interval(page, &most);
    }
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
        weld_page_number(page, f[v].one_minus_cos_ab.mean);
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
        weld_page_number(page, f[v].coef ? f[v].coef[at].mean : NAN);
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
        weld_page_number(page, f[v].matrix_one_minus_cos ? f[v].matrix_one_minus_cos[at] : NAN);
    weld_page_integer(page, f[0].zero_features > f[1].zero_features ? f[0].zero_features
                                                                    : f[1].zero_features);
    weld_page_close(page, WELD_MARK_ROW);
}

void weld_page_llfc(weld_page *page, const weld_report_llfc *l)
{
    enum { ROWS_MAX = 300 };
    const size_t at = weld_report_middle(l->alpha, l->alpha_count);
    size_t order[ROWS_MAX],
        most = page->style->rows_max < ROWS_MAX ? page->style->rows_max : ROWS_MAX;
    if (at >= l->alpha_count)
        return;
    const size_t count = weld_order_worst_first(order, most, l, at);
    weld_page_heading(page, "Features, layer by layer");
    if (page->style->charts) {
        weld_page_open(page, WELD_MARK_PARAGRAPH);
        weld_chart_layers(page->out, l, at);
        weld_chart_heat(page->out, l);
        weld_page_close(page, WELD_MARK_PARAGRAPH);
    }
    weld_page_details(page, "All layers at α = %.3g, the worst first", l->alpha[at]);
    weld_page_table(page, "Layer|1 − cos, naive|95 % interval|± std|5 to 95 %|"
                          "1 − cos, aligned|95 % interval|± std|5 to 95 %|A to B, naive|A to B, "
                          "aligned|c, naive|c, aligned|"
                          "all samples as one, naive|aligned|zero features");
    for (size_t i = 0; i < count; i++)
        layer_row(page, &l->layers[order[i]], at);
    weld_page_end_table(page);
    weld_page_close(page, WELD_MARK_DETAILS);
    weld_page_left_out(page, l->layer_count);
}

static void layer_conditions(weld_page *page, const weld_report_conditions *c)
{
    weld_page_table(page, "Layer|Dist_com, naive|95 % interval|Dist_W|Dist_H"
                          "|95 % interval|defect|95 % interval|predicted|measured"
                          "|Dist_com, aligned|95 % interval|Dist_W|Dist_H|95 % interval"
                          "|defect|95 % interval|predicted|measured");
    for (size_t i = 0, rows = 0; i < c->count && rows < page->style->rows_max; i++) {
        const weld_report_condition *x = &c->items[i];
        if (!x->linear)
            continue;
        rows++;
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_cell(page, x->name);
        for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
            weld_page_number(page, x->dist_com[v]);
            interval(page, c->bounded ? &x->com_ci95[v] : NULL);
            weld_page_number(page, x->dist_w[v]);
            weld_page_number(page, x->dist_h[v]);
            interval(page, c->bounded ? &x->h_ci95[v] : NULL);
            weld_page_number(page, x->defect[v]);
            interval(page, c->bounded ? &x->defect_ci95[v] : NULL);
            weld_page_number(page, x->predicted[v]);
            weld_page_number(page, x->measured[v]);
        }
        weld_page_close(page, WELD_MARK_ROW);
    }
    weld_page_end_table(page);
}

static void activation_conditions(weld_page *page, const weld_report_conditions *c)
{
    weld_page_table(page, "Activation|defect at α = ½, naive|95 % interval"
                          "|defect at α = ½, aligned|95 % interval");
    for (size_t i = 0, rows = 0; i < c->count && rows < page->style->rows_max; i++) {
        const weld_report_condition *x = &c->items[i];
        if (x->linear)
            continue;
        rows++;
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_cell(page, x->name);
        for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
            weld_page_number(page, x->additivity[v]);
            interval(page, c->bounded ? &x->additivity_ci95[v] : NULL);
        }
        weld_page_close(page, WELD_MARK_ROW);
    }
    weld_page_end_table(page);
}

void weld_page_conditions(weld_page *page, const weld_report_conditions *c)
{
    weld_page_heading(page, "Why: commutativity and weak additivity");
    weld_page_paragraph(
        page,
        "A layer commutes where Dist_com is much smaller than Dist_W and Dist_H. Then merging adds "
        "no defect of its own, which is what the mean weight makes of the mean input less the mean "
        "of what both make: ‖ΔW ΔH‖ / 4, as a part of the latter. Predicted is that of the first "
        "%lld samples, measured what it is there. An activation is additive where it maps the mean "
        "to the mean.",
        (long long)c->first);
    weld_page_details(page, "All layers and activations");
    layer_conditions(page, c);
    activation_conditions(page, c);
    weld_page_close(page, WELD_MARK_DETAILS);
    weld_page_left_out(page, c->count);
}
