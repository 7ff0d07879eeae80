"""Resize, Upsample, DepthToSpace, SpaceToDepth."""

import itertools

import numpy as np

COORDINATES = ("half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric")
NEAREST = ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")


def floats(*values):
    return np.array(values, np.float32)


def coordinates(Case, x):
    result = []
    for coordinate, (n, size) in itertools.product(COORDINATES, enumerate(([1, 2, 4, 4], [1, 2, 7, 13], [1, 2, 1, 6]))):
        for mode in ("linear", "cubic"):
            result.append(Case(f"resize_19_{mode}_{coordinate}_{n}", "Resize", 19, [x, None, None, np.array(size)],
                               const=(3,), mode=mode, coordinate_transformation_mode=coordinate))
        for nearest in NEAREST:
            result.append(Case(f"resize_19_{nearest}_{coordinate}_{n}", "Resize", 19, [x, None, None, np.array(size)],
                               const=(3,), nearest_mode=nearest, coordinate_transformation_mode=coordinate))
    for coordinate, mode in itertools.product(COORDINATES, ("nearest", "linear", "cubic")):
        if coordinate == "align_corners":  # onnxruntime rounds the length, ONNX's tests do not
            continue
        for n, scales in enumerate((floats(1, 1, 0.6, 1.7), floats(1, 1, 2.3, 0.45))):
            result.append(Case(f"resize_13_{mode}_{coordinate}_scales_{n}", "Resize", 13, [x, None, scales],
                               const=(2,), mode=mode, coordinate_transformation_mode=coordinate))
    for nearest in NEAREST:
        result.append(Case(f"resize_11_tf_half_pixel_{nearest}", "Resize", 11, [x, floats(), floats(1, 1, 2, 0.6)],
                           coordinate_transformation_mode="tf_half_pixel_for_nn", nearest_mode=nearest))
    return result


def crops(Case, x):
    result = []
    roi = floats(0, 0, 0.4, -0.2, 1, 1, 1.3, 0.7)
    for mode in ("nearest", "linear", "cubic"):
        crop = {"mode": mode, "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": 7.5}
        result += [
            Case(f"resize_13_crop_{mode}", "Resize", 13, [x, roi, None, np.array([1, 2, 3, 9])], const=(1, 3), **crop),
            Case(f"resize_13_crop_{mode}_one", "Resize", 13, [x, roi, None, np.array([1, 2, 1, 2])], **crop),
            # onnxruntime does not crop an axis that keeps its size.
            Case(f"resize_13_crop_{mode}_same_size", "Resize", 13, [x, roi, None, np.array([1, 2, 5, 6])],
                 oracle="reference", **crop),
            Case(f"resize_18_crop_{mode}_axes", "Resize", 18, [x, floats(0.1, 0, 0.7, 0.9), None, np.array([4, 9])],
                 axes=[3, 2], **crop),
        ]
    return result


def kernels(Case, x):
    result = []
    for mode, outside, (n, scales) in itertools.product(
            ("linear", "cubic"), (0, 1), enumerate((floats(1, 1, 0.6, 0.3), floats(1, 1, 0.8, 1.6)))):
        result.append(Case(f"resize_18_antialias_{mode}_{outside}_{n}", "Resize", 18, [x, None, scales], mode=mode,
                           antialias=1, exclude_outside=outside))
        if mode == "cubic":
            result.append(Case(f"resize_13_outside_{outside}_{n}", "Resize", 13, [x, None, scales], mode=mode,
                               exclude_outside=outside, cubic_coeff_a=-0.5))
    for policy, mode in itertools.product(("not_larger", "not_smaller"), ("nearest", "linear")):
        result += [
            Case(f"resize_18_{policy}_{mode}", "Resize", 18, [x, None, None, np.array([8, 7])], axes=[2, 3], mode=mode,
                 keep_aspect_ratio_policy=policy),
            Case(f"resize_18_{policy}_{mode}_down", "Resize", 18, [x, None, None, np.array([2, 4])], axes=[3, 2],
                 mode=mode, keep_aspect_ratio_policy=policy),
        ]
    return result


def shapes(Case, x):
    volume = x.reshape(1, 2, 5, 3, 2)
    large = np.arange(2**40, 2**40 + 12).reshape(1, 1, 3, 4)
    result = [
        Case("resize_13_1d_linear", "Resize", 13, [x[:, :, 0], None, floats(1, 1, 1.7)], mode="linear"),
        # These two are not in onnxruntime.
        Case("resize_13_1d_cubic", "Resize", 13, [x[:, :, 0], None, floats(1, 1, 1.5)], mode="cubic", oracle="reference"),
        Case("resize_13_channels_linear", "Resize", 13, [x[:, :, :2, :2], None, floats(1, 2, 1.5, 1)], mode="linear",
             oracle="reference"),
        Case("resize_13_3d_linear", "Resize", 13, [volume, None, floats(1, 1, 0.6, 2, 1.5)], mode="linear"),
        Case("resize_13_3d_nearest", "Resize", 13, [volume, None, floats(1, 1, 0.6, 2, 1.5)]),
        Case("resize_13_channels_nearest", "Resize", 13, [x, None, floats(1, 2, 1, 1)]),
        Case("resize_13_rank_1", "Resize", 13, [x[0, 0, 0], None, floats(2.5)]),
        Case("resize_13_same", "Resize", 13, [x, None, floats(1, 1, 1, 1)], mode="cubic"),
        Case("resize_13_empty_batch", "Resize", 13, [x[:0], None, floats(1, 1, 2, 2)], mode="linear"),
        Case("resize_13_nothing_left", "Resize", 13, [x, None, floats(1, 1, 0.1, 2)]),
        Case("resize_13_float16", "Resize", 13, [x.astype(np.float16), None, floats(1, 1, 2, 0.6)], mode="linear"),
        Case("resize_13_int64", "Resize", 13, [large, None, floats(1, 1, 2, 2)], oracle="reference"),
        Case("upsample_9_bool", "Upsample", 9, [x > 0, floats(1, 1, 2, 3)], mode="nearest", oracle="reference"),
    ]
    for mode in ("nearest", "linear", "cubic"):  # double: not in onnxruntime
        result.append(Case(f"resize_13_double_{mode}", "Resize", 13, [x.astype(float), None, floats(1, 1, 0.6, 1.5)],
                           mode=mode, oracle="reference"))
    for mode, dtype in itertools.product(("nearest", "linear"), ("uint8", "int8", "int32")):
        whole = np.abs(np.round(40 * x)).astype(dtype)
        result.append(Case(f"resize_13_{mode}_{dtype}", "Resize", 13, [whole, None, floats(1, 1, 0.6, 1.7)], mode=mode))
    return result


def old_forms(Case, x):
    result = []
    for mode, (n, scales) in itertools.product(
            ("nearest", "linear"), enumerate(([1, 1, 1.3, 2], [1, 1, 2.6, 1], [1, 1, 0.6, 0.35]))):
        result.append(Case(f"resize_10_{mode}_{n}", "Resize", 10, [x, floats(*scales)], const=(1,), mode=mode))
        if n < 2:
            result.append(Case(f"upsample_7_{mode}_{n}", "Upsample", 7, [x], mode=mode, scales=[float(s) for s in scales]))
            result.append(Case(f"upsample_9_{mode}_{n}", "Upsample", 9, [x, floats(*scales)], const=(1,), mode=mode))
    for mode in ("nearest", "linear", "cubic"):
        result += [
            Case(f"resize_11_{mode}_scales", "Resize", 11, [x, floats(), floats(1, 1, 1.5, 0.8)], const=(1, 2), mode=mode),
            Case(f"resize_11_{mode}_sizes", "Resize", 11, [x, floats(), floats(), np.array([1, 2, 8, 4])],
                 const=(1, 2, 3), mode=mode),
        ]
    return result


def blocks(Case, x):
    deep, flat = x.reshape(2, 2, 3, 5)[:, :, :, :4], x.reshape(1, 1, 10, 6)
    deep = np.concatenate([deep, deep * 2, deep * 3, deep * 4], axis=1)  # [2, 8, 3, 4]
    result = []
    for opset in (7, 11, 13):
        result.append(Case(f"depthtospace_{opset}", "DepthToSpace", opset, [deep], blocksize=2))
        result.append(Case(f"spacetodepth_{opset}", "SpaceToDepth", opset, [flat], blocksize=2))
    for mode in ("DCR", "CRD"):
        result.append(Case(f"depthtospace_13_{mode}", "DepthToSpace", 13, [deep], blocksize=2, mode=mode))
        result.append(Case(f"depthtospace_13_{mode}_double", "DepthToSpace", 13, [deep.astype(float)], blocksize=2, mode=mode))
    whole = np.round(10 * deep)
    result += [
        Case("depthtospace_13_one", "DepthToSpace", 13, [deep], blocksize=1),
        Case("depthtospace_13_empty_batch", "DepthToSpace", 13, [deep[:0]], blocksize=2),
        Case("depthtospace_13_uint8", "DepthToSpace", 13, [np.abs(whole).astype(np.uint8)], blocksize=2),
        Case("spacetodepth_13_double", "SpaceToDepth", 13, [flat.astype(float)], blocksize=2),
        # Integers are not in onnxruntime.
        Case("depthtospace_13_int64", "DepthToSpace", 13, [whole.astype(np.int64)], blocksize=2, oracle="reference"),
        Case("spacetodepth_13_int32", "SpaceToDepth", 13, [whole[:, :, :2].astype(np.int32)], blocksize=2,
             oracle="reference"),
    ]
    return result


def cases(Case):
    x = np.random.default_rng(13).standard_normal((1, 2, 5, 6)).astype(np.float32)
    return [*coordinates(Case, x), *crops(Case, x), *kernels(Case, x), *shapes(Case, x), *old_forms(Case, x),
            *blocks(Case, x)]
