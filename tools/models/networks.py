"""The three architectures that are shipped."""

import layers as nn

from dataset import CLASSES, SIDE


def mlp(rng):
    """256-64-64-64-10 with ReLU."""
    widths = [SIDE * SIDE, 64, 64, 64]
    stack = [nn.Flatten()]
    for inputs, outputs in zip(widths, widths[1:]):
        stack += [nn.Dense(rng, inputs, outputs), nn.Relu()]
    return nn.Sequential(*stack, nn.Dense(rng, widths[-1], CLASSES))


def cnn(rng):
    """Two convolutions with pooling, then two dense layers."""
    return nn.Sequential(
        nn.Conv(rng, 1, 16, 3), nn.Relu(), nn.MaxPool(),
        nn.Conv(rng, 16, 32, 3), nn.Relu(), nn.AveragePool(),
        nn.Flatten(),
        nn.Dense(rng, 32 * (SIDE // 4) ** 2, 64), nn.Relu(),
        nn.Dense(rng, 64, CLASSES),
    )  # fmt: skip


def _block(rng, inputs, outputs, stride):
    body = nn.Sequential(
        nn.Conv(rng, inputs, outputs, 3, stride, bias=False), nn.BatchNorm(outputs), nn.Relu(),
        nn.Conv(rng, outputs, outputs, 3, bias=False), nn.BatchNorm(outputs),
    )  # fmt: skip
    projection = [nn.Conv(rng, inputs, outputs, 1, stride, bias=False), nn.BatchNorm(outputs)]
    shortcut = nn.Sequential(*(projection if stride > 1 else []))
    return [nn.Residual(body, shortcut), nn.Relu()]


def resnet(rng):
    """Stem and three residual blocks; the second and third have a 1x1 projection as shortcut."""
    widths = [16, 32, 48]
    stack = [nn.Conv(rng, 3, widths[0], 3, bias=False), nn.BatchNorm(widths[0]), nn.Relu()]
    stack += _block(rng, widths[0], widths[0], 1)
    stack += _block(rng, widths[0], widths[1], 2)
    stack += _block(rng, widths[1], widths[2], 2)
    return nn.Sequential(*stack, nn.GlobalAveragePool(), nn.Dense(rng, widths[2], CLASSES))
