/* Charts as inline SVG, presentation attributes only: they need no style sheet. Each has a white
 * ground of its own, so that it can be read on a dark page. Coordinates are tenths of a pixel. */
#include "report/formats/chart.h"
#include "report/formats/escape.h"
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

static void svg_text(weld_buffer *out, int x, int y, const char *anchor, const char *text)
{
    weld_buffer_printf(out, "<text x=\"%d\" y=\"%d\" text-anchor=\"%s\">", x, y, anchor);
    weld_escape(out, text, 34);
    weld_buffer_printf(out, "</text>\n");
}

static void svg_line(weld_buffer *out, const int xy[4], const char *stroke, int width,
                     const char *dash)
{
    weld_buffer_printf(out,
                       "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"%s\" "
                       "stroke-width=\"%d\" stroke-dasharray=\"%s\"/>\n",
                       xy[0], xy[1], xy[2], xy[3], stroke, width, dash);
}

/* viewBox in tenths of a pixel, ground, fonts. */
static void svg_open(weld_buffer *out, int width, int height, const char *title)
{
    weld_buffer_printf(out,
                       "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"%d\" "
                       "height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" "
                       "font-size=\"120\" fill=\"#222222\">\n<title>",
                       width / 10, height / 10, width, height);
    weld_escape(out, title, SIZE_MAX);
    weld_buffer_printf(out, "</title>\n<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n",
                       width, height);
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
        svg_line(out, (int[]){LEFT, at, RIGHT, at}, "#dddddd", 8, "none");
        tick_text(text, sizeof text, value, percent);
        svg_text(out, LEFT - 60, at + 40, "end", text);
    }
    for (int i = 0; i <= 4; i++) {
        int at = place(x, i / 4.0);
        svg_line(out, (int[]){at, BOTTOM, at, BOTTOM + 50}, "#222222", 10, "none");
        tick_text(text, sizeof text, i / 4.0, false);
        svg_text(out, at, BOTTOM + 190, "middle", text);
    }
    svg_line(out, (int[]){LEFT, BOTTOM, RIGHT, BOTTOM}, "#222222", 10, "none");
    svg_line(out, (int[]){LEFT, TOP, LEFT, BOTTOM}, "#222222", 10, "none");
    svg_text(out, (LEFT + RIGHT) / 2, BOTTOM + 390, "middle", "α, the weight of A");
    svg_text(out, LEFT, BOTTOM + 390, "middle", "B");
    svg_text(out, RIGHT, BOTTOM + 390, "middle", "A");
}

static void marker(weld_buffer *out, int variant, int x, int y)
{
    if (variant == WELD_REPORT_NAIVE)
        weld_buffer_printf(out, "<rect x=\"%d\" y=\"%d\" width=\"70\" height=\"70\"/>\n", x - 35,
                           y - 35);
    else
        weld_buffer_printf(out, "<circle cx=\"%d\" cy=\"%d\" r=\"40\"/>\n", x, y);
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
        svg_line(out, (int[]){x, y, x + 340, y}, colours[v], 24, dashes[v]);
        weld_buffer_printf(out, "<g fill=\"%s\">", colours[v]);
        marker(out, v, x + 170, y);
        weld_buffer_printf(out, "</g>\n");
        svg_text(out, x + 400, y + 40, "start", labels[v]);
        x += 1040;
    }
    if (!with_chord)
        return;
    svg_line(out, (int[]){x, y, x + 340, y}, "#666666", 14, "20 30");
    svg_text(out, x + 400, y + 40, "start", "chord between B and A");
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

void weld_chart_path(weld_buffer *out, const weld_report_lmc *lmc, bool accuracy)
{
    const double *values[WELD_REPORT_VARIANTS];
    double low = INFINITY, high = -INFINITY;
    const char *title = accuracy ? "Accuracy along the path" : "Loss along the path";
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
        values[v] = accuracy ? lmc->curve[v].accuracy : lmc->curve[v].loss;
        if (!values[v] || !lmc->alpha_count)
            return;
        widen(&low, &high, values[v], lmc->alpha_count);
    }
    if (low >= 0 && low < 0.5 * high)
        low = 0;
    scale xy[2] = {{0, 1, 0.25, LEFT, RIGHT}, nice_scale(low, high, BOTTOM, TOP)};
    svg_open(out, PATH_WIDTH, PATH_HEIGHT, title);
    weld_buffer_printf(out,
                       "<text x=\"%d\" y=\"230\" font-size=\"150\" font-weight=\"bold\">%s"
                       "</text>\n",
                       LEFT - 500, title);
    legend(out, LEFT, 430, true);
    path_axes(out, &xy[0], &xy[1], accuracy);
    size_t last = lmc->alpha_count - 1;
    const double *ends = values[WELD_REPORT_ALIGNED];
    if (isfinite(ends[0]) && isfinite(ends[last]))
        svg_line(out,
                 (int[]){place(&xy[0], lmc->alpha[0]), place(&xy[1], ends[0]),
                         place(&xy[0], lmc->alpha[last]), place(&xy[1], ends[last])},
                 "#666666", 14, "20 30");
    for (int v = 0; v < WELD_REPORT_VARIANTS; v++)
        path_curve(out, v, lmc, values[v], xy);
    weld_buffer_printf(out, "</svg>\n");
}

static void layer_axis(weld_buffer *out, const scale *x, int bottom)
{
    char text[40];
    int ticks = (int)lround((x->high - x->low) / x->step);
    for (int i = 0; i <= ticks; i++) {
        double value = x->low + i * x->step;
        int at = place(x, value);
        svg_line(out, (int[]){at, BAR_TOP - 40, at, bottom}, "#dddddd", 8, "none");
        tick_text(text, sizeof text, value, false);
        svg_text(out, at, bottom + 160, "middle", text);
    }
    svg_line(out, (int[]){BAR_LEFT, BAR_TOP - 40, BAR_LEFT, bottom}, "#222222", 10, "none");
    svg_text(out, (BAR_LEFT + BAR_RIGHT) / 2, bottom + 350, "middle", "1 − cosine");
}

static void layer_bars(weld_buffer *out, const weld_report_row *row, const scale *x, size_t at,
                       int y)
{
    svg_text(out, BAR_LEFT - 80, y + 160, "end", row->name ? row->name : "");
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
            svg_line(out, (int[]){mark, top - 5, mark, top + 105}, "#222222", 26, "none");
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
        svg_text(out, x + 280, 520, "start", labels[v]);
        x += 1000;
    }
    svg_line(out, (int[]){x + 110, 425, x + 110, 535}, "#222222", 26, "none");
    svg_text(out, x + 280, 520, "start", "between A and B (baseline)");
}

void weld_chart_layers(weld_buffer *out, const weld_report_llfc *llfc, size_t at)
{
    char title[120];
    double high = 0;
    size_t count = llfc->layer_count < LAYERS_MAX ? llfc->layer_count : LAYERS_MAX;
    if (!count || at >= llfc->alpha_count)
        return;
    for (size_t i = 0; i < count; i++)
        for (int v = 0; v < WELD_REPORT_VARIANTS; v++) {
            const weld_report_figures *f = &llfc->layers[i].variant[v];
            double low = 0;
            widen(&low, &high, &f->one_minus_cos[at].mean, 1);
            widen(&low, &high, &f->one_minus_cos_ab.mean, 1);
        }
    scale x = nice_scale(0, high, BAR_LEFT, BAR_RIGHT);
    int bottom = BAR_TOP + (int)count * BAR_ROW;
    snprintf(title, sizeof title, "1 − cosine per layer at α = %.3g", llfc->alpha[at]);
    svg_open(out, BAR_WIDTH, bottom + 460, title);
    weld_buffer_printf(out,
                       "<text x=\"140\" y=\"230\" font-size=\"150\" font-weight=\"bold\">"
                       "%s</text>\n",
                       title);
    layer_legend(out);
    layer_axis(out, &x, bottom);
    for (size_t i = 0; i < count; i++)
        layer_bars(out, &llfc->layers[i], &x, at, BAR_TOP + (int)i * BAR_ROW);
    weld_buffer_printf(out, "</svg>\n");
}
