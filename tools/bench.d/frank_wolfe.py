"""Weight matching by Frank-Wolfe over all classes beside coordinate descent: objectives and barriers.

    tools/bench frank_wolfe

For each pair: the objective of `weights` (one descent from the anchored sweep) and of its best of 8
restarts, of `frank-wolfe` with 1, 2 and 8 walks, and the loss barrier (chord) of the merges where there are
data that fit. Pairs: those of models/ and shared/models/pairs, and networks of independent random
weights.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from match import mlp, resnet20

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
MNIST = SHARED / "data/mnist/t10k-images-idx3-ubyte.gz"
HOWS = [("weights", []), ("weights of 8", ["--restarts", "8"]), ("1 walk", ["--restarts", "1"]),
        ("2 walks", ["--restarts", "2"]), ("8 walks", ["--restarts", "8"])]


def data_for(name):
    if name == "sri-resnet-cifar10":
        return [SHARED / "data/cifar10/cifar10_test_jpegq75.bin.gz", "--limit", "1000", "--mean", ".4914,.4822,.4465",
                "--std", ".2471,.2435,.2616", "--scale", "0.00392156862745098"]
    if name.startswith("models/"):
        return [ROOT / "models" / ("colour" if name == "models/resnet" else "grey") / "eval.npz", "--preset", "unit"]
    return [MNIST, "--preset", "unit" if name.startswith("mnistfc") else "mnist"]


def run(tool, command, a, b, how, options):
    method = "frank-wolfe" if "walk" in how else "weights"
    full = [tool, command, a, b, "--match", method, "--json", "-q", *options]
    done = subprocess.run(list(map(str, full)), capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def measure(tool, label, a, b, data):
    cells = []
    for how, options in HOWS:
        with tempfile.TemporaryDirectory() as work:
            report = run(tool, "align", a, b, how, [*options, "-o", f"{work}/b.onnx"])
        cell = f"{report['match']['objective'][1]:.2f}"
        if data:
            lmc = run(tool, "lmc", a, b, how, [*options, "--sweep", "0:1:3", "--data", *data])
            cell += f" / {lmc['lmc']['barrier']['loss']['chord']['aligned']:.4f}"
        cells.append(cell)
    print(f"| {label} | " + " | ".join(cells) + " |", flush=True)


def main():
    tool = pathlib.Path(sys.argv[1]).resolve()
    print("| pair | " + " | ".join(how for how, _ in HOWS) + " |\n" + "|---" * (len(HOWS) + 1) + "|")
    for folder in sorted((SHARED / "models/pairs").iterdir()):
        pair = sorted(folder.glob("*.onnx"))[:2]
        measure(tool, folder.name, *pair, data_for(folder.name))
    for name in ("mlp", "cnn", "resnet", "vit", "spawned"):
        pair = [ROOT / f"models/{name}/{side}.onnx" for side in "ab"]
        measure(tool, f"models/{name}", *pair, data_for(f"models/{name}"))
    for label, (net, y) in (("random resnet20", resnet20(1)), ("random mlp 512x3", mlp(512, 3))):
        with tempfile.TemporaryDirectory() as work:
            paths = [pathlib.Path(work) / name for name in ("a.onnx", "b.onnx")]
            for seed, path in enumerate(paths):
                net.save(path, net.weights(seed + 1), y)
            measure(tool, label, *paths, None)


if __name__ == "__main__":
    main()
