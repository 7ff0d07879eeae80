"""Gather and scatter by index tensors, masks, one-hot."""

import numpy as np


def gathers(Case, x):
    i = np.array([[0, -1, 1], [1, 0, 2]])
    batched = np.array([[[0, 1]], [[2, -1]]])
    return [
        Case("gather_elements_11", "GatherElements", 11, [x[0], i], axis=0),
        Case("gather_elements_13_last", "GatherElements", 13, [x[0], i.astype(np.int32)], axis=-1),
        Case("gather_elements_13_int64", "GatherElements", 13, [np.arange(12).reshape(3, 4), i], axis=1),
        Case("gather_elements_13_double", "GatherElements", 13, [x[0].astype(np.float64), i], axis=1),
        Case("gathernd_11", "GatherND", 11, [x, np.array([[0, 1], [1, -1]])]),
        Case("gathernd_12_batch", "GatherND", 12, [x, batched], batch_dims=1),
        Case("gathernd_13_full", "GatherND", 13, [x, np.array([[0, 1, 2], [1, 0, 3]])]),
        Case("gathernd_13_bool", "GatherND", 13, [x > 0, np.array([[0, 1], [1, 2]])]),
    ]


def scatters(Case, x):
    i = np.array([[0, 2, 1], [2, 0, -1]])
    u = np.array([[10, 20, 30], [40, 50, 60]], np.float32)
    result = [
        Case("scatter_9", "Scatter", 9, [x[0], i, u], axis=0),
        Case("scatter_9_last", "Scatter", 9, [x[0], i, u], axis=1),
        Case("scatter_elements_11", "ScatterElements", 11, [x[0], i, u], axis=0),
        Case("scatter_elements_13_int32", "ScatterElements", 13,
             [np.zeros((3, 4), np.int32), i.astype(np.int32), u.astype(np.int32)], axis=1),
        Case("scatternd_11", "ScatterND", 11, [x, np.array([[1], [0]]), x[::-1] * 2]),
        Case("scatternd_13", "ScatterND", 13, [x, np.array([[0, 1], [1, -1]]), x[:, 0]]),
        Case("scatternd_13_double", "ScatterND", 13,
             [x.astype(np.float64), np.array([[0, 1], [1, -1]]), x[:, 0].astype(np.float64)]),
    ]
    twice = np.array([[0, 0, 1], [0, 0, 1]])
    for reduction, opset in (("add", 16), ("mul", 16), ("max", 18), ("min", 18)):
        result += [
            Case(f"scatter_elements_{opset}_{reduction}", "ScatterElements", opset, [x[0], twice, u], axis=0,
                 reduction=reduction),
            Case(f"scatternd_{opset}_{reduction}", "ScatterND", opset,
                 [x[0], np.array([[1], [1]]), np.stack([x[1][0], x[1][2]])], reduction=reduction),
        ]
    return result


def masks(Case, x):
    m = np.array([[0, 1, 0], [2, 0, 3]], np.float32)
    result = [
        Case("nonzero_9", "NonZero", 9, [m], const=(0,)),
        Case("nonzero_13_int64", "NonZero", 13, [m.astype(np.int64)]),
        Case("nonzero_13_bool", "NonZero", 13, [m > 0]),
        Case("trilu_14", "Trilu", 14, [x]),
        Case("trilu_14_lower", "Trilu", 14, [x], upper=0),
        Case("trilu_14_k", "Trilu", 14, [x, np.array(-1)], const=(1,)),
        Case("trilu_14_lower_k_int64", "Trilu", 14, [np.arange(12).reshape(3, 4), np.array(1)], const=(1,), upper=0),
        Case("trilu_14_double", "Trilu", 14, [x.astype(np.float64)], upper=0),
        Case("eyelike_9", "EyeLike", 9, [x[0]]),
        Case("eyelike_9_k_int64", "EyeLike", 9, [x[0]], k=1, dtype=7),
        Case("eyelike_22_double", "EyeLike", 22, [np.zeros((3, 3), np.int32)], k=-1, dtype=11),
    ]
    i, values = np.array([[0, 2], [-1, 3]]), np.array([-1, 5], np.float32)
    for opset in (9, 11):
        result.append(Case(f"onehot_{opset}", "OneHot", opset, [i, np.array(4), values], const=(1,)))
    result += [
        Case("onehot_11_axis", "OneHot", 11, [i, np.array([4]), values], const=(1,), axis=0),
        Case("onehot_11_float_indices", "OneHot", 11, [i.astype(np.float32), np.array(4), np.array([0, 1])],
             const=(1,), axis=1),
    ]
    return result


def cases(Case):
    x = np.random.default_rng(12).standard_normal((2, 3, 4)).astype(np.float32)
    return [*gathers(Case, x), *scatters(Case, x), *masks(Case, x)]
