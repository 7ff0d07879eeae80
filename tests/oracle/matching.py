"""Weight matching against the float64 twin (twin_matching.py), from the same start and in the same
order of visits: the same permutations, and an objective that is not lower.

    tools/python.sh tests/oracle/matching.py ONNXWELD A.onnx B.onnx [A.onnx B.onnx]...
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from twin_matching import Twin


def ours(tool, a, b):
    with tempfile.TemporaryDirectory() as work:
        path = pathlib.Path(work) / "perm.json"
        command = [tool, "align", a, b, "-o", f"{work}/b.onnx", "--save-perm", str(path), "-q"]
        subprocess.run([*command, "--restarts", "1", "--graph-order"], check=True)
        classes = json.loads(path.read_text())["classes"]
    return [np.array(c["perm"]) for c in classes]


def count_different(twin, ours, theirs):
    """Units at other places, and how many of them matter: dead units are worth nothing anywhere."""
    different = matter = 0
    for unit_class, (p, q) in enumerate(zip(ours, theirs)):
        scores, _ = twin.weight_scores(unit_class, theirs)
        rows = np.flatnonzero(p != q)
        worth = np.abs(scores[rows, p[rows]] - scores[rows, q[rows]])
        different += len(rows)
        matter += int((worth > 1e-12 * np.abs(scores).max()).sum())
    return different, matter


def check(tool, a, b):
    twin = Twin(a, b)
    theirs, sweeps = twin.match_weights(list(range(len(twin.a.sizes))))
    permutations = ours(tool, a, b)
    if [len(p) for p in permutations] != [len(p) for p in theirs]:
        return f"classes of {[len(p) for p in permutations]}, the twin has {[len(p) for p in theirs]}"
    objective, expected = twin.objective(permutations), twin.objective(theirs)
    different, matter = count_different(twin, permutations, theirs)
    print(f"{a} {b}: objective {objective:.6f}, twin {expected:.6f}, {sweeps} sweeps, "
          f"{different} units differ, {matter} of them matter")
    if objective < expected - 1e-9 * abs(expected):
        return "lower objective than the twin"
    return "other permutations than the twin" if matter else None


def main():
    tool, paths = sys.argv[1], sys.argv[2:]
    failures = [check(tool, a, b) for a, b in zip(paths[::2], paths[1::2])]
    for failure in filter(None, failures):
        print("FAIL", failure)
    return any(failures) or not failures


if __name__ == "__main__":
    sys.exit(main())
