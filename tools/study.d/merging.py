"""Merges pairs in every way, measures the merges and writes the comparison:

    tools/python.sh tools/study.d/merging.py ONNXWELD SHARED FOLDER docs/merging.md

The merges learn from matching data and are measured on evaluation data.
"""

import json
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

LOGITS = "repair, last layer too"
METHODS = ["none", "bias", "reset", "rescale", "repair", LOGITS, "closed-form", "features"]
MATCHERS = ["weights", "activations"]
SAMPLES = {10000: [100, 500, 1000, 2000, 5000, 10000], 4000: [100, 500, 1000, 2000, 4000], 1000: [50, 100, 250, 500, 1000]}
CIFAR = ("--limit 2000 --mean .4914,.4822,.4465 --std .2471,.2435,.2616 --scale 0.00392156862745098").split()

EXPLAINED = """\
- `none`: the mean of the parameters.
- `bias` (no data): the biases of layer h weigh α^h and (1 - α)^h. This is the unnormalised form of the literature: at α = ½
  the biases of layer h are their mean divided by 2^(h-1). In the form in which the two weights are divided by their
  sum, equal biases would stay equal; at ½ that is (½)^h / (2 (½)^h) = ½, the mean, so there is nothing to measure.
  Only for networks without normalisation; others stay as they are.
- `reset`: the running statistics of BatchNormalization taken anew. Others stay as they are.
- `rescale`: every unit of every layer but the last gets the mean of the ends' deviations.
- `repair`: deviation and mean. A layer without bias gets the deviation only.
- `repair, last layer too`: the same with `--repair-logits`.
- `closed-form`: as `repair`, but what the merge deviates by is computed from the correlation of the ends' units; the
  merge itself never runs.
- `features`: each layer is fitted by least squares, on the features of the merge before it, to the mean of what the
  ends' layers make of their own features. No labels, but a distillation of the ends, not a point on the
  line between them: its figure is no barrier in the sense of linear mode connectivity, only measured in the same way.

Where a BatchNormalization stands right behind a layer, `rescale` and `repair` reset it, `closed-form` computes its
statistics, and `features` fits both as one layer."""

READ = """\
What loses:

- On `lenet5-mnist` the repairs raise the loss (but for the last layer's with weight matching, which leaves it as it is),
  most of them while more images are answered right. `--stats auto` goes by the loss.
- `bias` hardly changes the MNIST networks of `../shared`, for better or worse, costs a little on `models/mlp` and
  `models/cnn`, and ruins `sri-resnet-cifar10`, the deepest of them. `auto` tries it; nothing takes it by default.
- `rescale` without the means is worse than no correction on `mnistfc-50x4` with weight matching; `repair` is better.
- No statistic repairs `models/vit`; only `repair` with activation matching lowers its loss at all. `features`
  brings it from about 20 to 65 %, still far from the ends' 95 %.
- The last layer, too: less loss than `repair` without it nearly everywhere, but more on `models/vit`, on `models/resnet`
  matched by weights and on `lenet5-mnist` matched by activations.
- Statistics do not make up for a poor permutation: by weights `reset` brings `models/resnet` to 65 %, by activations to 87 %.
  `features` reaches 97 % and more from either."""


@dataclass(frozen=True)
class Pair:
    name: str
    models: tuple
    data: str
    match: str
    match_limit: int
    options: tuple


def pairs_of(shared):
    mnist, cifar = shared / "data/mnist", shared / "data/cifar10"
    for name, preset in (("mnistfc-173", "unit"), ("mnistfc-100x2", "unit"), ("mnistfc-50x4", "unit"),
                         ("otfusion-mnist-mlp", "mnist"), ("lenet5-mnist", "mnist")):
        models = tuple(sorted((shared / "models/pairs" / name).glob("*.onnx"))[:2])
        yield Pair(name, models, mnist / "t10k-images-idx3-ubyte.gz", mnist / "train-images-idx3-ubyte.gz", 10000,
                   ("--preset", preset))
    yield Pair("sri-resnet-cifar10", tuple(sorted((shared / "models/pairs/sri-resnet-cifar10").glob("*.onnx"))[:2]),
               cifar / "cifar10_test_jpegq75.bin.gz", cifar / "cifar10_data_batch_1_first4000_lossless.bin.gz", 4000,
               tuple(CIFAR))
    for name, colours in (("mlp", "grey"), ("cnn", "grey"), ("resnet", "colour"), ("vit", "grey")):
        data = Path("models") / colours
        yield Pair(f"models/{name}", tuple(Path("models") / name / f"{side}.onnx" for side in "ab"), data / "eval.npz",
                   data / "match.npz", 1000, ("--preset", "unit"))


# ---- measuring ---------------------------------------------------------------------------------


class Study:
    def __init__(self, tool, folder):
        self.tool, self.folder = tool, folder

    def weld(self, pair, name, *options):
        """The report of one run; `name` of its files. What is there is not made again."""
        stem = self.folder / f"{pair.name.replace('/', '-')}-{name}"
        if Path(f"{stem}.json").exists():
            return json.loads(Path(f"{stem}.json").read_text())
        command = [self.tool, "weld", *pair.models, "-o", f"{stem}.onnx", "-f", "--match-data", pair.match, "--data",
                   pair.data, *pair.options, "--sweep", "0:1:3", "--report", f"{stem}.json", "-q", "-j", "1", *options]
        run = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if run.returncode:
            raise SystemExit(f"{' '.join(map(str, command))}: {run.stderr}")
        return json.loads(Path(f"{stem}.json").read_text())

    def matched(self, pair, matcher):
        """method -> figures of the merge; the permutation is kept."""
        perm = self.folder / f"{pair.name.replace('/', '-')}-{matcher}.perm.json"
        limit = ("--match-limit", pair.match_limit)
        report = self.weld(pair, matcher, *limit, "--match", matcher, "--stats", "none", "--compare", "all", "--save-perm",
                           perm)
        rows = {"ends": mean_of_ends(report)}
        for merge in report["merges"][1:]:
            name = merge["statistics"] if merge["method"] == "lerp" else merge["method"]
            if name == "none" or merge["corrected_layers"]:
                rows[name] = figures(report, merge)
        if "repair" in rows:
            more = self.weld(pair, f"{matcher}-logits", *limit, "--match", perm, "--stats", "repair", "--repair-logits")
            rows[LOGITS] = figures(more, more["merges"][0])
        return rows, perm

    def sampled(self, pair, perm):
        """samples -> figures of repair and features, with the permutation that all samples gave"""
        rows = {}
        for n in SAMPLES[pair.match_limit]:
            report = self.weld(pair, f"{n}", "--match-limit", n, "--match", perm, "--stats", "none", "--compare",
                               "none,repair,features")
            rows[n] = [figures(report, merge) for merge in report["merges"][1:]]
        return rows

    def measure(self, pair):
        rows = {matcher: self.matched(pair, matcher)[0] for matcher in MATCHERS}
        _, perm = self.matched(pair, "both")
        samples = self.sampled(pair, perm)
        print(pair.name, "done", flush=True)
        return rows, samples


def mean_of_ends(report):
    curve = report["lmc"]["aligned"]
    return ((curve["accuracy"][0] + curve["accuracy"][-1]) / 2, (curve["loss"][0] + curve["loss"][-1]) / 2)


def figures(report, merge):
    """accuracy, barrier: the loss above the chord"""
    return merge["accuracy"], merge["loss"] - mean_of_ends(report)[1]


# ---- writing -----------------------------------------------------------------------------------


def cell(figure, best=False):
    if figure is None:
        return "–"
    text = f"{100 * figure[0]:.2f} / {figure[1]:+.4f}"
    return f"**{text}**" if best else text


def rows_of(results, matcher):
    lines = ["| pair | ends | " + " | ".join(METHODS) + " |", "|---|---|" + "---|" * len(METHODS)]
    for pair, (rows, _) in results.items():
        figures_of = rows[matcher]
        least = min(f[1] for m, f in figures_of.items() if m != "ends")
        cells = [cell(figures_of.get(m), m in figures_of and figures_of[m][1] == least) for m in METHODS]
        ends = figures_of["ends"]
        lines.append(f"| {pair.name} | {100 * ends[0]:.2f} ({ends[1]:.4f}) | " + " | ".join(cells) + " |")
    return lines


def sample_rows(results):
    lines = []
    for limit, counts in SAMPLES.items():
        lines += [f"| pair | merge | {' | '.join(map(str, counts))} |", "|---|---|" + "---|" * len(counts)]
        for pair, (_, rows) in results.items():
            if pair.match_limit != limit:
                continue
            lines.append(f"| {pair.name} | none | {cell(rows[counts[0]][0])} |" + " |" * (len(counts) - 1))
            for k, name in ((1, "repair"), (2, "features")):
                lines.append(f"| | {name} | " + " | ".join(cell(rows[n][k]) for n in counts) + " |")
        lines.append("")
    return lines[:-1]


def changes(results, method):
    """Loss and accuracy against `none` over all pairs and matchers: (pair, matcher, of loss, of accuracy)"""
    out = []
    for pair, (rows, _) in results.items():
        for matcher in MATCHERS:
            if method in rows[matcher]:
                accuracy, loss = (x - y for x, y in zip(rows[matcher][method], rows[matcher]["none"]))
                out.append((pair.name, matcher, loss, accuracy))
    return out


def reading(results):
    lines = []
    for method in METHODS[1:]:
        all_changes = changes(results, method)
        worse = [f"{pair} ({matcher}, {loss:+.4f}; accuracy {100 * accuracy:+.2f})"
                 for pair, matcher, loss, accuracy in all_changes if loss > 0]
        middle = statistics.median(loss for _, _, loss, _ in all_changes)
        lines.append(f"- `{method}`: lower loss than `none` in {len(all_changes) - len(worse)} of {len(all_changes)}, median "
                     f"change {middle:+.4f}" + (f"; higher on {', '.join(worse)}." if worse else "."))
    return lines


def saturation(results):
    """Samples from which the barrier stays within a tenth (or .002) of what all samples give"""
    lines = []
    for k, name in ((1, "repair"), (2, "features")):
        parts = []
        for pair, (_, rows) in results.items():
            counts, last = sorted(rows), rows[max(rows)][k][1]
            far = [n for n in counts if abs(rows[n][k][1] - last) > max(0.002, 0.1 * abs(last))]
            parts.append(f"{pair.name} {counts[counts.index(far[-1]) + 1] if far else counts[0]}")
        lines.append(f"- `{name}`: {', '.join(parts)}.")
    return lines


def write(path, results):
    lines = ["# Merges compared", "",
             "Written by `tools/merging`, which measures the pairs of `models/` and `../shared`. Each cell: accuracy in % and barrier",
             "at α = ½, the loss (cross-entropy) above the mean of the ends', on evaluation data that neither the permutation nor the",
             "correction has seen: 10,000 images of MNIST's test set, 2,000 of CIFAR-10's, 1,000 of `models/*/eval.npz`.",
             "Both were chosen on 10,000, 4,000 and 1,000 other images. `ends`: mean accuracy (mean loss). Bold: the lowest loss of the",
             "row.", "",
             "## What is compared", "", EXPLAINED, "",
             *(line for m in MATCHERS for line in (f"## Matched by {m}", "", *rows_of(results, m), "")),
             "–: the statistic corrects nothing there (no biases or a normalisation for `bias`, no BatchNormalization for `reset`).",
             "`otfusion-mnist-mlp` has no biases, so `repair` is `rescale`.", "",
             "## Against the plain mean", "",
             "Over the pairs above and both matchers, where the statistic corrects anything:", "", *reading(results), "",
             READ, "", "## How many samples", "",
             "Matched by `--match both` on all matching images, one permutation for all columns; only the correction sees fewer.", "",
             *sample_rows(results), "",
             "From how many samples on the barrier stays within a tenth (or 0.002) of that with all:", "",
             *saturation(results), "",
             "## The commands", "",
             "    onnxweld weld A B -o m.onnx --match weights --stats none --compare all --match-data train --match-limit 10000 \\",
             "        --data test --preset unit --sweep 0:1:3 --report r.json",
             "", "and `merges` of the report; `--preset mnist` for otfusion and lenet5, for sri-resnet-cifar10",
             f"`{' '.join(CIFAR)}`."]
    path.write_text("\n".join(lines) + "\n")


def main():
    tool, shared, folder, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])
    pairs = list(pairs_of(shared))
    study = Study(tool, folder)
    with ThreadPoolExecutor(2) as pool:
        results = dict(zip(pairs, pool.map(study.measure, pairs)))
    write(out, results)
    print(out.read_text())


if __name__ == "__main__":
    main()
