"""A stores one tensor for layers that B has apart: merged, each layer gets its own.

    tools/python.sh tests/oracle/shared.py ONNXWELD ROOT

A's biases (or the vectors of its BatchNormalizations) happen to be equal, and exporters store equal
tensors once, in several ways. For each of them:
  merged   weld shared(A) B computes what weld apart(A) B does, in onnxruntime
  stored   the file holds just as many tensors as its layers need, and A's under their names
  perm     the permutation found with one file of A applies to the other
  same     weld shared(A) apart(A): nothing differs, so nothing is written apart
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, external_data_helper, helper, numpy_helper

UNITS, LAYERS = 16, 3
OPTIONS = ["-q", "-f", "-j", "1"]
TOLERANCE = 1e-6


def tensor(name, value, kind=np.float32):
    return numpy_helper.from_array(np.asarray(value, kind), name)


def weights(seed, equal):
    """name -> array of an MLP with BatchNormalization; `equal`: all layers have the same vectors,
    and the square ones the same matrix."""
    rng = np.random.default_rng(seed)
    out = {}
    for k in range(LAYERS):
        out[f"w{k}"] = rng.standard_normal((UNITS, 12 if k == 0 else UNITS)) / 4
        for name in ("b", "scale", "shift", "mean", "var"):
            out[f"{name}{k}"] = rng.standard_normal(UNITS) * 0.3 if name in "b shift mean" else rng.uniform(0.5, 2, UNITS)
            if equal and k > 0:
                out[f"{name}{k}"] = out[f"{name}0"]
        if equal and k > 1:
            out[f"w{k}"] = out["w1"]
    return out | {"w_out": rng.standard_normal((5, UNITS)), "b_out": rng.standard_normal(5)}


def network(values, norm):
    """Dense, [BatchNormalization], Relu; every tensor stored once for each use."""
    nodes, x = [], "x"
    for k in range(LAYERS):
        nodes.append(helper.make_node("Gemm", [x, f"w{k}", f"b{k}"], [f"h{k}"], transB=1))
        x = f"h{k}"
        if norm:
            names = [f"{n}{k}" for n in ("scale", "shift", "mean", "var")]
            nodes.append(helper.make_node("BatchNormalization", [x, *names], [f"n{k}"]))
            x = f"n{k}"
        nodes.append(helper.make_node("Relu", [x], [f"r{k}"]))
        x = f"r{k}"
    nodes.append(helper.make_node("Gemm", [x, "w_out", "b_out"], ["y"], transB=1))
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        nodes, "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 12])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 5])],
        [tensor(name, value) for name, value in values.items() if name in used])
    return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 15)])


def drop(model, names):
    kept = [t for t in model.graph.initializer if t.name not in names]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def join(model, groups, through_identity=False):
    """The tensors of each group become the first of it."""
    for first, *others in groups:
        drop(model, others)
        if through_identity:
            for k, name in enumerate(others):
                model.graph.node.insert(k, helper.make_node("Identity", [first], [name]))
            continue
        for node in model.graph.node:
            for k, name in enumerate(node.input):
                if name in others:
                    node.input[k] = first


def biases(layers=range(LAYERS)):
    return [[f"b{k}" for k in layers]]


# ---- how A is stored: each changes a model whose layers have equal vectors ----------------------


def direct(model):
    join(model, biases())


def identity(model):
    join(model, biases(), through_identity=True)


def constant(model):
    join(model, biases())
    value = next(t for t in model.graph.initializer if t.name == "b0")
    model.graph.node.insert(0, helper.make_node("Constant", [], ["b0"], value=value))
    drop(model, ["b0"])


def inputs(model):
    """IR version 3: every initializer is an input."""
    join(model, biases())
    model.ir_version = 3
    for t in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(t.name, t.data_type, t.dims))


def function(model):
    """The layers are calls of one function."""
    join(model, biases())
    body = [helper.make_node("Gemm", ["a", "b", "c"], ["d"], transB=1)]
    model.functions.append(helper.make_function("local", "Layer", ["a", "b", "c"], ["d"], body,
                                                [helper.make_opsetid("", 15)]))
    model.opset_import.append(helper.make_opsetid("local", 1))
    for node in model.graph.node:
        if node.op_type == "Gemm":
            node.CopyFrom(helper.make_node("Layer", node.input, node.output, domain="local"))


def packed(model):
    """float_data instead of raw_data"""
    join(model, biases())
    for t in model.graph.initializer:
        values = numpy_helper.to_array(t)
        t.CopyFrom(helper.make_tensor(t.name, t.data_type, t.dims, values.ravel()))


def external(model):
    join(model, biases())
    external_data_helper.convert_model_to_external_data(model, location="shared.data", size_threshold=0)


def turned(model):
    """Exported without folding: the stored matrix is transposed once for each layer."""
    join(model, biases() + [["w1", "w2"]])
    for k in (1, 2):
        gemm = next(node for node in model.graph.node if f"h{k}" in node.output)
        model.graph.node.insert(k, helper.make_node("Transpose", ["w1"], [f"t{k}"], perm=[1, 0]))
        gemm.CopyFrom(helper.make_node("Gemm", [gemm.input[0], f"t{k}", gemm.input[2]], gemm.output))


def norms(model):
    join(model, [[f"{n}{k}" for k in range(LAYERS)] for n in ("scale", "shift", "mean", "var")])


def some(model):
    join(model, biases([0, 1]) + biases([2]))


# way, has BatchNormalization, B's changes, tensors that the merged file has more than shared(A)
CASES = [
    (direct, False, None, 2),
    (identity, False, None, 2),
    (constant, False, None, 3),  # the Constant stays one
    (inputs, False, None, 2),
    (function, False, None, 2),
    (packed, False, None, 2),
    (external, False, None, 2),
    (turned, False, None, 3),
    (some, False, None, 1),
    (direct, False, lambda b: join(b, biases([1, 2])), 1),  # tied in B: stays tied
    (direct, False, lambda b: join(b, biases([0, 2])), 1),
    (direct, False, lambda b: join(b, biases()), 0),
    (norms, True, None, 8),
    (norms, True, "folded", 2),  # only the shifts take up the fold
]


def fold(values):
    out = {}
    for k in range(LAYERS):
        factor = values[f"scale{k}"] / np.sqrt(values[f"var{k}"] + 1e-5)
        out[f"w{k}"] = values[f"w{k}"] * factor[:, None]
        out[f"b{k}"] = values[f"shift{k}"] + (values[f"b{k}"] - values[f"mean{k}"]) * factor
    return out | {"w_out": values["w_out"], "b_out": values["b_out"]}


def outputs(path):
    x = np.random.default_rng(7).standard_normal((32, 12)).astype(np.float32)
    onnx.checker.check_model(str(path), full_check=True)
    return onnxruntime.InferenceSession(str(path)).run(None, {"x": x})[0]


def tensors(path):
    graph = onnx.load(path).graph
    return {t.name: numpy_helper.to_array(t) for t in graph.initializer}


class Runner:
    def __init__(self, binary, folder):
        self.binary, self.folder, self.failed, self.count = binary, folder, [], 0

    def weld(self, a, b, out, *more):
        done = subprocess.run([self.binary, "weld", a, b, "-o", out, *OPTIONS, *more],
                              cwd=self.folder, capture_output=True, text=True)
        return done.returncode == 0 or print(done.stderr)

    def check(self, name, passed):
        self.count += 1
        if not passed:
            self.failed.append(name)
            print("FAILED", name)

    def case(self, number, way, norm, change, more):
        name = f"{number} {way.__name__}"
        values = weights(number, True)
        apart, b = network(values, norm), network(weights(100 + number, False), norm)
        shared = onnx.ModelProto()
        shared.CopyFrom(apart)
        way(shared)
        if change == "folded":
            b = network(fold(weights(100 + number, False)), False)
        elif change:
            change(b)
        for model, file in ((apart, "apart.onnx"), (b, "b.onnx"), (shared, "shared.onnx")):
            onnx.save(model, self.folder / file)
        ran = (self.weld("apart.onnx", "b.onnx", "want.onnx", "--save-perm", "apart.json")
               and self.weld("shared.onnx", "b.onnx", "got.onnx", "--save-perm", "shared.json"))
        self.check(f"{name}: runs", ran)
        if not ran:
            return
        tied = change and change != "folded"
        want, got = outputs(self.folder / "want.onnx"), outputs(self.folder / "got.onnx")
        if not tied:  # else the file that stores A apart is merged apart: other classes
            self.check(f"{name}: merged", np.abs(want - got).max() <= TOLERANCE * np.abs(want).max())
            self.check(f"{name}: perm",
                       self.weld("shared.onnx", "b.onnx", "p.onnx", "--match", "apart.json")
                       and self.weld("apart.onnx", "b.onnx", "p.onnx", "--match", "shared.json"))
        before, after = tensors(self.folder / "shared.onnx"), tensors(self.folder / "got.onnx")
        self.check(f"{name}: stored", len(after) == len(before) + more - (way is constant)
                   and set(before) <= set(after))
        self.check(f"{name}: same", self.weld("shared.onnx", "apart.onnx", "s.onnx")
                   and set(tensors(self.folder / "s.onnx")) == set(before))


def main():
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(folder))
        for number, (way, norm, change, more) in enumerate(CASES):
            runner.case(number, way, norm, change, more)
    print(f"{runner.count} checks, {len(runner.failed)} failed")
    return 1 if runner.failed else 0


if __name__ == "__main__":
    sys.exit(main())
