"""Functions of one element."""

import numpy as np


def cases(Case):
    rng = np.random.default_rng(2)
    x = (3 * rng.standard_normal((2, 3, 4))).astype(np.float32)
    x[0, 0] = [0.0, -0.5, 1.5, 2.5]
    positive, unit = np.abs(x) + np.float32(0.1), np.clip(x / 4, -0.99, 0.99).astype(np.float32)
    special = np.array([1, np.nan, np.inf, -np.inf, 0], np.float32)
    ints = np.array([-128, -3, 0, 5, 127])
    # The first version of each from opset 7 on, and later ones that admit other types.
    domain = {"Log": positive, "Sqrt": positive, "Reciprocal": positive, "Acosh": positive + 1,
              "Acos": unit, "Asin": unit, "Atanh": unit}
    versions = {
        "Abs": (7, 13), "Ceil": (7, 13), "Floor": (7, 13), "Round": (11, 22), "Sign": (9, 13),
        "Neg": (7, 13), "Reciprocal": (7, 13), "Sqrt": (7, 13), "Exp": (7, 13), "Log": (7, 13),
        "Erf": (9, 13), "Sin": (7, 22), "Cos": (7, 22), "Tan": (7, 22), "Asin": (7, 22),
        "Acos": (7, 22), "Atan": (7, 22), "Sinh": (9, 22), "Cosh": (9, 22), "Asinh": (9, 22),
        "Acosh": (9, 22), "Atanh": (9, 22),
    }
    result = [
        Case(f"{op.lower()}_{opset}", op, opset, [domain.get(op, x)])
        for op in versions
        for opset in versions[op]
    ]
    result += [
        Case("abs_13_double", "Abs", 13, [x.astype(np.float64)]),
        Case("abs_13_float16", "Abs", 13, [x.astype(np.float16)]),
        Case("abs_13_int8", "Abs", 13, [ints.astype(np.int8)]),
        Case("abs_13_int64", "Abs", 13, [ints.astype(np.int64)]),
        Case("abs_13_uint64", "Abs", 13, [ints.astype(np.uint64)]),
        Case("neg_13_int8", "Neg", 13, [ints.astype(np.int8)]),
        Case("neg_13_int64", "Neg", 13, [ints.astype(np.int64)]),
        Case("sign_13_int32", "Sign", 13, [ints.astype(np.int32)]),
        Case("sign_13_uint64", "Sign", 13, [ints.astype(np.uint64)]),
        Case("sign_13_special", "Sign", 13, [np.array([-np.inf, np.inf, -0.0], np.float32)]),
        Case("exp_13_special", "Exp", 13, [special]),
        Case("not_1", "Not", 7, [x > 0]),
        Case("isnan_9", "IsNaN", 9, [special]),
        Case("isnan_13", "IsNaN", 13, [special.astype(np.float16)]),
        Case("isnan_20", "IsNaN", 20, [special]),
        Case("isinf_10", "IsInf", 10, [special]),
        Case("isinf_10_negative", "IsInf", 10, [special], detect_positive=0),
        Case("isinf_10_positive", "IsInf", 10, [special], detect_negative=0),
        Case("isinf_20", "IsInf", 20, [special]),
        Case("abs_13_scalar", "Abs", 13, [np.array(-2, np.float32)]),
        Case("abs_13_empty", "Abs", 13, [x[:, :0]]),
    ]
    result += [
        Case(f"bitwisenot_18_{dtype}", "BitwiseNot", 18, [ints.astype(dtype)])
        for dtype in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
    ]
    return result
