#include "merge/fit.h"
#include "core/parallel.h"
#include "tensor/blas.h"
#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { BLOCK = 128 }; /* rows of K or C that are added to at a time */

typedef struct addition {
    weld_fit *fit;
    const double *const *x, *const *y;
    const int64_t *rows;
    int blocks;
    int64_t k_parts, c_parts; /* of a group */
} addition;

weld_status weld_fit_init(weld_fit *f, weld_context *ctx, int64_t groups, int64_t columns,
                          int64_t outputs, weld_error *err)
{
    weld_status st = WELD_OK;
    *f = (weld_fit){.ctx = ctx, .groups = groups, .columns = columns, .outputs = outputs};
    WELD_NEW(f->k, ctx, groups * columns * columns);
    WELD_NEW(f->c, ctx, groups * outputs * columns);
    WELD_NEW(f->x, ctx, groups * columns);
    WELD_NEW(f->y, ctx, groups * outputs);
done:
    return st;
}

void weld_fit_free(weld_fit *f)
{
    if (!f->ctx)
        return;
    weld_free(f->ctx, f->k);
    weld_free(f->ctx, f->c);
    weld_free(f->ctx, f->x);
    weld_free(f->ctx, f->y);
    *f = (weld_fit){0};
}

/* Rows [from, from + count) of the group's K, up to the diagonal's end. */
static void add_to_k(const addition *a, int64_t group, int64_t from, int64_t count)
{
    const weld_fit *f = a->fit;
    const int64_t d = f->columns, width = f->groups * d;
    double *out = f->k + (group * d + from) * d;
    for (int b = 0; b < a->blocks; b++) {
        const double *x = a->x[b] + group * d;
        const weld_gemm_shape gemm = {true,       false, count, from + count,
                                      a->rows[b], width, width, d};
        weld_dgemm(&gemm, 1.0, x + from, x, 1.0, out);
    }
}

static void add_to_c(const addition *a, int64_t group, int64_t from, int64_t count)
{
    const weld_fit *f = a->fit;
    const int64_t d = f->columns, width = f->groups * d, all = f->groups * f->outputs;
    double *out = f->c + (group * f->outputs + from) * d;
    for (int b = 0; b < a->blocks; b++) {
        const weld_gemm_shape gemm = {true, false, count, d, a->rows[b], all, width, d};
        weld_dgemm(&gemm, 1.0, a->y[b] + group * f->outputs + from, a->x[b] + group * d, 1.0, out);
    }
}

static int64_t part_size(int64_t whole, int64_t part)
{
    return whole - part * BLOCK < BLOCK ? whole - part * BLOCK : BLOCK;
}

static weld_status add_part(void *user, int64_t item, int slot, weld_error *err)
{
    const addition *a = user;
    const int64_t parts = a->k_parts + a->c_parts, group = item / parts, part = item % parts;
    (void)slot, (void)err;
    if (part < a->k_parts)
        add_to_k(a, group, part * BLOCK, part_size(a->fit->columns, part));
    else
        add_to_c(a, group, (part - a->k_parts) * BLOCK,
                 part_size(a->fit->outputs, part - a->k_parts));
    return WELD_OK;
}

static void add_sums(double *sum, const double *x, int64_t rows, int64_t width)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t k = 0; k < width; k++)
            sum[k] += x[r * width + k];
}

weld_status weld_fit_add(weld_fit *f, const double *const *x, const double *const *y,
                         const int64_t *rows, int blocks, weld_error *err)
{
    addition a = {
        f, x, y, rows, blocks, (f->columns + BLOCK - 1) / BLOCK, (f->outputs + BLOCK - 1) / BLOCK};
    for (int b = 0; b < blocks; b++) {
        add_sums(f->x, x[b], rows[b], f->groups * f->columns);
        add_sums(f->y, y[b], rows[b], f->groups * f->outputs);
        f->rows += (double)rows[b];
    }
    return weld_parallel_for(f->ctx, f->groups * (a.k_parts + a.c_parts), add_part, &a, err);
}

static void close_group(weld_fit *f, int64_t group, bool centred)
{
    const int64_t d = f->columns;
    double *k = f->k + group * d * d, *c = f->c + group * f->outputs * d;
    const double *x = f->x + group * d, *y = f->y + group * f->outputs;
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j <= i; j++) {
            k[i * d + j] = k[i * d + j] / f->rows - (centred ? x[i] * x[j] : 0);
            k[j * d + i] = k[i * d + j];
        }
    for (int64_t u = 0; u < f->outputs; u++)
        for (int64_t j = 0; j < d; j++)
            c[u * d + j] = c[u * d + j] / f->rows - (centred ? y[u] * x[j] : 0);
}

void weld_fit_close(weld_fit *f, bool centred)
{
    for (int64_t i = 0; i < f->groups * f->columns; i++)
        f->x[i] /= f->rows;
    for (int64_t i = 0; i < f->groups * f->outputs; i++)
        f->y[i] /= f->rows;
    for (int64_t g = 0; g < f->groups; g++)
        close_group(f, g, centred);
}

/* Adds (C - W0 K)(K + ridge s I)^-1 to the weight of one group [outputs, columns]. */
static weld_status solve_group(double *w, const weld_fit *f, int64_t group, double ridge,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    const int64_t d = f->columns, n = f->outputs;
    const double *k = f->k + group * d * d;
    double *a = NULL, *r = NULL, trace = 0;
    const weld_gemm_shape gemm = {false, false, n, d, d, d, d, d};
    for (int64_t i = 0; i < d; i++)
        trace += k[i * d + i];
    if (trace <= 0) /* nothing arrives */
        return WELD_OK;
    WELD_NEW(a, f->ctx, d * d);
    WELD_NEW(r, f->ctx, n * d);
    memcpy(a, k, (size_t)(d * d) * sizeof *a);
    memcpy(r, f->c + group * n * d, (size_t)(n * d) * sizeof *r);
    weld_dgemm(&gemm, -1.0, w, k, 1.0, r);
    for (int64_t i = 0; i < d; i++)
        a[i * d + i] += ridge * trace / (double)d;
    WELD_REQUIRE(weld_solve_symmetric(r, n, a, d), WELD_E_UNSUPPORTED,
                 "the features of %" PRId64 " inputs can't be fitted with a ridge of %g", d, ridge);
    for (int64_t i = 0; i < n * d; i++)
        w[i] += r[i];
done:
    weld_free(f->ctx, a);
    weld_free(f->ctx, r);
    return st;
}

weld_status weld_fit_solve(double *w, const weld_fit *f, double ridge, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int64_t g = 0; g < f->groups; g++)
        WELD_TRY(solve_group(w + g * f->outputs * f->columns, f, g, ridge, err));
done:
    return st;
}

/* E |y - W x|^2 but for what does not depend on W. */
static double error_of(const weld_fit *f, const double *w, double *room)
{
    const int64_t d = f->columns, n = f->outputs;
    double sum = 0;
    for (int64_t g = 0; g < f->groups; g++) {
        const double *of_group = w + g * n * d, *c = f->c + g * n * d;
        const weld_gemm_shape gemm = {false, false, n, d, d, d, d, d};
        weld_dgemm(&gemm, 1.0, of_group, f->k + g * d * d, 0.0, room);
        for (int64_t i = 0; i < n * d; i++)
            sum += of_group[i] * (room[i] - 2 * c[i]);
    }
    return sum;
}

weld_status weld_fit_choose_ridge(double *out, const weld_fit *f, const weld_fit *held,
                                  const double *w0, weld_error *err)
{
    static const double ridges[] = {1e-3, 1e-2, 1e-1};
    weld_status st = WELD_OK;
    const size_t size = (size_t)(f->groups * f->outputs * f->columns);
    double *w = NULL, *room = NULL, least = INFINITY;
    WELD_NEW(w, f->ctx, size);
    WELD_NEW(room, f->ctx, f->outputs * f->columns);
    *out = ridges[0];
    for (size_t k = 0; k < sizeof ridges / sizeof ridges[0]; k++) {
        memcpy(w, w0, size * sizeof *w);
        WELD_TRY(weld_fit_solve(w, f, ridges[k], err));
        const double error = error_of(held, w, room);
        if (error < least) {
            least = error;
            *out = ridges[k];
        }
    }
done:
    weld_free(f->ctx, w);
    weld_free(f->ctx, room);
    return st;
}

/* a [rows, columns] := share a + (1 - share) b + share (1 - share) (x - x')(y - y')' */
static void join(double *a, const double *b, double share, int64_t rows, int64_t columns,
                 const double *y, const double *y2, const double *x, const double *x2)
{
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++) {
            const double apart = y ? share * (1 - share) * (y[i] - y2[i]) * (x[j] - x2[j]) : 0;
            a[i * columns + j] = share * a[i * columns + j] + (1 - share) * b[i * columns + j] +
                                 apart;
        }
}

void weld_fit_join(weld_fit *f, const weld_fit *h, bool centred)
{
    const int64_t d = f->columns, n = f->outputs;
    const double share = f->rows / (f->rows + h->rows);
    for (int64_t g = 0; g < f->groups; g++) {
        const double *x = f->x + g * d, *x2 = h->x + g * d;
        join(f->k + g * d * d, h->k + g * d * d, share, d, d, centred ? x : NULL, x2, x, x2);
        join(f->c + g * n * d, h->c + g * n * d, share, n, d, centred ? f->y + g * n : NULL,
             h->y + g * n, x, x2);
    }
    join(f->x, h->x, share, 1, f->groups * d, NULL, NULL, NULL, NULL);
    join(f->y, h->y, share, 1, f->groups * n, NULL, NULL, NULL, NULL);
    f->rows += h->rows;
}

double weld_fit_variance(const weld_fit *f, const double *w, int64_t u)
{
    const int64_t d = f->columns;
    const double *k = f->k + u / f->outputs * d * d, *row = w + u * d;
    double sum = 0;
    for (int64_t i = 0; i < d; i++) {
        double inner = 0;
        for (int64_t j = 0; j < d; j++)
            inner += k[i * d + j] * row[j];
        sum += row[i] * inner;
    }
    return sum > 0 ? sum : 0;
}

double weld_fit_mean(const weld_fit *f, const double *w, int64_t u)
{
    const double *x = f->x + u / f->outputs * f->columns;
    double sum = 0;
    for (int64_t j = 0; j < f->columns; j++)
        sum += w[u * f->columns + j] * x[j];
    return sum;
}
