"""Operators that move no element, or only rearrange them."""

import numpy as np


def cases(Case):
    x = np.random.default_rng(1).standard_normal((2, 3, 4)).astype(np.float32)
    i64 = lambda *v: np.array(v, np.int64)
    return [
        Case("identity_13", "Identity", 13, [x]),
        Case("flatten_9", "Flatten", 9, [x], axis=2),
        Case("flatten_13_negative", "Flatten", 13, [x], axis=-1),
        Case("reshape_13", "Reshape", 13, [x, i64(0, -1)], const=(1,)),
        Case("reshape_14_allowzero", "Reshape", 14, [x[:0], i64(3, 0)], const=(1,), allowzero=1),
        Case("squeeze_11", "Squeeze", 11, [x[:, None]], axes=[1]),
        Case("squeeze_13", "Squeeze", 13, [x[:, None], i64(1)], const=(1,)),
        Case("squeeze_13_all", "Squeeze", 13, [x[:, None]]),
        Case("unsqueeze_11", "Unsqueeze", 11, [x], axes=[0, 4]),
        Case("unsqueeze_13", "Unsqueeze", 13, [x, i64(-1)], const=(1,)),
        Case("transpose_13", "Transpose", 13, [x], perm=[2, 0, 1]),
        Case("transpose_1_default", "Transpose", 9, [x]),
    ]
