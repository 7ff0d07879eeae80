/* Shortest augmenting paths (Jonker and Volgenant 1987; Crouse 2016) on cost = -score. */
#include "match/lap.h"
#include <math.h>

typedef struct lap {
    const double *score; /* [n, n] */
    int32_t n;
    double *u, *v;               /* [n] prices of rows and columns */
    double *distance;            /* [n] of columns from the free row */
    int32_t *row_of, *column_of; /* [n] the matching, -1 = free */
    int32_t *from;               /* [n] row before the column on its shortest path */
    bool *done;                  /* [n] the column's distance is final */
} lap;

static double cost(const lap *l, int32_t i, int32_t j)
{
    return -l->score[(size_t)i * (size_t)l->n + (size_t)j];
}

/* Prices from column and row minima; rows take the lowest free column that is tight. */
static void reduce(lap *l)
{
    for (int32_t j = 0; j < l->n; j++) {
        l->row_of[j] = l->column_of[j] = -1;
        l->v[j] = INFINITY;
    }
    for (int32_t i = 0; i < l->n; i++)
        for (int32_t j = 0; j < l->n; j++)
            if (cost(l, i, j) < l->v[j])
                l->v[j] = cost(l, i, j);
    for (int32_t i = 0; i < l->n; i++) {
        double low = INFINITY;
        int32_t tight = -1;
        for (int32_t j = 0; j < l->n; j++) {
            double reduced = cost(l, i, j) - l->v[j];
            if (reduced < low || (reduced <= low && tight < 0 && l->row_of[j] < 0)) {
                low = reduced;
                tight = l->row_of[j] < 0 ? j : -1;
            }
        }
        l->u[i] = low;
        if (tight >= 0) {
            l->row_of[tight] = i;
            l->column_of[i] = tight;
        }
    }
}

/* Distances of all open columns over row i, which is `base` away; the nearest open column. */
static int32_t relax(lap *l, int32_t i, double base)
{
    int32_t nearest = -1;
    for (int32_t j = 0; j < l->n; j++) {
        if (l->done[j])
            continue;
        double d = base + cost(l, i, j) - l->u[i] - l->v[j];
        if (d < l->distance[j]) {
            l->distance[j] = d;
            l->from[j] = i;
        }
        if (nearest < 0 || l->distance[j] < l->distance[nearest])
            nearest = j;
    }
    return nearest;
}

static void augment(lap *l, int32_t start)
{
    for (int32_t j = 0; j < l->n; j++) {
        l->distance[j] = INFINITY;
        l->done[j] = false;
    }
    int32_t sink = relax(l, start, 0.0);
    while (l->row_of[sink] >= 0) {
        l->done[sink] = true;
        sink = relax(l, l->row_of[sink], l->distance[sink]);
    }
    const double length = l->distance[sink];
    l->u[start] += length;
    for (int32_t j = 0; j < l->n; j++)
        if (l->done[j]) {
            l->u[l->row_of[j]] += length - l->distance[j];
            l->v[j] -= length - l->distance[j];
        }
    for (int32_t i = -1; i != start;) {
        i = l->from[sink];
        l->row_of[sink] = i;
        int32_t next = l->column_of[i];
        l->column_of[i] = sink;
        sink = next;
    }
}

/* Takes the optimum over if it is really better. */
static double choose(int32_t *perm, const lap *l)
{
    double gain = 0, scale = 0;
    for (int32_t i = 0; i < l->n; i++) {
        double best = -cost(l, i, l->column_of[i]), current = -cost(l, i, perm[i]);
        gain += best - current;
        scale += fabs(best) + fabs(current);
    }
    if (!(gain > 1e-12 * scale))
        return 0.0;
    for (int32_t i = 0; i < l->n; i++)
        perm[i] = l->column_of[i];
    return gain;
}

weld_status weld_lap_max(int32_t *perm, weld_context *ctx, const double *score, int32_t n,
                         double *gain, weld_error *err)
{
    weld_status st = WELD_OK;
    lap l = {.score = score, .n = n};
    *gain = 0.0;
    for (size_t k = 0; k < (size_t)n * (size_t)n; k++)
        WELD_REQUIRE(isfinite(score[k]), WELD_E_ARGUMENT,
                     "score [%zu, %zu] of an assignment is not finite", k / (size_t)n,
                     k % (size_t)n);
    WELD_NEW(l.u, ctx, n);
    WELD_NEW(l.v, ctx, n);
    WELD_NEW(l.distance, ctx, n);
    WELD_NEW(l.row_of, ctx, n);
    WELD_NEW(l.column_of, ctx, n);
    WELD_NEW(l.from, ctx, n);
    WELD_NEW(l.done, ctx, n);
    reduce(&l);
    for (int32_t i = 0; i < n; i++)
        if (l.column_of[i] < 0)
            augment(&l, i);
    *gain = choose(perm, &l);
done:
    weld_free(ctx, l.u);
    weld_free(ctx, l.v);
    weld_free(ctx, l.distance);
    weld_free(ctx, l.row_of);
    weld_free(ctx, l.column_of);
    weld_free(ctx, l.from);
    weld_free(ctx, l.done);
    return st;
}
