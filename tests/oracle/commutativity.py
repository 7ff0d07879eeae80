"""Matching by weights and activations together, and the measures of commutativity, against numpy in
float64 on the features themselves (no Gram matrices):

    tools/python.sh tests/oracle/commutativity.py ONNXWELD ROOT
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from scipy.optimize import linear_sum_assignment

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from onnx_numpy import _conv, _windows, attributes, run
from symmetry import FIXED
from twin_matching import Moments, Twin, _by_unit

LIMIT = 300


def ours(tool, models, data, method):
    with tempfile.TemporaryDirectory() as work:
        command = [tool, "lmc", *models, "--data", data, "--preset", "unit", "--limit", str(LIMIT), "--match", method,
                   "--match-data", data, "--graph-order", "--sweep", "0:1:3", "-q", "--report", f"{work}/r.json",
                   "--save-perm", f"{work}/p.json"]
        subprocess.run(command, check=True)
        report = json.loads(pathlib.Path(work, "r.json").read_text())
        classes = json.loads(pathlib.Path(work, "p.json").read_text())["classes"]
    return [np.array(c["perm"]) for c in classes], report["match"]


# ---- both ------------------------------------------------------------------------------------------


class Both:
    """The scores of a class, and the descent on them in graph order."""

    def __init__(self, twin, x, correlation):
        self.twin, self.correlation = twin, correlation
        values = [run(side.model, x) for side in (twin.a, twin.b)]
        self.moments = []
        for size, names_a, names_b in zip(twin.a.sizes, twin.a.features, twin.b.features):
            carriers = []
            for name_a, name_b in zip(names_a, names_b):
                carriers.append(Moments(size))
                carriers[-1].add(_by_unit(values[0][name_a]), _by_unit(values[1][name_b]))
            self.moments.append(carriers)

    def norms(self, unit_class):
        """|slices of a unit|^2 of A and B."""
        norms = np.zeros((2, self.twin.a.sizes[unit_class]))
        for a, b, axes in self.twin.scored:
            for axis, c, repeat in axes:
                for side, tensor in enumerate((a, b)):
                    if c == unit_class:
                        slices = np.moveaxis(tensor, axis, 0).reshape(norms.shape[1], -1)
                        norms[side] += (slices**2).sum(axis=1)
        return norms

    def score(self, unit_class, permutations):
        moments, norms = self.moments[unit_class], self.norms(unit_class)
        weights, _ = self.twin.weight_scores(unit_class, permutations)
        if self.correlation:
            features = sum(m.correlation() for m in moments) / len(moments)
            return 0.5 * features + 0.5 * weights / np.sqrt(np.outer(*norms))
        count = sum(m.count for m in moments)
        energy = sum(m.squares.sum(axis=1) for m in moments) / count
        features = sum(m.cross for m in moments) / count
        features = features / np.sqrt(energy.prod()) * len(features)
        return 0.5 * features + 0.5 * weights / np.sqrt(norms.mean(axis=1).prod())

    def start(self):
        permutations = self.twin.identity()
        for c, moments in enumerate(self.moments):
            weights, _ = self.twin.weight_scores(c, permutations)
            score = sum(m.correlation() for m in moments) + 1e-6 * weights / np.abs(weights).max()
            permutations[c] = linear_sum_assignment(score, maximize=True)[1]
        return permutations

    def value(self, permutations):
        scores = [self.score(c, permutations) for c in range(len(permutations))]
        return np.array([s[np.arange(len(p)), p].sum() for s, p in zip(scores, permutations)])

    def descend(self):
        permutations, changed = self.start(), True
        while changed:
            changed = False
            for c in range(len(permutations)):
                score = self.score(c, permutations)
                rows, best = linear_sum_assignment(score, maximize=True)
                if score[rows, best].sum() > score[rows, permutations[c]].sum() * (1 + 1e-9):
                    permutations[c], changed = best, True
        return permutations


def check_both(tool, models, data, x, method):
    both = Both(Twin(*models), x, method == "both-correlation")
    permutations, _ = ours(tool, models, data, method)
    value, expected = both.value(permutations), both.value(both.descend())
    print(f"{method} {models[0]}: {value}, twin {expected}")
    np.testing.assert_allclose(value, expected, rtol=1e-6)


# ---- the measures ----------------------------------------------------------------------------------


def layer_functions(model, layer):
    """The input's name, the product of a layer's weight with an input, and the rows that it sees."""
    (node,) = [n for n in model.nodes if layer.weight in n.input]
    a = attributes(node)
    if node.op_type == "Conv":
        kernel = model.constants[layer.weight].shape[2:]
        return node.input[0], lambda w, h: _conv(a, h, w), lambda h: _windows(h, a, kernel, 0.0)
    transpose = layer.out_axis == 0
    return node.input[0], lambda w, h: h @ (w.T if transpose else w), lambda h: h


def squared(x):
    return float((x * x).sum())


def measures(twin, x, permutations):
    model = twin.a.model
    aligned = twin.merged(permutations, alpha=0.0)
    values = [run(model, x), run(model, x, aligned)]
    total, rows = 0.0, []
    for layer in twin.a.layers:
        if layer.inputs == FIXED or twin.a.find(layer.inputs) == FIXED:
            continue
        name, product, patches = layer_functions(model, layer)
        weights = [model.constants[layer.weight], aligned[layer.weight]]
        inputs = [values[0][name], values[1][name]]
        z = [[product(w, h) for h in inputs] for w in weights]
        difference = squared(product(weights[0] - weights[1], inputs[0] - inputs[1]))
        total += difference / (squared(z[0][0]) + squared(z[1][1]))
        norm = lambda p, q: np.sqrt(squared(p) * squared(q))  # noqa: E731
        seen = [patches(h) for h in inputs]
        rows.append([squared(weights[0] - weights[1]) / norm(*weights), squared(seen[0] - seen[1]) / norm(*seen),
                     difference / norm(z[0][0] + z[1][1], z[0][1] + z[1][0])])
    return [total, *np.mean(rows, axis=0)]


def check_measures(tool, models, data, x):
    permutations, match = ours(tool, models, data, "commutativity")
    values = [match[key] for key in ("commutativity", "dist_w", "dist_h", "dist_com")]
    expected = measures(Twin(*models), x, permutations)
    print(f"measures {models[0]}: {values}, twin {expected}")
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def main():
    tool, root = sys.argv[1], pathlib.Path(sys.argv[2])
    data = str(root / "models/grey/match.npz")
    with np.load(data) as archive:
        (x,) = [v for k, v in archive.items() if k != "labels"]
    x = x[:LIMIT].astype(np.float64) / 255
    for pair in ("mlp", "cnn"):
        models = [str(root / f"models/{pair}/{side}.onnx") for side in "ab"]
        for method in ("both", "both-correlation"):
            check_both(tool, models, data, x, method)
        check_measures(tool, models, data, x)


if __name__ == "__main__":
    main()
