/* Linear assignment: augmenting row reduction and shortest augmenting paths (Jonker and Volgenant
 * 1987; Crouse 2016), but all prices start at 0. The column reduction of 1987 takes longer than the
 * rest where rows and columns differ much in norm, as those of networks do. */
#include "match/lap.h"
#include "match/lap_inner.h"
#include <math.h>
#include <stdlib.h>

enum {
    LISTS_FROM = 512, /* rows; below, a whole row is about as fast as a list */
    LIST_LENGTH = 32,
    TIE_SAMPLE = 8,          /* one row of so many is looked at for ties */
    PASSES = 2,              /* of reduction */
    STEPS_PER_ROW = 20,      /* of one pass: two rows may outbid each other in small steps */
    DENSE_STEPS_PER_ROW = 4, /* a whole row is a long step */
    SCANS_PER_ROW = 3        /* more, and lists don't pay */
};
static const double largest = 1e200; /* so that no price overflows */

typedef struct wish {
    double lead; /* of the row's best column over its mean */
    int32_t row;
} wish;

/* One solution in the making. */
typedef struct solver {
    weld_lap lap;
    wish *wishes;          /* [n] scratch */
    int32_t sampled, tied; /* rows looked at for several columns of the largest score */
    double *best;          /* [n] the largest score of a row */
    int32_t *favourite;    /* [n] a column that has it, the current one if it does; -1 = all do */
    int32_t *wanted;       /* [n] of columns: whose favourite they are */
    int32_t *waiting;      /* [n] rows without a column */
} solver;

void weld_lap_hold(weld_lap *l, int32_t i, int32_t j)
{
    l->row_of[j] = i;
    l->column_of[i] = j;
}

void weld_lap_raise(weld_lap *l, int32_t count, double limit)
{
    for (int32_t k = 0; k < count; k++)
        if (l->level[k] > limit) /* not for a rounding error below it: prices never fall */
            l->price[l->done[k]] += l->level[k] - limit;
}

/* Many equal or nearly equal values: lists then cost more than they save. */
static void drop_lists(weld_lap *l)
{
    if (l->lists && weld_lap_lists_scans(l->lists) > (int64_t)SCANS_PER_ROW * l->n) {
        weld_lap_lists_free(l->ctx, l->lists);
        l->lists = NULL;
    }
}

static void top_of(weld_lap_top *out, weld_lap *l, int32_t i)
{
    drop_lists(l);
    if (l->lists)
        weld_lap_lists_top(out, l, i);
    else
        weld_lap_dense_top(out, l, i);
}

static weld_status refuse(const weld_lap *l, int32_t i, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int32_t j = 0; j < l->n; j++) {
        const double x = weld_lap_at(l, weld_lap_row(l, i), j);
        WELD_REQUIRE(isfinite(x), WELD_E_ARGUMENT, "score [%d, %d] of an assignment is not finite",
                     i, j);
        WELD_REQUIRE(fabs(x) <= largest, WELD_E_ARGUMENT,
                     "score [%d, %d] of an assignment is %g, allowed are %g", i, j, x, largest);
    }
done:
    return st;
}

static int keener(const void *a, const void *b)
{
    const wish *x = a, *y = b;
    if (x->lead > y->lead || x->lead < y->lead)
        return x->lead > y->lead ? -1 : 1;
    return x->row < y->row ? -1 : 1;
}

static void sort_waiting(solver *s, int32_t count)
{
    const weld_lap *l = &s->lap;
    for (int32_t k = 0; k < count; k++) {
        const int32_t i = s->waiting[k];
        s->wishes[k] = (wish){s->best[i] - l->kernels->mean(weld_lap_row(l, i), l->n), i};
    }
    qsort(s->wishes, (size_t)count, sizeof *s->wishes, keener);
    for (int32_t k = 0; k < count; k++)
        s->waiting[k] = s->wishes[k].row;
}

/* A row of equal scores, such as that of a dead unit, gains the same from any column and is left
 * out until the others have theirs. */
static weld_status look_at_rows(solver *s, const int32_t *perm, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_lap *l = &s->lap;
    for (int32_t i = 0; i < l->n; i++) {
        const void *row = weld_lap_row(l, i);
        weld_lap_extent e;
        l->kernels->extent(&e, row, l->n);
        if (!(e.low >= -largest && e.high <= largest && isfinite(e.sum)))
            WELD_TRY(refuse(l, i, err));
        s->best[i] = e.high;
        s->favourite[i] = -1;
        if (!(e.low < e.high))
            continue;
        const bool keeps = weld_lap_at(l, row, perm[i]) >= e.high, sample = i % TIE_SAMPLE == 0;
        const int32_t first = keeps && !sample ? perm[i] : l->kernels->seek(e.high, row, 0, l->n);
        s->favourite[i] = keeps ? perm[i] : first;
        s->wanted[s->favourite[i]]++;
        s->sampled += sample;
        s->tied += sample && l->kernels->seek(e.high, row, first + 1, l->n) < l->n;
    }
done:
    return st;
}

/* Rows take their favourites: whoever has it now or is alone in wanting it, then the keenest.
 * Returns how many rows are left, in `waiting`. */
static int32_t assign_first(solver *s, const int32_t *perm)
{
    weld_lap *l = &s->lap;
    int32_t contested = 0, count = 0;
    for (int32_t i = 0; i < l->n; i++) {
        const int32_t j = s->favourite[i];
        if (j >= 0 && (j == perm[i] || s->wanted[j] == 1))
            weld_lap_hold(l, i, j);
        else if (j >= 0)
            s->waiting[contested++] = i;
    }
    sort_waiting(s, contested);
    for (int32_t k = 0; k < contested; k++) {
        const int32_t i = s->waiting[k], j = s->favourite[i];
        if (l->row_of[j] < 0)
            weld_lap_hold(l, i, j);
        else
            s->waiting[count++] = i;
    }
    return count;
}

/* Row i takes what it wants most and pays what makes the second best as good; whom it displaces
 * goes on at once. Returns the row that has nothing in the end, -1 = none. */
static int32_t bid(weld_lap *l, int32_t i, int64_t *steps)
{
    for (;;) {
        weld_lap_top top;
        top_of(&top, l, i);
        const int32_t j = top.column, owner = l->row_of[j];
        const double price = l->price[j] + (top.best - top.second);
        const bool rises = price > l->price[j];
        if (owner >= 0 && !rises) /* as good for both: a path has to tell */
            return i;
        l->price[j] = price;
        weld_lap_hold(l, i, j);
        if (owner < 0)
            return -1;
        l->column_of[owner] = -1;
        i = owner;
        if (--*steps < 0)
            return i;
    }
}

/* Augmenting row reduction of the rows waiting; returns how many are left. */
static int32_t reduce(solver *s, int32_t count)
{
    weld_lap *l = &s->lap;
    for (int pass = 0; pass < PASSES; pass++) {
        int64_t steps = (int64_t)(l->lists ? STEPS_PER_ROW : DENSE_STEPS_PER_ROW) * l->n;
        int32_t left = 0; /* written over the rows that are done */
        for (int32_t k = 0; k < count; k++) {
            const int32_t i = bid(l, s->waiting[k], &steps);
            if (i >= 0)
                s->waiting[left++] = i;
        }
        count = left;
    }
    return count;
}

static void search(solver *s, int32_t count)
{
    weld_lap *l = &s->lap;
    sort_waiting(s, count);
    for (int32_t k = 0; k < count; k++) {
        drop_lists(l);
        if (l->lists)
            weld_lap_lists_search(l, s->waiting[k]);
        else
            weld_lap_dense_search(l, s->waiting[k]);
    }
}

/* Rows of equal scores: the column that they have, else the lowest. */
static void assign_rest(weld_lap *l, const int32_t *perm)
{
    for (int32_t i = 0; i < l->n; i++)
        if (l->column_of[i] < 0 && l->row_of[perm[i]] < 0)
            weld_lap_hold(l, i, perm[i]);
    for (int32_t i = 0, j = 0; i < l->n; i++) {
        if (l->column_of[i] >= 0)
            continue;
        while (l->row_of[j] >= 0)
            j++;
        weld_lap_hold(l, i, j);
    }
}

/* Takes the optimum over if it is really better. */
static double choose(int32_t *perm, const weld_lap *l)
{
    double gain = 0, scale = 0;
    for (int32_t i = 0; i < l->n; i++) {
        const void *row = weld_lap_row(l, i);
        const double best = weld_lap_at(l, row, l->column_of[i]);
        const double current = weld_lap_at(l, row, perm[i]);
        gain += best - current;
        scale += fabs(best) + fabs(current);
    }
    if (!(gain > 1e-12 * scale))
        return 0.0;
    for (int32_t i = 0; i < l->n; i++)
        perm[i] = l->column_of[i];
    return gain;
}

static weld_status solver_init(solver *s, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_lap *l = &s->lap;
    const int32_t n = l->n;
    WELD_NEW(l->price, l->ctx, n);
    WELD_NEW(l->row_of, l->ctx, n);
    WELD_NEW(l->column_of, l->ctx, n);
    WELD_NEW(l->reach.value, l->ctx, n);
    WELD_NEW(l->reach.price, l->ctx, n);
    WELD_NEW(l->reach.from, l->ctx, n);
    WELD_NEW(l->reach.maxima, l->ctx, n / WELD_LAP_BLOCK + 1);
    WELD_NEW(l->done, l->ctx, n);
    WELD_NEW(l->level, l->ctx, n);
    WELD_NEW(s->wishes, l->ctx, n);
    WELD_NEW(s->best, l->ctx, n);
    WELD_NEW(s->favourite, l->ctx, n);
    WELD_NEW(s->wanted, l->ctx, n);
    WELD_NEW(s->waiting, l->ctx, n);
    for (int32_t k = 0; k < n; k++)
        l->row_of[k] = l->column_of[k] = -1;
done:
    return st;
}

static void solver_free(solver *s)
{
    weld_lap *l = &s->lap;
    weld_lap_lists_free(l->ctx, l->lists);
    weld_free(l->ctx, l->price);
    weld_free(l->ctx, l->row_of);
    weld_free(l->ctx, l->column_of);
    weld_free(l->ctx, l->reach.value);
    weld_free(l->ctx, l->reach.price);
    weld_free(l->ctx, l->reach.from);
    weld_free(l->ctx, l->reach.maxima);
    weld_free(l->ctx, l->done);
    weld_free(l->ctx, l->level);
    weld_free(l->ctx, s->wishes);
    weld_free(l->ctx, s->best);
    weld_free(l->ctx, s->favourite);
    weld_free(l->ctx, s->wanted);
    weld_free(l->ctx, s->waiting);
}

weld_status weld_lap_solve(int32_t *perm, weld_context *ctx, const void *score, size_t element,
                           int32_t n, int32_t length, double *gain, weld_error *err)
{
    weld_status st = WELD_OK;
    solver s = {.lap = {.ctx = ctx,
                        .kernels = weld_lap_kernels_here(element == sizeof(float)),
                        .score = score,
                        .element = element,
                        .n = n}};
    int32_t left;
    *gain = 0.0;
    WELD_TRY(solver_init(&s, err));
    WELD_TRY(look_at_rows(&s, perm, err));
    left = assign_first(&s, perm);
    if (left > 0 && length > 0 && 4 * s.tied <= s.sampled) /* lists are too short for many ties */
        WELD_TRY(weld_lap_lists_create(&s.lap.lists, &s.lap, s.best, length, err));
    search(&s, reduce(&s, left));
    assign_rest(&s.lap, perm);
    *gain = choose(perm, &s.lap);
done:
    solver_free(&s);
    return st;
}

weld_status weld_lap_max(int32_t *perm, weld_context *ctx, const double *score, int32_t n,
                         double *gain, weld_error *err)
{
    return weld_lap_solve(perm, ctx, score, sizeof *score, n, n < LISTS_FROM ? 0 : LIST_LENGTH,
                          gain, err);
}

weld_status weld_lap_max_single(int32_t *perm, weld_context *ctx, const float *score, int32_t n,
                                double *gain, weld_error *err)
{
    return weld_lap_solve(perm, ctx, score, sizeof *score, n, n < LISTS_FROM ? 0 : LIST_LENGTH,
                          gain, err);
}
