"""Optimisers and the training loop. Everything random comes from the generators passed in."""

import numpy as np

import layers as nn


class Sgd:
    """Momentum and weight decay as in PyTorch: the decay is part of the gradient."""

    def __init__(self, parameters, rate, decay, momentum=0.9):
        self.parameters, self.rate = parameters, rate
        self.decay, self.momentum = decay, momentum
        self.velocity = [np.zeros_like(p.value) for p in parameters]

    def step(self, factor):
        for p, velocity in zip(self.parameters, self.velocity):
            velocity *= self.momentum
            velocity += p.gradient + (self.decay * p.value if p.decay else 0)
            p.value -= np.float32(self.rate * factor) * velocity
            p.gradient[...] = 0


class Adam:
    """Adam with decoupled weight decay."""

    def __init__(self, parameters, rate, decay, betas=(0.9, 0.999)):
        self.parameters, self.rate = parameters, rate
        self.decay, self.betas = decay, betas
        self.first = [np.zeros_like(p.value) for p in parameters]
        self.second = [np.zeros_like(p.value) for p in parameters]
        self.steps = 0

    def step(self, factor):
        self.steps += 1
        beta1, beta2 = self.betas
        rate = self.rate * factor
        scale = np.sqrt(1 - beta2**self.steps) / (1 - beta1**self.steps)
        for p, first, second in zip(self.parameters, self.first, self.second):
            first += np.float32(1 - beta1) * (p.gradient - first)
            second += np.float32(1 - beta2) * (p.gradient**2 - second)
            if p.decay:
                p.value *= np.float32(1 - rate * self.decay)
            p.value -= np.float32(rate * scale) * first / (np.sqrt(second) + np.float32(1e-8))
            p.gradient[...] = 0


def as_input(images):
    """uint8 [n, channels, h, w] -> float32 in 0..1, channels last as the layers want it."""
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1)).astype(np.float32) / 255


def train(network, optimiser, data, rng, epochs, batch=64):
    """One cosine schedule with a short warm-up over all epochs."""
    x, labels = data
    per_epoch = len(x) // batch
    total, warm = epochs * per_epoch, per_epoch // 2
    for step in range(total):
        if step % per_epoch == 0:
            order = rng.permutation(len(x))
        start = step % per_epoch * batch
        rows = order[start : start + batch]
        _, gradient = nn.cross_entropy(network.forward(x[rows], train=True), labels[rows])
        network.backward(gradient)
        factor = 0.5 * (1 + np.cos(np.pi * step / total))
        optimiser.step(factor * min(1.0, (step + 1) / warm))


def evaluate(network, data, batch=500):
    """Accuracy and loss in inference form."""
    x, labels = data
    parts = [network.forward(x[i : i + batch], train=False) for i in range(0, len(x), batch)]
    logits = np.concatenate(parts)
    return (logits.argmax(axis=1) == labels).mean(), nn.cross_entropy(logits, labels)[0]
