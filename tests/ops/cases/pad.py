"""Pad in every mode, by attributes and by inputs."""

import ml_dtypes
import numpy as np

TYPES = ("float16", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool")
i64 = lambda *v: np.array(v, np.int64)


def forms(Case, x):
    f32 = lambda v: np.array(v, np.float32)
    const = dict(const=(1, 2, 3))
    wrap = lambda x, pads, *rest: np.pad(x, ((0, 0), (0, 0), (3, 5)), "wrap")
    return [
        Case("pad_2", "Pad", 7, [x], pads=[0, 1, 2, 1, 0, 3]),
        Case("pad_2_value", "Pad", 7, [x], pads=[0, 1, 0, 0, 0, 3], mode="constant", value=1.5),
        Case("pad_2_reflect", "Pad", 7, [x], pads=[0, 0, 2, 0, 2, 3], mode="reflect"),
        Case("pad_2_edge", "Pad", 7, [x], pads=[1, 0, 2, 0, 4, 0], mode="edge"),
        Case("pad_2_negative", "Pad", 7, [x], pads=[0, -1, 0, 0, 0, -2]),
        Case("pad_11", "Pad", 11, [x, i64(0, 1, 2, 1, 0, 3), f32(2.5)], **const),
        Case("pad_11_no_value", "Pad", 11, [x, i64(0, 1, 2, 1, 0, 3)], **const),
        Case("pad_11_vector_value", "Pad", 11, [x, i64(0, 1, 2, 1, 0, 3), f32([2.5])], const=(1, 2),
             oracle=lambda x, *rest: np.pad(x, ((0, 1), (1, 0), (2, 3)), constant_values=2.5)),
        Case("pad_13_negative_one_side", "Pad", 13, [x, i64(0, 2, -1, 0, -1, 2), f32(7)], **const),
        Case("pad_13_edge_far", "Pad", 13, [x, i64(0, 0, 9, 0, 5, 0)], mode="edge", **const),
        Case("pad_13_reflect_whole", "Pad", 13, [x, i64(1, 2, 3, 1, 2, 3)], mode="reflect", **const),
        Case("pad_13_reflect_cropped", "Pad", 13, [x, i64(0, 0, -1, 0, 0, 2)], mode="reflect", **const,
             oracle=lambda x, *rest: np.pad(x[..., 1:], ((0, 0), (0, 0), (0, 2)), "reflect")),
        Case("pad_13_rank_0", "Pad", 13, [f32(3), i64()], **const, oracle=lambda x, p: x),
        Case("pad_13_of_nothing", "Pad", 13, [x[:, :0], i64(0, 1, 0, 0, 1, 0), f32(4)], **const),
        Case("pad_18_axes", "Pad", 18, [x, i64(1, 2, 3, 0), f32(4), i64(2, 0)], **const),
        Case("pad_18_negative_axes", "Pad", 18, [x, i64(1, 2), None, i64(-1)], **const),
        Case("pad_18_int32_axes", "Pad", 18, [x, i64(1, 2), None, np.array([1], np.int32)], **const,
             oracle=lambda x, *rest: np.pad(x, ((0, 0), (1, 2), (0, 0)))),
        Case("pad_19_wrap", "Pad", 19, [x, i64(0, 1, 2, 0, 2, 3)], mode="wrap", **const),
        Case("pad_19_wrap_far", "Pad", 19, [x, i64(0, 0, 3, 0, 0, 5)], mode="wrap", **const, oracle=wrap),
        Case("pad_21_fed", "Pad", 21, [x, i64(0, 1, 2, 1, 0, 3)]),
    ]


def types(Case):
    result = []
    for name in (*TYPES, "bfloat16"):
        dtype = ml_dtypes.bfloat16 if name == "bfloat16" else np.dtype(name)
        x, fill = np.array([[0, 1, 2], [3, 100, 5]]).astype(dtype), np.array(7).astype(dtype)
        for mode in ("constant", "edge"):
            fills = {"constant_values": fill} if mode == "constant" else {}
            oracle = lambda x, pads, fill=None, mode=mode, fills=fills: np.pad(x, ((1, 0), (0, 2)), mode, **fills)
            inputs = [x, i64(1, 0, 0, 2), *([fill] if mode == "constant" else [])]
            result.append(Case(f"pad_13_{mode}_{name}", "Pad", 13, inputs, const=(1, 2), oracle=oracle, mode=mode))
    return result


def cases(Case):
    x = np.random.default_rng(6).standard_normal((2, 3, 4)).astype(np.float32)
    return [*forms(Case, x), *types(Case)]
