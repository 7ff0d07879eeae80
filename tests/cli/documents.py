"""What README.md and the pages of docs/ show is true:

    tools/python.sh tests/cli/documents.py ONNXWELD ROOT PAGE.md...

A page runs in a folder of its own with models/, tools/ and the files that examples name (A.onnx, D.npz, ...); `python3`
is the interpreter of the tests. Of its code blocks

- `console` is a session: what follows "$ " is run, the lines below are what it prints on both streams;
  "; echo $?" shows an exit code. Lines up to EOF belong to a command that reads them (<<'EOF').
- `sh` holds commands of the program, one a line; each runs and exits with 0, and what it writes is removed.
- `json` is a file as a whole.

Lines are compared as `matches` says. JSON, shown or written, fits its schema.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import jsonschema

FILES = {"A.onnx": "mlp/a.onnx", "B.onnx": "mlp/b.onnx", "C.onnx": "mlp/c.onnx", "M.onnx": "mlp/a.onnx",
         "D.npz": "grey/eval.npz", "T.npz": "grey/match.npz"}
SPEC = {"schema": "onnxweld.spec/1",
        "classes": [{"members": ["layers.1.weight[0]", "layers.1.bias[0]", "layers.3.weight[1]"]}]}
GATES = {"gates": {"barrier.loss": ["error", {"max": 0.1}], "llfc.min": ["warn", {"min": 0.9}]}}
NUMBER = r"-?\d*\.?\d+(?:e[+-]?\d+)?"
NOISE = 1e-4  # the proof's differences are rounding: up to some 1e-5 on the models here
RELATIVE = 0.001  # see `matches`


def matches(wanted, got):
    """'...' stands for any text. Whole numbers are the same. Others differ by at most 0.1 % or 2 of the last digit
    that is shown: BLAS sums in an order that depends on the processor, and a descent carries that on. Below 1e-4
    both are rounding."""
    parts = re.split(f"({NUMBER}|\\.\\.\\.)", re.sub(r"\s+", " ", wanted))
    pattern = "".join(".*" if p == "..." else f"({NUMBER})" if k % 2 else re.escape(p) for k, p in enumerate(parts))
    found = re.fullmatch(pattern, re.sub(r"\s+", " ", got))
    numbers = [p for k, p in enumerate(parts) if k % 2 and p != "..."]
    return bool(found) and all(is_near(w, g) for w, g in zip(numbers, found.groups()))


def is_near(wanted, got):
    if wanted == got:
        return True
    if not set(wanted) & set(".e"):
        return False
    w, g = float(wanted), float(got)
    decimals = len(wanted.partition(".")[2].partition("e")[0])
    step = 0 if "e" in wanted else 2.01 * 10**-decimals
    return max(abs(w), abs(g)) < NOISE or abs(w - g) <= max(step, RELATIVE * abs(w))


def first_difference(wanted, got):
    """The first line wanted that does not come; None = all do, and no others. '...' alone: any lines."""
    for k, line in enumerate(wanted):
        if line.strip() == "...":
            rests = (first_difference(wanted[k + 1:], got[n:]) for n in range(k, len(got) + 1))
            return None if any(r is None for r in rests) else f"{line} {' '.join(wanted[k + 1:k + 2])}"
        if k >= len(got) or not matches(line, got[k]):
            return line
    return None if len(got) == len(wanted) else f"(no more than {len(wanted)} lines)"


def session(lines):
    """(command, lines it prints) of a console block."""
    steps, lines = [], iter(lines)
    for line in lines:
        if not line.startswith("$ "):
            assert steps, f"a console block begins with {line!r}"
            steps[-1][1].append(line)
            continue
        command = [line[2:]]
        while "<<'EOF'" in command[0] and command[-1] != "EOF":
            command.append(next(lines))
        steps.append(("\n".join(command), []))
    return steps


def blocks(text):
    """(language, lines) of the code blocks."""
    for found in re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.S | re.M):
        yield found[1], found[2].splitlines()


class Page:
    def __init__(self, tool, root, work):
        self.root, self.work, self.count, self.faults = root, pathlib.Path(work), 0, []
        for folder in ("models", "tools"):
            (self.work / folder).symlink_to(root / folder)
        for name, source in FILES.items():
            shutil.copy(root / "models" / source, self.work / name)
        (self.work / "S.json").write_text(json.dumps(SPEC))
        (self.work / "gates.json").write_text(json.dumps(GATES))
        bin = self.work / ".bin"
        bin.mkdir()
        (bin / "onnxweld").symlink_to(tool)
        (bin / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
        (bin / "python3").chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{bin}:{os.environ['PATH']}"}

    def prepare_reports(self):
        self.run("onnxweld lmc A.onnx B.onnx -q --data D.npz --preset unit --report lmc.json")
        shutil.copy(self.work / "lmc.json", self.work / "old.json")

    def run(self, command):
        self.count += 1
        run = subprocess.run(["sh", "-c", command], cwd=self.work, env=self.environment, stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return run.returncode, run.stdout.splitlines()

    def follow(self, lines):
        for command, wanted in session(lines):
            _, got = self.run(command)
            missed = first_difference(wanted, got)
            if missed is not None:
                self.faults.append(f"$ {command}\n  wanted: {missed}\n  got:\n    " + "\n    ".join(got))
        self.check_schemas()

    def try_commands(self, lines):
        if not (self.work / "lmc.json").exists():
            self.prepare_reports()
        before = set(self.work.iterdir())
        for line in (line for line in lines if line.startswith("onnxweld ")):
            code, got = self.run(line)
            if code:
                self.faults.append(f"$ {line}\n  exit {code}\n    " + "\n    ".join(got))
            self.check_schemas()
            for path in set(self.work.iterdir()) - before:
                path.unlink()

    def check_schemas(self):
        for path in self.work.glob("*.json"):
            self.check_schema(path.name, path.read_text())

    def check_schema(self, name, text):
        content = json.loads(text)
        kind = re.match(r"(?:onnxweld\.)?(\w+)", content.get("schema", "gates"))[1]
        schema = json.loads((self.root / f"tests/schema/{kind}.schema.json").read_text())
        self.faults += [f"{name}: {e.message}" for e in jsonschema.Draft202012Validator(schema).iter_errors(content)]


def check_reference(tool, path):
    """docs/options.md is what the program prints."""
    printed = subprocess.run([tool, "--generate", "markdown"], capture_output=True, text=True, check=True).stdout
    return [] if printed == path.read_text() else ["docs/options.md is not what the program prints: run tools/reference"]


def check(tool, root, path):
    with tempfile.TemporaryDirectory() as work:
        page = Page(tool, root, work)
        for language, lines in blocks(path.read_text()):
            if language == "console":
                page.follow(lines)
            elif language == "sh":
                page.try_commands(lines)
            elif language == "json":
                page.check_schema("a json block", "\n".join(lines))
        if path.name == "options.md":
            page.faults += check_reference(tool, path)
    print(f"{path.name}: {page.count} commands, {len(page.faults)} faults", *page.faults, sep="\n")
    return bool(page.faults)


def main():
    tool, root = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve()
    return any([check(tool, root, root / name) for name in sys.argv[3:]])


if __name__ == "__main__":
    sys.exit(main())
