"""Elementwise operators on several inputs: arithmetic, comparisons, logic, bits, choice."""

import numpy as np

INTS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")


def arithmetic(Case, x, y, channel):
    result = []
    for op in ("Add", "Sub", "Mul", "Div"):
        name = op.lower()
        result += [
            Case(f"{name}_7", op, 7, [x, y]),
            Case(f"{name}_7_broadcast", op, 7, [x, channel]),
            Case(f"{name}_13_both_broadcast", op, 13, [x[:, :1], channel]),
            Case(f"{name}_13_scalar", op, 13, [np.array(2, np.float32), y]),
            Case(f"{name}_14_float16", op, 14, [x.astype(np.float16), y.astype(np.float16)]),
            Case(f"{name}_14_double", op, 14, [x.astype(np.float64), y[0].astype(np.float64)]),
        ]
        for dtype in INTS:
            info = np.iinfo(dtype)
            a = np.array([[info.max, info.min, 7], [100, 9, info.max - 1]], dtype)
            b = np.array([2, 3, 5], dtype)
            result.append(Case(f"{name}_14_{dtype}", op, 14, [a, b]))
    result += [
        Case("div_14_negative", "Div", 14, [np.array([-7, 7, -7]), np.array([2, -2, -1])]),
        Case("add_13_empty", "Add", 13, [x[:0], channel]),
        Case("add_13_rank_0", "Add", 13, [np.array(2, np.float32), np.array(3, np.float32)]),
    ]
    return result


def remainders(Case, x, y):
    a, b = np.array([-7, 7, -7, 7, 6, -6, 0]), np.array([3, 3, -3, -3, 3, -1, 5])
    positive = np.array([200, 255, 3, 9, 0]), np.array([7, 2, 5, 9, 4])
    result = [
        Case("mod_10_fmod", "Mod", 10, [x, y], fmod=1),
        Case("mod_13_fmod_broadcast", "Mod", 13, [x, y[0, :1]], fmod=1),
        Case("mod_13_fmod_int64", "Mod", 13, [a, b], fmod=1),
    ]
    for dtype in INTS:
        pair = [v.astype(dtype) for v in (positive if dtype[0] == "u" else (a, b))]
        result.append(Case(f"mod_13_{dtype}", "Mod", 13, pair))
    return result


def powers(Case, x):
    base = np.abs(x) + np.float32(0.5)
    i32, i64 = np.array([[3, -2, 5]], np.int32), np.array([[3], [2], [0]], np.int64)
    return [
        Case("pow_7", "Pow", 7, [base, x]),
        Case("pow_7_scalar", "Pow", 7, [x, np.array(2, np.float32)]),
        Case("pow_12_float_int64", "Pow", 12, [x, np.array([2, 3, 0, -1])]),
        Case("pow_13_float_int32", "Pow", 13, [x, np.array([2], np.int32)]),
        Case("pow_13_int32_int64", "Pow", 13, [i32, i64]),
        Case("pow_13_int32_float", "Pow", 13, [i32, np.array([2, 3, 0.5], np.float32)[:2, None]]),
        Case("pow_15_int64_int32", "Pow", 15, [i64, np.abs(i32)]),
        Case("pow_15_double", "Pow", 15, [base.astype(np.float64), x[0].astype(np.float64)]),
        # onnxruntime has no unsigned exponents.
        Case("pow_15_float_uint64", "Pow", 15, [x, np.array([3], np.uint64)], oracle="reference"),
    ]


def comparisons(Case, x, y):
    a = np.array([[1, 2, 3], [3, 2, 1]])
    b = np.array([2, 2, 3])
    large = np.array([2**63 + 5, 7, 2**63], np.uint64)
    rounded = np.round(x), np.round(y)
    result = []
    for op, opsets in {"Equal": (11, 13, 19), "Greater": (7, 9, 13), "Less": (7, 9, 13),
                       "GreaterOrEqual": (12, 16), "LessOrEqual": (12, 16)}.items():
        name = op.lower()
        result += [Case(f"{name}_{opset}", op, opset, list(rounded)) for opset in opsets]
        result += [
            Case(f"{name}_13_broadcast", op, 13, [rounded[0], rounded[1][0, :1]]),
            Case(f"{name}_13_int32", op, 13, [a.astype(np.int32), b.astype(np.int32)]),
            Case(f"{name}_13_int64", op, 13, [a, b[:, None][:2]]),
            Case(f"{name}_13_nan", op, 13, [np.float32([np.nan, 1, np.inf]), np.float32([np.nan, np.nan, np.inf])]),
            Case(f"{name}_13_uint64", op, 13, [large, large[::-1].copy()]),
        ]
    result += [
        Case("equal_7_int64", "Equal", 7, [a, b]),
        Case("equal_7_bool", "Equal", 7, [a > 1, b > 2]),
    ]
    return result


def logic(Case):
    p, q = np.array([[True, True], [False, False]]), np.array([True, False])
    result = []
    for op in ("And", "Or", "Xor"):
        result += [
            Case(f"{op.lower()}_7", op, 7, [p, p.T]),
            Case(f"{op.lower()}_7_broadcast", op, 7, [p[None], q[:, None]]),
        ]
    for op in ("BitwiseAnd", "BitwiseOr", "BitwiseXor"):
        for dtype in INTS:
            a = np.array([[-1, 5, 100], [0, 77, -128]]).astype(dtype)
            b = np.array([[3], [-7]]).astype(dtype)
            result.append(Case(f"{op.lower()}_18_{dtype}", op, 18, [a, b]))
    for direction in ("LEFT", "RIGHT"):
        for dtype in ("uint8", "uint16", "uint32", "uint64"):
            # onnxruntime has no kernel for uint16.
            oracle = "reference" if dtype == "uint16" else "ort"
            top = np.iinfo(dtype).max
            pair = [np.array([[1, 200, top], [top, 3, 128]], dtype), np.array([1, 2, 7], dtype)]
            name = f"bitshift_11_{direction.lower()}_{dtype}"
            result.append(Case(name, "BitShift", 11, pair, oracle=oracle, direction=direction))
    return result


def choices(Case, x, y):
    mask = np.array([[True], [False], [True]])
    return [
        Case("where_9", "Where", 9, [x > 0, x, y]),
        Case("where_16_broadcast", "Where", 16, [mask, x, np.array(7, np.float32)]),
        Case("where_16_condition_widest", "Where", 16, [x > 0, x[0, 0], y[1, :, :1]]),
        Case("where_16_int64", "Where", 16, [mask, np.arange(3), np.array(-1)]),
        Case("where_16_uint8", "Where", 16, [mask, np.arange(3, dtype=np.uint8), np.array([9], np.uint8)]),
        Case("where_16_bool", "Where", 16, [mask, mask.T, ~mask], oracle="reference"),  # not in ort
        Case("where_16_constant_mask", "Where", 16, [mask, x, y], const=(0,)),
    ]


def variadics(Case, x, y, channel):
    result = []
    for op in ("Sum", "Max", "Min", "Mean"):
        name = op.lower()
        result += [
            Case(f"{name}_6", op, 7, [x, y]),
            Case(f"{name}_8_broadcast", op, 8, [channel, x, np.array(0.5, np.float32)]),
            Case(f"{name}_8_one", op, 8, [x]),
            Case(f"{name}_13_four", op, 13, [x, y, x[:, :1], y[:, :, :1]]),
        ]
    nan = np.array([np.nan, 1, 3, np.nan], np.float32)
    for op in ("Max", "Min"):
        name = op.lower()
        result += [Case(f"{name}_13_nan", op, 13, [nan, nan[::-1].copy()])]
        for dtype in ("int32", "uint32", "int64", "uint64"):
            a = np.array([[-1, 5, 100], [0, 77, -128]]).astype(dtype)
            result.append(Case(f"{name}_12_{dtype}", op, 12, [a, a[:, ::-1].copy(), a[:1]]))
    return result


def cases(Case):
    rng = np.random.default_rng(4)
    x = (3 * rng.standard_normal((2, 3, 4))).astype(np.float32)
    y = (3 * rng.standard_normal((2, 3, 4))).astype(np.float32)
    channel = np.array([[1.5], [-2], [0.25]], np.float32)
    return [
        *arithmetic(Case, x, y, channel), *remainders(Case, x, y), *powers(Case, x),
        *comparisons(Case, x, y), *logic(Case), *choices(Case, x, y),
        *variadics(Case, x, y, channel),
    ]
