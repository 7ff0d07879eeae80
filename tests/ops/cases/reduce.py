"""Reductions, and where the extreme entry is."""

import numpy as np

OPS = ("L1", "L2", "LogSum", "LogSumExp", "Max", "Mean", "Min", "Prod", "Sum", "SumSquare")


def reductions(Case, x):
    result = []
    i64 = lambda *v: np.array(v, np.int64)
    for kind in OPS:
        op, name = f"Reduce{kind}", f"reduce{kind.lower()}"
        given = np.abs(x) if kind == "LogSum" else x
        by_input = 13 if kind == "Sum" else 18
        result += [
            Case(f"{name}_1", op, 7, [given], axes=[1]),
            Case(f"{name}_1_all", op, 7, [given]),
            Case(f"{name}_1_dropped", op, 7, [given], axes=[0, 2], keepdims=0),
            Case(f"{name}_11_negative", op, 11, [given], axes=[-1, 0]),
            Case(f"{name}_{by_input}", op, by_input, [given, i64(1)], const=(1,)),
            Case(f"{name}_{by_input}_none", op, by_input, [given], keepdims=0),
            Case(f"{name}_{by_input}_dropped", op, by_input, [given, i64(-1, 1)], const=(1,), keepdims=0),
            # onnxruntime copies the input; ONNX says that abs, square, log are still done.
            Case(f"{name}_{by_input}_noop", op, by_input, [given, i64()], const=(1,), oracle="reference",
                 noop_with_empty_axes=1),
            Case(f"{name}_{by_input}_empty_axes", op, by_input, [given, i64()], const=(1,)),
            Case(f"{name}_18_double", op, 18, [given.astype(np.float64), i64(2)], const=(1,)),
            Case(f"{name}_18_large", op, 18, [given.clip(0.5, 2)[:1] * 30, i64(2)], const=(1,)),
            Case(f"{name}_18_rank_0", op, 18, [np.array(2, np.float32)]),
        ]
        if kind != "Mean":
            result.append(Case(f"{name}_18_empty_set", op, 18, [x[:, :0], i64(1)], const=(1,)))
    return result


def integers(Case):
    result = []
    a = np.array([[3, -7, 2], [5, 1, -4]])
    axes = np.array([1])
    for kind in ("L1", "Max", "Min", "Prod", "Sum", "SumSquare", "Mean"):
        for dtype in ("int32", "int64"):
            case = f"reduce{kind.lower()}_18_{dtype}"
            result.append(Case(case, f"Reduce{kind}", 18, [a.astype(dtype), axes], const=(1,)))
    # onnxruntime lacks the unsigned types.
    large = np.array([[2**63 + 3, 5], [7, 2**64 - 1]], np.uint64)
    for kind in ("Max", "Min", "Sum"):
        case = f"reduce{kind.lower()}_18_uint64"
        result.append(Case(case, f"Reduce{kind}", 18, [large, axes], const=(1,), oracle="reference"))
    for kind in ("Max", "Min"):
        op, name = f"Reduce{kind}", f"reduce{kind.lower()}"
        result += [
            Case(f"{name}_12_int8", op, 12, [a.astype(np.int8)], axes=[0]),
            Case(f"{name}_12_uint8", op, 12, [a.astype(np.uint8)], axes=[0]),
            Case(f"{name}_20_bool", op, 20, [a > 2, axes], const=(1,)),
            # onnxruntime gives 0; ONNX says the least or largest value of the type.
            Case(f"{name}_18_int32_empty", op, 18, [a[:, :0].astype(np.int32), axes], const=(1,), oracle="reference"),
        ]
    return result


def extremes(Case, x):
    ties = np.round(x)
    result = []
    for op in ("ArgMax", "ArgMin"):
        name = op.lower()
        result += [
            Case(f"{name}_1", op, 7, [x]),
            Case(f"{name}_1_axis", op, 7, [ties], axis=2, keepdims=0),
            Case(f"{name}_11_negative", op, 11, [ties], axis=-2),
            Case(f"{name}_12_last", op, 12, [ties], axis=2, select_last_index=1),
            Case(f"{name}_13_last_dropped", op, 13, [ties], axis=0, keepdims=0, select_last_index=1),
            Case(f"{name}_13_int32", op, 13, [ties.astype(np.int32)], axis=1),
            Case(f"{name}_13_int8", op, 13, [ties.astype(np.int8)], axis=-1),
            Case(f"{name}_13_double", op, 13, [x.astype(np.float64)], axis=1, keepdims=0),
        ]
    return result


def doubles(Case):
    """What float32 would make of it is another number."""
    near = 1e9 + 0.25 * np.arange(6).reshape(2, 3)
    x = 1e300 * np.array([[1.5, -0.5, 2], [1, 0.25, 1.25]])
    axes = np.array([1])
    exact = {"Sum": x.sum(1), "Mean": x.mean(1), "Max": x.max(1), "Min": x.min(1), "L1": np.abs(x).sum(1),
             "LogSumExp": x.max(1)}
    result = [Case(f"reduce{kind.lower()}_18_double_exact", f"Reduce{kind}", 18, [x, axes], const=(1,), keepdims=0,
                   oracle=lambda x, a, y=y: y) for kind, y in exact.items()]
    pair = np.array([[1e9 + 0.5, -1e9]])
    return [
        *result,
        Case("reducesum_13_double_cancels", "ReduceSum", 13, [pair, axes], const=(1,)),
        Case("argmax_13_double_exact", "ArgMax", 13, [near], axis=1),
        Case("argmin_13_double_exact", "ArgMin", 13, [-near], axis=1),
    ]


def cases(Case):
    x = (2 * np.random.default_rng(5).standard_normal((2, 3, 4))).astype(np.float32)
    return [*reductions(Case, x), *integers(Case), *doubles(Case), *extremes(Case, x)]
