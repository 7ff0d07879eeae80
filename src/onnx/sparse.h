/* Sparse tensors: values [n] and indices, [n] or [n, rank], of a dense tensor that is 0 elsewhere. They
 * are read as dense ones; written back only within their pattern. */
#ifndef WELD_ONNX_SPARSE_H
#define WELD_ONNX_SPARSE_H
#include "onnx/file.h"
#include "onnx/skeleton.h"

/* Notes the dense shape and the indices with the table entry of the values. */
weld_status weld_sparse_note(weld_onnx_file *file, const Weld__Onnx__SparseTensor *sparse,
                             weld_error *err);
/* The stored values become the dense tensor. */
weld_status weld_sparse_expand(weld_tensor *t, const weld_onnx_file *file, int tensor,
                               weld_error *err);
/* values [dense] -> stored [n], in place, both of the compute type. WELD_E_UNSUPPORTED when a value
 * outside the pattern is not 0. */
weld_status weld_sparse_compress(void *values, const weld_onnx_file *file, int tensor,
                                 weld_error *err);
#endif
