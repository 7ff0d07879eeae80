/* Permutations relaxed to doubly stochastic matrices, as Frank-Wolfe walks among them. */
#ifndef WELD_MATCH_RELAXED_H
#define WELD_MATCH_RELAXED_H
#include "core/rng.h"
#include "match/blocks.h"

/* A class in the frame of an element: row i = place i, column j = the unit that stands at place j.
 *
 * Only classes that stand alone and meet no class of their own are relaxed: only for those is the
 * objective linear in each, and a corner one assignment. */
typedef struct weld_relaxed {
    int64_t n;           /* 0: the class is held, and the arrays are NULL */
    float *x, *gradient; /* [n, n] where it stands, and what the objective gains there */
    float *step;         /* [n, n] to a corner */
    int32_t *corner;     /* [n] */
} weld_relaxed;

/* *out [free_count], all zero. */
weld_status weld_relaxed_create(weld_relaxed **out, const weld_blocks *blocks, weld_error *err);
void weld_relaxed_free(weld_relaxed *classes, weld_context *ctx, int count);
/* x := 0 = the mean of all permutations, 1 = the identity of A's frame for an element with `perm` [n] of
 * this class, others = half way from the mean to a random permutation. */
void weld_relaxed_start(weld_relaxed *r, int start, const int32_t *perm, weld_rng *rng);
/* Steps go to the corners where the gradients are largest; *slope: of the objective along them. */
weld_status weld_relaxed_aim(double *slope, const weld_relaxed *classes, weld_context *ctx,
                             int count, weld_error *err);
/* The element's classes go to the permutations next to x. */
weld_status weld_relaxed_round(weld_element *element, const weld_relaxed *classes,
                               weld_context *ctx, weld_error *err);
#endif
