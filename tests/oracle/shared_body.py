"""Models that differ in their heads alone: refused with a proposal, and with that merged but for the head.

    tools/python.sh tests/oracle/shared_body.py ONNXWELD ROOT

B gets a last layer for 7 classes. What is merged has A's last layer and, for the rest, what the pair with the
original B gives with the same permutation.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import ort_run
from onnx import numpy_helper

CLASSES = 7


def call(*command, expect=0):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert done.returncode == expect, f"{done.returncode} of {command}: {done.stderr}"
    return done


def last_layer(model):
    return [n for n in model.graph.node if n.op_type == "Gemm"][-1].input[1:]


def with_other_head(source, target):
    model = onnx.load(source)
    for tensor in model.graph.initializer:
        if tensor.name in last_layer(model):
            head = numpy_helper.to_array(tensor)[:CLASSES]
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(head[::-1]), tensor.name))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = CLASSES
    del model.graph.value_info[:]
    onnx.save(onnx.shape_inference.infer_shapes(model), target)


def weights(path):
    return {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}


def check_pair(tool, folder, work):
    a, b, other = folder / "a.onnx", folder / "b.onnx", work / "other.onnx"
    merged, whole, perm, report = (work / name for name in ("m.onnx", "whole.onnx", "perm.json", "r.json"))
    with_other_head(b, other)
    done = call(tool, "check", a, other, "--report", report, "-f", expect=3)
    proposal = [w["msg"] for w in json.loads(report.read_text())["warnings"] if w["code"] == "W021"]
    assert len(proposal) == 1 and proposal[0] in done.stderr, done.stderr
    pattern = proposal[0].split("'")[1]
    refused = call(tool, "weld", a, other, "-o", merged, expect=3)
    assert f"--skip '{pattern}'" in refused.stderr and not merged.exists()
    call(tool, "weld", a, other, "-o", merged, "-f", "--skip", "^nothing$", expect=2)
    call(tool, "weld", a, other, "-o", merged, "-f", "--skip", pattern, "--match", "weights", "--save-perm", perm)
    call(tool, "weld", a, b, "-o", whole, "-f", "--match", perm)
    head = last_layer(onnx.load(a))
    of_a, ours, of_both = weights(a), weights(merged), weights(whole)
    for name, got in ours.items():
        want = of_a[name] if name in head else of_both[name]
        assert np.array_equal(got, want), name
    assert any(not np.array_equal(of_a[name], of_both[name]) for name in of_a if name not in head)
    shape = [d.dim_value or 1 for d in onnx.load(a).graph.input[0].type.tensor_type.shape.dim]
    session = ort_run.session_of(str(merged))
    scores = ort_run.run(session, {"input": np.ones(shape, np.float32)})["output"]
    assert scores.shape == (1, 10) and np.isfinite(scores).all()


def main():
    tool, root = sys.argv[1], pathlib.Path(sys.argv[2])
    for pair in "mlp", "cnn":
        with tempfile.TemporaryDirectory() as work:
            check_pair(tool, root / "models" / pair, pathlib.Path(work))
    print("bodies merged, heads kept: mlp, cnn")


if __name__ == "__main__":
    main()
