/* The element type of kernels. The files of families/ are compiled twice: for float, which also
 * serves float16 and bfloat16 (they are computed in float32), and with WELD_WIDE for double. So a
 * kernel is written once, for weld_real; <tgmath.h> finds the functions of either type. A node is
 * run by the kernel of its first floating-point operand (weld_op_run). */
#ifndef WELD_OPS_REAL_H
#define WELD_OPS_REAL_H
#include "tensor/blas.h"
#include "tensor/tensor.h"
#include <float.h>

#ifdef WELD_WIDE
typedef double weld_real;
typedef float weld_other_real; /* for the few operators whose operands may be of two types */
#define WELD_REAL_MAX DBL_MAX
#define WELD_DEFINE_OP(name) const weld_op weld_wide_op_##name
#define weld_real_gemm weld_dgemm
#else
typedef float weld_real;
typedef double weld_other_real;
#define WELD_REAL_MAX FLT_MAX
/* The descriptor of an operator: WELD_DEFINE_OP(Relu) = {.name = "Relu", ...}; */
#define WELD_DEFINE_OP(name) const weld_op weld_op_##name
#define weld_real_gemm weld_sgemm
#endif

/* Is the tensor's element type the kernel's? */
static inline bool weld_is_real(const weld_tensor *t)
{
    return weld_dtype_is_float(t->dtype) && weld_compute_size(t->dtype) == sizeof(weld_real);
}

/* The elements of a tensor of the kernel's type. */
static inline weld_real *weld_reals(const weld_tensor *t)
{
    return t->data;
}
#endif
