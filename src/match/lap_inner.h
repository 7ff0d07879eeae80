/* What the parts of the assignment solver share.
 *
 * Every column has a price, at first 0, that only rises; every row wants the columns of the largest
 * value, score - price. A row holds such a column whenever it holds one; a column that nobody holds
 * costs 0. A matching of all rows with both properties is optimal (complementary slackness). */
#ifndef WELD_MATCH_LAP_INNER_H
#define WELD_MATCH_LAP_INNER_H
#include "core/context.h"
#include "match/lap_rows.h"

typedef struct weld_lap_lists weld_lap_lists;

typedef struct weld_lap {
    weld_context *ctx;
    const weld_lap_kernels *kernels;
    const void *score; /* [n, n] double, or float */
    size_t element;    /* bytes of a score */
    int32_t n;
    double *price;               /* [n] of columns */
    int32_t *row_of, *column_of; /* [n] the matching, -1 = free */
    weld_lap_lists *lists;       /* NULL = all steps look at whole rows */
    weld_lap_reach reach;        /* of the dense search */
    int32_t *done;               /* [n] columns of final value, in the order of the search */
    double *level;               /* [n] that value, by place in `done` */
} weld_lap;

/* What a row wants most. */
typedef struct weld_lap_top {
    double best, second;
    int32_t column; /* the lowest of value `best`, but a free one before one that is held */
} weld_lap_top;

static inline const void *weld_lap_row(const weld_lap *l, int32_t i)
{
    return (const char *)l->score + (size_t)i * (size_t)l->n * l->element;
}
/* Of a row. */
static inline double weld_lap_at(const weld_lap *l, const void *row, int32_t j)
{
    return l->element == sizeof(float) ? (double)((const float *)row)[j] : ((const double *)row)[j];
}

void weld_lap_hold(weld_lap *l, int32_t i, int32_t j);
/* Prices rise so that the columns done are worth to their rows what the end `limit` offers. */
void weld_lap_raise(weld_lap *l, int32_t count, double limit);

/* With whole rows. The search frees one column for `start`, along the best augmenting path. */
void weld_lap_dense_top(weld_lap_top *out, const weld_lap *l, int32_t i);
void weld_lap_dense_search(weld_lap *l, int32_t start);

/* With the columns of largest value of each row, `length` of them (2 at least), until they can't
 * decide. best: [n] the largest score of each row. */
weld_status weld_lap_lists_create(weld_lap_lists **out, const weld_lap *l, const double *best,
                                  int32_t length, weld_error *err);
void weld_lap_lists_free(weld_context *ctx, weld_lap_lists *lists);
/* Whole rows that had to be looked at. */
int64_t weld_lap_lists_scans(const weld_lap_lists *lists);
void weld_lap_lists_top(weld_lap_top *out, weld_lap *l, int32_t i);
void weld_lap_lists_search(weld_lap *l, int32_t start);

/* As weld_lap_max, of scores of `element` bytes, with candidate lists of this length, 0 = none. */
weld_status weld_lap_solve(int32_t *perm, weld_context *ctx, const void *score, size_t element,
                           int32_t n, int32_t length, double *gain, weld_error *err);
#endif
