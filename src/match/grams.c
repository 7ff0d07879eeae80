#include "match/grams.h"
#include "match/dot.h"
#include "match/moves.h"
#include "match/products.h"
#include <string.h>

typedef struct class_gram {
    float *score; /* [n, n] */
    float *fixed; /* [n, n] of it, what no other class changes; NULL before the first need */
    double scale;
    bool valid;  /* it is that of `seen`; never where tensors are drawn (weld_grams_release) */
    int updates; /* since it was computed as a whole: rounding adds up */
} class_gram;

/* Of a block: the permutation of a class that the score of the other one rests on; NULL before the first. */
typedef struct seen {
    int32_t *x, *y;
} seen;

struct weld_grams {
    weld_context *ctx;
    const weld_symmetry *symmetry;
    const weld_element *element;
    weld_blocks *blocks;
    class_gram *classes; /* [free_count] */
    seen *seen;          /* [blocks->count] */
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
    WELD_NEW(g->seen, g->ctx, g->blocks->count);
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
    for (int k = 0; g->seen && k < g->blocks->count; k++) {
        weld_free(g->ctx, g->seen[k].x);
        weld_free(g->ctx, g->seen[k].y);
    }
    weld_free(g->ctx, g->seen);
    weld_blocks_free(g->blocks);
    weld_difference_free(&g->room, g->ctx);
    weld_free(g->ctx, g);
}

bool weld_grams_has(const weld_grams *g, int unit_class)
{
    return g->blocks->whole[unit_class];
}

/* ---- scores ---------------------------------------------------------------------------------- */

typedef enum blocks_wanted { FIXED, MOVING, SETTLED } blocks_wanted;

/* The block's class beside c, -1 = none. */
static int class_beside(const weld_block *b, int c)
{
    return b->x == c ? b->y : b->x;
}

static bool is_wanted(const weld_block *b, int c, blocks_wanted wanted, const bool *settled)
{
    const int other = class_beside(b, c);
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

/* Where the block's other class was when the class's score was made: NULL if there is none. */
static int32_t **seen_by(weld_grams *g, int block, int c)
{
    const weld_block *b = &g->blocks->blocks[block];
    return b->y < 0 || (b->x != c && b->y != c) ? NULL
           : b->x == c                          ? &g->seen[block].y
                                                : &g->seen[block].x;
}

static const int32_t *perm_beside(const weld_grams *g, const weld_block *b, int c)
{
    return g->element->perms[class_beside(b, c)];
}

/* The class's score is that of all others as they are now. */
static weld_status see(weld_grams *g, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int k = 0; k < g->blocks->count; k++) {
        const weld_block *b = &g->blocks->blocks[k];
        int32_t **perm = seen_by(g, k, c);
        if (!perm)
            continue;
        const int32_t n = size_of(g, class_beside(b, c));
        if (!*perm)
            WELD_NEW(*perm, g->ctx, n);
        memcpy(*perm, perm_beside(g, b, c), (size_t)n * sizeof **perm);
    }
    g->classes[c].valid = true;
done:
    return st;
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
    WELD_TRY(see(g, c, err));
    k->updates = 0;
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

/* So much has moved since the score was made that making it anew is less work than what follows each unit. */
static bool is_outdated(weld_grams *g, int c)
{
    double all = 0, moved = 0; /* of the sums of products */
    for (int k = 0; k < g->blocks->count; k++) {
        const weld_block *b = &g->blocks->blocks[k];
        int32_t **perm = seen_by(g, k, c);
        if (!perm)
            continue;
        const int32_t n = size_of(g, class_beside(b, c));
        all += (double)n * (double)b->k;
        moved += (double)differing(*perm, perm_beside(g, b, c), n) * (double)b->k;
    }
    return moved > 0.75 * all || g->classes[c].updates >= UPDATES_MAX;
}

/* The score changes by what came and what went on the block since. */
static weld_status follow_block(weld_grams *g, int c, const weld_block *b, const int32_t *before,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    const bool rows = b->y == c; /* of the other class */
    const int other = rows ? b->x : b->y;
    weld_move back = {.count = 0};
    WELD_TRY(
        weld_move_find(&back, g->ctx, g->element->perms[other], before, size_of(g, other), err));
    if (back.count == 0)
        goto done;
    WELD_TRY(weld_difference_take(&g->room, b, rows, &back, g->ctx, err));
    const weld_product p = {g->room.a, g->room.b, back.count * b->k, rows, !rows};
    WELD_TRY(
        weld_multiply(g->ctx, g->classes[c].score, size_of(g, c), size_of(g, c), &p, 1, true, err));
    g->classes[c].updates++;
done:
    weld_move_free(&back, g->ctx);
    return st;
}

static weld_status follow(weld_grams *g, int c, weld_error *err)
{
    weld_status st = WELD_OK;
    if (is_outdated(g, c))
        return compute(g, c, err);
    g->classes[c].valid = false; /* half way */
    for (int k = 0; k < g->blocks->count; k++) {
        int32_t **before = seen_by(g, k, c);
        if (before)
            WELD_TRY(follow_block(g, c, &g->blocks->blocks[k], *before, err));
    }
    WELD_TRY(see(g, c, err));
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
    else
        st = k->valid ? follow(g, unit_class, err) : compute(g, unit_class, err);
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

weld_status weld_grams_objective(double *out, const weld_grams *g, weld_error *err)
{
    return weld_blocks_objective(out, g->blocks, err);
}
