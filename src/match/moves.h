/* Units of B that change places in the frame of A. */
#ifndef WELD_MATCH_MOVES_H
#define WELD_MATCH_MOVES_H
#include "match/blocks.h"

/* at: places that get another unit, cycle after cycle; from: where it stood, which is the next place of the
 * cycle, for the last one the first. */
typedef struct weld_move {
    int32_t *at, *from; /* [count] */
    int32_t *ends;      /* [cycles] a cycle is at[the end before .. its own) */
    int32_t count, cycles;
} weld_move;

/* before, now: [n] the units of B by place. */
weld_status weld_move_find(weld_move *out, weld_context *ctx, const int32_t *before,
                           const int32_t *now, int32_t n, weld_error *err);
void weld_move_free(weld_move *move, weld_context *ctx);

/* x [rows, width] := with its rows moved, or its columns. */
weld_status weld_move_rows(float *x, int64_t width, const weld_move *move, weld_context *ctx,
                           weld_error *err);
weld_status weld_move_columns(float *x, int64_t rows, int64_t width, const weld_move *move,
                              weld_context *ctx, weld_error *err);

/* What differs for a move, of places `at` only: a, and b - b moved, [count, k, ny] or [nx, k, count].
 * Kept from one to the next: memory taken anew costs as much as the work. */
typedef struct weld_difference {
    float *a, *b;
    size_t floats; /* there is room for, in each */
} weld_difference;
void weld_difference_free(weld_difference *d, weld_context *ctx);
/* Of the block's rows (x) or columns (y). */
weld_status weld_difference_take(weld_difference *d, const weld_block *b, bool rows,
                                 const weld_move *move, weld_context *ctx, weld_error *err);
#endif
