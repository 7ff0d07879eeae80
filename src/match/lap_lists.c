/* The solver's steps on lists of candidates: the columns of largest value of each row, and a bound
 * on the values of all others. Prices only rise and a value is rounded once from score and price,
 * so a bound holds for good; a row is looked at as a whole when its list can't decide. */
#include "match/lap_inner.h"
#include <math.h>

/* Ids by falling key, equal keys by rising id. */
typedef struct heap {
    double *key;    /* [n] by id */
    int32_t *id;    /* [n] the tree */
    int32_t *place; /* [n] of an id in the tree, -1 = not there */
    int32_t count;
} heap;

struct weld_lap_lists {
    int32_t length;
    int32_t *count;  /* [n] of a list: 0 before the row needs one */
    int32_t *column; /* [n, length] */
    double *score;   /* [n, length] */
    double *bound;   /* [n] no other column is worth more; -INFINITY = there is no other */
    double *value;   /* [length] scratch: of one list */
    double *maxima;  /* [n / block] scratch: of one row */
    int32_t *found;  /* [n + 1] scratch: columns of one row */
    int64_t scans;
    /* of one search */
    heap columns;     /* reached, not done; key: the value of the best path */
    heap rows;        /* whose other columns were not looked at; key: what those may be worth */
    double *drop;     /* [n] of rows: what a path through it loses */
    int32_t *from;    /* [n] row before the column on its best path */
    int32_t *touched; /* [n] columns that were reached */
    int32_t touched_count;
    int32_t sink; /* the best free column, -1 = none reached */
    double sink_value;
};

static bool before(const heap *h, int32_t a, int32_t b)
{
    return h->key[a] > h->key[b] || (a < b && h->key[a] >= h->key[b]);
}

static void put(heap *h, int32_t at, int32_t id)
{
    h->id[at] = id;
    h->place[id] = at;
}

static void sift_up(heap *h, int32_t id)
{
    int32_t at = h->place[id];
    for (; at > 0 && before(h, id, h->id[(at - 1) / 2]); at = (at - 1) / 2)
        put(h, at, h->id[(at - 1) / 2]);
    put(h, at, id);
}

/* Inserts, or moves up: a key never falls. */
static void heap_raise(heap *h, int32_t id, double key)
{
    h->key[id] = key;
    if (h->place[id] < 0)
        put(h, h->count++, id);
    sift_up(h, id);
}

static int32_t heap_pop(heap *h)
{
    const int32_t top = h->id[0], last = h->id[--h->count];
    int32_t at = 0;
    for (int32_t child = 1; child < h->count; child = 2 * at + 1) {
        if (child + 1 < h->count && before(h, h->id[child + 1], h->id[child]))
            child++;
        if (!before(h, h->id[child], last))
            break;
        put(h, at, h->id[child]);
        at = child;
    }
    if (h->count > 0)
        put(h, at, last);
    h->place[top] = -1;
    return top;
}

static void heap_clear(heap *h)
{
    for (int32_t k = 0; k < h->count; k++)
        h->place[h->id[k]] = -1;
    h->count = 0;
}

static double heap_best(const heap *h)
{
    return h->count > 0 ? h->key[h->id[0]] : -INFINITY;
}

static weld_status heap_init(heap *h, weld_context *ctx, int32_t n, weld_error *err)
{
    weld_status st = WELD_OK;
    WELD_NEW(h->key, ctx, n);
    WELD_NEW(h->id, ctx, n);
    WELD_NEW(h->place, ctx, n);
    for (int32_t k = 0; k < n; k++) {
        h->key[k] = -INFINITY;
        h->place[k] = -1;
    }
done:
    return st;
}

static void heap_free(heap *h, weld_context *ctx)
{
    weld_free(ctx, h->key);
    weld_free(ctx, h->id);
    weld_free(ctx, h->place);
}

weld_status weld_lap_lists_create(weld_lap_lists **out, const weld_lap *l, const double *best,
                                  int32_t length, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_lap_lists *s = NULL;
    *out = NULL;
    WELD_NEW(s, l->ctx, 1);
    s->length = length < l->n ? length : l->n;
    WELD_NEW(s->count, l->ctx, l->n);
    WELD_NEW(s->column, l->ctx, (size_t)l->n * (size_t)s->length);
    WELD_NEW(s->score, l->ctx, (size_t)l->n * (size_t)s->length);
    WELD_NEW(s->bound, l->ctx, l->n);
    WELD_NEW(s->value, l->ctx, s->length);
    WELD_NEW(s->maxima, l->ctx, l->n / WELD_LAP_BLOCK + 1);
    WELD_NEW(s->found, l->ctx, (size_t)l->n + 1);
    WELD_NEW(s->drop, l->ctx, l->n);
    WELD_NEW(s->from, l->ctx, l->n);
    WELD_NEW(s->touched, l->ctx, l->n);
    WELD_TRY(heap_init(&s->columns, l->ctx, l->n, err));
    WELD_TRY(heap_init(&s->rows, l->ctx, l->n, err));
    for (int32_t i = 0; i < l->n; i++)
        s->bound[i] = best[i];
    *out = s;
    s = NULL;
done:
    weld_lap_lists_free(l->ctx, s);
    return st;
}

void weld_lap_lists_free(weld_context *ctx, weld_lap_lists *s)
{
    if (!s)
        return;
    weld_free(ctx, s->count);
    weld_free(ctx, s->column);
    weld_free(ctx, s->score);
    weld_free(ctx, s->bound);
    weld_free(ctx, s->value);
    weld_free(ctx, s->maxima);
    weld_free(ctx, s->found);
    weld_free(ctx, s->drop);
    weld_free(ctx, s->from);
    weld_free(ctx, s->touched);
    heap_free(&s->columns, ctx);
    heap_free(&s->rows, ctx);
    weld_free(ctx, s);
}

int64_t weld_lap_lists_scans(const weld_lap_lists *lists)
{
    return lists->scans;
}

/* A value that about as many columns reach as half a list holds: the mean of the largest values of
 * `length` sets of blocks. INFINITY if there are not that many blocks. */
static double usual_bound(weld_lap_lists *s, int32_t blocks)
{
    const int32_t sets = s->length;
    double sum = 0;
    if (blocks < sets)
        return INFINITY;
    for (int32_t b = 0; b < sets; b++)
        s->value[b] = s->maxima[b];
    for (int32_t b = sets, set = 0; b < blocks; b++, set = set + 1 < sets ? set + 1 : 0)
        s->value[set] = s->maxima[b] > s->value[set] ? s->maxima[b] : s->value[set];
    for (int32_t b = 0; b < sets; b++)
        sum += s->value[b];
    return sum / sets;
}

/* found = the columns of value `bound` or more; returns how many. */
static int32_t gather(weld_lap *l, const void *row, double bound)
{
    weld_lap_lists *s = l->lists;
    int32_t count = 0;
    for (int32_t first = 0; first < l->n; first += WELD_LAP_BLOCK) {
        if (s->maxima[first / WELD_LAP_BLOCK] < bound)
            continue;
        const int32_t end = l->n - first < WELD_LAP_BLOCK ? l->n : first + WELD_LAP_BLOCK;
        for (int32_t j = first; j < end; j++) {
            s->found[count] = j;
            count += weld_lap_at(l, row, j) - l->price[j] >= bound;
        }
    }
    return count;
}

/* found = the columns of the `most` largest values, the lowest of equal ones first; returns the
 * last value. */
static double gather_largest(weld_lap *l, const void *row, int32_t most)
{
    weld_lap_lists *s = l->lists;
    int32_t count = 0;
    for (int32_t j = 0; j < l->n; j++) {
        const double x = weld_lap_at(l, row, j) - l->price[j];
        if (count == most && x <= s->value[count - 1])
            continue;
        int32_t at = count < most ? count++ : most - 1;
        for (; at > 0 && s->value[at - 1] < x; at--) {
            s->value[at] = s->value[at - 1];
            s->found[at] = s->found[at - 1];
        }
        s->value[at] = x;
        s->found[at] = j;
    }
    return s->value[count - 1];
}

static void fill(weld_lap *l, int32_t i)
{
    weld_lap_lists *s = l->lists;
    const void *row = weld_lap_row(l, i);
    const size_t base = (size_t)i * (size_t)s->length;
    l->kernels->maxima(s->maxima, row, l->price, l->n);
    s->scans++;
    s->bound[i] = usual_bound(s, l->n / WELD_LAP_BLOCK);
    s->count[i] = gather(l, row, s->bound[i]);
    if (s->count[i] < 2 || s->count[i] > s->length) {
        s->count[i] = s->length;
        s->bound[i] = gather_largest(l, row, s->length);
        /* Only a list as long as the row has left nothing out. */
        if (s->length == l->n)
            s->bound[i] = -INFINITY;
    }
    for (int32_t k = 0; k < s->count[i]; k++) {
        s->column[base + (size_t)k] = s->found[k];
        s->score[base + (size_t)k] = weld_lap_at(l, row, s->found[k]);
    }
}

/* The best of the list, whatever else there is. */
static void top_listed(weld_lap_top *out, const weld_lap *l, int32_t i)
{
    const weld_lap_lists *s = l->lists;
    const int32_t *column = s->column + (size_t)i * (size_t)s->length;
    const double *score = s->score + (size_t)i * (size_t)s->length;
    double best = -INFINITY, second = -INFINITY;
    for (int32_t k = 0; k < s->count[i]; k++) {
        const double x = s->value[k] = score[k] - l->price[column[k]];
        const double loser = x < best ? x : best;
        second = loser > second ? loser : second;
        best = x > best ? x : best;
    }
    *out = (weld_lap_top){best, second, -1};
    for (int32_t k = 0; k < s->count[i]; k++) {
        const int32_t j = column[k], old = out->column;
        if (s->value[k] < best)
            continue;
        const bool held = l->row_of[j] >= 0, old_held = old >= 0 && l->row_of[old] >= 0;
        if (old < 0 || (old_held && !held) || (j < old && old_held == held))
            out->column = j;
    }
}

void weld_lap_lists_top(weld_lap_top *out, weld_lap *l, int32_t i)
{
    top_listed(out, l, i);
    if (out->second >= l->lists->bound[i])
        return;
    fill(l, i);
    top_listed(out, l, i);
}

/* A path to column j over row i. Whatever is not better than the best free column is left out. */
static void offer(weld_lap *l, int32_t j, int32_t i, double x)
{
    weld_lap_lists *s = l->lists;
    if (x < s->sink_value)
        return;
    if (l->row_of[j] < 0) {
        if (x > s->sink_value || j < s->sink) {
            s->sink = j;
            s->sink_value = x;
            s->from[j] = i;
        }
    } else if (x > s->sink_value && x > s->columns.key[j]) {
        if (s->columns.place[j] < 0)
            s->touched[s->touched_count++] = j;
        s->from[j] = i;
        heap_raise(&s->columns, j, x);
    }
}

static void offer_list(weld_lap *l, int32_t i, double drop)
{
    weld_lap_lists *s = l->lists;
    const size_t base = (size_t)i * (size_t)s->length;
    for (int32_t k = 0; k < s->count[i]; k++) {
        const int32_t j = s->column[base + (size_t)k];
        offer(l, j, i, s->score[base + (size_t)k] - l->price[j] - drop);
    }
    s->drop[i] = drop;
    if (s->bound[i] - drop > s->sink_value)
        heap_raise(&s->rows, i, s->bound[i] - drop);
}

static void offer_row(weld_lap *l, int32_t i)
{
    weld_lap_lists *s = l->lists;
    const void *row = weld_lap_row(l, i);
    const double drop = s->drop[i];
    fill(l, i);
    for (int32_t first = 0; first < l->n; first += WELD_LAP_BLOCK) {
        if (s->maxima[first / WELD_LAP_BLOCK] - drop < s->sink_value)
            continue;
        const int32_t end = l->n - first < WELD_LAP_BLOCK ? l->n : first + WELD_LAP_BLOCK;
        for (int32_t j = first; j < end; j++)
            offer(l, j, i, weld_lap_at(l, row, j) - l->price[j] - drop);
    }
}

static void search_end(weld_lap *l, int32_t start, int32_t count)
{
    weld_lap_lists *s = l->lists;
    weld_lap_raise(l, count, s->sink_value);
    for (int32_t i = -1, j = s->sink; i != start;) {
        i = s->from[j];
        const int32_t next = l->column_of[i];
        weld_lap_hold(l, i, j);
        j = next;
    }
    for (int32_t k = 0; k < s->touched_count; k++)
        s->columns.key[s->touched[k]] = -INFINITY;
    heap_clear(&s->columns);
    heap_clear(&s->rows);
}

void weld_lap_lists_search(weld_lap *l, int32_t start)
{
    weld_lap_lists *s = l->lists;
    int32_t count = 0;
    s->touched_count = 0;
    s->sink = -1;
    s->sink_value = -INFINITY;
    offer_list(l, start, 0.0);
    for (;;) {
        const double reached = heap_best(&s->columns), unseen = heap_best(&s->rows);
        if (reached <= s->sink_value && unseen <= s->sink_value)
            break;
        if (unseen > reached) {
            offer_row(l, heap_pop(&s->rows));
            continue;
        }
        const int32_t j = heap_pop(&s->columns), i = l->row_of[j];
        l->done[count] = j;
        l->level[count++] = reached;
        s->columns.key[j] = INFINITY; /* rounding must not lead a path back into the tree */
        offer_list(l, i, weld_lap_at(l, weld_lap_row(l, i), j) - l->price[j] - reached);
    }
    search_end(l, start, count);
}
