"""Normalisations by the statistics of the sample itself: groups, instances, layers, neighbours."""

import numpy as np


def instance(x, scale, bias, groups=0, epsilon=1e-5):
    """In float64; scale and bias by channel."""
    n, c = x.shape[:2]
    wide = x.astype(np.float64).reshape(n, groups or c, -1)
    y = (wide - wide.mean(2, keepdims=True)) / np.sqrt(wide.var(2, keepdims=True) + epsilon)
    column = (c, *[1] * (x.ndim - 2))
    return (y.reshape(x.shape) * scale.reshape(column) + bias.reshape(column)).astype(x.dtype)


def even_neighbours(x):
    """LRN of size 4: one channel before, two after. onnxruntime refuses even sizes, and ONNX's
    evaluator loops over samples where it means channels."""
    square = np.pad(x.astype(np.float64) ** 2, ((0, 0), (1, 2), (0, 0), (0, 0)))
    total = sum(square[:, k:k + x.shape[1]] for k in range(4))
    return (x / (1 + 0.5 / 4 * total) ** 0.75).astype(x.dtype)


def cases(Case):
    rng = np.random.default_rng(12)
    f32 = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    x, scale, bias = f32(2, 6, 4, 5), f32(6), f32(6)
    pair, line = (f32(3), f32(3)), f32(2, 6, 7)
    row = (f32(5), f32(5))
    tail = (f32(4, 5), f32(4, 5))
    per_group = lambda x, s, b: instance(x, np.repeat(s, 2), np.repeat(b, 2), 3)
    wide = [v.astype(np.float64) for v in (x, scale, bias)]
    half = [v.astype(np.float16) for v in (x, scale, bias)]
    return [
        Case("groupnormalization_18", "GroupNormalization", 18, [x, *pair], oracle=per_group, num_groups=3),
        Case("groupnormalization_18_one", "GroupNormalization", 18, [line, scale[:1], bias[:1]],
             oracle=lambda x, s, b: instance(x, np.repeat(s, 6), np.repeat(b, 6), 1), num_groups=1),
        Case("groupnormalization_21", "GroupNormalization", 21, [x, scale, bias], num_groups=3),
        Case("groupnormalization_21_epsilon", "GroupNormalization", 21, [x, scale, bias], num_groups=2, epsilon=0.5),
        Case("groupnormalization_21_double", "GroupNormalization", 21, wide,
             oracle=lambda x, s, b: instance(x, s, b, 2), num_groups=2),
        Case("instancenormalization_1", "InstanceNormalization", 1, [x, scale, bias], oracle=instance,
             consumed_inputs=[0, 0, 0]),
        Case("instancenormalization_6", "InstanceNormalization", 6, [x, scale, bias], oracle=instance),
        Case("instancenormalization_9_epsilon", "InstanceNormalization", 9, [x, scale, bias], epsilon=0.25),
        Case("instancenormalization_9_rank_3", "InstanceNormalization", 9, [line, scale, bias]),
        Case("instancenormalization_22", "InstanceNormalization", 22, [x, scale, bias]),
        Case("instancenormalization_22_double", "InstanceNormalization", 22, wide, oracle=instance),
        Case("instancenormalization_22_half", "InstanceNormalization", 22, half,
             oracle=lambda *v: instance(*[a.astype(np.float32) for a in v]).astype(np.float16)),
        Case("layernormalization_17", "LayerNormalization", 17, [x, *row]),
        Case("layernormalization_17_no_bias", "LayerNormalization", 17, [x, row[0]]),
        Case("layernormalization_17_axis", "LayerNormalization", 17, [x, *tail], axis=2, epsilon=0.1),
        Case("layernormalization_17_weights", "LayerNormalization", 17, [x, *row], const=(1, 2)),
        Case("layernormalization_17_statistics", "LayerNormalization", 17, [x, *row], outputs=3),
        Case("layernormalization_17_double", "LayerNormalization", 17, [x.astype(np.float64), *[
            v.astype(np.float64) for v in row]]),
        Case("rmsnormalization_23", "RMSNormalization", 23, [x, row[0]]),
        Case("rmsnormalization_23_axis", "RMSNormalization", 23, [x, tail[0]], axis=-2, epsilon=0.1),
        Case("lrn_1", "LRN", 1, [x], size=3),
        Case("lrn_7", "LRN", 7, [x], size=5, alpha=0.02, beta=0.5, bias=2.0),
        Case("lrn_13_even", "LRN", 13, [x], oracle=even_neighbours, size=4, alpha=0.5),
        Case("lrn_13_beyond", "LRN", 13, [x], size=15, alpha=0.5),
        Case("meanvariancenormalization_9", "MeanVarianceNormalization", 9, [x]),
        Case("meanvariancenormalization_13_axes", "MeanVarianceNormalization", 13, [x], axes=[1, -1]),
        Case("meanvariancenormalization_13_all", "MeanVarianceNormalization", 13, [x], axes=[0, 1, 2, 3]),
    ]
