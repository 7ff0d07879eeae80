"""GridSample in every mode, under every padding."""

import numpy as np

PADDINGS = ("zeros", "border", "reflection")


def cases(Case):
    rng = np.random.default_rng(11)
    x = rng.standard_normal((2, 2, 4, 5)).astype(np.float32)
    grid = (2.6 * rng.random((2, 3, 4, 2)) - 1.3).astype(np.float32)
    volume = rng.standard_normal((1, 2, 2, 3, 4)).astype(np.float32)
    points = (2.4 * rng.random((1, 2, 1, 3, 3)) - 1.2).astype(np.float32)
    result = []
    for padding in PADDINGS:
        for align in (0, 1):
            rest = dict(padding_mode=padding, align_corners=align)
            for mode in ("bilinear", "nearest", "bicubic"):
                result.append(Case(f"gridsample_16_{mode}_{padding}_{align}", "GridSample", 16, [x, grid], mode=mode, **rest))
            for mode in ("linear", "nearest", "cubic"):
                result.append(Case(f"gridsample_20_{mode}_{padding}_{align}", "GridSample", 20, [x, grid], mode=mode, **rest))
            for mode in ("linear", "nearest"):
                result.append(Case(f"gridsample_22_volume_{mode}_{padding}_{align}", "GridSample", 22, [volume, points],
                                   oracle="reference", mode=mode, **rest))
    line, at = x[:, :, 0], grid[:, 0, :, :1]
    result += [
        Case("gridsample_16_default", "GridSample", 16, [x, grid]),
        Case("gridsample_20_default", "GridSample", 20, [x, grid]),
        Case("gridsample_22_line", "GridSample", 22, [line, at], oracle="reference"),
        Case("gridsample_16_one_pixel", "GridSample", 16, [x[:, :, :1, :1], grid], padding_mode="border"),
    ]
    return result
