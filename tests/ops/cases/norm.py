"""Per channel y = a x + b: BatchNormalization at inference, ImageScaler."""

import numpy as np


def cases(Case):
    rng = np.random.default_rng(10)
    x = rng.standard_normal((2, 3, 4, 5)).astype(np.float32)
    scale, shift, mean = rng.standard_normal((3, 3)).astype(np.float32)
    variance = rng.random(3).astype(np.float32) + np.float32(0.1)
    params = [scale, shift, mean, variance]
    per_entry = [np.abs(rng.standard_normal((3, 4, 5))).astype(np.float32) + np.float32(0.1) for _ in range(4)]
    column = lambda v: v.reshape(-1, 1, 1)

    def normal(x, s, b, m, v, epsilon=1e-5):
        return ((x - m) / np.sqrt(v + np.float32(epsilon)) * s + b).astype(x.dtype)

    by_channel = lambda x, *p: normal(x, *map(column, p))
    # The mean is near 1e9 and the spread below float32's steps there.
    far = [1e9 + 0.25 * np.arange(24).reshape(2, 3, 4), np.ones(3), np.zeros(3), np.full(3, 1e9 + 1), np.full(3, 4.0)]
    vector = lambda x, s, b, m, v: (x - m[:, None]) / np.sqrt(v[:, None] + 1e-5) * s[:, None] + b[:, None]
    bias = [0.5, -1.0, 2.0]
    scaled = lambda x: np.float32(0.25) * x + np.float32(bias).reshape(3, 1, 1)
    mixed = [x.astype(np.float16), *params]
    return [
        Case("batchnormalization_1", "BatchNormalization", 1, [x, *params], oracle=by_channel, is_test=1,
             consumed_inputs=[0, 0, 0, 1, 1]),
        Case("batchnormalization_6", "BatchNormalization", 6, [x, *params], oracle=by_channel, is_test=1, spatial=1),
        Case("batchnormalization_6_entries", "BatchNormalization", 6, [x, *per_entry], oracle=normal, is_test=1,
             spatial=0),
        Case("batchnormalization_7", "BatchNormalization", 7, [x, *params], momentum=0.5),
        Case("batchnormalization_7_entries", "BatchNormalization", 7, [x, *per_entry], oracle=normal, spatial=0),
        Case("batchnormalization_9", "BatchNormalization", 9, [x, *params], epsilon=0.01),
        Case("batchnormalization_9_weights", "BatchNormalization", 9, [x, *params], const=(1, 2, 3, 4)),
        Case("batchnormalization_9_rank_2", "BatchNormalization", 9, [x[:, :, 0, 0], *params]),
        Case("batchnormalization_14", "BatchNormalization", 14, [x, *params], training_mode=0),
        Case("batchnormalization_14_rank_3", "BatchNormalization", 14, [x[..., 0], *params]),
        Case("batchnormalization_15", "BatchNormalization", 15, [x, *params]),
        Case("batchnormalization_15_float16", "BatchNormalization", 15, mixed,
             oracle=lambda x, *p: by_channel(x.astype(np.float32), *p).astype(np.float16)),
        Case("batchnormalization_15_double", "BatchNormalization", 15, far, oracle=vector),
        Case("batchnormalization_15_double_float", "BatchNormalization", 15,
             [far[0] - 1e9, *[p.astype(np.float32) for p in (far[1], far[2], far[1], far[4])]], oracle=vector),
        Case("imagescaler_1", "ImageScaler", 1, [x], oracle=scaled, scale=0.25, bias=bias),
        Case("imagescaler_1_default", "ImageScaler", 6, [x], oracle=lambda x: x + np.float32(
            bias).reshape(3, 1, 1), bias=bias),
    ]
