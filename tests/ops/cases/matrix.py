"""Matrix products: Gemm, MatMul. Exact: entries whose products float32 could not hold."""

import numpy as np

INTS = ("int32", "uint32", "int64", "uint64")


def gemms(Case, a, b):
    c = np.random.default_rng(8).standard_normal((3, 5)).astype(np.float32)
    gemm = lambda a, b, c: a @ b + c
    result = [
        Case("gemm_1_broadcast", "Gemm", 1, [a, b, c[0]], oracle=gemm, broadcast=1),
        Case("gemm_6_full", "Gemm", 6, [a, b, c], oracle=gemm),
        Case("gemm_7", "Gemm", 7, [a, b, c]),
        Case("gemm_7_vector", "Gemm", 7, [a, b, c[0]]),
        Case("gemm_7_row", "Gemm", 7, [a, b, c[:1]]),
        Case("gemm_7_column", "Gemm", 7, [a, b, c[:, :1]]),
        Case("gemm_7_scalar", "Gemm", 7, [a, b, c[0, 0, ...]]),
        Case("gemm_9_one", "Gemm", 9, [a, b, c[0, :1]]),
        Case("gemm_9_transposed", "Gemm", 9, [a.T.copy(), b.T.copy(), c], transA=1, transB=1),
        Case("gemm_9_trans_b", "Gemm", 9, [a, b.T.copy(), c], transB=1),
        Case("gemm_11_alpha_beta", "Gemm", 11, [a, b, c], alpha=0.5, beta=-2.0),
        Case("gemm_11_no_c", "Gemm", 11, [a, b]),
        Case("gemm_13_no_c_alpha", "Gemm", 13, [a, b], alpha=0.25, beta=3.0, transA=0),
        Case("gemm_13_weights", "Gemm", 13, [a, b, c[0]], const=(1, 2)),
        Case("gemm_13_empty_inner", "Gemm", 13, [a[:, :0], b[:0], c], oracle=gemm),
        Case("gemm_13_no_rows", "Gemm", 13, [a[:0], b, c[0]]),
        Case("gemm_13_float16", "Gemm", 13, [v.astype(np.float16) for v in (a, b, c)], oracle="reference"),
    ]
    for name in INTS:
        ints = [(7 * v).astype("int64").astype(name) for v in (a, b, c)]
        result.append(Case(f"gemm_13_{name}", "Gemm", 13, ints, oracle=gemm))
    return result


def products(Case, a, b):
    rng = np.random.default_rng(9)
    deep = rng.standard_normal((2, 1, 3, 4)).astype(np.float32)
    wide = rng.standard_normal((5, 4, 2)).astype(np.float32)
    result = [
        Case("matmul_1", "MatMul", 7, [a, b]),
        Case("matmul_9_batch", "MatMul", 9, [deep, wide]),
        Case("matmul_13_weight", "MatMul", 13, [deep, b], const=(1,)),
        Case("matmul_13_left_weight", "MatMul", 13, [a, wide]),
        Case("matmul_13_vector_matrix", "MatMul", 13, [a[0], b]),
        Case("matmul_13_matrix_vector", "MatMul", 13, [a, b[:, 0]]),
        Case("matmul_13_vectors", "MatMul", 13, [a[0], b[:, 0]]),
        Case("matmul_13_vector_batch", "MatMul", 13, [a[0], wide]),
        Case("matmul_13_batch_vector", "MatMul", 13, [deep, b[:, 1]]),
        Case("matmul_13_empty_inner", "MatMul", 13, [a[:, :0], b[:0]]),
        Case("matmul_13_empty_batch", "MatMul", 13, [deep[:0], wide[:1]]),
    ]
    for name in INTS:
        ints = [(7 * v).astype("int64").astype(name) for v in (deep, wide)]
        result.append(Case(f"matmul_13_{name}", "MatMul", 13, ints, oracle=np.matmul))
    return result


def doubles(Case):
    a = np.array([[1e9 + 0.5, -1e9], [1e9, 1e9 - 0.25]])
    b = np.array([[1.0, 1e8 + 1], [1.0, -1e8]])
    c = np.array([[-1e9, 0.5]])
    return [
        Case("gemm_13_double", "Gemm", 13, [a, b, c]),
        Case("gemm_13_double_no_c", "Gemm", 13, [a, b], transB=1),
        Case("gemm_11_double_alpha", "Gemm", 11, [a, b, c], alpha=0.1, beta=0.1,
             oracle=lambda a, b, c: np.float64(np.float32(0.1)) * (a @ b) + np.float64(np.float32(0.1)) * c),
        Case("matmul_13_double", "MatMul", 13, [a, b]),
        Case("matmul_13_double_batch", "MatMul", 13, [a[None], np.stack((b, b.T))]),
        Case("matmul_13_double_weight", "MatMul", 13, [a, b], const=(1,)),
    ]


def cases(Case):
    rng = np.random.default_rng(7)
    a, b = rng.standard_normal((3, 4)).astype(np.float32), rng.standard_normal((4, 5)).astype(np.float32)
    return [*gemms(Case, a, b), *products(Case, a, b), *doubles(Case)]
