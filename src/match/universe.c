#include "match/universe.h"
#include "match/blocks.h"
#include "match/dot.h"
#include "match/quartic.h"
#include "match/relaxed.h"
#include <string.h>

enum { STEPS_MAX = 100, POWERS = 3 };
static const double slope_min = 1e-6; /* of the sum of squares: less is not worth a step */

/* What is opened of a model while it is worked on. */
typedef struct opened {
    weld_paramset *params;
    weld_scores *scores;
    weld_blocks *blocks;
    double weight;
    const weld_relaxed *classes; /* [free_count] */
} opened;

/* Sums over models of what each block is worth at  x + t step  in powers of t. */
typedef struct universe {
    const weld_universe_input *in;
    weld_context *ctx;
    weld_element *const *elements;
    weld_relaxed **classes; /* [count][free_count] */
    float **sum[POWERS];    /* [blocks][nx, k, ny], weighted */
    int64_t *cells;         /* [blocks] */
    int blocks;
    /* of the largest block: half permuted, that of the step, and the block in powers of t */
    float *half, *half_step, *of[POWERS];
    double curve[5];
    double scale;
} universe;

static void close_model(opened *o)
{
    weld_blocks_free(o->blocks);
    weld_scores_free(o->scores);
    weld_paramset_free(o->params);
    *o = (opened){NULL};
}

static weld_status open_model(opened *o, const universe *u, int which, weld_error *err)
{
    weld_status st = WELD_OK;
    *o = (opened){.weight = u->in->weights[which], .classes = u->classes[which]};
    WELD_TRY(u->in->open(&o->params, u->in->user, which, err));
    WELD_TRY(weld_scores_create(&o->scores, u->in->symmetry, o->params, o->params, err));
    WELD_TRY(weld_blocks_create(&o->blocks, o->scores, u->elements[which], err));
done:
    if (st != WELD_OK)
        close_model(o);
    return st;
}

static void universe_free(universe *u)
{
    for (int m = 0; u->classes && m < u->in->count; m++)
        weld_relaxed_free(u->classes[m], u->ctx, u->in->symmetry->free_count);
    weld_free(u->ctx, u->classes);
    for (int p = 0; p < POWERS; p++) {
        for (int k = 0; u->sum[p] && k < u->blocks; k++)
            weld_free(u->ctx, u->sum[p][k]);
        weld_free(u->ctx, u->sum[p]);
        weld_free(u->ctx, u->of[p]);
    }
    weld_free(u->ctx, u->cells);
    weld_free(u->ctx, u->half);
    weld_free(u->ctx, u->half_step);
}

/* ---- one block of one model ------------------------------------------------------------------ */

/* out [nx, k, ny] = or += X b, X = NULL: the identity. */
static weld_status move_rows(universe *u, float *out, const float *x, const float *b,
                             const weld_block *shape, bool add, weld_error *err)
{
    const weld_product p = {x, b, shape->nx, false, false};
    return weld_multiply(u->ctx, out, shape->nx, shape->k * shape->ny, &p, 1, add, err);
}

/* out [nx, k, ny] = b Y' */
static weld_status move_columns(universe *u, float *out, const float *b, const float *y,
                                const weld_block *shape, weld_error *err)
{
    const weld_product p = {b, y, shape->ny, false, true};
    return weld_multiply(u->ctx, out, shape->nx * shape->k, shape->ny, &p, 1, false, err);
}

/* half := b Y', of[0] := X b Y'; with `steps` also half_step, of[1], of[2] of the step: what is not moved
 * is as it stands. */
static weld_status place_block(universe *u, const opened *o, const weld_block *b, bool steps,
                               weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_relaxed *x = &o->classes[b->x], *y = b->y < 0 ? NULL : &o->classes[b->y];
    const size_t bytes = (size_t)(b->nx * b->k * b->ny) * sizeof(float);
    const bool columns = y && y->n > 0, rows = x->n > 0;
    if (columns)
        WELD_TRY(move_columns(u, u->half, b->b, y->x, b, err));
    else
        memcpy(u->half, b->b, bytes);
    if (rows)
        WELD_TRY(move_rows(u, u->of[0], x->x, u->half, b, false, err));
    else
        memcpy(u->of[0], u->half, bytes);
    if (!steps)
        goto done;
    memset(u->of[1], 0, bytes);
    memset(u->of[2], 0, bytes);
    if (rows)
        WELD_TRY(move_rows(u, u->of[1], x->step, u->half, b, false, err));
    if (columns) {
        WELD_TRY(move_columns(u, u->half_step, b->b, y->step, b, err));
        if (rows) {
            WELD_TRY(move_rows(u, u->of[1], x->x, u->half_step, b, true, err));
            WELD_TRY(move_rows(u, u->of[2], x->step, u->half_step, b, false, err));
        } else {
            memcpy(u->of[1], u->half_step, bytes);
        }
    }
done:
    return st;
}

/* To the gradients of the block's classes: what the sum of the others gains. */
static weld_status add_gradients(universe *u, const opened *o, int at, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_block *b = &o->blocks->blocks[at];
    const weld_relaxed *x = &o->classes[b->x], *y = b->y < 0 ? NULL : &o->classes[b->y];
    const float w = (float)o->weight;
    float *others = u->of[0]; /* w (sum - w own) */
    if (x->n == 0 && !(y && y->n > 0))
        return WELD_OK;
    WELD_TRY(place_block(u, o, b, false, err));
    for (int64_t k = 0; k < u->cells[at]; k++)
        others[k] = w * (u->sum[0][at][k] - w * others[k]);
    if (x->n > 0) {
        const weld_product p = {others, u->half, b->k * b->ny, false, true};
        WELD_TRY(weld_multiply(u->ctx, x->gradient, b->nx, b->nx, &p, 1, true, err));
    }
    if (y && y->n > 0) {
        const float *moved = b->b;
        if (x->n > 0) {
            WELD_TRY(move_rows(u, u->half, x->x, b->b, b, false, err));
            moved = u->half;
        }
        const weld_product p = {others, moved, b->nx * b->k, true, false};
        WELD_TRY(weld_multiply(u->ctx, y->gradient, b->ny, b->ny, &p, 1, true, err));
    }
done:
    return st;
}

/* curve += factor |of[0] + t of[1] + t^2 of[2]|^2 */
static void add_square(double curve[5], float *const of[POWERS], int64_t cells, double factor)
{
    for (int p = 0; p < POWERS; p++)
        for (int q = 0; q < POWERS; q++)
            curve[p + q] += factor * weld_dot(of[p], of[q], cells);
}

/* sum += weight times the powers of the block; the curve loses the model's own square. */
static weld_status add_block(universe *u, const opened *o, int at, int first, weld_error *err)
{
    const float w = (float)o->weight;
    const weld_status st = place_block(u, o, &o->blocks->blocks[at], first > 0, err);
    if (st != WELD_OK)
        return st;
    for (int p = first; p < (first > 0 ? POWERS : 1); p++)
        for (int64_t k = 0; k < u->cells[at]; k++)
            u->sum[p][at][k] += w * u->of[p][k];
    if (first > 0)
        add_square(u->curve, u->of, u->cells[at], -0.5 * o->weight * o->weight);
    return WELD_OK;
}

/* ---- setting up ------------------------------------------------------------------------------ */

static weld_status make_room(universe *u, const weld_blocks *blocks, weld_error *err)
{
    weld_status st = WELD_OK;
    int64_t largest = 0;
    u->blocks = blocks->count;
    WELD_NEW(u->cells, u->ctx, u->blocks);
    for (int k = 0; k < u->blocks; k++) {
        const weld_block *b = &blocks->blocks[k];
        u->cells[k] = b->nx * b->k * b->ny;
        largest = u->cells[k] > largest ? u->cells[k] : largest;
    }
    for (int p = 0; p < POWERS; p++) {
        WELD_NEW(u->sum[p], u->ctx, u->blocks);
        for (int k = 0; k < u->blocks; k++)
            WELD_NEW(u->sum[p][k], u->ctx, u->cells[k]);
        WELD_NEW(u->of[p], u->ctx, largest);
    }
    WELD_NEW(u->half, u->ctx, largest);
    WELD_NEW(u->half_step, u->ctx, largest);
done:
    return st;
}

/* All at the mean of all permutations but the fixed one; the sum of all there. */
static weld_status start_walk(universe *u, weld_error *err)
{
    weld_status st = WELD_OK;
    const int count = u->in->symmetry->free_count;
    opened o = {NULL};
    WELD_NEW(u->classes, u->ctx, u->in->count);
    for (int m = 0; m < u->in->count; m++) {
        WELD_TRY(open_model(&o, u, m, err));
        if (m == u->in->fixed)
            WELD_NEW(u->classes[m], u->ctx, count);
        else
            WELD_TRY(weld_relaxed_create(&u->classes[m], o.blocks, err));
        o.classes = u->classes[m];
        for (int c = 0; c < count; c++)
            if (u->classes[m][c].n > 0)
                weld_relaxed_start(&u->classes[m][c], 0, NULL, NULL);
        if (m == 0)
            WELD_TRY(make_room(u, o.blocks, err));
        for (int k = 0; k < u->blocks; k++) {
            WELD_TRY(add_block(u, &o, k, 0, err));
            u->scale += o.weight * o.weight * o.blocks->blocks[k].scale;
        }
        close_model(&o);
    }
done:
    close_model(&o);
    return st;
}

/* ---- the walk -------------------------------------------------------------------------------- */

/* The model's step, which the sums and the curve get; *slope += along it. */
static weld_status aim(double *slope, universe *u, int which, weld_error *err)
{
    weld_status st = WELD_OK;
    const int count = u->in->symmetry->free_count;
    weld_relaxed *classes = u->classes[which];
    opened o = {NULL};
    double own = 0;
    WELD_TRY(open_model(&o, u, which, err));
    for (int c = 0; c < count; c++)
        if (classes[c].n > 0)
            memset(classes[c].gradient, 0, (size_t)(classes[c].n * classes[c].n) * sizeof(float));
    for (int k = 0; k < u->blocks; k++)
        WELD_TRY(add_gradients(u, &o, k, err));
    WELD_TRY(weld_relaxed_aim(&own, classes, u->ctx, count, err));
    *slope += own;
    for (int k = 0; k < u->blocks; k++)
        WELD_TRY(add_block(u, &o, k, 1, err));
done:
    close_model(&o);
    return st;
}

static void clear_steps(universe *u)
{
    memset(u->curve, 0, sizeof u->curve);
    for (int p = 1; p < POWERS; p++)
        for (int k = 0; k < u->blocks; k++)
            memset(u->sum[p][k], 0, (size_t)u->cells[k] * sizeof(float));
}

/* To the best point of the segment. */
static void advance(universe *u)
{
    for (int k = 0; k < u->blocks; k++) {
        float *const sums[POWERS] = {u->sum[0][k], u->sum[1][k], u->sum[2][k]};
        add_square(u->curve, sums, u->cells[k], 0.5);
    }
    const float t = (float)weld_quartic_peak(u->curve);
    for (int k = 0; k < u->blocks; k++)
        for (int64_t i = 0; i < u->cells[k]; i++)
            u->sum[0][k][i] += t * (u->sum[1][k][i] + t * u->sum[2][k][i]);
    for (int m = 0; m < u->in->count; m++)
        for (int c = 0; c < u->in->symmetry->free_count; c++) {
            const weld_relaxed *r = &u->classes[m][c];
            for (int64_t k = 0; k < r->n * r->n; k++)
                r->x[k] += t * r->step[k];
        }
}

weld_status weld_match_universe(weld_element *const *elements, const weld_universe_input *input,
                                weld_error *err)
{
    weld_status st = WELD_OK;
    universe u = {.in = input, .ctx = input->symmetry->ctx, .elements = elements};
    WELD_TRY(start_walk(&u, err));
    for (int step = 0; step < STEPS_MAX; step++) {
        double slope = 0;
        WELD_TRY(weld_progress(u.ctx, "match", (double)step / STEPS_MAX, err));
        clear_steps(&u);
        for (int m = 0; m < input->count; m++)
            WELD_TRY(aim(&slope, &u, m, err));
        if (!(slope > slope_min * u.scale))
            break;
        advance(&u);
    }
    for (int m = 0; m < input->count; m++)
        WELD_TRY(weld_relaxed_round(elements[m], u.classes[m], u.ctx, err));
done:
    universe_free(&u);
    return st;
}
