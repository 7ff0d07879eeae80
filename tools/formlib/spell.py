"""Operators whose arguments moved between attributes and inputs: written for the net's opset."""

import numpy as np

from .net import attributes


def argument(net, node, name, position):
    """The list or number that an old opset has as attribute and a new one as input; or None."""
    given = attributes(node)
    if name in given:
        return given[name]
    if len(node.input) > position and node.input[position]:
        array = net.weights[node.input[position]]
        return array.tolist()
    return None


def moved(net, kind, x, name, values, since, to=None, **rest):
    """A node whose list of integers is an attribute before opset `since`."""
    if values is None:
        return net.add(kind, x, to=to, **rest)
    if net.opset < since:
        return net.add(kind, x, to=to, **{name: values}, **rest)
    return net.add(kind, x, net.integers(values, f"{x}/{name}"), to=to, **rest)


def squeeze(net, x, axes, to=None):
    return moved(net, "Squeeze", x, "axes", axes, 13, to)


def unsqueeze(net, x, axes, to=None):
    return moved(net, "Unsqueeze", x, "axes", axes, 13, to)


def reduce_mean(net, x, axes, keepdims, to=None):
    return moved(net, "ReduceMean", x, "axes", axes, 18, to, keepdims=keepdims)


def split(net, x, sizes, axis, to):
    return moved(net, "Split", x, "split", sizes, 13, to, axis=axis)


def reshape(net, x, shape, to=None):
    return net.add("Reshape", x, net.integers(shape, f"{x}/shape"), to=to)


def clip(net, x, low, high, to=None):
    if net.opset < 11:
        return net.add("Clip", x, to=to, min=low, max=high)
    bounds = ["" if v is None else net.constant(np.float32(v), f"{x}/bound") for v in (low, high)]
    return net.add("Clip", x, *(bounds if high is not None else bounds[:1]), to=to)


def pad(net, x, pads, to=None):
    if net.opset < 11:
        return net.add("Pad", x, to=to, mode="constant", pads=pads, value=0.0)
    value = net.constant(np.float32(0), f"{x}/value")
    return net.add("Pad", x, net.integers(pads, f"{x}/pads"), value, to=to, mode="constant")


def dropout(net, x, ratio, to=None):
    if net.opset < 12:
        return net.add("Dropout", x, to=to, ratio=ratio)
    return net.add("Dropout", x, net.constant(np.float32(ratio), f"{x}/ratio"), to=to)


def slices(net, x, starts, ends, axes, to=None):
    if net.opset < 10:
        return net.add("Slice", x, to=to, starts=starts, ends=ends, axes=axes)
    lists = [net.integers(v, f"{x}/bounds") for v in (starts, ends, axes)]
    return net.add("Slice", x, *lists, to=to)
