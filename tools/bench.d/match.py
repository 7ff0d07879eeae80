"""Weight matching beside the published algorithm in numpy and scipy, on the same weights:

    tools/bench match [--full] [WORD...]

The peer is our own float32 port of git-re-basin's weight matching: one random order per sweep, every
class visited in every sweep, scipy's linear_sum_assignment, a new one accepted if it is better by
1e-12. Ours runs twice: "same" as the published one, from the identity in the same orders, so that both come to
the same permutations but for rounding; and our "own" descent, what `--match weights` does, which begins with a
sweep in the graph's order where a class sees only what is settled. Objectives are in double. Most networks have
independent random weights, the hardest case; with shifts that count as much as all other weights of a unit
(as those of a BatchNormalization may) the assignments are harder and sweeps more. One MLP is trained, by
tools/models on images that it draws. Times: see tools/benchlib.py. --full adds the large networks, which take
minutes; WORD: only the cases whose name has all such words in it.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

TOOLS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TOOLS), str(TOOLS / "models")]

import benchlib
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


def mlp(width, depth, inputs=784):
    net = Net([inputs])
    x, n, c = "x", inputs, None
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


def vgg16():
    """For images of 32 x 32; BatchNormalization folded."""
    net = Net([3, 32, 32])
    x, n, c = "x", 3, None
    for stage, (width, depth) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]):
        for k in range(depth):
            x = net.node("Relu", [net.conv(x, f"{stage}.{k}", n, width, c, f"c{stage}.{k}")])
            n, c = width, f"c{stage}.{k}"
        x = net.node("MaxPool", [x], kernel_shape=[2, 2], strides=[2, 2])
    return net, net.dense(net.node("Flatten", [x]), "out", n, 10, c, None)


def trained_mlp(seed, widths):
    """The weights of mlp(): Adam, three epochs of 6,000 images."""
    import layers as nn
    from make_models import images_of
    from train import Adam, as_input, train

    rng = np.random.default_rng(seed)
    dense = [nn.Dense(rng, n_in, n_out) for n_in, n_out in zip(widths, widths[1:])]
    stack = [layer for d in dense for layer in (d, nn.Relu())][:-1]
    images, labels = images_of("colour", "train", 6000)
    network = nn.Sequential(nn.Flatten(), *stack)
    train(network, Adam(network.parameters(), 1e-3, 1e-2), (as_input(images), labels), rng, 3)
    names = [f"l{k}" for k in range(len(dense) - 1)] + ["out"]
    return {f"{name}.{kind}": p.value for name, d in zip(names, dense)
            for kind, p in zip("wb", d.parameters())}


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


def read_perms(path, net):
    perms = {}
    for item in json.loads(path.read_text())["classes"]:
        name, axis = item["members"][0].rstrip("]").rsplit("[", 1)
        perms[net.axes[name][int(axis)]] = np.array(item["perm"])
    return perms


class Ours:
    """bench_match on a pair of files."""

    def __init__(self, binary, folder, net):
        self.process = subprocess.Popen([binary, "a.onnx", "b.onnx", "same.json", "own.json"], cwd=folder, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        lines = list(iter(self.process.stdout.readline, "\n"))
        self.same, self.own = (read_perms(folder / f"{kind}.json", net) for kind in ("same", "own"))
        names = list(self.same)
        self.orders = [[names[int(c)] for c in line.split()] for line in lines]
        self.own_seconds = float("inf")

    def ask(self, kind):
        """CPU seconds of a descent, sweeps"""
        self.process.stdin.write(f"{kind}\n")
        self.process.stdin.flush()
        seconds, sweeps = self.process.stdout.readline().split()
        return float(seconds), int(sweeps)

    def turn(self):
        """Seconds of the same descent; the least of our own are kept."""
        seconds, self.own_sweeps = self.ask("own")
        self.own_seconds = min(self.own_seconds, seconds)
        seconds, self.same_sweeps = self.ask("same")
        return seconds

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def measure(binary, label, net, y, a, b):
    """How many times as fast as the peer: the same descent, our own"""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        net.save(folder / "a.onnx", a, y)
        net.save(folder / "b.onnx", b, y)
        mine = Ours(binary, folder, net)
        seconds, peer, (theirs, peer_sweeps) = benchlib.alternate(
            mine.turn, lambda: published(net, a, b, mine.orders))
        mine.close()
    equal = sum(int(np.sum(mine.same[c] == theirs[c])) for c in theirs) / sum(net.classes.values())
    best = objective(net, a, b, theirs)
    gain = {kind: 100 * (objective(net, a, b, perms) / best - 1)
            for kind, perms in (("same", mine.same), ("own", mine.own))}
    print(f"{label:20} {peer:8.4f} s ({peer_sweeps:2}) {seconds:8.4f} s ({mine.same_sweeps:2}) = "
          f"{peer / seconds:5.1f}x {100 * equal:5.1f} % {gain['same']:+6.2f} % "
          f"{mine.own_seconds:8.4f} s ({mine.own_sweeps:2}) = {peer / mine.own_seconds:5.1f}x {gain['own']:+6.2f} %",
          flush=True)
    return peer / seconds, peer / mine.own_seconds, gain["own"]


def random_pair(net, shifts=False):
    return lambda: (net.weights(1, shifts), net.weights(2, shifts))


def cases(full):
    """(label, (net, output), makes the weights of both, least ratio wanted)"""
    for width, least in ((1, 4), (4, 5), (8, 7)) if full else ((1, 4), (4, 5)):
        net = resnet20(width)
        for shifts in (False, True):
            yield f"resnet20 x{width}{' shifts' if shifts else ''}", net, random_pair(net[0], shifts), least
    for width in (512, 2048) if full else (512,):
        net = mlp(width, 3)
        yield f"mlp 784-{width}x3", net, random_pair(net[0]), 10
    if full:
        net = vgg16()
        yield "vgg16", net, random_pair(net[0]), 8
    widths = [768, 1024, 1024, 1024, 10]
    yield ("mlp 1024x3 trained", mlp(1024, 3, 768),
           lambda: (trained_mlp(1, widths), trained_mlp(2, widths)), 15)


def main():
    binary, *words = sys.argv[1:]
    wanted = [word for word in words if word != "--full"]
    binary = pathlib.Path(binary).resolve()
    with benchlib.Machine(binary):
        print(f"{'':20} {'numpy+scipy (sweeps)':15} {'the same descent: ratio, units alike, objective':50} "
              "our own: ratio, objective")
        verdicts = []
        for label, (net, y), weights, least in cases("--full" in words):
            if all(word in label for word in wanted):
                same, own, gain = measure(binary, label, net, y, *weights())
                verdicts.append(f"{label}: target >= {least}x: {same:.1f}x the same; our own {own:.1f}x, "
                                f"objective {gain:+.2f} %")
    print("\n".join(verdicts))


if __name__ == "__main__":
    main()
