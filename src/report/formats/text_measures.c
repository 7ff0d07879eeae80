/* What the terminal summary says of the path, the features and the conditions. */
#include "report/formats/text.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

static void number(weld_buffer *out, int width, double x)
{
    if (isfinite(x))
        weld_buffer_printf(out, "%-*.4g", width, x);
    else
        weld_buffer_printf(out, "%-*s", width, "-");
}

static void percent(weld_buffer *out, double fraction)
{
    if (isfinite(fraction))
        weld_buffer_printf(out, "%6.2f %%", 100 * fraction);
    else
        weld_buffer_printf(out, "%8s", "-");
}

/* One row of the table; i = index of alpha. */
static void point(weld_buffer *out, const char *label, const weld_report_curve *c, size_t i)
{
    weld_buffer_printf(out, "%s ", label);
    number(out, 9, c->loss.y ? c->loss.y[i] : NAN);
    percent(out, c->accuracy.y ? c->accuracy.y[i] : NAN);
}

static void barrier(weld_buffer *out, const char *label, const weld_report_lmc *l, int variant)
{
    weld_buffer_printf(out, "     %-9s", label);
    number(out, 10, l->loss.chord.value[variant]);
    percent(out, l->error.chord.value[variant]);
    weld_buffer_printf(out, "\n");
}

static void lmc_lines(weld_buffer *out, const weld_report_lmc *l)
{
    const weld_report_curve *naive = &l->curve[WELD_REPORT_NAIVE];
    const weld_report_curve *aligned = &l->curve[WELD_REPORT_ALIGNED];
    if (!l->alpha_count)
        return;
    const size_t middle = weld_report_middle(l->alpha, l->alpha_count);
    const char *loss = l->metric && strcmp(l->metric, "ce") != 0 ? "mse" : "loss";
    weld_buffer_printf(out, "%-17s%-9s%8s     %-9s%-10s%8s\n", "", loss, "accuracy", "barrier",
                       loss, "error");
    point(out, "A               ", aligned, l->alpha_count - 1);
    barrier(out, "naive", l, WELD_REPORT_NAIVE);
    point(out, "B               ", aligned, 0);
    barrier(out, "aligned", l, WELD_REPORT_ALIGNED);
    char label[40];
    snprintf(label, sizeof label, "naive   α=%-6.3g", l->alpha[middle]);
    point(out, label, naive, middle);
    snprintf(label, sizeof label, "aligned α=%-6.3g", l->alpha[middle]);
    weld_buffer_printf(out, "\n");
    point(out, label, aligned, middle);
    weld_buffer_printf(out, "\n");
    char sentence[256];
    weld_report_connection(sentence, sizeof sentence, l);
    if (sentence[0])
        weld_buffer_printf(out, "LMC       %s\n", sentence);
    if (l->lemma.present)
        weld_buffer_printf(
            out,
            "lemma     the error is at most %.2f %% on the path (naive %.2f %%), twice "
            "the worse end %.2f %%\n",
            100 * l->lemma.worst[1], 100 * l->lemma.worst[0], 100 * l->lemma.twice);
}

/* Means over the layers and activations. */
static void condition_line(weld_buffer *out, const weld_report_conditions *c)
{
    double sum[2][WELD_REPORT_VARIANTS] = {{0}};
    int count[2][WELD_REPORT_VARIANTS] = {{0}};
    for (size_t i = 0; i < c->count; i++)
        for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
            const bool linear = c->items[i].linear;
            const double x = linear ? c->items[i].dist_com[v] : c->items[i].additivity[v];
            sum[linear][v] += isfinite(x) ? x : 0;
            count[linear][v] += isfinite(x);
        }
    if (count[1][1] && count[1][0])
        weld_buffer_printf(out, "commutes  Dist_com mean %.3g (naive %.3g)",
                           sum[1][1] / count[1][1], sum[1][0] / count[1][0]);
    if (count[1][1] && count[1][0] && count[0][1] && count[0][0])
        weld_buffer_printf(out, "; additivity defect mean %.3g (naive %.3g)",
                           sum[0][1] / count[0][1], sum[0][0] / count[0][0]);
    if (count[1][1] && count[1][0])
        weld_buffer_printf(out, "\n");
}

static void llfc_line(weld_buffer *out, const weld_report_llfc *l)
{
    const size_t middle = weld_report_middle(l->alpha, l->alpha_count);
    size_t worst = 0;
    double sum[WELD_REPORT_VARIANTS] = {0, 0};
    if (!l->layer_count || !l->alpha_count)
        return;
    for (size_t i = 0; i < l->layer_count; i++) {
        for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
            sum[v] += l->layers[i].variant[v].one_minus_cos[middle].mean;
        if (l->layers[i].variant[WELD_REPORT_ALIGNED].one_minus_cos[middle].mean >
            l->layers[worst].variant[WELD_REPORT_ALIGNED].one_minus_cos[middle].mean)
            worst = i;
    }
    const weld_report_row *w = &l->layers[worst];
    weld_buffer_printf(out,
                       "LLFC      cos at α=%.3g over %zu layers: mean %.3f (naive %.3f), "
                       "worst %.3f %s",
                       l->alpha[middle], l->layer_count, 1 - sum[1] / (double)l->layer_count,
                       1 - sum[0] / (double)l->layer_count,
                       1 - w->variant[WELD_REPORT_ALIGNED].one_minus_cos[middle].mean,
                       w->name ? w->name : "-");
    const weld_bounds *bounds = w->variant[WELD_REPORT_ALIGNED].bounds;
    if (bounds && isfinite(bounds[middle].upper95))
        weld_buffer_printf(out, " (at least %.3f)", 1 - bounds[middle].upper95);
    weld_buffer_printf(out, "\n");
}

void weld_text_measures(weld_buffer *out, const weld_report *r)
{
    if (r->lmc.present)
        lmc_lines(out, &r->lmc);
    if (r->llfc.present)
        llfc_line(out, &r->llfc);
    condition_line(out, &r->conditions);
}
