#include "tensor/blas.h"
#include <cblas.h>

/* OpenBLAS's LAPACK, column-major; Debian has no C header for it in this package. */
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);
void dpotrs_(const char *uplo, const int *n, const int *sides, const double *a, const int *lda,
             double *b, const int *ldb, int *info);

void weld_sgemm(const weld_gemm_shape *s, float alpha, const float *a, const float *b, float beta,
                float *c)
{
    cblas_sgemm(CblasRowMajor, s->trans_a ? CblasTrans : CblasNoTrans,
                s->trans_b ? CblasTrans : CblasNoTrans, (int)s->m, (int)s->n, (int)s->k, alpha, a,
                (int)s->lda, b, (int)s->ldb, beta, c, (int)s->ldc);
}

void weld_dgemm(const weld_gemm_shape *s, double alpha, const double *a, const double *b,
                double beta, double *c)
{
    cblas_dgemm(CblasRowMajor, s->trans_a ? CblasTrans : CblasNoTrans,
                s->trans_b ? CblasTrans : CblasNoTrans, (int)s->m, (int)s->n, (int)s->k, alpha, a,
                (int)s->lda, b, (int)s->ldb, beta, c, (int)s->ldc);
}

/* A row of x is a right side: x read by columns is x transposed, and the lower triangle is the upper. */
bool weld_solve_symmetric(double *x, int64_t rows, double *k, int64_t n)
{
    const int size = (int)n, sides = (int)rows;
    int info = 0;
    dpotrf_("U", &size, k, &size, &info);
    if (info == 0)
        dpotrs_("U", &size, &sides, k, &size, x, &size, &info);
    return info == 0;
}

void weld_blas_init(void)
{
    openblas_set_num_threads(1);
}

const char *weld_blas_name(void)
{
    return openblas_get_config();
}
