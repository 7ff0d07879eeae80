"""Pooling, flattening, padding and activations in other words."""

import numpy as np

from . import spell
from .net import NotApplicable, attributes, form
from .spell import argument, clip, pad, reduce_mean, reshape, squeeze, unsqueeze


# Mean over the map, or over the tokens


def flattened(net, pool):
    """Where the map of a global pool is [n, c]: the output of the node that alone reads it."""
    reader = net.only_reader(pool.output[0])
    if reader is None or reader.op_type not in ("Flatten", "Reshape", "Squeeze"):
        return None
    return reader.output[0] if len(net.shapes()[reader.output[0]]) == 2 else None


def each_mean(net, emit):
    """emit(x, axes, extent, out) for every mean over whole axes that are dropped afterwards."""
    shapes = net.shapes()
    pooled = {n.output[0]: flattened(net, n) for n in net.nodes if n.op_type == "GlobalAveragePool"}

    def replace(node):
        x, out, axes = node.input[0], node.output[0], [2, 3]
        if out in pooled.values():
            return True  # the pool before it gives this already
        if node.op_type == "GlobalAveragePool":
            out = pooled[out]
        elif node.op_type == "ReduceMean" and not attributes(node).get("keepdims", 1):
            axes = argument(net, node, "axes", 1)
            out = out if axes == [1] else None
        else:
            out = None
        if out is None:
            return False
        emit(x, axes, [shapes[x][axis] for axis in axes], out)
        return True

    net.rewrite({"GlobalAveragePool", "ReduceMean", "Flatten", "Reshape", "Squeeze"}, replace)


def flatten(net, x, axes, out):
    """[n, c, 1, 1] or [n, 1, c] to [n, c]."""
    if axes == [1]:
        reshape(net, x, [0, -1], to=out)
    else:
        net.add("Flatten", x, to=out, axis=1)


@form("pool_reduce_1")
def pool_reduce_1(net):
    """ReduceMean that keeps the axes, then Flatten."""
    each_mean(net, lambda x, axes, extent, out:
              flatten(net, reduce_mean(net, x, axes, 1), axes, out))


@form("pool_reduce_0")
def pool_reduce_0(net):
    """ReduceMean that drops the axes, counted from behind where the opset knows that."""
    back = {1: -2, 2: -2, 3: -1}
    each_mean(net, lambda x, axes, extent, out: reduce_mean(
        net, x, [back[a] for a in axes] if net.opset >= 11 else axes, 0, to=out))


@form("pool_average")
def pool_average(net):
    """AveragePool as large as the map, then Reshape."""

    def emit(x, axes, extent, out):
        if axes == [1]:
            raise NotApplicable("tokens are no map")
        mean = net.add("AveragePool", x, kernel_shape=extent, strides=[1, 1])
        reshape(net, mean, [0, -1], to=out)

    each_mean(net, emit)


@form("pool_squeeze")
def pool_squeeze(net):
    """Mean with the axes kept, then Squeeze."""

    def emit(x, axes, extent, out):
        mean = reduce_mean(net, x, axes, 1) if axes == [1] else net.add("GlobalAveragePool", x)
        squeeze(net, mean, axes, to=out)

    each_mean(net, emit)


# Flatten


def each_flatten(net, emit):
    """emit(x, columns, out) for every step from [n, ...] to [n, columns]."""
    shapes = net.shapes()

    def replace(node):
        x, out = node.input[0], node.output[0]
        if len(shapes.get(out, [])) != 2 or shapes[out][1] is None or len(shapes[x]) < 3:
            return False
        emit(x, shapes[out][1], out)
        return True

    net.rewrite({"Flatten", "Reshape"}, replace)


@form("flatten")
def as_flatten(net):
    """Flatten from axis 1."""
    each_flatten(net, lambda x, columns, out: net.add("Flatten", x, to=out, axis=1))


@form("flatten_reshape_0")
def flatten_reshape_0(net):
    """Reshape to [0, -1]: the batch is copied."""
    each_flatten(net, lambda x, columns, out: reshape(net, x, [0, -1], to=out))


@form("flatten_reshape_n")
def flatten_reshape_n(net):
    """Reshape to [-1, columns]."""
    each_flatten(net, lambda x, columns, out: reshape(net, x, [-1, columns], to=out))


@form("flatten_shape")
def flatten_shape(net):
    """The batch read by Shape, Gather, Unsqueeze, Concat, as PyTorch's x.view(x.size(0), -1)."""

    def emit(x, columns, out):
        batch = net.add("Gather", net.add("Shape", x), net.integers(0, "index"), axis=0)
        sizes = [unsqueeze(net, batch, [0]), net.integers([-1], "rest")]
        net.add("Reshape", x, net.add("Concat", *sizes, axis=0), to=out)

    each_flatten(net, emit)


# Windows


@form("pad_conv")
def pad_conv(net):
    """Zeros around the map by Pad, convolutions without."""

    def replace(node):
        pads = attributes(node).get("pads", [])
        if not any(pads):
            return False
        half = len(pads) // 2
        x = pad(net, node.input[0], [0, 0, *pads[:half], 0, 0, *pads[half:]])
        given = {**attributes(node), "pads": [0] * len(pads)}
        net.add("Conv", x, *node.input[1:], to=node.output[0], **given)
        return True

    net.rewrite({"Conv"}, replace)


@form("auto_pad")
def auto_pad(net):
    """auto_pad instead of pads where it says the same; attributes at their defaults left out."""
    shapes = net.shapes()

    def replace(node):
        given = attributes(node)
        pads, strides = given.pop("pads", [0] * 4), given.get("strides", [1, 1])
        kernel = given["kernel_shape"]
        size = shapes[node.input[0]][2:]
        total = [max(0, (-(-n // s) - 1) * s + k - n) for n, s, k in zip(size, strides, kernel)]
        if pads == [0] * 4:
            word = "VALID"
        elif pads == [t // 2 for t in total] + [t - t // 2 for t in total]:
            word = "SAME_UPPER"
        elif pads == [t - t // 2 for t in total] + [t // 2 for t in total]:
            word = "SAME_LOWER"
        else:
            return False
        defaults = {"dilations": [1, 1], "group": 1, "strides": [1, 1]}
        given = {k: v for k, v in given.items() if defaults.get(k) != v}
        net.add(node.op_type, *node.input, to=node.output[0], auto_pad=word, **given)
        return True

    net.rewrite({"Conv", "MaxPool", "AveragePool"}, replace)


# Rectifiers


def each_relu(net, emit):
    net.rewrite({"Relu"}, lambda node: emit(node.input[0], node.output[0]))


@form("relu_clip")
def relu_clip(net):
    """Clip from 0 without an upper bound."""
    each_relu(net, lambda x, out: clip(net, x, 0.0, None, to=out))


@form("relu_clip_inf")
def relu_clip_inf(net):
    """Clip from 0 to infinity (below opset 11: to the largest float)."""
    high = np.inf if net.opset >= 11 else float(np.finfo(np.float32).max)
    each_relu(net, lambda x, out: clip(net, x, 0.0, high, to=out))


@form("relu_max")
def relu_max(net):
    """Max with a scalar 0, on either side."""
    if net.opset < 8:
        raise NotApplicable("Max broadcasts from opset 8 on")

    def emit(x, out):
        pair = [x, net.constant(np.float32(0), f"{x}/zero")]
        net.add("Max", *(pair if len(net.nodes) % 2 else pair[::-1]), to=out)

    each_relu(net, emit)


@form("dropout")
def dropout(net):
    """Dropout and Identity behind every activation, Identity at both ends."""
    last = net.output.name

    def replace(node):
        out = node.output[0]
        inner = net.name(out + "/before")
        net.add(node.op_type, *node.input, to=inner, **attributes(node))
        spell.dropout(net, net.add("Identity", inner), 0.25, to=out)
        return True

    net.rewrite({"Relu", "Softmax"}, replace)
    inner = net.name(last + "/before")
    entry = net.name("entry")
    for node in net.nodes:
        node.input[:] = [entry if name == net.input.name else name for name in node.input]
        node.output[:] = [inner if name == last else name for name in node.output]
    nodes, net.nodes = net.nodes, []
    net.add("Identity", net.input.name, to=entry)
    net.nodes += nodes
    net.add("Identity", inner, to=last)
