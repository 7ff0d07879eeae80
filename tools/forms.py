"""The same trained weights in the forms that different exporters write:

    tools/python.sh tools/forms.py MODEL.onnx OUTDIR [--form NAME]...
    tools/python.sh tools/forms.py --list

Writes OUTDIR/NAME.onnx for every form that applies to the model, or for the named ones. A name
a+b applies a, then b. Every file is checked by the ONNX checker and gives the outputs of the
original in onnxruntime within the rounding of its float type (where onnxruntime lacks kernels for
that type: with the values of the file in float32); a form that doesn't is an error.
"""

import argparse
import sys
from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, external_data_helper
from onnxruntime.capi.onnxruntime_pybind11_state import NotImplemented as NotImplementedInRuntime

from formlib import dense, layout, maps, norms, opsets, storage, structure  # noqa: F401, register
from formlib.net import FORMS, Net, NotApplicable, nameless, widen

# What one exporter does at once.
COMBINED = [
    "bn_folded+bias_add", "bn_folded+nhwc", "nhwc+relu_max", "pool_squeeze+opset7",
    "pool_squeeze+opset18", "pool_reduce_1+opset20", "pad_conv+opset7", "pad_conv+opset18",
    "relu_clip+opset7", "relu_clip_inf+opset9", "dropout+opset7", "dropout+opset18",
    "matmul_transposed+opset18", "nhwc_ends+constants", "local_function+external",
    "cast_float16+external", "identity+constants", "layernorm_decomposed+gelu_half_first",
    "layernorm_reciprocal+gemm_3d", "relu_clip+float16",
]  # fmt: skip

DTYPES = {
    TensorProto.FLOAT: np.dtype(np.float32), TensorProto.DOUBLE: np.dtype(np.float64),
    TensorProto.FLOAT16: np.dtype(np.float16), TensorProto.BFLOAT16: np.dtype(ml_dtypes.bfloat16),
}  # fmt: skip
# Greatest error by the type of the input, as a share of the largest output.
TOLERANCE = {TensorProto.FLOAT: 1e-5, TensorProto.DOUBLE: 1e-6, TensorProto.FLOAT16: 1e-2,
             TensorProto.BFLOAT16: 6e-2}  # fmt: skip
STORED = {"cast_float16": 5e-3, "cast_bfloat16": 4e-2}  # forms whose weights alone are narrow


def declared(model):
    """The input's element type and dimensions; a symbolic one is 2."""
    value = model.graph.input[0].type.tensor_type
    return value.elem_type, [d.dim_value or 2 for d in value.shape.dim]


def sample(model, seed=0):
    return np.random.default_rng(seed).standard_normal(declared(model)[1]).astype(np.float32)


def fitted(x, model):
    """The images in the type and in the order of axes that a form of the model reads."""
    kind, shape = declared(model)
    if x.ndim == 4 and list(x.shape)[1:] != shape[1:]:
        x = x.transpose(0, 2, 3, 1)
    assert list(x.shape)[1:] == shape[1:], (x.shape, shape)
    return np.ascontiguousarray(x).astype(DTYPES[kind])


def session_of(model):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def outputs(path, x):
    """What the model in a file makes of the images, as float64; x as the plain model reads it."""
    model = onnx.load(path)
    try:
        session = session_of(str(path))
    except NotImplementedInRuntime:
        if declared(model)[0] == TensorProto.FLOAT:
            raise
        widen(model)
        session = session_of(model.SerializeToString())
    feed = {session.get_inputs()[0].name: fitted(x, model)}
    return session.run(None, feed)[0].astype(np.float64)


def save(net, path):
    model = net.model()
    # Shape inference knows nothing of sparse weights.
    onnx.checker.check_model(model, full_check=not model.graph.sparse_initializer)
    path.parent.mkdir(parents=True, exist_ok=True)
    place_external(model, net.external, path)
    onnx.save(model, path)


def place_external(model, how, path):
    """Moves the floats to one file beside the model or to one each in the folder STEM_weights."""
    for k, tensor in enumerate(t for t in model.graph.initializer if t.data_type in DTYPES):
        place = f"{path.stem}_weights/{k:03d}.bin" if how == "many" else f"{path.name}.data"
        (path.parent / place).unlink(missing_ok=True)  # an old file would be appended to
        if how:
            (path.parent / place).parent.mkdir(exist_ok=True)
            external_data_helper.set_external_data(tensor, location=place)


def write(original, name, path):
    """Writes one form and asserts that it computes the same; raises NotApplicable."""
    model = onnx.load(original)
    net = Net(model)
    for part in name.split("+"):
        before = nameless(net.model()), net.external
        FORMS[part](net)
        if before == (nameless(net.model()), net.external):
            raise NotApplicable(f"nothing to change for {part}")
    save(net, path)
    x = sample(model)
    want, got = outputs(original, x), outputs(path, x)
    allowed = max([TOLERANCE[declared(onnx.load(path, load_external_data=False))[0]]]
                  + [STORED.get(part, 0) for part in name.split("+")])
    error = np.abs(got - want).max() / np.abs(want).max()
    assert got.shape == want.shape and error <= allowed, f"{path}: off by {error:.2e}"
    return error


def write_all(original, folder, names=None, log=None):
    """name -> path of the forms that apply."""
    paths = {}
    for name in names or [*FORMS, *COMBINED]:
        path = Path(folder) / f"{name}.onnx"
        try:
            error = write(original, name, path)
        except NotApplicable as why:
            if log:
                print(f"{name}: does not apply: {why}", file=log)
            continue
        paths[name] = path
        if log:
            print(f"{path}  off by {error:.1e}", file=log)
    return paths


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", nargs="?")
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--form", action="append", help="NAME or NAME+NAME; may be repeated")
    parser.add_argument("--list", action="store_true", help="prints the names of all forms")
    options = parser.parse_args()
    if options.list:
        for name, function in FORMS.items():
            print(f"{name:22s} {' '.join(function.__doc__.split())}")
        return 0
    if not options.folder:
        parser.error("MODEL.onnx and OUTDIR are needed")
    unknown = [n for given in options.form or [] for n in given.split("+") if n not in FORMS]
    if unknown:
        parser.error(f"no form {', '.join(unknown)}; --list names them")
    return not write_all(options.model, options.folder, options.form, log=sys.stdout)


if __name__ == "__main__":
    sys.exit(main())
