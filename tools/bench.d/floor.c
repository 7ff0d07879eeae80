/* bench_floor: what one thread of the machine does at best, in GFLOP/s of CPU time: multiply-adds in
 * registers, and a product of single-precision matrices [1536, 1536]. */
#include "clock.h"
#include "tensor/blas.h"
#include <stdio.h>
#include <stdlib.h>

typedef float lanes __attribute__((vector_size(32)));

enum { CHAINS = 12, ROUNDS = 2000000, REPEATS = 5, SIDE = 1536 };

/* Not all chains are in flight on every processor; a fused multiply-add counts as two. */
#if defined __x86_64__
__attribute__((target("avx2,fma"), optimize("fp-contract=fast")))
#endif
static float
multiply_add(float factor)
{
    lanes sum[CHAINS], x = {factor, factor, factor, factor, factor, factor, factor, factor};
    float total = 0;
    for (int c = 0; c < CHAINS; c++)
        sum[c] = x + (float)c;
    for (int r = 0; r < ROUNDS; r++)
        for (int c = 0; c < CHAINS; c++)
            sum[c] = sum[c] * x + x;
    for (int c = 0; c < CHAINS; c++)
        total += sum[c][0];
    return total;
}

int main(void)
{
    const double chained = 2.0 * CHAINS * 8 * ROUNDS, product = 2.0 * SIDE * SIDE * SIDE;
    const weld_gemm_shape shape = {
        .m = SIDE, .n = SIDE, .k = SIDE, .lda = SIDE, .ldb = SIDE, .ldc = SIDE};
    float *x = calloc(3 * SIDE * SIDE, sizeof *x), sink = 0;
    double fma = 1e300, sgemm = 1e300;
    if (!x)
        return 1;
    weld_blas_init();
    for (int k = 0; k < 2 * SIDE * SIDE; k++)
        x[k] = (float)(k % 7);
    for (int r = 0; r < REPEATS; r++) {
        double start = cpu_seconds();
        sink += multiply_add(0.5f);
        double took = cpu_seconds() - start;
        fma = took < fma ? took : fma;
        start = cpu_seconds();
        weld_sgemm(&shape, 1.0f, x, x + SIDE * SIDE, 0.0f, x + 2 * SIDE * SIDE);
        took = cpu_seconds() - start;
        sgemm = took < sgemm ? took : sgemm;
    }
    printf("%.2f %.2f\n", 1e-9 * chained / fma, 1e-9 * product / sgemm);
    free(x);
    return sink == 0; /* it is used */
}
