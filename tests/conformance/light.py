"""Lays ONNX's light models out as test folders:

    tools/python.sh tests/conformance/light.py onnx-backend-light.tar.xz FOLDER

The archive holds NAME.onnx and NAME_output_0.pb; the input, as in ONNX's own runner, is 0/n, 1/n,
..., (n-1)/n in the shape of the first input that is no initializer.
"""

import pathlib
import sys
import tarfile

import numpy as np
import onnx
import onnx.numpy_helper


def dummy_input(model):
    weights = {t.name for t in model.graph.initializer}
    (value,) = (v for v in model.graph.input if v.name not in weights)
    shape = [d.dim_value or 1 for d in value.type.tensor_type.shape.dim]
    count = np.prod(shape)
    return onnx.numpy_helper.from_array((np.arange(count).reshape(shape) / count).astype(np.float32), value.name)


def main():
    archive, out = tarfile.open(sys.argv[1]), pathlib.Path(sys.argv[2])
    files = {pathlib.Path(m.name).name: archive.extractfile(m).read() for m in archive if m.isfile()}
    for name in (n.removesuffix(".onnx") for n in files if n.endswith(".onnx")):
        data = out / name / "test_data_set_0"
        data.mkdir(parents=True)
        (out / name / "model.onnx").write_bytes(files[f"{name}.onnx"])
        (data / "output_0.pb").write_bytes(files[f"{name}_output_0.pb"])
        model = onnx.load_from_string(files[f"{name}.onnx"])
        (data / "input_0.pb").write_bytes(dummy_input(model).SerializeToString())


if __name__ == "__main__":
    main()
