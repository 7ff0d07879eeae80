"""The assignment solver beside scipy's linear_sum_assignment, on the same matrices.

    tools/bench lap [--sizes 64,256,512,2048,4096] [--fuzz 20000] [--double] [--full]

Prints ms of ours, ms of scipy, their ratio and whether the objectives agree, and in the end the
targets L1 to L5. Times: see tools/benchlib.py. Ours gets scores in single precision, as weight
matching does, scipy the same numbers in double, which is all that it takes; --double gives both double.
scipy gets its costs ready made: the negated copy that it needs for scores counts only in L5. --full adds n = 4096 to L3, a fuzz of 10^5, and
n = 12000 (L5; 3 GB, minutes).
"""

import argparse
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import benchlib
import numpy as np
from scipy.optimize import linear_sum_assignment

PAIR = pathlib.Path(__file__).parents[3] / "shared/models/pairs/otfusion-mnist-mlp"


def normal(rng, *shape):
    return rng.standard_normal(shape)


def relu_correlation(rng, n, dead=0.3, batch=512, rank=48):
    """Correlation of the activations of two layers, of which a share never fires."""
    units = []
    source = normal(rng, batch, rank)
    for _ in range(2):
        x = np.maximum(source @ normal(rng, rank, n) / np.sqrt(rank) - 0.5, 0)
        x[:, rng.random(n) < dead] = 0
        x -= x.mean(0)
        length = np.linalg.norm(x, axis=0)
        units.append(np.divide(x, length, out=np.zeros_like(x), where=length > 0))
    return units[0].T @ units[1]


def low_rank(rng, n, rank=32):
    return normal(rng, n, rank) @ normal(rng, rank, n)


def scaled(rng, n):
    rows, columns = (rng.lognormal(0, 1, n) for _ in range(2))
    return low_rank(rng, n) * rows[:, None] * columns


def points(rng, n):
    a, b = rng.random((n, 1, 2)), rng.random((1, n, 2))
    return -np.hypot(*np.moveaxis(a - b, 2, 0))


def permuted_identity(rng, n, noise):
    return np.eye(n)[rng.permutation(n)] + noise * normal(rng, n, n)


def trained(_, n):
    """What the first sweep sees in the widest layer, of 400 units, of two trained networks."""
    import onnx

    weights = []
    for path in sorted(PAIR.glob("*.onnx"))[:2]:
        tensors = map(onnx.numpy_helper.to_array, onnx.load(path).graph.initializer)
        weights += [t.astype(float) for t in tensors if t.ndim == 2 and t.shape[0] == n][:1]
    return weights[0] @ weights[1].T if len(weights) == 2 else None


KINDS = {
    "gauss": lambda rng, n: normal(rng, n, n),
    "perm0.1": lambda rng, n: permuted_identity(rng, n, 0.1),
    "perm0.3": lambda rng, n: permuted_identity(rng, n, 0.3),
    "lowrank32": low_rank,
    "scaled32": scaled,
    "corr": relu_correlation,
    "trained": trained,
    "rank1": lambda rng, n: low_rank(rng, n, 1),
    "constant": lambda rng, n: np.full((n, n), 0.25),
    "distances": points,
    "dead": lambda rng, n: relu_correlation(rng, n, 0.6),
    "ints": lambda rng, n: rng.integers(0, 10, (n, n)).astype(float),
}
USUAL = list(KINDS)[:6]
WORST = list(KINDS)[7:]


def write(file, score):
    file.write(np.array([len(score), score.itemsize]).tobytes())
    file.write(np.ascontiguousarray(score).tobytes())


def ours(program, matrices, repeat):
    """[(ms, objective, bytes)] of the matrices."""
    with tempfile.NamedTemporaryFile(prefix="bench_lap") as file:
        for score in matrices:
            write(file, score)
        file.flush()
        out = subprocess.run([program, file.name, str(repeat)], check=True, capture_output=True)
    lines = [line.split() for line in out.stdout.decode().splitlines()]
    return [(float(ms), float(objective), int(size)) for ms, objective, size in lines]


def gap(objective, reference):
    return (reference - objective) / max(1e-300, abs(reference))


class Table:
    """The measured ratios, printed as they come."""

    def __init__(self, program, dtype):
        self.program, self.dtype, self.ratios, self.gaps = program, dtype, {}, []
        print(f"{'n':>6} {'kind':<10} {'ours ms':>10} {'scipy ms':>10} {'ratio':>7}  objectives")

    def measure(self, kind, n):
        score = KINDS[kind](np.random.default_rng([n, list(KINDS).index(kind)]), n)
        if score is None:
            return
        score = score.astype(self.dtype)
        cost, found = -score.astype(np.float64), []  # scipy gets it ready made
        repeat = max(1, min(30, 10**6 // n**2))

        def turn():
            found[:] = ours(self.program, [score], repeat)[0]
            return found[0] / 1e3

        seconds, peer, chosen = benchlib.alternate(turn, lambda: linear_sum_assignment(cost))
        ms, peer_ms, objective, reference = 1e3 * seconds, 1e3 * peer, found[1], -cost[chosen].sum()
        self.ratios[kind, n] = peer_ms / ms
        self.gaps.append(gap(objective, reference))
        same = "agree" if abs(self.gaps[-1]) <= 1e-12 else f"DIFFER by {self.gaps[-1]:.1e}"
        print(f"{n:>6} {kind:<10} {ms:>10.3f} {peer_ms:>10.3f} {peer_ms / ms:>6.1f}x  {same}",
              flush=True)

    def least(self, kinds, sizes):
        found = [self.ratios[k, n] for k in kinds for n in sizes if (k, n) in self.ratios]
        return min(found) if found else None


def fuzz_case(rng):
    n, kind = int(rng.integers(1, 65)), rng.integers(7)
    score = normal(rng, n, n)
    if kind == 1:
        score = rng.integers(-3, 4, (n, n)).astype(float)
    if kind == 2:
        score = np.maximum(normal(rng, n, 5), 0) @ np.maximum(normal(rng, 5, n), 0)
    if kind == 3:
        score = low_rank(rng, n, 1)
    if kind == 4:
        score *= 10.0 ** rng.uniform(-8, 8, (n, 1))
    if kind == 5:
        score[rng.random(n) < 0.5] = 0
        score[:, rng.random(n) < 0.5] = 0
    if kind == 6:
        score[:] = score[0, 0]
    return score


def fuzz(program, count, dtype):
    """(cases that differ from scipy, the largest relative difference)"""
    rng, failed, worst = np.random.default_rng(4), 0, 0.0
    for start in range(0, count, 2000):
        cases = [fuzz_case(rng).astype(dtype) for _ in range(min(2000, count - start))]
        for score, (_, objective, _) in zip(cases, ours(program, cases, 1), strict=True):
            score = score.astype(np.float64)
            chosen = score[linear_sum_assignment(score, maximize=True)]
            difference = abs(objective - chosen.sum()) / max(1e-300, np.abs(chosen).sum())
            worst = max(worst, difference)
            failed += difference > 1e-12
    return failed, worst


def large(program, dtype, n=12000):
    """(times faster than scipy, our memory as a share of scipy's, each beyond the scores' own)"""
    score = normal(np.random.default_rng(5), n, n).astype(dtype)
    ms, objective, size = ours(program, [score], benchlib.TURNS)[0]
    own, score = score.nbytes, score.astype(np.float64)
    seconds, chosen = benchlib.peer_turn(lambda: linear_sum_assignment(score, maximize=True))
    assert abs(gap(objective, score[chosen].sum())) <= 1e-12
    return 1e3 * seconds / ms, (size + own) / (2 * score.nbytes), size / own


def verdict(name, text, target, measured, met):
    if measured is None:
        print(f"{name} {text}: target {target}, not measured")
    else:
        print(f"{name} {text}: target {target}, measured {measured} {'ok' if met else 'MISSED'}")
    return met or measured is None


def verdicts(table, options):
    good = []
    for kind, n, least in (("gauss", 512, 4), ("trained", 400, 6), ("perm0.1", 512, 10)):
        x = table.least([kind], [n])
        good.append(verdict("L1", f"n={n} {kind}", f">= {least}x", x and f"{x:.1f}x",
                            x and x >= least))
    for n, least in ((2048, 12), (4096, 20)):
        x = table.least(["gauss", "lowrank32", "scaled32"], [n])
        good.append(verdict("L2", f"n={n} gauss, lowrank32, scaled32", f">= {least}x",
                            x and f"{x:.1f}x", x and x >= least))
    x = table.least(WORST, [512, 2048, 4096])
    good.append(verdict("L3", "the worst of " + ", ".join(WORST), ">= 1.5x", x and f"{x:.1f}x",
                        x and x >= 1.5))
    failed, worst = fuzz(table.program, options.fuzz, table.dtype)
    worst = max([worst] + [abs(g) for g in table.gaps])
    good.append(verdict("L4", f"objective equals scipy's, {options.fuzz} random cases",
                        "0 failures, <= 1e-12", f"{failed} failures, {worst:.1e}",
                        failed == 0 and worst <= 1e-12))
    ratio = share = beyond = None
    if options.full:
        ratio, share, beyond = large(table.program, table.dtype)
    good.append(verdict("L5", "n=12000 gauss, time", ">= 30x", ratio and f"{ratio:.1f}x",
                        ratio and ratio >= 30))
    good.append(verdict("L5", "n=12000 gauss, memory with the scores", "<= 0.3x",
                        share and f"{share:.2f}x ({beyond:.3f}x without)", share and share <= 0.3))
    return all(good)


def main():
    parser = argparse.ArgumentParser(prog="tools/bench lap")
    parser.add_argument("program")
    parser.add_argument("--sizes", default="64,256,512,2048,4096")
    parser.add_argument("--fuzz", type=int)
    parser.add_argument("--double", action="store_true")
    parser.add_argument("--full", action="store_true")
    options = parser.parse_args()
    options.fuzz = options.fuzz if options.fuzz is not None else 100000 if options.full else 20000
    sizes = [int(n) for n in options.sizes.split(",")]
    table = Table(options.program, np.float64 if options.double else np.float32)
    with benchlib.Machine(options.program):
        for n in sizes:
            for kind in USUAL:
                table.measure(kind, n)
        if 512 in sizes:
            table.measure("trained", 400)
        for n in sizes:
            if n in (512, 2048) or (n == 4096 and options.full):
                for kind in WORST:
                    table.measure(kind, n)
        met = verdicts(table, options)
    return not met


sys.exit(main())
