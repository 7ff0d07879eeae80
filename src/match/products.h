/* Sums of matrix products, in parallel. */
#ifndef WELD_MATCH_PRODUCTS_H
#define WELD_MATCH_PRODUCTS_H
#include "core/context.h"

/* op(A) [m, k] op(B) [k, n], stored dense: transposed ones as [k, m], [n, k]. */
typedef struct weld_product {
    const float *a, *b;
    int64_t k;
    bool trans_a, trans_b;
} weld_product;

/* out [m, n] = or += the sum of the products; the same bits for any number of threads. */
weld_status weld_multiply(weld_context *ctx, float *out, int64_t m, int64_t n,
                          const weld_product *products, int count, bool add, weld_error *err);
#endif
