"""Prints the tables of models/README.md: sizes, checksums and what the pairs reach.

    tools/python.sh tools/models/figures.py [DIRECTORY]

The ends are measured with onnxruntime, everything else with the float64 twin in tests/oracle; the
twin knows no attention: of `vit` only the ends and the naive midpoint, with onnxruntime.
"""

import hashlib
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "tests" / "oracle"))

import ort_run
from make_models import PAIRS
from onnx_numpy import loss_and_accuracy
from twin_matching import Twin


def file_table(root):
    print("| file | bytes | sha256 |\n|---|---|---|")
    for path in sorted([*root.glob("*/*.onnx"), *root.glob("*/*.npz")]):
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        print(f"| {path.relative_to(root)} | {len(content)} | `{digest}` |")


def load(path):
    with np.load(path) as archive:
        return archive["input"] / 255.0, archive["labels"] if "labels" in archive else None


def cell(figures):
    return f"{figures['accuracy']:.4f}, {figures['loss']:.4f}"


def of_runtime(model, x, labels):
    """model: a path, or a model's bytes."""
    session = ort_run.session_of(model)
    scores = ort_run.run(session, {"input": x.astype(np.float32)})["output"]
    loss, accuracy = loss_and_accuracy(scores.astype(np.float64), labels)
    return {"loss": loss, "accuracy": accuracy}


def naive_midpoint(paths):
    """The model of A with the means of its initializers and B's, which stand in the same order."""
    a, b = map(onnx.load, paths)
    for ours, theirs in zip(a.graph.initializer, b.graph.initializer, strict=True):
        mean = (numpy_helper.to_array(ours) + numpy_helper.to_array(theirs)) / np.float32(2)
        ours.CopyFrom(numpy_helper.from_array(mean, ours.name))
    return a.SerializeToString()


def runtime_row(root, pair):
    ends = [root / pair.name / name for name in ("a.onnx", "b.onnx")]
    x, labels = load(root / pair.data / "eval.npz")
    models = [*map(str, ends), naive_midpoint(ends)]
    cells = [cell(of_runtime(model, x, labels)) for model in models]
    print(f"| {pair.name} | {' | '.join(cells)} | | | |")


def pair_row(root, pair, reset):
    ends = [root / pair.name / name for name in ("a.onnx", "b.onnx")]
    x, labels = load(root / pair.data / "eval.npz")
    match, _ = load(root / pair.data / "match.npz")
    twin = Twin(*ends)
    candidates = [
        twin.match_weights(range(len(twin.a.sizes)))[0],
        twin.match_activations(match, normalised=True),
    ]
    figures = [twin.evaluate(c, x, labels, match if reset else None) for c in candidates]
    cells = [cell(of_runtime(str(path), x, labels)) for path in ends]
    cells += [cell(figures[0]["naive"]), *[cell(f["aligned"]) for f in figures]]
    objective = f"{twin.objective(twin.identity()):.4f}, {twin.objective(candidates[0]):.4f}"
    name = pair.name + (", statistics reset" if reset else "")
    print(f"| {name} | {' | '.join(cells)} | {objective} |")


def main():
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else REPOSITORY / "models"
    file_table(root)
    print("\n| pair | A | B | naive ½ | weights ½ | correlation ½ | objective: naive, weights |")
    print("|---|---|---|---|---|---|---|")
    for pair in PAIRS:
        if pair.name == "vit":
            runtime_row(root, pair)
        else:
            pair_row(root, pair, reset=False)
    pair_row(root, next(p for p in PAIRS if p.name == "resnet"), reset=True)


if __name__ == "__main__":
    main()
