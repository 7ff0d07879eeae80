#include "match/frank_wolfe.h"
#include "match/dot.h"
#include "match/products.h"
#include "match/relaxed.h"
#include <string.h>

enum { STEPS_MAX = 100 };
static const double slope_min = 1e-6; /* of |A||B|: less is not worth a step */

typedef struct walk {
    weld_context *ctx;
    weld_blocks *blocks;
    weld_relaxed *classes; /* [count] */
    float **change;        /* [count][n, n] what the step changes the gradient by */
    int count;
    float *room; /* of the largest block */
    double scale;
} walk;

static void walk_free(walk *w)
{
    for (int c = 0; w->change && c < w->count; c++)
        weld_free(w->ctx, w->change[c]);
    weld_free(w->ctx, w->change);
    weld_relaxed_free(w->classes, w->ctx, w->count);
    weld_free(w->ctx, w->room);
    weld_blocks_free(w->blocks);
}

static weld_status walk_init(walk *w, const weld_scores *scores, const weld_element *element,
                             weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_symmetry *s = scores->symmetry;
    int64_t largest = 0;
    *w = (walk){.ctx = scores->ctx, .count = s->free_count};
    WELD_TRY(weld_blocks_create(&w->blocks, scores, element, err));
    WELD_TRY(weld_relaxed_create(&w->classes, w->blocks, err));
    WELD_NEW(w->change, w->ctx, w->count);
    for (int c = 0; c < w->count; c++)
        WELD_NEW(w->change[c], w->ctx, w->classes[c].n * w->classes[c].n);
    for (int k = 0; k < w->blocks->count; k++) {
        const weld_block *b = &w->blocks->blocks[k];
        const int64_t cells = b->nx * b->k * b->ny;
        largest = cells > largest ? cells : largest;
        w->scale += b->scale;
    }
    WELD_NEW(w->room, w->ctx, largest);
done:
    return st;
}

/* ---- gradients ------------------------------------------------------------------------------- */

/* x += a (b Y')', and y += a' (X b), of a block that both classes move. */
static weld_status add_pair(walk *w, const weld_block *b, bool steps, weld_error *err)
{
    weld_status st = WELD_OK;
    const weld_relaxed *x = &w->classes[b->x], *y = &w->classes[b->y];
    float *up_x = steps ? w->change[b->x] : x->gradient,
          *up_y = steps ? w->change[b->y] : y->gradient;
    const int64_t row = b->k * b->ny, rows = b->nx * b->k;
    const weld_product by = {b->b, steps ? y->step : y->x, b->ny, false, true};
    const weld_product xb = {steps ? x->step : x->x, b->b, b->nx, false, false};
    const weld_product to_x = {b->a, w->room, row, false, true};
    const weld_product to_y = {b->a, w->room, rows, true, false};
    WELD_TRY(weld_multiply(w->ctx, w->room, rows, b->ny, &by, 1, false, err));
    WELD_TRY(weld_multiply(w->ctx, up_x, b->nx, b->nx, &to_x, 1, true, err));
    WELD_TRY(weld_multiply(w->ctx, w->room, b->nx, row, &xb, 1, false, err));
    WELD_TRY(weld_multiply(w->ctx, up_y, b->ny, b->ny, &to_y, 1, true, err));
done:
    return st;
}

/* To the gradient of a class, what a block says that no other relaxed class moves. */
static weld_status add_single(walk *w, const weld_block *b, int c, weld_error *err)
{
    const weld_relaxed *r = &w->classes[c];
    const weld_product p = weld_block_product(b, c);
    return weld_multiply(w->ctx, r->gradient, r->n, r->n, &p, 1, true, err);
}

/* The gradient at x, or (steps) what a whole step changes it by: that of the pairs alone, which is linear
 * in x. */
static weld_status slope_up(walk *w, bool steps, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int c = 0; c < w->count; c++) {
        const weld_relaxed *r = &w->classes[c];
        if (r->n > 0)
            memset(steps ? w->change[c] : r->gradient, 0, (size_t)(r->n * r->n) * sizeof(float));
    }
    for (int k = 0; k < w->blocks->count; k++) {
        const weld_block *b = &w->blocks->blocks[k];
        const bool x = w->classes[b->x].n > 0, y = b->y >= 0 && w->classes[b->y].n > 0;
        if (!(x && y) && (x == y || steps))
            continue;
        WELD_TRY(weld_block_open(w->blocks, b, err));
        st = x && y ? add_pair(w, b, steps, err) : add_single(w, b, x ? b->x : b->y, err);
        weld_block_close(w->blocks, b);
        WELD_TRY(st);
    }
done:
    return st;
}

/* ---- the walk -------------------------------------------------------------------------------- */

/* To the best point of the segment: slope t + curvature t^2 more than here. */
static void advance(walk *w, double slope)
{
    double curvature = 0;
    for (int c = 0; c < w->count; c++) /* a pair counts in the change of both */
        curvature += 0.5 *
                     weld_dot(w->change[c], w->classes[c].step, w->classes[c].n * w->classes[c].n);
    const bool whole = curvature >= 0 || slope >= -2 * curvature;
    const float t = whole ? 1.0f : (float)(-slope / (2 * curvature));
    for (int c = 0; c < w->count; c++) {
        const weld_relaxed *r = &w->classes[c];
        for (int64_t k = 0; k < r->n * r->n; k++) {
            r->x[k] += t * r->step[k];
            r->gradient[k] += t * w->change[c][k];
        }
    }
}

weld_status weld_frank_wolfe(weld_element *element, const weld_scores *scores, int start,
                             uint64_t seed, double progress, weld_error *err)
{
    weld_status st = WELD_OK;
    walk w = {.ctx = scores->ctx};
    weld_rng rng;
    double slope;
    weld_rng_seed(&rng, seed, (uint64_t)start);
    WELD_TRY(walk_init(&w, scores, element, err));
    for (int c = 0; c < w.count; c++)
        if (w.classes[c].n > 0)
            weld_relaxed_start(&w.classes[c], start, element->perms[c], &rng);
    WELD_TRY(slope_up(&w, false, err));
    for (int step = 0; step < STEPS_MAX; step++) {
        WELD_TRY(weld_progress(w.ctx, "match", progress, err));
        WELD_TRY(weld_relaxed_aim(&slope, w.classes, w.ctx, w.count, err));
        if (!(slope > slope_min * w.scale))
            break;
        WELD_TRY(slope_up(&w, true, err));
        advance(&w, slope);
    }
    WELD_TRY(weld_relaxed_round(element, w.classes, w.ctx, err));
done:
    walk_free(&w);
    return st;
}
