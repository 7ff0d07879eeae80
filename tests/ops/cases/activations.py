"""Activations and the softmaxes."""

import numpy as np


def cases(Case):
    rng = np.random.default_rng(3)
    x = (3 * rng.standard_normal((2, 3, 4))).astype(np.float32)
    x[0, 0] = [0.0, -20.0, 20.0, 90.0]
    half = x.clip(-8, 8).astype(np.float16)
    ties = np.round(x / 2)
    f32 = lambda v: np.array(v, np.float32)
    # Of double: float32 has no such numbers, or would round their differences away.
    wide = 1e300 * np.array([[-1.5, 0.5, 2], [1, -0.25, 0]])
    near = 1e9 + 0.25 * np.arange(6).reshape(2, 3)
    result = [
        Case("relu_7", "Relu", 7, [x]),
        Case("relu_14_float16", "Relu", 14, [half]),
        Case("leakyrelu_7", "LeakyRelu", 7, [x]),
        Case("leakyrelu_16", "LeakyRelu", 16, [x], alpha=0.3),
        Case("sigmoid_7", "Sigmoid", 7, [x]),
        Case("sigmoid_13_float16", "Sigmoid", 13, [half]),
        Case("tanh_7", "Tanh", 7, [x]),
        Case("tanh_13", "Tanh", 13, [x]),
        Case("prelu_7_channel", "PRelu", 7, [x, f32([[0.1], [0.2], [-0.3]])]),
        Case("prelu_9_scalar", "PRelu", 9, [x, f32([0.2])]),
        Case("prelu_16_full", "PRelu", 16, [x, rng.random((2, 3, 4), np.float32)]),
        Case("clip_6", "Clip", 7, [x], min=-1.0, max=2.0),
        Case("clip_6_open", "Clip", 7, [x], max=2.0),
        Case("clip_11", "Clip", 11, [x, f32(-1), f32(2)], const=(1, 2)),
        Case("clip_11_no_min", "Clip", 11, [x, None, f32(2)], const=(2,)),
        Case("clip_13", "Clip", 13, [x, f32(-1)], const=(1,)),
        Case("clip_13_crossed", "Clip", 13, [x, f32(2), f32(-1)], const=(1, 2)),
        Case("relu_14_double", "Relu", 14, [wide]),
        Case("leakyrelu_16_double", "LeakyRelu", 16, [wide], alpha=0.5),
        Case("prelu_9_double", "PRelu", 9, [wide, np.array([0.5])], oracle=lambda x, s: np.where(x < 0, s * x, x)),
        Case("clip_6_double", "Clip", 6, [wide], min=-1.0, oracle=lambda x: np.clip(x, -1, np.finfo(np.float32).max.astype(float))),
        Case("clip_13_double", "Clip", 13, [wide, np.array(-1e300), np.array(1e300)], const=(1, 2)),
        Case("clip_12_fed", "Clip", 12, [x, f32(-1), f32(2)]),
        Case("shrink_9", "Shrink", 9, [x]),
        Case("shrink_9_attributes", "Shrink", 9, [x], lambd=1.5, bias=0.5),
        Case("shrink_9_double", "Shrink", 9, [wide], lambd=0.25, bias=0.25),
        Case("shrink_9_int32", "Shrink", 9, [x.astype(np.int32)], lambd=1.5, bias=1.0),
        Case("shrink_9_uint8", "Shrink", 9, [np.abs(x).astype(np.uint8)], lambd=2.0, bias=1.0),
        Case("elu_6", "Elu", 7, [x]),
        Case("elu_6_alpha", "Elu", 7, [x], alpha=0.5),
        Case("selu_6", "Selu", 7, [x]),
        Case("selu_6_attributes", "Selu", 7, [x], alpha=2.0, gamma=0.5),
        Case("celu_12", "Celu", 12, [x]),
        Case("celu_12_alpha", "Celu", 12, [x], alpha=2.5),
        Case("hardsigmoid_6", "HardSigmoid", 7, [x]),
        Case("hardsigmoid_6_attributes", "HardSigmoid", 7, [x], alpha=0.5, beta=0.3),
        Case("hardswish_14", "HardSwish", 14, [x]),
        Case("gelu_20", "Gelu", 20, [x]),
        Case("gelu_20_tanh", "Gelu", 20, [x], approximate="tanh"),
        Case("gelu_20_float16", "Gelu", 20, [half], approximate="none"),
        Case("mish_18", "Mish", 18, [x]),
        # onnxruntime stops at opset 23.
        Case("swish_24", "Swish", 24, [x], oracle="reference", alpha=1.0),
        Case("swish_24_alpha", "Swish", 24, [x], oracle="reference", alpha=0.5),
        Case("softplus_1", "Softplus", 7, [x]),
        Case("softsign_1", "Softsign", 7, [x]),
        Case("thresholdedrelu_10", "ThresholdedRelu", 10, [x]),
        Case("thresholdedrelu_10_alpha", "ThresholdedRelu", 10, [x], alpha=-0.5),
    ]
    for op in ("Elu", "Selu", "HardSigmoid", "Softplus", "Softsign", "ThresholdedRelu"):
        result.append(Case(f"{op.lower()}_22", op, 22, [x]))
    for name in ("int8", "int16", "int32", "int64"):
        a, slope = x.astype(name), np.array([2], name)
        result.append(Case(f"relu_14_{name}", "Relu", 14, [a], oracle=lambda a: np.maximum(a, 0)))
        if name in ("int32", "int64"):
            result.append(Case(f"prelu_9_{name}", "PRelu", 9, [a, slope], oracle=lambda a, s: np.where(a < 0, a * s, a)))
    for name in ("uint32", "uint64"):
        a, slope = np.abs(x).astype(name), np.array([2], name)
        result.append(Case(f"prelu_16_{name}", "PRelu", 16, [a, slope], oracle=lambda a, s: a))
    for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"):
        info = np.iinfo(name)
        a = np.array([info.min, 3, 20, info.max, info.max // 2 + 3], name)
        low, high = np.array(5, name), np.array(info.max - 1, name)
        result += [
            Case(f"clip_12_{name}", "Clip", 12, [a, low, high], const=(1, 2), oracle=lambda a, l, h: a.clip(l, h)),
            Case(f"clip_13_{name}_open", "Clip", 13, [a, low], const=(1,), oracle=np.maximum),
        ]
    for op in ("Softmax", "LogSoftmax", "Hardmax"):
        name = op.lower()
        oracle = "reference" if op == "Hardmax" else "ort"  # not in ort
        result += [
            Case(f"{name}_13_double", op, 13, [near], oracle=oracle, axis=1),
            Case(f"{name}_13_empty", op, 13, [x[:, :0]], axis=1),
            Case(f"{name}_11_double", op, 11, [near[::-1].copy()], oracle=oracle, axis=1),
            Case(f"{name}_1", op, 7, [ties]),
            Case(f"{name}_1_axis", op, 9, [ties], axis=2),
            Case(f"{name}_11", op, 11, [ties], axis=-2),
            Case(f"{name}_11_axis_0", op, 11, [ties], axis=0),
            Case(f"{name}_13", op, 13, [ties]),
            Case(f"{name}_13_axis", op, 13, [ties], axis=1),
            Case(f"{name}_13_axis_0", op, 13, [ties], axis=0),
        ]
    return result
