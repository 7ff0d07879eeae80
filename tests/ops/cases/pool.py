"""Pools: 1-D to 3-D, Indices of MaxPool, rounding, padding and dilations."""

import itertools

import numpy as np


def geometries():
    """Name, axes and attributes that all pools of today's opsets take."""
    return [
        ("1d", 1, {"kernel_shape": [3]}),
        ("1d_pads", 1, {"kernel_shape": [3], "strides": [2], "pads": [2, 1]}),
        ("2d", 2, {"kernel_shape": [3, 2], "strides": [2, 1]}),
        ("2d_pads", 2, {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 0, 2, 1]}),
        ("2d_dilated", 2, {"kernel_shape": [2, 3], "dilations": [3, 2], "pads": [1, 2, 1, 2]}),
        ("2d_same_upper", 2, {"kernel_shape": [3, 2], "strides": [2, 2], "auto_pad": "SAME_UPPER"}),
        ("2d_same_lower", 2, {"kernel_shape": [3, 2], "strides": [2, 2], "auto_pad": "SAME_LOWER"}),
        ("2d_valid", 2, {"kernel_shape": [3, 2], "strides": [2, 3], "auto_pad": "VALID"}),
        ("2d_ceil", 2, {"kernel_shape": [3, 3], "strides": [2, 4], "pads": [1, 1, 1, 1], "ceil_mode": 1}),
        ("2d_ceil_valid", 2, {"kernel_shape": [3, 2], "strides": [2, 3], "auto_pad": "VALID", "ceil_mode": 1}),
        ("3d", 3, {"kernel_shape": [2, 3, 2], "strides": [1, 2, 2], "pads": [1, 0, 1, 0, 1, 1]}),
        ("3d_dilated", 3, {"kernel_shape": [2, 2, 2], "dilations": [1, 2, 3]}),
        ("3d_ceil", 3, {"kernel_shape": [2, 2, 2], "strides": [3, 2, 3], "ceil_mode": 1}),
    ]


def max_pools(Case, xs):
    result = []
    for name, axes, attrs in geometries():
        for order in (0, 1):
            result.append(Case(f"maxpool_12_{name}_indices_{order}", "MaxPool", 12, [xs[axes]], outputs=2,
                               storage_order=order, **attrs))
    x = xs[2]
    whole = np.round(4 * x)
    result += [
        Case("maxpool_12_ties", "MaxPool", 12, [np.round(x)], outputs=2, kernel_shape=[3, 3]),
        # onnxruntime has the lowest finite number for -inf.
        Case("maxpool_12_infinite", "MaxPool", 12, [np.float32([[[-np.inf, -np.inf, 1, np.inf, 2]]])], kernel_shape=[2],
             oracle="reference"),
        Case("maxpool_12_empty_batch", "MaxPool", 12, [x[:0]], kernel_shape=[2, 2]),
        Case("maxpool_12_double", "MaxPool", 12, [x.astype(float)], outputs=2, kernel_shape=[2, 2]),
        Case("maxpool_12_float16", "MaxPool", 12, [x.astype(np.float16)], kernel_shape=[2, 2]),
        Case("maxpool_12_uint8", "MaxPool", 12, [np.abs(whole).astype(np.uint8)], kernel_shape=[2, 3], pads=[1, 1, 1, 1]),
        Case("maxpool_12_int8", "MaxPool", 12, [whole.astype(np.int8)], kernel_shape=[2, 3], pads=[1, 1, 1, 1]),
    ]
    for opset, attrs in {7: {}, 8: {"storage_order": 1}, 10: {"dilations": [2, 1], "ceil_mode": 1}, 11: {}}.items():
        result.append(Case(f"maxpool_{opset}", "MaxPool", opset, [x], kernel_shape=[2, 3], strides=[2, 2],
                           pads=[1, 1, 1, 2], **attrs))
    return result


def average_pools(Case, xs):
    result = []
    uneven = ("2d_pads", "2d_same_upper", "2d_same_lower", "3d")  # onnxruntime takes pads of a wrong axis
    for (name, axes, attrs), pad in itertools.product(geometries(), (0, 1)):
        oracle = "reference" if pad and name in uneven else "ort"
        result.append(Case(f"averagepool_19_{name}_{pad}", "AveragePool", 19, [xs[axes]], oracle=oracle,
                           count_include_pad=pad, **attrs))
    x = xs[2]
    result += [
        Case("averagepool_19_empty_batch", "AveragePool", 19, [x[:0]], kernel_shape=[2, 2]),
        Case("averagepool_19_double", "AveragePool", 19, [x.astype(float)], kernel_shape=[2, 2], oracle="reference"),
        Case("averagepool_19_float16", "AveragePool", 19, [x.astype(np.float16)], kernel_shape=[2, 2]),
    ]
    for opset, attrs in {7: {"count_include_pad": 1}, 10: {"ceil_mode": 1}, 11: {"ceil_mode": 1}}.items():
        result.append(Case(f"averagepool_{opset}", "AveragePool", opset, [x], kernel_shape=[2, 3], strides=[2, 2],
                           pads=[1, 1, 1, 2], **attrs))
    return result


def lp_pools(Case, xs):
    result = [Case(f"lppool_18_{name}", "LpPool", 18, [xs[axes]], **attrs) for name, axes, attrs in geometries()]
    for p in (1, 3):
        result.append(Case(f"lppool_18_p{p}", "LpPool", 18, [xs[2]], kernel_shape=[2, 3], p=p))
    for opset in (7, 11):
        result.append(Case(f"lppool_{opset}", "LpPool", opset, [xs[2]], kernel_shape=[2, 3], pads=[1, 0, 0, 1], p=2))
    return result


def global_pools(Case, xs):
    result = []
    for op in ("GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"):
        name = op.lower()
        result += [Case(f"{name}_7_{axes}d", op, 7, [x]) for axes, x in xs.items()]
        result.append(Case(f"{name}_7_empty_batch", op, 7, [xs[2][:0]]))
    for op in ("GlobalMaxPool", "GlobalAveragePool"):  # double: not in onnxruntime
        result.append(Case(f"{op.lower()}_7_double", op, 7, [xs[2].astype(float)], oracle="reference"))
    result.append(Case("globallppool_7_p3", "GlobalLpPool", 7, [xs[3]], p=3))
    return result


def cases(Case):
    rng = np.random.default_rng(12)
    shapes = {1: (2, 3, 8), 2: (2, 3, 7, 8), 3: (2, 2, 5, 6, 5)}
    xs = {axes: rng.standard_normal(shape).astype(np.float32) for axes, shape in shapes.items()}
    return [*max_pools(Case, xs), *average_pools(Case, xs), *lp_pools(Case, xs), *global_pools(Case, xs)]
