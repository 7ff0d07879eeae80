/* The solver's steps on whole rows. */
#include "match/lap_inner.h"
#include <math.h>

void weld_lap_dense_top(weld_lap_top *out, const weld_lap *l, int32_t i)
{
    const void *row = weld_lap_row(l, i);
    double top[2];
    l->kernels->top(top, row, l->price, l->n);
    out->best = top[0];
    out->second = top[1];
    out->column = l->kernels->find(top[0], row, l->price, 0, l->n);
    if (top[1] < top[0])
        return;
    for (int32_t j = out->column; j < l->n;
         j = l->kernels->find(top[0], row, l->price, j + 1, l->n))
        if (l->row_of[j] < 0) {
            out->column = j;
            return;
        }
}

/* The lowest column reached with this value; a free one, which ends the search, before others. */
static int32_t nearest(const weld_lap *l, double value)
{
    const weld_lap_reach *r = &l->reach;
    int32_t held = -1;
    for (int32_t first = 0; first < l->n; first += WELD_LAP_BLOCK) {
        if (r->maxima[first / WELD_LAP_BLOCK] < value)
            continue;
        const int32_t end = l->n - first < WELD_LAP_BLOCK ? l->n : first + WELD_LAP_BLOCK;
        for (int32_t j = first; j < end; j++)
            if (r->value[j] >= value) {
                if (l->row_of[j] < 0)
                    return j;
                held = held < 0 ? j : held;
            }
    }
    return held;
}

static void augment(weld_lap *l, int32_t start, int32_t sink)
{
    for (int32_t i = -1; i != start;) {
        i = (int32_t)l->reach.from[sink];
        const int32_t next = l->column_of[i];
        weld_lap_hold(l, i, sink);
        sink = next;
    }
}

void weld_lap_dense_search(weld_lap *l, int32_t start)
{
    weld_lap_reach *r = &l->reach;
    for (int32_t j = 0; j < l->n; j++) {
        r->value[j] = -INFINITY;
        r->price[j] = l->price[j];
    }
    double value = l->kernels->relax(r, start, 0.0, weld_lap_row(l, start), l->n);
    int32_t count = 0, j = nearest(l, value);
    while (l->row_of[j] >= 0) {
        const int32_t i = l->row_of[j];
        const double drop = weld_lap_at(l, weld_lap_row(l, i), j) - l->price[j] - value;
        l->done[count] = j;
        l->level[count++] = value;
        r->value[j] = -INFINITY;
        r->price[j] = INFINITY;
        value = l->kernels->relax(r, i, drop, weld_lap_row(l, i), l->n);
        j = nearest(l, value);
    }
    weld_lap_raise(l, count, value);
    augment(l, start, j);
}
