#include "eval/squares.h"
#include <string.h>

enum { CHUNK = WELD_SQUARES_CHUNK, LANES = 4 }; /* lanes: sums that the processor makes at once */

static void load(double *out, const weld_tensor *t, int64_t at, int64_t n)
{
    const char *data = t->data;
    weld_convert_reals(out, WELD_DOUBLE, data + (size_t)at * weld_compute_size(t->dtype), t->dtype,
                       (size_t)n);
}

/* ---- the form ---------------------------------------------------------------------------------- */

/* In how many windows each entry of an axis is. */
static void count_windows(double *out, const weld_window *w)
{
    memset(out, 0, (size_t)w->in * sizeof *out);
    for (int64_t o = 0; o < w->out; o++)
        for (int64_t k = 0; k < w->kernel; k++) {
            const int64_t i = o * w->stride + k * w->dilation - w->pad;
            if (i >= 0 && i < w->in)
                out[i]++;
        }
}

weld_status weld_layer_form_make(weld_layer_form *out, weld_arena *arena, const weld_patches *p,
                                 weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_window *w = p->w.axis;
    const int64_t plane = p->windows ? p->plane : 1, all = plane + CHUNK;
    double *axis[WELD_SPATIAL_MAX], *times;
    WELD_ARENA_NEW(times, arena, all);
    for (int s = 0; s < WELD_SPATIAL_MAX && p->windows; s++) {
        WELD_ARENA_NEW(axis[s], arena, w[s].in);
        count_windows(axis[s], &w[s]);
    }
    for (int64_t k = 0; k < plane; k++)
        times[k] = p->windows ? axis[0][k / w[2].in / w[1].in] * axis[1][k / w[2].in % w[1].in] *
                                    axis[2][k % w[2].in]
                              : 1;
    for (int64_t k = plane; k < all; k++)
        times[k] = times[k - plane];
    *out = (weld_layer_form){p->matrix.outputs, p->windows ? p->all : 1, plane, times};
done:
    return st;
}

/* ---- sums -------------------------------------------------------------------------------------- */

/* Zeros behind the n numbers, up to whole lanes; returns where those end. */
static int64_t pad(double *x, int64_t n)
{
    const int64_t end = (n + LANES - 1) / LANES * LANES;
    memset(x + n, 0, (size_t)(end - n) * sizeof *x);
    return end;
}

static double joined(const double part[LANES])
{
    double sum = 0;
    for (int l = 0; l < LANES; l++)
        sum += part[l];
    return sum;
}

static int64_t chunk_at(weld_stretch part, int64_t done)
{
    return part.count - done < CHUNK ? part.count - done : CHUNK;
}

void weld_add_inputs(double *out, const weld_layer_form *form, const weld_tensor *x,
                     const weld_tensor *y, weld_stretch part)
{
    double a[CHUNK], b[CHUNK], sums[3][LANES] = {{0}};
    for (int64_t done = 0; done < part.count; done += CHUNK) {
        const int64_t n = chunk_at(part, done), at = part.at + done;
        const double *w = form->times + at % form->plane;
        load(a, x, at, n);
        load(b, y, at, n);
        const int64_t end = pad(a, n);
        pad(b, n);
        for (int64_t k = 0; k < end; k += LANES)
            for (int l = 0; l < LANES; l++) {
                const double d = a[k + l] - b[k + l];
                sums[0][l] += w[k + l] * a[k + l] * a[k + l];
                sums[1][l] += w[k + l] * b[k + l] * b[k + l];
                sums[2][l] += w[k + l] * d * d;
            }
    }
    for (int s = 0; s < 3; s++)
        out[s] += joined(sums[s]);
}

/* Takes the biases away from n elements of the output. */
static void take_bias(double *s, const weld_layer_form *form, const double *bias, int64_t at,
                      int64_t n)
{
    int64_t unit = at / form->step % form->units, left = form->step - at % form->step;
    for (int64_t k = 0; k < n;) {
        const int64_t end = k + left < n ? k + left : n;
        for (; k < end; k++)
            s[k] -= bias[unit];
        left = form->step;
        unit = unit + 1 < form->units ? unit + 1 : 0;
    }
}

/* s = x + y - bias, padded; returns where it ends. */
static int64_t straight(double *s, const weld_layer_form *form, const double *bias,
                        const weld_tensor *x, const weld_tensor *y, int64_t at, int64_t n)
{
    double b[CHUNK];
    load(s, x, at, n);
    load(b, y, at, n);
    for (int64_t k = 0; k < n; k++)
        s[k] += b[k];
    if (bias)
        take_bias(s, form, bias, at, n);
    return pad(s, n);
}

void weld_add_outputs(double *out, const weld_layer_form *form, const double *bias,
                      const weld_tensor *x, const weld_tensor *y, const weld_tensor *d,
                      weld_stretch part)
{
    double s[CHUNK], e[CHUNK], sums[3][LANES] = {{0}};
    for (int64_t done = 0; done < part.count; done += CHUNK) {
        const int64_t n = chunk_at(part, done), at = part.at + done;
        const int64_t end = straight(s, form, bias, x, y, at, n);
        load(e, d, at, n);
        pad(e, n);
        for (int64_t k = 0; k < end; k += LANES)
            for (int l = 0; l < LANES; l++) {
                const double crossed = s[k + l] - e[k + l];
                sums[0][l] += e[k + l] * e[k + l];
                sums[1][l] += s[k + l] * s[k + l];
                sums[2][l] += crossed * crossed;
            }
    }
    for (int k = 0; k < 3; k++)
        out[k] += joined(sums[k]);
}

double weld_defect_of(const weld_layer_form *form, const double *bias, const weld_tensor *x,
                      const weld_tensor *y, const weld_tensor *m, weld_stretch part)
{
    double s[CHUNK], made[CHUNK], sum = 0;
    for (int64_t done = 0; done < part.count; done += CHUNK) {
        const int64_t n = chunk_at(part, done), at = part.at + done;
        straight(s, form, bias, x, y, at, n);
        load(made, m, at, n);
        for (int64_t k = 0; k < n; k++)
            sum += (made[k] - s[k] / 2) * (made[k] - s[k] / 2);
    }
    return sum;
}

void weld_add_activation(double *out, const weld_tensor *x, const weld_tensor *y,
                         const weld_tensor *m, weld_stretch part)
{
    double a[CHUNK], b[CHUNK], made[CHUNK], sums[2][LANES] = {{0}};
    for (int64_t done = 0; done < part.count; done += CHUNK) {
        const int64_t n = chunk_at(part, done), at = part.at + done;
        load(a, x, at, n);
        load(b, y, at, n);
        load(made, m, at, n);
        const int64_t end = pad(a, n);
        pad(b, n);
        pad(made, n);
        for (int64_t k = 0; k < end; k += LANES)
            for (int l = 0; l < LANES; l++) {
                const double mean = (a[k + l] + b[k + l]) / 2, d = made[k + l] - mean;
                sums[0][l] += d * d;
                sums[1][l] += mean * mean;
            }
    }
    for (int k = 0; k < 2; k++)
        out[k] += joined(sums[k]);
}

double weld_squared_length(const weld_tensor *x)
{
    double chunk[CHUNK], sum = 0;
    const weld_stretch all = {0, weld_shape_numel(&x->shape)};
    for (int64_t done = 0; done < all.count; done += CHUNK) {
        const int64_t n = chunk_at(all, done);
        load(chunk, x, done, n);
        for (int64_t k = 0; k < n; k++)
            sum += chunk[k] * chunk[k];
    }
    return sum;
}
