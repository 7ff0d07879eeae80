"""Images with channels last, as TensorFlow keeps them."""

from dataclasses import dataclass, field

import numpy as np

from .net import ELEMENTWISE, NotApplicable, attributes, form
from .spell import reduce_mean, reshape

TO_NCHW, TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]
WINDOWED = {"Conv", "MaxPool", "AveragePool", "BatchNormalization"}


def turn_input(net):
    """Declares the input as [n, h, w, c]."""
    dims = net.input.type.tensor_type.shape.dim
    if len(dims) != 4:
        raise NotApplicable("the input is no image")
    old = [type(d)() for d in dims]
    for copy, d in zip(old, dims):
        copy.CopyFrom(d)
    for d, source in zip(dims, TO_NHWC):
        d.CopyFrom(old[source])


@form("nhwc_ends")
def nhwc_ends(net):
    """Channels last at the input only."""
    inner = net.name("channels_first")
    for node in net.nodes:
        node.input[:] = [inner if name == net.input.name else name for name in node.input]
    turn_input(net)
    nodes, net.nodes = net.nodes, []
    net.add("Transpose", net.input.name, to=inner, perm=TO_NCHW)
    net.nodes += nodes


@dataclass
class Walk:
    """What is known while the nodes are turned one after the other."""

    net: object
    shapes: dict
    maps: set = field(default_factory=set)  # values that are [n, h, w, c] now
    flat: dict = field(default_factory=dict)  # flattened maps -> their (c, h, w)
    skipped: set = field(default_factory=set)  # ids of nodes that an earlier one has taken over
    readers: dict = field(default_factory=dict)  # values -> the node that alone reads them, or None


def windowed(walk, node):
    """Convolutions, pools and normalisations stay channels first, between Transposes."""
    net, out = walk.net, node.output[0]
    weights, bias = list(node.input[1:]), None
    if node.op_type == "Conv" and len(weights) == 2:
        bias = weights.pop()
    x = net.add("Transpose", node.input[0], perm=TO_NCHW)
    y = net.add(node.op_type, x, *weights, **attributes(node))
    if bias:
        net.add("Add", net.add("Transpose", y, perm=TO_NHWC), bias, to=out)
    else:
        net.add("Transpose", y, to=out, perm=TO_NHWC)
    walk.maps.add(out)


def global_pool(walk, node):
    """ReduceMean over height and width; with the Flatten behind it in one."""
    net, out = walk.net, node.output[0]
    reader = walk.readers.get(out)
    if reader is not None and reader.op_type == "Flatten":
        walk.skipped.add(id(reader))
        reduce_mean(net, node.input[0], [1, 2], 0, to=reader.output[0])
    else:
        reduce_mean(net, node.input[0], [1, 2], 1, to=out)
        walk.maps.add(out)


def flatten(walk, node):
    """[n, h, w, c] to [n, h w c], or to tokens [n, h w, c] where a Transpose follows."""
    net, x, out = walk.net, node.input[0], node.output[0]
    c, h, w = walk.shapes[x][1:]
    if len(walk.shapes[out]) == 2:
        net.nodes.append(node)
        walk.flat[out] = (c, h, w)
        return
    reader = walk.readers[out]
    assert reader.op_type == "Transpose" and attributes(reader)["perm"] == [0, 2, 1], reader
    walk.skipped.add(id(reader))
    reshape(net, x, [-1, h * w, c], to=reader.output[0])


def dense(walk, node):
    """A dense layer on a flattened map: its columns from the order c, h, w to h, w, c."""
    net = walk.net
    c, h, w = walk.flat[node.input[0]]
    order = np.arange(c * h * w).reshape(c, h, w).transpose(1, 2, 0).flatten()
    weight = net.weights[node.input[1]]
    columns = node.op_type == "Gemm" and attributes(node).get("transB", 0)
    weight = weight[:, order] if columns else weight[order]
    node.input[1] = net.constant(weight, node.input[1])
    net.nodes.append(node)


def visit(walk, node):
    x, kind = node.input[0], node.op_type
    if id(node) in walk.skipped:
        return
    if x in walk.maps and kind in WINDOWED:
        windowed(walk, node)
    elif x in walk.maps and kind == "GlobalAveragePool":
        global_pool(walk, node)
    elif x in walk.maps and kind in ("Flatten", "Reshape"):
        flatten(walk, node)
    elif x in walk.flat and kind in ("Gemm", "MatMul"):
        dense(walk, node)
    else:
        walk.net.nodes.append(node)
        if x in walk.maps and kind in ELEMENTWISE:
            walk.maps.add(node.output[0])
        if x in walk.flat and kind in ELEMENTWISE:
            walk.flat[node.output[0]] = walk.flat[x]


@form("nhwc")
def nhwc(net):
    """As tf2onnx before it optimises: between Transposes what must be channels first."""
    if not any(n.op_type in WINDOWED for n in net.nodes):
        raise NotApplicable("no convolution")
    walk = Walk(net, net.shapes(), {net.input.name})
    walk.readers = {n.output[0]: net.only_reader(n.output[0]) for n in net.nodes}
    turn_input(net)
    old, net.nodes = net.nodes, []
    for node in old:
        visit(walk, node)
    net.prune()
