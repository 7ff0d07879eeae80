#include "match/signature.h"
#include "match/assign.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of each slice as many of its sorted sizes, evenly spaced. */
enum { SIZES_MAX = 64 };

static int by_size(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* out [count]: of the sorted |x| [n], the signature's part for one axis of one tensor. */
static void sort_sizes(double *out, int32_t count, double *x, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        x[k] = fabs(x[k]);
    qsort(x, (size_t)n, sizeof *x, by_size);
    for (int32_t k = 0; k < count; k++)
        out[k] = x[count > 1 ? k * (n - 1) / (count - 1) : n / 2];
}

/* A single weight (a bias, a scale) keeps its sign. */
static weld_status list_sizes(double *out, int32_t count, const weld_scores *scores,
                              const float *data, const weld_score_tensor *t,
                              const weld_score_axis *axis, int32_t size, weld_error *err)
{
    weld_status st = WELD_OK;
    double *rows = NULL;
    int64_t row;
    WELD_TRY(weld_score_rows(&rows, &row, scores->ctx, data, t, axis, size, err));
    for (int32_t u = 0; u < size; u++)
        if (row == 1)
            out[u] = rows[u];
        else
            sort_sizes(out + u * count, count, rows + u * row, row);
done:
    weld_free(scores->ctx, rows);
    return st;
}

/* score [n, n] -= squared distances of what the tensor says of the units, as a share of its size. */
static weld_status add_tensor(double *score, const weld_scores *scores, const weld_score_tensor *t,
                              const weld_score_axis *axis, int32_t n, weld_error *err)
{
    weld_status st = WELD_OK;
    double *a = NULL, *b = NULL, total = 0;
    const int64_t row = weld_score_row(t, axis);
    const int32_t count = row < SIZES_MAX ? (int32_t)row : SIZES_MAX;
    WELD_NEW(a, scores->ctx, n * count);
    WELD_NEW(b, scores->ctx, n * count);
    WELD_TRY(list_sizes(a, count, scores, t->a, t, axis, n, err));
    WELD_TRY(list_sizes(b, count, scores, t->b, t, axis, n, err));
    for (int32_t k = 0; k < n * count; k++)
        total += a[k] * a[k] + b[k] * b[k];
    for (int32_t i = 0; i < n && total > 0; i++)
        for (int32_t j = 0; j < n; j++) {
            double sum = 0;
            for (int32_t k = 0; k < count; k++) {
                const double d = a[i * count + k] - b[j * count + k];
                sum += d * d;
            }
            score[(size_t)i * (size_t)n + (size_t)j] -= sum / total;
        }
done:
    weld_free(scores->ctx, a);
    weld_free(scores->ctx, b);
    return st;
}

static weld_status score_class(double *score, const weld_scores *scores, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int k = 0; k < scores->count && st == WELD_OK; k++) {
        const weld_score_tensor *t = &scores->tensors[k];
        if (!weld_score_has_class(t, c))
            continue;
        WELD_TRY(weld_score_open(scores, k, err));
        for (int x = 0; x < t->axis_count && st == WELD_OK; x++)
            if (t->axes[x].unit_class == c)
                st = add_tensor(score, scores, t, &t->axes[x], scores->symmetry->classes[c].size,
                                err);
        weld_score_close(scores, k);
    }
done:
    return st;
}

weld_status weld_match_signatures(weld_element *element, const weld_scores *scores, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = scores->symmetry;
    double **all = NULL, gain;
    WELD_NEW(all, s->ctx, s->free_count);
    for (int c = 0; c < s->free_count; c++) {
        WELD_NEW(all[c], s->ctx, (size_t)s->classes[c].size * (size_t)s->classes[c].size);
        WELD_TRY(score_class(all[c], scores, c, err));
    }
    for (int c = 0; c < s->free_count; c++)
        if (s->classes[c].parent < 0)
            WELD_TRY(weld_assign_tree(element, c, all, &gain, err));
done:
    for (int c = 0; all && c < s->free_count; c++)
        weld_free(s->ctx, all[c]);
    weld_free(s->ctx, all);
    return st;
}
