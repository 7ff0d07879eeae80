"""The same network in many forms of file: merged with each, it is the same function.

    tools/python.sh tests/oracle/forms.py ONNXWELD ROOT

Writes models/mlp and models/resnet with external data (beside the model, in a folder below), typed
fields, initializers as inputs, Constant nodes, another order and other names, weights behind Identity
and Transpose; older and newer opsets; MatMul and Add; weights in other float types behind a Cast.
Welds A with every form of B and the other way round, and compares the merged models with the merge
of the plain files in onnxruntime. Data outside the model's folder are refused.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import external_data_helper, helper, numpy_helper


def as_external(model, path, location):
    external_data_helper.convert_model_to_external_data(
        model, all_tensors_to_one_file=True, location=location, size_threshold=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    (path.parent / location).parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)


def as_typed(model, path):
    """float_data instead of raw_data."""
    for t in model.graph.initializer:
        if t.data_type == onnx.TensorProto.FLOAT:
            values = numpy_helper.to_array(t)
            t.CopyFrom(helper.make_tensor(t.name, t.data_type, t.dims, values.flatten().tolist()))
    onnx.save(model, path)


def as_inputs(model, path):
    """Initializers that are graph inputs as well, as IR 3 demands."""
    for t in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(t.name, t.data_type, t.dims))
    onnx.save(model, path)


def as_constants(model, path):
    """Constant nodes instead of initializers."""
    nodes = [helper.make_node("Constant", [], [t.name], value=t) for t in model.graph.initializer]
    rest = list(model.graph.node)
    del model.graph.node[:]
    del model.graph.initializer[:]
    model.graph.node.extend(nodes + rest)
    onnx.save(model, path)


def as_reversed(model, path):
    """Initializers and nodes in another order; other names everywhere."""
    tensors = list(model.graph.initializer)[::-1]
    del model.graph.initializer[:]
    model.graph.initializer.extend(tensors)
    renamed = {t.name: f"t{k}" for k, t in enumerate(model.graph.initializer)}
    for t in model.graph.initializer:
        t.name = renamed[t.name]
    for node in model.graph.node:
        node.name = ""
        node.input[:] = [renamed.get(name, name) for name in node.input]
    onnx.save(model, path)


def as_identity(model, path):
    """Weights behind Identity and double Transpose nodes."""
    nodes = []
    for t in model.graph.initializer:
        plain = t.name
        t.name = plain + ".stored"
        if len(t.dims) == 2:
            array = np.ascontiguousarray(numpy_helper.to_array(t).T)
            t.CopyFrom(numpy_helper.from_array(array, t.name))
            nodes.append(helper.make_node("Transpose", [t.name], [plain], perm=[1, 0]))
        else:
            nodes.append(helper.make_node("Identity", [t.name], [plain]))
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(nodes + rest)
    onnx.save(model, path)


def as_matmul(model, path):
    """MatMul and Add instead of Gemm."""
    nodes = []
    tensors = {t.name: t for t in model.graph.initializer}
    for node in model.graph.node:
        if node.op_type != "Gemm":
            nodes.append(node)
            continue
        weight = tensors[node.input[1]]
        if any(a.name == "transB" and a.i for a in node.attribute):
            array = np.ascontiguousarray(numpy_helper.to_array(weight).T)
            weight.CopyFrom(numpy_helper.from_array(array, weight.name))
        product = node.output[0] + ".product"
        nodes.append(helper.make_node("MatMul", [node.input[0], node.input[1]], [product]))
        nodes.append(helper.make_node("Add", [product, node.input[2]], [node.output[0]]))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path)


def as_cast(kind):
    """Weights stored in another float type, brought to float32 by Cast."""
    def write(model, path):
        nodes = []
        for t in model.graph.initializer:
            plain, values = t.name, numpy_helper.to_array(t)
            t.CopyFrom(helper.make_tensor(plain + ".stored", kind, values.shape, values.flatten()))
            nodes.append(helper.make_node("Cast", [t.name], [plain], to=onnx.TensorProto.FLOAT))
        rest = list(model.graph.node)
        del model.graph.node[:]
        model.graph.node.extend(nodes + rest)
        onnx.save(model, path)
    return write


def as_opset(version):
    """These networks hold no operator whose meaning changed between 9 and 21."""
    def write(model, path):
        model.opset_import[0].version = version
        onnx.checker.check_model(model)
        onnx.save(model, path)
    return write


# form -> writer
FORMS = {
    "external": lambda m, p: as_external(m, p, "external.onnx.data"),
    "subfolder": lambda m, p: as_external(m, p, "weights/of/b.bin"),
    "typed": as_typed, "inputs": as_inputs, "constants": as_constants, "reversed": as_reversed,
    "identity": as_identity, "matmul": as_matmul, "opset 9": as_opset(9), "opset 11": as_opset(11),
    "opset 18": as_opset(18), "opset 21": as_opset(21),
    "double": as_cast(onnx.TensorProto.DOUBLE), "float16": as_cast(onnx.TensorProto.FLOAT16),
    "bfloat16": as_cast(onnx.TensorProto.BFLOAT16),
}
NARROW = {"float16": onnx.TensorProto.FLOAT16, "bfloat16": onnx.TensorProto.BFLOAT16}


def rounded(path, form, out):
    """The plain model with weights that the narrow type can hold; the path itself for others."""
    if form not in NARROW:
        return path
    model = onnx.load(path)
    for t in model.graph.initializer:
        values = numpy_helper.to_array(t)
        narrow = helper.make_tensor("", NARROW[form], values.shape, values.flatten())
        t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(narrow).astype(np.float32), t.name))
    onnx.save(model, out)
    return out


def write_forms(plain, folder):
    folder.mkdir()
    paths = {name: folder / f"{name.replace(' ', '_')}.onnx" for name in FORMS}
    for name, write in FORMS.items():
        write(onnx.load(plain), paths[name])
    return paths


def outputs(path, x):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def weld(tool, a, b, out, *options):
    run = subprocess.run([tool, "weld", str(a), str(b), "-o", str(out), "-q", "-f", *options],
                         capture_output=True, text=True)
    return run.returncode, run.stderr


def expected(tool, a, b, name, side, work):
    """The merge of the plain files, rounded where the form rounds."""
    left = rounded(a, name, work / "left.onnx") if side else a
    right = b if side else rounded(b, name, work / "right.onnx")
    code, text = weld(tool, left, right, work / "plain.onnx")
    assert code == 0, text
    return rounded(work / "plain.onnx", name, work / "rounded.onnx") if side else work / "plain.onnx"


def check_pair(tool, a, b, shape, work):
    failures = 0
    x = np.random.default_rng(3).standard_normal(shape).astype(np.float32)
    forms_a, forms_b = write_forms(a, work / "a"), write_forms(b, work / "b")
    cases = [(name, "", a, form, []) for name, form in forms_b.items()]
    cases += [(name, "as A", form, b, []) for name, form in forms_a.items()]
    cases += [("external", "as A, inline", forms_a["external"], b, ["--external", "never"])]
    for name, side, left, right, options in cases:
        want = outputs(expected(tool, a, b, name, side, work), x)
        (work / "merged.onnx.data").unlink(missing_ok=True)
        code, text = weld(tool, left, right, work / "merged.onnx", *options)
        difference = float("nan")
        if code == 0:
            difference = float(np.abs(outputs(work / "merged.onnx", x) - want).max())
        ok = code == 0 and difference <= 1e-5 * max(1, np.abs(want).max())
        failures += not ok
        print(f"{'ok  ' if ok else 'FAIL'} {name} {side}: {difference:.1e} {text.strip()}")
    return failures


def check_unsafe(tool, plain, work):
    """Locations outside the model's folder, links, and short files are refused (exit 5)."""
    failures = 0
    folder = work / "unsafe"
    as_external(onnx.load(plain), folder / "m.onnx", "m.data")
    good = (folder / "m.onnx").read_bytes()
    (work / "xxdata").write_bytes((folder / "m.data").read_bytes())
    (folder / "l.data").symlink_to("m.data")
    for name, location in (("parent", b"../xxdata"), ("absolute", b"/x/data"), ("link", b"l.data"),
                           ("missing", b"n.data"), ("folder", b"f/../m.data")):
        model = onnx.load_from_string(good)
        for t in model.graph.initializer:
            t.external_data[0].value = location.decode()
        (folder / "bad.onnx").write_bytes(model.SerializeToString())
        code, text = weld(tool, folder / "bad.onnx", plain, work / "no.onnx")
        ok = code == 5 and text.count("\n") == 1 and not (work / "no.onnx").exists()
        failures += not ok
        print(f"{'ok  ' if ok else 'FAIL'} {name}: exit {code}: {text.strip()[-120:]}")
    (folder / "m.data").write_bytes((folder / "m.data").read_bytes()[:-1])
    code, text = weld(tool, folder / "m.onnx", plain, work / "no.onnx")
    print(f"{'ok  ' if code == 5 else 'FAIL'} short: exit {code}: {text.strip()[-120:]}")
    return failures + (code != 5)


def main():
    tool, models = sys.argv[1], pathlib.Path(sys.argv[2]) / "models"
    failures = 0
    for pair, shape in (("mlp", (4, 1, 16, 16)), ("resnet", (4, 3, 16, 16))):
        with tempfile.TemporaryDirectory() as work:
            failures += check_pair(tool, models / pair / "a.onnx", models / pair / "b.onnx", shape,
                                   pathlib.Path(work))
    with tempfile.TemporaryDirectory() as work:
        failures += check_unsafe(tool, models / "mlp/a.onnx", pathlib.Path(work))
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
