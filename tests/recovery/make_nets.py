"""Networks with random weights, one of each kind that must be recovered from a permuted copy of itself:

    tools/python.sh tests/recovery/make_nets.py FOLDER
"""

import pathlib
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Net:
    def __init__(self, name, shape, opset=17):
        self.rng = np.random.default_rng(sum(map(ord, name)))
        self.name, self.opset, self.nodes, self.weights = name, opset, [], []
        self.input = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)

    def constant(self, array):
        self.weights.append(numpy_helper.from_array(np.asarray(array), f"w{len(self.weights)}"))
        return self.weights[-1].name

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def weight(self, *shape, gain=2.0):
        fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 1
        return self.constant((self.rng.standard_normal(shape) * np.sqrt(gain / fan_in)).astype(np.float32))

    def vector(self, n, center=0.0, spread=0.1):
        return self.constant((center + spread * self.rng.standard_normal(n)).astype(np.float32))

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = [f"v{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, f"{kind}_{len(self.nodes)}", **attributes))
        return names[0] if outputs == 1 else names

    def dense(self, x, n_in, n_out):
        return self.op("Gemm", x, self.weight(n_out, n_in), self.vector(n_out), transB=1)

    def linear(self, x, n_in, n_out):
        weight = self.constant((self.rng.standard_normal((n_in, n_out)) / np.sqrt(n_in)).astype(np.float32))
        return self.op("Add", self.op("MatMul", x, weight), self.vector(n_out))

    def relu(self, x):
        return self.op("Relu", x)

    def conv(self, x, n_in, n_out, kernel=3, group=1, stride=1):
        return self.op("Conv", x, self.weight(n_out, n_in // group, kernel, kernel),
                       pads=[kernel // 2] * 4, group=group, strides=[stride] * 2)

    def norm(self, x, n):
        variance = self.constant(self.rng.uniform(0.5, 1.5, n).astype(np.float32))
        return self.op("BatchNormalization", x, self.vector(n, 1), self.vector(n), self.vector(n), variance)

    def head(self, x, n):
        return self.dense(self.op("Flatten", self.op("GlobalAveragePool", x)), n, 10)

    def save(self, folder, y):
        out = helper.make_tensor_value_info(y, TensorProto.FLOAT, ["N", 10])
        graph = helper.make_graph(self.nodes, self.name, [self.input], [out], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        onnx.save(model, pathlib.Path(folder) / f"{self.name}.onnx")


def mlp(folder, name, widths):
    net = Net(name, ["N", widths[0]])
    x = "x"
    for k, (n_in, n_out) in enumerate(zip(widths, widths[1:])):
        x = net.dense(x, n_in, n_out)
        x = net.relu(x) if k < len(widths) - 2 else x
    net.save(folder, x)


def resnet(folder):
    net = Net("resnet", ["N", 3, 8, 8])
    x = net.relu(net.norm(net.conv("x", 3, 16), 16))
    for n_in, n_out in ((16, 16), (16, 16), (16, 32), (32, 32)):
        y = net.relu(net.norm(net.conv(x, n_in, n_out), n_out))
        y = net.norm(net.conv(y, n_out, n_out), n_out)
        skip = x if n_in == n_out else net.norm(net.conv(x, n_in, n_out, kernel=1), n_out)
        x = net.relu(net.op("Add", skip, y))
    net.save(folder, net.head(x, 32))


def transformer(folder, blocks=2, heads=4, width=32, tokens=9):
    net = Net("transformer", ["N", tokens, 12])
    norm = lambda x: net.op("LayerNormalization", x, net.vector(width, 1), net.vector(width))  # noqa: E731
    split = lambda x: net.op("Transpose", net.op("Reshape", x, net.ints(0, tokens, heads, width // heads)),  # noqa: E731
                             perm=[0, 2, 1, 3])
    stream = net.op("Add", net.linear("x", 12, width), net.weight(1, tokens, width))
    for _ in range(blocks):
        x = norm(stream)
        q, k, v = (split(net.linear(x, width, width)) for _ in range(3))
        scores = net.op("MatMul", q, net.op("Transpose", k, perm=[0, 1, 3, 2]))
        scores = net.op("Softmax", net.op("Mul", scores, net.constant(np.float32((width // heads) ** -0.5))), axis=-1)
        y = net.op("Transpose", net.op("MatMul", scores, v), perm=[0, 2, 1, 3])
        stream = net.op("Add", stream, net.linear(net.op("Reshape", y, net.ints(0, tokens, width)), width, width))
        y = net.relu(net.linear(norm(stream), width, 64))
        stream = net.op("Add", stream, net.linear(y, 64, width))
    net.save(folder, net.dense(net.op("ReduceMean", norm(stream), axes=[1], keepdims=0), width, 10))


def recurrent(folder, kind, units=24):
    """Two layers, both directions in the first."""
    gates = {"LSTM": 4, "GRU": 3}[kind]
    net = Net(kind.lower(), [7, "N", 10])
    net.input = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 7, 10])
    x, n_in = net.op("Transpose", "x", perm=[1, 0, 2]), 10
    for directions in (2, 1):
        w = net.constant((net.rng.standard_normal((directions, gates * units, n_in)) / np.sqrt(n_in)).astype(np.float32))
        r = net.constant((net.rng.standard_normal((directions, gates * units, units)) / np.sqrt(units)).astype(np.float32))
        b = net.constant((0.1 * net.rng.standard_normal((directions, 2 * gates * units))).astype(np.float32))
        y = net.op(kind, x, w, r, b, outputs=2, hidden_size=units,
                   direction="bidirectional" if directions == 2 else "forward")[0]
        y = net.op("Transpose", y, perm=[0, 2, 1, 3])
        x, n_in = net.op("Reshape", y, net.ints(7, -1, directions * units)), directions * units
    net.save(folder, net.dense(net.op("ReduceMean", x, axes=[0], keepdims=0), units, 10))


def densenet(folder, growth=8):
    net = Net("densenet", ["N", 3, 8, 8])
    x, n = net.conv("x", 3, 16), 16
    for _ in range(2):
        for _ in range(3):
            y = net.conv(net.relu(net.norm(x, n)), n, 4 * growth, kernel=1)
            y = net.conv(net.relu(net.norm(y, 4 * growth)), 4 * growth, growth)
            x, n = net.op("Concat", x, y, axis=1), n + growth
        x = net.conv(net.relu(net.norm(x, n)), n, n // 2, kernel=1)
        n //= 2
    net.save(folder, net.head(net.relu(net.norm(x, n)), n))


def grouped(folder, name, group):
    """ResNeXt or MobileNet blocks: 1x1, grouped 3x3, 1x1."""
    net = Net(name, ["N", 3, 8, 8])
    x = net.relu(net.norm(net.conv("x", 3, 16), 16))
    for _ in range(2):
        y = net.relu(net.norm(net.conv(x, 16, 32, kernel=1), 32))
        y = net.relu(net.norm(net.conv(y, 32, 32, group=group), 32))
        x = net.op("Add", x, net.norm(net.conv(y, 32, 16, kernel=1), 16))
    net.save(folder, net.head(x, 16))


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    mlp(folder, "mlp_wide", [784, 512, 512, 512, 10])
    mlp(folder, "mlp_deep", [64] + [20] * 12 + [10])
    resnet(folder)
    transformer(folder)
    recurrent(folder, "LSTM")
    recurrent(folder, "GRU")
    densenet(folder)
    grouped(folder, "grouped", 8)
    grouped(folder, "depthwise", 32)


if __name__ == "__main__":
    main()
