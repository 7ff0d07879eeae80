#include "match/moves.h"
#include "core/parallel.h"
#include <string.h>

enum { CHUNK = 1 << 15 }; /* floats that are worth an item of parallel work */

weld_status weld_move_find(weld_move *out, weld_context *ctx, const int32_t *before,
                           const int32_t *now, int32_t n, weld_error *err)
{
    weld_status st = WELD_OK;
    int32_t *stood = NULL; /* [n] the place where a unit of B was; -1 = listed */
    *out = (weld_move){.count = 0};
    WELD_NEW(out->at, ctx, n);
    WELD_NEW(out->from, ctx, n);
    WELD_NEW(out->ends, ctx, n);
    WELD_NEW(stood, ctx, n);
    weld_invert_perm(stood, before, n);
    for (int32_t i = 0; i < n; i++) {
        if (now[i] == before[i] || stood[now[i]] < 0)
            continue;
        for (int32_t place = i; stood[now[place]] >= 0; place = out->from[out->count++]) {
            out->at[out->count] = place;
            out->from[out->count] = stood[now[place]];
            stood[now[place]] = -1;
        }
        out->ends[out->cycles++] = out->count;
    }
done:
    weld_free(ctx, stood);
    return st;
}

void weld_move_free(weld_move *move, weld_context *ctx)
{
    weld_free(ctx, move->at);
    weld_free(ctx, move->from);
    weld_free(ctx, move->ends);
}

/* Of work whose every part costs so many floats. */
static int64_t per_item(int64_t cost)
{
    return cost < CHUNK ? CHUNK / (cost > 0 ? cost : 1) : 1;
}

static int64_t items(int64_t count, int64_t each)
{
    return (count + each - 1) / each;
}

static int64_t end_of(int64_t item, int64_t each, int64_t count)
{
    const int64_t end = (item + 1) * each;
    return end < count ? end : count;
}

typedef struct moving {
    float *x; /* [rows, width] */
    const weld_move *move;
    int64_t width, count, per_item; /* rows, or columns where rows move */
} moving;

typedef struct taking {
    weld_difference *out;
    const float *a, *b;
    const weld_move *move;
    int64_t width, count, per_item; /* rows of `out` */
} taking;

/* ---- in place -------------------------------------------------------------------------------- */

enum { STRIP = 512 }; /* columns of a row that wait while a cycle goes round */

static weld_status move_rows(void *user, int64_t item, int slot, weld_error *err)
{
    const moving *m = user;
    const weld_move *v = m->move;
    const int64_t end = end_of(item, m->per_item, m->count);
    (void)slot, (void)err;
    for (int64_t c = item * m->per_item; c < end; c += STRIP) {
        const int64_t some = end - c < STRIP ? end - c : STRIP;
        const size_t bytes = (size_t)some * sizeof(float);
        float *to = m->x + c, first[STRIP];
        for (int32_t cycle = 0, k = 0; cycle < v->cycles; cycle++) {
            memcpy(first, to + v->at[k] * m->width, bytes);
            for (; k < v->ends[cycle] - 1; k++)
                memcpy(to + v->at[k] * m->width, to + v->from[k] * m->width, bytes);
            memcpy(to + v->at[k++] * m->width, first, bytes);
        }
    }
    return WELD_OK;
}

static weld_status move_columns(void *user, int64_t item, int slot, weld_error *err)
{
    const moving *m = user;
    const weld_move *v = m->move;
    (void)slot, (void)err;
    for (int64_t r = item * m->per_item; r < end_of(item, m->per_item, m->count); r++) {
        float *to = m->x + r * m->width;
        for (int32_t cycle = 0, k = 0; cycle < v->cycles; cycle++) {
            int32_t place = v->at[k++];
            const float first = to[place];
            for (; k < v->ends[cycle]; place = v->at[k++])
                to[place] = to[v->at[k]];
            to[place] = first;
        }
    }
    return WELD_OK;
}

weld_status weld_move_rows(float *x, int64_t width, const weld_move *move, weld_context *ctx,
                           weld_error *err)
{
    moving m = {x, move, width, width, per_item(move->count)};
    return weld_parallel_for(ctx, items(width, m.per_item), move_rows, &m, err);
}

weld_status weld_move_columns(float *x, int64_t rows, int64_t width, const weld_move *move,
                              weld_context *ctx, weld_error *err)
{
    moving m = {x, move, width, rows, per_item(move->count)};
    return weld_parallel_for(ctx, items(rows, m.per_item), move_columns, &m, err);
}

/* ---- what differs ---------------------------------------------------------------------------- */

void weld_difference_free(weld_difference *d, weld_context *ctx)
{
    weld_free(ctx, d->a);
    weld_free(ctx, d->b);
    *d = (weld_difference){NULL, NULL, 0};
}

static weld_status make_room(weld_difference *d, size_t floats, weld_context *ctx, weld_error *err)
{
    if (floats <= d->floats)
        return WELD_OK;
    weld_difference_free(d, ctx);
    d->a = weld_resize(ctx, NULL, floats, sizeof *d->a);
    d->b = weld_resize(ctx, NULL, floats, sizeof *d->b);
    if (!d->a || !d->b)
        return weld_fail_memory(ctx, err, floats, sizeof *d->a);
    d->floats = floats;
    return WELD_OK;
}

static weld_status take_rows(void *user, int64_t item, int slot, weld_error *err)
{
    const taking *t = user;
    const int64_t width = t->width;
    (void)slot, (void)err;
    for (int64_t r = item * t->per_item; r < end_of(item, t->per_item, t->count); r++) {
        const int64_t at = t->move->at[r] * width, from = t->move->from[r] * width;
        memcpy(t->out->a + r * width, t->a + at, (size_t)width * sizeof *t->a);
        for (int64_t k = 0; k < width; k++)
            t->out->b[r * width + k] = t->b[at + k] - t->b[from + k];
    }
    return WELD_OK;
}

static weld_status take_columns(void *user, int64_t item, int slot, weld_error *err)
{
    const taking *t = user;
    const weld_move *v = t->move;
    (void)slot, (void)err;
    for (int64_t r = item * t->per_item; r < end_of(item, t->per_item, t->count); r++) {
        const float *a = t->a + r * t->width, *b = t->b + r * t->width;
        float *out_a = t->out->a + r * v->count, *out_b = t->out->b + r * v->count;
        for (int32_t c = 0; c < v->count; c++) {
            out_a[c] = a[v->at[c]];
            out_b[c] = b[v->at[c]] - b[v->from[c]];
        }
    }
    return WELD_OK;
}

weld_status weld_difference_take(weld_difference *d, const weld_block *b, bool rows,
                                 const weld_move *move, weld_context *ctx, weld_error *err)
{
    const int64_t width = rows ? b->k * b->ny : b->ny;
    const int64_t count = rows ? move->count : b->nx * b->k, cost = rows ? width : move->count;
    taking t = {d, b->a, b->b, move, width, count, per_item(cost)};
    const weld_status st = make_room(d, (size_t)(count * cost), ctx, err);
    return st != WELD_OK ? st
                         : weld_parallel_for(ctx, items(count, t.per_item),
                                             rows ? take_rows : take_columns, &t, err);
}
