"""The command line itself: how options are read, help of a screenful, manual pages, completions:

    python3 tests/cli/usage.py ONNXWELD ROOT
"""

import fcntl
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import termios

import terminal
from trial import Trial

COMMANDS = "weld align lmc check diff inspect run gate data".split()

# exit, arguments (A, B: models, C: another architecture, D: data, O: a file that is not there), what standard error says
CASES = [
    (0, "align A B --output=O", "verified"),
    (0, "align A B -oO -j2", "verified"),
    (0, "align -o O -- A B", "verified"),
    (0, "align A B -o O --match=none --seed=3", "verified"),
    (2, "align A -- -o O", "takes no further argument"),
    (2, "align A B -o O --match wieghts", "--match: 'wieghts', allowed auto, weights, frank-wolfe"),
    (2, "align A B -o O --match wieghts", "; did you mean weights?"),
    (2, "weld A B -o O --method tie", "did you mean ties?"),
    (2, "weld A B -o O --stats repiar", "did you mean repair?"),
    (2, "weld A B -o O --external somtimes", "--external: 'somtimes', allowed auto, never, always"),
    (2, "weld A B -o O --color allways", "did you mean always?"),
    (2, "lmc A B --data D --preset cfar10", "did you mean cifar10?"),
    (2, "align A B -o O --normalize rows", "allowed none, layer, neuron"),
    (0, "weld A B -o O --dry-run", ""),
    (0, "weld A B -o O --data D --preset unit --dry-run", ""),
    (0, "align A B -o O --dry-run", ""),
    (0, "lmc A B --data D --preset unit --dry-run", ""),
    (0, "weld A B B -o O --data D --preset unit --dry-run", ""),
    (3, "weld A B C -o O --dry-run", "(2 obstacles)"),
    (2, "weld A B B -o A --dry-run", "exists; use -f to replace it"),
    (2, "weld A B B -o A --data O", "exists; use -f to replace it"),
    (3, "weld A C -o O --dry-run", "(2 obstacles)"),
    (2, "weld A B -o A --dry-run", "exists; use -f to replace it"),
    (2, "weld A B -o O --match both --dry-run", "needs"),
    (5, "weld A B -o O --data O --dry-run", "No such file"),
    (2, "wled A B", "no command 'wled'; did you mean weld?"),
    (2, "--genrate man", "no command"),
    (2, "--generate complete-bsh", "did you mean complete-bash?"),
    (2, "weld A B --ouput O", "weld has no option --ouput; did you mean --output?"),
    (2, "weld A B --ouput=O", "weld has no option --ouput; did you mean --output?"),
    (2, "weld A B -x", "weld has no option -x"),
    (2, "weld A B -o", "-o lacks its value FILE"),
    (2, "weld A B --output", "--output lacks its value FILE"),
    (2, "weld A B -o O --json=yes", "--json takes no value"),
    (2, "weld A B -o O --lambda -1e-3", "--lambda: merge method 'lerp' takes none"),
    (2, "weld A B -o O --density=-1", "--density: -1, allowed above 0 to 1"),
    (2, "weld A B -o O --seed -1", "--seed: '-1' is not a whole number from 0"),
    (2, "weld A B -o O --threads=many", "--threads: 'many' is not a whole number"),
    (2, "weld A B -o O -q -v", "weld: -q and -v contradict each other"),
    (2, "weld A B -o O --sweep 0:1:3", "weld: --sweep needs --data or --raw"),
    (2, "weld A B -o O --labels y", "--labels needs --data or --raw"),
    (2, "weld A B -o O --match-labels y", "--match-labels needs --match-data"),
    (2, "weld A B -o O --tune-data D", "--tune-data needs --alpha"),
    (2, "weld A B -o O --max-barrier 1", "--max-barrier needs --data"),
    (2, "weld A B -o O --data D --raw x=f32:1:x.raw", "--data and --raw contradict each other"),
    (2, "inspect A --sizes batch=2", "--sizes needs --shapes"),
    (2, "inspect A --shapes --symmetry", "--symmetry and --shapes contradict each other"),
    (2, "gate A --max-worse 1", "--max-worse needs --baseline"),
    (2, "weld A", "usage: onnxweld weld A.onnx B.onnx"),
]


def parse(t, root):
    files = {"A": f"{root}/models/mlp/a.onnx", "B": f"{root}/models/mlp/b.onnx", "C": f"{root}/models/cnn/a.onnx",
             "D": f"{root}/models/grey/eval.npz", "O": str(t.work / "out.onnx")}
    for code, words, wanted in CASES:
        arguments = []
        for word in words.split():
            head, mark, tail = word.partition("=")
            if word.startswith("-oO"):
                word = "-o" + files["O"]
            elif mark and tail in files:
                word = f"{head}={files[tail]}"
            arguments.append(files.get(word, word))
        t.run(code, arguments, wanted)
        assert "--dry-run" not in arguments or not os.path.exists(files["O"]), words
        if os.path.exists(files["O"]):
            os.remove(files["O"])


def on_terminal(tool, arguments, columns):
    def start(side):
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        return subprocess.Popen([tool, *arguments], stdout=side, close_fds=True)

    text = []
    assert terminal.watch(start, lambda part, run: text.append(part)) == 0
    return b"".join(text).decode().split("\r\n")[:-1]


def show_help(t):
    for name in COMMANDS:
        brief = t.run(0, [name, "--help"], "").stdout.decode().splitlines()
        every = t.run(0, [name, "x", "--help-all"], "").stdout.decode()
        assert len(brief) <= 24 and max(map(len, brief)) <= 80, f"{name} --help: more than a screen"
        assert max(map(len, every.splitlines())) <= 80, f"{name} --help-all: wide lines"
        for line in brief[3:-2]:
            for word in line.split():
                assert not word.startswith("--") or word.rstrip(",") in every, (name, word)
        often = [line[11:] for line in brief[3:-2] if line[11:12] == "-"]
        assert len(often) >= 4, f"{name}: no options in {brief}"
    for columns in (60, 100):
        widest = max(map(len, on_terminal(t.tool, ["weld", "--help-all"], columns)))
        assert columns - 15 < widest <= columns, (columns, widest)
    text = t.run(0, ["--help"], "").stdout.decode()
    assert len(text.splitlines()) <= 24 and max(map(len, text.splitlines())) <= 80, "--help: more than a screen"
    for word in (*COMMANDS, "ONNXWELD_THREADS", "OMP_NUM_THREADS", "NO_COLOR", "130 interrupted", "--generate"):
        assert word in text, word
    bare = subprocess.run([t.tool], capture_output=True)
    assert bare.returncode == 2 and not bare.stdout and bare.stderr.decode() == text


def show_versions(t):
    assert t.run(0, ["--version"], "").stdout.decode().split() == ["onnxweld", "0.1.0"]
    info = t.run(0, ["--build-info"], "").stdout
    assert info == t.run(0, ["-vV"], "").stdout
    facts = dict(line.split(None, 1) for line in info.decode().splitlines())
    assert list(facts) == "version onnx compiler flags blas protobuf-c libarchive zlib jansson libcrypto".split()
    assert facts["version"] == "0.1.0" and "opsets 1 to " in facts["onnx"] and "OpenBLAS" in facts["blas"]
    for name in ("protobuf-c", "libarchive", "zlib", "jansson", "libcrypto"):
        assert any(c.isdigit() for c in facts[name]), facts


def print_manuals(t):
    """mandoc finds nothing to complain about, and no option is missing."""
    for name in ("", *COMMANDS):
        path = t.work / f"page{name}.1"
        path.write_bytes(t.run(0, ["--generate", "man", *name.split()], "").stdout)
        lint = subprocess.run(["mandoc", "-T", "lint", path], capture_output=True, text=True).stdout
        complaints = [line for line in lint.splitlines() if "referenced manual not found" not in line]
        assert not complaints, complaints
        page = subprocess.run(["mandoc", "-T", "ascii", "-O", "width=200", path], capture_output=True, text=True).stdout
        plain = subprocess.run(["col", "-b"], input=page, capture_output=True, text=True).stdout
        every = t.run(0, [name, "--help-all"], "").stdout.decode() if name else ""
        flags = [line.split()[0].rstrip(",") for line in every.splitlines() if line.startswith("  -")]
        missing = [flag for flag in flags if flag not in plain]
        assert not missing, (name, missing)
        assert "ONNXWELD_THREADS" in plain and "130" in plain
        assert not name or f"onnxweld {name} " in plain[plain.index("EXAMPLES"):]


# the words of the line, the last one to be completed; some of what is offered
COMPLETIONS = [
    ("we", {"weld"}),
    ("--ver", {"--version"}),
    ("--generate complete-z", {"complete-zsh"}),
    ("weld --match wei", {"weights"}),
    ("weld A.onnx B.onnx --match = comm", {"commutativity"}),
    ("weld --match =", {"weights", "none"}),
    ("weld --ext", {"--external"}),
    ("lmc --preset m", {"mnist"}),
    ("align --color n", {"never"}),
    ("inspect --sy", {"--symmetry"}),
    ("weld --sy", set()),
    ("weld -o we", set()),
]


def complete(t):
    script = t.work / "complete"
    for shell in ("bash", "zsh", "fish"):
        script.write_bytes(t.run(0, ["--generate", f"complete-{shell}"], "").stdout)
        if shutil.which(shell):
            subprocess.run([shell, "-n", script], check=True)
    script.write_bytes(t.run(0, ["--generate", "complete-bash"], "").stdout)
    for line, wanted in COMPLETIONS:
        words = ["onnxweld", *line.split()]
        program = f'. {script}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _onnxweld; printf "%s\\n" "${{COMPREPLY[@]}}"'
        got = set(subprocess.run(["bash", "-c", program, "bash", *words], capture_output=True, text=True, check=True).stdout.split())
        assert wanted <= got and (wanted or not got), (line, got)
        assert len(wanted) != 1 or got == wanted, (line, got)


def main():
    with tempfile.TemporaryDirectory() as work:
        t = Trial(sys.argv[1], work)
        parse(t, pathlib.Path(sys.argv[2]))
        show_help(t)
        show_versions(t)
        print_manuals(t)
        complete(t)
    print(f"{t.count} cases, {t.failed} failed")
    return bool(t.failed)


if __name__ == "__main__":
    sys.exit(main())
