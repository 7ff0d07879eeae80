/* The terminal summary of at most 24 lines (text_parts.c); inspections, shapes, differences and obstacles are
 * listed in full. */
#include "report/formats.h"
#include "report/formats/text.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *or_dash(const char *s)
{
    return s ? s : "-";
}

/* 272474 as "272 474". */
static void grouped(weld_buffer *out, int64_t n)
{
    if (n >= 1000) {
        grouped(out, n / 1000);
        weld_buffer_printf(out, " %03d", (int)(n % 1000));
    } else {
        weld_buffer_printf(out, "%d", (int)n);
    }
}

static void model_lines(weld_buffer *out, const weld_report *r)
{
    for (size_t i = 0; i < r->model_count; i++) {
        const weld_report_model *m = &r->models[i];
        weld_buffer_printf(out, "%-9s %s  %s", or_dash(m->role), m->path ? m->path : "(memory)",
                           m->producer ? m->producer : "");
        for (size_t k = 0; k < m->opset_count; k++)
            if (!m->opsets[k].domain || !m->opsets[k].domain[0])
                weld_buffer_printf(out, "  opset %lld", (long long)m->opsets[k].version);
        weld_buffer_printf(out, "  ");
        grouped(out, m->parameters);
        weld_buffer_printf(out, " params\n");
    }
}

/* The winner, beside what it was worth to leave everything as it is. */
static void candidate_line(weld_buffer *out, const weld_report_match *m)
{
    const weld_report_candidate *chosen = NULL;
    size_t failed = 0;
    for (size_t i = 0; i < m->candidate_count; i++) {
        failed += m->candidates[i].failure != NULL;
        if (m->candidates[i].chosen)
            chosen = &m->candidates[i];
    }
    if (!chosen)
        return;
    weld_buffer_printf(out, "chosen    %s of %zu candidates, by %s on the matching data: %.4g",
                       or_dash(chosen->name), m->candidate_count, or_dash(m->metric), chosen->loss);
    if (isfinite(m->candidates[0].loss) && !m->candidates[0].chosen)
        weld_buffer_printf(out, " (%s %.4g)", or_dash(m->candidates[0].name),
                           m->candidates[0].loss);
    if (failed)
        weld_buffer_printf(out, "; %zu failed", failed);
    weld_buffer_printf(out, "\n");
}

static void match_lines(weld_buffer *out, const weld_report_match *m)
{
    size_t free_count = 0;
    int64_t moved = 0, units = 0;
    for (size_t i = 0; i < m->classes.count; i++) {
        const weld_report_class *c = &m->classes.items[i];
        if (c->kind && strcmp(c->kind, "pinned") != 0) {
            free_count++;
            units += c->size;
            moved += c->moved > 0 ? c->moved : 0;
        }
    }
    weld_buffer_printf(out, "matched   %s: %zu classes free, %zu pinned (%.3g %% of units)\n",
                       or_dash(m->method), free_count, m->classes.count - free_count,
                       100 * m->pinned_fraction);
    candidate_line(out, m);
    const weld_report_polish *p = &m->polish;
    if (p->present)
        weld_buffer_printf(
            out, "polished  %lld of %lld swaps kept: loss %.4g → %.4g on %lld samples%s\n",
            (long long)p->kept, (long long)p->tried, p->loss[0], p->loss[1], (long long)p->samples,
            p->out_of_time ? "; time was out" : "");
    weld_buffer_printf(out, "aligned   %lld of %lld units moved", (long long)moved,
                       (long long)units);
    if (isfinite(m->objective[0]) && isfinite(m->objective[1]))
        weld_buffer_printf(out, ", objective %.4g → %.4g", m->objective[0], m->objective[1]);
    if (m->sweeps > 0)
        weld_buffer_printf(out, ", %lld sweeps", (long long)m->sweeps);
    weld_buffer_printf(out, "\n");
    if (m->distances.present)
        weld_buffer_printf(out,
                           "distances weights %.3g, features %.3g, commutativity %.3g (J %.3g)\n",
                           m->distances.weights, m->distances.features, m->distances.products,
                           m->distances.commutativity);
}

/* Says which samples chose the permutation and which ones judge it. */
static void data_line(weld_buffer *out, const weld_report *r)
{
    const weld_report_data *m = &r->match.data, *e = &r->data;
    if (!m->present && !e->present)
        return;
    weld_buffer_printf(out, "data     ");
    if (m->present)
        weld_buffer_printf(out, " %lld samples for matching%s%s", (long long)m->n,
                           m->labels ? "" : " (no labels)", e->present ? "," : "");
    if (e->present)
        weld_buffer_printf(out, " %lld%s for evaluation%s", (long long)e->n,
                           m->split_of  ? " others"
                           : m->present ? ""
                                        : " samples",
                           e->labels ? "" : " (no labels)");
    if (m->present && m->split_of)
        weld_buffer_printf(out, " (split of %lld, seed %llu)", (long long)m->split_of,
                           (unsigned long long)m->split_seed);
    weld_buffer_printf(out, "\n");
}

static void verification_line(weld_buffer *out, const weld_report *r)
{
    const weld_report_verification *v = &r->verification;
    weld_buffer_printf(out, "%s %s on %lld samples: max |Δ| %.2g (rel %.2g)",
                       v->pass ? "verified " : "REFUTED  ",
                       r->many.present ? "all compute what they did" : "B' = B", (long long)v->n,
                       v->max_abs, v->max_rel);
    if (isfinite(v->argmax_agree))
        weld_buffer_printf(out, ", argmax %.2f %%", 100 * v->argmax_agree);
    weld_buffer_printf(out, "\n");
}

static void percent_interval(weld_buffer *out, weld_interval ci95)
{
    if (isfinite(ci95.low))
        weld_buffer_printf(out, " (%.2f to %.2f)", 100 * ci95.low, 100 * ci95.high);
}

static void many_lines(weld_buffer *out, const weld_report_many *n)
{
    weld_buffer_printf(out, "common    frame of model %lld", (long long)n->start + 1);
    if (n->universe)
        weld_buffer_printf(out, ", all permutations at once");
    if (isfinite(n->objective[0]))
        weld_buffer_printf(out, ", %lld rounds to the mean, |mean|² %.5g → %.5g",
                           (long long)n->rounds, n->objective[0], n->objective[1]);
    if (n->metric)
        weld_buffer_printf(out, ", %s on the matching data %.4g → %.4g", n->metric,
                           n->matching_loss[0], n->matching_loss[1]);
    weld_buffer_printf(out, "\n");
    if (isfinite(n->cycle_distance))
        weld_buffer_printf(out,
                           "cycles    %.1f %% of the units don't come back where %lld models are "
                           "matched two by two\n",
                           100 * n->cycle_distance, (long long)n->cycle_models);
}

static void end_lines(weld_buffer *out, const weld_report_many *n)
{
    for (size_t i = 0; i < n->end_count && isfinite(n->ends[i].score.loss); i++)
        weld_buffer_printf(out, "model %-3zu loss %.4g, accuracy %.2f %%, weight %.3g\n", i + 1,
                           n->ends[i].score.loss, 100 * n->ends[i].score.accuracy,
                           n->ends[i].weight);
}

static void together_line(weld_buffer *out, const weld_report_many *n)
{
    double worst = INFINITY, barrier = 0;
    for (size_t i = 0; i < n->pair_count; i++) {
        worst = fmin(worst, n->pairs[i].score.accuracy);
        barrier = fmax(barrier, n->pairs[i].barrier);
    }
    if (!isfinite(n->score.loss))
        return;
    weld_buffer_printf(out, "together  loss %.4g, accuracy %.2f %%", n->score.loss,
                       100 * n->score.accuracy);
    percent_interval(out, n->score.accuracy_ci95);
    weld_buffer_printf(out, "; pairs: largest barrier %.4g, least accuracy %.2f %%\n", barrier,
                       100 * worst);
}

static void base_line(weld_buffer *out, const weld_report_base *b)
{
    weld_buffer_printf(out, "base      %s", or_dash(b->path));
    weld_buffer_printf(out, ": |A − base| %.4g, |B' − base| %.4g\n", b->distance_a, b->distance_b);
}

static void merge_line(weld_buffer *out, const weld_report_merge *m)
{
    weld_buffer_printf(out, "%s α=%-5.3g %s, %s", m->written ? "merged   " : "         ", m->alpha,
                       or_dash(m->method), or_dash(m->statistic));
    if (isfinite(m->loss))
        weld_buffer_printf(out, ": loss %.4g", m->loss);
    if (isfinite(m->loss) && isfinite(m->accuracy))
        weld_buffer_printf(out, ", accuracy %.2f %%", 100 * m->accuracy);
    if (m->bounded)
        percent_interval(out, m->accuracy_ci95);
    if (isfinite(m->one_minus_cos))
        weld_buffer_printf(out, "%s cos %.3f", isfinite(m->loss) ? "," : ":", 1 - m->one_minus_cos);
    if (m->try_count)
        weld_buffer_printf(out, " (best of %zu by %s on the matching data)", m->try_count,
                           or_dash(m->metric));
    if (m->sampled)
        weld_buffer_printf(out, "; %lld layers fitted on a part of the positions",
                           (long long)m->sampled);
    if (m->too_wide)
        weld_buffer_printf(out, "; %lld layers too wide to fit", (long long)m->too_wide);
    weld_buffer_printf(out, "\n");
}

/* Place in the summary: what is written as it comes, then by loss, what was not measured last. */
static bool comes_before(const weld_report_merge *x, const weld_report_merge *y)
{
    if (x->written != y->written || x->written)
        return x->written && (!y->written || x < y);
    const double of_x = isfinite(x->loss) ? x->loss : INFINITY;
    const double of_y = isfinite(y->loss) ? y->loss : INFINITY;
    return of_x < of_y || (of_x == of_y && x < y);
}

/* The one after `last` in the summary, NULL = the first; NULL at the end. */
static const weld_report_merge *next_merge(const weld_report *r, const weld_report_merge *last)
{
    const weld_report_merge *next = NULL;
    for (size_t i = 0; i < r->merge_count; i++) {
        const weld_report_merge *m = &r->merges[i];
        if ((!last || comes_before(last, m)) && (!next || comes_before(m, next)))
            next = m;
    }
    return next;
}

static void merge_lines(weld_buffer *out, const weld_report *r)
{
    if (r->search.present)
        weld_buffer_printf(out, "searched  α = %.3g of %zu, by %s on %lld samples%s\n",
                           r->search.best, r->search.count, or_dash(r->search.metric),
                           (long long)r->search.data.n,
                           r->search.data.labels ? "" : " (no labels)");
    for (const weld_report_merge *m = next_merge(r, NULL); m; m = next_merge(r, m)) {
        merge_line(out, m);
        if (m->base.sha256 && m == r->merges)
            base_line(out, &m->base);
    }
}

/* How many passed, and what failed; all of them where they are all that the report is about. */
static void gate_lines(weld_buffer *out, const weld_report *r)
{
    const bool all = !r->match.present;
    size_t passed = 0;
    for (size_t k = 0; k < r->gate_count; k++)
        passed += r->gates[k].pass;
    if (r->gate_count)
        weld_buffer_printf(out, "gates     %zu of %zu passed\n", passed, r->gate_count);
    for (size_t k = 0; k < r->gate_count; k++) {
        char text[256];
        if (r->gates[k].pass && !all)
            continue;
        weld_report_gate_text(text, sizeof text, &r->gates[k]);
        weld_buffer_printf(out, "%-9s %s\n",
                           r->gates[k].pass                       ? "gate"
                           : r->gates[k].level == WELD_GATE_ERROR ? "FAILED"
                                                                  : "warning",
                           text);
    }
}

static void warning_lines(weld_buffer *out, const weld_report *r)
{
    for (size_t i = 0; i < r->warning_count; i++)
        weld_buffer_printf(out, "warning   %s\n", or_dash(r->warnings[i].msg));
}

static void output_lines(weld_buffer *out, const weld_report *r)
{
    for (size_t i = 0; i < r->output_count; i++)
        weld_buffer_printf(out, "wrote     %s  α=%.3g\n",
                           r->outputs[i].path ? r->outputs[i].path : "(memory)",
                           r->outputs[i].alpha);
}

static void verdict_line(weld_buffer *out, const weld_report *r)
{
    const char *word = weld_report_verdict_word(r);
    if (r->environment.seconds >= 0)
        weld_buffer_printf(out, "%s  %.1f s\n", word, r->environment.seconds);
    else
        weld_buffer_printf(out, "%s\n", word);
}

static void values(weld_buffer *out, const char *title, const weld_report_values *list)
{
    for (size_t i = 0; i < list->count; i++)
        weld_buffer_printf(out, "%-9s %s  %s %s\n", title, or_dash(list->items[i].name),
                           or_dash(list->items[i].dtype), or_dash(list->items[i].dims));
}

static void inspection(weld_buffer *out, const weld_report *r)
{
    const weld_report_inspection *n = &r->inspection;
    values(out, "input", &n->inputs);
    values(out, "output", &n->outputs);
    weld_buffer_printf(out, "\nlayers (%zu)\n", n->layer_count);
    for (size_t i = 0; i < n->layer_count; i++)
        weld_buffer_printf(out, "  %3zu  %-20s %-24s %s\n", i + 1, or_dash(n->layers[i].op),
                           or_dash(n->layers[i].shape), or_dash(n->layers[i].name));
    weld_buffer_printf(out, "\nclasses of units (%zu), %.1f %% of the units can't move\n",
                       n->classes.count, 100 * n->pinned_fraction);
    for (size_t i = 0; i < n->classes.count; i++) {
        const weld_report_class *c = &n->classes.items[i];
        weld_buffer_printf(out, "  %3zu  %-7s %6lld units  %s", i + 1, or_dash(c->kind),
                           (long long)c->size, or_dash(c->name));
        if (c->reason)
            weld_buffer_printf(out, ": %s", c->reason);
        weld_buffer_printf(out, "\n");
        for (size_t k = 0; k < c->member_count; k++)
            weld_buffer_printf(out, "         %s\n", or_dash(c->members[k]));
    }
    if (n->notes.count)
        weld_buffer_printf(out, "\ncanonicalised (%zu)\n", n->notes.count);
    for (size_t i = 0; i < n->notes.count; i++)
        weld_buffer_printf(out, "  %s\n", or_dash(n->notes.items[i]));
}

static void shapes(weld_buffer *out, const weld_report_shapes *s)
{
    for (size_t i = 0; i < s->notes.count; i++)
        weld_buffer_printf(out, "%s\n", or_dash(s->notes.items[i]));
    weld_buffer_printf(out, "\nvalues (%zu)\n", s->values.count);
    for (size_t i = 0; i < s->values.count; i++) {
        const weld_report_value *v = &s->values.items[i];
        weld_buffer_printf(out, "  %-18s %-8s %-24s %s\n", or_dash(v->op), or_dash(v->dtype),
                           or_dash(v->dims), or_dash(v->name));
    }
}

static void obstacles(weld_buffer *out, const weld_report *r)
{
    if (!r->obstacles.count) {
        weld_buffer_printf(out, "the models can be welded: no obstacles\n");
        return;
    }
    weld_buffer_printf(out, "the models can't be welded (%zu obstacle%s)\n", r->obstacles.count,
                       r->obstacles.count == 1 ? "" : "s");
    for (size_t i = 0; i < r->obstacles.count; i++)
        weld_buffer_printf(out, "%3zu. %s\n", i + 1, or_dash(r->obstacles.items[i]));
}

static void diff(weld_buffer *out, const weld_report_diff *d)
{
    for (size_t i = 0; i < d->structure.count; i++)
        weld_buffer_printf(out, "%3zu. %s\n", i + 1, or_dash(d->structure.items[i]));
    weld_buffer_printf(out, "%zu parameters are equal, %zu differ\n", d->equal, d->weight_count);
    for (size_t i = 0; i < d->weight_count; i++) {
        const weld_report_weight *w = &d->weights[i];
        weld_buffer_printf(out, "  max |Δ| %-10.3g relative %-10.3g %-18s %s%s%s\n", w->max_abs,
                           w->relative, or_dash(w->shape), or_dash(w->a),
                           w->a && w->b && strcmp(w->a, w->b) != 0 ? " / " : "",
                           w->a && w->b && strcmp(w->a, w->b) != 0 ? w->b : "");
    }
}

/* What is listed in full. */
static void long_lines(weld_buffer *out, const weld_report *r)
{
    model_lines(out, r);
    if (r->inspection.present)
        inspection(out, r);
    if (r->shapes.present)
        shapes(out, &r->shapes);
    if (r->diff.present)
        diff(out, &r->diff);
    if (r->checked || r->obstacles.count)
        obstacles(out, r);
    if (r->verification.present)
        verification_line(out, r);
    warning_lines(out, r);
}

static void figures(weld_buffer *out, const weld_report *r)
{
    data_line(out, r);
    if (r->match.present)
        match_lines(out, &r->match);
    if (r->verification.present)
        verification_line(out, r);
    weld_text_measures(out, r);
    if (r->many.present)
        many_lines(out, &r->many);
}

/* Lists are shortened together where all of it would be too long. */
static void run_lines(weld_text_parts *t, const weld_report *r)
{
    weld_buffer *out = &t->text;
    model_lines(out, r);
    weld_text_end_part(t, "models");
    figures(out, r);
    weld_text_end_part(t, NULL);
    end_lines(out, &r->many);
    weld_text_end_part(t, "models");
    if (r->many.present)
        together_line(out, &r->many);
    weld_text_end_part(t, NULL);
    merge_lines(out, r);
    weld_text_end_part(t, "merges");
    gate_lines(out, r);
    weld_text_end_part(t, "gates");
    if (r->plan.present)
        weld_text_plan(t, &r->plan);
    warning_lines(out, r);
    weld_text_end_part(t, "warnings");
    output_lines(out, r);
    weld_text_end_part(t, "outputs");
    if (!r->plan.present)
        verdict_line(out, r);
    weld_text_end_part(t, NULL);
}

weld_status weld_report_render_text(weld_buffer *out, const weld_report *report, weld_error *err)
{
    weld_text_parts parts;
    if (report->inspection.present || report->shapes.present || report->checked ||
        report->diff.present) {
        long_lines(out, report);
        return weld_buffer_check(out, err);
    }
    weld_text_begin(&parts, report->ctx);
    run_lines(&parts, report);
    return weld_text_fit(out, &parts, err);
}
