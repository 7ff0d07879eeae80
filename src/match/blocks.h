/* Score tensors as matrices of units: what is left of an axis when the units of a class are numbered.
 *
 * A tensor whose units stand on one or two axes falls into blocks, one for each choice of a class (or of
 * what stands still) on each of these axes:  <A, permuted B> = sum over blocks of
 * sum over i, k, j of a[i, k, j] b[x(i), k, y(j)],  with x, y the permutations of its classes. */
#ifndef WELD_MATCH_BLOCKS_H
#define WELD_MATCH_BLOCKS_H
#include "match/products.h"
#include "match/score.h"

typedef struct weld_block {
    int x, y;       /* the classes; y = -1: there is one only, and ny = 1 */
    int64_t nx, ny; /* their sizes */
    int64_t k;
    const float *a; /* [nx, k, ny] the tensor's, or a_own; in memory while it is open */
    float *a_own;
    float *b;     /* [nx, k, ny] B in the frame of A: as the element permutes it */
    double scale; /* |a| |b| */
    int source;
} weld_block;

/* A tensor with its blocks. */
typedef struct weld_block_source {
    int tensor, first, count;
    int users; /* of a drawn one, that have it open */
} weld_block_source;

typedef struct weld_blocks {
    weld_context *ctx;
    const weld_scores *scores;   /* borrowed, */
    const weld_element *element; /* and this; whoever changes it moves the b that are in memory */
    weld_block *blocks;
    int count;
    weld_block_source *sources;
    int source_count;
    size_t cap, source_cap;
    bool *
        whole; /* [free_count] all that counts of the class is in blocks, hence linear in its permutation */
} weld_blocks;

weld_status weld_blocks_create(weld_blocks **out, const weld_scores *scores,
                               const weld_element *element, weld_error *err);
void weld_blocks_free(weld_blocks *blocks);
/* The values of a drawn tensor's blocks are in memory from here to weld_block_close, as the element is
 * then. Those of others always are. */
bool weld_block_is_drawn(const weld_blocks *blocks, const weld_block *b);
weld_status weld_block_open(weld_blocks *blocks, const weld_block *b, weld_error *err);
void weld_block_close(weld_blocks *blocks, const weld_block *b);
/* weld_scores_objective of the element, over all tensors: as good as that, and faster. */
weld_status weld_blocks_objective(double *out, weld_blocks *blocks, weld_error *err);
/* What the block adds to the score [n, n] of its class, all others as they stand. */
weld_product weld_block_product(const weld_block *b, int unit_class);
#endif
