/* The section on merges. */
#include "report/formats/page.h"
#include <math.h>

/* A cell: a figure, and its 95 % interval where there is one. */
static void figure(weld_page *page, double x, bool bounded, weld_interval ci95)
{
    if (bounded && isfinite(x) && isfinite(ci95.low))
        weld_page_label(page, "%.4g (%.4g to %.4g)", x, ci95.low, ci95.high);
    else
        weld_page_number(page, x);
}

static void merge_row(weld_page *page, const weld_report_merge *m)
{
    weld_page_open(page, WELD_MARK_ROW);
    weld_page_number(page, m->alpha);
    weld_page_label(page, "%s", m->method ? m->method : "–");
    weld_page_label(page, "%s", m->statistic ? m->statistic : "–");
    figure(page, m->loss, m->bounded, m->loss_ci95);
    figure(page, m->accuracy, m->bounded, m->accuracy_ci95);
    figure(page, m->drop.present ? m->drop.value : NAN, m->bounded, m->drop.bounds.ci95);
    figure(page, m->one_minus_cos, m->bounded, m->cos_ci95);
    weld_page_integer(page, m->layers);
    weld_page_label(page, "%s", m->written ? "written" : "compared");
    weld_page_close(page, WELD_MARK_ROW);
}

static void base(weld_page *page, const weld_report_merge *m)
{
    weld_page_open(page, WELD_MARK_PARAGRAPH);
    weld_page_say(page, "Base at α = %.3g, %s: ", m->alpha, m->method ? m->method : "");
    weld_page_name(page, m->base.path, WELD_NAME_MAX);
    weld_page_say(page,
                  ", density %.3g, λ = %.3g; |A − base| %.4g, |π(B) − base| %.4g, "
                  "|B − base| %.4g",
                  m->base.density, m->base.lambda, m->base.distance_a, m->base.distance_b,
                  m->base.distance_naive);
    weld_page_close(page, WELD_MARK_PARAGRAPH);
}

static void tries(weld_page *page, const weld_report_merge *m)
{
    weld_page_details(page, "Statistics that were tried at α = %.3g", m->alpha);
    weld_page_table(page, "Statistics|Loss on the matching data|Result");
    for (size_t k = 0; k < m->try_count; k++) {
        const weld_report_try *t = &m->tries[k];
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_label(page, "%s", t->name ? t->name : "–");
        weld_page_number(page, t->loss);
        weld_page_outcome(page, t->failure, t->chosen);
        weld_page_close(page, WELD_MARK_ROW);
    }
    weld_page_end_table(page);
    weld_page_close(page, WELD_MARK_DETAILS);
}

static void ratios(weld_page *page, const weld_report_merge *m)
{
    weld_page_details(page,
                      "Deviation of the pre-activations at α = %.3g, as a part of the ends' "
                      "(1 = all of it)",
                      m->alpha);
    weld_page_table(page, "Layer|averaged only|as written");
    for (size_t k = 0; k < m->ratio_count && k < page->style->rows_max; k++) {
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_cell(page, m->ratios[k].layer);
        weld_page_number(page, m->ratios[k].before);
        weld_page_number(page, m->ratios[k].after);
        weld_page_close(page, WELD_MARK_ROW);
    }
    weld_page_end_table(page);
    weld_page_close(page, WELD_MARK_DETAILS);
}

static void frame(weld_page *page, const weld_report_many *n)
{
    weld_page_open(page, WELD_MARK_PARAGRAPH);
    weld_page_say(page, "All units stand in the order of model %lld", (long long)n->start + 1);
    if (n->universe)
        weld_page_say(page, ", found with the permutations of all models at once (Frank-Wolfe)");
    if (isfinite(n->objective[0]))
        weld_page_say(page,
                      ", matched to the mean of the others in %lld rounds: |mean|² %.5g before, "
                      "%.5g after",
                      (long long)n->rounds, n->objective[0], n->objective[1]);
    if (n->metric)
        weld_page_say(page, ", its %s on the matching data %.4g before, %.4g after", n->metric,
                      n->matching_loss[0], n->matching_loss[1]);
    weld_page_say(page, ".");
    if (isfinite(n->cycle_distance))
        weld_page_say(page,
                      " Where %lld models are matched two by two, %.1f %% of the units do not "
                      "come back from A to B to C to A.",
                      (long long)n->cycle_models, 100 * n->cycle_distance);
    weld_page_close(page, WELD_MARK_PARAGRAPH);
}

static void score(weld_page *page, const weld_report_score *s)
{
    figure(page, s->loss, true, s->loss_ci95);
    figure(page, s->accuracy, true, s->accuracy_ci95);
}

static void many(weld_page *page, const weld_report_many *n)
{
    frame(page, n);
    weld_page_table(page, "Model|Weight|Loss|Accuracy");
    for (size_t k = 0; k < n->end_count; k++) {
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_integer(page, (int64_t)k + 1);
        weld_page_number(page, n->ends[k].weight);
        score(page, &n->ends[k].score);
        weld_page_close(page, WELD_MARK_ROW);
    }
    weld_page_open(page, WELD_MARK_ROW);
    weld_page_label(page, "together");
    weld_page_label(page, "1");
    score(page, &n->score);
    weld_page_close(page, WELD_MARK_ROW);
    weld_page_end_table(page);
    weld_page_table(page, "Pair|Loss at ½|Accuracy|Barrier");
    for (size_t k = 0; k < n->pair_count && k < page->style->rows_max; k++) {
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_label(page, "%lld, %lld", (long long)n->pairs[k].a + 1,
                        (long long)n->pairs[k].b + 1);
        score(page, &n->pairs[k].score);
        figure(page, n->pairs[k].barrier, true, n->pairs[k].barrier_ci95);
        weld_page_close(page, WELD_MARK_ROW);
    }
    weld_page_end_table(page);
}

void weld_page_merges(weld_page *page, const weld_report *r)
{
    weld_page_heading(page, "Merges");
    weld_page_paragraph(page, "Measured on the evaluation data. A merge by another method than "
                              "lerp does not lie on the line between A and B: it is no "
                              "measurement of linear connectivity.");
    if (r->many.present)
        many(page, &r->many);
    weld_page_table(page, "α|Method|Statistics|Loss|Accuracy|Drop of the accuracy|"
                          "1 − cos, mean over layers|"
                          "Corrected layers|Role");
    for (size_t k = 0; k < r->merge_count && k < page->style->rows_max; k++)
        merge_row(page, &r->merges[k]);
    weld_page_end_table(page);
    for (size_t k = 0; k < r->merge_count && k < page->style->rows_max; k++) {
        if (r->merges[k].written && r->merges[k].base.sha256)
            base(page, &r->merges[k]);
        if (r->merges[k].try_count)
            tries(page, &r->merges[k]);
        if (r->merges[k].ratio_count)
            ratios(page, &r->merges[k]);
    }
}
