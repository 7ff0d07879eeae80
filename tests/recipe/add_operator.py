"""Adds an operator as "Adding an operator" in src/README.md says, and runs a network with it:

    tools/python.sh tests/recipe/add_operator.py ROOT

In a copy of the source tree, the section's code blocks go where their first line says and its
make_vectors command is run; then the tree is built without optimisation. The vectors must pass, the
registry test must know the operator, and a network of it must give what numpy gives and have its
hidden units free to move.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnx.helper as oh
import onnx.numpy_helper as onh

PARTS = ("include", "proto", "src", "tests", "tools")  # of the source tree: all that a build needs


def run(*command, at):
    # The copy's tools/python.sh uses the Python environment that runs this.
    environment = os.environ | {"ONNXWELD_VENV": sys.prefix}
    done = subprocess.run([str(c) for c in command], cwd=at, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{command}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def copy_tree(root, to):
    for part in PARTS:
        shutil.copytree(root / part, to / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "CMakeLists.txt", to)


def blocks(root):
    """{path: text} of the recipe's code blocks, and its make_vectors command."""
    section = (root / "src/README.md").read_text().split("\n## Adding an operator\n")[1].split("\n## ")[0]
    files = {}
    for text in re.findall(r"^```\w+\n(.*?)^```", section, re.M | re.S):
        path = re.match(r"(?:/\*|#) ((?:src|tests)/[\w./]+)", text)
        if path:
            files[path.group(1)] = text
    return files, re.search(r"^tools/python.sh tests/ops/make_vectors.py \w+$", section, re.M).group(0)


def add_line(path, block):
    """The block's last line, in its alphabetical place."""
    line, lines = block.splitlines()[-1], path.read_text().splitlines()
    place = next((k for k, other in enumerate(lines) if other.startswith("WELD_OP(") and other > line), len(lines))
    path.write_text("\n".join(lines[:place] + [line] + lines[place:]) + "\n")


def follow_recipe(tree):
    files, make_vectors = blocks(tree)
    for path, text in files.items():
        if path.endswith(".def"):
            add_line(tree / path, text)
        else:
            (tree / path).write_text(text)
    print(run(*make_vectors.split(), at=tree), end="")
    return [tree / path for path in files]


def build(tree):
    run("cmake", "-S", ".", "-B", "build", "-DCMAKE_BUILD_TYPE=Plain",  # no optimisation
        "-DWELD_WERROR=ON", at=tree)
    run("cmake", "--build", "build", "-j2", "--target", "weld_cli", "conformance", "list_ops", at=tree)


def write_network(folder):
    """x -> Gemm -> Cube -> Gemm -> y as a test folder."""
    rng = np.random.default_rng(3)
    x, w1, b1, w2 = (rng.standard_normal(s).astype(np.float32) for s in ((3, 4), (8, 4), (8,), (2, 8)))
    nodes = [oh.make_node("Gemm", ["x", "w1", "b1"], ["h"], transB=1),
             oh.make_node("Cube", ["h"], ["c"], domain="example"),
             oh.make_node("Gemm", ["c", "w2"], ["y"], transB=1)]
    values = [oh.make_tensor_value_info(n, onnx.TensorProto.FLOAT, ["N", d]) for n, d in (("x", 4), ("y", 2))]
    weights = [onh.from_array(w, n) for w, n in ((w1, "w1"), (b1, "b1"), (w2, "w2"))]
    graph = oh.make_graph(nodes, "cubes", values[:1], values[1:], weights)
    opsets = [oh.make_opsetid("", 17), oh.make_opsetid("example", 1)]
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    onnx.save(oh.make_model(graph, opset_imports=opsets, ir_version=8), folder / "model.onnx")
    y = (x @ w1.T + b1) ** 3 @ w2.T
    (data / "input_0.pb").write_bytes(onh.from_array(x, "x").SerializeToString())
    (data / "output_0.pb").write_bytes(onh.from_array(y, "y").SerializeToString())


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as work:
        tree = pathlib.Path(work, "tree")
        tree.mkdir()
        copy_tree(root, tree)
        made = follow_recipe(tree)
        build(tree)
        tool, network = tree / "build/onnxweld", tree / "network"
        print(run(tree / "build/tests/conformance", "tests/ops/vectors/cube.tar.gz", at=tree), end="")
        registry = subprocess.run([sys.executable, "tests/ops/registry.py", "build/tests/list_ops"],
                                  cwd=tree, capture_output=True, text=True).stdout
        if not re.search(r"^  Cube +1\.\.\d+  1:\d+$", registry, re.M):
            raise SystemExit(f"the registry test does not know Cube:\n{registry}")
        write_network(network)
        run(tool, "run", network, at=tree)
        report = json.loads(run(tool, "inspect", network / "model.onnx", "--json", at=tree))
        found = [(c["kind"], c["size"]) for c in report["inspection"]["classes"]]
        if found != [("free", 8)]:
            raise SystemExit(f"classes of the network: {found}, expected its 8 hidden units, free")
        print(f"recipe ok: {', '.join(p.relative_to(tree).as_posix() for p in made)}")


if __name__ == "__main__":
    main()
