"""Runs a model in onnxruntime and stores all its outputs:

    tools/python.sh tests/oracle/ort_run.py MODEL --inputs in.npz --out out.npz [--scale S]
    tools/python.sh tests/oracle/ort_run.py MODEL --random --out out.npz
        [--inputs in.npz] [--seed S] [--batch N]

With --random the inputs are drawn for the declared shapes, a symbolic dimension being N; they are
written to the file of --inputs if one is named, so that another program can be fed the same.
Stored values are divided by S and converted to the type of the input. A model with a fixed batch
runs once for every part of that size.
"""

import argparse

import numpy as np
import onnxruntime

TYPES = {
    "tensor(bool)": np.bool_,
    "tensor(double)": np.float64,
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(int8)": np.int8,
    "tensor(uint8)": np.uint8,
}


def session_of(path):
    options = onnxruntime.SessionOptions()
    # The plain graph on one thread: no fused kernels, the same bits on every run.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def draw(rng, value, batch):
    shape = [dim if isinstance(dim, int) else batch for dim in value.shape]
    kind = np.dtype(TYPES[value.type])
    if kind.kind == "f":
        return rng.standard_normal(shape).astype(kind)
    # 0 and 1 are valid for masks and for the indices of nearly every table.
    return rng.integers(0, 2, shape).astype(kind)


def random_inputs(session, seed, batch):
    rng = np.random.default_rng(seed)
    return {value.name: draw(rng, value, batch) for value in session.get_inputs()}


def stored_inputs(session, path, scale):
    """The arrays the model asks for; others (labels) stay in the file."""
    with np.load(path) as archive:
        missing = [v.name for v in session.get_inputs() if v.name not in archive]
        if missing:
            raise SystemExit(f"{path}: no array for input {', '.join(missing)}")
        arrays = {v.name: archive[v.name] for v in session.get_inputs()}
    for value in session.get_inputs():
        array = arrays[value.name] if scale == 1 else arrays[value.name] / scale
        arrays[value.name] = array.astype(TYPES[value.type], copy=False)
    return arrays


def run(session, inputs):
    """The outputs by name, in parts where the graph declares a smaller batch than there is."""
    names = [value.name for value in session.get_outputs()]
    first = session.get_inputs()[0]
    declared = first.shape[0] if first.shape else None
    count = len(inputs[first.name]) if first.shape else None
    if not isinstance(declared, int) or declared == count:
        return dict(zip(names, session.run(names, inputs)))
    if count % declared:
        raise SystemExit(f"{count} samples do not fill batches of {declared}")
    parts = []
    for start in range(0, count, declared):
        part = {name: array[start : start + declared] for name, array in inputs.items()}
        parts.append(session.run(names, part))
    return {name: np.concatenate(arrays) for name, arrays in zip(names, zip(*parts))}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--inputs", help="npz with one array per input; written with --random")
    parser.add_argument("--out", required=True)
    parser.add_argument("--random", action="store_true")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--batch", type=int, default=2)
    options = parser.parse_args()
    if not options.random and not options.inputs:
        parser.error("either --inputs or --random is needed")
    session = session_of(options.model)
    if options.random:
        inputs = random_inputs(session, options.seed, options.batch)
        if options.inputs:
            np.savez(options.inputs, **inputs)
    else:
        inputs = stored_inputs(session, options.inputs, options.scale)
    np.savez(options.out, **run(session, inputs))


if __name__ == "__main__":
    main()
