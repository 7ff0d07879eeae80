/* Units of B that change places in the frame of A. */
#ifndef WELD_MATCH_MOVES_H
#define WELD_MATCH_MOVES_H
#include "match/blocks.h"

/* at: places that get another unit, ascending; from: where it stood; slot: which of `at` that was. */
typedef struct weld_move {
    int32_t *at, *from, *slot; /* [count] */
    int32_t count;
} weld_move;

weld_status weld_move_find(weld_move *out, weld_context *ctx, const int32_t *before,
                           const int32_t *now, int32_t n, weld_error *err);
void weld_move_free(weld_move *move, weld_context *ctx);

/* What a move changed, of places `at` only: a and b after - b before, [count, k, ny] or [nx, k, count].
 * Kept from one move to the next: memory taken anew costs as much as the work. */
typedef struct weld_move_room {
    float *a, *change, *old;
    size_t a_count, change_count, old_count;
} weld_move_room;
void weld_move_room_free(weld_move_room *room, weld_context *ctx);

/* b->b := moved on its rows (x) or columns (y); `changes`: room->a and room->change are filled. */
weld_status weld_move_block(weld_block *b, bool rows, const weld_move *move, bool changes,
                            weld_move_room *room, weld_context *ctx, weld_error *err);
/* x [rows, n] := with its columns moved. */
weld_status weld_move_columns(float *x, int64_t rows, int64_t n, const weld_move *move,
                              weld_context *ctx, weld_error *err);
#endif
