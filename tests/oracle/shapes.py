"""Types and shapes that `inspect --shapes` gives against those of onnxruntime's values:

    tools/python.sh tests/oracle/shapes.py ONNXWELD ROOT

Every model of models/, tests/graphs/ and ../shared/models runs in onnxruntime with the outputs of
all its nodes made graph outputs, for two sizes of each open dimension. Our numbers for these sizes
must be the same, and so must what we say of open sizes: a number holds for both, a name is the
size of that name. refused.txt lists the models that we don't read; models of opsets before 7, which
onnxruntime lacks operators of, are left out.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnx.helper as oh

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import models
import ort_run

FLOAT, INT64 = onnx.TensorProto.FLOAT, onnx.TensorProto.INT64
NAMES = {"float32": "float", "float64": "double"}  # numpy's name -> ONNX's
FIRST_OPSET = 7  # the first that onnxruntime has all operators of


def opset_of(path):
    """Of ai.onnx; a file that names none is of the first."""
    imports = onnx.load(path, load_external_data=False).opset_import
    return next((o.version for o in imports if o.domain in ("", "ai.onnx")), 1)


def open_sizes(path):
    """{name that --sizes takes: (value of the first trial, of the second)}; the batch is first."""
    graph = onnx.load(path, load_external_data=False).graph
    weights = {t.name for t in graph.initializer}
    sizes = {}
    for value in (v for v in graph.input if v.name not in weights):
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.dim_value <= 0:
                sizes.setdefault(dim.dim_param or f"{value.name}:{axis}", (8, 11) if sizes else (2, 3))
    return sizes


def inputs_of(session, path, sizes):
    rng, rows, inputs = np.random.default_rng(7), models.table_rows(path), {}
    for value in session.get_inputs():
        shape = [d if isinstance(d, int) else sizes[d or f"{value.name}:{axis}"]
                 for axis, d in enumerate(value.shape)]
        kind = np.dtype(ort_run.TYPES[value.type])
        inputs[value.name] = (rng.standard_normal(shape).astype(kind) if kind.kind == "f" else
                              rng.integers(0, rows.get(value.name, 2), shape).astype(kind))
    return inputs


def needed(graph):
    """The nodes that an output of the graph needs."""
    wanted, nodes = {v.name for v in graph.output}, []
    for node in reversed(graph.node):
        if wanted & set(node.output):
            wanted |= set(node.input)
            nodes.append(node)
    return nodes


def theirs(path, sizes):
    """{value: (type, shape)} of all that nodes make."""
    model = onnx.load(path)
    names = [name for node in needed(model.graph) for name in node.output if name]
    known = {v.name for v in model.graph.output}
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in known)
    session = ort_run.session_of(model.SerializeToString())
    inputs = inputs_of(session, path, sizes)
    results = dict(zip(names, session.run(names, inputs))) | inputs
    return {name: (NAMES.get(str(y.dtype), str(y.dtype)), list(y.shape)) for name, y in results.items()}


def ours(tool, path, *options):
    """{value: (type, dimensions as text)}, or the message of a refusal."""
    run = subprocess.run([tool, "inspect", path, "--shapes", "--json", *options],
                         capture_output=True, text=True)
    if run.returncode == 4:
        return run.stderr.strip()
    if run.returncode:
        raise SystemExit(f"{path}: exit {run.returncode}: {run.stderr}")
    values = json.loads(run.stdout)["shapes"]["values"]
    return {v["name"]: (v["dtype"], [d for d in v["dims"][1:-1].split(", ") if d]) for v in values}


def agrees(dims, shape, sizes):
    """Numbers and names as they are; "?" may be anything."""
    return len(dims) == len(shape) and all(
        d == "?" or (int(d) if d.isdigit() else sizes.get(d)) == n for d, n in zip(dims, shape))


def differences(mine, want, sizes, constants):
    for name, (dtype, shape) in want.items():
        if name not in mine:
            # A Constant that only gives an operator its bounds is kept under the operator's name.
            if name not in constants:
                yield f"'{name}' is missing"
        elif mine[name][0] != dtype or not agrees(mine[name][1], shape, sizes):
            yield f"'{name}' is {mine[name]}, onnxruntime has {dtype} {shape}"


def check(tool, path):
    """(number of values compared, what differs)."""
    sizes, bad, count = open_sizes(path), [], 0
    constants = {n.output[0] for n in onnx.load(path, load_external_data=False).graph.node
                 if n.op_type == "Constant"}
    general = ours(tool, path)
    if isinstance(general, str):
        return 0, [general]
    for trial in range(2 if sizes else 1):
        chosen = {name: pair[trial] for name, pair in sizes.items()}
        options = ["--sizes", ",".join(f"{n}={size}" for n, size in chosen.items())] if chosen else []
        if chosen and trial == 0:  # the batch by its own option
            rest = ",".join(f"{n}={size}" for n, size in list(chosen.items())[1:])
            options = ["--batch", str(next(iter(chosen.values()))), *(["--sizes", rest] if rest else [])]
        want = theirs(path, chosen)
        exact = ours(tool, path, *options)
        bad += [f"{b} ({chosen})" for b in differences(exact, want, {}, constants)]
        bad += [f"'{n}' is {t} though all sizes are given" for n, t in exact.items() if "?" in t[1]]
        bad += [f"{b} (open sizes)" for b in differences(general, want, chosen, constants)]
        count += len(want)
    return count, bad


def symbols_model(path):
    """Two named sizes and two without a name; what follows one of them has its name."""
    made = [oh.make_node("Concat", ["a", "b"], ["joined"], axis=1),
            oh.make_node("Flatten", ["a"], ["flat"]),
            oh.make_node("Shape", ["b"], ["shape"]),
            oh.make_node("ConstantOfShape", ["shape"], ["zeros"]),
            oh.make_node("Add", ["zeros", "b"], ["sum"]),
            oh.make_node("Transpose", ["c"], ["turned"], perm=[1, 0])]
    inputs = [oh.make_tensor_value_info("a", FLOAT, ["N", "S", 4]),
              oh.make_tensor_value_info("b", FLOAT, ["N", "T", 4]),
              oh.make_tensor_value_info("c", FLOAT, [None, None])]
    outputs = [oh.make_empty_tensor_value_info(n) for n in ("joined", "flat", "sum", "turned")]
    graph = oh.make_graph(made, "symbols", inputs, outputs)
    onnx.save(oh.make_model(graph, opset_imports=[oh.make_opsetid("", 13)], ir_version=8), path)
    return {"a": ["N", "S", "4"], "b": ["N", "T", "4"], "c": ["?", "?"], "joined": ["N", "?", "4"],
            "flat": ["N", "?"], "shape": ["3"], "zeros": ["N", "T", "4"], "sum": ["N", "T", "4"],
            "turned": ["?", "?"]}


def fixed_model(path):
    """An open size that only one number fits: the report says so."""
    weight = oh.make_tensor("W", FLOAT, [8, 2], [0.5] * 16)
    graph = oh.make_graph([oh.make_node("MatMul", ["x", "W"], ["y"])], "fixed",
                          [oh.make_tensor_value_info("x", FLOAT, ["N", "features"])],
                          [oh.make_empty_tensor_value_info("y")], [weight])
    onnx.save(oh.make_model(graph, opset_imports=[oh.make_opsetid("", 13)], ir_version=8), path)


def check_symbols(tool, folder):
    path = folder / "symbols.onnx"
    want = symbols_model(path)
    got = {name: dims for name, (_, dims) in ours(tool, str(path)).items()}
    bad = [f"'{n}' is {got.get(n)}, expected {dims}" for n, dims in want.items() if got.get(n) != dims]
    if ours(tool, str(path), "--sizes", "S=5,c:1=6")["turned"][1] != ["6", "?"]:
        bad.append("c:1=6 is not taken")
    fixed_model(folder / "fixed.onnx")
    run = subprocess.run([tool, "inspect", folder / "fixed.onnx", "--shapes", "--json"], capture_output=True)
    if json.loads(run.stdout)["shapes"]["notes"] == []:
        bad.append("nothing is said of a size that could not be varied")
    count, more = check(tool, str(path))
    return count, bad + more


def not_compared(path, refused):
    """Why; None = it is."""
    if opset_of(path) < FIRST_OPSET:
        return "of an early opset"
    if path.name in refused:
        return "refused"
    nodes = onnx.load(path, load_external_data=False).graph.node
    if any(a.name == "layout" and a.i for n in nodes for a in n.attribute):
        return "onnxruntime has no recurrent operators with samples first"
    return None


def main():
    tool, root = sys.argv[1], pathlib.Path(sys.argv[2])
    refused = models.read_refused(root / "tests/oracle/refused.txt")
    folders = [root / "models", root / "tests/graphs", root.parent / "shared/models"]
    if not folders[2].is_dir():
        print("skipped: no shared corpus")
    paths = sorted(p for folder in folders for p in folder.rglob("*.onnx"))
    with tempfile.TemporaryDirectory() as work:
        total, bad = check_symbols(tool, pathlib.Path(work))
    print(*bad or ["ok   open sizes"], sep="\n")
    read = 0
    for path in paths:
        why = not_compared(path, refused)
        if why:
            print(f"     {path.name}: not compared, {why}")
            continue
        count, found = check(tool, str(path))
        bad += found
        total, read = total + count, read + 1
        name = "/".join(path.parts[-2:])
        print(f"{'FAIL' if found else 'ok  '} {name}: {count} values", *found[:5], sep="\n     ")
    print(f"{total} values of {read} models as in onnxruntime, {len(bad)} differ")
    return bool(bad)


if __name__ == "__main__":
    sys.exit(main())
