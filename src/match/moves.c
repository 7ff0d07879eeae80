#include "match/moves.h"
#include "core/parallel.h"
#include <string.h>

enum { CHUNK = 1 << 15 }; /* floats that are worth an item of parallel work */

weld_status weld_move_find(weld_move *out, weld_context *ctx, const int32_t *before,
                           const int32_t *now, int32_t n, weld_error *err)
{
    weld_status st = WELD_OK;
    int32_t *stood = NULL; /* [n] the place where a unit of B was */
    int32_t *slot = NULL;  /* [n] of a place, which of `at` it is */
    *out = (weld_move){.count = 0};
    WELD_NEW(out->at, ctx, n);
    WELD_NEW(out->from, ctx, n);
    WELD_NEW(out->slot, ctx, n);
    WELD_NEW(stood, ctx, n);
    WELD_NEW(slot, ctx, n);
    weld_invert_perm(stood, before, n);
    for (int32_t i = 0; i < n; i++) {
        if (now[i] == before[i])
            continue;
        slot[i] = out->count;
        out->at[out->count] = i;
        out->from[out->count++] = stood[now[i]];
    }
    for (int32_t m = 0; m < out->count; m++)
        out->slot[m] = slot[out->from[m]];
done:
    weld_free(ctx, stood);
    weld_free(ctx, slot);
    return st;
}

void weld_move_free(weld_move *move, weld_context *ctx)
{
    weld_free(ctx, move->at);
    weld_free(ctx, move->from);
    weld_free(ctx, move->slot);
}

void weld_move_room_free(weld_move_room *room, weld_context *ctx)
{
    weld_free(ctx, room->a);
    weld_free(ctx, room->change);
    weld_free(ctx, room->old);
}

static weld_status make_room(float **at, size_t *have, size_t count, weld_context *ctx,
                             weld_error *err)
{
    if (count <= *have)
        return WELD_OK;
    weld_free(ctx, *at);
    *at = weld_resize(ctx, NULL, count, sizeof **at);
    *have = *at ? count : 0;
    return *at ? WELD_OK : weld_fail_memory(ctx, err, count, sizeof **at);
}

/* Parallel work: `count` rows of `width` floats. */
typedef struct moving {
    float *to;
    const float *a;
    float *a_at, *change, *old; /* the first two NULL where they are not wanted */
    const weld_move *move;
    int64_t count, width, rows_per_item;
} moving;

static weld_status run(moving *m, weld_context *ctx, weld_parallel_fn fn, weld_error *err)
{
    m->rows_per_item = m->width < CHUNK ? CHUNK / (m->width > 0 ? m->width : 1) : 1;
    return weld_parallel_for(ctx, (m->count + m->rows_per_item - 1) / m->rows_per_item, fn, m, err);
}

static int64_t end_of(const moving *m, int64_t item)
{
    const int64_t end = (item + 1) * m->rows_per_item;
    return end < m->count ? end : m->count;
}

/* ---- whole rows ------------------------------------------------------------------------------ */

static weld_status keep_rows(void *user, int64_t item, int slot, weld_error *err)
{
    const moving *m = user;
    (void)slot, (void)err;
    for (int64_t r = item * m->rows_per_item; r < end_of(m, item); r++)
        memcpy(m->old + r * m->width, m->to + m->move->at[r] * m->width,
               (size_t)m->width * sizeof *m->old);
    return WELD_OK;
}

static weld_status move_rows(void *user, int64_t item, int slot, weld_error *err)
{
    const moving *m = user;
    const int64_t width = m->width;
    (void)slot, (void)err;
    for (int64_t r = item * m->rows_per_item; r < end_of(m, item); r++) {
        const int64_t at = m->move->at[r];
        const float *was = m->old + r * width, *is = m->old + m->move->slot[r] * width;
        memcpy(m->to + at * width, is, (size_t)width * sizeof *is);
        if (!m->change)
            continue;
        memcpy(m->a_at + r * width, m->a + at * width, (size_t)width * sizeof *is);
        for (int64_t k = 0; k < width; k++)
            m->change[r * width + k] = is[k] - was[k];
    }
    return WELD_OK;
}

/* ---- columns --------------------------------------------------------------------------------- */

/* old: [slots, count] one row of every thread. */
static weld_status move_in_rows(void *user, int64_t item, int slot, weld_error *err)
{
    const moving *m = user;
    const int32_t count = m->move->count, *at = m->move->at;
    float *old = m->old + (int64_t)slot * count;
    (void)err;
    for (int64_t r = item * m->rows_per_item; r < end_of(m, item); r++) {
        float *to = m->to + r * m->width;
        for (int32_t c = 0; c < count; c++)
            old[c] = to[at[c]];
        for (int32_t c = 0; c < count; c++)
            to[at[c]] = old[m->move->slot[c]];
        for (int32_t c = 0; m->change && c < count; c++) {
            m->a_at[r * count + c] = m->a[r * m->width + at[c]];
            m->change[r * count + c] = to[at[c]] - old[c];
        }
    }
    return WELD_OK;
}

weld_status weld_move_block(weld_block *b, bool rows, const weld_move *move, bool changes,
                            weld_move_room *room, weld_context *ctx, weld_error *err)
{
    weld_status st = WELD_OK;
    const size_t slots = (size_t)weld_parallel_slots(ctx), moved = (size_t)move->count;
    const size_t cells = moved * (size_t)(rows ? b->k * b->ny : b->nx * b->k);
    moving m = {.to = b->b, .a = b->a, .move = move};
    WELD_TRY(make_room(&room->old, &room->old_count, rows ? cells : slots * moved, ctx, err));
    m.old = room->old;
    if (changes) {
        WELD_TRY(make_room(&room->a, &room->a_count, cells, ctx, err));
        WELD_TRY(make_room(&room->change, &room->change_count, cells, ctx, err));
        m.a_at = room->a;
        m.change = room->change;
    }
    m.count = rows ? move->count : b->nx * b->k;
    m.width = rows ? b->k * b->ny : b->ny;
    if (rows)
        WELD_TRY(run(&m, ctx, keep_rows, err));
    WELD_TRY(run(&m, ctx, rows ? move_rows : move_in_rows, err));
done:
    return st;
}

weld_status weld_move_columns(float *x, int64_t rows, int64_t n, const weld_move *move,
                              weld_context *ctx, weld_error *err)
{
    weld_status st = WELD_OK;
    moving m = {.to = x, .move = move, .count = rows, .width = n};
    const size_t cells = (size_t)weld_parallel_slots(ctx) * (size_t)move->count;
    WELD_NEW(m.old, ctx, cells);
    WELD_TRY(run(&m, ctx, move_in_rows, err));
done:
    weld_free(ctx, m.old);
    return st;
}
