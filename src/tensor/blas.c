#include "tensor/blas.h"
#include <cblas.h>

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

void weld_blas_init(void)
{
    openblas_set_num_threads(1);
}

const char *weld_blas_name(void)
{
    return openblas_get_config();
}
