"""Which axis of which tensor carries which class of hidden units.

A class is a set of units that must be permuted together. It is found by walking the graph: a
layer opens a class for its outputs, the sum of two values joins theirs, everything else passes
the class on. Units of the input and of the output keep their places.
"""

from dataclasses import dataclass, field

import numpy as np

from onnx_numpy import attributes, folded_batch_norm

FIXED = -1
PASSING = (
    "AveragePool", "Flatten", "GlobalAveragePool", "Identity", "MaxPool", "Relu", "Reshape",
)  # fmt: skip


@dataclass
class Linear:
    """A dense layer or convolution with its bias and the BatchNormalization behind it."""

    weight: str
    out_axis: int
    in_axis: int
    inputs: int  # class, as are `outputs`
    outputs: int
    bias: str = None
    norm: list = field(default_factory=list)  # scale, shift, running mean, running variance
    norm_attributes: dict = None

    def parameters(self, sizes, constants):
        """The stored tensors as (name, [(axis, class, repeat)])."""
        extent = constants[self.weight].shape[self.in_axis]
        # Behind a Flatten every channel owns a run of inputs.
        repeat = 1 if self.inputs == FIXED else extent // sizes[self.inputs]
        out = (self.out_axis, self.outputs, 1)
        yield self.weight, [out, (self.in_axis, self.inputs, repeat)]
        for name in ([self.bias] if self.bias else []) + self.norm:
            yield name, [(0, self.outputs, 1)]

    def scored(self, sizes, constants):
        """The tensors that weight matching compares: those with the normalisation folded in."""
        weight = constants[self.weight]
        bias = constants[self.bias] if self.bias else None
        if self.norm:
            factor, offset = folded_batch_norm(
                self.norm_attributes, *[constants[name] for name in self.norm]
            )
            shape = [1] * weight.ndim
            shape[self.out_axis] = -1
            weight = weight * factor.reshape(shape)
            bias = offset if bias is None else bias * factor + offset
        axes = next(self.parameters(sizes, constants))[1]
        yield weight, axes
        if bias is not None:
            yield bias, [(0, self.outputs, 1)]


class Symmetry:
    """layers in graph order; sizes per class; features: the values after a Relu per class."""

    def __init__(self, model):
        self.model = model
        self.layers, self.parent = [], []
        self.class_of = {model.input: FIXED}
        self.producer = {}
        for node in model.nodes:
            self._visit(node)
        self._finish()

    def find(self, unit_class):
        while unit_class != FIXED and self.parent[unit_class] != unit_class:
            unit_class = self.parent[unit_class]
        return unit_class

    def _join(self, first, second):
        first, second = self.find(first), self.find(second)
        if FIXED in (first, second) and first != second:
            raise ValueError("a hidden value is added to the input: not known here")
        if first != second:
            self.parent[max(first, second)] = min(first, second)
        return min(first, second)

    def _open(self, x, output, weight, out_axis, in_axis, bias=None):
        fresh = len(self.parent)
        self.parent.append(fresh)
        layer = Linear(weight, out_axis, in_axis, self.class_of[x], fresh, bias)
        self.layers.append(layer)
        self.class_of[output], self.producer[output] = fresh, layer

    def _visit(self, node):
        kind, inputs, output = node.op_type, list(node.input), node.output[0]
        constant = [name for name in inputs if name in self.model.constants]
        if kind == "Conv":
            self._open(inputs[0], output, inputs[1], 0, 1, *inputs[2:])
        elif kind == "Gemm":
            out_axis = 0 if attributes(node).get("transB", 0) else 1
            self._open(inputs[0], output, inputs[1], out_axis, 1 - out_axis, *inputs[2:])
        elif kind == "MatMul":
            self._open(inputs[0], output, inputs[1], 1, 0)
        elif kind == "BatchNormalization":
            layer = self.producer[inputs[0]]
            layer.norm, layer.norm_attributes = inputs[1:], attributes(node)
            self.class_of[output] = layer.outputs
        elif kind == "Add" and not constant:
            self.class_of[output] = self._join(*[self.class_of[name] for name in inputs])
        elif kind in PASSING or all(self.class_of.get(n, FIXED) == FIXED for n in inputs):
            self.class_of[output] = self.class_of[inputs[0]]
        elif kind == "Add":
            value = next(name for name in inputs if name not in constant)
            self.producer[value].bias = constant[0]
            self.class_of[output] = self.class_of[value]
        else:
            raise ValueError(f"operator {kind} on hidden units is not known here")

    def _finish(self):
        last = self.find(self.class_of[self.model.output])
        self.sizes, self.names = {}, {}
        for layer in self.layers:
            layer.inputs, layer.outputs = self.find(layer.inputs), self.find(layer.outputs)
            layer.inputs = FIXED if layer.inputs == last else layer.inputs
            layer.outputs = FIXED if layer.outputs == last else layer.outputs
            if layer.outputs != FIXED:
                size = self.model.constants[layer.weight].shape[layer.out_axis]
                self.sizes[layer.outputs] = size
                self.names.setdefault(layer.outputs, layer.weight)
        # From here on classes count from 0 in graph order.
        rank = {c: i for i, c in enumerate(sorted(self.sizes))}
        rank[FIXED] = FIXED
        for layer in self.layers:
            layer.inputs, layer.outputs = rank[layer.inputs], rank[layer.outputs]
        self.sizes = [self.sizes[c] for c in sorted(self.sizes)]
        self.names = [self.names[c] for c in sorted(self.names)]
        self.features = [[] for _ in self.sizes]
        for node in self.model.nodes:
            unit_class = rank.get(self.find(self.class_of[node.output[0]]), FIXED)
            if node.op_type == "Relu" and unit_class != FIXED:
                self.features[unit_class].append(node.output[0])

    def parameters(self, constants):
        return [p for layer in self.layers for p in layer.parameters(self.sizes, constants)]

    def scored(self, constants):
        return [s for layer in self.layers for s in layer.scored(self.sizes, constants)]


def permuted(array, axes, permutations, skip=None):
    """The array with every axis but those of class `skip` in the order of its permutation."""
    for axis, unit_class, repeat in axes:
        if unit_class in (FIXED, skip):
            continue
        permutation = np.asarray(permutations[unit_class])
        index = (permutation[:, None] * repeat + np.arange(repeat)).ravel()
        array = np.take(array, index, axis=axis)
    return array
