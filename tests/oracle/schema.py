"""The JSON that the commands write fits the committed schemas:

    tools/python.sh tests/oracle/schema.py ONNXWELD ROOT
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import jsonschema

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "cli"))
import gates


def commands(tool, models, work):
    mlp = [f"{models}/mlp/a.onnx", f"{models}/mlp/b.onnx"]
    cnn = [f"{models}/cnn/a.onnx", f"{models}/cnn/b.onnx"]
    data = ["--data", f"{models}/grey/eval.npz", "--preset", "unit", "--limit", "64"]
    report = ["--report", f"{work}/r.json", "-f", "-q"]
    yield 0, [tool, "weld", *mlp, "-o", f"{work}/m.onnx", *data, *report, "--save-perm", f"{work}/p.json"]
    yield 0, [tool, "weld", *mlp, "-o", f"{work}/m.onnx", *report]
    yield 0, [tool, "weld", *mlp, "-o", f"{work}/m.onnx", *data, *report, "--method", "ties", "--density", ".5",
              "--base", f"{models}/mlp/c.onnx", "--compare", "dare_linear,reset"]
    yield 0, [tool, "weld", *mlp, "-o", f"{work}/m.onnx", *report, *data, "--compare", "all", "--alpha", "best"]
    yield 0, [tool, "weld", *mlp, f"{models}/mlp/c.onnx", "-o", f"{work}/m.onnx", *report, *data]
    yield 0, [tool, "weld", *mlp, f"{models}/mlp/c.onnx", "-o", f"{work}/m.onnx", *report]
    yield 0, [tool, "lmc", *cnn, *data, *report, "--match", "activations"]
    yield 0, [tool, "lmc", *cnn, "--data", f"{models}/grey/match.npz", *data[2:], *report]
    yield 0, [tool, "lmc", *mlp, *data, *report, "--metric", "mse,agree,top1", "--bootstrap", "0"]
    yield 0, [tool, "lmc", *mlp, *data, *report, "--match", "commutativity", "--match-data", f"{models}/grey/match.npz"]
    yield 0, [tool, "align", *mlp, "-o", f"{work}/m.onnx", *data, *report, "--candidates", "1", "--polish", ".01"]
    for command in (["weld", *mlp, "-o", f"{work}/dry.onnx", "--save-perm", f"{work}/dry.json"], ["align", *cnn, "-o", f"{work}/dry.onnx"],
                    ["weld", *mlp, f"{models}/mlp/c.onnx", "-o", f"{work}/dry.onnx"], ["lmc", *mlp]):
        yield 0, [tool, *command, *data, "--dry-run", "--json"]
    yield 0, [tool, "inspect", f"{models}/resnet/a.onnx", *report]
    yield 0, [tool, "inspect", f"{models}/resnet/a.onnx", "--shapes", *report]
    yield 0, [tool, "check", *mlp, *report]
    yield 3, [tool, "check", mlp[0], cnn[0], *report]
    limits = ["--max-barrier", "0.01", "--max-acc-drop", "1", "--min-llfc", "0", "--max-pinned", "1"]
    yield 1, [tool, "lmc", *mlp, *data, *report, *limits]
    yield 0, [tool, "lmc", *mlp, *data, "--report", f"{work}/old.json", "-f", "-q"]
    yield 0, [tool, "gate", f"{work}/old.json", "--baseline", f"{work}/old.json", *report]
    yield 0, [tool, "gate", f"{work}/old.json", *report, *limits, "--warn-only"]


def check_configs(schema):
    """What --config takes fits the schema, and what it refuses does not."""
    for code, config, _ in gates.CONFIGS:
        fits = not list(jsonschema.Draft202012Validator(schema).iter_errors(config))
        if fits != (code != 5):
            raise SystemExit(f"{config}: the schema {'takes' if fits else 'refuses'} it, the command does not")


def main():
    tool, root = sys.argv[1], pathlib.Path(sys.argv[2])
    schemas = {name: json.loads((root / f"tests/schema/{name}.schema.json").read_text())
               for name in ("report", "permutation", "gates")}
    with tempfile.TemporaryDirectory() as work:
        for code, command in commands(tool, root / "models", work):
            run = subprocess.run(command, capture_output=True, text=True)
            if run.returncode != code:
                raise SystemExit(f"{command}: exit {run.returncode}: {run.stderr}")
            printed = run.stdout if "--json" in command else pathlib.Path(work, "r.json").read_text()
            report = json.loads(printed)
            assert ("plan" in report) == ("--dry-run" in command)
            jsonschema.validate(report, schemas["report"])
        permutation = json.loads(pathlib.Path(work, "p.json").read_text())
        jsonschema.validate(permutation, schemas["permutation"])
    check_configs(schemas["gates"])
    print("schemas ok")


if __name__ == "__main__":
    main()
