/* Charts as inline SVG, presentation attributes only: they need no style sheet. Each has a white
 * ground of its own, so that it can be read on a dark page. Coordinates are tenths of a pixel. */
#include "report/formats/chart.h"
#include "report/formats/chart_svg.h"
#include "report/formats/order.h"
#include <math.h>
#include <stdio.h>

enum {
    PATH_WIDTH = 5200,
    PATH_HEIGHT = 3200,
    LEFT = 640,
    RIGHT = 5040,
    TOP = 640,
    BOTTOM = 2600,
    LAYERS_MAX = 200,
    BAR_LEFT = 2700,
    BAR_RIGHT = 8600,
    BAR_WIDTH = 9000,
    BAR_TOP = 760,
    BAR_ROW = 300
};

/* Okabe and Ito's colours; the lines also differ by dash and marker. */
static const char *const colours[WELD_REPORT_VARIANTS] = {"#D55E00", "#0072B2"};
static const char *const dashes[WELD_REPORT_VARIANTS] = {"70 40", "none"};
static const char *const labels[WELD_REPORT_VARIANTS] = {"naive", "aligned"};

typedef struct scale {
    double low, high, step;
    int from, to; /* coordinates of low and high */
} scale;

static int place(const scale *s, double x)
{
    double share = (x - s->low) / (s->high - s->low);
    share = share < 0 ? 0 : share > 1 ? 1 : share;
    return s->from + (int)lround(share * (s->to - s->from));
}

/* Widened to whole steps of 1, 2 or 5 times a power of ten. */
static scale nice_scale(double low, double high, int from, int to)
{
    if (!isfinite(low) || !isfinite(high) || high - low < 1e-12) {
        low = isfinite(low) ? low : 0;
        high = low + 1;
    }
    double raw = (high - low) / 6, power = pow(10, floor(log10(raw)));
    double step = raw / power <= 1 ? power : raw / power <= 2 ? 2 * power : 5 * power;
    if (raw / power > 5)
        step = 10 * power;
    return (scale){floor(low / step + 1e-9) * step, ceil(high / step - 1e-9) * step, step, from,
                   to};
}

static void tick_text(char *text, size_t size, double x, bool percent)
{
    if (percent)
        snprintf(text, size, "%.4g %%", 100 * x);
    else
        snprintf(text, size, "%.4g", fabs(x) < 1e-12 ? 0 : x);
}

static void path_axes(weld_buffer *out, const scale *x, const scale *y, bool percent)
{
    char text[40];
    int ticks = (int)lround((y->high - y->low) / y->step);
    for (int i = 0; i <= ticks; i++) {
        double value = y->low + i * y->step;
        int at = place(y, value);
        weld_svg_line(out, (int[]){LEFT, at, RIGHT, at}, "#dddddd", 8, "none");
        tick_text(text, sizeof text, value, percent);
        weld_svg_text(out, LEFT - 60, at + 40, "end", text);
    }
    for (int i = 0; i <= 4; i++) {
        int at = place(x, i / 4.0);
        weld_svg_line(out, (int[]){at, BOTTOM, at, BOTTOM + 50}, "#222222", 10, "none");
        tick_text(text, sizeof text, i / 4.0, false);
        weld_svg_text(out, at, BOTTOM + 190, "middle", text);
    }
    weld_svg_line(out, (int[]){LEFT, BOTTOM, RIGHT, BOTTOM}, "#222222", 10, "none");
    weld_svg_line(out, (int[]){LEFT, TOP, LEFT, BOTTOM}, "#222222", 10, "none");
    weld_svg_text(out, (LEFT + RIGHT) / 2, BOTTOM + 390, "middle", "α, the weight of A");
    weld_svg_text(out, LEFT, BOTTOM + 390, "middle", "B");
    weld_svg_text(out, RIGHT, BOTTOM + 390, "middle", "A");
}

static void marker(weld_buffer *out, int variant, int x, int y)
{
    if (variant == WELD_REPORT_NAIVE)
        weld_buffer_printf(out, "<rect x=\"%d\" y=\"%d\" width=\"70\" height=\"70\"/>\n", x - 35,
                           y - 35);
    else
        weld_buffer_printf(out, "<circle cx=\"%d\" cy=\"%d\" r=\"40\"/>\n", x, y);
}

/* Between the limits of the intervals, over runs of points where they are known. */
static void path_band(weld_buffer *out, int variant, const weld_report_lmc *lmc,
                      const weld_interval *ci95, const scale xy[2])
{
    for (size_t i = 0, end; ci95 && i < lmc->alpha_count; i = end + 1) {
        for (end = i; end < lmc->alpha_count && isfinite(ci95[end].low); end++)
            ;
        if (end < i + 2)
            continue;
        weld_buffer_printf(out, "<path fill=\"%s\" fill-opacity=\"0.2\" stroke=\"none\" d=\"",
                           colours[variant]);
        for (size_t k = i; k < end; k++)
            weld_buffer_printf(out, "%c%d %d", k > i ? 'L' : 'M', place(&xy[0], lmc->alpha[k]),
                               place(&xy[1], ci95[k].high));
        for (size_t k = end; k > i; k--)
            weld_buffer_printf(out, "L%d %d", place(&xy[0], lmc->alpha[k - 1]),
                               place(&xy[1], ci95[k - 1].low));
        weld_buffer_printf(out, "Z\"/>\n");
    }
}

/* `values` has holes where it is not finite. */
static void path_curve(weld_buffer *out, int variant, const weld_report_lmc *lmc,
                       const double *values, const scale xy[2])
{
    bool open = false;
    weld_buffer_printf(out,
                       "<path fill=\"none\" stroke=\"%s\" stroke-width=\"24\" "
                       "stroke-dasharray=\"%s\" d=\"",
                       colours[variant], dashes[variant]);
    for (size_t i = 0; i < lmc->alpha_count; i++) {
        if (isfinite(values[i]))
            weld_buffer_printf(out, "%c%d %d", open ? 'L' : 'M', place(&xy[0], lmc->alpha[i]),
                               place(&xy[1], values[i]));
        open = isfinite(values[i]);
    }
    weld_buffer_printf(out, "\"/>\n<g fill=\"%s\">\n", colours[variant]);
    for (size_t i = 0; i < lmc->alpha_count; i++)
        if (isfinite(values[i]))
            marker(out, variant, place(&xy[0], lmc->alpha[i]), place(&xy[1], values[i]));
    weld_buffer_printf(out, "</g>\n");
}

static void legend(weld_buffer *out, int x, int y, bool with_chord)
{
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        weld_svg_line(out, (int[]){x, y, x + 340, y}, colours[v], 24, dashes[v]);
        weld_buffer_printf(out, "<g fill=\"%s\">", colours[v]);
        marker(out, v, x + 170, y);
        weld_buffer_printf(out, "</g>\n");
        weld_svg_text(out, x + 400, y + 40, "start", labels[v]);
        x += 1040;
    }
    if (!with_chord)
        return;
    weld_svg_line(out, (int[]){x, y, x + 340, y}, "#666666", 14, "20 30");
    weld_svg_text(out, x + 400, y + 40, "start", "chord between B and A");
}

static void widen(double *low, double *high, const double *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!isfinite(values[i]))
            continue;
        *low = fmin(*low, values[i]);
        *high = fmax(*high, values[i]);
    }
}

static void chord(weld_buffer *out, const weld_report_lmc *lmc, const double *values,
                  const scale xy[2])
{
    const size_t last = lmc->alpha_count - 1;
    if (isfinite(values[0]) && isfinite(values[last]))
        weld_svg_line(out,
                      (int[]){place(&xy[0], lmc->alpha[0]), place(&xy[1], values[0]),
                              place(&xy[0], lmc->alpha[last]), place(&xy[1], values[last])},
                      "#666666", 14, "20 30");
}

/* A ring around each of the two models, where the path has them. */
static void ends(weld_buffer *out, const weld_report_lmc *lmc, const double *values,
                 const scale xy[2])
{
    for (size_t i = 0; i < lmc->alpha_count; i++) {
        const double alpha = lmc->alpha[i];
        if ((alpha != 0 && alpha != 1) || !isfinite(values[i]))
            continue;
        weld_buffer_printf(out,
                           "<circle cx=\"%d\" cy=\"%d\" r=\"80\" fill=\"none\" stroke=\"#222222\" "
                           "stroke-width=\"20\"><title>%s: %.4g</title></circle>\n",
                           place(&xy[0], alpha), place(&xy[1], values[i]), alpha != 0 ? "A" : "B",
                           values[i]);
    }
}

static void say_value(weld_buffer *out, const char *before, double x)
{
    if (isfinite(x))
        weld_buffer_printf(out, "%s%.4g", before, x);
    else
        weld_buffer_printf(out, "%s–", before);
}

/* What the picture says, in words. */
static void describe_path(weld_buffer *out, const weld_report_lmc *lmc,
                          const double *const values[WELD_REPORT_VARIANTS], bool accuracy)
{
    weld_buffer_printf(out, "<desc>");
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        const double *y = values[v];
        size_t worst = 0;
        for (size_t i = 0; i < lmc->alpha_count; i++)
            if (!isfinite(y[worst]) || (accuracy ? y[i] < y[worst] : y[i] > y[worst]))
                worst = i;
        weld_buffer_printf(out, "%s: ", labels[v]);
        say_value(out, "first ", y[0]);
        say_value(out, ", last ", y[lmc->alpha_count - 1]);
        say_value(out, accuracy ? ", least " : ", most ", y[worst]);
        weld_buffer_printf(out, " at α = %.3g. ", lmc->alpha[worst]);
    }
    weld_buffer_printf(out, "</desc>\n");
}

void weld_chart_path(weld_buffer *out, const weld_report_lmc *lmc, bool accuracy)
{
    const double *values[WELD_REPORT_VARIANTS];
    const weld_interval *ci95[WELD_REPORT_VARIANTS];
    double low = INFINITY, high = -INFINITY;
    const char *title = accuracy ? "Accuracy along the path" : "Loss along the path";
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        const weld_report_series series = accuracy ? lmc->curve[v].accuracy : lmc->curve[v].loss;
        values[v] = series.y;
        if (!values[v] || !lmc->alpha_count)
            return;
        widen(&low, &high, values[v], lmc->alpha_count);
        ci95[v] = series.ci95;
        for (size_t i = 0; ci95[v] && i < lmc->alpha_count; i++) {
            widen(&low, &high, &ci95[v][i].low, 1);
            widen(&low, &high, &ci95[v][i].high, 1);
        }
    }
    if (low >= 0 && low < 0.5 * high)
        low = 0;
    scale xy[2] = {{0, 1, 0.25, LEFT, RIGHT}, nice_scale(low, high, BOTTOM, TOP)};
    weld_svg_open(out, PATH_WIDTH, PATH_HEIGHT, title);
    describe_path(out, lmc, values, accuracy);
    weld_svg_heading(out, LEFT - 500, title);
    legend(out, LEFT, 430, true);
    path_axes(out, &xy[0], &xy[1], accuracy);
    chord(out, lmc, values[WELD_REPORT_ALIGNED], xy);
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
        path_band(out, v, lmc, ci95[v], xy);
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
        path_curve(out, v, lmc, values[v], xy);
    ends(out, lmc, values[WELD_REPORT_ALIGNED], xy);
    weld_svg_close(out);
}

static void layer_axis(weld_buffer *out, const scale *x, int bottom)
{
    char text[40];
    int ticks = (int)lround((x->high - x->low) / x->step);
    for (int i = 0; i <= ticks; i++) {
        double value = x->low + i * x->step;
        int at = place(x, value);
        weld_svg_line(out, (int[]){at, BAR_TOP - 40, at, bottom}, "#dddddd", 8, "none");
        tick_text(text, sizeof text, value, false);
        weld_svg_text(out, at, bottom + 160, "middle", text);
    }
    weld_svg_line(out, (int[]){BAR_LEFT, BAR_TOP - 40, BAR_LEFT, bottom}, "#222222", 10, "none");
    weld_svg_text(out, (BAR_LEFT + BAR_RIGHT) / 2, bottom + 350, "middle", "1 − cosine");
}

static void layer_bars(weld_buffer *out, const weld_report_row *row, const scale *x, size_t at,
                       int y)
{
    weld_svg_text(out, BAR_LEFT - 80, y + 160, "end", row->name ? row->name : "");
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        double mean = row->variant[v].one_minus_cos[at].mean;
        double baseline = row->variant[v].one_minus_cos_ab.mean;
        int top = y + 20 + v * 110;
        if (isfinite(mean)) {
            int end = place(x, mean);
            weld_buffer_printf(out,
                               "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"100\" fill=\"%s\">"
                               "<title>%s %.4g</title></rect>\n",
                               BAR_LEFT, top, end - BAR_LEFT, colours[v], labels[v], mean);
        }
        if (isfinite(baseline)) {
            int mark = place(x, baseline);
            weld_svg_line(out, (int[]){mark, top - 5, mark, top + 105}, "#222222", 26, "none");
        }
    }
}

static void layer_legend(weld_buffer *out)
{
    int x = BAR_LEFT - 1900;
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        weld_buffer_printf(out,
                           "<rect x=\"%d\" y=\"430\" width=\"220\" height=\"100\" fill=\"%s\"/>\n",
                           x, colours[v]);
        weld_svg_text(out, x + 280, 520, "start", labels[v]);
        x += 1000;
    }
    weld_svg_line(out, (int[]){x + 110, 425, x + 110, 535}, "#222222", 26, "none");
    weld_svg_text(out, x + 280, 520, "start", "between A and B (baseline)");
}

/* What stands above the bars of a block. */
static void block_heading(weld_buffer *out, const weld_report_llfc *l, weld_block block, int y)
{
    char text[160] = "other layers"; /* more than is shown of a name */
    if (block.length)
        snprintf(text, sizeof text, "%.*s", (int)block.length, l->layers[block.first].name);
    weld_svg_line(out, (int[]){100, y + 30, BAR_RIGHT, y + 30}, "#999999", 8, "none");
    weld_svg_strong(out, 100, y + 200, text);
}

/* Rows of bars, by blocks; returns where the next row would be. With out NULL only that. */
static int layer_rows(weld_buffer *out, const weld_report_llfc *l, const size_t *order,
                      const weld_block *block, size_t count, const scale *x, size_t at)
{
    int y = BAR_TOP;
    for (size_t i = 0; i < count; i++) {
        const bool headed = block[0].length && (i == 0 || block[i].first != block[i - 1].first);
        if (headed && out)
            block_heading(out, l, block[i], y);
        y += headed ? BAR_ROW : 0;
        if (out)
            layer_bars(out, &l->layers[order[i]], x, at, y);
        y += BAR_ROW;
    }
    return y;
}

void weld_chart_layers(weld_buffer *out, const weld_report_llfc *llfc, size_t at)
{
    char title[120];
    double high = 0;
    size_t order[LAYERS_MAX];
    weld_block block[LAYERS_MAX];
    if (at >= llfc->alpha_count)
        return;
    const size_t count = weld_order_worst_first(order, LAYERS_MAX, llfc, at);
    if (!count)
        return;
    weld_order_by_block(order, block, count, llfc);
    for (size_t i = 0; i < count; i++)
        for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
            const weld_report_figures *f = &llfc->layers[order[i]].variant[v];
            double low = 0;
            widen(&low, &high, &f->one_minus_cos[at].mean, 1);
            widen(&low, &high, &f->one_minus_cos_ab.mean, 1);
        }
    scale x = nice_scale(0, high, BAR_LEFT, BAR_RIGHT);
    const int bottom = layer_rows(NULL, llfc, order, block, count, &x, at);
    snprintf(title, sizeof title, "1 − cosine per layer at α = %.3g, the worst first%s",
             llfc->alpha[at], block[0].length ? " within each block" : "");
    weld_svg_open(out, BAR_WIDTH, bottom + 460, title);
    weld_svg_heading(out, 140, title);
    layer_legend(out);
    layer_axis(out, &x, bottom);
    layer_rows(out, llfc, order, block, count, &x, at);
    weld_svg_close(out);
}
