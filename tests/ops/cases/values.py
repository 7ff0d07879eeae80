"""Operators that make or convert values: Constant, ConstantOfShape, Range, Cast, CastLike."""

import ml_dtypes
import numpy as np
import onnx.numpy_helper

INTS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
TYPES = (*INTS, "float32", "float64", "float16", "bool", "bfloat16")
KINDS = {"float32": 1, "uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "bool": 9,
         "float16": 10, "float64": 11, "uint32": 12, "uint64": 13, "bfloat16": 16}
i64 = lambda *v: np.array(v, np.int64)
dtype = lambda name: np.dtype(ml_dtypes.bfloat16) if name == "bfloat16" else np.dtype(name)


def constants(Case):
    value = onnx.numpy_helper.from_array
    result = [
        Case("constant_12_float", "Constant", 12, [], value_float=2.5),
        Case("constant_12_floats", "Constant", 12, [], value_floats=[2.5, -1.0, 0.25]),
        Case("constant_12_int", "Constant", 12, [], value_int=-7),
        Case("constant_12_int_0", "Constant", 12, [], value_int=0),
        Case("constant_12_ints", "Constant", 12, [], value_ints=[3, -1, 2**40]),
        Case("constantofshape_9", "ConstantOfShape", 9, [i64(2, 3)], const=(0,)),
        Case("constantofshape_9_scalar", "ConstantOfShape", 9, [i64()], const=(0,)),
        Case("constantofshape_20_empty", "ConstantOfShape", 20, [i64(2, 0)], const=(0,)),
        Case("constantofshape_9_fed", "ConstantOfShape", 9, [i64(2, 3)]),
    ]
    for name in TYPES:
        x = np.array([1, 0, 100]).astype(dtype(name))
        fill = x[2:]
        result += [
            Case(f"constant_13_{name}", "Constant", 13, [], oracle=lambda x=x: x, value=value(x)),
            Case(f"constantofshape_21_{name}", "ConstantOfShape", 21, [i64(2, 1)], const=(0,), value=value(fill),
                 oracle=lambda s, fill=fill: np.full((2, 1), fill[0], fill.dtype)),
        ]
    return result


def ranges(Case):
    case = lambda name, kind, *v, **kw: Case(name, "Range", 11, [np.array(n, kind) for n in v], **kw)
    const = dict(const=(0, 1, 2))
    return [
        case("range_11_int64", np.int64, 3, 10, 2, **const),
        case("range_11_int32_down", np.int32, 10, 3, -3, **const),
        case("range_11_int16", np.int16, -2, 3, 1, **const),
        case("range_11_empty", np.int64, 3, 3, 1, **const),
        case("range_11_wrong_way", np.int64, 3, 9, -1, **const),
        case("range_11_float", np.float32, 0.5, 2.25, 0.5, **const),
        case("range_11_float_down", np.float32, 2, -1, -0.75, **const),
        case("range_11_double", np.float64, 1e300, 1.45e300, 1e299, **const),
        case("range_11_fed", np.int64, 1, 6, 2),
    ]


def casts(Case):
    result = []
    numbers = np.array([0, 1, 2, 3, 100, 127])
    real = np.array([0.0, -0.5, 1.75, -2.25, 100.5, 3.999])
    for source in TYPES:
        x = (real if "float" in source else numbers).astype(dtype(source))
        for target in TYPES:
            y = np.abs(x) if target[0] == "u" and "float" in source else x
            convert = lambda x, target=target: x.astype(dtype(target))
            if source == "bfloat16" or (target == "bfloat16" and source != "float32"):
                convert = lambda x, target=target: x.astype(np.float32).astype(dtype(target))
            result.append(Case(f"cast_{source}_{target}", "Cast", 13, [y], oracle=convert, to=KINDS[target]))
    wide = np.array([2**31 + 5, -2**33 - 1, 300, -129, 65537, 2**62])
    for target in INTS:
        result.append(Case(f"cast_wraps_{target}", "Cast", 13, [wide], oracle=lambda x, t=target: x.astype(t),
                           to=KINDS[target]))
    big = np.array([2**63 + 2**40, 2**64 - 1, 5], np.uint64)
    special = np.float32([np.nan, np.inf, -np.inf, -0.0, 65504, 65520, 1e-8, 3.4e38])
    outside = np.array([1e-300, 0, -1e300])  # of float32
    half = np.array([2049, -2051, 4097, 65519])
    result += [
        Case("cast_6", "Cast", 7, [real.astype(np.float32)], to=7),
        Case("cast_9_bool", "Cast", 9, [special], to=9),
        Case("cast_uint64_double", "Cast", 13, [big], to=11),
        Case("cast_uint64_float", "Cast", 13, [big], to=1),
        Case("cast_double_uint64", "Cast", 13, [np.array([2.0**63 + 2.0**40, 3.5])], to=13),
        Case("cast_special_float16", "Cast", 19, [special], to=10),
        Case("cast_special_bfloat16", "Cast", 19, [special], oracle=lambda x: x.astype(ml_dtypes.bfloat16), to=16),
        Case("cast_special_double", "Cast", 19, [special], to=11, saturate=1),
        Case("cast_double_bool", "Cast", 13, [outside], to=9),
        Case("cast_double_double", "Cast", 13, [outside], to=11),
        Case("cast_int64_float16", "Cast", 13, [half], to=10),
        Case("cast_13_empty", "Cast", 13, [real[:0]], to=1),
        Case("cast_25_round_mode", "Cast", 25, [real], oracle=lambda x: x.astype(np.float32), to=1, round_mode="up"),
        Case("castlike_15", "CastLike", 15, [real, np.array([1, 2])], oracle=lambda x, y: x.astype(np.int64)),
        Case("castlike_15_constant", "CastLike", 15, [numbers, np.float32([1])], const=(1,),
             oracle=lambda x, y: x.astype(np.float32)),
        Case("castlike_19_bool", "CastLike", 19, [real, np.array(True)], saturate=1, oracle=lambda x, y: x != 0),
        Case("castlike_21_half", "CastLike", 21, [real, np.float16([[1]])], oracle=lambda x, y: x.astype(np.float16)),
    ]
    return result


def cases(Case):
    return [*constants(Case), *ranges(Case), *casts(Case)]
