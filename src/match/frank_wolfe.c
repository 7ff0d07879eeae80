#include "match/frank_wolfe.h"
#include "core/rng.h"
#include "match/blocks.h"
#include "match/dot.h"
#include "match/assign.h"
#include "match/lap.h"
#include "match/products.h"
#include <string.h>

enum { STEPS_MAX = 100 };
static const double slope_min = 1e-6; /* of |A||B|: less is not worth a step */

/* A class in the frame of the element: row i = place i of A, column j = the unit of B at place j. */
typedef struct relaxed {
    int64_t n;            /* 0: the class is held */
    float *x, *gradient;  /* [n, n] where it stands, and what the objective gains there */
    float *step, *change; /* [n, n] to the corner, and what it changes the gradient by */
    int32_t *corner;      /* [n] */
} relaxed;

typedef struct walk {
    weld_context *ctx;
    weld_blocks *blocks;
    relaxed *classes; /* [count] */
    int count;
    float *room; /* of the largest block */
    double scale;
} walk;

static void walk_free(walk *w)
{
    for (int c = 0; w->classes && c < w->count; c++) {
        const relaxed *r = &w->classes[c];
        float *all[] = {r->x, r->gradient, r->step, r->change};
        for (int k = 0; k < 4; k++)
            weld_free(w->ctx, all[k]);
        weld_free(w->ctx, r->corner);
    }
    weld_free(w->ctx, w->classes);
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
    WELD_NEW(w->classes, w->ctx, w->count);
    for (int c = 0; c < w->count; c++) {
        relaxed *r = &w->classes[c];
        if (!w->blocks->whole[c] || !weld_class_is_alone(s, c))
            continue;
        r->n = s->classes[c].size;
        WELD_NEW(r->x, w->ctx, r->n * r->n);
        WELD_NEW(r->gradient, w->ctx, r->n * r->n);
        WELD_NEW(r->step, w->ctx, r->n * r->n);
        WELD_NEW(r->change, w->ctx, r->n * r->n);
        WELD_NEW(r->corner, w->ctx, r->n);
    }
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
    const relaxed *x = &w->classes[b->x], *y = &w->classes[b->y];
    const int64_t row = b->k * b->ny, rows = b->nx * b->k;
    const weld_product by = {b->b, steps ? y->step : y->x, b->ny, false, true};
    const weld_product xb = {steps ? x->step : x->x, b->b, b->nx, false, false};
    const weld_product to_x = {b->a, w->room, row, false, true};
    const weld_product to_y = {b->a, w->room, rows, true, false};
    WELD_TRY(weld_multiply(w->ctx, w->room, rows, b->ny, &by, 1, false, err));
    WELD_TRY(
        weld_multiply(w->ctx, steps ? x->change : x->gradient, b->nx, b->nx, &to_x, 1, true, err));
    WELD_TRY(weld_multiply(w->ctx, w->room, b->nx, row, &xb, 1, false, err));
    WELD_TRY(
        weld_multiply(w->ctx, steps ? y->change : y->gradient, b->ny, b->ny, &to_y, 1, true, err));
done:
    return st;
}

/* To the gradient of a class, what a block says that no other relaxed class moves. */
static weld_status add_single(walk *w, const weld_block *b, int c, weld_error *err)
{
    const relaxed *r = &w->classes[c];
    const weld_product p = weld_block_product(b, c);
    return weld_multiply(w->ctx, r->gradient, r->n, r->n, &p, 1, true, err);
}

/* The gradient at x, or (steps) what a whole step changes it by: that of the pairs alone, which is linear
 * in x. */
static weld_status slope_up(walk *w, bool steps, weld_error *err)
{
    weld_status st = WELD_OK;
    for (int c = 0; c < w->count; c++) {
        const relaxed *r = &w->classes[c];
        if (r->n > 0)
            memset(steps ? r->change : r->gradient, 0, (size_t)(r->n * r->n) * sizeof(float));
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

static void start_at(relaxed *r, int start, const int32_t *perm, weld_rng *rng)
{
    const int32_t n = (int32_t)r->n;
    const float mean = start == 1 ? 0.0f : (start == 0 ? 1.0f : 0.5f) / (float)n;
    for (int64_t k = 0; k < r->n * r->n; k++)
        r->x[k] = mean;
    for (int32_t i = 0; i < n; i++)
        r->corner[i] = i;
    if (start == 1)
        weld_invert_perm(r->corner, perm, n);
    else
        weld_rng_shuffle(rng, r->corner, n);
    for (int32_t i = 0; i < n && start > 0; i++)
        r->x[i * r->n + r->corner[i]] += start == 1 ? 1.0f : 0.5f;
}

/* corner := the assignment of `score`, the places as they are where nothing else is better. */
static weld_status assign(const walk *w, const relaxed *r, const float *score, weld_error *err)
{
    double gain;
    for (int32_t i = 0; i < r->n; i++)
        r->corner[i] = i;
    return weld_lap_max_single(r->corner, w->ctx, score, (int32_t)r->n, &gain, err);
}

/* Steps to the corner where the gradient is largest; *slope along it. */
static weld_status aim(double *slope, walk *w, weld_error *err)
{
    weld_status st = WELD_OK;
    *slope = 0;
    for (int c = 0; c < w->count; c++) {
        const relaxed *r = &w->classes[c];
        if (r->n == 0)
            continue;
        WELD_TRY(assign(w, r, r->gradient, err));
        for (int64_t k = 0; k < r->n * r->n; k++)
            r->step[k] = -r->x[k];
        for (int32_t i = 0; i < r->n; i++)
            r->step[i * r->n + r->corner[i]] += 1.0f;
        *slope += weld_dot(r->gradient, r->step, r->n * r->n);
    }
done:
    return st;
}

/* To the best point of the segment: slope t + curvature t^2 more than here. */
static void advance(walk *w, double slope)
{
    double curvature = 0;
    for (int c = 0; c < w->count; c++) /* a pair counts in the change of both */
        curvature += 0.5 * weld_dot(w->classes[c].change, w->classes[c].step,
                                    w->classes[c].n * w->classes[c].n);
    const bool whole = curvature >= 0 || slope >= -2 * curvature;
    const float t = whole ? 1.0f : (float)(-slope / (2 * curvature));
    for (int c = 0; c < w->count; c++) {
        const relaxed *r = &w->classes[c];
        for (int64_t k = 0; k < r->n * r->n; k++) {
            r->x[k] += t * r->step[k];
            r->gradient[k] += t * r->change[k];
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
            start_at(&w.classes[c], start, element->perms[c], &rng);
    WELD_TRY(slope_up(&w, false, err));
    for (int step = 0; step < STEPS_MAX; step++) {
        WELD_TRY(weld_progress(w.ctx, "match", progress, err));
        WELD_TRY(aim(&slope, &w, err));
        if (!(slope > slope_min * w.scale))
            break;
        WELD_TRY(slope_up(&w, true, err));
        advance(&w, slope);
    }
    for (int c = 0; c < w.count; c++) {
        const relaxed *r = &w.classes[c];
        if (r->n == 0)
            continue;
        WELD_TRY(assign(&w, r, r->x, err));
        for (int32_t i = 0; i < r->n; i++)
            r->corner[i] = element->perms[c][r->corner[i]];
        memcpy(element->perms[c], r->corner, (size_t)r->n * sizeof *r->corner);
    }
done:
    walk_free(&w);
    return st;
}
