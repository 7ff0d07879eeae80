"""Dense layers: Gemm, MatMul with Add, 1x1 convolutions."""

from dataclasses import dataclass

import numpy as np

from .net import attributes, form
from .spell import reshape, squeeze, unsqueeze


@dataclass
class Dense:
    """A layer out = x @ weight + bias, however written; names are those of the old weights."""

    x: str
    weight: np.ndarray  # [inputs, outputs]
    bias: np.ndarray
    out: str
    names: tuple

    def stored(self, net, transposed=False):
        weight = net.constant(self.weight.T if transposed else self.weight, self.names[0])
        return weight, net.constant(self.bias, self.names[1])


def as_gemm(net, node):
    given = attributes(node)
    if node.op_type != "Gemm" or any(name not in net.weights for name in node.input[1:]):
        return None
    if given.get("alpha", 1) != 1 or given.get("beta", 1) != 1 or given.get("transA", 0):
        return None
    weight = net.weights[node.input[1]]
    weight = weight.T if given.get("transB", 0) else weight
    return Dense(node.input[0], weight, net.weights[node.input[2]], node.output[0],
                 tuple(node.input[1:]))


def as_matmul(net, node):
    """For the Add behind a MatMul with a weight."""
    if node.op_type != "Add":
        return None
    for bias, product in (node.input, node.input[::-1]):
        maker = net.producers.get(product)
        if bias in net.weights and maker is not None and maker.op_type == "MatMul":
            if maker.input[1] in net.weights and net.counts[product] == 1:
                weight = maker.input[1]
                return Dense(maker.input[0], net.weights[weight], net.weights[bias],
                             node.output[0], (weight, bias))
    return None


def each_dense(net, emit, ranks=(2, 3)):
    """Calls emit(layer) for the dense layers on inputs of these ranks; it adds the nodes."""
    shapes = net.shapes()
    net.producers = {o: n for n in net.nodes for o in n.output}
    net.counts = net.uses()
    old, net.nodes = net.nodes, []
    for node in old:
        layer = as_gemm(net, node) or as_matmul(net, node)
        if layer and len(shapes[layer.x]) in ranks:
            emit(layer)
        else:
            net.nodes.append(node)
    net.prune()


def gemm(net, layer, transposed, to=None, x=None):
    names = layer.stored(net, transposed)
    net.add("Gemm", x or layer.x, *names, to=to or layer.out, alpha=1.0, beta=1.0,
            transB=1 if transposed else None)


@form("transB0")
def transb0(net):
    """Gemm with the weight as [inputs, outputs]."""
    each_dense(net, lambda layer: gemm(net, layer, False), ranks=(2,))


@form("transB1")
def transb1(net):
    """Gemm with the weight as [outputs, inputs]."""
    each_dense(net, lambda layer: gemm(net, layer, True), ranks=(2,))


@form("matmul_add")
def matmul_add(net):
    """MatMul, then Add of the bias."""

    def emit(layer):
        weight, bias = layer.stored(net)
        net.add("Add", net.add("MatMul", layer.x, weight), bias, to=layer.out)

    each_dense(net, emit)


@form("add_matmul")
def add_matmul(net):
    """The bias as the first input of Add."""

    def emit(layer):
        weight, bias = layer.stored(net)
        net.add("Add", bias, net.add("MatMul", layer.x, weight), to=layer.out)

    each_dense(net, emit)


@form("matmul_transposed")
def matmul_transposed(net):
    """Transpose of the weight in the graph, as without constant folding."""

    def emit(layer):
        weight, bias = layer.stored(net, transposed=True)
        turned = net.add("Transpose", weight, perm=[1, 0])
        net.add("Add", net.add("MatMul", layer.x, turned), bias, to=layer.out)

    each_dense(net, emit)


@form("gemm_3d")
def gemm_3d(net):
    """Dense layers on [batch, tokens, inputs] as Reshape, Gemm, Reshape."""
    shapes = net.shapes()

    def emit(layer):
        inputs, outputs = layer.weight.shape
        flat = net.name(layer.out + "/flat")
        gemm(net, layer, True, to=flat, x=reshape(net, layer.x, [-1, inputs]))
        reshape(net, flat, [-1, shapes[layer.x][1], outputs], to=layer.out)

    each_dense(net, emit, ranks=(3,))


@form("conv1x1")
def conv1x1(net):
    """Dense layers on vectors as 1x1 convolutions on 1x1 maps, rectifiers between on maps too."""
    maps = {}  # the name of a vector -> the name of its map [batch, channels, 1, 1]

    def emit(layer):
        weight, bias = layer.stored(net, transposed=True)
        net.weights[weight] = net.weights[weight][:, :, None, None]
        x = maps.get(layer.x) or unsqueeze(net, layer.x, [2, 3])
        maps[layer.out] = net.add("Conv", x, weight, bias, dilations=[1, 1], group=1,
                                  kernel_shape=[1, 1], pads=[0] * 4, strides=[1, 1])
        squeeze(net, maps[layer.out], [2, 3], to=layer.out)
        lift(layer.out)

    def lift(vector):
        """Takes unary functions of the vector to the map; the vector is left to other readers."""
        for node in unary:
            if node.input[0] == vector:
                out = node.output[0]
                maps[out] = net.add(node.op_type, maps[vector], *node.input[1:],
                                    **attributes(node))
                squeeze(net, maps[out], [2, 3], to=out)
                lift(out)

    unary = [n for n in net.nodes if n.op_type == "Relu"]
    each_dense(net, emit, ranks=(2,))
    seen = set()  # a lifted Relu is there twice: the first one counts
    net.nodes = [n for n in net.nodes if not (n.output[0] in seen or seen.add(n.output[0]))]
    net.prune()
