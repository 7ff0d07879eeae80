"""The light networks of ONNX's archive with random weights: their symmetry holds, and is complete.

    tools/python.sh tests/oracle/light_symmetry.py ONNXWELD ROOT

As they come their weights are constants made by ConstantOfShape: permuting those proves nothing.
"""

import json
import pathlib
import subprocess
import sys
import tarfile
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper

# Hidden units that can't move. AlexNet, ZFNet and Inception v1 have LRN, which looks at neighbours;
# ShuffleNet's groups cut its shuffled channels into pieces that cross.
PINNED = {"bvlc_alexnet": 1, "densenet121": 0, "inception_v1": 1, "inception_v2": 0, "resnet50": 0,
          "shufflenet": 1, "squeezenet": 0, "vgg19": 0, "zfnet512": 1}  # fmt: skip


def materialise(path, out):
    """Every ConstantOfShape that has a constant shape becomes an initializer of random numbers."""
    model = onnx.load(path)
    rng = np.random.default_rng(3)
    shapes = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    kept = []
    for node in model.graph.node:
        if node.op_type != "ConstantOfShape" or node.input[0] not in shapes:
            kept.append(node)
            continue
        shape = shapes[node.input[0]].tolist()
        fan_in = max(1, int(np.prod(shape[1:])))
        values = rng.standard_normal(shape, np.float32) / np.float32(np.sqrt(fan_in))
        if len(shape) == 1:  # scales, variances: far from 0
            values = rng.uniform(0.5, 1.5, shape).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
    if kept[-1].op_type == "Softmax":  # scores as large as these make it a unit vector
        model.graph.output[0].name = kept.pop().input[0]
    del model.graph.node[:]
    model.graph.node.extend(kept)
    onnx.save(model, out)


def inspect(binary, path):
    done = subprocess.run([binary, "inspect", path, "--symmetry", "--json"], capture_output=True, text=True)
    return done.returncode, done.stderr, json.loads(done.stdout or "{}")


def main():
    binary, root = (pathlib.Path(a).resolve() for a in sys.argv[1:3])
    archive = root.parent / "shared" / "conformance" / "onnx-backend-light.tar.xz"
    if not archive.exists():
        print("skipped: no shared corpus")
        return 0
    failed = 0
    with tempfile.TemporaryDirectory() as folder, tarfile.open(archive) as tar:
        folder = pathlib.Path(folder)
        tar.extractall(folder, filter="data")
        for path in sorted(folder.rglob("light_*.onnx")):
            name = path.stem.removeprefix("light_")
            materialise(path, folder / "random.onnx")
            code, errors, report = inspect(binary, folder / "random.onnx")
            inspection, proof = report.get("inspection", {}), report.get("verification", {})
            pinned = inspection.get("pinned_fraction", 2)
            reasons = sorted({c["reason"].split(" (")[0] for c in inspection.get("classes", [])
                              if c["reason"]})
            fine = code == 0 and proof["max_rel"] > 0 and (pinned == 0 if PINNED[name] == 0 else pinned < 0.5)
            failed += not fine
            print(f"{'ok    ' if fine else 'FAILED'} {name:14} pinned {pinned:.3f} "
                  f"max_rel {proof.get('max_rel', -1):.1e} {'; '.join(reasons)} {errors}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
