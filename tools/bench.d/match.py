"""Weight matching beside the published algorithm in numpy and scipy, on the same weights:

    tools/bench match [--full]

The peer is our own float32 port of git-re-basin's weight matching: one random order per sweep, every
class visited in every sweep, scipy's linear_sum_assignment, a new one accepted if it is better by
1e-12. Networks have independent random weights, the hardest case; with shifts that count as much as all
other weights of a unit (as those of a BatchNormalization may) the assignments are harder. Both start from
the identity and visit the classes in the same orders, so that they come to the same permutations but for
rounding; objectives are in double. Times are the least of several runs.
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from scipy.optimize import linear_sum_assignment


class Net:
    """Layers, and for each tensor the class on each of its axes (None: an end of the network)."""

    def __init__(self, shape):
        self.nodes, self.axes, self.shapes, self.classes = [], {}, {}, {}
        self.input = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", *shape])

    def tensor(self, name, shape, axes):
        self.shapes[name], self.axes[name] = shape, axes
        for size, unit_class in zip(shape, axes):
            if unit_class is not None:
                self.classes[unit_class] = size
        return name

    def node(self, kind, inputs, **attributes):
        out = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        return out

    def dense(self, x, name, n_in, n_out, c_in, c_out):
        w = self.tensor(f"{name}.w", (n_out, n_in), (c_out, c_in))
        return self.node("Gemm", [x, w, self.tensor(f"{name}.b", (n_out,), (c_out,))], transB=1)

    def conv(self, x, name, n_in, n_out, c_in, c_out, stride=1, kernel=3):
        w = self.tensor(f"{name}.w", (n_out, n_in, kernel, kernel), (c_out, c_in, None, None))
        b = self.tensor(f"{name}.b", (n_out,), (c_out,))
        return self.node("Conv", [x, w, b], pads=[kernel // 2] * 4, strides=[stride] * 2)

    def weights(self, seed, shifts=False):
        """Units of norm 1; the shifts of a layer together have norm 1, or with `shifts` each counts 1."""
        rng = np.random.default_rng(seed)
        scale = {name: np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 1 if shifts else np.sqrt(shape[0])
                 for name, shape in self.shapes.items()}
        return {name: rng.standard_normal(shape, np.float32) / np.float32(scale[name])
                for name, shape in self.shapes.items()}

    def save(self, path, weights, y):
        out = helper.make_tensor_value_info(y, TensorProto.FLOAT, None)
        graph = helper.make_graph(self.nodes, "net", [self.input], [out],
                                  [numpy_helper.from_array(v, k) for k, v in weights.items()])
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


def mlp(width, depth):
    net = Net([784])
    x, n, c = "x", 784, None
    for k in range(depth):
        x = net.node("Relu", [net.dense(x, f"l{k}", n, width, c, f"c{k}")])
        n, c = width, f"c{k}"
    return net, net.dense(x, "out", n, 10, c, None)


def resnet20(width):
    """BatchNormalization folded: the matching is the same."""
    net = Net([3, 32, 32])
    n = 16 * width
    x, stream = net.node("Relu", [net.conv("x", "stem", 3, n, None, "s0")]), "s0"
    for stage in range(3):
        for block in range(3):
            name, down = f"{stage}.{block}", stage > 0 and block == 0
            n_out = n * 2 if down else n
            y = net.node("Relu", [net.conv(x, f"{name}a", n, n_out, stream, name, 2 if down else 1)])
            if down:
                next_stream = f"s{stage}"
                x = net.conv(x, f"{name}s", n, n_out, stream, next_stream, 2, kernel=1)
                stream = next_stream
            y = net.conv(y, f"{name}b", n_out, n_out, name, stream)
            x, n = net.node("Relu", [net.node("Add", [x, y])]), n_out
    x = net.node("Flatten", [net.node("GlobalAveragePool", [x])])
    return net, net.dense(x, "out", n, 10, stream, None)


# ---- the peer ------------------------------------------------------------------------------------


def permuted(w, axes, perms, skip):
    for k, c in enumerate(axes):
        if c is not None and k != skip:
            w = np.take(w, perms[c], axis=k)
    return w


def objective(net, a, b, perms):
    return sum(float(np.sum(a[n].astype(np.float64) * permuted(b[n], axes, perms, -1)))
               for n, axes in net.axes.items())


def published(net, a, b, orders):
    """perms of B, sweeps"""
    perms = {c: np.arange(n) for c, n in net.classes.items()}
    members = {c: [(n, k) for n, axes in net.axes.items() for k, x in enumerate(axes) if x == c] for c in perms}
    for sweep, order in enumerate(orders):
        progress = False
        for c in order:
            n = net.classes[c]
            score = np.zeros((n, n), np.float32)
            for name, k in members[c]:
                wa = np.moveaxis(a[name], k, 0).reshape(n, -1)
                wb = np.moveaxis(permuted(b[name], net.axes[name], perms, k), k, 0).reshape(n, -1)
                score += wa @ wb.T
            rows, columns = linear_sum_assignment(score, maximize=True)
            old, new = score[rows, perms[c]].sum(), score[rows, columns].sum()
            progress = progress or new > old + 1e-12
            perms[c] = columns
        if not progress:
            break
    return perms, sweep + 1


# ---- both ----------------------------------------------------------------------------------------


def ours(binary, folder, net, a, b):
    """perms of B, seconds of the matching alone, sweeps, the classes in the order of each sweep's visits"""
    done = subprocess.run([binary, "a.onnx", "b.onnx", "p.json"], cwd=folder, check=True, capture_output=True, text=True)
    seconds, sweeps, *orders = done.stdout.splitlines()
    perms = {}
    for item in json.loads((folder / "p.json").read_text())["classes"]:
        name, axis = item["members"][0].rstrip("]").rsplit("[", 1)
        perms[net.axes[name][int(axis)]] = np.array(item["perm"])
    names = list(perms)
    return perms, float(seconds), int(sweeps), [[names[int(c)] for c in order.split()] for order in orders]


def measure(binary, label, net, y, a, b):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        net.save(folder / "a.onnx", a, y)
        net.save(folder / "b.onnx", b, y)
        perms, seconds, sweeps, orders = ours(binary, folder, net, a, b)
    peer, started = np.inf, time.perf_counter()
    while time.perf_counter() - started < 0.5:
        start = time.perf_counter()
        theirs, peer_sweeps = published(net, a, b, orders)
        peer = min(peer, time.perf_counter() - start)
    mine, other = objective(net, a, b, perms), objective(net, a, b, theirs)
    same = sum(int(np.sum(perms[c] == theirs[c])) for c in perms) / sum(net.classes.values())
    print(f"{label:20} {seconds:8.4f} s ({sweeps} sweeps) {peer:8.4f} s ({peer_sweeps}) = {peer / seconds:5.1f}x   "
          f"{100 * same:5.1f} % same, objective {mine:.6g} against {other:.6g} ({100 * (mine / other - 1):+.2f} %)",
          flush=True)
    return peer / seconds


def main():
    binary, full = pathlib.Path(sys.argv[1]).resolve(), "--full" in sys.argv
    print(f"{'':20} {'ours':>10} {'numpy+scipy':>22}")
    ratios = {}
    cases = [(f"resnet20 x{width}", resnet20(width), shifts)
             for width in ((1, 4, 8) if full else (1, 4)) for shifts in (False, True)]
    cases += [("mlp 784-512x3", mlp(512, 3), False), ("mlp 784-2048x3", mlp(2048, 3), False)]
    for label, (net, y), shifts in cases:
        label += " shifts" if shifts else ""
        ratios[label] = measure(binary, label, net, y, net.weights(1, shifts), net.weights(2, shifts))
    for width, least in (("1", 4), ("4", 5), ("8", 7)) if full else (("1", 4), ("4", 5)):
        few, many = ratios[f"resnet20 x{width}"], ratios[f"resnet20 x{width} shifts"]
        print(f"W1 resnet20 x{width}: target >= {least}x: {few:.1f}x, {many:.1f}x with shifts")
    for width in (512, 2048):
        print(f"W2 mlp {width}: target >= 10x: {ratios[f'mlp 784-{width}x3']:.1f}x")


if __name__ == "__main__":
    main()
