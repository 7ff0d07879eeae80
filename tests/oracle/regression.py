"""Targets instead of class numbers: two regressors are trained here, and what is said of the path between them
is checked against numpy in float64; matching and merging by the loss work with it:

    tools/python.sh tests/oracle/regression.py ONNXWELD ROOT
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from measures import RESAMPLES, SEED, Bootstrap, gaps

SIZES, SAMPLES, ALPHAS = (3, 24, 16, 2), 250, np.linspace(0, 1, 5)


def samples(count, seed):
    """y = (sin of a sum, a product), with noise."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (count, 3))
    y = np.stack([np.sin(2 * x.sum(axis=1)), 2 * x[:, 0] * x[:, 1] + x[:, 2]], axis=1)
    return x.astype(np.float32), (y + 0.05 * rng.standard_normal(y.shape)).astype(np.float32)


def forward(weights, x):
    """All values before and behind the ReLUs."""
    values = [x]
    for k, (w, b) in enumerate(weights):
        x = x @ w.T + b
        x = np.maximum(x, 0) if k + 1 < len(weights) else x
        values.append(x)
    return values


def train(seed, steps=3000, rate=5e-3):
    """Adam on whole batches of 512."""
    rng = np.random.default_rng(seed)
    weights = [[rng.standard_normal((n, m)) * np.sqrt(2 / m), np.zeros(n)] for m, n in zip(SIZES, SIZES[1:])]
    moments = [[np.zeros_like(p), np.zeros_like(p)] for layer in weights for p in layer]
    x, y = samples(4096, 100 + seed)
    for step in range(1, steps + 1):
        pick = rng.integers(0, len(x), 512)
        values = forward(weights, x[pick].astype(np.float64))
        back, gradients = 2 * (values[-1] - y[pick]) / len(pick), []
        for k in reversed(range(len(weights))):
            gradients = [back.T @ values[k], back.sum(axis=0), *gradients]
            back = (back @ weights[k][0]) * (values[k] > 0)
        for p, g, m in zip((p for layer in weights for p in layer), gradients, moments):
            m[0] += 0.1 * (g - m[0])
            m[1] += 0.001 * (g * g - m[1])
            p -= rate * (m[0] / (1 - 0.9**step)) / (np.sqrt(m[1] / (1 - 0.999**step)) + 1e-8)
    return weights


def save(weights, path):
    nodes, tensors, name = [], [], "x"
    for k, (w, b) in enumerate(weights):
        tensors += [numpy_helper.from_array(w.astype(np.float32), f"w{k}"), numpy_helper.from_array(b.astype(np.float32), f"b{k}")]
        last = k + 1 == len(weights)
        nodes.append(helper.make_node("Gemm", [name, f"w{k}", f"b{k}"], ["y" if last else f"h{k}"], transB=1))
        if not last:
            nodes.append(helper.make_node("Relu", [f"h{k}"], [f"r{k}"]))
        name = f"r{k}"
    value = lambda n, size: helper.make_tensor_value_info(n, TensorProto.FLOAT, ["N", size])  # noqa: E731
    graph = helper.make_graph(nodes, "regressor", [value("x", SIZES[0])], [value("y", SIZES[-1])], tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def aligned(weights, permutations):
    """B with its hidden units in the places of A's."""
    out, before = [], np.arange(SIZES[0])
    for (w, b), after in zip(weights, [*permutations, np.arange(SIZES[-1])]):
        out.append([w[after][:, before], b[after]])
        before = after
    return out


def lerp(a, b, alpha):
    return [[alpha * p + (1 - alpha) * q for p, q in zip(*layers)] for layers in zip(a, b)]


def run(code, arguments, says=""):
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode != code or says not in done.stdout + done.stderr:
        raise SystemExit(f"{arguments}: {done.returncode}, expected {code} with '{says}':\n{done.stdout}{done.stderr}")
    return done


def close(what, got, expected, tolerance=3e-6):
    got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
    if got.shape != expected.shape or not (np.abs(got - expected) <= tolerance * np.maximum(1, np.abs(expected))).all():
        raise SystemExit(f"{what}: {got}, expected {expected}")


def check_path(lmc, variant, a, b, x, y, variance):
    outputs = np.array([forward(lerp(a, b, alpha), x)[-1] for alpha in ALPHAS])
    loss, boot, ours = ((outputs - y) ** 2).mean(axis=2), Bootstrap(SAMPLES), lmc["barrier"]["loss"]
    close(f"{variant} loss", lmc[variant]["loss"], loss.mean(axis=1))
    close(f"{variant} loss_ci95", lmc[variant]["loss_ci95"], [boot.interval(row, False) for row in loss])
    for end, at in (("mse_a", -1), ("mse_b", 0)):
        close(f"{variant} {end}", lmc[variant][end], ((outputs - outputs[at]) ** 2).mean(axis=(1, 2)))
    for kind in ("chord", "midpoint"):
        ci95, upper = boot.barrier(loss, ALPHAS, kind == "midpoint", False)
        close(f"{variant} {kind}", ours[kind][variant], max(0, gaps(loss.mean(axis=1), ALPHAS, kind == "midpoint").max()))
        close(f"{variant} {kind} ci95", ours[kind]["ci95"][variant], ci95)
        close(f"{variant} {kind} upper95", ours[kind]["upper95"][variant], upper)
    assert lmc["connected"][variant] == bool(ours["chord"]["upper95"][variant] <= lmc["connected"]["delta"] * variance)
    assert lmc[variant]["accuracy"] == [None] * len(ALPHAS)
    return loss.mean(axis=1)


def measure(tool, work, pair, labels, trained, x, y):
    report, perm = f"{work}/r.json", f"{work}/p.json"
    run(0, [tool, "lmc", *pair, "--data", f"{work}/eval.npz", *labels, "--match", "weights", "--sweep", "0:1:5", "--bootstrap",
            str(RESAMPLES), "--seed", str(SEED), "-f", "--report", report, "--save-perm", perm], "of the targets' variance")
    lmc = json.loads(pathlib.Path(report).read_text())["lmc"]
    classes = json.loads(pathlib.Path(perm).read_text())["classes"]
    variance = y.var(axis=0).mean()
    assert lmc["metric"] == "mse_target" and not {"by_class", "lemma", "accuracy_drop"} & lmc.keys()
    close("variance", lmc["target_variance"], variance)
    permutations = [np.array(c["perm"]) for c in classes]
    a, b = trained
    naive = check_path(lmc, "naive", a, b, x, y, variance)
    check_path(lmc, "aligned", a, aligned(b, permutations), x, y, variance)
    assert max(naive[0], naive[-1]) < 0.05 * variance, "the regressors have not learnt anything"


def merge(tool, work, pair):
    """Candidates, alpha and swaps of units are judged by the targets of the matching data."""
    run(0, [tool, "weld", *pair, "-o", f"{work}/m.onnx", "--data", f"{work}/eval.npz", "--match-data", f"{work}/match.npz",
            "--match", "auto", "--alpha", "best", "--polish", "1", "--stats", "none", "-f", "--report", f"{work}/r.json"])
    report = json.loads(pathlib.Path(work, "r.json").read_text())
    match = report["match"]
    assert match["metric"] == report["alpha_search"]["metric"] == "mse_target", (match["metric"], report["alpha_search"])
    chosen = [c for c in match["candidates"] if c["chosen"]]
    assert len(chosen) == 1 and chosen[0]["midpoint_loss"] == min(c["midpoint_loss"] for c in match["candidates"])
    before, after = match["polish"]["midpoint_loss"]
    assert after <= before, (before, after)
    losses = report["alpha_search"]["loss"]
    assert report["merges"][0]["alpha"] == report["alpha_search"]["alpha"][int(np.argmin(losses))]
    assert report["merges"][0]["accuracy"] is None and report["merges"][0]["loss_ci95"][0] <= report["merges"][0]["loss"]


def refuse(tool, work, pair, x, y):
    command = [tool, "lmc", *pair, "--match", "none", "--data"]
    for name, labels, code, says in (
            ("wide", np.zeros((SAMPLES, 3), np.float32), 5, "targets: 3 for each sample, the model has 2 outputs"),
            ("few", y[:-1], 5, f"{SAMPLES - 1} labels for {SAMPLES} samples"),
            ("nan", np.where(np.arange(2) == 1, np.nan, y).astype(np.float32), 5, "target 1 of sample 0 is nan, expected finite")):
        np.savez(f"{work}/{name}.npz", x=x, labels=labels)
        run(code, [*command, f"{work}/{name}.npz"], says)
    data = f"{work}/eval.npz"
    run(2, [*command, data, "--metric", "mse,top1"], "metric top1 needs labels that are class numbers, integers")
    run(2, [*command, data, "--max-acc-drop", "1"], "has no accuracy")
    run(0, [*command, data, "--max-barrier", "1e9", "--gate-on", "upper"], "gates     2 of 2 passed")
    run(2, [tool, "data", "probe", pair[0], "--data", data], "has no class numbers as labels; accuracy needs them")
    run(0, [tool, "data", "head", data], "labels")
    run(0, [tool, "data", "convert", data, "-o", f"{work}/same.npz"])
    with np.load(f"{work}/same.npz") as same:
        np.testing.assert_array_equal(same["labels"], y)


def main():
    tool = sys.argv[1]
    with tempfile.TemporaryDirectory() as work:
        trained, pair = [train(seed) for seed in (1, 2)], [f"{work}/{side}.onnx" for side in "ab"]
        for weights, path in zip(trained, pair):
            save(weights, path)
        trained = [[[p.astype(np.float32).astype(np.float64) for p in layer] for layer in w] for w in trained]
        x, y = samples(SAMPLES, 7)
        np.savez(f"{work}/eval.npz", x=x, labels=y)
        np.savez(f"{work}/match.npz", **dict(zip(("x", "labels"), samples(400, 8))))
        np.savez(f"{work}/plain.npz", x=x)
        np.save(f"{work}/y.npy", y)
        exact = x.astype(np.float64), y.astype(np.float64)
        measure(tool, work, pair, [], trained, *exact)
        measure(tool, work, pair, ["--labels", f"{work}/y.npy"], trained, *exact)
        merge(tool, work, pair)
        refuse(tool, work, pair, x, y)
    print("ok")


if __name__ == "__main__":
    main()
