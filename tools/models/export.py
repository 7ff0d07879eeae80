"""Writes a trained network as ONNX, the way the usual exporters of the day write one.

A Style says what differs between exporters: opset, names, how a dense layer is spelled, whether
the batch is a symbol or a number, and in which order the initializers stand in the file.
"""

from dataclasses import dataclass

import numpy as np
from onnx import TensorProto, helper, numpy_helper

import layers as nn
import transformer as tf

IR_VERSIONS = {11: 6, 13: 7, 17: 8}  # the one that was current when the opset came out


@dataclass(frozen=True)
class Style:
    opset: int
    names: str  # "module": from the path of the layer; "numbers": counted as old exporters did
    dense: str = "gemm"  # or "matmul": MatMul with the transposed weight, then Add
    flatten: str = "flatten"  # or "reshape" with the target shape as an initializer
    batch: object = "batch"  # a name, or a number for a fixed batch
    initializers: str = "forward"  # or "sorted": by name


class Writer:
    """Collects nodes and initializers; one method per kind of layer returns the output's name."""

    def __init__(self, style):
        self.style = style
        self.nodes, self.tensors = [], []
        self.values = 0
        self.paths = {}  # how often each name of a node was asked for

    def constant(self, path, role, array):
        module = self.style.names == "module"
        name = f"{path}.{role}" if module else f"onnx::{role}_{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def node(self, kind, inputs, path, **attributes):
        self.values += 1
        if self.style.names == "module":
            name = f"/{path}/{kind}"
            count = self.paths[name] = self.paths.get(name, -1) + 1
            name += f"_{count}" if count else ""
            output = f"{name}_output_0"
        else:
            name = f"{kind}_{len(self.nodes)}"
            output = str(self.values)
        self.nodes.append(helper.make_node(kind, inputs, [output], name=name, **attributes))
        return output

    def dense(self, layer, x, path):
        if layer.x.ndim > 2:
            return self.matmul(layer, x, path)
        weight, bias = layer.weight.value, layer.bias.value
        if self.style.dense == "gemm":
            names = [self.constant(path, "weight", weight), self.constant(path, "bias", bias)]
            return self.node("Gemm", [x, *names], path, alpha=1.0, beta=1.0, transB=1)
        product = self.node("MatMul", [x, self.constant(path, "weight", weight.T)], path)
        return self.node("Add", [self.constant(path, "bias", bias), product], path)

    def conv(self, layer, x, path):
        inputs = [x, self.constant(path, "weight", layer.weight.value)]
        if layer.bias:
            inputs.append(self.constant(path, "bias", layer.bias.value))
        return self.node(
            "Conv", inputs, path,
            dilations=[1, 1], group=1, kernel_shape=[layer.kernel] * 2,
            pads=[layer.pad] * 4, strides=[layer.stride] * 2,
        )  # fmt: skip

    def batch_norm(self, layer, x, path):
        inputs = [
            x,
            self.constant(path, "weight", layer.scale.value),
            self.constant(path, "bias", layer.shift.value),
            self.constant(path, "running_mean", layer.mean),
            self.constant(path, "running_var", layer.variance),
        ]
        momentum = 1 - layer.momentum  # ONNX weighs the old value
        return self.node(
            "BatchNormalization", inputs, path, epsilon=layer.epsilon, momentum=momentum
        )

    def relu(self, layer, x, path):
        return self.node("Relu", [x], path)

    def max_pool(self, layer, x, path):
        return self.node("MaxPool", [x], path, kernel_shape=[2, 2], strides=[2, 2], pads=[0] * 4)

    def average_pool(self, layer, x, path):
        return self.node(
            "AveragePool", [x], path, kernel_shape=[2, 2], strides=[2, 2], pads=[0] * 4
        )

    def global_average_pool(self, layer, x, path):
        return self.flatten(layer, self.node("GlobalAveragePool", [x], path), path)

    def flatten(self, layer, x, path):
        if self.style.flatten == "flatten":
            return self.node("Flatten", [x], path, axis=1)
        target = np.array([-1, np.prod(layer.shape[1:])], np.int64)
        return self.node("Reshape", [x, self.constant(path, "shape", target)], path)

    def literal(self, array, path, role):
        """A Constant node, as exporters write numbers that stand in the program."""
        tensor = numpy_helper.from_array(np.asarray(array))
        return self.node("Constant", [], f"{path}/{role}", value=tensor)

    def size(self, x, axis, path):
        """x.shape[axis] as a list of one number."""
        index = self.literal(np.int64(axis), path, f"axis{axis}")
        extent = self.node("Gather", [self.node("Shape", [x], path), index], path, axis=0)
        zero = self.literal(np.array([0], np.int64), path, "axes")
        return self.node("Unsqueeze", [extent, zero], path)

    def view(self, x, leading, rest, path):
        """x.view(*x.shape[:leading], *rest) with the leading sizes read from x."""
        sizes = [self.size(x, axis, path) for axis in range(leading)]
        sizes += [self.literal(np.array([n], np.int64), path, f"size{n}") for n in rest]
        return self.node("Reshape", [x, self.node("Concat", sizes, path, axis=0)], path)

    def tokens(self, layer, x, path):
        width = layer.shape[3]
        flat = self.view(x, 1, [width, -1], path)
        return self.node("Transpose", [flat], path, perm=[0, 2, 1])

    def position(self, layer, x, path):
        return self.node("Add", [x, self.constant(path, "embedding", layer.embedding.value)], path)

    def layer_norm(self, layer, x, path):
        names = [self.constant(path, "weight", layer.scale.value),
                 self.constant(path, "bias", layer.shift.value)]  # fmt: skip
        return self.node("LayerNormalization", [x, *names], path, axis=-1, epsilon=layer.epsilon)

    def gelu(self, layer, x, path):
        root = self.literal(np.float32(np.sqrt(2)), path, "root")
        grown = self.node("Erf", [self.node("Div", [x, root], path)], path)
        grown = self.node("Add", [grown, self.literal(np.float32(1), path, "one")], path)
        product = self.node("Mul", [x, grown], path)
        return self.node("Mul", [product, self.literal(np.float32(0.5), path, "half")], path)

    def matmul(self, layer, x, path):
        """A dense layer on tokens; PyTorch writes the bias first."""
        weight = self.constant(path, "weight", layer.weight.value.T)
        product = self.node("MatMul", [x, weight], path)
        return self.node("Add", [self.constant(path, "bias", layer.bias.value), product], path)

    def attention(self, layer, x, path):
        width = layer.query.bias.value.size
        per_head = [layer.heads, width // layer.heads]
        heads = {}
        for name, perm in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])):
            inner = f"{path}.{name}"
            part = self.view(self.matmul(getattr(layer, name), x, inner), 2, per_head, inner)
            heads[name] = self.node("Transpose", [part], inner, perm=perm)
        scores = self.node("MatMul", [heads["query"], heads["key"]], path)
        root = self.literal(np.float32(np.sqrt(per_head[1])), path, "root")
        scores = self.node("Softmax", [self.node("Div", [scores, root], path)], path, axis=-1)
        mixed = self.node("MatMul", [scores, heads["value"]], path)
        mixed = self.node("Transpose", [mixed], path, perm=[0, 2, 1, 3])
        return self.matmul(layer.out, self.view(mixed, 2, [width], path), f"{path}.out")

    def token_mean(self, layer, x, path):
        return self.node("ReduceMean", [x], path, axes=[1], keepdims=0)

    def sequential(self, layer, x, path):
        for index, child in enumerate(layer.layers):
            x = self.layer(child, x, f"{path}.{index}" if path else f"layers.{index}")
        return x

    def residual(self, layer, x, path):
        body = self.layer(layer.body, x, f"{path}.body")
        shortcut = self.layer(layer.shortcut, x, f"{path}.shortcut")
        return self.node("Add", [body, shortcut], path)

    def layer(self, layer, x, path):
        return METHODS[type(layer)](self, layer, x, path)


METHODS = {
    nn.Dense: Writer.dense,
    nn.Conv: Writer.conv,
    nn.BatchNorm: Writer.batch_norm,
    nn.Relu: Writer.relu,
    nn.MaxPool: Writer.max_pool,
    nn.AveragePool: Writer.average_pool,
    nn.GlobalAveragePool: Writer.global_average_pool,
    nn.Flatten: Writer.flatten,
    nn.Sequential: Writer.sequential,
    nn.Residual: Writer.residual,
    tf.Tokens: Writer.tokens,
    tf.Position: Writer.position,
    tf.LayerNorm: Writer.layer_norm,
    tf.Gelu: Writer.gelu,
    tf.Attention: Writer.attention,
    tf.TokenMean: Writer.token_mean,
}


def to_bytes(network, style, input_shape):
    """The serialized model; input_shape without the batch. The same network gives the same bytes.

    The network must have run once: layers take shapes from the last forward pass.
    """
    writer = Writer(style)
    writer.layer(network, "input", "")
    writer.nodes[-1].output[:] = ["output"]
    tensors = writer.tensors
    if style.initializers == "sorted":
        tensors = sorted(tensors, key=lambda tensor: tensor.name)
    classes = network.layers[-1].bias.value.size
    graph = helper.make_graph(
        writer.nodes,
        "main_graph",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [style.batch, *input_shape])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [style.batch, classes])],
        tensors,
    )
    model = helper.make_model(
        graph,
        producer_name="onnxweld tools/models",
        ir_version=IR_VERSIONS[style.opset],
        opset_imports=[helper.make_opsetid("", style.opset)],
    )
    return model.SerializeToString(deterministic=True)
