"""Rebuilds every model and data file under models/ from seeds:

    tools/python.sh tools/models/make_models.py [DIRECTORY]

The same machine and package versions give the same bytes.
"""

import os

# One thread per process: two networks train side by side, and the sums keep one order.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import io
import sys
import zipfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx

import dataset
import export
import networks
from export import Style
from train import Adam, Sgd, as_input, evaluate, train

CHANNELS = {"grey": 1, "colour": 3}
HELD_BACK = 1000  # images in eval.npz and in match.npz
SEEDS = {"train": 100, "eval": 200, "match": 300}  # plus the number of channels


@dataclass(frozen=True)
class Pair:
    """How a pair, or more, is trained; with `together` the second seed only takes over from that epoch."""

    name: str
    build: object
    data: str
    images: int
    epochs: int
    optimiser: object
    rate: float
    decay: float
    seeds: tuple
    styles: tuple
    together: int = 0


PAIRS = [
    Pair(
        "mlp", networks.mlp, "grey", 60000, 30, Sgd, 0.1, 1e-3, (1, 2, 11),
        (Style(13, "module"), Style(13, "numbers"), Style(13, "module")),
    ),
    Pair(
        "spawned", networks.mlp, "grey", 60000, 20, Adam, 2e-3, 1e-2, (3, 4),
        (Style(11, "numbers", dense="matmul", flatten="reshape"),) * 2, together=5,
    ),
    Pair(
        "cnn", networks.cnn, "grey", 16000, 8, Sgd, 0.05, 1e-3, (5, 6),
        (Style(11, "module", batch=1), Style(11, "module", batch=1, initializers="sorted")),
    ),
    Pair(
        "resnet", networks.resnet, "colour", 6000, 6, Sgd, 0.1, 1e-3, (7, 8),
        (Style(17, "module"),) * 2,
    ),
    Pair(
        "vit", networks.vit, "grey", 60000, 12, Adam, 3e-3, 1e-2, (9, 10),
        (Style(17, "module"), Style(17, "numbers")),
    ),
]  # fmt: skip


def images_of(kind, purpose, count):
    channels = CHANNELS[kind]
    return dataset.make(SEEDS[purpose] + channels, count, channels)


def npz_bytes(arrays):
    """Like np.savez_compressed, but without the clock: the same arrays give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(name + ".npy", (1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            npy = io.BytesIO()
            np.lib.format.write_array(npy, array, allow_pickle=False)
            archive.writestr(entry, npy.getvalue(), compresslevel=9)
    return out.getvalue()


def train_one(pair, seed):
    """Trains one network of a pair; returns it and its test figures."""
    images, labels = images_of(pair.data, "train", pair.images)
    data = as_input(images), labels
    first_seed = pair.seeds[0] if pair.together else seed
    rng = np.random.default_rng(first_seed)
    network = pair.build(rng)
    if pair.together:
        optimiser = pair.optimiser(network.parameters(), pair.rate, pair.decay)
        train(network, optimiser, data, rng, pair.together)
        rng = np.random.default_rng([first_seed, seed])
    optimiser = pair.optimiser(network.parameters(), pair.rate, pair.decay)
    train(network, optimiser, data, rng, pair.epochs - pair.together)
    images, labels = images_of(pair.data, "eval", HELD_BACK)
    return network, evaluate(network, (as_input(images), labels))


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def write_data(root):
    for kind in CHANNELS:
        images, labels = images_of(kind, "eval", HELD_BACK)
        write(root / kind / "eval.npz", npz_bytes({"input": images, "labels": labels}))
        images, _ = images_of(kind, "match", HELD_BACK)
        write(root / kind / "match.npz", npz_bytes({"input": images}))


def make_network(root, pair, index):
    """One task of the pool: trains and writes a.onnx, b.onnx, ...; returns a line for the log."""
    network, (accuracy, loss) = train_one(pair, pair.seeds[index])
    shape = [CHANNELS[pair.data], dataset.SIDE, dataset.SIDE]
    content = export.to_bytes(network, pair.styles[index], shape)
    onnx.checker.check_model(content, full_check=True)
    path = root / pair.name / f"{'abc'[index]}.onnx"
    write(path, content)
    return f"{pair.name}/{path.name}: accuracy {accuracy:.4f} loss {loss:.4f}"


def main():
    repository = Path(__file__).resolve().parents[2]
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else repository / "models"
    write_data(root)
    # The longest pair stands last in the table and starts first.
    tasks = [(pair, index) for pair in reversed(PAIRS) for index in range(len(pair.seeds))]
    with ProcessPoolExecutor(2) as pool:
        jobs = [pool.submit(make_network, root, *task) for task in tasks]
        for job in jobs:
            print(job.result(), flush=True)


if __name__ == "__main__":
    main()
