"""Every figure of a path against numpy in float64, from the definitions and not from how we compute them:

    tools/python.sh tests/oracle/measures.py ONNXWELD ROOT

Copies of the models in double are measured, so that what is left is the rounding of features and logits to
float32 (6e-8 each) in our sums; the models as they are then agree within the rounding of their own layers.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper
from scipy.optimize import minimize_scalar
from scipy.stats import binomtest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from commutativity import layer_functions, squared
from onnx_numpy import run
from twin_matching import Twin

LIMIT, POINTS, RESAMPLES, SEED, BATCH = 250, 5, 200, 3, 32
LLFC = [0.25, 0.5, 0.75]
VARIANTS = ("naive", "aligned")


def in_double(path, out):
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float64), tensor.name))
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    onnx.save(model, out)


def ours(tool, models, data, *options):
    with tempfile.TemporaryDirectory() as work:
        command = [tool, "lmc", *models, "--data", data, "--preset", "unit", "--limit", str(LIMIT), "--match",
                   "weights", "--sweep", f"0:1:{POINTS}", "--bootstrap", str(RESAMPLES), "--seed", str(SEED), "-q",
                   "--report", f"{work}/r.json", "--save-perm", f"{work}/p.json", *options]
        subprocess.run(command, check=True)
        report = json.loads(pathlib.Path(work, "r.json").read_text())
        classes = json.loads(pathlib.Path(work, "p.json").read_text())["classes"]
    return report, [np.array(c["perm"]) for c in classes]


def weld(tool, models, data, match="weights"):
    with tempfile.TemporaryDirectory() as work:
        subprocess.run([tool, "weld", *models, "-o", f"{work}/m.onnx", "--data", data, "--preset", "unit", "--limit", str(LIMIT),
                        "--match", match, "--stats", "none", "--bootstrap", str(RESAMPLES), "--seed", str(SEED), "-q",
                        "--report", f"{work}/r.json"],
                       check=True)
        return json.loads(pathlib.Path(work, "r.json").read_text())


class Path:
    """The networks between A and one of the B's, with all their values."""

    def __init__(self, twin, permutations, x):
        self.twin, self.permutations, self.x, self.model = twin, permutations, x, twin.a.model
        self.a, self.b = self.values(1.0), self.values(0.0)

    def constants(self, alpha):
        return self.twin.merged(self.permutations, alpha)

    def values(self, alpha):
        return run(self.model, self.x, self.constants(alpha))


# ---- loss, accuracy and what follows from them --------------------------------------------------------------


def log_softmax(z):
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def cross_entropy(z, labels):
    return -log_softmax(z)[np.arange(len(z)), labels]


def calibrated(z, labels, weights=None):
    """The loss of each half at the temperature of the other one."""
    w = np.ones(len(z)) if weights is None else weights
    losses, temperatures, halves = [], [], [slice(0, None, 2), slice(1, None, 2)]
    for half in halves:
        best = minimize_scalar(lambda t: w[half] @ cross_entropy(z[half] / np.exp(t), labels[half]),
                               bounds=(-np.log(16), np.log(16)), method="bounded", options={"xatol": 1e-10})
        temperatures.append(np.exp(best.x))
    for half, t in zip(halves, reversed(temperatures)):
        losses.append(w[half] @ cross_entropy(z[half] / t, labels[half]))
    return sum(losses) / w.sum(), temperatures


def scores(path, alphas, labels):
    """Per-sample arrays [alpha, sample] and per-alpha ones."""
    za, zb = (v[path.model.output] for v in (path.a, path.b))
    out = {key: [] for key in ("ce", "correct", "top5", "agree_a", "agree_b", "mse_a", "mse_b", "mse", "calibrated")}
    for alpha in alphas:
        z = path.values(alpha)[path.model.output]
        out["ce"].append(cross_entropy(z, labels))
        out["correct"].append(z.argmax(axis=1) == labels)
        best = np.argsort(-z, axis=1, kind="stable")[:, :5]
        out["top5"].append((best == labels[:, None]).any(axis=1))
        out["agree_a"].append(z.argmax(axis=1) == za.argmax(axis=1))
        out["agree_b"].append(z.argmax(axis=1) == zb.argmax(axis=1))
        out["mse_a"].append(((z - za) ** 2).mean(axis=1))
        out["mse_b"].append(((z - zb) ** 2).mean(axis=1))
        out["mse"].append(((z - alpha * za - (1 - alpha) * zb) ** 2).mean(axis=1))
        out["calibrated"].append(calibrated(z, labels))
    middle = path.values(alphas[POINTS // 2])[path.model.output]
    drawn = [calibrated(middle, labels, w)[0] for w in Bootstrap(LIMIT).w]
    out["calibrated_ci95"] = np.quantile(drawn, [0.025, 0.975])
    return {k: v if k == "calibrated" else np.array(v, np.float64) for k, v in out.items()}


def gaps(y, alphas, midpoint):
    """y [alpha, ...] less the chord or the mean of the ends."""
    t = np.full(len(alphas), 0.5) if midpoint else np.array(alphas)
    t = t.reshape(-1, *[1] * (y.ndim - 1))
    return y - t * y[-1] - (1 - t) * y[0]


def pcg32(count, seed, streams):
    """[stream, count] numbers of PCG32 (O'Neill 2014), one stream each."""
    with np.errstate(over="ignore"):
        step, state = np.uint64(6364136223846793005), np.zeros(streams, np.uint64)
        increment = (np.arange(streams, dtype=np.uint64) << np.uint64(1)) | np.uint64(1)
        state = (state * step + increment + np.uint64(seed)) * step + increment
        out = np.empty((streams, count), np.uint32)
        for k in range(count):
            shifted = (((state >> np.uint64(18)) ^ state) >> np.uint64(27)).astype(np.uint32)
            turn = (state >> np.uint64(59)).astype(np.uint32)
            out[:, k] = (shifted >> turn) | (shifted << ((np.uint32(32) - turn) & np.uint32(31)))
            state = state * step + increment
    return out


class Bootstrap:
    """Weights -log u; the first number of a resample is that of one more sample."""

    def __init__(self, samples):
        w = -np.log((pcg32(samples + 1, SEED, RESAMPLES) + 1.0) / 2.0**32)
        self.more, self.w = w[:, 0], w[:, 1:]

    def quantile(self, y, end, p):
        """Of the weighted means of y [sample] with one more sample at `end`."""
        return np.quantile((self.w @ y + self.more * end) / (self.w.sum(axis=1) + self.more), p)

    def interval(self, y, share):
        low, high = (0, 1) if share else (y.min(), y.max())
        return [self.quantile(y, low, 0.025), self.quantile(y, high, 0.975)]

    def interval_of_means(self, y):
        """Of the mean over the rows of y [row, sample]."""
        return np.quantile((self.w @ y.T / self.w.sum(axis=1, keepdims=True)).mean(axis=1), [0.025, 0.975])

    def barrier(self, y, alphas, midpoint, share):
        """[low, high], upper bound of the largest gap of y [alpha, sample]."""
        gap = gaps(y, alphas, midpoint)
        tops = gap.max(axis=1)
        if share:  # the largest that y from 0 to 1 can give
            t = [0.5, 0.5] if midpoint else [0, 0]
            tops = np.array([t[0], *[1.0] * (len(alphas) - 2), t[1]])
        upper, high = (max(0, *(self.quantile(g, top, p) for g, top in zip(gap, tops))) for p in (0.95, 0.975))
        drawn = self.w @ gap.T / self.w.sum(axis=1, keepdims=True) - gap.mean(axis=1)
        deviation = np.sqrt((drawn**2).mean(axis=0))
        some = deviation > 1e-12
        within = np.quantile((drawn[:, some] / deviation[some]).max(axis=1), 0.975)
        low = max(0, *(gap.mean(axis=1)[some] - within * deviation[some]))
        return [low, high], upper


# ---- features -----------------------------------------------------------------------------------------------


def rows(path):
    """Names of the values: behind every ReLU, and the logits."""
    return [n.output[0] for n in path.model.nodes if n.op_type == "Relu"] + [path.model.output]


def llfc(path, name, alpha):
    """Figures of one row: one minus cosine, c, the authors' c per sample, the same of all as one vector."""
    flat = lambda v: v[name].reshape(len(path.x), -1)  # noqa: E731
    merged, mix = flat(path.values(alpha)), alpha * flat(path.a) + (1 - alpha) * flat(path.b)

    def figures(m, f):
        inner, mm, ff = (m * f).sum(axis=-1), (m * m).sum(axis=-1), (f * f).sum(axis=-1)
        return np.array([1 - inner / np.sqrt(mm * ff), inner / mm, inner / ff])

    return figures(merged, mix), figures(merged.ravel(), mix.ravel())


def baseline(path, name):
    a, b = (v[name].reshape(len(path.x), -1) for v in (path.a, path.b))
    cos = lambda x, y: (x * y).sum(-1) / np.sqrt((x * x).sum(-1) * (y * y).sum(-1))  # noqa: E731
    return 1 - cos(a, b), 1 - cos(a.ravel(), b.ravel())


# Of all samples as one vector, by sums over them: <f, mix>, |f|^2, |mix|^2.
vector_figures = (lambda inner, mm, ff: 1 - inner / np.sqrt(mm * ff), lambda inner, mm, ff: inner / mm,
                  lambda inner, mm, ff: inner / ff)


def llfc_sums(path, name, alpha):
    flat = lambda v: v[name].reshape(len(path.x), -1)  # noqa: E731
    merged, mix = flat(path.values(alpha)), alpha * flat(path.a) + (1 - alpha) * flat(path.b)
    return (merged * mix).sum(-1), (merged * merged).sum(-1), (mix * mix).sum(-1)


def end_sums(path, name):
    a, b = (v[name].reshape(len(path.x), -1) for v in (path.a, path.b))
    return (a * b).sum(-1), (a * a).sum(-1), (b * b).sum(-1)


def spread(x):
    return {"mean": x.mean(), "std": x.std(), **{f"q{q:02d}": np.quantile(x, q / 100) for q in (5, 50, 95)}}


# ---- conditions ---------------------------------------------------------------------------------------------


def dist(x, y):
    return squared(x - y) / np.sqrt(squared(x) * squared(y))


def layer_condition(path, layer):
    name, product, patches = layer_functions(path.model, layer)
    wa, wb = (path.constants(alpha)[layer.weight] for alpha in (1.0, 0.0))
    ha, hb = path.a[name], path.b[name]
    straight = product(wa, ha) + product(wb, hb)
    out = {"dist_com": dist(straight, product(wa, hb) + product(wb, ha)), "dist_w": dist(wa, wb),
           "dist_h": dist(patches(ha), patches(hb))}
    out |= {"factor_w": np.sqrt(out["dist_w"]), "factor_h": np.sqrt(out["dist_h"])}
    out["defect"] = np.sqrt(squared(product(wa - wb, ha - hb)) / squared(straight)) / 2
    first = slice(0, BATCH)
    mean = (product(wa, ha[first]) + product(wb, hb[first])) / 2
    measured = product((wa + wb) / 2, (ha[first] + hb[first]) / 2) - mean
    predicted = -product(wa - wb, ha[first] - hb[first]) / 4
    np.testing.assert_allclose(measured, predicted, rtol=0, atol=1e-12 * np.abs(mean).max())  # the identity
    out["defect_predicted"] = np.sqrt(squared(predicted) / squared(mean))
    out["defect_measured"] = np.sqrt(squared(measured) / squared(mean))
    return out


def additivity_squares(path, node):
    """Of each sample: |s(mean) - mean of s|^2 and |mean of s|^2."""
    a, b = (v[node.input[0]].reshape(len(path.x), -1) for v in (path.a, path.b))
    relu = lambda v: np.maximum(v, 0)  # noqa: E731
    mean = (relu(a) + relu(b)) / 2
    return ((relu((a + b) / 2) - mean) ** 2).sum(axis=1), (mean**2).sum(axis=1)


def additivity(path, node):
    defect, mean = additivity_squares(path, node)
    return defect.sum() / mean.sum()


# ---- comparison ---------------------------------------------------------------------------------------------


class Check:
    def __init__(self, tolerance):
        self.tolerance, self.worst, self.count = tolerance, 0.0, 0

    def close(self, what, got, expected):
        got, expected = np.asarray(got, np.float64), np.asarray(expected, np.float64)
        error = np.abs(got - expected) / np.maximum(1, np.abs(expected))
        self.worst, self.count = max(self.worst, error.max()), self.count + got.size
        if got.shape != expected.shape or not (error <= self.tolerance).all():
            raise SystemExit(f"{what}: {got}, expected {expected}")

    def path(self, report, variant, figures, alphas, labels):
        lmc, boot = report["lmc"], Bootstrap(LIMIT)
        ours = lmc[variant]
        for key, y in (("loss", figures["ce"]), ("accuracy", figures["correct"]), ("top5", figures["top5"]),
                       ("agree_a", figures["agree_a"]), ("agree_b", figures["agree_b"]),
                       ("mse_a", figures["mse_a"]), ("mse_b", figures["mse_b"])):
            self.close(f"{variant} {key}", ours[key], y.mean(axis=1))
        for key, name in (("loss", "ce"), ("accuracy", "correct"), *((k, k) for k in ("top5", "agree_a", "agree_b", "mse_a", "mse_b"))):
            share = name not in ("ce", "mse_a", "mse_b")
            self.close(f"{variant} {key}_ci95", ours[f"{key}_ci95"], [boot.interval(row, share) for row in figures[name]])
        for key, y, share in (("loss", figures["ce"], False), ("error", 1 - figures["correct"], True)):
            for kind in ("chord", "midpoint"):
                section = lmc["barrier"][key][kind]
                value = max(0, gaps(y.mean(axis=1), alphas, kind == "midpoint").max())
                ci95, upper = boot.barrier(y, alphas, kind == "midpoint", share)
                self.close(f"{variant} {key} {kind}", section[variant], value)
                self.close(f"{variant} {key} {kind} ci95", section["ci95"][variant], ci95)
                self.close(f"{variant} {key} {kind} upper95", section["upper95"][variant], upper)
        calibrated_losses = np.array([c[0] for c in figures["calibrated"]])
        self.close(f"{variant} calibrated", ours["calibrated_loss"], calibrated_losses)
        self.close(f"{variant} calibrated ci95", ours["calibrated_loss_ci95"][POINTS // 2], figures["calibrated_ci95"])
        for k, key in enumerate(("temperature_even", "temperature_odd")):
            np.testing.assert_allclose(ours[key], [c[1][k] for c in figures["calibrated"]], rtol=1e-4)
        self.close(f"{variant} calibrated barrier", lmc["barrier"]["calibrated_loss"]["chord"][variant],
                   max(0, gaps(calibrated_losses, alphas, False).max()))
        for k, place in enumerate((0, POINTS // 2, POINTS - 1)):
            hits = [figures["correct"][place][labels == c] for c in range(10)]
            self.close(f"{variant} by class", lmc["by_class"][variant][k], [h.mean() for h in hits])
            limits = [binomtest(int(h.sum()), len(h)).proportion_ci() for h in hits]
            self.close(f"{variant} by class", lmc["by_class"]["accuracy_ci95"][variant][k], [[c.low, c.high] for c in limits])
        self.drop(lmc["accuracy_drop"], variant, figures["correct"], boot)

    def drop(self, ours, variant, correct, boot):
        """The lesser of A - merge and B - merge, each from -1 to 1; both upper bounds hold at once."""
        merged, ends = correct[POINTS // 2], correct[[0, -1]]
        self.close(f"{variant} drop", ours[variant], ends.mean(axis=1).min() - merged.mean())
        least = lambda end, p: min(boot.quantile(y - merged, end, p) for y in ends)  # noqa: E731
        self.close(f"{variant} drop ci95", ours["ci95"][variant], [least(-1, 0.025), least(1, 0.9875)])
        self.close(f"{variant} drop upper95", ours["upper95"][variant], least(1, 0.975))

    def sums(self, what, ours, boot, figure, *columns):
        """The interval of what a figure makes of sums over the samples."""
        drawn = np.array([figure(*sums) for sums in boot.w @ np.array(columns).T])
        self.close(what, ours, np.quantile(drawn, [0.025, 0.975]))

    def matrix(self, what, ours, k, boot, columns):
        for figure, key in zip(vector_figures, ("one_minus_cos", "coef", "coef_authors"), strict=True):
            self.sums(f"{what} {key} ci95", ours[f"{key}_ci95"][k], boot, figure, *columns)

    def layers(self, report, variant, path):
        boot = Bootstrap(LIMIT)
        for row, name in zip(report["llfc"]["layers"], rows(path), strict=True):
            ours, what = row[variant], f"{variant} {row['name']}"
            for k, alpha in enumerate(LLFC):
                samples, matrix = llfc(path, name, alpha)
                for f, key in enumerate(("one_minus_cos", "coef", "coef_authors")):
                    for statistic, value in spread(samples[f]).items():
                        self.close(f"{what} {key} {statistic}", ours[key][k][statistic], value)
                    self.close(f"{what} matrix {key}", ours["matrix"][key][k], matrix[f])
                    self.close(f"{what} {key} ci95", ours[key][k]["ci95"], boot.interval(samples[f], False))
                self.matrix(f"{what} matrix", ours["matrix"], k, boot, llfc_sums(path, name, alpha))
                y = samples[0]
                self.close(f"{what} upper95", ours["one_minus_cos"][k]["upper95"], boot.quantile(y, y.max(), 0.95))
            samples, matrix = baseline(path, name)
            self.close(f"{what} A to B ci95", ours["one_minus_cos_ab"]["ci95"], boot.interval(samples, False))
            for statistic, value in spread(samples).items():
                self.close(f"{what} A to B {statistic}", ours["one_minus_cos_ab"][statistic], value)
            self.close(f"{what} matrix A to B", ours["matrix"]["one_minus_cos_ab"], matrix)
            self.sums(f"{what} matrix A to B ci95", ours["matrix"]["one_minus_cos_ab_ci95"], boot, vector_figures[0],
                      *end_sums(path, name))

    def merge(self, tool, models, data, path):
        """The mean over the layers of what a merge is away from the mean of the ends."""
        merge, boot = weld(tool, models, data)["merges"][0], Bootstrap(LIMIT)
        away = np.array([llfc(path, name, 0.5)[0][0] for name in rows(path)])
        self.close("merge", merge["one_minus_cos"], away.mean())
        self.close("merge ci95", merge["one_minus_cos_ci95"], boot.interval_of_means(away))

    def conditions(self, report, variant, path, identity):
        section, boot = report["conditions"], Bootstrap(LIMIT)
        assert section["defect_samples"] == BATCH
        for layer, row in zip(path.twin.a.layers, section["layers"], strict=True):
            for key, value in layer_condition(path, layer).items():
                if row[variant][key] is None or not np.isfinite(value):
                    raise SystemExit(f"{variant} {row['name']} {key}: {row[variant][key]}, expected {value}")
                self.close(f"{variant} {row['name']} {key}", row[variant][key], value)
            self.layer_bounds(row[variant], f"{variant} {row['name']}", boot, path, layer)
            # Ours: the identity holds up to the rounding of the layers.
            difference = abs(row[variant]["defect_predicted"] - row[variant]["defect_measured"])
            assert difference <= identity, (row["name"], difference)
        relus = [n for n in path.model.nodes if n.op_type == "Relu"]
        for node, row in zip(relus, section["activations"], strict=True):
            self.close(f"{variant} {row['name']}", row[variant]["additivity"], additivity(path, node))
            defect, mean = additivity_squares(path, node)
            self.sums(f"{variant} {row['name']} ci95", row[variant]["additivity_ci95"], boot, np.divide, defect, mean)

    def layer_bounds(self, ours, what, boot, path, layer):
        """LIMIT is below 512: each sample is a group of its own."""
        name, product, patches = layer_functions(path.model, layer)
        each = lambda v: (v.reshape(LIMIT, -1) ** 2).sum(axis=1)  # noqa: E731
        wa, wb = (path.constants(alpha)[layer.weight] for alpha in (1.0, 0.0))
        ha, hb = path.a[name], path.b[name]
        straight, crossed = product(wa, ha) + product(wb, hb), product(wa, hb) + product(wb, ha)
        ratio = lambda d, x, y: d / np.sqrt(x * y)  # noqa: E731
        self.sums(f"{what} dist_com", ours["dist_com_ci95"], boot, ratio, each(straight - crossed), each(straight), each(crossed))
        self.sums(f"{what} defect", ours["defect_ci95"], boot, lambda d, s: np.sqrt(d / s) / 2, each(straight - crossed), each(straight))
        ha, hb = patches(ha), patches(hb)
        self.sums(f"{what} dist_h", ours["dist_h_ci95"], boot, ratio, each(ha - hb), each(ha), each(hb))

    def lemma(self, report, variant, figures, path):
        ours, error = report["lmc"]["lemma"], 1 - figures["correct"].mean(axis=1)
        self.close("2 epsilon", ours["twice_the_larger_error"], 2 * max(error[0], error[-1]))
        self.close("sum of the ends", ours["sum_of_the_errors"], error[0] + error[-1])
        self.close(f"{variant} worst", ours[variant]["worst_error"], error.max())
        positive = min((llfc(path, path.model.output, alpha)[0][1] > 0).mean() for alpha in LLFC)
        self.close(f"{variant} c > 0", ours[variant]["positive_c"], positive)
        assert ours[variant]["holds"] == bool(error.max() <= 2 * max(error[0], error[-1]))


def samplewise_lemma(path, alphas, labels):
    """The proof of the lemma, for each sample: where z_alpha is c times the mix of the ends' logits and both
    ends are right, the path is right. Checked on the mix itself, which is what LLFC says z_alpha is."""
    za, zb = (v[path.model.output] for v in (path.a, path.b))
    both = (za.argmax(axis=1) == labels) & (zb.argmax(axis=1) == labels)
    for alpha in alphas:
        assert ((alpha * za + (1 - alpha) * zb).argmax(axis=1) == labels)[both].all()


def check_pair(tool, models, data, x, labels, double):
    everything = ("--metric", "ce,top1,top5,mse,agree")
    report, permutations = ours(tool, models, data, *everything)
    by_mse, _ = ours(tool, models, data, "--metric", "mse")
    twin, check = Twin(*models), Check(1e-6 if double else 3e-6)
    alphas = report["lmc"]["alpha"]
    for variant, chosen in zip(VARIANTS, (twin.identity(), permutations)):
        path = Path(twin, chosen, x)
        figures = scores(path, alphas, labels)
        check.path(report, variant, figures, alphas, labels)
        check.layers(report, variant, path)
        check.conditions(report, variant, path, 1e-9 if double else 2e-6)
        check.lemma(report, variant, figures, path)
        samplewise_lemma(path, alphas, labels)
        scale = figures["mse_a"].mean()
        check.close(f"{variant} mse", np.array(by_mse["lmc"][variant]["loss"]) / scale,
                    figures["mse"].mean(axis=1) / scale)
    check.merge(tool, models, data, path)
    assert by_mse["lmc"]["metric"] == "mse" and "connected" not in by_mse["lmc"]
    print(f"{models[0]}: {check.count} figures, largest difference {check.worst:.2g}")


def load(path):
    with np.load(path) as archive:
        return archive["input"][:LIMIT].astype(np.float64) / 255, archive["labels"][:LIMIT]


def check_many(tool, models, data, x, labels):
    """Three models in one: what each, every pair and all of them reach, and how sure that is."""
    report, check, boot = weld(tool, models, data, "none"), Check(3e-6), Bootstrap(LIMIT)
    twins = [Twin(models[0], model) for model in models]
    parts = [twin.merged(twin.identity(), 0.0) for twin in twins]

    def scored(*which):
        model = twins[0].a.model
        z = run(model, x, {name: sum(parts[k][name] for k in which) / len(which) for name in parts[0]})[model.output]
        return cross_entropy(z, labels), (z.argmax(axis=1) == labels).astype(float)

    def compare(what, ours, loss, correct):
        check.close(f"{what} loss", ours["loss"], loss.mean())
        check.close(f"{what} loss_ci95", ours["loss_ci95"], boot.interval(loss, False))
        check.close(f"{what} accuracy", ours["accuracy"], correct.mean())
        check.close(f"{what} accuracy_ci95", ours["accuracy_ci95"], boot.interval(correct, True))

    many = report["many"]
    ends = [scored(k) for k in range(3)]
    for k, end in enumerate(ends):
        compare(f"model {k}", many["ends"][k], *end)
    together = scored(0, 1, 2)
    compare("together", many, *together)
    compare("merge", report["merges"][0], *together)
    for pair in many["pairs"]:
        a, b = pair["models"]
        loss, correct = scored(a, b)
        compare(f"pair {a} {b}", pair, loss, correct)
        gap = loss - (ends[a][0] + ends[b][0]) / 2
        check.close(f"pair {a} {b} barrier", pair["barrier"], gap.mean())
        check.close(f"pair {a} {b} barrier_ci95", pair["barrier_ci95"], boot.interval(gap, False))
    drops = [correct - together[1] for _, correct in ends]
    ours, tail = report["merges"][0]["accuracy_drop"], 0.025 / len(drops)
    least = lambda end, p: min(boot.quantile(d, end, p) for d in drops)  # noqa: E731
    check.close("drop", ours["value"], min(d.mean() for d in drops))
    check.close("drop ci95", ours["ci95"], [least(-1, 0.025), least(1, 1 - tail)])
    check.close("drop upper95", ours["upper95"], least(1, 1 - 2 * tail))
    print(f"three models: {check.count} figures, largest difference {check.worst:.2g}")


def check_residual(tool, models, data, x):
    """Conditions where there are strides, 1x1 projections, sums and BatchNormalization behind a layer."""
    report, permutations = ours(tool, models, data)
    twin, check = Twin(*models), Check(3e-6)
    for variant, chosen in zip(VARIANTS, (twin.identity(), permutations)):
        check.conditions(report, variant, Path(twin, chosen, x), 3e-6)
    print(f"{models[0]}: {check.count} figures, largest difference {check.worst:.2g}")


def check_prelu(tool, x):
    """Where slopes differ, each model has its own and the merge their mean."""
    rng = np.random.default_rng(4)
    x = x.reshape(LIMIT, -1)[:, 100:150]
    value = lambda name, size: onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", size])  # noqa: E731
    nodes = [onnx.helper.make_node("Gemm", ["x", "w"], ["h"], transB=1), onnx.helper.make_node("PRelu", ["h", "s"], ["r"]),
             onnx.helper.make_node("Gemm", ["r", "v"], ["y"], transB=1)]
    sizes, made = {"w": (20, 50), "s": (20,), "v": (10, 20)}, []
    with tempfile.TemporaryDirectory() as work:
        paths = [f"{work}/{side}.onnx" for side in "ab"]
        for path in paths:
            made.append({k: rng.standard_normal(n).astype(np.float32) for k, n in sizes.items()})
            graph = onnx.helper.make_graph(nodes, "g", [value("x", 50)], [value("y", 10)],
                                           [numpy_helper.from_array(v, k) for k, v in made[-1].items()])
            onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=8), path)
        np.savez(f"{work}/d.npz", x=x.astype(np.float32))
        subprocess.run([tool, "lmc", *paths, "--data", f"{work}/d.npz", "--match", "none", "-q", "--report", f"{work}/r.json"], check=True)
        report = json.loads(pathlib.Path(work, "r.json").read_text())
    h = [x @ m["w"].astype(np.float64).T for m in made]
    prelu = lambda v, s: np.where(v < 0, v * s, v)  # noqa: E731
    mean = sum(prelu(v, m["s"]) for v, m in zip(h, made)) / 2
    expected = squared(prelu(sum(h) / 2, (made[0]["s"] + made[1]["s"]) / 2) - mean) / squared(mean)
    (row,) = report["conditions"]["activations"]
    Check(3e-6).close("PRelu", row["aligned"]["additivity"], expected)


def check_sequence_first(tool):
    """LLFC is the same where the positions stand before the samples, also in a batch of as many samples."""
    rng = np.random.default_rng(6)
    value = lambda name, *dims: onnx.helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *dims])  # noqa: E731
    sizes = {"w": (6, 12), "v": (12, 9), "u": (9, 10)}
    weights = [{k: rng.standard_normal(n).astype(np.float32) for k, n in sizes.items()} for _ in "ab"]
    layers = []
    with tempfile.TemporaryDirectory() as work:
        np.savez(f"{work}/d.npz", x=rng.standard_normal((50, BATCH, 6)).astype(np.float32), labels=rng.integers(0, 10, 50))
        for turned in (False, True):
            turn = [onnx.helper.make_node("Transpose", ["x"], ["t"], perm=[1, 0, 2] if turned else [0, 1, 2])]
            nodes = turn + [onnx.helper.make_node(*n) for n in (
                ("MatMul", ["t", "w"], ["h"]), ("Relu", ["h"], ["r"]), ("MatMul", ["r", "v"], ["g"]), ("Tanh", ["g"], ["s"]))]
            nodes += [onnx.helper.make_node("ReduceMean", ["s"], ["m"], axes=[0 if turned else 1], keepdims=0),
                      onnx.helper.make_node("MatMul", ["m", "u"], ["y"])]
            for path, tensors in zip((f"{work}/a.onnx", f"{work}/b.onnx"), weights):
                graph = onnx.helper.make_graph(nodes, "g", [value("x", BATCH, 6)], [value("y", 10)],
                                               [numpy_helper.from_array(v, k) for k, v in tensors.items()])
                onnx.save(onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 13)], ir_version=8), path)
            subprocess.run([tool, "lmc", f"{work}/a.onnx", f"{work}/b.onnx", "--data", f"{work}/d.npz", "--match", "none",
                            "-q", "--batch", str(BATCH), "--report", f"{work}/r.json", "-f"], check=True)
            report = json.loads(pathlib.Path(work, "r.json").read_text())
            assert not any(w["code"] == "W017" for w in report["warnings"]), report["warnings"]
            layers.append([row["aligned"] for row in report["llfc"]["layers"]])
    straight, turned = layers
    assert len(straight) == 3
    for x, y in zip(straight, turned, strict=True):
        for key in ("one_minus_cos", "coef"):
            for p, q in zip(x[key], y[key], strict=True):
                Check(3e-6).close(key, q["mean"], p["mean"])


def main():
    tool, root = sys.argv[1], pathlib.Path(sys.argv[2])
    data = str(root / "models/grey/eval.npz")
    x, labels = load(data)
    for pair in ("mlp", "cnn", "spawned"):
        models = [str(root / f"models/{pair}/{side}.onnx") for side in "ab"]
        with tempfile.TemporaryDirectory() as work:
            copies = [f"{work}/{pair}_{side}.onnx" for side in "ab"]
            for source, copy in zip(models, copies):
                in_double(source, copy)
            check_pair(tool, copies, data, x, labels, True)
        check_pair(tool, models, data, x, labels, False)
    check_many(tool, [str(root / f"models/mlp/{side}.onnx") for side in "abc"], data, x, labels)
    check_prelu(tool, x)
    check_sequence_first(tool)
    data = str(root / "models/colour/eval.npz")
    check_residual(tool, [str(root / f"models/resnet/{side}.onnx") for side in "ab"], data, load(data)[0])


if __name__ == "__main__":
    main()
