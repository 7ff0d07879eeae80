"""Layers with a hand-written backward pass, float32, numpy only.

Images run through the layers as [batch, height, width, channels]: then im2col copies whole runs
of channels. Weights are kept in the layout of ONNX: Dense [out, in], Conv [out, in, k, k].
Every layer has forward(x, train) and backward(gradient of the output) -> gradient of the input;
backward adds to the gradients of the layer's parameters.
"""

import numpy as np


class Parameter:
    """An array with its gradient; `decay` says whether weight decay acts on it."""

    def __init__(self, value, decay):
        self.value = value.astype(np.float32)
        self.gradient = np.zeros_like(self.value)
        self.decay = decay


class Layer:
    def parameters(self):
        return []


class Dense(Layer):
    """Acts on the last axis."""

    def __init__(self, rng, inputs, outputs, gain=2.0):
        scale = np.sqrt(gain / inputs)
        self.weight = Parameter(rng.normal(0, scale, (outputs, inputs)), decay=True)
        self.bias = Parameter(np.zeros(outputs), decay=False)

    def parameters(self):
        return [self.weight, self.bias]

    def forward(self, x, train):
        self.x = x
        return x @ self.weight.value.T + self.bias.value

    def backward(self, gradient):
        rows = gradient.reshape(-1, gradient.shape[-1])
        self.weight.gradient += rows.T @ self.x.reshape(-1, self.x.shape[-1])
        self.bias.gradient += rows.sum(axis=0)
        return gradient @ self.weight.value


class Conv(Layer):
    """Square convolution, padding k // 2 by default; without bias in front of a BatchNorm."""

    def __init__(self, rng, inputs, outputs, kernel, stride=1, bias=True, pad=None):
        scale = np.sqrt(2.0 / (inputs * kernel * kernel))
        self.weight = Parameter(rng.normal(0, scale, (outputs, inputs, kernel, kernel)), decay=True)
        self.bias = Parameter(np.zeros(outputs), decay=False) if bias else None
        self.kernel, self.stride = kernel, stride
        self.pad = kernel // 2 if pad is None else pad

    def parameters(self):
        return [self.weight] + ([self.bias] if self.bias else [])

    def _taps(self, padded, height, width):
        """The view of the padded image that each tap of the kernel sees."""
        s = self.stride
        for i in range(self.kernel):
            for j in range(self.kernel):
                yield padded[:, i : i + s * height : s, j : j + s * width : s, :]

    def forward(self, x, train):
        n, h, w, _ = x.shape
        self.out_shape = (n, -(-h // self.stride), -(-w // self.stride))
        margin = (self.pad, self.pad)
        padded = np.pad(x, ((0, 0), margin, margin, (0, 0)))
        self.padded_shape = padded.shape
        columns = np.concatenate(list(self._taps(padded, *self.out_shape[1:])), axis=3)
        self.columns = columns.reshape(-1, columns.shape[3])
        out = self.columns @ self._matrix()
        if self.bias:
            out += self.bias.value
        return out.reshape(*self.out_shape, -1)

    def _matrix(self):
        outputs = self.weight.value.shape[0]
        return self.weight.value.transpose(2, 3, 1, 0).reshape(-1, outputs)

    def backward(self, gradient):
        outputs, inputs, k, _ = self.weight.value.shape
        flat = gradient.reshape(-1, outputs)
        by_tap = (self.columns.T @ flat).reshape(k, k, inputs, outputs)
        self.weight.gradient += by_tap.transpose(3, 2, 0, 1)
        if self.bias:
            self.bias.gradient += flat.sum(axis=0)
        columns = (flat @ self._matrix().T).reshape(*self.out_shape, k * k, inputs)
        padded = np.zeros(self.padded_shape, np.float32)
        for tap, view in enumerate(self._taps(padded, *self.out_shape[1:])):
            view += columns[..., tap, :]
        _, height, width, _ = self.padded_shape
        return padded[:, self.pad : height - self.pad, self.pad : width - self.pad, :]


class BatchNorm(Layer):
    """Per-channel normalisation; the running variance is the unbiased one, as PyTorch keeps it."""

    epsilon = 1e-5
    momentum = 0.1

    def __init__(self, channels):
        self.scale = Parameter(np.ones(channels), decay=False)
        self.shift = Parameter(np.zeros(channels), decay=False)
        self.mean = np.zeros(channels, np.float32)
        self.variance = np.ones(channels, np.float32)

    def parameters(self):
        return [self.scale, self.shift]

    def forward(self, x, train):
        mean, variance = self.mean, self.variance
        if train:
            count = x.size // x.shape[-1]
            mean = x.mean(axis=(0, 1, 2))
            variance = x.var(axis=(0, 1, 2))
            self.mean += self.momentum * (mean - self.mean)
            self.variance += self.momentum * (variance * count / (count - 1) - self.variance)
        self.inverse = 1 / np.sqrt(variance + self.epsilon)
        self.normal = (x - mean) * self.inverse
        return self.normal * self.scale.value + self.shift.value

    def backward(self, gradient):
        axes = (0, 1, 2)
        count = gradient.size // gradient.shape[-1]
        shift_gradient = gradient.sum(axis=axes)
        scale_gradient = (gradient * self.normal).sum(axis=axes)
        self.shift.gradient += shift_gradient
        self.scale.gradient += scale_gradient
        centred = gradient - shift_gradient / count - self.normal * (scale_gradient / count)
        return centred * (self.scale.value * self.inverse)


class Relu(Layer):
    def forward(self, x, train):
        self.positive = x > 0
        return x * self.positive

    def backward(self, gradient):
        return gradient * self.positive


def _windows(x):
    """[n, h, w, c] -> the 2x2 windows of stride 2 as [n, h/2, 2, w/2, 2, c]."""
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c)


class MaxPool(Layer):
    def forward(self, x, train):
        windows = _windows(x)
        out = windows.max(axis=(2, 4))
        largest = windows == out[:, :, None, :, None, :]
        # Equal maxima (all zero behind a ReLU) share the gradient.
        self.share = largest / largest.sum(axis=(2, 4), keepdims=True, dtype=np.float32)
        return out

    def backward(self, gradient):
        spread = self.share * gradient[:, :, None, :, None, :]
        n, h, _, w, _, c = spread.shape
        return spread.reshape(n, 2 * h, 2 * w, c)


class AveragePool(Layer):
    def forward(self, x, train):
        return _windows(x).mean(axis=(2, 4))

    def backward(self, gradient):
        return np.repeat(np.repeat(gradient, 2, axis=1), 2, axis=2) / 4


class GlobalAveragePool(Layer):
    def forward(self, x, train):
        self.shape = x.shape
        return x.mean(axis=(1, 2))

    def backward(self, gradient):
        n, h, w, c = self.shape
        return np.broadcast_to(gradient[:, None, None, :] / (h * w), self.shape)


class Flatten(Layer):
    """Flattens in the order channel, row, column, which is the one of ONNX."""

    def forward(self, x, train):
        self.shape = x.shape
        return x.transpose(0, 3, 1, 2).reshape(len(x), -1)

    def backward(self, gradient):
        n, h, w, c = self.shape
        return gradient.reshape(n, c, h, w).transpose(0, 2, 3, 1)


class Sequential(Layer):
    def __init__(self, *layers):
        self.layers = layers

    def parameters(self):
        return [p for layer in self.layers for p in layer.parameters()]

    def forward(self, x, train):
        for layer in self.layers:
            x = layer.forward(x, train)
        return x

    def backward(self, gradient):
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)
        return gradient


class Residual(Layer):
    """body(x) + shortcut(x); an empty Sequential is the identity."""

    def __init__(self, body, shortcut):
        self.body, self.shortcut = body, shortcut

    def parameters(self):
        return self.body.parameters() + self.shortcut.parameters()

    def forward(self, x, train):
        return self.body.forward(x, train) + self.shortcut.forward(x, train)

    def backward(self, gradient):
        return self.body.backward(gradient) + self.shortcut.backward(gradient)


def cross_entropy(logits, labels):
    """Mean loss and its gradient with respect to the logits."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_probability = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    rows = np.arange(len(labels))
    gradient = np.exp(log_probability)
    gradient[rows, labels] -= 1
    return -log_probability[rows, labels].mean(), gradient / len(labels)
