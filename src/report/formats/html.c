/* One self-contained page: inline SVG and plain tables, readable without scripts and style sheets;
 * the style sheet is an enhancement only. Every string of a model is escaped. */
#include "report/formats/html.h"
#include "report/formats.h"
#include <math.h>
#include <string.h>

enum { MEMBERS_MAX = 4 };

static void left_out(weld_buffer *out, size_t count)
{
    if (count > WELD_HTML_ROWS_MAX)
        weld_buffer_printf(out, "<p>The first %d of %zu; all are in the JSON report.</p>\n",
                           WELD_HTML_ROWS_MAX, count);
}

static void verdict(weld_buffer *out, const weld_report *r)
{
    const char *v = weld_report_verdict(r);
    const weld_report_verification *p = &r->verification;
    weld_buffer_printf(out, "<p class=\"verdict %s\"><strong>%s</strong>", v,
                       v[0] == 'p'   ? "PASS"
                       : v[0] == 'w' ? "WARN"
                                     : "FAIL");
    if (r->obstacles.count)
        weld_buffer_printf(out, " · %zu obstacle%s to welding", r->obstacles.count,
                           r->obstacles.count == 1 ? "" : "s");
    if (p->present)
        weld_buffer_printf(out, " · B' %s B on %lld samples (max relative difference %.2g)",
                           p->pass ? "computes what B computes, checked against" : "differs from",
                           (long long)p->n, p->max_rel);
    if (r->lmc.present)
        weld_buffer_printf(out, " · loss barrier (chord): naive %.4g, aligned %.4g",
                           r->lmc.loss.chord[0], r->lmc.loss.chord[1]);
    if (r->warning_count)
        weld_buffer_printf(out, " · %zu warning%s", r->warning_count,
                           r->warning_count == 1 ? "" : "s");
    weld_buffer_printf(out, "</p>\n");
}

static void notices(weld_buffer *out, const weld_report *r)
{
    if (r->checked || r->obstacles.count) {
        weld_buffer_printf(out, "<h2>Obstacles</h2>\n<ol>\n");
        for (size_t i = 0; i < r->obstacles.count && i < WELD_HTML_ROWS_MAX; i++) {
            weld_buffer_printf(out, "<li>");
            weld_html_text(out, r->obstacles.items[i], 400);
            weld_buffer_printf(out, "</li>\n");
        }
        weld_buffer_printf(out, "</ol>\n%s", r->obstacles.count ? "" : "<p>None.</p>\n");
        left_out(out, r->obstacles.count);
    }
    if (!r->warning_count)
        return;
    weld_buffer_printf(out, "<h2>Warnings</h2>\n<ul>\n");
    for (size_t i = 0; i < r->warning_count && i < WELD_HTML_ROWS_MAX; i++) {
        const weld_report_warning *w = &r->warnings[i];
        weld_buffer_printf(out, "<li><code>");
        weld_html_text(out, w->code ? w->code : "", WELD_HTML_TEXT_MAX);
        weld_buffer_printf(out, "</code> ");
        weld_html_text(out, w->msg, 400);
        weld_buffer_printf(out, "</li>\n");
    }
    weld_buffer_printf(out, "</ul>\n");
    left_out(out, r->warning_count);
}

static void barriers(weld_buffer *out, const weld_report_lmc *l)
{
    const weld_report_barrier *rows[2] = {&l->loss, &l->error};
    const char *const names[2] = {"loss", "error (1 − accuracy)"};
    weld_html_table(out, "Barrier|chord, naive|chord, aligned|midpoint, naive|midpoint, aligned");
    for (int i = 0; i < 2; i++) {
        weld_buffer_printf(out, "<tr>");
        weld_html_cell(out, names[i]);
        weld_html_number(out, rows[i]->chord[WELD_REPORT_NAIVE]);
        weld_html_number(out, rows[i]->chord[WELD_REPORT_ALIGNED]);
        weld_html_number(out, rows[i]->midpoint[WELD_REPORT_NAIVE]);
        weld_html_number(out, rows[i]->midpoint[WELD_REPORT_ALIGNED]);
        weld_buffer_printf(out, "</tr>\n");
    }
    weld_buffer_printf(out, "</table>\n");
}

static void lmc(weld_buffer *out, const weld_report *r)
{
    const weld_report_lmc *l = &r->lmc;
    weld_buffer_printf(out, "<h2>Along the path from B to A</h2>\n<p>Metric ");
    weld_html_text(out, l->metric ? l->metric : "loss", WELD_HTML_TEXT_MAX);
    weld_buffer_printf(out, ", n = %lld samples.</p>\n<p>\n", (long long)r->data.n);
    weld_html_path_chart(out, l, false);
    weld_html_path_chart(out, l, true);
    weld_buffer_printf(out, "</p>\n");
    barriers(out, l);
    weld_buffer_printf(out, "<details><summary>All values</summary>\n");
    weld_html_table(out, "α|loss, naive|loss, aligned|accuracy, naive|accuracy, aligned");
    for (size_t i = 0; i < l->alpha_count && i < WELD_HTML_ROWS_MAX; i++) {
        weld_buffer_printf(out, "<tr>");
        weld_html_number(out, l->alpha[i]);
        for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
            weld_html_number(out, l->curve[v].loss ? l->curve[v].loss[i] : NAN);
        for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
            weld_html_number(out, l->curve[v].accuracy ? l->curve[v].accuracy[i] : NAN);
        weld_buffer_printf(out, "</tr>\n");
    }
    weld_buffer_printf(out, "</table></details>\n");
    left_out(out, l->alpha_count);
}

static void llfc(weld_buffer *out, const weld_report_llfc *l)
{
    size_t at = 0;
    for (size_t i = 0; i < l->alpha_count; i++)
        if (fabs(l->alpha[i] - 0.5) < fabs(l->alpha[at] - 0.5))
            at = i;
    if (at >= l->alpha_count)
        return;
    weld_buffer_printf(out, "<h2>Features, layer by layer</h2>\n<p>\n");
    weld_html_layer_chart(out, l, at);
    weld_buffer_printf(out, "</p>\n<details><summary>All layers at α = %.3g</summary>\n",
                       l->alpha[at]);
    weld_html_table(
        out, "Layer|1 − cos, naive|± std|1 − cos, aligned|± std|A to B, naive|A to B, aligned"
             "|c, naive|c, aligned|zero features");
    for (size_t i = 0; i < l->layer_count && i < WELD_HTML_ROWS_MAX; i++) {
        const weld_report_figures *f = l->layers[i].variant;
        weld_buffer_printf(out, "<tr>");
        weld_html_cell(out, l->layers[i].name);
        for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
            weld_html_number(out, f[v].one_minus_cos[at].mean);
            weld_html_number(out, f[v].one_minus_cos[at].std);
        }
        for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
            weld_html_number(out, f[v].one_minus_cos_ab.mean);
        for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
            weld_html_number(out, f[v].coef ? f[v].coef[at].mean : NAN);
        weld_html_integer(out, f[0].zero_features > f[1].zero_features ? f[0].zero_features
                                                                       : f[1].zero_features);
        weld_buffer_printf(out, "</tr>\n");
    }
    weld_buffer_printf(out, "</table></details>\n");
    left_out(out, l->layer_count);
}

static void classes(weld_buffer *out, const weld_report_classes *list)
{
    weld_html_table(out, "Class|Units|Kind|Moved|Members|Reason");
    for (size_t i = 0; i < list->count && i < WELD_HTML_ROWS_MAX; i++) {
        const weld_report_class *c = &list->items[i];
        weld_buffer_printf(out, "<tr>");
        weld_html_cell(out, c->name);
        weld_html_integer(out, c->size);
        weld_html_cell(out, c->kind);
        weld_html_number(out, c->moved < 0 ? NAN : (double)c->moved);
        weld_buffer_printf(out, "<td>");
        for (size_t k = 0; k < c->member_count && k < MEMBERS_MAX; k++) {
            weld_buffer_printf(out, "%s", k ? "<br>" : "");
            weld_html_text(out, c->members[k], 60);
        }
        if (c->member_count > MEMBERS_MAX)
            weld_buffer_printf(out, "<br>and %zu more", c->member_count - MEMBERS_MAX);
        weld_buffer_printf(out, "</td>");
        weld_html_cell(out, c->reason);
        weld_buffer_printf(out, "</tr>\n");
    }
    weld_buffer_printf(out, "</table>\n");
    left_out(out, list->count);
}

static void candidates(weld_buffer *out, const weld_report_match *m)
{
    weld_buffer_printf(out, "<p>Each candidate was merged at α = ½ and judged on the matching data "
                            "alone, by ");
    weld_html_text(out, m->metric ? m->metric : "loss", WELD_HTML_TEXT_MAX);
    weld_buffer_printf(out, "; the least wins.</p>\n");
    weld_html_table(out, "Candidate|Method|Loss at α = ½|Weight objective|Result");
    for (size_t i = 0; i < m->candidate_count && i < WELD_HTML_ROWS_MAX; i++) {
        const weld_report_candidate *c = &m->candidates[i];
        weld_buffer_printf(out, "<tr>");
        weld_html_cell(out, c->name);
        weld_html_cell(out, c->method);
        weld_html_number(out, c->loss);
        weld_html_number(out, c->objective);
        weld_html_cell(out, c->failure ? c->failure : c->chosen ? "chosen" : "");
        weld_buffer_printf(out, "</tr>\n");
    }
    weld_buffer_printf(out, "</table>\n");
}

static void match(weld_buffer *out, const weld_report_match *m)
{
    weld_buffer_printf(out, "<h2>Permutation</h2>\n<p>Method ");
    weld_html_text(out, m->method ? m->method : "none", WELD_HTML_TEXT_MAX);
    weld_buffer_printf(out, ", seed %llu, ", (unsigned long long)m->seed);
    if (m->restarts)
        weld_buffer_printf(out, "best of %lld descents, ", (long long)m->restarts);
    weld_buffer_printf(out, "%lld sweeps", (long long)m->sweeps);
    if (isfinite(m->objective[0]) && isfinite(m->objective[1]))
        weld_buffer_printf(out, ", objective %.5g before, %.5g after", m->objective[0],
                           m->objective[1]);
    weld_buffer_printf(out, ". %.3g %% of the units are pinned.</p>\n", 100 * m->pinned_fraction);
    if (m->distances.present)
        weld_buffer_printf(
            out,
            "<p>Mean over the layers between matched units: Dist_W %.4g, Dist_H %.4g, "
            "Dist_com %.4g; J = %.4g in sum.</p>\n",
            m->distances.weights, m->distances.features, m->distances.products,
            m->distances.commutativity);
    if (m->candidate_count)
        candidates(out, m);
    const weld_report_polish *p = &m->polish;
    if (p->present)
        weld_buffer_printf(out,
                           "<p>Polished on %lld matching samples: %lld of %lld swaps of two units "
                           "kept in %lld sweeps, loss at α = ½ %.4g before, %.4g after%s; %lld "
                           "classes are too wide for it.</p>\n",
                           (long long)p->samples, (long long)p->kept, (long long)p->tried,
                           (long long)p->sweeps, p->loss[0], p->loss[1],
                           p->out_of_time ? " (the time was out)" : "", (long long)p->wide);
    classes(out, &m->classes);
}

static void verification(weld_buffer *out, const weld_report_verification *v)
{
    weld_buffer_printf(out, "<h2>Proof: the permuted B computes what B computes</h2>\n");
    weld_html_table(out, "Samples|largest Δ|largest relative Δ|argmax agrees|Result");
    weld_buffer_printf(out, "<tr>");
    weld_html_integer(out, v->n);
    weld_html_number(out, v->max_abs);
    weld_html_number(out, v->max_rel);
    weld_html_number(out, v->argmax_agree);
    weld_html_cell(out, v->pass ? "same function" : "DIFFERS");
    weld_buffer_printf(out, "</tr></table>\n");
}

static void data(weld_buffer *out, const char *what, const weld_report_data *d)
{
    if (!d->present)
        return;
    weld_buffer_printf(out, "<tr><td>%s</td>", what);
    weld_html_cell(out, d->path);
    weld_buffer_printf(out, "<td colspan=\"4\">%lld samples", (long long)d->n);
    if (d->split_of)
        weld_buffer_printf(out, " of %lld (drawn with seed %llu)", (long long)d->split_of,
                           (unsigned long long)d->split_seed);
    weld_buffer_printf(out, ", %s labels, preprocessing ", d->labels ? "with" : "no");
    weld_html_text(out, d->preprocess ? d->preprocess : "none", WELD_HTML_TEXT_MAX);
    weld_buffer_printf(out, "</td>");
    weld_html_cell(out, d->sha256);
    weld_buffer_printf(out, "</tr>\n");
}

static void models(weld_buffer *out, const weld_report *r)
{
    weld_buffer_printf(out, "<h2>Models and data</h2>\n");
    weld_html_table(out, "|Path|Producer|IR|Opset|Parameters|SHA-256");
    for (size_t i = 0; i < r->model_count && i < WELD_HTML_ROWS_MAX; i++) {
        const weld_report_model *m = &r->models[i];
        weld_buffer_printf(out, "<tr>");
        weld_html_cell(out, m->role);
        weld_html_cell(out, m->path);
        weld_html_cell(out, m->producer);
        weld_html_integer(out, m->ir);
        weld_buffer_printf(out, "<td>");
        for (size_t k = 0; k < m->opset_count && k < MEMBERS_MAX; k++) {
            weld_html_text(out, m->opsets[k].domain ? m->opsets[k].domain : "", 60);
            weld_buffer_printf(out, " %lld<br>", (long long)m->opsets[k].version);
        }
        weld_buffer_printf(out, "</td>");
        weld_html_integer(out, m->parameters);
        weld_html_cell(out, m->sha256);
        weld_buffer_printf(out, "</tr>\n");
    }
    for (size_t i = 0; i < r->output_count && i < WELD_HTML_ROWS_MAX; i++) {
        weld_buffer_printf(out, "<tr><td>α = %.4g</td>", r->outputs[i].alpha);
        weld_html_cell(out, r->outputs[i].path);
        weld_buffer_printf(out, "<td>onnxweld</td><td></td><td></td><td></td>");
        weld_html_cell(out, r->outputs[i].sha256);
        weld_buffer_printf(out, "</tr>\n");
    }
    data(out, "matching data", &r->match.data);
    data(out, "evaluation data", &r->data);
    weld_buffer_printf(out, "</table>\n");
}

static void inspection(weld_buffer *out, const weld_report_inspection *n)
{
    const weld_report_values *lists[2] = {&n->inputs, &n->outputs};
    weld_buffer_printf(out, "<h2>Inputs and outputs</h2>\n");
    weld_html_table(out, "|Name|Type|Dimensions");
    for (int k = 0; k < 2; k++)
        for (size_t i = 0; i < lists[k]->count && i < WELD_HTML_ROWS_MAX; i++) {
            weld_buffer_printf(out, "<tr><td>%s</td>", k ? "output" : "input");
            weld_html_cell(out, lists[k]->items[i].name);
            weld_html_cell(out, lists[k]->items[i].dtype);
            weld_html_cell(out, lists[k]->items[i].dims);
            weld_buffer_printf(out, "</tr>\n");
        }
    weld_buffer_printf(out, "</table>\n<h2>Layers</h2>\n");
    weld_html_table(out, "Layer|Operator|Shape");
    for (size_t i = 0; i < n->layer_count && i < WELD_HTML_ROWS_MAX; i++) {
        weld_buffer_printf(out, "<tr>");
        weld_html_cell(out, n->layers[i].name);
        weld_html_cell(out, n->layers[i].op);
        weld_html_cell(out, n->layers[i].shape);
        weld_buffer_printf(out, "</tr>\n");
    }
    weld_buffer_printf(out, "</table>\n");
    left_out(out, n->layer_count);
    weld_buffer_printf(out, "<h2>Classes of units</h2>\n");
    classes(out, &n->classes);
    weld_buffer_printf(out, "<h2>Canonicalised</h2>\n<ul>\n");
    for (size_t i = 0; i < n->notes.count && i < WELD_HTML_ROWS_MAX; i++) {
        weld_buffer_printf(out, "<li>");
        weld_html_text(out, n->notes.items[i], 400);
        weld_buffer_printf(out, "</li>\n");
    }
    weld_buffer_printf(out, "</ul>\n");
    left_out(out, n->notes.count);
}

static void canonical(weld_buffer *out, const weld_report_lines *l)
{
    weld_buffer_printf(out, "<h2>How the files were read</h2>\n<ul>\n");
    for (size_t i = 0; i < l->count && i < WELD_HTML_ROWS_MAX; i++) {
        weld_buffer_printf(out, "<li>");
        weld_html_text(out, l->items[i], 400);
        weld_buffer_printf(out, "</li>\n");
    }
    weld_buffer_printf(out, "</ul>\n");
    left_out(out, l->count);
}

static void diff(weld_buffer *out, const weld_report_diff *d)
{
    weld_buffer_printf(out, "<h2>Differences</h2>\n");
    for (size_t i = 0; i < d->structure.count && i < WELD_HTML_ROWS_MAX; i++) {
        weld_buffer_printf(out, "<p>");
        weld_html_text(out, d->structure.items[i], 400);
        weld_buffer_printf(out, "</p>\n");
    }
    weld_buffer_printf(out, "<p>%zu parameters are equal, %zu differ.</p>\n", d->equal,
                       d->weight_count);
    weld_html_table(out, "A|B|Dimensions|largest difference|relative");
    for (size_t i = 0; i < d->weight_count && i < WELD_HTML_ROWS_MAX; i++) {
        const weld_report_weight *w = &d->weights[i];
        weld_buffer_printf(out, "<tr>");
        weld_html_cell(out, w->a);
        weld_html_cell(out, w->b);
        weld_html_cell(out, w->shape);
        weld_buffer_printf(out, "<td>%.3g</td><td>%.3g</td></tr>\n", w->max_abs, w->relative);
    }
    weld_buffer_printf(out, "</table>\n");
    left_out(out, d->weight_count);
}

static void shapes(weld_buffer *out, const weld_report_shapes *s)
{
    weld_buffer_printf(out, "<h2>Values of the file's graph</h2>\n");
    for (size_t i = 0; i < s->notes.count && i < WELD_HTML_ROWS_MAX; i++) {
        weld_buffer_printf(out, "<p>");
        weld_html_text(out, s->notes.items[i], 400);
        weld_buffer_printf(out, "</p>\n");
    }
    weld_html_table(out, "Made by|Type|Dimensions|Name");
    for (size_t i = 0; i < s->values.count && i < WELD_HTML_ROWS_MAX; i++) {
        weld_buffer_printf(out, "<tr>");
        weld_html_cell(out, s->values.items[i].op);
        weld_html_cell(out, s->values.items[i].dtype);
        weld_html_cell(out, s->values.items[i].dims);
        weld_html_cell(out, s->values.items[i].name);
        weld_buffer_printf(out, "</tr>\n");
    }
    weld_buffer_printf(out, "</table>\n");
    left_out(out, s->values.count);
}

static void environment(weld_buffer *out, const weld_report_environment *e)
{
    weld_buffer_printf(out, "<h2>To run it again</h2>\n<pre>");
    for (size_t i = 0; i < e->command.count && i < WELD_HTML_ROWS_MAX; i++) {
        weld_buffer_printf(out, "%s", i ? " " : "");
        weld_html_text(out, e->command.items[i], 400);
    }
    weld_buffer_printf(out, "</pre>\n<p>onnxweld ");
    weld_html_text(out, e->version ? e->version : "", WELD_HTML_TEXT_MAX);
    weld_buffer_printf(out, ", BLAS ");
    weld_html_text(out, e->blas ? e->blas : "–", WELD_HTML_TEXT_MAX);
    weld_buffer_printf(out, ", %d threads", e->threads);
    if (e->seconds >= 0)
        weld_buffer_printf(out, ", %.1f seconds", e->seconds);
    weld_buffer_printf(out, ".</p>\n");
}

weld_status weld_report_render_html(weld_buffer *out, const weld_report *report, weld_error *err)
{
    weld_html_begin(out);
    verdict(out, report);
    notices(out, report);
    if (report->lmc.present)
        lmc(out, report);
    if (report->merge_count)
        weld_html_merges(out, report);
    if (report->llfc.present)
        llfc(out, &report->llfc);
    if (report->match.present)
        match(out, &report->match);
    if (report->verification.present)
        verification(out, &report->verification);
    if (report->inspection.present)
        inspection(out, &report->inspection);
    if (report->shapes.present)
        shapes(out, &report->shapes);
    if (report->canonical.count)
        canonical(out, &report->canonical);
    if (report->diff.present)
        diff(out, &report->diff);
    models(out, report);
    environment(out, &report->environment);
    weld_html_end(out);
    return weld_buffer_check(out, err);
}
