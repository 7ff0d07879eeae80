"""Aligns every pair of tools/study by every matcher and writes the comparison:

    tools/python.sh tools/study.d/compare.py ONNXWELD FOLDER docs/matching.md

Barriers are measured on evaluation images that no matcher has seen.
"""

import json
import math
import statistics
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from scipy.stats import wilcoxon

MATCHERS = ["none", "weights", "second-moment", "activations", "both", "both-correlation", "commutativity", "additivity", "auto"]
CHOSEN = "best of weights, second-moment, activations"
COLOUR = {"resnet-bn"}
OWN_SECTIONS = "<!-- What follows is not written by tools/study. -->"
MLP = "mlp"


def measure(tool, folder, pair, matcher):
    """barrier (chord, loss) and accuracy at one half on the evaluation images, and the report"""
    data = folder / ("colour" if pair.name.rsplit("-", 1)[0] in COLOUR else "grey")
    command = [tool, "lmc", pair / "a.onnx", pair / "b.onnx", "--data", data / "eval.npz", "--match-data",
               data / "match.npz", "--preset", "unit", "--sweep", "0:1:3", "--match", matcher, "--json", "-q", "-j", "1"]
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(f"{pair.name}, {matcher}: {run.stderr}")
    report = json.loads(run.stdout)
    return (report["lmc"]["barrier"]["loss"]["chord"]["aligned"], report["lmc"]["aligned"]["accuracy"][1], report)


def measure_pair(tool, folder, pair):
    rows = {m: measure(tool, folder, pair, m) for m in MATCHERS}
    trials = {c["name"]: c["midpoint_loss"] for c in rows["auto"][2]["match"]["candidates"]}
    best = min(("weights", "second-moment", "activations"), key=lambda m: trials[m])
    rows[CHOSEN] = rows[best]
    return rows


def group_of(pair):
    return pair.name.rsplit("-", 1)[0]


def mean(rows, matcher, which=0):
    return statistics.mean(r[matcher][which] for r in rows)


def against(rows, matcher, other):
    """'-.021 +- .008 (16/7, p .004)': mean difference, pairs better and worse, Wilcoxon's test"""
    differences = [r[matcher][0] - r[other][0] for r in rows]
    better, worse = sum(d < 0 for d in differences), sum(d > 0 for d in differences)
    error = statistics.stdev(differences) / math.sqrt(len(differences))
    p = wilcoxon(differences).pvalue if better + worse else 1.0
    return f"{statistics.mean(differences):+.4f} ± {error:.4f} ({better}/{worse}, p {p:.3g})"


def table(results, groups):
    lines = ["| matcher | " + " | ".join(f"{g} ({len(rows)})" for g, rows in groups.items()) + " |",
             "|---|" + "---|" * len(groups)]
    for m in [*MATCHERS[:4], CHOSEN, *MATCHERS[4:]]:
        cells = [f"{mean(rows, m):.4f} / {100 * mean(rows, m, 1):.2f} %" for rows in groups.values()]
        lines.append(f"| {m} | " + " | ".join(cells) + " |")
    return lines


def distances(rows):
    lines = ["| matcher | J | Dist_W | Dist_H | Dist_com |", "|---|---|---|---|---|"]
    for m in ("commutativity", "auto"):
        reports = [r[m][2]["match"] for r in rows]
        cells = [statistics.mean(r[key] for r in reports if key in r) for key in
                 ("commutativity", "dist_w", "dist_h", "dist_com")]
        lines.append(f"| {m} | " + " | ".join(f"{c:.4f}" for c in cells) + " |")
    return lines


def chosen(rows):
    counts = {}
    for r in rows:
        name = next(c["name"] for c in r["auto"][2]["match"]["candidates"] if c["chosen"])
        counts[name] = counts.get(name, 0) + 1
    return [f"- {name}: {count}" for name, count in sorted(counts.items(), key=lambda item: -item[1])]


def write(path, results):
    groups = {}
    for pair, rows in results.items():
        groups.setdefault(group_of(pair), []).append(rows)
    mlps = [rows for pair, rows in results.items() if group_of(pair).startswith(MLP)]
    shown = {"all MLPs": mlps, **groups}
    lines = ["# Matchers compared", "",
             "Written by `tools/study`, which trains the pairs (seeded, on images that we draw) and measures them.",
             "Each cell: mean loss barrier of the midpoint (chord, the loss above the mean of the ends) / mean accuracy,",
             "on 5,000 images that no matcher saw; matching on 5,000 others. The merge is the plain mean of the weights;",
             "no statistics are repaired. In brackets: how many pairs.", "",
             *table(results, shown), "",
             f"`{CHOSEN}`: for each pair the one with the least midpoint loss on the matching images. `auto` chooses",
             "among ten candidates in the same way (and `none`).", "",
             "## Paired differences of the barrier on the MLPs", "",
             "Mean ± standard error (pairs better/worse, Wilcoxon's p); negative is better.", "",
             f"| matcher | against {CHOSEN} | against both |", "|---|---|---|"]
    for m in ("both", "both-correlation", "commutativity", "auto"):
        other = "–" if m == "both" else against(mlps, m, "both")
        lines.append(f"| {m} | {against(mlps, m, CHOSEN)} | {other} |")
    lines += ["", "## What auto chose on the MLPs", "", *chosen(mlps), "",
              "## Between matched units of the MLPs, mean", "", *distances(mlps), "",
              *reading(mlps, groups)]
    old, mark = path.read_text() if path.exists() else "", f"\n{OWN_SECTIONS}\n"
    path.write_text("\n".join(lines) + "\n" + (mark + old.partition(mark)[2] if mark in old else ""))


def reading(mlps, groups):
    """Says what the figures say, also of what loses."""
    best, both = mean(mlps, CHOSEN), mean(mlps, "both")
    term, auto = mean(mlps, "commutativity"), mean(mlps, "auto")
    order = sorted([("best of the three", best), ("both", both), ("commutativity", term), ("auto", auto)],
                   key=lambda item: item[1])
    lines = ["## Reading it", "",
             "On the MLPs, from the lowest mean barrier to the highest: " +
             ", ".join(f"{name} {value:.4f}" for name, value in order) + ".", ""]
    for name, rows in groups.items():
        losers = [m for m in ("both", "both-correlation", "commutativity") if mean(rows, m) > mean(rows, CHOSEN)]
        if losers:
            lines.append(f"- On {name} the best of the three beats {', '.join(losers)} in the mean.")
    lines += ["", "A network with BatchNormalization needs its statistics repaired after any of these merges: its barriers",
              "here are those of the plain mean."]
    return lines


def main():
    tool, folder, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]), Path(sys.argv[3])
    pairs = sorted(p for p in folder.iterdir() if (p / "b.onnx").exists())
    with ThreadPoolExecutor(2) as pool:
        results = dict(zip(pairs, pool.map(lambda p: measure_pair(tool, folder, p), pairs)))
    out.parent.mkdir(exist_ok=True)
    write(out, results)
    print(out.read_text())


if __name__ == "__main__":
    main()
