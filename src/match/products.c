#include "match/products.h"
#include "core/parallel.h"
#include "tensor/blas.h"
#include <string.h>

typedef struct job {
    float *out; /* [m, n] */
    const weld_product *products;
    int count;
    int64_t m, n, tile; /* tile: rows of an item */
    bool add;
} job;

static weld_status multiply_tile(void *user, int64_t item, int slot, weld_error *err)
{
    const job *j = user;
    const int64_t first = item * j->tile, left = j->m - first;
    (void)slot, (void)err;
    for (int p = 0; p < j->count; p++) {
        const weld_product *x = &j->products[p];
        const weld_gemm_shape shape = {.trans_a = x->trans_a,
                                       .trans_b = x->trans_b,
                                       .m = left < j->tile ? left : j->tile,
                                       .n = j->n,
                                       .k = x->k,
                                       .lda = x->trans_a ? j->m : x->k,
                                       .ldb = x->trans_b ? x->k : j->n,
                                       .ldc = j->n};
        weld_sgemm(&shape, 1.0f, x->a + first * (x->trans_a ? 1 : x->k), x->b,
                   p > 0 || j->add ? 1.0f : 0.0f, j->out + first * j->n);
    }
    return WELD_OK;
}

/* The tiles depend on the sizes alone, so that the sums do, too. */
weld_status weld_multiply(weld_context *ctx, float *out, int64_t m, int64_t n,
                          const weld_product *products, int count, bool add, weld_error *err)
{
    enum { LEAST = 64, MOST = 256, PARTS = 2 }; /* each tile has B packed anew */
    const double worth_a_thread = 4e6;          /* multiplications */
    job j = {out, products, count, m, n, (m + PARTS - 1) / PARTS, add};
    double work = 0;
    for (int p = 0; p < count; p++)
        work += (double)m * (double)n * (double)products[p].k;
    j.tile = j.tile < LEAST ? LEAST : j.tile > MOST ? MOST : j.tile;
    if (work < worth_a_thread)
        j.tile = m;
    if (work <= 0) {
        if (!add)
            memset(out, 0, (size_t)(m * n) * sizeof *out);
        return WELD_OK;
    }
    return weld_parallel_for(ctx, (m + j.tile - 1) / j.tile, multiply_tile, &j, err);
}
