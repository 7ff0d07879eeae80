#!/usr/bin/env python3
"""How good --dry-run foresees time and memory: each run's figures beside what was foretold.

    python3 tools/forecast.py ONNXWELD [SHARED]

One line per run: stage by stage and in all, seconds foretold / taken; the peak of the memory in the same way. SHARED:
a folder with more pairs (models/pairs) and data (data/mnist); without it only the shipped pairs run.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

STAGES = ("align", "verify", "merge", "measure")


def runs(models, shared):
    for name, data in (("mlp", "grey"), ("cnn", "grey"), ("spawned", "grey"), ("resnet", "colour")):
        pair = [str(models / name / f"{x}.onnx") for x in "ab"]
        given = ["--data", str(models / data / "eval.npz"), "--preset", "unit"]
        yield f"{name} lmc", ["lmc", *pair, *given]
        yield f"{name} lmc, commutativity", ["lmc", *pair, *given, "--match", "commutativity"]
        yield f"{name} lmc, activations", ["lmc", *pair, *given, "--match", "activations"]
        yield f"{name} weld", ["weld", *pair, *given, "-o", "OUT"]
    if not shared:
        return
    mnist = ["--data", str(shared / "data/mnist/t10k-images-idx3-ubyte.gz"), "--limit", "2000"]
    for name in ("mnistfc-100x2", "mnistfc-50x4", "mnistfc-173", "otfusion-mnist-mlp", "lenet5-mnist"):
        files = sorted(str(f) for f in (shared / "models/pairs" / name).glob("*.onnx"))[:2]
        yield f"{name} lmc", ["lmc", *files, *mnist, "--preset", "mnist"]
        yield f"{name} weld", ["weld", *files, *mnist, "--preset", "mnist", "-o", "OUT"]


def run(tool, arguments, out):
    command = [tool, *(out if a == "OUT" else a for a in arguments), "-f", "-v"]
    read, write = os.pipe()
    child = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    text = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    os.close(read), os.close(write)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{command}: {text}")
    taken = {s: float(t) for s, t in re.findall(r"^(\w+) +[a-z].*?: ([\d.]+) s(?: \(|$)", text, re.M)}
    return taken, usage.ru_maxrss * 1024


def foretell(tool, arguments, out):
    command = [tool, *(out if a == "OUT" else a for a in arguments), "-f", "--dry-run", "--json"]
    report = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    forecast, sums = report["environment"]["forecast"], dict.fromkeys(STAGES, 0)
    for step, seconds in zip(report["plan"]["steps"], forecast["step_seconds"]):
        sums[step["stage"]] = sums.get(step["stage"], 0) + seconds
    return sums, forecast["memory_bytes"]


def main():
    tool = str(pathlib.Path(sys.argv[1]).resolve())
    root = pathlib.Path(__file__).resolve().parent.parent
    shared = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else None
    _, empty = run(tool, ["check", *(str(root / "models/mlp" / f"{x}.onnx") for x in "ab")], "")
    with tempfile.TemporaryDirectory() as work:
        for name, arguments in runs(root / "models", shared):
            out = f"{work}/out.onnx"
            foretold, memory = foretell(tool, arguments, out)
            taken, peak = run(tool, arguments, out)
            parts = "  ".join(f"{s} {foretold[s]:.2f}/{taken.get(s, 0):.2f}" for s in STAGES if foretold[s] or s in taken)
            total = sum(foretold.values()), sum(taken.get(s, 0) for s in STAGES)
            print(f"{name:32} {total[0]:7.2f} / {total[1]:7.2f} s = {total[0] / total[1]:5.2f}   "
                  f"{memory / 1e6:6.1f} / {(peak - empty) / 1e6:6.1f} MB   {parts}", flush=True)


if __name__ == "__main__":
    main()
