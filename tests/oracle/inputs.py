"""Models with two inputs and two outputs: what is measured on data for each is what onnxruntime says.

    tools/python.sh tests/oracle/inputs.py ONNXWELD ROOT

  run      `run --data` gives onnxruntime's outputs, whatever type the arrays are stored in, from a file,
           standard input, raw files, a folder of ONNX test data and the same in archives (.tar.gz, .xz, .bz2,
           .zst, .zip), of models in archives
  lmc      loss and accuracy of A, B and the file that weld writes, of the output that --output-name says
  align    the aligned B computes what B does
"""

import io
import json
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

N, CLASSES, TOLERANCE = 120, 3, 1e-6
WELD, work = sys.argv[1], None


def network(seed, path, batches=("n", "n")):
    """batches: what the batch is called in the two inputs."""
    rng = np.random.default_rng(seed)
    shapes = {"w1": (16, 6), "b1": 16, "w2": (16, 4), "b2": 16, "w3": (CLASSES, 16), "b3": CLASSES, "table": (11, 4)}
    tensors = [numpy_helper.from_array(rng.normal(0, 0.5, s).astype(np.float32), n) for n, s in shapes.items()]
    nodes = [
        helper.make_node("Gemm", ["image", "w1", "b1"], ["h1"], transB=1),
        helper.make_node("Gather", ["table", "ids"], ["e"]),
        helper.make_node("ReduceMean", ["e"], ["em"], axes=[1], keepdims=0),
        helper.make_node("Gemm", ["em", "w2", "b2"], ["h2"], transB=1),
        helper.make_node("Add", ["h1", "h2"], ["s"]),
        helper.make_node("Relu", ["s"], ["r"]),
        helper.make_node("Gemm", ["r", "w3", "b3"], ["logits"], transB=1),
        helper.make_node("Neg", ["logits"], ["aux"]),
    ]
    of = helper.make_tensor_value_info
    inputs = [of("image", TensorProto.FLOAT, [batches[0], 6]), of("ids", TensorProto.INT64, [batches[1], 5])]
    outputs = [of(name, TensorProto.FLOAT, [batches[0], CLASSES]) for name in ("aux", "logits")]
    graph = helper.make_graph(nodes, "g", inputs, outputs, tensors)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


def weld(*args, stdin=None):
    done = subprocess.run([WELD, *map(str, args), "-q"], input=stdin, capture_output=True)
    assert done.returncode == 0, f"{args}: {done.stderr.decode()}"


def outputs_of(path, arrays):
    return onnxruntime.InferenceSession(path).run(None, {k: arrays[k] for k in ("image", "ids")})


def expect(name, got, want):
    error = np.abs(np.asarray(got, np.float64) - want).max()
    assert error <= TOLERANCE * max(1, np.abs(want).max()), f"{name}: differs by {error}"


def test_data(folder, arrays):
    """Two sets, 70 samples and the rest."""
    for k, part in enumerate((slice(0, 70), slice(70, N))):
        place = folder / f"test_data_set_{k}"
        place.mkdir(parents=True)
        for i, name in enumerate(("image", "ids")):
            (place / f"input_{i}.pb").write_bytes(numpy_helper.from_array(arrays[name][part], name).SerializeToString())


def check_run(model, arrays):
    want = outputs_of(model, arrays)
    out = work / "out.npz"

    def same(name, *args, stdin=None, model=model):
        weld("run", model, *args, "-o", out, "-f", stdin=stdin)
        with np.load(out) as got:
            for key, value in zip(("aux", "logits"), want):
                expect(f"run {name}", got[key], value)

    image, ids = arrays["image"], arrays["ids"]
    stored = [(image, ids), (image.astype(">f4"), ids.astype(">i2")), (np.asfortranarray(image), ids.astype("i1")),
              (image.astype("f8"), np.asfortranarray(ids.astype("u4"))), (image, ids.astype("u1"))]
    for x, t in stored:
        np.savez(work / "x.npz", x=x, t=t)
        name = f"{x.dtype} {t.dtype} {x.flags.f_contiguous}"
        same(name, "--data", work / "x.npz", "--input", "image=x", "--input", "ids=t")
    np.savez_compressed(work / "x.npz", image=image, ids=ids)
    same("stdin", "--data", "-", stdin=(work / "x.npz").read_bytes())
    image.tofile(work / "x.raw")
    ids.astype("i2").tofile(work / "t.raw")
    same("raw", "--raw", f"image=f32:6:{work}/x.raw", "--raw", f"ids=i16:5:{work}/t.raw")
    folder = work / "net"
    test_data(folder, arrays)
    same("folder", "--data", folder)
    with tarfile.open(work / "net.tar.gz", "w:gz") as tar:
        tar.add(folder, "net")
    same("tar.gz", "--data", work / "net.tar.gz")
    for packed in ("xz", "bz2"):
        with tarfile.open(work / f"net.tar.{packed}", f"w:{packed}") as tar:
            tar.add(folder, "net")
            tar.add(model, "m.onnx")
    with tarfile.open(work / "net.tar", "w") as tar:
        tar.add(folder, "net")
        tar.add(model, "m.onnx")
    subprocess.run(["zstd", "-q", "-f", "--rm", work / "net.tar"], check=True)
    for packed in ("xz", "bz2", "zst"):
        archive = work / f"net.tar.{packed}"
        same(packed, "--data", archive)
        same(f"model in {packed}", "--data", work / "x.npz", model=archive)
        same(f"{packed}#", "--data", work / "x.npz", model=f"{archive}#m.onnx")
    with zipfile.ZipFile(work / "net.zip", "w", zipfile.ZIP_DEFLATED) as z:
        for path in sorted(folder.rglob("*.pb"), reverse=True):
            z.write(path, path.relative_to(work))
    same("zip", "--data", work / "net.zip")


def figures(z, labels):
    z = z.astype(np.float64)
    top = z.max(1, keepdims=True)
    loss = np.log(np.exp(z - top).sum(1)) + top[:, 0] - z[np.arange(N), labels]
    return loss.mean(), (z.argmax(1) == labels).mean()


def check_measures(a, b, arrays):
    np.savez(work / "d.npz", **arrays)
    for which, name in enumerate(("aux", "logits")):
        weld("weld", a, b, "--match", "weights", "--stats", "none", "--data", work / "d.npz", "--output-name", name,
             "-o", work / "m.onnx", "--report", work / "r.json", "-f")
        lmc = json.loads((work / "r.json").read_text())["lmc"]
        curve = lmc["aligned"]
        for path, alpha in ((a, 1), (b, 0), (work / "m.onnx", 0.5)):
            at = lmc["alpha"].index(alpha)
            loss, accuracy = figures(outputs_of(path, arrays)[which], arrays["labels"])
            expect(f"loss of {name} at {alpha}", curve["loss"][at], loss)
            expect(f"accuracy of {name} at {alpha}", curve["accuracy"][at], accuracy)
    for match in ("activations", "auto"):
        weld("align", a, b, "--match", match, "--match-data", work / "d.npz", "-o", work / "b2.onnx", "-f")
        for got, want in zip(outputs_of(work / "b2.onnx", arrays), outputs_of(b, arrays)):
            expect(f"align {match}", got, want)


def main():
    global work
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        a, b = work / "a.onnx", work / "b.onnx"
        network(0, a)
        network(1, b)
        rng = np.random.default_rng(2)
        arrays = {"image": rng.normal(size=(N, 6)).astype(np.float32), "ids": rng.integers(0, 11, (N, 5)),
                  "labels": rng.integers(0, CLASSES, N)}
        check_run(a, arrays)
        check_measures(a, b, arrays)
        for seed, path in enumerate((a, b)):
            network(seed, path, ("images", "words"))
        shutil.rmtree(work / "net")
        check_run(a, arrays)
        check_measures(a, b, arrays)
    print("two inputs, of one batch and of two names for it, two outputs: as onnxruntime says")


main()
