"""Weight matching beside the published algorithm in numpy and scipy, on the same weights:

    tools/bench match [--full] [WORD...]

The peer is our own float32 port of git-re-basin's weight matching: one random order per sweep, every
class visited in every sweep, scipy's linear_sum_assignment, a new one accepted if it is better by
1e-12. Ours runs twice: "same" as the published one, from the identity in the same orders, so that both come to
the same permutations but for rounding; and our "own" descent, what `--match weights` does, which begins with a
sweep in the graph's order where a class sees only what is settled. Objectives are in double. Most networks have
independent random weights, the hardest case; with shifts that count as much as all other weights of a unit
(as those of a BatchNormalization may) the assignments are harder and sweeps more. The MLP of 1,024 units and a
ResNet20 of each width are trained, by tools/models on images that it draws. Every figure is the mean over the
orders of three seeds. Times: see tools/benchlib.py. --full adds the large networks, which take
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
import layers as nn
import numpy as np
import onnx
from make_models import images_of
from networks import residual
from onnx import TensorProto, helper, numpy_helper
from scipy.optimize import linear_sum_assignment
from train import Adam, Sgd, as_input, train


SEEDS = 3  # of orders: the published descent takes twice as many sweeps in one order as in another


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


def fit(network, optimiser, images, rng):
    """Three epochs of so many images"""
    drawn, labels = images_of("colour", "train", images)
    train(network, optimiser, (as_input(drawn), labels), rng, 3)


def trained_mlp(seed, widths):
    """The weights of mlp(): Adam, three epochs of 6,000 images."""
    rng = np.random.default_rng(seed)
    dense = [nn.Dense(rng, n_in, n_out) for n_in, n_out in zip(widths, widths[1:])]
    stack = [layer for d in dense for layer in (d, nn.Relu())][:-1]
    network = nn.Sequential(nn.Flatten(), *stack)
    fit(network, Adam(network.parameters(), 1e-3, 1e-2), 6000, rng)
    names = [f"l{k}" for k in range(len(dense) - 1)] + ["out"]
    return {f"{name}.{kind}": p.value for name, d in zip(names, dense)
            for kind, p in zip("wb", d.parameters())}


def folded(conv, norm, name):
    """A convolution and the BatchNormalization behind it as the tensors of one Net.conv."""
    factor = norm.scale.value / np.sqrt(norm.variance + norm.epsilon)
    return {f"{name}.w": conv.weight.value * factor[:, None, None, None],
            f"{name}.b": norm.shift.value - norm.mean * factor}


def trained_resnet(seed, width):
    """The weights of resnet20(): with BatchNormalization, momentum, three epochs of 3,000 images of 8 x 8."""
    rng = np.random.default_rng(seed)
    network = residual(rng, [16 * width, 32 * width, 64 * width], 3)
    fit(nn.Sequential(nn.AveragePool(), network), Sgd(network.parameters(), 0.05, 1e-3), 3000, rng)
    conv, norm, *_, out = network.layers
    weights = folded(conv, norm, "stem") | {"out.w": out.weight.value, "out.b": out.bias.value}
    blocks = [layer for layer in network.layers if isinstance(layer, nn.Residual)]
    for k, block in enumerate(blocks):
        name = f"{k // 3}.{k % 3}"
        first, first_norm, _, second, second_norm = block.body.layers
        weights |= folded(first, first_norm, f"{name}a") | folded(second, second_norm, f"{name}b")
        if block.shortcut.layers:
            weights |= folded(*block.shortcut.layers, f"{name}s")
    return weights


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
    """bench_match on a pair of files, in the orders of one seed."""

    def __init__(self, binary, folder, net, seed):
        files = {kind: f"{kind}{seed}.json" for kind in ("same", "own")}
        self.process = subprocess.Popen([binary, "a.onnx", "b.onnx", str(seed), *files.values()], cwd=folder, text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        lines = list(iter(self.process.stdout.readline, "\n"))
        self.perms = {kind: read_perms(folder / file, net) for kind, file in files.items()}
        names = list(self.perms["same"])
        self.orders = [[names[int(c)] for c in line.split()] for line in lines]
        self.sweeps = {}

    def seconds(self, kind):
        """CPU time of a descent"""
        self.process.stdin.write(f"{kind}\n")
        self.process.stdin.flush()
        seconds, self.sweeps[kind] = (float(x) for x in self.process.stdout.readline().split())
        return seconds

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Descents:
    """Ours and the peer's, one for each seed; times, sweeps and gains are means over the seeds."""

    def __init__(self, binary, folder, net, a, b):
        self.net, self.a, self.b = net, a, b
        self.ours = [Ours(binary, folder, net, seed) for seed in range(SEEDS)]
        self.own_seconds = float("inf")

    def turn(self):
        """Seconds of the same descent; the least of our own are kept."""
        self.own_seconds = min(self.own_seconds, np.mean([o.seconds("own") for o in self.ours]))
        return np.mean([o.seconds("same") for o in self.ours])

    def peer(self):
        """(perms, sweeps) of each seed"""
        return [published(self.net, self.a, self.b, o.orders) for o in self.ours]

    def sweeps(self, kind):
        return np.mean([o.sweeps[kind] for o in self.ours])

    def alike(self, theirs):
        """Percent of all units that the same descent puts where the peer does"""
        equal = [int(np.sum(o.perms["same"][c] == perms[c])) for o, (perms, _) in zip(self.ours, theirs) for c in perms]
        return 100 * sum(equal) / (len(theirs) * sum(self.net.classes.values()))

    def gains(self, theirs):
        """By how many percent our objective is higher: of the same descent, of our own"""
        best = [objective(self.net, self.a, self.b, perms) for perms, _ in theirs]
        return [np.mean([100 * (objective(self.net, self.a, self.b, o.perms[kind]) / peer - 1)
                         for o, peer in zip(self.ours, best)]) for kind in ("same", "own")]

    def close(self):
        for o in self.ours:
            o.close()


def measure(binary, label, net, y, a, b):
    """How many times as fast as the peer: the same descent, our own; the gain of our own"""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        net.save(folder / "a.onnx", a, y)
        net.save(folder / "b.onnx", b, y)
        descents = Descents(binary, folder, net, a, b)
        same, peer, theirs = benchlib.alternate(descents.turn, descents.peer)
        descents.close()
    own, (same_gain, gain) = descents.own_seconds, descents.gains(theirs)
    peer /= SEEDS
    print(f"{label:20} {peer:8.4f} s ({np.mean([n for _, n in theirs]):4.1f}) "
          f"{same:8.4f} s ({descents.sweeps('same'):4.1f}) = {peer / same:5.1f}x {descents.alike(theirs):5.1f} % "
          f"{same_gain:+6.2f} % "
          f"{own:8.4f} s ({descents.sweeps('own'):4.1f}) = {peer / own:5.1f}x {gain:+6.2f} %", flush=True)
    return peer / same, peer / own, gain


def random_pair(net, shifts=False):
    return lambda: (net.weights(1, shifts), net.weights(2, shifts))


def trained_pair(train_one, sizes):
    return lambda: (train_one(1, sizes), train_one(2, sizes))


def cases(full):
    """(label, (net, output), makes the weights of both, least ratio wanted)"""
    for width, least in ((1, 4), (4, 5), (8, 7)) if full else ((1, 4), (4, 5)):
        net = resnet20(width)
        for shifts in (False, True):
            yield f"resnet20 x{width}{' shifts' if shifts else ''}", net, random_pair(net[0], shifts), least
        yield f"resnet20 x{width} trained", net, trained_pair(trained_resnet, width), least
    for width in (512, 2048) if full else (512,):
        net = mlp(width, 3)
        yield f"mlp 784-{width}x3", net, random_pair(net[0]), 10
    if full:
        net = vgg16()
        yield "vgg16", net, random_pair(net[0]), 8
    widths = [768, 1024, 1024, 1024, 10]
    yield "mlp 1024x3 trained", mlp(1024, 3, 768), trained_pair(trained_mlp, widths), 15


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
