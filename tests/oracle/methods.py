"""Merges of task vectors and slerp, against mergekit's formulas in numpy float64, which share nothing with
our code:

    tools/python.sh tests/oracle/methods.py ONNXWELD ROOT

The base is the mean of the ends and some noise, so that their task vectors do not just differ by sign.
"""

import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper

ALPHA, DENSITY, LAMBDA, SEED = 0.3, 0.35, 1.25, 11
MASK = (1 << 64) - 1


def weights(path):
    """Float initializers and constants by name, in the order of the file."""
    graph = onnx.load(path).graph
    tensors = {t.name: t for t in graph.initializer}
    tensors.update({n.output[0]: n.attribute[0].t for n in graph.node if n.op_type == "Constant"})
    arrays = {name: numpy_helper.to_array(t) for name, t in tensors.items()}
    return {name: a.astype(np.float64) for name, a in arrays.items() if a.dtype == np.float32}


def write_base(path, a, b):
    rng = np.random.default_rng(1)
    model = onnx.load(a)
    of_a, of_b = weights(a), weights(b)
    for tensor in model.graph.initializer:
        if tensor.name in of_a:
            noise = 0.02 * rng.standard_normal(of_a[tensor.name].shape)
            base = (of_a[tensor.name] + of_b[tensor.name]) / 2 + noise
            tensor.CopyFrom(numpy_helper.from_array(base.astype(np.float32), tensor.name))
    onnx.save(model, path)


# ---- mergekit ------------------------------------------------------------------------------------


def slerp(t, v0, v1, threshold=0.9995, eps=1e-8):
    unit = [v / n if (n := np.linalg.norm(v)) > eps else v for v in (v0, v1)]
    dot = (unit[0] * unit[1]).sum()
    if abs(dot) > threshold:
        return (1 - t) * v0 + t * v1
    theta = np.arccos(dot)
    return np.sin(theta - theta * t) / np.sin(theta) * v0 + np.sin(theta * t) / np.sin(theta) * v1


def magnitude(delta, density):
    order = np.argsort(-np.abs(delta).ravel(), kind="stable")
    mask = np.zeros(delta.size)
    mask[order[: max(1, int(density * delta.size))]] = 1
    return delta * mask.reshape(delta.shape)


def rescaled(delta, mask, eps=1e-7):
    masked = delta * mask
    before, after = np.abs(delta).sum(), np.abs(masked).sum()
    return masked if before < eps or after < eps else masked * (before / after)


def merged(base, deltas, w, consensus, normalize):
    w = np.reshape(w, (len(w),) + (1,) * base.ndim)
    weighted = np.stack(deltas) * w
    if not consensus:
        return base + LAMBDA * weighted.sum(axis=0)
    mask = np.sign(weighted) == np.where(weighted.sum(axis=0) >= 0, 1, -1)
    divisor = (w * mask).sum(axis=0)
    divisor[divisor == 0] = 1
    return base + LAMBDA * (weighted * mask).sum(axis=0) / (divisor if normalize else 1)


# ---- our draws: PCG32 whose seed and stream are those of the parameter and the model ---------------


def scatter(x):
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9 & MASK
    x = (x ^ x >> 27) * 0x94D049BB133111EB & MASK
    return x ^ x >> 31


def drawn(shape, param, model):
    place, step, multiplier = param << 32 | model, 0x9E3779B97F4A7C15, 6364136223846793005
    seed = scatter(scatter(SEED + step & MASK) + place + step & MASK)
    increment = place << 1 | 1
    state = (increment + seed) * multiplier + increment & MASK
    out = np.zeros(int(np.prod(shape)))
    for k in range(out.size):
        shifted, turn = ((state >> 18 ^ state) >> 27) & 0xFFFFFFFF, state >> 59
        number = (shifted >> turn | shifted << (32 - turn & 31)) & 0xFFFFFFFF
        out[k] = number < DENSITY * 2**32
        state = state * multiplier + increment & MASK
    return out.reshape(shape)


# ---- comparison ----------------------------------------------------------------------------------


def expected(method, base, ends, param):
    w, deltas = (ALPHA, 1 - ALPHA), [x - base for x in ends]
    if method == "slerp":
        return slerp(1 - ALPHA, *ends)
    if method == "task_arithmetic":
        return merged(base, deltas, w, False, False)
    if method == "ties":
        return merged(base, [magnitude(d, DENSITY) for d in deltas], w, True, True)
    # Weights are matrices [in, out] in these files, [out, in] to us: drawn in our order.
    masks = [drawn(base.T.shape, param, k).T for k in range(2)]
    sparse = [rescaled(d, mask) for d, mask in zip(deltas, masks)]
    return merged(base, sparse, w, method == "dare_ties", False)


def check_folded(tool, root, work):
    """B has its BatchNormalization folded, so A and the base are read folded: at lambda 1 it is the average."""
    a, b = (str(root / f"models/resnet/{name}.onnx") for name in "ab")
    subprocess.run([sys.executable, root / "tools/forms.py", b, work, "--form", "bn_folded"], check=True,
                   stdout=subprocess.DEVNULL)
    found = []
    for k, options in enumerate(([], ["--method", "task_arithmetic", "--base", b])):
        out = f"{work}/folded_{k}.onnx"
        subprocess.run([tool, "weld", a, f"{work}/bn_folded.onnx", "-o", out, "-q", "--match", "none", *options],
                       check=True)
        found.append(weights(out))
    for name, wanted in found[0].items():
        np.testing.assert_allclose(found[1][name], wanted, rtol=1e-5, atol=1e-5, err_msg=name)
    print(f"a base with BatchNormalization folded: {len(found[0])} tensors")


def main():
    tool, root = sys.argv[1], pathlib.Path(sys.argv[2])
    a, b = (str(root / f"models/spawned/{name}.onnx") for name in "ab")
    with tempfile.TemporaryDirectory() as work:
        base, out = f"{work}/base.onnx", f"{work}/out.onnx"
        write_base(base, a, b)
        sets = [weights(path) for path in (base, a, b)]
        for method in ("slerp", "task_arithmetic", "ties", "dare_linear", "dare_ties"):
            options = [] if method == "slerp" else ["--base", base, "--lambda", str(LAMBDA)]
            if method in ("ties", "dare_linear", "dare_ties"):
                options += ["--density", str(DENSITY), "--seed", str(SEED)]
            subprocess.run([tool, "weld", a, b, "-o", out, "-f", "-q", "--match", "none", "--alpha", str(ALPHA),
                            "--method", method, *options], check=True)
            ours, worst = weights(out), 0.0
            assert list(ours) == list(sets[1])
            for param, name in enumerate(ours):
                of_base, *ends = (s[name] for s in sets)
                wanted = expected(method, of_base, ends, param)
                np.testing.assert_allclose(ours[name], wanted, rtol=1e-6, atol=1e-7, err_msg=f"{method} {name}")
                worst = max(worst, np.abs(ours[name] - wanted).max())
            print(f"{method}: {len(ours)} tensors, greatest difference {worst:.2g}")
        check_folded(tool, root, work)


if __name__ == "__main__":
    main()
