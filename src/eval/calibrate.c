#include "eval/calibrate.h"
#include <math.h>

static const double first_log = -2.772588722239781, step = 0.34657359027997264; /* of 1 / T */

/* Scores below the largest one by more than this count for nothing at any temperature. */
static const double least = 1e-100;

/* From e[c] = exp(u[c] / T). */
static void add_at(weld_heat *heat, int t, const double *e, const float *z, int64_t classes,
                   double top, double u_label)
{
    const double beta = exp(first_log + t * step);
    const double u0 = (double)z[0] - top;
    double sum = e[0], mean = e[0] * u0, square = e[0] * u0 * u0;
    for (int64_t c = 1; c < classes; c++) {
        const double u = (double)z[c] - top;
        sum += e[c];
        mean += e[c] * u;
        square += e[c] * u * u;
    }
    mean /= sum;
    const double slope = beta * (mean - u_label);
    heat->loss[t] += log(sum) - beta * u_label;
    heat->first[t] += slope;
    heat->second[t] += beta * beta * (square / sum - mean * mean) + slope;
}

/* Twice 1 / T: every second temperature comes from one exponential by squaring. */
void weld_heat_add(weld_heat *heat, const float *z, int64_t classes, int64_t label, double *room)
{
    double top = (double)z[0];
    for (int64_t c = 1; c < classes; c++)
        top = (double)z[c] > top ? (double)z[c] : top;
    const double u_label = (double)z[label] - top;
    for (int chain = 0; chain < 2; chain++) {
        double *e = room + chain * classes;
        const double beta = exp(first_log + chain * step);
        for (int64_t c = 0; c < classes; c++)
            e[c] = exp(beta * ((double)z[c] - top));
    }
    for (int t = 0; t < WELD_TEMPERATURES; t++) {
        double *e = room + t % 2 * classes;
        add_at(heat, t, e, z, classes, top, u_label);
        for (int64_t c = 0; c < classes; c++)
            e[c] = e[c] < least ? 0 : e[c] * e[c];
    }
    heat->count++;
}

void weld_heat_join(weld_heat *to, const weld_heat *from)
{
    for (int t = 0; t < WELD_TEMPERATURES; t++) {
        to->loss[t] += from->loss[t];
        to->first[t] += from->first[t];
        to->second[t] += from->second[t];
    }
    to->count += from->count;
}

/* The mean loss between temperatures k and k + 1: the polynomial of degree 5 that agrees with it at both
 * ends in value, slope and curvature. */
static void coefficients(double c[6], const weld_heat *h, int k)
{
    const double f = h->loss[k + 1] - h->loss[k], g = step * h->first[k + 1],
                 s = step * step * h->second[k + 1];
    c[0] = h->loss[k];
    c[1] = step * h->first[k];
    c[2] = step * step * h->second[k] / 2;
    const double d = f - c[1] - c[2], e = g - c[1] - 2 * c[2], q = s - 2 * c[2];
    c[3] = 10 * d - 4 * e + q / 2;
    c[4] = -15 * d + 7 * e - q;
    c[5] = 6 * d - 3 * e + q / 2;
}

static double slope_at(const double c[6], double x)
{
    return c[1] + x * (2 * c[2] + x * (3 * c[3] + x * (4 * c[4] + x * 5 * c[5])));
}

/* Where the loss is least, counted in steps. It falls and then rises: it is convex in 1 / T. */
static double best_place(const weld_heat *h)
{
    int k = 0;
    while (k < WELD_TEMPERATURES && h->first[k] < 0)
        k++;
    if (k == 0 || k == WELD_TEMPERATURES)
        return k ? WELD_TEMPERATURES - 1 : 0;
    double c[6], low = 0, high = 1;
    coefficients(c, h, k - 1);
    for (int n = 0; n < 60; n++) {
        const double middle = (low + high) / 2;
        *(slope_at(c, middle) < 0 ? &low : &high) = middle;
    }
    return k - 1 + low;
}

/* Summed over the samples. */
static double loss_at(const weld_heat *h, double place)
{
    const int k = place < WELD_TEMPERATURES - 1 ? (int)place : WELD_TEMPERATURES - 2;
    const double x = place - k;
    double c[6];
    coefficients(c, h, k);
    return c[0] + x * (c[1] + x * (c[2] + x * (c[3] + x * (c[4] + x * c[5]))));
}

weld_calibrated weld_calibrate(const weld_heat halves[2])
{
    const weld_calibrated unknown = {NAN, {NAN, NAN}};
    double place[2];
    for (int k = 0; k < 2; k++) {
        for (int t = 0; t < WELD_TEMPERATURES; t++)
            if (!isfinite(halves[k].loss[t]) || !isfinite(halves[k].second[t]))
                return unknown;
        if (!(halves[k].count > 0))
            return unknown;
        place[k] = best_place(&halves[k]);
    }
    const double sum = loss_at(&halves[0], place[1]) + loss_at(&halves[1], place[0]);
    return (weld_calibrated){
        sum / (halves[0].count + halves[1].count),
        {exp(-first_log - place[0] * step), exp(-first_log - place[1] * step)}};
}
