"""Normalisation, biases and GELU."""

import numpy as np

from .net import NotApplicable, attributes, form
from .spell import reduce_mean


def per_channel(array, ndim):
    return array.reshape(-1, *[1] * (ndim - 1))


@form("bn_folded")
def bn_folded(net):
    """BatchNormalization in inference form multiplied into the convolution before it."""
    makers = {n.output[0]: n for n in net.nodes}
    counts = net.uses()

    def replace(node):
        conv = makers.get(node.input[0])
        if conv is None or conv.op_type != "Conv" or counts[node.input[0]] != 1:
            return False
        scale, shift, mean, variance = (net.weights[i].astype(np.float64) for i in node.input[1:])
        factor = scale / np.sqrt(variance + attributes(node).get("epsilon", 1e-5))
        weight = net.weights[conv.input[1]].astype(np.float64)
        bias = net.weights[conv.input[2]].astype(np.float64) if len(conv.input) > 2 else 0.0
        weight = (weight * per_channel(factor, weight.ndim)).astype(np.float32)
        bias = (shift + (bias - mean) * factor).astype(np.float32)
        names = net.constant(weight, conv.input[1]), net.constant(bias, conv.input[1] + ".bias")
        net.add("Conv", conv.input[0], *names, to=node.output[0], **attributes(conv))
        return True

    net.rewrite({"BatchNormalization"}, replace)


@form("bias_add")
def bias_add(net):
    """The bias of a convolution as Add of [1, channels, 1, 1]."""

    def replace(node):
        if len(node.input) < 3:
            return False
        bias = net.weights[node.input[2]]
        bias = net.constant(bias.reshape(1, -1, *[1] * len(attributes(node)["kernel_shape"])),
                            node.input[2])
        y = net.add("Conv", *node.input[:2], **attributes(node))
        net.add("Add", y, bias, to=node.output[0])
        return True

    net.rewrite({"Conv"}, replace)


def is_last(net, shapes, node):
    return attributes(node).get("axis", -1) in (-1, len(shapes[node.input[0]]) - 1)


def decompose_layer_norms(net):
    """ReduceMean, Sub, Pow, ReduceMean, Add, Sqrt, Div, Mul, Add: as PyTorch below opset 17."""
    shapes = net.shapes()

    def replace(node):
        if not is_last(net, shapes, node):
            raise NotApplicable("LayerNormalization over several axes")
        x, scale, bias = node.input
        axes = [-1] if net.opset >= 11 else [len(shapes[x]) - 1]
        centred = net.add("Sub", x, reduce_mean(net, x, axes, 1))
        square = net.add("Pow", centred, net.constant(np.float32(2), f"{x}/two"))
        epsilon = net.constant(np.float32(attributes(node).get("epsilon", 1e-5)), f"{x}/epsilon")
        deviation = net.add("Sqrt", net.add("Add", reduce_mean(net, square, axes, 1), epsilon))
        net.add("Add", net.add("Mul", net.add("Div", centred, deviation), scale), bias,
                to=node.output[0])
        return True

    net.rewrite({"LayerNormalization"}, replace)


@form("layernorm_decomposed")
def layernorm_decomposed(net):
    """As PyTorch writes it below opset 17, at any opset."""
    decompose_layer_norms(net)


@form("layernorm_reciprocal")
def layernorm_reciprocal(net):
    """The square by Mul, the division by Reciprocal and Mul, the scale first: as tf2onnx."""
    shapes = net.shapes()

    def replace(node):
        x, scale, bias = node.input
        axes = [len(shapes[x]) - 1]
        mean = reduce_mean(net, x, axes, 1)
        apart = net.add("Sub", x, mean)
        variance = reduce_mean(net, net.add("Mul", apart, apart), axes, 1)
        epsilon = net.constant(np.float32(attributes(node).get("epsilon", 1e-5)), f"{x}/epsilon")
        factor = net.add("Reciprocal", net.add("Sqrt", net.add("Add", variance, epsilon)))
        net.add("Add", bias, net.add("Mul", scale, net.add("Mul", apart, factor)),
                to=node.output[0])
        return True

    net.rewrite({"LayerNormalization"}, replace)


@form("layernorm_op")
def layernorm_op(net):
    """LayerNormalization with the axis counted from the front and all attributes written out."""
    shapes = net.shapes()

    def replace(node):
        axis = len(shapes[node.input[0]]) - 1
        net.add("LayerNormalization", *node.input, to=node.output[0], axis=axis, stash_type=1,
                epsilon=attributes(node).get("epsilon", 1e-5))
        return True

    net.rewrite({"LayerNormalization"}, replace)


# GELU


def each_gelu(net, emit):
    """emit(x, out) for x / sqrt(2) -> Erf -> + 1 -> * x -> * 0.5."""
    found = {}  # name of the last product -> input
    for node in net.nodes:
        if node.op_type == "Erf":
            x = net.maker(node.input[0]).input[0]
            raised = net.only_reader(node.output[0])
            product = net.only_reader(raised.output[0])
            half = net.only_reader(product.output[0])
            assert [n.op_type for n in (raised, product, half)] == ["Add", "Mul", "Mul"]
            assert x in product.input, product
            found[half.output[0]] = x

    def replace(node):
        if node.output[0] not in found:
            return False
        emit(found[node.output[0]], node.output[0])
        return True

    net.rewrite({"Mul"}, replace)


@form("gelu_half_first")
def gelu_half_first(net):
    """(x * 0.5) * (1 + erf(x * 0.70710677)), as tf2onnx."""

    def emit(x, out):
        inner = net.add("Mul", net.constant(np.float32(np.sqrt(0.5)), f"{x}/root"), x)
        raised = net.add("Add", net.constant(np.float32(1), f"{x}/one"), net.add("Erf", inner))
        half = net.add("Mul", x, net.constant(np.float32(0.5), f"{x}/half"))
        net.add("Mul", half, raised, to=out)

    each_gelu(net, emit)
