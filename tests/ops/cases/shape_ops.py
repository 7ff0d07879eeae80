"""Operators that move no element, and those that tell about shapes."""

import ml_dtypes
import numpy as np

TYPES = ("float16", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "bool")
i64 = lambda *v: np.array(v, np.int64)


def reshapes(Case, x):
    legacy = lambda *shape: lambda x, *target: x.reshape(shape)
    return [
        Case("reshape_1", "Reshape", 1, [x], oracle=legacy(2, 12), shape=[0, -1], consumed_inputs=[0]),
        Case("reshape_5", "Reshape", 7, [x, i64(4, 6)], const=(1,)),
        Case("reshape_13", "Reshape", 13, [x, i64(0, -1)], const=(1,)),
        Case("reshape_13_zero_size", "Reshape", 13, [x[:, :0], i64(2, 0, 7)], const=(1,)),
        Case("reshape_13_fed", "Reshape", 13, [x, i64(3, 8)]),
        Case("reshape_14_allowzero", "Reshape", 14, [x[:0], i64(3, 0)], const=(1,), allowzero=1),
        # onnxruntime divides by the dims that are copied; what is left is [3, 4].
        Case("reshape_14_copied_zero", "Reshape", 14, [x[:0], i64(0, -1)], const=(1,), oracle=legacy(0, 12)),
        Case("reshape_19_scalar", "Reshape", 19, [x[:1, :1, :1], i64()], const=(1,)),
        Case("flatten_1", "Flatten", 7, [x]),
        Case("flatten_9", "Flatten", 9, [x], axis=2),
        Case("flatten_9_halves", "Flatten", 9, [x.reshape(2, 3, 2, 2)], axis=2),
        Case("flatten_9_all", "Flatten", 9, [x], axis=3),
        Case("flatten_13_negative", "Flatten", 13, [x], axis=-1),
        Case("flatten_13_zero", "Flatten", 13, [x], axis=0),
        Case("squeeze_1", "Squeeze", 7, [x[:, None]], axes=[1]),
        Case("squeeze_1_all", "Squeeze", 7, [x[:, None, :, :1]]),
        Case("squeeze_11", "Squeeze", 11, [x[:, None]], axes=[-3]),
        Case("squeeze_13", "Squeeze", 13, [x[:, None], i64(1)], const=(1,)),
        Case("squeeze_13_all", "Squeeze", 13, [x[:, None]]),
        Case("squeeze_21_two", "Squeeze", 21, [x[None, :, None], i64(-3, 0)], const=(1,)),
        Case("unsqueeze_1", "Unsqueeze", 7, [x], axes=[0, 2]),
        Case("unsqueeze_11", "Unsqueeze", 11, [x], axes=[0, -1]),
        Case("unsqueeze_13", "Unsqueeze", 13, [x, i64(-1)], const=(1,)),
        Case("unsqueeze_21_two", "Unsqueeze", 21, [x, i64(3, 0)], const=(1,)),
        Case("unsqueeze_13_scalar", "Unsqueeze", 13, [np.array(3, np.float32), i64(0)], const=(1,)),
    ]


def identities(Case, x):
    mask = lambda x: [x, np.ones_like(x)]
    off, on = np.array(False), np.array(True)
    half, none = np.array(0.5, np.float32), np.array(0, np.float32)
    return [
        Case("identity_1", "Identity", 7, [x]),
        Case("identity_13", "Identity", 13, [x]),
        Case("identity_14_rank_0", "Identity", 14, [np.array(3, np.float32)]),
        Case("dropout_1", "Dropout", 1, [x], oracle=lambda x: x, is_test=1, consumed_inputs=[0]),
        Case("dropout_6_mask", "Dropout", 6, [x], outputs=2, oracle=mask, is_test=1, ratio=0.3),
        Case("dropout_7", "Dropout", 7, [x], ratio=0.3),
        Case("dropout_7_mask", "Dropout", 7, [x], outputs=2, oracle=mask),
        # onnxruntime leaves the mask empty; ONNX says so only from opset 12 on, and says ones.
        Case("dropout_10_mask", "Dropout", 10, [x], outputs=2, oracle=lambda x: [x, np.ones_like(x, bool)]),
        Case("dropout_12", "Dropout", 12, [x, half], const=(1,), seed=1),
        Case("dropout_12_mask", "Dropout", 12, [x, half, off], outputs=2, const=(1, 2)),
        Case("dropout_13_nothing_dropped", "Dropout", 13, [x, none, on], outputs=2, const=(1, 2)),
        Case("dropout_22_double", "Dropout", 22, [x.astype(np.float64), half], const=(1,)),
    ]


def about_shapes(Case, x):
    return [
        Case("shape_1", "Shape", 7, [x]),
        Case("shape_13_rank_0", "Shape", 13, [np.array(1)]),
        Case("shape_15_start", "Shape", 15, [x], start=1),
        Case("shape_15_negative", "Shape", 15, [x], start=-2, end=-1),
        Case("shape_15_clamped", "Shape", 15, [x], start=-10, end=10),
        Case("shape_15_empty", "Shape", 15, [x], start=2, end=1),
        Case("size_1", "Size", 7, [x]),
        Case("size_13", "Size", 13, [x[:, :0]]),
        Case("size_13_rank_0", "Size", 13, [np.array(True)]),
    ]


def transposes(Case, x):
    deep = np.arange(64, dtype=np.int32).reshape((2, 1, 2, 2, 2, 2, 2, 1))
    return [
        Case("transpose_13", "Transpose", 13, [x], perm=[2, 0, 1]),
        Case("transpose_1_default", "Transpose", 9, [x]),
        Case("transpose_13_rank_0", "Transpose", 13, [np.array(2, np.float32)]),
        Case("transpose_13_rank_1", "Transpose", 13, [x[0, 0]], perm=[0]),
        Case("transpose_13_rank_8", "Transpose", 13, [deep], perm=[7, 3, 0, 5, 2, 6, 4, 1]),
        Case("transpose_13_empty", "Transpose", 13, [x[:, :0]], perm=[1, 2, 0]),
    ]


def types(Case):
    result = []
    for name in (*TYPES, "bfloat16"):
        x = np.array([[0, 1, 2], [3, 100, 5]]).astype(ml_dtypes.bfloat16 if name == "bfloat16" else name)
        oracle = lambda x: x.T.copy()
        result += [
            Case(f"transpose_13_{name}", "Transpose", 13, [x], oracle=oracle),
            Case(f"identity_13_{name}", "Identity", 13, [x], oracle=lambda x: x),
            Case(f"reshape_13_{name}", "Reshape", 13, [x, i64(-1)], const=(1,), oracle=lambda x, s: x.reshape(-1)),
        ]
    return result


def cases(Case):
    x = np.random.default_rng(1).standard_normal((2, 3, 4)).astype(np.float32)
    return [*reshapes(Case, x), *identities(Case, x), *about_shapes(Case, x), *transposes(Case, x), *types(Case)]
