/* The report from the verdict to the glossary. */
#include "report/formats/page.h"
#include <math.h>

static void failures(weld_page *page, const weld_report *r, weld_gate_level level)
{
    char text[256];
    for (size_t k = 0; k < r->gate_count; k++) {
        if (r->gates[k].pass || r->gates[k].level != level)
            continue;
        weld_report_gate_text(text, sizeof text, &r->gates[k]);
        weld_page_say(page, " · %s", text);
    }
}

void weld_page_verdict(weld_page *page, const weld_report *r)
{
    const weld_report_verification *p = &r->verification;
    weld_page_open(page, WELD_MARK_PARAGRAPH);
    weld_page_open(page, WELD_MARK_STRONG);
    weld_page_say(page, "%s", weld_report_verdict_word(r));
    weld_page_close(page, WELD_MARK_STRONG);
    failures(page, r, WELD_GATE_ERROR);
    failures(page, r, WELD_GATE_WARN);
    if (r->obstacles.count)
        weld_page_say(page, " · %zu obstacle%s to welding", r->obstacles.count,
                      r->obstacles.count == 1 ? "" : "s");
    if (p->present)
        weld_page_say(page, " · %s on %lld samples (max relative difference %.2g)",
                      r->many.present ? "all models compute what they did, checked"
                      : p->pass       ? "B' computes what B computes, checked against B"
                                      : "B' differs from B",
                      (long long)p->n, p->max_rel);
    if (r->lmc.present)
        weld_page_say(page, " · loss barrier (chord): naive %.4g, aligned %.4g",
                      r->lmc.loss.chord.value[0], r->lmc.loss.chord.value[1]);
    char sentence[256];
    weld_report_connection(sentence, sizeof sentence, &r->lmc);
    if (sentence[0])
        weld_page_say(page, " · %s", sentence);
    if (r->warning_count)
        weld_page_say(page, " · %zu warning%s", r->warning_count, r->warning_count == 1 ? "" : "s");
    weld_page_close(page, WELD_MARK_PARAGRAPH);
}

static void notices(weld_page *page, const weld_report *r)
{
    if (r->checked || r->obstacles.count) {
        weld_page_heading(page, "Obstacles");
        if (r->obstacles.count)
            weld_page_lines(page, &r->obstacles, WELD_MARK_ITEM);
        else
            weld_page_paragraph(page, "None.");
    }
    if (!r->warning_count)
        return;
    weld_page_heading(page, "Warnings");
    weld_page_open(page, WELD_MARK_LIST);
    for (size_t i = 0; i < r->warning_count && i < page->style->rows_max; i++) {
        const weld_report_warning *w = &r->warnings[i];
        weld_page_open(page, WELD_MARK_ITEM);
        weld_page_say(page, "%s ", w->code ? w->code : "");
        weld_page_name(page, w->msg, WELD_LINE_MAX);
        weld_page_close(page, WELD_MARK_ITEM);
    }
    weld_page_close(page, WELD_MARK_LIST);
    weld_page_left_out(page, r->warning_count);
}

static bool have_baseline(const weld_report *r)
{
    for (size_t k = 0; k < r->gate_count; k++)
        if (isfinite(r->gates[k].baseline))
            return true;
    return false;
}

static void gates(weld_page *page, const weld_report *r)
{
    const bool twice = have_baseline(r);
    weld_page_heading(page, "Gates");
    weld_page_table(page, twice ? "Gate|Figure|was|is|allowed|Limit|Level|Result"
                                : "Gate|Figure|is|allowed|Limit|Level|Result");
    for (size_t k = 0; k < r->gate_count; k++) {
        const weld_report_gate *gate = &r->gates[k];
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_label(page, "%s", gate->id);
        weld_page_cell(page, gate->figure);
        if (twice)
            weld_page_number(page, gate->baseline);
        weld_page_number(page, gate->value);
        weld_page_label(page, "at %s", gate->at_most ? "most" : "least");
        weld_page_number(page, gate->limit);
        weld_page_label(page, "%s", weld_gate_level_name(gate->level));
        weld_page_label(page, "%s", gate->pass ? "passed" : "FAILED");
        weld_page_close(page, WELD_MARK_ROW);
    }
    weld_page_end_table(page);
}

static void candidates(weld_page *page, const weld_report_match *m)
{
    weld_page_paragraph(page,
                        "Each candidate was merged at α = ½ and judged on the matching data "
                        "alone, by %s; the least wins.",
                        m->metric ? m->metric : "loss");
    weld_page_table(page, "Candidate|Method|Loss at α = ½|Weight objective|Result");
    for (size_t i = 0; i < m->candidate_count && i < page->style->rows_max; i++) {
        const weld_report_candidate *c = &m->candidates[i];
        weld_page_open(page, WELD_MARK_ROW);
        weld_page_label(page, "%s", c->name ? c->name : "–");
        weld_page_label(page, "%s", c->method ? c->method : "–");
        weld_page_number(page, c->loss);
        weld_page_number(page, c->objective);
        weld_page_outcome(page, c->failure, c->chosen);
        weld_page_close(page, WELD_MARK_ROW);
    }
    weld_page_end_table(page);
}

static void polish(weld_page *page, const weld_report_polish *p)
{
    weld_page_paragraph(page,
                        "Polished on %lld matching samples: %lld of %lld swaps of two units "
                        "kept in %lld sweeps, loss at α = ½ %.4g before, %.4g after%s; %lld "
                        "classes are too wide for it.",
                        (long long)p->samples, (long long)p->kept, (long long)p->tried,
                        (long long)p->sweeps, p->loss[0], p->loss[1],
                        p->out_of_time ? " (the time was out)" : "", (long long)p->wide);
}

static void match(weld_page *page, const weld_report_match *m)
{
    weld_page_heading(page, "Permutation");
    weld_page_open(page, WELD_MARK_PARAGRAPH);
    weld_page_say(page, "Method %s, seed %llu, ", m->method ? m->method : "none",
                  (unsigned long long)m->seed);
    if (m->restarts)
        weld_page_say(page, "best of %lld descents, ", (long long)m->restarts);
    weld_page_say(page, "%lld sweeps", (long long)m->sweeps);
    if (isfinite(m->objective[0]) && isfinite(m->objective[1]))
        weld_page_say(page, ", objective %.5g before, %.5g after", m->objective[0],
                      m->objective[1]);
    weld_page_say(page, ". %.3g %% of the units are pinned.", 100 * m->pinned_fraction);
    weld_page_close(page, WELD_MARK_PARAGRAPH);
    if (m->distances.present)
        weld_page_paragraph(page,
                            "Mean over the layers between matched units: Dist_W %.4g, Dist_H "
                            "%.4g, Dist_com %.4g; J = %.4g in sum.",
                            m->distances.weights, m->distances.features, m->distances.products,
                            m->distances.commutativity);
    if (m->candidate_count)
        candidates(page, m);
    if (m->polish.present)
        polish(page, &m->polish);
    weld_page_classes(page, &m->classes);
}

/* many: of all models the worst */
static void verification(weld_page *page, const weld_report_verification *v, bool many)
{
    weld_page_heading(page, many ? "Proof: the permuted models compute what they did"
                                 : "Proof: the permuted B computes what B computes");
    weld_page_table(page, "Samples|largest Δ|largest relative Δ|argmax agrees|Result");
    weld_page_open(page, WELD_MARK_ROW);
    weld_page_integer(page, v->n);
    weld_page_number(page, v->max_abs);
    weld_page_number(page, v->max_rel);
    weld_page_number(page, v->argmax_agree);
    weld_page_label(page, "%s", v->pass ? "same function" : "DIFFERS");
    weld_page_close(page, WELD_MARK_ROW);
    weld_page_end_table(page);
}

static void canonical(weld_page *page, const weld_report_lines *lines)
{
    weld_page_heading(page, "How the files were read");
    weld_page_lines(page, lines, WELD_MARK_ITEM);
}

void weld_page_report(weld_page *page, const weld_report *r)
{
    if (r->gate_count)
        gates(page, r);
    notices(page, r);
    if (r->lmc.present)
        weld_page_lmc(page, r);
    if (r->merge_count)
        weld_page_merges(page, r);
    if (r->llfc.present)
        weld_page_llfc(page, &r->llfc);
    if (r->conditions.count)
        weld_page_conditions(page, &r->conditions);
    if (r->match.present)
        match(page, &r->match);
    if (r->verification.present)
        verification(page, &r->verification, r->many.present);
    if (r->inspection.present)
        weld_page_inspection(page, &r->inspection);
    if (r->shapes.present)
        weld_page_shapes(page, &r->shapes);
    if (r->canonical.count)
        canonical(page, &r->canonical);
    if (r->diff.present)
        weld_page_diff(page, &r->diff);
    weld_page_models(page, r);
    weld_page_environment(page, r);
}
