"""See tools/figures."""

import json
import pathlib
import statistics
import subprocess
import sys

MNIST = "mnist/t10k-images-idx3-ubyte.gz"
MNIST_TRAIN = "mnist/train-images-idx3-ubyte.gz"
# pair, data, match data, options, the table: naive accuracy and loss, barrier of correlation
PAIRS = [
    ("otfusion-mnist-mlp", MNIST, MNIST_TRAIN, ["--preset", "mnist", "--match-limit", "10000"], (0.7384, 1.266, 0.0513)),
    ("lenet5-mnist", MNIST, MNIST_TRAIN, ["--preset", "mnist", "--match-limit", "5000"], (0.4144, 1.748, 0.037)),
    ("sri-resnet-cifar10", "cifar10/cifar10_test_jpegq75.bin.gz",
     "cifar10/cifar10_data_batch_1_first4000_lossless.bin.gz",
     ["--limit", "4000", "--match-limit", "1000", "--mean", ".4914,.4822,.4465", "--std", ".2471,.2435,.2616", "--scale", "0.00392156862745098"],
     (0.1328, 2.245, 0.754)),
    ("mnistfc-173", MNIST, MNIST_TRAIN, ["--preset", "unit", "--match-limit", "10000"], (0.9129, 0.557, 0.0226)),
    ("mnistfc-100x2", MNIST, MNIST_TRAIN, ["--preset", "unit", "--match-limit", "10000"], (0.7022, 1.306, 0.0778)),
    ("mnistfc-50x4", MNIST, MNIST_TRAIN, ["--preset", "unit", "--match-limit", "10000"], (0.3325, 2.034, 0.221)),
]


def lmc(tool, models, data, options):
    command = [tool, "lmc", *map(str, models), "--data", str(data), "--sweep", "0:1:3", "--json", "-q"]
    run = subprocess.run([*command, *options], capture_output=True, text=True)
    if run.returncode:
        raise SystemExit(run.stderr)
    return json.loads(run.stdout)


def barrier(report):
    return report["lmc"]["barrier"]["loss"]["chord"]["aligned"]


def main():
    tool, shared = sys.argv[1], pathlib.Path(sys.argv[2])
    for name, data, match, options, (accuracy, loss, correlation) in PAIRS:
        models = sorted((shared / "models/pairs" / name).glob("*.onnx"))[:2]
        evaluation, matching = shared / "data" / data, shared / "data" / match
        activations = lmc(tool, models, evaluation,
                          [*options, "--match", "activations", "--match-data", str(matching)])
        orders = [lmc(tool, models, evaluation, [*options, "--match", "weights", "--restarts", "1", "--seed", str(seed)])
                  for seed in range(10)]
        naive = activations["lmc"]["naive"]
        print(f"{name}: naive {naive['accuracy'][1]:.4f} (table {accuracy:.4f}), "
              f"{naive['loss'][1]:.3f} ({loss:.3f}); activations {barrier(activations):.4f} "
              f"({correlation:.4f}); weights over 10 orders {min(map(barrier, orders)):.4f} to "
              f"{max(map(barrier, orders)):.4f}, median {statistics.median(map(barrier, orders)):.4f}; "
              f"max_rel {max(r['verification']['max_rel'] for r in [activations, *orders]):.1e}",
              flush=True)


if __name__ == "__main__":
    main()
