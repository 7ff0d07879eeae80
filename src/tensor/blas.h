/* The only way to BLAS: row-major, serial, no transposition flags beyond what we use. */
#ifndef WELD_TENSOR_BLAS_H
#define WELD_TENSOR_BLAS_H
#include <stdbool.h>
#include <stdint.h>

/* C[m, n] = alpha op(A) op(B) + beta C; op transposes when the flag is set. */
typedef struct weld_gemm_shape {
    bool trans_a, trans_b;
    int64_t m, n, k;
    int64_t lda, ldb, ldc; /* row strides as stored */
} weld_gemm_shape;

void weld_sgemm(const weld_gemm_shape *shape, float alpha, const float *a, const float *b,
                float beta, float *c);
void weld_dgemm(const weld_gemm_shape *shape, double alpha, const double *a, const double *b,
                double beta, double *c);
/* x [rows, n] := x K^-1 for a symmetric positive definite K [n, n], of which the lower triangle is read;
 * K is overwritten. False where it is not positive definite. */
bool weld_solve_symmetric(double *x, int64_t rows, double *k, int64_t n);
/* Makes the BLAS single-threaded where it is not (core/parallel is what runs in parallel). */
void weld_blas_init(void);
const char *weld_blas_name(void);
#endif
