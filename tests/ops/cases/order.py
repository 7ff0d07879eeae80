"""Operators along one ordered axis."""

import numpy as np


def cumulative(Case, x):
    result = []
    for opset in (11, 14):
        for axis in (0, 1, -1):
            for exclusive in (0, 1):
                for reverse in (0, 1):
                    name = f"cumsum_{opset}_axis{axis}_{'x' * exclusive}{'r' * reverse}"
                    result.append(Case(name, "CumSum", opset, [x, np.array(axis)], const=(1,),
                                       exclusive=exclusive, reverse=reverse))
    i32 = np.array([[2**31 - 1, 5, -3], [1, 2, 3]], np.int32)
    return result + [
        Case("cumsum_14_int32", "CumSum", 14, [i32, np.array(1, np.int32)], const=(1,)),
        Case("cumsum_14_int64", "CumSum", 14, [i32.astype(np.int64), np.array([1])], const=(1,)),
        Case("cumsum_14_double", "CumSum", 14, [x.astype(np.float64), np.array(2)], const=(1,)),
        Case("cumsum_14_empty", "CumSum", 14, [x[:, :0], np.array(1)], const=(1,)),
    ]


def top(Case, x):
    ties = np.round(x)
    k = lambda n: np.array([n], np.int64)
    special = np.array([[1, np.inf, -np.inf, 2, -1]], np.float32)
    many = np.random.default_rng(7).integers(0, 40, (3, 100))
    result = [
        Case("topk_1", "TopK", 7, [x], outputs=2, k=2),
        Case("topk_1_axis", "TopK", 9, [ties], outputs=2, k=3, axis=1),
        Case("topk_10", "TopK", 10, [x, k(3)], outputs=2, const=(1,), axis=2),
        Case("topk_10_all", "TopK", 10, [ties, k(2)], outputs=2, const=(1,), axis=0),
        Case("topk_11", "TopK", 11, [ties, k(4)], outputs=2, const=(1,)),
        Case("topk_11_smallest", "TopK", 11, [ties, k(3)], outputs=2, const=(1,), largest=0),
        Case("topk_11_axis", "TopK", 11, [ties, k(2)], outputs=2, const=(1,), axis=-2, largest=0),
        Case("topk_11_special", "TopK", 11, [special, k(5)], outputs=2, const=(1,)),
        Case("topk_11_int64", "TopK", 11, [many, k(37)], outputs=2, const=(1,)),
        Case("topk_11_int64_smallest", "TopK", 11, [many, k(99)], outputs=2, const=(1,), largest=0),
        Case("topk_11_int32", "TopK", 11, [many.astype(np.int32), k(1)], outputs=2, const=(1,)),
        # onnxruntime stops at opset 23, and lacks uint64.
        Case("topk_24", "TopK", 24, [x, k(3)], outputs=2, const=(1,), oracle="reference"),
        Case("topk_24_uint64", "TopK", 24, [np.array([2**63 + 1, 4, 2**63, 9], np.uint64), k(3)], outputs=2,
             const=(1,), oracle="reference"),
    ]
    # Which of several entries come is open without an order; one entry is always the same.
    return result + [Case("topk_11_unsorted", "TopK", 11, [x, k(1)], outputs=2, const=(1,), sorted=0)]


def normalised(Case, x):
    zero = x.copy()
    zero[0, 1] = 0
    return [
        Case("lpnormalization_1", "LpNormalization", 7, [x]),
        Case("lpnormalization_1_p1", "LpNormalization", 7, [x], p=1, axis=1),
        Case("lpnormalization_1_axis_0", "LpNormalization", 13, [x], p=2, axis=0),
        Case("lpnormalization_1_zero", "LpNormalization", 13, [zero]),
        Case("lpnormalization_1_zero_p1", "LpNormalization", 13, [zero], p=1),
        # onnxruntime has no kernel of this version.
        Case("lpnormalization_22", "LpNormalization", 22, [x], oracle="reference", axis=-2, p=2),
    ]


def cases(Case):
    x = (2 * np.random.default_rng(6).standard_normal((2, 3, 4))).astype(np.float32)
    return [*cumulative(Case, x), *top(Case, x), *normalised(Case, x)]
