"""Trains the pairs that tools/study compares matchers on:

    tools/python.sh tools/study.d/train_pairs.py FOLDER

FOLDER/GROUP-NUMBER/a.onnx and b.onnx, FOLDER/grey and FOLDER/colour: eval.npz and match.npz with labels.
"""

import os

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models"))

import dataset
import export
import layers as nn
from export import Style
from train import Adam, Sgd, as_input, train

EVALUATE, MATCH = 5000, 5000


def mlp(widths, rng):
    sizes = [dataset.SIDE**2, *widths]
    stack = [nn.Flatten()]
    for inputs, outputs in zip(sizes, widths):
        stack += [nn.Dense(rng, inputs, outputs), nn.Relu()]
    return nn.Sequential(*stack, nn.Dense(rng, widths[-1], dataset.CLASSES))


def cnn(rng):
    return nn.Sequential(
        nn.Conv(rng, 1, 8, 3), nn.Relu(), nn.MaxPool(), nn.Conv(rng, 8, 16, 3), nn.Relu(), nn.MaxPool(),
        nn.Flatten(), nn.Dense(rng, 16 * (dataset.SIDE // 4) ** 2, 32), nn.Relu(), nn.Dense(rng, 32, dataset.CLASSES))


def resnet(rng):
    """Eight convolutions with BatchNormalization in three residual blocks."""
    def block(inputs, outputs, stride):
        body = nn.Sequential(nn.Conv(rng, inputs, outputs, 3, stride, bias=False), nn.BatchNorm(outputs), nn.Relu(),
                             nn.Conv(rng, outputs, outputs, 3, bias=False), nn.BatchNorm(outputs))
        skip = [nn.Conv(rng, inputs, outputs, 1, stride, bias=False), nn.BatchNorm(outputs)] if stride > 1 else []
        return [nn.Residual(body, nn.Sequential(*skip)), nn.Relu()]
    return nn.Sequential(nn.Conv(rng, 3, 12, 3, bias=False), nn.BatchNorm(12), nn.Relu(), *block(12, 12, 1),
                         *block(12, 24, 2), *block(24, 32, 2), nn.GlobalAveragePool(), nn.Dense(rng, 32, dataset.CLASSES))


@dataclass(frozen=True)
class Group:
    """Pairs of one architecture; the seeds of pair k are 2 k and 2 k + 1 after the first."""

    name: str
    build: object
    data: str
    images: int
    epochs: int
    optimiser: object
    rate: float
    decay: float
    pairs: int
    first_seed: int


GROUPS = [
    Group("mlp-16x2", partial(mlp, (16, 16)), "grey", 20000, 12, Sgd, 0.1, 5e-4, 5, 1000),
    Group("mlp-32x3", partial(mlp, (32, 32, 32)), "grey", 20000, 12, Sgd, 0.1, 5e-4, 6, 2000),
    Group("mlp-32x3-adam", partial(mlp, (32, 32, 32)), "grey", 20000, 12, Adam, 2e-3, 0, 5, 3000),
    Group("mlp-64x5", partial(mlp, (64, 64, 64, 64, 64)), "grey", 20000, 12, Sgd, 0.05, 5e-4, 6, 4000),
    Group("cnn-8-16-32", cnn, "grey", 8000, 4, Sgd, 0.05, 5e-4, 4, 5000),
    Group("resnet-bn", resnet, "colour", 4000, 4, Sgd, 0.1, 5e-4, 3, 6000),
]  # fmt: skip
CHANNELS = {"grey": 1, "colour": 3}


def images_of(kind, seed, count):
    return dataset.make(seed + CHANNELS[kind], count, CHANNELS[kind])


def train_one(folder, group, number, side):
    path = folder / f"{group.name}-{number}" / f"{'ab'[side]}.onnx"
    if path.exists():
        return
    images, labels = images_of(group.data, 7000, group.images)
    rng = np.random.default_rng(group.first_seed + 2 * number + side)
    network = group.build(rng)
    optimiser = group.optimiser(network.parameters(), group.rate, group.decay)
    train(network, optimiser, (as_input(images), labels), rng, group.epochs)
    content = export.to_bytes(network, Style(17, "module"), [CHANNELS[group.data], dataset.SIDE, dataset.SIDE])
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".part").write_bytes(content)
    path.with_suffix(".part").rename(path)


def main():
    folder = Path(sys.argv[1])
    for kind in CHANNELS:
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for name, seed, count in (("eval", 7100, EVALUATE), ("match", 7200, MATCH)):
            images, labels = images_of(kind, seed, count)
            np.savez_compressed(folder / kind / f"{name}.npz", input=images, labels=labels)
    tasks = [(group, k, side) for group in reversed(GROUPS) for k in range(group.pairs) for side in (0, 1)]
    with ProcessPoolExecutor(2) as pool:
        for job in [pool.submit(train_one, folder, *task) for task in tasks]:
            job.result()


if __name__ == "__main__":
    main()
