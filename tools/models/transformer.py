"""Layers of a transformer with a hand-written backward pass; tokens are [batch, tokens, width]."""

import numpy as np
from scipy.special import erf

import layers as nn


class Tokens(nn.Layer):
    """The pixels of a map [n, h, w, c] as tokens [n, h * w, c]."""

    def forward(self, x, train):
        self.shape = x.shape
        return x.reshape(len(x), -1, x.shape[3])

    def backward(self, gradient):
        return gradient.reshape(self.shape)


class Position(nn.Layer):
    """Adds a learned embedding of every place."""

    def __init__(self, rng, tokens, width):
        self.embedding = nn.Parameter(rng.normal(0, 0.02, (1, tokens, width)), decay=False)

    def parameters(self):
        return [self.embedding]

    def forward(self, x, train):
        return x + self.embedding.value

    def backward(self, gradient):
        self.embedding.gradient += gradient.sum(axis=0, keepdims=True)
        return gradient


class LayerNorm(nn.Layer):
    """Normalises the last axis."""

    epsilon = 1e-5

    def __init__(self, width):
        self.scale = nn.Parameter(np.ones(width), decay=False)
        self.shift = nn.Parameter(np.zeros(width), decay=False)

    def parameters(self):
        return [self.scale, self.shift]

    def forward(self, x, train):
        centred = x - x.mean(axis=-1, keepdims=True)
        variance = (centred * centred).mean(axis=-1, keepdims=True)
        self.inverse = 1 / np.sqrt(variance + np.float32(self.epsilon))
        self.normal = centred * self.inverse
        return self.normal * self.scale.value + self.shift.value

    def backward(self, gradient):
        axes = tuple(range(gradient.ndim - 1))
        self.shift.gradient += gradient.sum(axis=axes)
        self.scale.gradient += (gradient * self.normal).sum(axis=axes)
        inner = gradient * self.scale.value
        along = (inner * self.normal).mean(axis=-1, keepdims=True)
        return (inner - inner.mean(axis=-1, keepdims=True) - self.normal * along) * self.inverse


class Gelu(nn.Layer):
    def forward(self, x, train):
        self.x = x
        self.share = np.float32(0.5) * (1 + erf(x * np.float32(np.sqrt(0.5))))
        return x * self.share

    def backward(self, gradient):
        density = np.exp(-0.5 * self.x * self.x) * np.float32(1 / np.sqrt(2 * np.pi))
        return gradient * (self.share + self.x * density)


class Attention(nn.Layer):
    """Multi-head self-attention; the heads are consecutive parts of the width."""

    def __init__(self, rng, width, heads):
        self.query, self.key, self.value, self.out = (
            nn.Dense(rng, width, width, gain=1) for _ in range(4)
        )
        self.heads = heads

    def parameters(self):
        layers = (self.query, self.key, self.value, self.out)
        return [p for layer in layers for p in layer.parameters()]

    def _split(self, x):
        """[n, t, w] -> [n, heads, t, w / heads]"""
        n, t, w = x.shape
        return x.reshape(n, t, self.heads, w // self.heads).transpose(0, 2, 1, 3)

    def _join(self, x):
        n, heads, t, d = x.shape
        return x.transpose(0, 2, 1, 3).reshape(n, t, heads * d)

    def forward(self, x, train):
        layers = (self.query, self.key, self.value)
        self.q, self.k, self.v = (self._split(layer.forward(x, train)) for layer in layers)
        self.scale = np.float32(1 / np.sqrt(self.q.shape[3]))
        scores = self.q @ self.k.swapaxes(2, 3) * self.scale
        weights = np.exp(scores - scores.max(axis=3, keepdims=True))
        self.weights = weights / weights.sum(axis=3, keepdims=True)
        return self.out.forward(self._join(self.weights @ self.v), train)

    def backward(self, gradient):
        mixed = self._split(self.out.backward(gradient))
        of_weights = mixed @ self.v.swapaxes(2, 3)
        along = (of_weights * self.weights).sum(axis=3, keepdims=True)
        of_scores = self.weights * (of_weights - along) * self.scale
        parts = (
            (self.query, of_scores @ self.k),
            (self.key, of_scores.swapaxes(2, 3) @ self.q),
            (self.value, self.weights.swapaxes(2, 3) @ mixed),
        )
        return sum(layer.backward(self._join(part)) for layer, part in parts)


class TokenMean(nn.Layer):
    def forward(self, x, train):
        self.count = x.shape[1]
        return x.mean(axis=1)

    def backward(self, gradient):
        return np.repeat(gradient[:, None, :], self.count, axis=1) / np.float32(self.count)
