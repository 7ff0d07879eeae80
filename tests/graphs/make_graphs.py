"""Makes the small networks with random weights that test_graphs reads:

    tools/python.sh tests/graphs/make_graphs.py

Each is one structure that decides which hidden units may move; the file's name says which. The
expected classes are in tests/unit/test_graphs.c.
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent


class Net:
    """A graph under construction; every call adds a node and gives the name of its output."""

    def __init__(self, name, shape, opset=13):
        self.rng = np.random.default_rng(sum(map(ord, name)))
        self.name, self.opset = name, opset
        self.nodes, self.weights = [], []
        self.input = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)

    def weight(self, *shape, scale=None):
        fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 16
        array = self.rng.standard_normal(shape) * (scale or 1 / np.sqrt(fan_in))
        return self.constant(array.astype(np.float32))

    def constant(self, array):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(array), name))
        return name

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def op(self, kind, *inputs, outputs=1, **attributes):
        names = [f"v{len(self.nodes)}_{k}" for k in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, f"{kind}_{len(self.nodes)}", **attributes))
        return names[0] if outputs == 1 else names

    def dense(self, x, n_in, n_out):
        return self.op("Gemm", x, self.weight(n_out, n_in), self.weight(n_out), transB=1)

    def conv(self, x, c_in, c_out, kernel=3, group=1, **attributes):
        w, b = self.weight(c_out, c_in // group, kernel, kernel), self.weight(c_out)
        pads = [kernel // 2] * 4
        return self.op("Conv", x, w, b, pads=pads, group=group, **attributes)

    def relu(self, x):
        return self.op("Relu", x)

    def save(self, y, *sizes, batch="N"):
        out = helper.make_tensor_value_info(y, TensorProto.FLOAT, [batch, *(sizes or (10,))])
        graph = helper.make_graph(self.nodes, self.name, [self.input], [out], self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)],
                                  ir_version=8, producer_name="onnxweld tests")
        onnx.checker.check_model(model, full_check=True)
        (HERE / f"{self.name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
        return model


def head(net, x, channels, batch="N"):
    pooled = net.op("Flatten", net.op("GlobalAveragePool", x))
    return net.save(net.dense(pooled, channels, 10), batch=batch)


def grouped_conv():
    net = Net("grouped_conv", ["N", 3, 8, 8])
    x = net.relu(net.conv(net.input.name, 3, 8))
    x = net.relu(net.conv(x, 8, 12, group=2))
    head(net, x, 12)


def depthwise():
    net = Net("depthwise", ["N", 3, 8, 8])
    x = net.relu(net.conv("x", 3, 8))
    x = net.relu(net.conv(x, 8, 8, group=8))
    head(net, net.relu(net.conv(x, 8, 6, kernel=1)), 6)


def picture():
    """No classes at the output: an image comes in and two go out."""
    net = Net("picture", ["N", 1, 16, 16])
    x = net.relu(net.conv(net.relu(net.conv("x", 1, 6)), 6, 5))
    net.save(net.conv(x, 5, 2), 2, 16, 16)


def branches():
    net = Net("branches", ["N", 3, 8, 8])
    x = net.relu(net.conv("x", 3, 6))
    both = net.op("Concat", net.relu(net.conv(x, 6, 4, kernel=1)), net.relu(net.conv(x, 6, 5)), axis=1)
    head(net, net.relu(net.conv(both, 9, 7)), 7)


def dense_concat():
    """DenseNet: each layer sees all features before it."""
    net = Net("dense_concat", ["N", 3, 8, 8])
    features = net.relu(net.conv("x", 3, 6))
    for grown in (6, 10):
        features = net.op("Concat", features, net.relu(net.conv(features, grown, 4)), axis=1)
    head(net, features, 14)


def nhwc_flatten():
    """As Keras does: channels last when the map is flattened."""
    net = Net("nhwc_flatten", ["N", 3, 8, 8])
    x = net.op("MaxPool", net.relu(net.conv("x", 3, 6)), kernel_shape=[2, 2], strides=[2, 2])
    x = net.op("Reshape", net.op("Transpose", x, perm=[0, 2, 3, 1]), net.ints(-1, 96))
    net.save(net.dense(net.relu(net.dense(x, 96, 12)), 12, 10))


def residual():
    net = Net("residual", ["N", 3, 8, 8])
    x = net.relu(net.conv("x", 3, 8))
    for _ in range(2):
        inner = net.relu(net.conv(x, 8, 6))
        x = net.relu(net.op("Add", net.conv(inner, 6, 8), x))
    head(net, x, 8)


def conv_on_stream():
    """A convolution that maps the stream onto itself: its class stands on both of its axes."""
    net = Net("conv_on_stream", ["N", 3, 8, 8])
    x = net.relu(net.conv("x", 3, 8))
    x = net.op("Add", x, net.conv(x, 8, 8))
    head(net, net.relu(x), 8)


def wide_flatten():
    """More than 2,048 columns in one layer."""
    net = Net("wide_flatten", ["N", 1, 20, 20])
    x = net.op("Flatten", net.relu(net.conv("x", 1, 6)))
    net.save(net.dense(net.relu(net.dense(x, 2400, 4)), 4, 10))


def recurrent(kind, gates, name):
    """The hidden state meets itself in R, and little else says which unit is which."""
    net = Net(name, ["N", 5, 3])
    x = net.op("Transpose", "x", perm=[1, 0, 2])
    weights = net.weight(1, gates * 9, 3, scale=0.05), net.weight(1, gates * 9, 9, scale=0.5)
    bias = net.weight(1, 2 * gates * 9, scale=0.05)
    outputs = net.op(kind, x, *weights, bias, hidden_size=9, outputs=3 if kind == "LSTM" else 2)
    net.save(net.dense(net.op("Squeeze", outputs[1], net.ints(0)), 9, 10))


def recurrent_layers():
    recurrent("LSTM", 4, "lstm")
    recurrent("GRU", 3, "gru")
    recurrent("RNN", 1, "rnn")
    stacked_recurrent()


def stacked_recurrent():
    """Recurrent layers that read hidden units: of a Dense layer, then of two directions; samples first."""
    net = Net("stacked_recurrent", ["N", 5, 3], opset=14)
    x = net.relu(net.op("Add", net.op("MatMul", "x", net.weight(3, 6)), net.weight(6)))
    x = net.op("LSTM", x, net.weight(2, 4 * 7, 6), net.weight(2, 4 * 7, 7), net.weight(2, 8 * 7), hidden_size=7,
               direction="bidirectional", layout=1)
    x = net.op("Reshape", x, net.ints(0, 0, -1))
    outputs = net.op("GRU", x, net.weight(1, 3 * 8, 14), net.weight(1, 3 * 8, 8), net.weight(1, 6 * 8), hidden_size=8,
                     layout=1, outputs=2)
    net.save(net.dense(net.op("Squeeze", outputs[1], net.ints(1)), 8, 10))


def dense_on_positions():
    """An MLP over the positions of a picture: the channels are rows of its inputs, and move."""
    net = Net("dense_on_positions", ["N", 3, 4, 4])
    x = net.op("Reshape", net.relu(net.conv("x", 3, 6)), net.ints(0, 6, 16))
    x = net.op("MatMul", net.relu(net.op("MatMul", x, net.weight(16, 5))), net.weight(5, 4))
    net.save(net.dense(net.op("ReduceMean", x, axes=[2], keepdims=0), 6, 10))


def literal_batch():
    net = Net("literal_batch", [10, 3, 8, 8])
    x = net.relu(net.conv("x", 3, 6, kernel=3, strides=[2, 2]))
    x = net.op("Reshape", x, net.ints(10, 96))
    net.save(net.dense(net.relu(net.dense(x, 96, 12)), 12, 10), batch=10)


def token(how):
    """A learned vector beside every sample; `literal`: the exporter wrote how many there are."""
    batch = 3 if how == "literal" else "N"
    net = Net(f"token_{how}", [batch, 6])
    net.rng = np.random.default_rng(3)
    width, start, end = net.ints(4), net.ints(0), net.ints(1)
    count = net.ints(3) if how == "literal" else net.op("Slice", net.op("Shape", "x"), start, end)
    vector = net.op("Expand", net.weight(1, 4), net.op("Concat", count, width, axis=0))
    x = net.op("Concat", "x", vector, axis=1)
    net.save(net.dense(net.relu(net.dense(x, 10, 12)), 12, 10), batch=batch)


def squeeze_excite():
    net = Net("squeeze_excite", ["N", 3, 8, 8])
    x = net.relu(net.conv("x", 3, 8))
    gate = net.relu(net.conv(net.op("GlobalAveragePool", x), 8, 4, kernel=1))
    x = net.op("Mul", x, net.op("Sigmoid", net.conv(gate, 4, 8, kernel=1)))
    head(net, x, 8)


def option_a():
    """The shortcut of the CIFAR ResNets: every second pixel, new channels are zeros."""
    net = Net("option_a", ["N", 3, 8, 8])
    x = net.relu(net.conv("x", 3, 4))
    y = net.conv(net.relu(net.conv(x, 4, 8, strides=[2, 2])), 8, 8)
    short = net.op("Slice", x, net.ints(0, 0), net.ints(99, 99), net.ints(2, 3), net.ints(2, 2))
    short = net.op("Pad", short, net.ints(0, 2, 0, 0, 0, 2, 0, 0))
    head(net, net.relu(net.op("Add", y, short)), 8)


def channel_shuffle():
    net = Net("channel_shuffle", ["N", 3, 8, 8])
    x = net.relu(net.conv("x", 3, 8))
    x = net.op("Reshape", x, net.ints(0, 2, 4, 8, 8))
    x = net.op("Reshape", net.op("Transpose", x, perm=[0, 2, 1, 3, 4]), net.ints(0, 8, 8, 8))
    head(net, net.relu(net.conv(x, 8, 6)), 6)


def moved_units():
    """Units split, joined, turned round, repeated, picked: two of the second half come out once only."""
    net = Net("moved_units", ["N", 6], opset=18)
    ints = net.ints
    a, b = net.op("Split", net.relu(net.dense("x", 6, 8)), outputs=2, axis=1, num_outputs=2)
    x = net.op("Slice", net.op("Concat", b, a, axis=1), ints(-1), ints(-(2**62)), ints(1), ints(-1))
    x = net.op("Tile", x, ints(1, 2))
    x = net.op("Compress", x, net.constant(np.arange(16) % 16 // 2 != 2), axis=1)
    x = net.op("Shrink", net.op("Clip", x, net.constant(np.float32(-2)), net.constant(np.float32(2))), lambd=0.1)
    x = net.relu(net.dense(x, 14, 12))
    x = net.op("Expand", net.op("Unsqueeze", x, ints(2)), ints(1, 12, 3))
    x = net.op("Gather", x, ints(*range(11, -1, -1)), axis=1)
    net.save(net.dense(net.op("Flatten", x), 36, 10))


def expanded_gate():
    """Squeeze and excitation by Expand, and an image looked up at points that are a weight."""
    net = Net("expanded_gate", ["N", 3, 8, 8], opset=16)
    x = net.relu(net.conv("x", 3, 6))
    gate = net.op("Flatten", net.op("GlobalAveragePool", x))
    gate = net.op("Sigmoid", net.dense(net.relu(net.dense(gate, 6, 4)), 4, 6))
    gate = net.op("Unsqueeze", gate, net.ints(2, 3))
    x = net.op("Mul", x, net.op("Expand", gate, net.op("Shape", x)))
    batch = net.op("Concat", net.op("Shape", x, end=1), net.ints(1, 1, 1), axis=0)
    points = net.op("Expand", net.weight(1, 5, 5, 2, scale=0.5), batch)
    x = net.op("GridSample", x, points, padding_mode="border")
    head(net, net.relu(net.conv(x, 6, 5)), 5)


def early_forms():
    """Opset 4: broadcasting by axis, attributes about memory, a Reshape without input."""
    net = Net("early_forms", ["N", 3, 8, 8], opset=4)
    x = net.op("Conv", "x", net.weight(6, 3, 3, 3), pads=[1] * 4)
    x = net.op("Relu", net.op("Add", x, net.weight(6), broadcast=1, axis=1), consumed_inputs=[0])
    x = net.op("Mul", x, net.weight(6), broadcast=1, axis=1)
    positive = net.constant(np.float32([1, 2, 3, 1.5, 0.5, 1]))
    x = net.op("BatchNormalization", x, net.weight(6), net.weight(6), net.weight(6), positive, is_test=1,
               consumed_inputs=[0, 0, 0, 1, 1])
    x = net.op("Dropout", net.op("PRelu", x, net.weight(6)), is_test=1)
    x = net.relu(net.op("Conv", x, net.weight(4, 6, 3, 3), pads=[1] * 4))
    x = net.op("Reshape", x, shape=[0, -1])
    x = net.relu(net.op("Gemm", x, net.weight(256, 7), net.weight(7), broadcast=1))
    net.save(net.op("Gemm", x, net.weight(7, 10), net.weight(10), broadcast=1))


def deep_mlp():
    """50 wide, 6 deep, biases and weights of order one over the root of the width."""
    net = Net("deep_mlp", ["N", 20])
    x, width = "x", 20
    for _ in range(6):
        x, width = net.relu(net.dense(x, width, 50)), 50
    return net.save(net.dense(x, width, 10))


# ---- one network, written as protobuf allows but nobody does ------------------------------------


def varint(value, longer=0):
    out = bytearray()
    while value >= 128:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    for _ in range(longer):  # 0x80 0x00: more digits, all of them zero
        out[-1] |= 128
        out.append(0)
    return bytes(out)


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at


def fields(data):
    at = 0
    while at < len(data):
        tag, at = read_varint(data, at)
        if tag & 7 == 0:
            content, at = read_varint(data, at)
        elif tag & 7 == 2:
            size, at = read_varint(data, at)
            content, at = data[at : at + size], at + size
        else:
            width = {1: 8, 5: 4}[tag & 7]
            content, at = data[at : at + width], at + width
        yield tag >> 3, tag & 7, content


# ModelProto.graph, GraphProto.node and .initializer: the messages inside messages
INSIDE = {"model": {7: "graph"}, "graph": {1: "node", 5: "tensor"}, "node": {}, "tensor": {}}


def depth_multiplier():
    net = Net("depth_multiplier", ["N", 3, 8, 8])
    x = net.relu(net.conv(net.input.name, 3, 8))
    x = net.relu(net.conv(x, 8, 16, group=8))
    head(net, x, 16)


def transposed_groups():
    net = Net("transposed_groups", ["N", 3, 8, 8])
    x = net.relu(net.conv(net.input.name, 3, 8))
    x = net.relu(net.op("ConvTranspose", x, net.weight(8, 3, 3, 3), net.weight(12), group=4, strides=[2, 2]))
    head(net, x, 12)


def transposed_strides():
    """A decoder: the windows of ConvTranspose are on its output."""
    net = Net("transposed_strides", ["N", 3, 5, 5])
    x = net.relu(net.conv(net.input.name, 3, 8, strides=[2, 2]))
    x = net.relu(net.op("ConvTranspose", x, net.weight(8, 6, 3, 2), net.weight(6), strides=[2, 3], dilations=[2, 1],
                        pads=[1, 0, 2, 1], output_padding=[1, 0]))
    head(net, x, 6)


def shuffled_groups():
    """ShuffleNet's unit: grouped, shuffled, depthwise, grouped, and the sum with its input."""
    net = Net("shuffled_groups", ["N", 3, 8, 8])
    x = net.relu(net.conv(net.input.name, 3, 24))
    y = net.relu(net.conv(x, 24, 12, kernel=1, group=2))
    y = net.op("Reshape", y, net.ints(-1, 2, 6, 8, 8))
    y = net.op("Reshape", net.op("Transpose", y, perm=[0, 2, 1, 3, 4]), net.ints(-1, 12, 8, 8))
    y = net.conv(net.conv(y, 12, 12, group=12), 12, 24, kernel=1, group=2)
    head(net, net.relu(net.op("Add", x, y)), 24)


def group_norm(how):
    """Groups of channels are normalised: as an operator, or spelt out as PyTorch exports it."""
    net = Net(f"group_norm_{how}", ["N", 3, 8, 8], opset=21)
    x = net.conv(net.input.name, 3, 12)
    if how == "spelt":
        x = net.op("Reshape", x, net.ints(0, 4, -1))
        x = net.op("InstanceNormalization", x, net.constant(np.ones(4, np.float32)), net.constant(np.zeros(4, np.float32)))
        x = net.op("Reshape", x, net.ints(-1, 12, 8, 8))
        x = net.op("Add", net.op("Mul", x, net.weight(12, 1, 1)), net.weight(12, 1, 1))
    else:
        x = net.op("GroupNormalization", x, net.weight(12), net.weight(12), num_groups=4)
    head(net, net.relu(x), 12)


def group_norm_stream():
    """Two normalisations in the same groups, of a stream and of what is added to it."""
    net = Net("group_norm_stream", ["N", 3, 8, 8], opset=21)
    norm = lambda x: net.op("GroupNormalization", x, net.weight(12), net.weight(12), num_groups=4)  # noqa: E731
    x = net.relu(norm(net.conv(net.input.name, 3, 12)))
    head(net, net.op("Add", x, norm(net.conv(x, 12, 12))), 12)


def transformer(how, heads=4, width=24, tokens=5):
    """One block, its attention written in several ways."""
    net = Net(f"attention_{how}", ["N", tokens, 6], opset=17)
    linear = lambda x, n_in, n_out: net.op("Add", net.op("MatMul", x, net.weight(n_in, n_out)), net.weight(n_out))  # noqa: E731
    norm = lambda x: net.op("LayerNormalization", x, net.weight(width), net.weight(width))  # noqa: E731
    size = width // heads
    stream = net.op("Add", linear(net.input.name, 6, width), net.weight(1, tokens, width))
    x = norm(stream)

    def split(x, heads=heads):
        return net.op("Transpose", net.op("Reshape", x, net.ints(0, tokens, heads, size)), perm=[0, 2, 1, 3])

    def repeat(x):  # each head of keys or values for two of queries
        x = net.op("Expand", net.op("Unsqueeze", x, net.ints(2)), net.ints(1, heads // 2, 2, tokens, size))
        return net.op("Reshape", x, net.ints(-1, heads, tokens, size))

    def merge(x):  # heads beside samples, as PyTorch's MultiheadAttention does it
        x = net.op("Reshape", net.op("Transpose", x, perm=[1, 0, 2]), net.ints(tokens, -1, size))
        return net.op("Transpose", x, perm=[1, 0, 2])

    if how == "packed":  # one projection for queries, keys and values, split by an axis of 3
        qkv = net.op("Reshape", linear(x, width, 3 * width), net.ints(0, tokens, 3, heads, size))
        qkv = net.op("Transpose", qkv, perm=[2, 0, 3, 1, 4])
        q, k, v = (net.op("Gather", qkv, net.constant(np.array(i, np.int64)), axis=0) for i in range(3))
    elif how == "chunked":
        parts = net.op("Split", linear(x, width, 3 * width), net.ints(width, width, width), axis=2, outputs=3)
        q, k, v = map(split, parts)
    elif how == "grouped":
        q = split(linear(x, width, width))
        k, v = (repeat(split(linear(x, width, width // 2), heads // 2)) for _ in range(2))
    elif how == "merged":
        q, k, v = (merge(linear(x, width, width)) for _ in range(3))
    else:
        q, k, v = (split(linear(x, width, width)) for _ in range(3))
    if how == "normed":  # a norm of each query and key over the units of its head
        q, k = (net.op("LayerNormalization", x, net.weight(size), net.weight(size)) for x in (q, k))
    if how == "scaled":  # a number of its own for each head
        q = net.op("Mul", q, net.weight(heads, 1, 1))
    last = [0, 2, 1] if how == "merged" else [0, 1, 3, 2]
    scores = net.op("MatMul", q, net.op("Transpose", k, perm=last))
    scores = net.op("Softmax", net.op("Mul", scores, net.constant(np.float32(size**-0.5))), axis=-1)
    y = net.op("MatMul", scores, v)
    if how == "merged":
        y = net.op("Reshape", net.op("Transpose", y, perm=[1, 0, 2]), net.ints(tokens, -1, width))
        y = net.op("Transpose", y, perm=[1, 0, 2])
    else:
        y = net.op("Reshape", net.op("Transpose", y, perm=[0, 2, 1, 3]), net.ints(0, tokens, width))
    y = linear(y, width, width)
    stream = net.op("Add", stream, y)
    y = linear(net.relu(linear(norm(stream), width, 32)), 32, width)
    y = net.op("ReduceMean", net.op("Add", stream, y), axes=[1], keepdims=0)
    net.save(net.dense(y, width, 10))


def upsampling(how, opset, written):
    """An upsampling between two convolutions, in the forms of several opsets; the same weights."""
    net = Net("upsampling", ["N", 3, 8, 8], opset)
    net.name = f"upsampling_{how}"
    x = net.relu(net.conv(net.input.name, 3, 8))
    head(net, net.relu(net.conv(written(net, x), 8, 12)), 12)


def upsamplings():
    scales = [1.0, 1.0, 2.0, 2.0]
    floats = lambda net: net.constant(np.array(scales, np.float32))  # noqa: E731
    pixels = {"coordinate_transformation_mode": "half_pixel", "nearest_mode": "round_prefer_ceil"}
    corner = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    upsampling("attribute", 7, lambda net, x: net.op("Upsample", x, mode="nearest", scales=scales))
    upsampling("input", 9, lambda net, x: net.op("Upsample", x, floats(net), mode="nearest"))
    upsampling("corner", 11, lambda net, x: net.op("Resize", x, floats(net), floats(net), **corner))
    upsampling("pixels", 13, lambda net, x: net.op("Resize", x, "", floats(net), cubic_coeff_a=-0.5, **pixels))


def written_oddly(data, kind="model"):
    """Fields in falling order, longer varints than needed, fields of numbers that nobody knows."""
    parts = sorted(fields(data), key=lambda field: -field[0])
    out = bytearray(varint(1000 << 3 | 2) + varint(5) + b"hello")
    for number, wire, content in parts:
        out += varint(number << 3 | wire, longer=1)
        if wire == 0:
            out += varint(content, longer=1)
        elif wire == 2:
            inside = INSIDE[kind].get(number)
            content = written_oddly(content, inside) if inside else content
            out += varint(len(content), longer=2) + content
        else:
            out += content
    return bytes(out + varint(1001 << 3 | 0) + varint(7) + varint(1002 << 3 | 5) + b"1234")


def part_that_cant_run(name, kind):
    """Two layers, something that we can't run, a layer: what the something touches can't move. For
    tests/cli/run.sh."""
    net = Net(name, ["N", 8])
    x = net.op("Relu", net.op("Gemm", "x", net.weight(16, 8), net.weight(16), transB=1))
    x = net.op("Relu", net.op("Gemm", x, net.weight(12, 16), net.weight(12), transB=1))
    if kind == "Loop":
        captured = net.weight(12)
        value = lambda name, dtype, dims: helper.make_tensor_value_info(name, dtype, dims)  # noqa: E731
        body = helper.make_graph(
            [helper.make_node("Identity", ["go"], ["go_on"]), helper.make_node("Add", ["state", captured], ["next"])],
            "body", [value("i", TensorProto.INT64, []), value("go", TensorProto.BOOL, []),
                     value("state", TensorProto.FLOAT, None)],
            [value("go_on", TensorProto.BOOL, []), value("next", TensorProto.FLOAT, None)])
        trips = net.op("Cast", net.op("ReduceMax", "x", keepdims=0), to=TensorProto.INT64)
        y = net.op("Loop", trips, "", x, body=body)
    else:
        y = net.op(kind, x, domain="my.domain")
    output = net.op("Gemm", y, net.weight(4, 12), net.weight(4), transB=1)
    declared = helper.make_tensor_value_info(y, TensorProto.FLOAT, ["N", 12])
    graph = helper.make_graph(net.nodes, name, [net.input],
                              [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["N", 4])],
                              net.weights, value_info=[declared])
    opsets = [helper.make_opsetid("", net.opset), helper.make_opsetid("my.domain", 1)]
    (HERE.parent / "cli" / f"{name}.onnx").write_bytes(
        helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString(deterministic=True))


def main():
    part_that_cant_run("loop", "Loop")
    part_that_cant_run("unknown_op", "Magic")
    for make in (grouped_conv, depthwise, branches, dense_concat, nhwc_flatten, residual,
                 conv_on_stream, literal_batch, squeeze_excite, option_a, channel_shuffle,
                 moved_units, expanded_gate, early_forms, depth_multiplier, transposed_groups,
                 transposed_strides, dense_on_positions, shuffled_groups, wide_flatten, picture):
        make()
    for how in ("operator", "spelt"):
        group_norm(how)
    group_norm_stream()
    for how in ("literal", "open"):
        token(how)
    for how in ("plain", "packed", "chunked", "normed", "scaled", "grouped", "merged"):
        transformer(how)
    upsamplings()
    recurrent_layers()
    plain = deep_mlp().SerializeToString(deterministic=True)
    odd = written_oddly(plain)
    said = [[(n.op_type, list(n.input)) for n in onnx.load_from_string(m).graph.node] for m in (plain, odd)]
    assert said[0] == said[1]
    (HERE / "deep_mlp_oddly.onnx").write_bytes(odd)
    print(*sorted(p.name for p in HERE.glob("*.onnx")))


if __name__ == "__main__":
    main()
