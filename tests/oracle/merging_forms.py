"""Repair, reset and features in networks of many forms, by what they must reach, in onnxruntime:

    tools/python.sh tests/oracle/merging_forms.py ONNXWELD [ROOT] [CASE]...

The merge of two random networks is written with each; then, on the same data, every pre-activation of
the written file is looked at beside those of the ends:
  repair    mean and deviation of each unit are the weighted means of the ends'
  reset     the running statistics are those of what arrives
  features  the normal equations: E (y - W x) x' = ridge s (W - W0), E y = E (W x + b)
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import ort_run

ALPHA, RIDGE = 0.3, 0.01
TOLERANCE = 1e-4
TYPES = {np.float32: TensorProto.FLOAT, np.float64: TensorProto.DOUBLE, np.int64: TensorProto.INT64}


# ---- networks ----------------------------------------------------------------------------------


class Net:
    """Nodes in order and the shapes of the parameters; the last value is the output."""

    def __init__(self, shape, opset=17, kind=np.float32, samples=70, tokens=0, batch="N"):
        self.input_kind = np.int64 if tokens else kind
        self.shape, self.opset, self.kind, self.samples = shape, opset, kind, samples
        self.tokens, self.batch = tokens, batch
        self.nodes, self.shapes, self.constants, self.at = [], {}, {}, "x"

    def add(self, op, *inputs, at=None, **attributes):
        """A node that reads what was made last (or `at`) and the inputs; returns its output."""
        out = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [at or self.at, *inputs], [out], name=f"n{len(self.nodes)}", **attributes))
        self.at = out
        return out

    def parameter(self, name, *shape):
        self.shapes[name] = shape
        return name

    def fixed(self, name, values):
        self.constants[name] = np.array(values, np.int64)
        return name

    def conv(self, name, outputs, inputs, *kernel, bias=True, **attributes):
        names = [self.parameter(f"{name}.w", outputs, inputs, *kernel)]
        names += [self.parameter(f"{name}.b", outputs)] if bias else []
        return self.add("Conv", *names, kernel_shape=kernel, **attributes)

    def gemm(self, name, outputs, inputs, **attributes):
        names = self.parameter(f"{name}.w", outputs, inputs), self.parameter(f"{name}.b", outputs)
        return self.add("Gemm", *names, transB=1, **attributes)

    def matmul(self, name, outputs, inputs, bias=True):
        out = self.add("MatMul", self.parameter(f"{name}.w", inputs, outputs))
        return self.add("Add", self.parameter(f"{name}.b", outputs)) if bias else out

    def norm(self, name, *shape, **attributes):
        parts = [self.parameter(f"{name}.{part}", *shape) for part in ("scale", "shift", "mean", "var")]
        return self.add("BatchNormalization", *parts, **attributes)

    def values(self, rng):
        out = {}
        for name, shape in self.shapes.items():
            fan = np.prod(shape[1:]) if name.endswith(".w") else 1
            out[name] = (rng.standard_normal(shape) / np.sqrt(fan)).astype(self.kind)
            if name.endswith((".scale", ".var")):
                out[name] = rng.uniform(0.5, 2, shape).astype(self.kind)
        return out

    def model(self, values):
        tensors = [numpy_helper.from_array(v, n) for n, v in {**values, **self.constants}.items()]
        inputs = [helper.make_tensor_value_info("x", TYPES[self.input_kind], [self.batch, *self.shape])]
        outputs = [helper.make_tensor_value_info(self.at, TYPES[self.kind], None)]
        graph = helper.make_graph(self.nodes, "net", inputs, outputs, tensors)
        model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", self.opset)])
        return onnx.shape_inference.infer_shapes(model)

    def data(self, rng):
        shape = [self.samples, *self.shape]
        return rng.integers(0, self.tokens, shape) if self.tokens else rng.standard_normal(shape).astype(np.float32)


def head(net, channels, axes):
    net.add("ReduceMean", axes=axes, keepdims=0)
    net.gemm("head", 5, channels)
    return net


def conv_groups():
    net = Net([4, 9, 9])
    net.conv("c0", 8, 4, 3, 3, pads=[1, 1, 1, 1], strides=[2, 1])
    net.add("Relu")
    net.conv("grouped", 12, 2, 3, 3, group=4, pads=[0, 1, 2, 1], dilations=[1, 2])
    net.add("Relu")
    net.conv("depthwise", 24, 1, 3, 3, group=12, pads=[1, 1, 1, 1])
    net.add("Relu")
    return head(net, 24, [2, 3])


def conv_lines():
    net = Net([4, 21])
    net.conv("c0", 8, 4, 3, pads=[1, 1])
    net.add("Relu")
    net.conv("c1", 8, 8, 5, strides=[2], dilations=[2], bias=False)
    net.add("Relu")
    net.conv("c2", 8, 2, 3, group=4)
    net.add("Relu")
    return head(net, 8, [2])


def conv_volumes():
    net = Net([2, 5, 6, 7])
    net.conv("c0", 6, 2, 3, 3, 3, pads=[1] * 6)
    net.add("Relu")
    net.conv("c1", 6, 6, 2, 3, 3, pads=[0, 1, 1, 1, 0, 1], strides=[1, 2, 2])
    net.add("Relu")
    return head(net, 6, [2, 3, 4])


def dense_on_sequences(**options):
    net = Net([7, 6], **options)
    net.matmul("d0", 8, 6)
    net.add("Relu")
    net.matmul("d1", 9, 8)
    net.add("Relu")
    net.matmul("d2", 8, 9, bias=False)
    net.add("Relu")
    return head(net, 8, [1])


def dense_on_grids():
    net = Net([3, 4, 6])
    for k, (inputs, outputs) in enumerate(((6, 8), (8, 7), (7, 8))):
        net.matmul(f"d{k}", outputs, inputs)
        net.add("Relu")
    return head(net, 8, [1, 2])


def rows_of_tokens(turned=False, **options):
    """The positions of all samples are rows of one matrix, as exporters write Gemm on a sequence."""
    net = Net([7, 6], **options)
    if turned:
        net.add("Transpose", perm=[1, 0, 2])
    net.add("Reshape", net.fixed("rows", [-1, 6]))
    net.gemm("d0", 8, 6)
    net.add("Relu")
    net.gemm("d1", 8, 8)
    net.add("Relu")
    net.add("Reshape", net.fixed("sequences", [7, -1, 8] if turned else [-1, 7, 8]))
    return head(net, 8, [0 if turned else 1])


def sequence_first(length=7, **options):
    net = Net([length, 6], **options)
    net.add("Transpose", perm=[1, 0, 2])
    net.matmul("d0", 8, 6)
    net.add("Relu")
    net.matmul("d1", 8, 8)
    net.add("Relu")
    return head(net, 8, [0])


def without_batch():
    """A table that the network computes from parameters alone, as relative positions do, and a vector."""
    net = Net([6])
    net.gemm("d0", 8, 6)
    net.add("Relu")
    x = net.gemm("d1", 8, 8)
    net.add("Relu", at=net.parameter("table.w", 3, 6))
    net.gemm("t0", 8, 6)
    net.add("Relu")
    net.gemm("t1", 8, 8)
    net.add("ReduceMean", axes=[0], keepdims=0)
    net.matmul("t2", 8, 8)
    net.add("Add", x)
    net.add("Relu")
    net.gemm("head", 5, 8)
    return net


def norms_alone():
    net = Net([4, 6, 6])
    net.norm("input", 4)
    net.conv("c0", 8, 4, 3, 3, pads=[1, 1, 1, 1])
    net.add("Relu")
    net.norm("n0", 8)
    net.conv("c1", 8, 8, 3, 3)
    net.norm("n1", 8)
    net.add("Relu")
    net.add("ReduceMean", axes=[2, 3], keepdims=0)
    net.norm("n2", 8)
    net.gemm("d0", 8, 8)
    net.norm("n3", 8)
    net.add("Relu")
    net.gemm("head", 5, 8)
    return net


def norms_by_place():
    """BatchNormalization of opset 7 with statistics for every position."""
    net = Net([3, 5, 5], opset=7)
    net.conv("c0", 4, 3, 3, 3)
    net.norm("n0", 4, 3, 3, spatial=0)
    net.add("Relu")
    net.conv("c1", 6, 4, 3, 3)
    net.add("Relu")
    return head(net, 6, [2, 3])


def shared_norms():
    """Two layers with one BatchNormalization's parameters, and one weight with two."""
    net = Net([6])
    net.gemm("d0", 8, 6)
    parts = ["n.scale", "n.shift", "n.mean", "n.var"]
    net.norm("n", 8)
    net.add("Relu")
    net.gemm("d1", 8, 8)
    net.add("BatchNormalization", *parts)
    net.add("Relu")
    for k in range(2):
        net.add("Gemm", net.parameter("tied.w", 8, 8), net.parameter("tied.b", 8), transB=1)
        net.norm(f"n{k}", 8)
        net.add("Relu")
    net.gemm("head", 5, 8)
    return net


def tokens():
    net = Net([7], tokens=11)
    net.nodes.append(helper.make_node("Gather", [net.parameter("table.w", 11, 6), "x"], ["embedded"], name="embed"))
    net.at = "embedded"
    net.matmul("d0", 8, 6)
    net.add("Relu")
    net.matmul("d1", 8, 8)
    net.add("Relu")
    return head(net, 8, [1])


CASES = {
    "conv_groups": conv_groups, "conv_lines": conv_lines, "conv_volumes": conv_volumes,
    "dense_on_sequences": dense_on_sequences, "dense_on_grids": dense_on_grids,
    "double": lambda: dense_on_sequences(kind=np.float64),
    "few_samples": lambda: dense_on_sequences(samples=9),
    "literal_batch": lambda: dense_on_sequences(samples=22, batch=4),
    "rows_of_tokens": lambda: rows_of_tokens(samples=64), "rows_of_steps": lambda: rows_of_tokens(True, samples=16),
    "sequence_first": lambda: sequence_first(samples=64), "sequence_first_long": lambda: sequence_first(64, samples=16),
    "without_batch": without_batch,
    "norms_alone": norms_alone, "norms_by_place": norms_by_place, "shared_norms": shared_norms, "tokens": tokens,
}  # fmt: skip


# ---- values ------------------------------------------------------------------------------------


def values_of(path, x):
    """name -> the float arrays of all parts that the file's batch allows."""
    model = onnx.load(path)
    known = {v.name for v in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=n.output[0]) for n in model.graph.node if n.output[0] not in known)
    session = ort_run.session_of(model.SerializeToString())
    (value,) = session.get_inputs()
    names = [v.name for v in session.get_outputs()]
    size = value.shape[0] if isinstance(value.shape[0], int) else len(x)
    kind = ort_run.TYPES[value.type]
    out = {"x": []} | {name: [] for name in names}
    for start in range(0, len(x), size):
        part = x[start : start + size].astype(kind)
        padded = np.concatenate([part, part[:1].repeat(size - len(part), axis=0)]) if len(part) < size else part
        out["x"].append(part)
        for name, array in zip(names, session.run(names, {value.name: padded})):
            out[name].append(array[: len(part)] if array.shape[:1] == (size,) else array)
    return out


class Side:
    """A model's parameters and its values on the data."""

    def __init__(self, path, x):
        self.graph = onnx.load(path).graph
        self.params = {t.name: numpy_helper.to_array(t).astype(np.float64) for t in self.graph.initializer}
        self.values = {n: [p.astype(np.float64) for p in parts] for n, parts in values_of(path, x).items()}

    def get(self, name):
        return self.values.get(name) or [self.params[name]]


def units(parts, axis, shape=1):
    """[units, rows]; `shape` axes from `axis` on are the units."""
    rows = [np.moveaxis(p, range(axis, axis + shape) if axis >= 0 else axis, range(shape)) for p in parts]
    return np.concatenate([r.reshape(np.prod(r.shape[:shape], dtype=int), -1) for r in rows], axis=1)


def windows(x, node, kernel):
    """[N, channels * taps, positions]"""
    a = {t.name: helper.get_attribute_value(t) for t in node.attribute}
    rank = len(kernel)
    pads, strides, dilations = a.get("pads", [0] * 2 * rank), a.get("strides", [1] * rank), a.get("dilations", [1] * rank)
    x = np.pad(x, [(0, 0), (0, 0), *zip(pads[:rank], pads[rank:])])
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilations)]
    view = np.lib.stride_tricks.sliding_window_view(x, spans, axis=tuple(range(2, 2 + rank)))
    view = view[(slice(None), slice(None), *(slice(None, None, s) for s in strides),
                 *(slice(None, None, d) for d in dilations))]  # fmt: skip
    order = (0, 1, *range(2 + rank, 2 + 2 * rank), *range(2, 2 + rank))
    return view.transpose(order).reshape(len(x), x.shape[1] * int(np.prod(kernel)), -1)


class Layer:
    """Where a linear layer's weight, bias, inputs and outputs are; w is [units, columns of a group]."""

    def __init__(self, graph, node):
        self.node, self.conv = node, node.op_type == "Conv"
        after = [n for n in graph.node if node.output[0] in n.input]
        added = node.op_type == "MatMul" and after[0].op_type == "Add" and after[0].input[1].endswith(".b")
        self.weight, self.out = node.input[1], (after[0] if added else node).output[0]
        self.bias = after[0].input[1] if added else node.input[2] if len(node.input) > 2 else None
        self.groups = next((a.i for a in node.attribute if a.name == "group"), 1)
        behind = [n for n in graph.node if self.out in n.input]
        norm = len(behind) == 1 and behind[0].op_type == "BatchNormalization"
        self.norm = behind[0] if norm else None

    def matrix(self, side):
        w = side.params[self.weight]
        return w.T if self.node.op_type == "MatMul" else w.reshape(len(w), -1)

    def outputs(self, side):
        return units(side.get(self.out), 1 if self.conv else -1)

    def inputs(self, side):
        """[groups, columns, rows]"""
        parts = side.get(self.node.input[0])
        if self.conv:
            kernel = side.params[self.weight].shape[2:]
            parts = [windows(p, self.node, kernel) for p in parts]
        x = units(parts, 1 if self.conv else -1)
        return x.reshape(self.groups, -1, x.shape[1])


def affine(side, norm):
    """factor and offset per unit of a BatchNormalization, as columns"""
    scale, shift, mean, variance = (side.params[n].reshape(-1, 1) for n in norm.input[1:5])
    factor = scale / np.sqrt(variance + 1e-5)
    return factor, shift - mean * factor


def norm_rows(side, norm):
    return units(side.get(norm.input[0]), 1, side.params[norm.input[1]].ndim)


# ---- what must hold ----------------------------------------------------------------------------


def close(got, want, scale, what):
    off = np.abs(got - want).max() / max(np.abs(scale).max(), 1e-30)
    assert off <= TOLERANCE, f"{what}: off by {off:.2e}"


def mean_of(ends, function):
    return ALPHA * function(ends[0]) + (1 - ALPHA) * function(ends[1])


def check_statistics(layers, norms, ends, merged):
    for layer in layers[:-1]:
        if layer.norm is not None and layer.norm in norms:
            continue
        z, goal = layer.outputs(merged), [mean_of(ends, lambda s: f(layer.outputs(s))) for f in (_mean, _deviation)]
        close(z.std(axis=1), goal[1], goal[1], f"deviation of {layer.weight}")
        if layer.bias:
            close(z.mean(axis=1), goal[0], goal[1], f"mean of {layer.weight}")
    for norm in norms:
        z = norm_rows(merged, norm)
        mean, variance = (merged.params[n].reshape(-1) for n in norm.input[3:5])
        close(mean, z.mean(axis=1), z.std(axis=1), f"running mean {norm.input[3]}")
        close(variance, z.var(axis=1, ddof=1), variance, f"running variance {norm.input[4]}")


def _mean(z):
    return z.mean(axis=1)


def _deviation(z):
    return z.std(axis=1)


def check_fit(layer, folded, ends, merged, same_input):
    """The normal equations of one layer, with the normalisation behind it as one."""
    factors = {s: affine(s, layer.norm) if folded else (1.0, 0.0) for s in (*ends, merged)}
    y = mean_of(ends, lambda s: factors[s][0] * layer.outputs(s) + factors[s][1])
    got = factors[merged][0] * layer.outputs(merged) + factors[merged][1]
    prior = mean_of(ends, lambda s: factors[s][0] * layer.matrix(s))
    w, centred = factors[merged][0] * layer.matrix(merged), folded or layer.bias
    if centred:
        close(got.mean(axis=1), y.mean(axis=1), y, f"mean of {layer.weight}")
    each = len(w) // layer.groups
    for g, x in enumerate(layer.inputs(merged)):
        own = slice(g * each, (g + 1) * each)
        if same_input:
            close(w[own], prior[own], prior, f"{layer.weight} is not the average")
            continue
        x = x - x.mean(axis=1, keepdims=True) if centred else x
        rest = (y - got)[own] @ x.T / x.shape[1]
        if centred:
            rest = (y - got - (y - got).mean(axis=1, keepdims=True))[own] @ x.T / x.shape[1]
        s = (x**2).sum(axis=0).mean() / len(x)
        close(rest, RIDGE * s * (w - prior)[own], s * np.abs(prior).max(), f"fit of {layer.weight}, group {g}")


def check_norm_fit(norm, ends, merged):
    """A normalisation by itself: each unit is a layer of one input."""
    x, (factor, offset) = norm_rows(merged, norm), affine(merged, norm)
    y = sum(share * (affine(s, norm)[0] * norm_rows(s, norm) + affine(s, norm)[1])
            for share, s in zip((ALPHA, 1 - ALPHA), ends))
    close((factor * x + offset).mean(axis=1), y.mean(axis=1), y, f"mean of {norm.input[1]}")


def graph_of(side):
    """Linear layers whose parameters are theirs alone, and normalisations likewise."""
    uses = [name for n in side.graph.node for name in n.input]
    alone = lambda node: all(uses.count(n) == 1 for n in node.input[1:] if n in side.params)  # noqa: E731
    linear = [n for n in side.graph.node if n.op_type in ("Conv", "Gemm", "MatMul") and alone(n)]
    norms = [n for n in side.graph.node if n.op_type == "BatchNormalization" and alone(n)]
    layers = [Layer(side.graph, n) for n in linear]
    return [layer for layer in layers if layer.outputs(side).shape[1] > 1], norms  # a vector has no statistics


# ---- running -----------------------------------------------------------------------------------


def weld(tool, work, *options):
    command = [tool, "weld", work / "a.onnx", work / "b.onnx", "-o", work / "m.onnx", "-q", "-f", "--match", "none",
               "--match-data", work / "data.npy", "--alpha", ALPHA, *options]
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert run.returncode == 0, f"exit {run.returncode}: {run.stderr[-2000:]}"


def check_skipped(tool, norms, ends, work):
    """A normalisation that is to stay A's is not fitted with the layer before it, either."""
    for norm in norms:
        weld(tool, work, "--method", "features", "--skip", norm.input[1].replace("scale", ""))
        written = {t.name: numpy_helper.to_array(t) for t in onnx.load(work / "m.onnx").graph.initializer}
        for name in norm.input[1:5]:
            assert np.array_equal(written[name], ends[0].params[name].astype(written[name].dtype)), f"{name} was to stay"


def check(tool, case, work):
    net, rng = CASES[case](), np.random.default_rng(3)
    x = net.data(rng)
    np.save(work / "data.npy", x)
    for side in "ab":
        onnx.save(net.model(net.values(rng)), work / f"{side}.onnx")
    ends = [Side(work / f"{side}.onnx", x) for side in "ab"]
    layers, norms = graph_of(ends[0])
    weld(tool, work, "--stats", "repair")
    check_statistics(layers, norms, ends, Side(work / "m.onnx", x))
    weld(tool, work, "--method", "features", "--ridge", RIDGE)
    merged = Side(work / "m.onnx", x)
    fitted = set()
    for layer in layers:
        folded = layer.norm in norms and merged.params[layer.norm.input[1]].ndim == 1
        fitted |= {layer.norm.name} if folded else set()
        check_fit(layer, folded, ends, merged, layer.node.input[0] == "x")
    for norm in norms:
        if norm.name not in fitted:
            check_norm_fit(norm, ends, merged)
    check_skipped(tool, norms, ends, work)
    for statistic in ("rescale", "closed-form", "bias", "auto"):
        weld(tool, work, "--stats", statistic)
        values = Side(work / "m.onnx", x).values
        assert all(np.isfinite(p).all() for parts in values.values() for p in parts), f"{statistic}: not finite"


def main():
    tool, failures = sys.argv[1], 0
    named = [case for case in sys.argv[2:] if case in CASES]
    for case in named or CASES:
        with tempfile.TemporaryDirectory() as work:
            try:
                check(tool, case, pathlib.Path(work))
                print(f"{case}: ok")
            except AssertionError as why:
                failures += 1
                print(f"FAIL {case}: {why}")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
