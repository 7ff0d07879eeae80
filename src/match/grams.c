#include "match/grams.h"
#include "match/dot.h"
#include "match/moves.h"
#include "match/products.h"
#include <string.h>

typedef struct class_gram {
    float *score; /* [n, n] of the blocks that are counted; NULL before the first need */
    float *fixed; /* [n, n] of it, what no other class changes; NULL before the first need */
    double scale; /* of all blocks */
    int updates;  /* since it was begun: rounding adds up */
} class_gram;

/* A block in the score of one of its classes. */
typedef struct share {
    bool counted;
    int32_t
        *perm; /* [n] of the block's other class, as it was counted; NULL before the first time */
} share;

struct weld_grams {
    weld_context *ctx;
    const weld_symmetry *symmetry;
    const weld_element *element;
    weld_blocks *blocks;
    class_gram *classes;    /* [free_count] */
    share (*shares)[2];     /* [blocks->count] of those with two classes: in the score of x, of y */
    weld_product *products; /* [blocks->count] room */
    weld_difference room;
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
    WELD_NEW(g->shares, g->ctx, g->blocks->count);
    WELD_NEW(g->products, g->ctx, g->blocks->count);
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
    for (int k = 0; g->shares && k < g->blocks->count; k++) {
        weld_free(g->ctx, g->shares[k][0].perm);
        weld_free(g->ctx, g->shares[k][1].perm);
    }
    weld_free(g->ctx, g->shares);
    weld_free(g->ctx, g->products);
    weld_blocks_free(g->blocks);
    weld_difference_free(&g->room, g->ctx);
    weld_free(g->ctx, g);
}

bool weld_grams_has(const weld_grams *g, int unit_class)
{
    return g->blocks->whole[unit_class];
}

/* ---- scores ---------------------------------------------------------------------------------- */

/* The block's class beside c, -1 = none. */
static int class_beside(const weld_block *b, int c)
{
    return b->x == c ? b->y : b->x;
}

/* The block in the score of c; NULL if it is no block of c or of no other class. */
static share *share_of(weld_grams *g, int block, int c)
{
    const weld_block *b = &g->blocks->blocks[block];
    return b->y < 0 || (b->x != c && b->y != c) ? NULL : &g->shares[block][b->x != c];
}

static const int32_t *perm_beside(const weld_grams *g, int block, int c)
{
    return g->element->perms[class_beside(&g->blocks->blocks[block], c)];
}

/* settled NULL: all are wanted. */
static bool is_wanted(const weld_grams *g, int block, int c, const bool *settled)
{
    const int other = class_beside(&g->blocks->blocks[block], c);
    return !settled || other < 0 || settled[other];
}

static bool is_fixed(const weld_grams *g, int block, int c)
{
    const weld_block *b = &g->blocks->blocks[block];
    return b->x == c && b->y < 0;
}

static bool is_missing(weld_grams *g, int block, int c, const bool *settled)
{
    const share *own = share_of(g, block, c);
    return own && !own->counted && is_wanted(g, block, c, settled);
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

static weld_status new_square(float **out, weld_grams *g, int c, weld_error *err)
{
    const size_t n = (size_t)size_of(g, c);
    *out = weld_resize(g->ctx, NULL, n * n, sizeof **out);
    return *out ? WELD_OK : weld_fail_memory(g->ctx, err, n * n, sizeof **out);
}

/* The score of what no other class changes. */
static weld_status make_fixed(weld_grams *g, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    float **fixed = &g->classes[c].fixed;
    int count = 0;
    WELD_TRY(new_square(fixed, g, c, err));
    for (int k = 0; k < g->blocks->count; k++) {
        const weld_block *b = &g->blocks->blocks[k];
        if (is_fixed(g, k, c) && b->k > 0 && !weld_block_is_drawn(g->blocks, b))
            g->products[count++] = weld_block_product(b, c);
    }
    WELD_TRY(weld_multiply(g->ctx, *fixed, size_of(g, c), size_of(g, c), g->products, count, false,
                           err));
    for (int k = 0; k < g->blocks->count; k++)
        if (is_fixed(g, k, c) && weld_block_is_drawn(g->blocks, &g->blocks->blocks[k]))
            WELD_TRY(add_drawn(*fixed, g, &g->blocks->blocks[k], c, err));
done:
    return st;
}

/* The score with nothing counted but what no other class changes. */
static weld_status begin(weld_grams *g, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    class_gram *k = &g->classes[c];
    const size_t cells = (size_t)size_of(g, c) * (size_t)size_of(g, c);
    if (!k->fixed)
        WELD_TRY(make_fixed(g, c, err));
    if (!k->score)
        WELD_TRY(new_square(&k->score, g, c, err));
    memcpy(k->score, k->fixed, cells * sizeof *k->score);
    k->updates = 0;
    for (int at = 0; at < g->blocks->count; at++) {
        share *own = share_of(g, at, c);
        if (own)
            own->counted = false;
    }
done:
    return st;
}

/* The block is counted with its other class as it stands. */
static weld_status count_block(weld_grams *g, int block, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    share *own = share_of(g, block, c);
    const int32_t n = size_of(g, class_beside(&g->blocks->blocks[block], c));
    if (!own->perm)
        WELD_NEW(own->perm, g->ctx, n);
    memcpy(own->perm, perm_beside(g, block, c), (size_t)n * sizeof *own->perm);
    own->counted = true;
done:
    return st;
}

/* Counts the blocks that are wanted and not yet counted. */
static weld_status add_missing(weld_grams *g, int c, const bool *settled, weld_error *err)
{
    weld_status st = WELD_OK;
    float *score = g->classes[c].score;
    int count = 0;
    for (int k = 0; k < g->blocks->count; k++) {
        const weld_block *b = &g->blocks->blocks[k];
        if (is_missing(g, k, c, settled) && b->k > 0 && !weld_block_is_drawn(g->blocks, b))
            g->products[count++] = weld_block_product(b, c);
    }
    WELD_TRY(
        weld_multiply(g->ctx, score, size_of(g, c), size_of(g, c), g->products, count, true, err));
    for (int k = 0; k < g->blocks->count; k++) {
        const weld_block *b = &g->blocks->blocks[k];
        if (!is_missing(g, k, c, settled))
            continue;
        if (weld_block_is_drawn(g->blocks, b))
            WELD_TRY(add_drawn(score, g, b, c, err));
        WELD_TRY(count_block(g, k, c, err));
    }
done:
    return st;
}

static int32_t differing(const int32_t *a, const int32_t *b, int32_t n)
{
    int32_t count = 0;
    for (int32_t i = 0; i < n; i++)
        count += a[i] != b[i];
    return count;
}

/* What is counted is not wanted, or so much of it has moved since that counting it anew is less work than
 * what follows each unit. */
static bool is_outdated(weld_grams *g, int c, const bool *settled)
{
    double all = 0, moved = 0; /* of the sums of products */
    for (int k = 0; k < g->blocks->count; k++) {
        const weld_block *b = &g->blocks->blocks[k];
        const share *own = share_of(g, k, c);
        if (!own || !own->counted)
            continue;
        if (!is_wanted(g, k, c, settled))
            return true;
        const int32_t n = size_of(g, class_beside(b, c));
        all += (double)n * (double)b->k;
        moved += (double)differing(own->perm, perm_beside(g, k, c), n) * (double)b->k;
    }
    return moved > 0.75 * all || g->classes[c].updates >= UPDATES_MAX;
}

/* The score changes by what came and what went on the block since it was counted. */
static weld_status follow_block(weld_grams *g, int c, int block, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_block *b = &g->blocks->blocks[block];
    const bool rows = b->y == c; /* of the other class */
    weld_move back = {.count = 0};
    WELD_TRY(weld_move_find(&back, g->ctx, perm_beside(g, block, c), share_of(g, block, c)->perm,
                            size_of(g, class_beside(b, c)), err));
    if (back.count == 0)
        goto done;
    WELD_TRY(weld_difference_take(&g->room, b, rows, &back, g->ctx, err));
    const weld_product p = {g->room.a, g->room.b, back.count * b->k, rows, !rows};
    WELD_TRY(
        weld_multiply(g->ctx, g->classes[c].score, size_of(g, c), size_of(g, c), &p, 1, true, err));
    g->classes[c].updates++;
    WELD_TRY(count_block(g, block, c, err));
done:
    weld_move_free(&back, g->ctx);
    return st;
}

static weld_status follow(weld_grams *g, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int k = 0; k < g->blocks->count; k++) {
        const share *own = share_of(g, k, c);
        if (own && own->counted)
            WELD_TRY(follow_block(g, c, k, err));
    }
done:
    return st;
}

static double scale_wanted(const weld_grams *g, int c, const bool *settled)
{
    double scale = 0;
    for (int k = 0; settled && k < g->blocks->count; k++) {
        const weld_block *b = &g->blocks->blocks[k];
        if ((b->x == c || b->y == c) && is_wanted(g, k, c, settled))
            scale += b->scale;
    }
    return settled ? scale : g->classes[c].scale;
}

weld_status weld_grams_view(const float **score, double *scale, weld_grams *g, int unit_class,
                            const bool *settled, weld_error *err)
{
    weld_status st = WELD_OK;
    const class_gram *k = &g->classes[unit_class];
    if (!k->score || is_outdated(g, unit_class, settled))
        WELD_TRY(begin(g, unit_class, err));
    else
        WELD_TRY(follow(g, unit_class, err));
    WELD_TRY(add_missing(g, unit_class, settled, err));
    *score = k->score;
    *scale = scale_wanted(g, unit_class, settled);
done:
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
        if (weld_block_is_drawn(g->blocks, b))
            continue;
        if (b->x == unit_class)
            WELD_TRY(weld_move_rows(b->b, b->k * b->ny, &move, g->ctx, err));
        else if (b->y == unit_class)
            WELD_TRY(weld_move_columns(b->b, b->nx * b->k, b->ny, &move, g->ctx, err));
    }
    if (k->score)
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

weld_status weld_grams_objective(double *out, const weld_grams *g, weld_error *err)
{
    return weld_blocks_objective(out, g->blocks, err);
}
