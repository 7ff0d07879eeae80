"""The architectures that are shipped."""

import layers as nn
import transformer as tf

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


def residual(rng, widths, depth):
    """Stem and for each width a stage of `depth` residual blocks; where the width changes, a stage begins with a
    1x1 projection as shortcut."""
    stack = [nn.Conv(rng, 3, widths[0], 3, bias=False), nn.BatchNorm(widths[0]), nn.Relu()]
    for before, width in zip(widths[:1] + widths, widths):
        stack += _block(rng, before, width, 1 if before == width else 2)
        for _ in range(depth - 1):
            stack += _block(rng, width, width, 1)
    return nn.Sequential(*stack, nn.GlobalAveragePool(), nn.Dense(rng, widths[-1], CLASSES))


def resnet(rng):
    return residual(rng, [16, 32, 48], 2)


def _encoder(rng, width, heads, inner):
    """A pre-LN block: attention, then two dense layers, each beside a shortcut."""
    attention = nn.Sequential(tf.LayerNorm(width), tf.Attention(rng, width, heads))
    mlp = nn.Sequential(
        tf.LayerNorm(width),
        nn.Dense(rng, width, inner), tf.Gelu(), nn.Dense(rng, inner, width, gain=1),
    )  # fmt: skip
    return [nn.Residual(attention, nn.Sequential()), nn.Residual(mlp, nn.Sequential())]


def vit(rng):
    """Patches of 4x4 pixels as 16 tokens of width 32, two blocks, the mean over the tokens."""
    patch, width, heads, inner = 4, 32, 4, 64
    return nn.Sequential(
        nn.Conv(rng, 1, width, patch, stride=patch, pad=0),
        tf.Tokens(), tf.Position(rng, (SIDE // patch) ** 2, width),
        *_encoder(rng, width, heads, inner), *_encoder(rng, width, heads, inner),
        tf.LayerNorm(width), tf.TokenMean(), nn.Dense(rng, width, CLASSES, gain=1),
    )  # fmt: skip
