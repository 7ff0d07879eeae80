"""Statistics and feature averaging against numpy in float64, written from their definitions:

    tools/python.sh tests/oracle/merging.py ONNXWELD ROOT

For each pair, A and B with its units in A's order are merged, and every parameter of the written file
is made again, layer by layer. Then: the merged files in onnxruntime give what `onnxweld run` gives,
and of BatchNormalization that is folded `repair` makes what `reset` makes of the statistics.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools"))
import forms
import ort_run
from onnx_numpy import OPERATORS, Model, _windows, attributes, logits, loss_and_accuracy, run

LIMIT = 300
RIDGE = 0.01
LINEAR = ("Conv", "Gemm")
PAIRS = {"mlp": "grey", "cnn": "grey", "resnet": "colour"}
STATISTICS = ("none", "bias", "reset", "rescale", "repair", "closed-form")
MERGES = [
    *((name, "--stats", name) for name in STATISTICS),
    *((name, "--stats", name, "--repair-logits") for name in STATISTICS[3:]),
    ("features", "--method", "features", "--ridge", str(RIDGE)),
]
# As shares of the tensor's scale. Our forwards are in float32, so a feature is off by some 1e-7 of its size.
# Of a unit that hardly moves (one of mlp deviates by 4e-6 around a mean of -0.24, above the guard) the
# deviation is off by far more, and `rescale` multiplies its bias by that: 1e-4.
TOLERANCE, TOLERANCE_RESCALE = 1e-5, 1e-3
DEVIATION_MIN, RATIO_MIN, RATIO_MAX = 1e-6, 0.1, 10.0


# ---- the twin ----------------------------------------------------------------------------------


def by_unit(z):
    """[units, samples and positions] of a layer's outputs"""
    z = np.moveaxis(z, 1, 0)
    return z.reshape(len(z), -1)


def patches(node, x, weight):
    """[columns of the weight as a matrix, samples and positions]: what the weight is multiplied with"""
    if node.op_type == "Gemm":
        return x.T
    windows = _windows(x, attributes(node), weight.shape[2:], 0.0)
    return windows.transpose(1, 4, 5, 0, 2, 3).reshape(weight[0].size, -1)


class Merge:
    """A walk over the merge of A and B; a layer is corrected when all before it is final.

    ends: A and B; features: all values of both on x.
    """

    def __init__(self, ends, features, x, alpha, logits_too=False):
        a, b = ends
        self.nodes, self.shares, self.logits_too = list(zip(a.nodes, b.nodes)), (alpha, 1 - alpha), logits_too
        theirs = {p: q for m, n in self.nodes for p, q in zip(m.input, n.input) if p in a.constants}
        self.constants = {p: alpha * a.constants[p] + (1 - alpha) * b.constants[q] for p, q in theirs.items()}
        self.values = [*features, self.constants | {a.input: x}]
        self.linear = [k for k, (m, _) in enumerate(self.nodes) if m.op_type in LINEAR]
        self.norms = {k + 1 for k in self.linear if self.nodes[k + 1 : k + 2]
                      and self.nodes[k + 1][0].op_type == "BatchNormalization"}

    def set(self, name, value):
        self.constants[name] = self.values[2][name] = value

    def of_end(self, end, k, slot):
        return self.values[end][self.nodes[k][end].input[slot]]

    def mean_of_ends(self, function):
        return sum(share * function(end) for end, share in enumerate(self.shares))

    def step(self, k):
        node, values = self.nodes[k][0], self.values[2]
        values[node.output[0]] = OPERATORS[node.op_type](attributes(node), *(values[n] for n in node.input))

    def run(self, kind):
        for k, (node, _) in enumerate(self.nodes):
            self.step(k)
            if kind == "features":
                self.run_features(k)
            elif kind == "bias" and node.op_type in LINEAR and not self.norms:
                depth = self.linear.index(k) + 1
                self.set(node.input[2], sum(w**depth * self.of_end(e, k, 2) for e, w in enumerate(self.shares)))
            elif kind not in ("none", "bias") and self.is_corrected(k):
                self.correct(k, kind)
                self.step(k)
        return self

    def is_corrected(self, k):
        """Right before a normalisation nothing is lost: its statistics are corrected."""
        if self.nodes[k][0].op_type in LINEAR:
            return k + 1 not in self.norms and (k != self.linear[-1] or self.logits_too)
        return self.nodes[k][0].op_type == "BatchNormalization"

    def correct(self, k, kind):
        node, theirs = self.nodes[k]
        norm = node.op_type == "BatchNormalization"
        names = [n.input[0] if norm else n.output[0] for n in (node, theirs, node)]
        z = [by_unit(values[name]) for values, name in zip(self.values, names)]
        mean, deviation = [u.mean(axis=1) for u in z], [u.std(axis=1) for u in z]
        goal = self.mean_of_ends(lambda e: mean[e]), self.mean_of_ends(lambda e: deviation[e])
        now = mean[2], deviation[2]
        if kind == "closed-form":  # what the average of the ends' features would have
            now = goal[0], (self.shares[0] * z[0] + self.shares[1] * z[1]).std(axis=1)
        if norm:
            self.set(node.input[3], now[0])
            self.set(node.input[4], now[1] ** 2 * z[0].shape[1] / (z[0].shape[1] - 1))
        elif kind != "reset":
            self.scale(node, kind, goal, now)

    def scale(self, node, kind, goal, now):
        weight, bias = (self.constants[n] for n in node.input[1:3])
        safe = (now[1] >= DEVIATION_MIN) & (goal[1] >= DEVIATION_MIN)
        ratio = np.where(safe, np.clip(goal[1] / np.where(safe, now[1], 1), RATIO_MIN, RATIO_MAX), 1)
        shift = 0 if kind == "rescale" else goal[0] - ratio * now[0]
        self.set(node.input[1], weight * ratio.reshape(-1, *(1,) * (weight.ndim - 1)))
        self.set(node.input[2], ratio * bias + shift)

    # ---- feature averaging

    def run_features(self, k):
        """Layer and normalisation are one. What sees the input alone is the average, already."""
        norm = k + 1 if k + 1 in self.norms else None
        if k in self.linear and not (k == self.linear[0] and norm is None):
            self.fit(k, norm, k == self.linear[0])
            self.step(k)

    def affine(self, end, norm):
        """y = factor x + offset of a BatchNormalization; end 2 = the merge"""
        if norm is None:
            return np.array(1.0), np.array(0.0)
        node = self.nodes[norm][end % 2]
        scale, shift, mean, variance = (self.values[end][n] for n in node.input[1:5])
        factor = scale / np.sqrt(variance + attributes(node).get("epsilon", 1e-5))
        return factor, shift - mean * factor

    def fit(self, k, norm, first):
        node = self.nodes[k][0]
        shape = self.constants[node.input[1]].shape
        x = patches(node, self.values[2][node.input[0]], self.constants[node.input[1]])
        y = prior = 0
        for end, share in enumerate(self.shares):
            factor, offset = (np.reshape(v, (-1, 1)) for v in self.affine(end, norm))
            y = y + share * (factor * by_unit(self.values[end][self.nodes[k][end].output[0]]) + offset)
            prior = prior + share * factor * self.of_end(end, k, 1).reshape(shape[0], -1)
        mean_x, mean_y = x.mean(axis=1), y.mean(axis=1)
        x, y = x - mean_x[:, None], y - mean_y[:, None]
        gram, cross = x @ x.T / x.shape[1], y @ x.T / x.shape[1]
        ridge = RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
        weight = prior if first else prior + np.linalg.solve(gram + ridge, (cross - prior @ gram).T).T
        if norm is None:
            self.set(node.input[1], weight.reshape(shape))
            self.set(node.input[2], mean_y - weight @ mean_x)
            return
        factor, _ = self.affine(2, norm)
        weight = weight / factor[:, None]
        variance = ((weight @ x) ** 2).mean(axis=1)
        epsilon = attributes(self.nodes[norm][0]).get("epsilon", 1e-5)
        values = factor * np.sqrt(variance + epsilon), mean_y, weight @ mean_x, variance
        self.set(node.input[1], weight.reshape(shape))
        for name, value in zip(self.nodes[norm][0].input[1:5], values):
            self.set(name, value)


# ---- ours against it ---------------------------------------------------------------------------


def call(tool, *arguments):
    run = subprocess.run([tool, *map(str, arguments), "-q", "-f"], capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"{' '.join(map(str, arguments))}: {run.stderr}")


def images(path, limit=None):
    with np.load(path) as archive:
        return archive["input"][:limit].astype(np.float64) / 255, archive["labels"] if "labels" in archive else None


def weld(tool, models, data, out, *options):
    call(tool, "weld", *models, "--match", "none", "--match-data", data, "--match-limit", LIMIT, "--preset", "unit",
         "-o", out, *options)
    return Model(str(out))


def worst(ours, twin):
    """(difference as a share of the tensor's scale, name) of the parameter that is furthest off"""
    return max((np.abs(ours.constants[n] - v).max() / np.abs(v).max(), n) for n, v in twin.constants.items())


def compare(merged, twin, x, kind, what):
    off, name = worst(merged, twin)
    want = logits(merged, x, {**merged.constants, **twin.constants})
    outputs = np.abs(logits(merged, x) - want).max() / np.abs(want).max()
    print(f"{what}: off by {off:.1e} at {name}, outputs by {outputs:.1e}")
    assert off <= (TOLERANCE_RESCALE if kind == "rescale" else TOLERANCE), f"{what}: {name} is off by {off:.2e}"
    assert outputs <= TOLERANCE, f"{what}: the outputs are off by {outputs:.2e} of their scale"


def runtime_agrees(tool, model, data, work):
    """Our outputs of a merged file against onnxruntime's."""
    call(tool, "run", model, "--data", data, "--preset", "unit", "--limit", 64, "-o", work / "out.npz")
    session = ort_run.session_of(str(model))
    (value,) = session.get_inputs()
    x = images(data, 64)[0].astype(np.float32)
    (want,) = ort_run.run(session, {value.name: x}).values()
    with np.load(work / "out.npz") as archive:
        (got,) = archive.values()
    off = np.abs(got.reshape(want.shape) - want).max() / np.abs(want).max()
    assert off <= 1e-5, f"{model}: {off:.2e} from onnxruntime"


def check_pair(tool, root, pair, work):
    a, b, data = root / f"models/{pair}/a.onnx", work / "b.onnx", root / f"models/{PAIRS[pair]}/match.npz"
    call(tool, "align", a, root / f"models/{pair}/b.onnx", "-o", b, "--match-data", data, "--preset", "unit", "--match",
         "activations")
    x, _ = images(data, LIMIT)
    ends = Model(str(a)), Model(str(b))
    features = [run(model, x) for model in ends]
    out = work / "merged.onnx"
    for alpha in (0.5, 0.3):
        for kind, *options in MERGES:
            merged = weld(tool, (a, b), data, out, "--alpha", alpha, *options)
            twin = Merge(ends, features, x, alpha, "--repair-logits" in options).run(kind)
            compare(merged, twin, x, kind, f"{pair}, alpha {alpha}, {' '.join(options)}")
            runtime_agrees(tool, out, data, work)


# ---- BatchNormalization and its fold -----------------------------------------------------------


def check_folded(tool, root, work):
    """models/resnet as it is and with BatchNormalization folded, aligned by weights and correlation."""
    data = root / "models/colour/match.npz"
    x, labels = images(root / "models/colour/eval.npz")
    accuracy = lambda model: loss_and_accuracy(logits(model, x), labels)[1]  # noqa: E731
    plain = [root / f"models/resnet/{side}.onnx" for side in "ab"]
    call(tool, "align", *plain, "-o", work / "aligned.onnx", "--match", "both-correlation", "--match-data", data,
         "--preset", "unit")
    plain[1] = work / "aligned.onnx"
    folded = [forms.write_all(path, work / path.stem, ["bn_folded"])["bn_folded"] for path in plain]
    ends = np.mean([accuracy(Model(str(path))) for path in plain])
    none, reset = (accuracy(weld(tool, plain, data, work / "m.onnx", "--stats", name)) for name in ("none", "reset"))
    repair = accuracy(weld(tool, folded, data, work / "m.onnx", "--stats", "repair"))
    print(f"resnet at 1/2: ends {ends:.3f}, none {none:.3f}, reset {reset:.3f}, repair of the folded {repair:.3f}")
    assert none < 0.15, "the average is not near chance: this pair shows nothing"
    assert reset >= 0.8 * ends, "reset repairs too little"
    assert abs(repair - reset) <= 0.02, "repair of the folded pair is not what reset is"


def main():
    tool, root = sys.argv[1], pathlib.Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        for pair in PAIRS:
            check_pair(tool, root, pair, pathlib.Path(folder))
        check_folded(tool, root, pathlib.Path(folder))


if __name__ == "__main__":
    main()
