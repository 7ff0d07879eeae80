"""Our outputs against onnxruntime's, on random input, for every model of the given folders:

    tools/python.sh tests/oracle/models.py ONNXWELD FOLDER... [--refused NAMES.txt]

A model passes when max |ours - theirs| <= 1e-4 * max(1, max |theirs|) for every output, or when it
is refused (exit 4) and NAMES.txt lists it with a word that the message must hold. Integer inputs are
drawn within the tables that they index.
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import ort_run


def table_rows(path):
    """For each integer input, the least number of rows of the tables that it indexes directly."""
    graph = onnx.load(path, load_external_data=False).graph
    sizes = {t.name: t.dims[0] for t in graph.initializer if t.dims}
    rows = {}
    for node in graph.node:
        if node.op_type == "Gather" and node.input[0] in sizes:
            name = node.input[1]
            rows[name] = min(rows.get(name, 1 << 30), sizes[node.input[0]])
    return rows


def random_inputs(session, path):
    rng = np.random.default_rng(5)
    rows = table_rows(path)
    inputs = {}
    for value in session.get_inputs():
        shape = [d if isinstance(d, int) else 2 for d in value.shape]
        kind = np.dtype(ort_run.TYPES[value.type])
        if kind.kind == "f":
            inputs[value.name] = rng.standard_normal(shape).astype(kind)
        else:
            inputs[value.name] = rng.integers(0, rows.get(value.name, 2), shape).astype(kind)
    return inputs


# onnxruntime does not read models of opset 1; this one is there in opset 10 too, with the same weights.
TWINS = {"super_resolution.onnx": "../../conformance/real-models/super_resolution_10/model.onnx"}


def theirs(path):
    twin = path.parent / TWINS[path.name] if path.name in TWINS else path
    session = ort_run.session_of(str(twin))
    inputs = random_inputs(session, str(twin))
    results = session.run(None, inputs)
    graph = onnx.load(path, load_external_data=False).graph
    weights = {t.name for t in graph.initializer}
    names = [v.name for v in graph.input if v.name not in weights]
    return dict(zip(names, inputs.values())), dict(zip([v.name for v in graph.output], results))


def compare(ours, want):
    worst = 0.0
    for name, y in want.items():
        if name not in ours:
            return f"no output '{name}'"
        x = ours[name]
        if x.shape != y.shape:
            return f"'{name}' has shape {x.shape}, expected {y.shape}"
        scale = max(1.0, float(np.abs(y).max(initial=0)))
        difference = float(np.abs(x.astype(np.float64) - y.astype(np.float64)).max(initial=0)) / scale
        if not difference <= 1e-4:
            return f"'{name}' differs by {difference:.3g} of its scale"
        worst = max(worst, difference)
    return worst


def check(tool, path, refused, work):
    out = work / "out.npz"
    out.unlink(missing_ok=True)
    expected = refused.get(path.name)
    try:
        inputs, want = theirs(path)
    except Exception as error:  # onnxruntime has a dozen classes of them
        inputs, want = {"none": np.zeros(1, np.float32)}, None
        if not expected:
            return f"onnxruntime can't run it: {error}"
    np.savez(work / "in.npz", **inputs)
    run = subprocess.run([tool, "run", str(path), "--data", str(work / "in.npz"), "-o", str(out), "-q"],
                         capture_output=True, text=True)
    if expected:
        if run.returncode == 4 and expected in run.stderr:
            return "refused: " + run.stderr.strip()[-160:]
        return f"should be refused with '{expected}', exit {run.returncode}: {run.stderr}"
    if run.returncode:
        return f"exit {run.returncode}: {run.stderr.strip()}"
    with np.load(out) as archive:
        return compare(dict(archive), want)


def read_refused(path):
    if not path:
        return {}
    lines = [line.split("#")[0].strip() for line in pathlib.Path(path).read_text().splitlines()]
    return dict(line.split(None, 1) for line in lines if line)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tool")
    parser.add_argument("folders", nargs="+")
    parser.add_argument("--refused")
    options = parser.parse_args()
    refused, bad, good = read_refused(options.refused), 0, 0
    with tempfile.TemporaryDirectory() as work:
        for path in sorted(p for f in options.folders for p in pathlib.Path(f).rglob("*.onnx")):
            result = check(options.tool, path, refused, pathlib.Path(work))
            failed = isinstance(result, str) and not result.startswith("refused")
            bad, good = bad + failed, good + (not failed)
            text = result if isinstance(result, str) else f"{result:.1e}"
            print(f"{'FAIL' if failed else 'ok  '} {path.name}: {text}")
    print(f"{good} as expected, {bad} failed")
    return bad > 0 or good == 0


if __name__ == "__main__":
    sys.exit(main())
