#include "match/grams.h"
#include "match/dot.h"
#include "match/moves.h"
#include "match/products.h"
#include <string.h>

typedef struct class_gram {
    float *score; /* [n, n] */
    float *fixed; /* [n, n] of it, what no other class changes; NULL before the first need */
    double scale;
    bool valid;
    int updates; /* since it was computed as a whole: rounding adds up */
} class_gram;

struct weld_grams {
    weld_context *ctx;
    const weld_symmetry *symmetry;
    const weld_element *element;
    weld_blocks *blocks;
    class_gram *classes; /* [free_count] */
    weld_move_room room;
};

enum { UPDATES_MAX = 32 };

static int32_t size_of(const weld_grams *g, int c)
{
    return g->symmetry->classes[c].size;
}

weld_status weld_grams_create(weld_grams **out, const weld_scores *scores,
                              const weld_element *element, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_grams *g = NULL;
    *out = NULL;
    WELD_NEW(g, scores->ctx, 1);
    g->ctx = scores->ctx;
    g->symmetry = scores->symmetry;
    g->element = element;
    WELD_NEW(g->classes, g->ctx, g->symmetry->free_count);
    WELD_TRY(weld_blocks_create(&g->blocks, scores, element, err));
    for (int k = 0; k < g->blocks->count; k++) {
        const weld_block *b = &g->blocks->blocks[k];
        g->classes[b->x].scale += b->scale;
        if (b->y >= 0)
            g->classes[b->y].scale += b->scale;
    }
    *out = g;
    g = NULL;
done:
    weld_grams_free(g);
    return st;
}

void weld_grams_free(weld_grams *g)
{
    if (!g)
        return;
    for (int c = 0; g->classes && c < g->symmetry->free_count; c++) {
        weld_free(g->ctx, g->classes[c].score);
        weld_free(g->ctx, g->classes[c].fixed);
    }
    weld_free(g->ctx, g->classes);
    weld_blocks_free(g->blocks);
    weld_move_room_free(&g->room, g->ctx);
    weld_free(g->ctx, g);
}

bool weld_grams_has(const weld_grams *g, int unit_class)
{
    return g->blocks->whole[unit_class];
}

/* ---- scores ---------------------------------------------------------------------------------- */

typedef enum blocks_wanted { FIXED, MOVING, SETTLED } blocks_wanted;

static bool is_wanted(const weld_block *b, int c, blocks_wanted wanted, const bool *settled)
{
    const int other = b->x == c ? b->y : b->x;
    if (b->x != c && b->y != c)
        return false;
    return wanted == FIXED    ? other < 0
           : wanted == MOVING ? other >= 0
                              : other < 0 || settled[other];
}

/* out [n, n] += that of one that is not in memory. */
static weld_status add_drawn(float *out, weld_grams *g, const weld_block *b, int c, weld_error *err)
{
    weld_status st = weld_block_open(g->blocks, b, err);
    if (st != WELD_OK)
        return st;
    const weld_product p = weld_block_product(b, c);
    st = weld_multiply(g->ctx, out, size_of(g, c), size_of(g, c), &p, 1, true, err);
    weld_block_close(g->blocks, b);
    return st;
}

/* out [n, n] = or += the sum over the blocks of the class: those that no other class is on, those that
 * another is on, or those whose other class is settled. *scale of what was counted. */
static weld_status sum_blocks(float *out, double *scale, weld_grams *g, int c, bool add,
                              blocks_wanted wanted, const bool *settled, weld_error *err)
{
    weld_status st = WELD_OK;
    weld_product *products = NULL;
    int count = 0;
    *scale = 0;
    WELD_NEW(products, g->ctx, g->blocks->count);
    for (int k = 0; k < g->blocks->count; k++) {
        const weld_block *b = &g->blocks->blocks[k];
        if (!is_wanted(b, c, wanted, settled))
            continue;
        *scale += b->scale;
        if (b->k > 0 && !weld_block_is_drawn(g->blocks, b))
            products[count++] = weld_block_product(b, c);
    }
    WELD_TRY(weld_multiply(g->ctx, out, size_of(g, c), size_of(g, c), products, count, add, err));
    for (int k = 0; k < g->blocks->count; k++) {
        const weld_block *b = &g->blocks->blocks[k];
        if (is_wanted(b, c, wanted, settled) && weld_block_is_drawn(g->blocks, b))
            WELD_TRY(add_drawn(out, g, b, c, err));
    }
done:
    weld_free(g->ctx, products);
    return st;
}

static weld_status new_square(float **out, weld_grams *g, int c, weld_error *err)
{
    const size_t n = (size_t)size_of(g, c);
    *out = weld_resize(g->ctx, NULL, n * n, sizeof **out);
    return *out ? WELD_OK : weld_fail_memory(g->ctx, err, n * n, sizeof **out);
}

static weld_status compute(weld_grams *g, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    class_gram *k = &g->classes[c];
    const size_t cells = (size_t)size_of(g, c) * (size_t)size_of(g, c);
    double scale;
    if (!k->fixed) {
        WELD_TRY(new_square(&k->fixed, g, c, err));
        WELD_TRY(sum_blocks(k->fixed, &scale, g, c, false, FIXED, NULL, err));
    }
    if (!k->score)
        WELD_TRY(new_square(&k->score, g, c, err));
    memcpy(k->score, k->fixed, cells * sizeof *k->score);
    WELD_TRY(sum_blocks(k->score, &scale, g, c, true, MOVING, NULL, err));
    k->valid = true;
    k->updates = 0;
done:
    return st;
}

/* Of what is settled alone, in the place of the whole. */
static weld_status compute_settled(double *scale, weld_grams *g, int c, const bool *settled,
                                   weld_error *err)
{
    weld_status st = WELD_OK;
    class_gram *k = &g->classes[c];
    k->valid = false;
    if (!k->score)
        WELD_TRY(new_square(&k->score, g, c, err));
    WELD_TRY(sum_blocks(k->score, scale, g, c, false, SETTLED, settled, err));
done:
    return st;
}

weld_status weld_grams_view(const float **score, double *scale, weld_grams *g, int unit_class,
                            const bool *settled, weld_error *err)
{
    class_gram *k = &g->classes[unit_class];
    weld_status st = WELD_OK;
    *scale = k->scale;
    if (settled)
        st = compute_settled(scale, g, unit_class, settled, err);
    else if (!k->valid)
        st = compute(g, unit_class, err);
    *score = k->score;
    return st;
}

void weld_grams_release(weld_grams *g, int unit_class)
{
    class_gram *k = &g->classes[unit_class];
    bool drawn = false;
    for (int at = 0; at < g->blocks->count && !drawn; at++) {
        const weld_block *b = &g->blocks->blocks[at];
        drawn = (b->x == unit_class || b->y == unit_class) && weld_block_is_drawn(g->blocks, b);
    }
    if (!drawn)
        return;
    weld_free(g->ctx, k->score);
    weld_free(g->ctx, k->fixed);
    k->score = k->fixed = NULL;
    k->valid = false;
}

weld_status weld_grams_score(double *score, double *scale, weld_grams *g, int unit_class,
                             const bool *settled, weld_error *err)
{
    const size_t n = (size_t)size_of(g, unit_class);
    const int32_t *perm = g->element->perms[unit_class];
    const float *now = NULL;
    const weld_status st = weld_grams_view(&now, scale, g, unit_class, settled, err);
    for (size_t i = 0; st == WELD_OK && i < n; i++)
        for (size_t j = 0; j < n; j++)
            score[i * n + (size_t)perm[j]] = now[i * n + j];
    weld_grams_release(g, unit_class);
    return st;
}

/* ---- moves ----------------------------------------------------------------------------------- */

/* The block's units of class c have moved; the score of the other class, where it is kept, changes by
 * what came and what went. */
static weld_status move_block(weld_grams *g, weld_block *b, int c, const weld_move *move,
                              weld_error *err)
{
    weld_status st = WELD_OK;
    const bool rows = b->x == c;
    const int other = rows ? b->y : b->x;
    class_gram *k = other >= 0 && g->classes[other].valid ? &g->classes[other] : NULL;
    if (k && (++k->updates > UPDATES_MAX || weld_block_is_drawn(g->blocks, b))) {
        k->valid = false;
        k = NULL;
    }
    if (weld_block_is_drawn(g->blocks, b))
        goto done;
    WELD_TRY(weld_move_block(b, rows, move, k != NULL, &g->room, g->ctx, err));
    if (!k)
        goto done;
    const weld_product p = {g->room.a, g->room.change, move->count * b->k, rows, !rows};
    WELD_TRY(
        weld_multiply(g->ctx, k->score, size_of(g, other), size_of(g, other), &p, 1, true, err));
done:
    return st;
}

weld_status weld_grams_moved(weld_grams *g, int unit_class, const int32_t *before, weld_error *err)
{
    weld_status st = WELD_OK;
    class_gram *k = &g->classes[unit_class];
    const int32_t n = size_of(g, unit_class);
    weld_move move = {.count = 0};
    WELD_TRY(weld_move_find(&move, g->ctx, before, g->element->perms[unit_class], n, err));
    if (move.count == 0)
        goto done;
    for (int at = 0; at < g->blocks->count; at++) {
        weld_block *b = &g->blocks->blocks[at];
        if (b->x == unit_class || b->y == unit_class)
            WELD_TRY(move_block(g, b, unit_class, &move, err));
    }
    if (k->valid)
        WELD_TRY(weld_move_columns(k->score, n, n, &move, g->ctx, err));
    if (k->fixed)
        WELD_TRY(weld_move_columns(k->fixed, n, n, &move, g->ctx, err));
done:
    weld_move_free(&move, g->ctx);
    return st;
}

/* ---- gains ----------------------------------------------------------------------------------- */

/* Of the block, when the units at `move->at` are those that now stand at move->from. */
static double gain_of(const weld_block *b, bool rows, const weld_move *move)
{
    const int64_t row = b->k * b->ny;
    double gain = 0;
    for (int32_t m = 0; rows && m < move->count; m++) {
        const float *a = b->a + move->at[m] * row;
        gain += weld_dot(a, b->b + move->from[m] * row, row) -
                weld_dot(a, b->b + move->at[m] * row, row);
    }
    for (int64_t r = 0; !rows && r < b->nx * b->k; r++) {
        const float *a = b->a + r * b->ny, *now = b->b + r * b->ny;
        for (int32_t m = 0; m < move->count; m++)
            gain += (double)a[move->at[m]] *
                    ((double)now[move->from[m]] - (double)now[move->at[m]]);
    }
    return gain;
}

weld_status weld_grams_gain(double *gain, const weld_grams *g, int unit_class, const int32_t *perm,
                            weld_error *err)
{
    weld_status st = WELD_OK;
    weld_move move = {.count = 0};
    *gain = 0;
    WELD_TRY(weld_move_find(&move, g->ctx, g->element->perms[unit_class], perm,
                            size_of(g, unit_class), err));
    for (int k = 0; k < g->blocks->count; k++) {
        const weld_block *b = &g->blocks->blocks[k];
        if (b->x != unit_class && b->y != unit_class)
            continue;
        WELD_TRY(weld_block_open(g->blocks, b, err));
        *gain += gain_of(b, b->x == unit_class, &move);
        weld_block_close(g->blocks, b);
    }
done:
    weld_move_free(&move, g->ctx);
    return st;
}
