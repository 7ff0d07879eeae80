#include "eval/llfc.h"
#include <math.h>
#include <string.h>

static double dot(const float *x, const float *y, int64_t n)
{
    double sum = 0;
    for (int64_t k = 0; k < n;) {
        int64_t end = k + 256 < n ? k + 256 : n;
        float part[8] = {0};
        for (; k + 8 <= end; k += 8)
            for (int j = 0; j < 8; j++)
                part[j] += x[k + j] * y[k + j];
        for (; k < end; k++)
            part[0] += x[k] * y[k];
        for (int j = 0; j < 8; j++)
            sum += (double)part[j];
    }
    return sum;
}

/* A row's value [outer, batch, inner]: the feature of a sample is all that it has of it. */
typedef struct layout {
    int64_t outer, batch, inner;
} layout;

static layout layout_of(const weld_rows *rows, const weld_shapes *shapes, int row)
{
    const weld_shape *shape = &shapes->types[rows->values[row]].shape;
    layout l = {1, shape->dims[rows->axes[row]], 1};
    for (int axis = 0; axis < shape->rank; axis++)
        *(axis < rows->axes[row] ? &l.outer : &l.inner) *=
            axis == rows->axes[row] ? 1 : shape->dims[axis];
    return l;
}

static double dot_of(const layout *l, const float *x, const float *y, int64_t sample)
{
    double sum = 0;
    for (int64_t o = 0; o < l->outer; o++) {
        const int64_t at = (o * l->batch + sample) * l->inner;
        sum += dot(x + at, y + at, l->inner);
    }
    return sum;
}

void weld_llfc_ends(weld_end_dots *out, const weld_rows *rows, const weld_shapes *shapes,
                    weld_run *a, weld_run *b, int64_t stride, int64_t n)
{
    for (int r = 0; r < rows->count; r++) {
        const layout l = layout_of(rows, shapes, r);
        const float *x = weld_run_floats(a, rows->values[r]);
        const float *y = weld_run_floats(b, rows->values[r]);
        for (int64_t i = 0; i < n; i++)
            out[r * stride + i] =
                (weld_end_dots){dot_of(&l, x, x, i), dot_of(&l, y, y, i), dot_of(&l, x, y, i)};
    }
}

void weld_llfc_mixed(weld_mix_dots *out, const weld_rows *rows, const weld_shapes *shapes,
                     weld_run *const ends[2], weld_run *mixed, int64_t stride, int64_t n)
{
    for (int r = 0; r < rows->count; r++) {
        const layout l = layout_of(rows, shapes, r);
        const float *a = weld_run_floats(ends[0], rows->values[r]);
        const float *b = weld_run_floats(ends[1], rows->values[r]);
        const float *m = weld_run_floats(mixed, rows->values[r]);
        for (int64_t i = 0; i < n; i++)
            out[r * stride + i] =
                (weld_mix_dots){dot_of(&l, m, m, i), dot_of(&l, m, a, i), dot_of(&l, m, b, i)};
    }
}

/* <m, mix> and |mix|^2 follow from the dot products: the mix of the ends is never formed. */
static double inner_of(const weld_mix_dots *m, double alpha)
{
    return alpha * m->ma + (1 - alpha) * m->mb;
}

static double mix_of(const weld_end_dots *e, double alpha)
{
    const double w = 1 - alpha;
    return alpha * alpha * e->aa + 2 * alpha * w * e->ab + w * w * e->bb;
}

enum figure { ONE_MINUS_COS, COEF, COEF_AUTHORS }; /* WELD_LLFC_FIGURES */

/* NaN for a zero feature. */
static double figure_of(enum figure which, double inner, double mm, double mix)
{
    if (!(mm > 0 && mix > 0))
        return NAN;
    return which == ONE_MINUS_COS ? 1 - inner / sqrt(mm * mix)
           : which == COEF        ? inner / mm
                                  : inner / mix;
}

static double sample_figure(enum figure which, const weld_mix_dots *mixed,
                            const weld_end_dots *ends, double alpha)
{
    return figure_of(which, inner_of(mixed, alpha), mixed->mm, mix_of(ends, alpha));
}

static int64_t spread_figure(weld_spread *out, enum figure which, const weld_mix_dots *mixed,
                             const weld_end_dots *ends, double alpha, int64_t n, double *room)
{
    for (int64_t i = 0; i < n; i++)
        room[i] = sample_figure(which, &mixed[i], &ends[i], alpha);
    return weld_spread_of(out, room, n, room + n);
}

void weld_llfc_summarise(weld_llfc_point *out, const weld_mix_dots *mixed,
                         const weld_end_dots *ends, double alpha, int64_t n, double *room)
{
    double inner = 0, mm = 0, mix = 0;
    int64_t positive = 0;
    for (int64_t i = 0; i < n; i++) {
        inner += inner_of(&mixed[i], alpha);
        mm += mixed[i].mm;
        mix += mix_of(&ends[i], alpha);
        positive += inner_of(&mixed[i], alpha) > 0;
    }
    out->zeros = spread_figure(&out->one_minus_cos, ONE_MINUS_COS, mixed, ends, alpha, n, room);
    spread_figure(&out->coef, COEF, mixed, ends, alpha, n, room);
    spread_figure(&out->coef_authors, COEF_AUTHORS, mixed, ends, alpha, n, room);
    out->matrix_one_minus_cos = figure_of(ONE_MINUS_COS, inner, mm, mix);
    out->matrix_coef = figure_of(COEF, inner, mm, mix);
    out->matrix_coef_authors = figure_of(COEF_AUTHORS, inner, mm, mix);
    out->positive = (double)positive / (double)n;
}

void weld_llfc_baseline_of(weld_llfc_baseline *out, const weld_end_dots *ends, int64_t n,
                           double *room)
{
    weld_end_dots sum = {0, 0, 0};
    for (int64_t i = 0; i < n; i++) {
        sum.aa += ends[i].aa;
        sum.bb += ends[i].bb;
        sum.ab += ends[i].ab;
        room[i] = figure_of(ONE_MINUS_COS, ends[i].ab, ends[i].aa, ends[i].bb);
    }
    out->zeros = weld_spread_of(&out->one_minus_cos, room, n, room + n);
    out->matrix_one_minus_cos = figure_of(ONE_MINUS_COS, sum.ab, sum.aa, sum.bb);
}

const double *weld_llfc_samples(weld_mix_dots *mixed, const weld_end_dots *ends, double alpha,
                                int64_t n, double *room)
{
    for (int64_t i = 0; i < n; i++)
        for (int f = 0; f < WELD_LLFC_FIGURES; f++)
            room[f * n + i] = sample_figure(f, &mixed[i], &ends[i], alpha);
    return memcpy(mixed, room, (size_t)n * sizeof *mixed);
}

const double *weld_llfc_end_samples(weld_end_dots *ends, int64_t n)
{
    double *out = (double *)ends; /* never ahead of what is read */
    for (int64_t i = 0; i < n; i++)
        out[i] = figure_of(ONE_MINUS_COS, ends[i].ab, ends[i].aa, ends[i].bb);
    return out;
}

/* out += a sample's inner product and squares. */
static void add_sums(double *out, double inner, double xx, double yy)
{
    out[0] += inner;
    out[1] += xx;
    out[2] += yy;
}

void weld_llfc_sums(double *out, int64_t stride, const weld_mix_dots *mixed,
                    const weld_end_dots *ends, double alpha, int64_t n, int64_t group)
{
    for (int64_t i = 0; i < n; i++)
        add_sums(out + i / group * stride, inner_of(&mixed[i], alpha), mixed[i].mm,
                 mix_of(&ends[i], alpha));
}

void weld_llfc_end_sums(double *out, int64_t stride, const weld_end_dots *ends, int64_t n,
                        int64_t group)
{
    for (int64_t i = 0; i < n; i++)
        add_sums(out + i / group * stride, ends[i].ab, ends[i].aa, ends[i].bb);
}

void weld_llfc_matrix(double *out, int count, const double *sums)
{
    for (int k = 0; k < count; k++) {
        const double *at = sums + k / WELD_LLFC_FIGURES * WELD_LLFC_FIGURES;
        out[k] = figure_of(k % WELD_LLFC_FIGURES, at[0], at[1], at[2]);
    }
}

void weld_llfc_distances(double *out, int64_t stride, const weld_mix_dots *mixed,
                         const weld_end_dots *ends, double alpha, int64_t n, int64_t group)
{
    for (int64_t i = 0; i < n; i++) {
        const double x = sample_figure(ONE_MINUS_COS, &mixed[i], &ends[i], alpha);
        double *sums = out + i / group * stride;
        sums[0] += isnan(x) ? 0 : x;
        sums[1] += !isnan(x);
    }
}

void weld_llfc_row_means(double *out, int count, const double *sums)
{
    double total = 0;
    int counted = 0;
    for (int k = 0; k < count - 1; k++) {
        out[k] = sums[2 * k + 1] > 0 ? sums[2 * k] / sums[2 * k + 1] : NAN;
        total += isnan(out[k]) ? 0 : out[k];
        counted += !isnan(out[k]);
    }
    out[count - 1] = counted ? total / counted : NAN;
}
