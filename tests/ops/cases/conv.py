"""Conv and ConvTranspose: 1-D to 3-D, groups, dilations, every way to give the padding."""

import numpy as np


def convolutions(Case, data):
    x1, x2, x3 = data(2, 4, 9), data(2, 4, 7, 6), data(2, 2, 5, 4, 6)
    w2 = data(6, 4, 3, 2)
    result = [
        Case("conv_11_1d", "Conv", 11, [x1, data(3, 4, 3), data(3)], const=(1, 2), pads=[1, 2], strides=[2]),
        Case("conv_11_1d_same_upper", "Conv", 11, [x1, data(3, 4, 4)], auto_pad="SAME_UPPER", strides=[2]),
        Case("conv_11_1d_same_lower", "Conv", 11, [x1, data(3, 4, 4)], auto_pad="SAME_LOWER", strides=[2]),
        Case("conv_11_2d_dilated", "Conv", 11, [x2, w2], dilations=[2, 3], pads=[2, 1, 2, 3]),
        Case("conv_11_2d_valid", "Conv", 11, [x2, w2, data(6)], auto_pad="VALID", strides=[2, 3]),
        Case("conv_11_2d_pointwise", "Conv", 11, [x2, data(5, 4, 1, 1), data(5)]),
        Case("conv_11_2d_pointwise_strided", "Conv", 11, [x2, data(5, 4, 1, 1)], strides=[2, 2]),
        Case("conv_11_2d_groups", "Conv", 11, [x2, data(6, 2, 3, 3), data(6)], group=2, pads=[1, 1, 1, 1]),
        Case("conv_11_2d_depthwise", "Conv", 11, [x2, data(4, 1, 3, 3)], group=4, pads=[0, 1, 2, 1]),
        Case("conv_11_2d_depthwise_multiplier", "Conv", 11, [x2, data(8, 1, 3, 3), data(8)], group=4),
        Case("conv_11_2d_kernel_shape", "Conv", 11, [x2, w2], kernel_shape=[3, 2]),
        Case("conv_11_3d", "Conv", 11, [x3, data(4, 2, 3, 2, 2), data(4)], pads=[1, 0, 1, 1, 1, 0],
             strides=[2, 1, 2]),
        Case("conv_11_3d_dilated_groups", "Conv", 11, [x3, data(4, 1, 2, 2, 3)], group=2,
             dilations=[2, 2, 1], pads=[1, 1, 1, 1, 1, 1]),
        Case("conv_11_3d_same", "Conv", 11, [x3, data(3, 2, 3, 2, 4)], auto_pad="SAME_LOWER"),
        Case("conv_22_empty_batch", "Conv", 22, [x2[:0], w2]),
        Case("conv_22_padding_only", "Conv", 22, [x1[:, :, :1], data(2, 4, 3)], pads=[4, 3]),
        # onnxruntime has no kernels for double, and refuses SAME with dilations.
        Case("conv_11_double", "Conv", 11, [data(1, 2, 5).astype(float), data(3, 2, 3).astype(float)],
             oracle="reference"),
        Case("conv_11_float16", "Conv", 11, [data(1, 2, 5, 5).astype(np.float16), data(3, 2, 3, 3).astype(np.float16)]),
    ]
    for opset in (7, 10):
        result.append(Case(f"conv_{opset}_2d", "Conv", opset, [x2, w2, data(6)], pads=[1, 0, 0, 1]))
    return result


def transposed(Case, data):
    op, x1, x2, x3 = "ConvTranspose", data(2, 4, 5), data(2, 4, 3, 4), data(1, 2, 3, 2, 3)
    w1, w2 = data(4, 2, 3), data(4, 3, 3, 2)
    result = [
        Case("convtranspose_11_1d", op, 11, [x1, w1, data(2)], const=(1, 2), strides=[2], pads=[1, 0]),
        Case("convtranspose_11_1d_output_padding", op, 11, [x1, w1], strides=[3], output_padding=[2]),
        Case("convtranspose_11_2d", op, 11, [x2, w2, data(3)], strides=[2, 3], pads=[1, 0, 2, 1]),
        Case("convtranspose_11_2d_dilated", op, 11, [x2, w2], dilations=[2, 3], strides=[1, 2], pads=[1, 1, 1, 1]),
        Case("convtranspose_11_2d_pointwise", op, 11, [x2, data(4, 3, 1, 1), data(3)]),
        Case("convtranspose_11_2d_gaps", op, 11, [x2, data(4, 3, 1, 1), data(3)], strides=[2, 3]),
        Case("convtranspose_11_2d_groups", op, 11, [x2, w2, data(6)], group=2, strides=[2, 1]),
        Case("convtranspose_11_2d_depthwise", op, 11, [x2, data(4, 1, 4, 4), data(4)], group=4, strides=[2, 2],
             pads=[1, 1, 1, 1]),
        Case("convtranspose_11_2d_all", op, 11, [x2, data(4, 2, 3, 3), data(4)], group=2, strides=[3, 2],
             dilations=[2, 1], pads=[1, 2, 0, 1], output_padding=[1, 1]),
        Case("convtranspose_11_3d", op, 11, [x3, data(2, 3, 2, 3, 2), data(3)], strides=[2, 1, 2],
             pads=[0, 1, 1, 1, 0, 0]),
        Case("convtranspose_11_3d_dilated_groups", op, 11, [x3, data(2, 2, 2, 2, 2)], group=2, dilations=[1, 2, 2]),
        Case("convtranspose_11_whole_output_shape", op, 11, [x1, w1], strides=[2], output_shape=[2, 2, 10]),
        Case("convtranspose_22_empty_batch", op, 22, [x2[:0], w2]),
        Case("convtranspose_11_double", op, 11, [x1.astype(float), w1.astype(float)], strides=[2], oracle="reference"),
        Case("convtranspose_11_float16", op, 11, [x1.astype(np.float16), w1.astype(np.float16)], strides=[2]),
    ]
    for mode in ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"):
        name = f"convtranspose_11_{mode.lower()}"
        result.append(Case(name, op, 11, [x2, w2], strides=[2, 2], auto_pad=mode))
        for size in (9, 8, 13):
            result.append(Case(f"{name}_output_shape_{size}", op, 11, [x1, w1], strides=[2], auto_pad=mode,
                               output_shape=[size]))
    for opset in (7, 10):
        result.append(Case(f"convtranspose_{opset}_2d", op, opset, [x2, w2, data(3)], strides=[2, 2]))
    return result


def cases(Case):
    rng = np.random.default_rng(11)

    def data(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    return [*convolutions(Case, data), *transposed(Case, data)]
