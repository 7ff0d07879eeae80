"""A slow, plain reader and runner for the ONNX files of the tests: numpy float64, no runtime.

It knows what MLPs, plain CNNs and residual networks need and raises on anything else.
"""

import numpy as np
import onnx
from onnx import numpy_helper


class Model:
    """Nodes in graph order, constants by name, and the names of the one input and output."""

    def __init__(self, path):
        graph = onnx.load(path).graph
        self.constants = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
        self.nodes = []
        for node in graph.node:
            if node.op_type == "Constant":
                self.constants[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
            else:
                self.nodes.append(node)
        inputs = [value for value in graph.input if value.name not in self.constants]
        if len(inputs) != 1 or len(graph.output) != 1:
            raise ValueError(f"{path}: expected one input and one output")
        self.input, self.output = inputs[0].name, graph.output[0].name
        # Integers are shapes; everything else is computed in double.
        for name, array in self.constants.items():
            if array.dtype.kind == "f":
                self.constants[name] = array.astype(np.float64)
        self.input_shape = [d.dim_value for d in inputs[0].type.tensor_type.shape.dim]
        # The loss wants class scores: a final Softmax is left out.
        if self.nodes[-1].op_type in ("Softmax", "LogSoftmax"):
            self.output = self.nodes.pop().input[0]


def attributes(node):
    return {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}


def _windows(x, attrs, kernel, fill):
    """Padded sliding windows: [n, c, out_h, out_w, kernel_h, kernel_w]."""
    automatic = attrs.get("auto_pad", b"NOTSET")
    pads = attrs.get("pads", [0, 0, 0, 0])
    if automatic not in (b"NOTSET", b"VALID") or attrs.get("ceil_mode", 0):
        raise ValueError("auto_pad and ceil_mode are not known here")
    if any(d != 1 for d in attrs.get("dilations", [1, 1])):
        raise ValueError("dilations are not known here")
    margins = ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3]))
    padded = np.pad(x, margins, constant_values=fill)
    view = np.lib.stride_tricks.sliding_window_view(padded, tuple(kernel), axis=(2, 3))
    s = attrs.get("strides", [1, 1])
    return view[:, :, :: s[0], :: s[1]]


def _conv(attrs, x, weight, bias=None):
    if attrs.get("group", 1) != 1:
        raise ValueError("grouped convolutions are not known here")
    out = np.tensordot(_windows(x, attrs, weight.shape[2:], 0.0), weight, ((1, 4, 5), (1, 2, 3)))
    return (out if bias is None else out + bias).transpose(0, 3, 1, 2)


def _gemm(attrs, x, weight, bias=None):
    if attrs.get("transA", 0):
        raise ValueError("Gemm with transA is not known here")
    weight = weight.T if attrs.get("transB", 0) else weight
    out = attrs.get("alpha", 1.0) * (x @ weight)
    return out if bias is None else out + attrs.get("beta", 1.0) * bias


def _average_pool(attrs, x):
    if any(attrs.get("pads", [])):
        raise ValueError("AveragePool with padding is not known here")
    return _windows(x, attrs, attrs["kernel_shape"], 0.0).mean(axis=(4, 5))


def _batch_norm(attrs, x, scale, shift, mean, variance):
    factor, offset = folded_batch_norm(attrs, scale, shift, mean, variance)
    shape = (1, -1) + (1,) * (x.ndim - 2)
    return x * factor.reshape(shape) + offset.reshape(shape)


def folded_batch_norm(attrs, scale, shift, mean, variance):
    """The factor and offset per channel that an inference BatchNormalization amounts to."""
    factor = scale / np.sqrt(variance + attrs.get("epsilon", 1e-5))
    return factor, shift - mean * factor


def _flatten(attrs, x):
    if attrs.get("axis", 1) != 1:
        raise ValueError("Flatten with another axis than 1 is not known here")
    return x.reshape(len(x), -1)


def _reshape(attrs, x, shape):
    # The batch that an exporter wrote down is not the one of the data.
    return x.reshape(len(x), *shape[1:])


def _transpose(attrs, x):
    return x.transpose(attrs["perm"])


OPERATORS = {
    "Add": lambda attrs, x, y: x + y,
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "Conv": _conv,
    "Div": lambda attrs, x, y: x / y,
    "Flatten": _flatten,
    "Gemm": _gemm,
    "GlobalAveragePool": lambda attrs, x: x.mean(axis=(2, 3), keepdims=True),
    "Identity": lambda attrs, x: x,
    "MatMul": lambda attrs, x, y: x @ y,
    "MaxPool": lambda attrs, x: _windows(x, attrs, attrs["kernel_shape"], -np.inf).max(axis=(4, 5)),
    "Mul": lambda attrs, x, y: x * y,
    "Relu": lambda attrs, x: np.maximum(x, 0),
    "Reshape": _reshape,
    "Sub": lambda attrs, x, y: x - y,
    "Transpose": _transpose,
}


def _start(model, x, constants):
    values = dict(model.constants if constants is None else constants)
    values[model.input] = x.reshape(len(x), *model.input_shape[1:])
    return values


def _step(node, values):
    if node.op_type not in OPERATORS:
        raise ValueError(f"operator {node.op_type} is not known here")
    inputs = [values[name] for name in node.input]
    values[node.output[0]] = OPERATORS[node.op_type](attributes(node), *inputs)


def run(model, x, constants=None):
    """All values of one forward pass by name; `constants` replace those of the model."""
    values = _start(model, x, constants)
    for node in model.nodes:
        _step(node, values)
    return values


def reset_statistics(model, x, constants):
    """The constants with all running means and variances taken anew on x.

    Each BatchNormalization sees the values behind the ones that are corrected already.
    """
    values = _start(model, x, constants)
    result = dict(constants)
    for node in model.nodes:
        if node.op_type == "BatchNormalization":
            units = np.moveaxis(values[node.input[0]], 1, 0)
            units = units.reshape(len(units), -1)
            result[node.input[3]] = values[node.input[3]] = units.mean(axis=1)
            result[node.input[4]] = values[node.input[4]] = units.var(axis=1, ddof=1)
        _step(node, values)
    return result


def logits(model, x, constants=None, batch=500):
    parts = [
        run(model, x[i : i + batch], constants)[model.output] for i in range(0, len(x), batch)
    ]
    return np.concatenate(parts)


def loss_and_accuracy(scores, labels):
    """Mean cross-entropy and share of right answers."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    loss = -log_probability[np.arange(len(labels)), labels].mean()
    return float(loss), float((scores.argmax(axis=1) == labels).mean())
