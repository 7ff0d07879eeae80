"""An independent, slow implementation of alignment: numpy float64 and scipy's assignment solver.

    tools/python.sh tests/oracle/twin_matching.py A.onnx B.onnx [--order 2,0,1] [--json]
        [--method weights|correlation|moment|none] [--match-data match.npz] [--reset]
        [--data eval.npz] [--scale 255] [--mean M] [--std S]

Weight matching is coordinate descent from the identity: the classes of hidden units are visited in
the given order (graph order if none is given) until a sweep changes nothing. perm[i] = j says that
unit i of the result is unit j of B. Pixels are prepared as (x / scale - mean) / std. With --reset
the running statistics of the midpoints are taken anew on the match data.
"""

import argparse
import json

import numpy as np
from scipy.optimize import linear_sum_assignment

from onnx_numpy import Model, logits, loss_and_accuracy, reset_statistics, run
from symmetry import Symmetry, permuted

GAIN = 1e-9  # a smaller relative gain may be rounding: the permutation stays


class Twin:
    def __init__(self, path_a, path_b):
        self.a, self.b = Symmetry(Model(path_a)), Symmetry(Model(path_b))
        if self.a.sizes != self.b.sizes or len(self.a.layers) != len(self.b.layers):
            raise ValueError("the two models do not have the same hidden layers")
        self.scored = [
            (tensor_a, tensor_b, axes)
            for (tensor_a, axes), (tensor_b, _) in zip(
                self.a.scored(self.a.model.constants), self.b.scored(self.b.model.constants)
            )
        ]

    def identity(self):
        return [np.arange(size) for size in self.a.sizes]

    def objective(self, permutations):
        return sum(float((a * permuted(b, axes, permutations)).sum()) for a, b, axes in self.scored)

    def weight_scores(self, unit_class, permutations):
        """S[i, j]: what unit j of B is worth at the place of unit i; and the scale of the sum."""
        size = self.a.sizes[unit_class]
        scores, scale = np.zeros((size, size)), 0.0
        for a, b, axes in self.scored:
            own = [axis for axis, c, _ in axes if c == unit_class]
            if not own:
                continue
            if len(own) > 1:
                raise ValueError("a class on two axes of one tensor is not linear")
            b = permuted(b, axes, permutations, skip=unit_class)
            rows_a, rows_b = (np.moveaxis(t, own[0], 0).reshape(size, -1) for t in (a, b))
            scores += rows_a @ rows_b.T
            scale += float(np.linalg.norm(a) * np.linalg.norm(b))
        return scores, scale

    def match_weights(self, order):
        permutations, sweeps, changed = self.identity(), 0, True
        while changed:
            changed, sweeps = False, sweeps + 1
            for unit_class in order:
                scores, scale = self.weight_scores(unit_class, permutations)
                rows, best = linear_sum_assignment(scores, maximize=True)
                gain = scores[rows, best].sum() - scores[rows, permutations[unit_class]].sum()
                if gain > GAIN * scale:
                    permutations[unit_class], changed = best, True
        return permutations, sweeps

    def match_activations(self, x, normalised):
        """One assignment per class on E[a b^T], or on the correlation of the features."""
        sums = [[Moments(size) for _ in f] for size, f in zip(self.a.sizes, self.a.features)]
        for start in range(0, len(x), 250):
            values = [run(side.model, x[start : start + 250]) for side in (self.a, self.b)]
            for moments, names_a, names_b in zip(sums, self.a.features, self.b.features):
                for moment, name_a, name_b in zip(moments, names_a, names_b):
                    moment.add(_by_unit(values[0][name_a]), _by_unit(values[1][name_b]))
        permutations = []
        for moments in sums:
            scores = sum(m.correlation() if normalised else m.second() for m in moments)
            permutations.append(linear_sum_assignment(scores, maximize=True)[1])
        return permutations

    def merged(self, permutations, alpha=0.5):
        """A's constants with the mix of the weights; alpha is the weight of A."""
        ours, theirs = self.a.model.constants, self.b.model.constants
        result = dict(ours)
        for (name, axes), (name_b, _) in zip(self.a.parameters(ours), self.b.parameters(theirs)):
            aligned = permuted(theirs[name_b], axes, permutations)
            result[name] = alpha * ours[name] + (1 - alpha) * aligned
        return result

    def evaluate(self, permutations, x, labels, reset_on=None):
        """Loss and accuracy of the ends, of the plain midpoint and of the aligned one."""
        model = self.a.model
        midpoints = [self.merged(self.identity()), self.merged(permutations)]
        if reset_on is not None:
            midpoints = [reset_statistics(model, reset_on, m) for m in midpoints]
        scores = {
            "A": logits(model, x),
            "B": logits(self.b.model, x),
            "naive": logits(model, x, midpoints[0]),
            "aligned": logits(model, x, midpoints[1]),
        }
        result = {}
        for name, values in scores.items():
            loss, accuracy = loss_and_accuracy(values, labels)
            result[name] = {"loss": loss, "accuracy": accuracy}
        chord = (result["A"]["loss"] + result["B"]["loss"]) / 2
        for name in ("naive", "aligned"):
            result[name]["midpoint_barrier"] = result[name]["loss"] - chord
        permuted_b = logits(model, x, self.merged(permutations, alpha=0.0))
        result["permuted_b_max_difference"] = float(np.abs(permuted_b - scores["B"]).max())
        return result


class Moments:
    """Streaming sums over samples and positions of the features of one class."""

    def __init__(self, size):
        self.count, self.cross = 0, np.zeros((size, size))
        self.sums, self.squares = np.zeros((2, size)), np.zeros((2, size))

    def add(self, a, b):
        self.count += a.shape[1]
        self.cross += a @ b.T
        self.sums += [a.sum(axis=1), b.sum(axis=1)]
        self.squares += [(a * a).sum(axis=1), (b * b).sum(axis=1)]

    def second(self):
        return self.cross / self.count

    def correlation(self):
        """0 where a unit never changes."""
        mean = self.sums / self.count
        variance = self.squares / self.count - mean**2
        deviation = np.sqrt(np.where(variance > 1e-12, variance, np.inf))
        return (self.second() - np.outer(*mean)) / np.outer(*deviation)


def _by_unit(values):
    """[samples, units, ...] -> [units, samples * positions]."""
    return np.moveaxis(values, 1, 0).reshape(values.shape[1], -1)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("a")
    parser.add_argument("b")
    parser.add_argument("--order", help="classes in the order of their visits, e.g. 2,0,1")
    parser.add_argument(
        "--method", default="weights", choices=("weights", "correlation", "moment", "none")
    )
    parser.add_argument("--data", help="npz with the images and `labels`")
    parser.add_argument("--match-data", help="npz with the images for activations and --reset")
    parser.add_argument("--reset", action="store_true", help="repair the running statistics")
    parser.add_argument("--scale", type=float, default=255.0)
    parser.add_argument("--mean", type=float, nargs="+", default=[0.0])
    parser.add_argument("--std", type=float, nargs="+", default=[1.0])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if (options.reset or options.method in ("correlation", "moment")) and not options.match_data:
        parser.error("this needs --match-data")
    return options


def images(path, options):
    """The one array of the file that is not `labels`, prepared, and the labels if there are any."""
    with np.load(path) as archive:
        arrays = dict(archive)
    labels = arrays.pop("labels", None)
    (pixels,) = arrays.values()
    mean, std = (np.reshape(v, (1, -1, 1, 1)) for v in (options.mean, options.std))
    return (pixels.astype(np.float64) / options.scale - mean) / std, labels


def align(twin, options):
    order = list(range(len(twin.a.sizes)))
    if options.order:
        words = [int(word) for word in options.order.split(",")]
        if sorted(words) != order:
            raise ValueError(f"--order must name each of the classes {order} once")
        order = words
    if options.method == "weights":
        permutations, sweeps = twin.match_weights(order)
        return permutations, {"order": order, "sweeps": sweeps}
    if options.method == "none":
        return twin.identity(), {}
    x, _ = images(options.match_data, options)
    return twin.match_activations(x, options.method == "correlation"), {}


def main():
    options = arguments()
    twin = Twin(options.a, options.b)
    permutations, details = align(twin, options)
    result = {
        "method": options.method,
        **details,
        "objective": twin.objective(permutations),
        "objective_identity": twin.objective(twin.identity()),
        "classes": [
            {"name": name, "size": size, "perm": [int(j) for j in permutation]}
            for name, size, permutation in zip(twin.a.names, twin.a.sizes, permutations)
        ],
    }
    if options.data:
        reset_on = images(options.match_data, options)[0] if options.reset else None
        result["data"] = twin.evaluate(permutations, *images(options.data, options), reset_on)
    if options.json:
        print(json.dumps(result))
    else:
        print_text(result)


def print_text(result):
    for row in result.pop("classes"):
        print(f"{row['name']} ({row['size']}): {' '.join(map(str, row['perm']))}")
    for key, value in result.pop("data", {}).items():
        print(f"{key}: {value}")
    for key, value in result.items():
        print(f"{key}: {value}")


if __name__ == "__main__":
    main()
