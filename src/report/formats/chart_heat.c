/* 1 - cosine of every layer at every alpha: naive on the left, aligned on the right, in the order of the
 * network. One hue from light to dark, and the figure in every cell. */
#include "report/formats/chart.h"
#include "report/formats/chart_svg.h"
#include <math.h>
#include <stdio.h>

enum {
    CELLS_MAX = 2400, /* of both variants together */
    LEFT = 2700,
    TOP = 760,
    CELL = 620,
    ROW = 260,
    GAP = 200,
    ALPHAS_MAX = 20
};

static double largest(const weld_report_llfc *l, size_t layers, size_t alphas)
{
    double high = 0;
    for (size_t i = 0; i < layers; i++)
        for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
            for (size_t k = 0; k < alphas; k++)
                high = fmax(high, l->layers[i].variant[v].one_minus_cos[k].mean);
    return high;
}

static void cell(weld_buffer *out, int x, int y, double value, double high)
{
    static const int light[3] = {247, 251, 255}, dark[3] = {8, 48, 107};
    char text[24];
    if (!isfinite(value)) {
        weld_svg_text(out, x + CELL / 2, y + 170, "middle", "–");
        return;
    }
    const double share = high > 0 ? sqrt(fmax(value, 0) / high) : 0;
    int c[3];
    for (int k = 0; k < 3; k++)
        c[k] = light[k] + (int)lround(share * (dark[k] - light[k]));
    snprintf(text, sizeof text, "%.3g", value);
    weld_buffer_printf(out,
                       "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
                       "fill=\"#%02x%02x%02x\"/>\n<text x=\"%d\" y=\"%d\" text-anchor=\"middle\" "
                       "fill=\"%s\">%s</text>\n",
                       x, y, CELL - 10, ROW - 10, c[0], c[1], c[2], x + CELL / 2, y + 170,
                       share > 0.65 ? "#ffffff" : "#000000", text);
}

/* Where the columns of a variant begin. */
static int block(int variant, size_t alphas)
{
    return LEFT + variant * ((int)alphas * CELL + GAP);
}

static void column_titles(weld_buffer *out, const weld_report_llfc *l, size_t alphas)
{
    static const char *const names[WELD_REPORT_VARIANTS] = {"naive", "aligned"};
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        weld_svg_text(out, block(v, alphas), 480, "start", names[v]);
        for (size_t k = 0; k < alphas; k++) {
            char text[24];
            snprintf(text, sizeof text, "α = %.3g", l->alpha[k]);
            weld_svg_text(out, block(v, alphas) + (int)k * CELL + CELL / 2, TOP - 80, "middle",
                          text);
        }
    }
}

void weld_chart_heat(weld_buffer *out, const weld_report_llfc *l)
{
    const size_t alphas = l->alpha_count < ALPHAS_MAX ? l->alpha_count : ALPHAS_MAX;
    const size_t most = alphas ? CELLS_MAX / (WELD_REPORT_VARIANTS * alphas) : 0;
    const size_t layers = l->layer_count < most ? l->layer_count : most;
    static const char title[] = "1 − cosine by layer and α, in the order of the network";
    const double high = largest(l, layers, alphas);
    if (!layers)
        return;
    weld_svg_open(out, block(WELD_REPORT_VARIANTS, alphas), TOP + (int)layers * ROW + 100, title);
    weld_svg_heading(out, 140, title);
    column_titles(out, l, alphas);
    for (size_t i = 0; i < layers; i++) {
        const int y = TOP + (int)i * ROW;
        weld_svg_text(out, LEFT - 80, y + 170, "end", l->layers[i].name ? l->layers[i].name : "");
        for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
            for (size_t k = 0; k < alphas; k++)
                cell(out, block(v, alphas) + (int)k * CELL, y,
                     l->layers[i].variant[v].one_minus_cos[k].mean, high);
    }
    weld_svg_close(out);
}
