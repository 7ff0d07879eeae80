"""What the program tells while it works: progress on a terminal only, -q, -v, --color, --log, threads by
environment, readers that go away:

    python3 tests/cli/talk.py ONNXWELD ROOT
"""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import terminal
from trial import Trial

PLAIN = {"TERM": "xterm"}  # of a terminal that does all


def environment(**more):
    hidden = ("CI", "NO_COLOR", "TERM", "ONNXWELD_THREADS", "OMP_NUM_THREADS")
    return {**{k: v for k, v in os.environ.items() if k not in hidden}, **PLAIN, **more}


def on_terminal(tool, arguments, **more):
    """Standard error is a terminal: what is on it at which second, and the exit code."""
    seen, began = [], time.monotonic()
    code = terminal.watch(
        lambda side: subprocess.Popen([tool, *arguments], stdout=subprocess.DEVNULL, stderr=side, env=environment(**more)),
        lambda part, run: seen.append((time.monotonic() - began, part.decode())))
    return seen, code


def show_progress(t, slow):
    seen, code = on_terminal(t.tool, slow)
    text = "".join(part for _, part in seen)
    assert code == 0 and seen[0][0] < 0.5, f"first sign of life after {seen[0][0]} s"
    drawn = [part.strip() for part in re.split(r"\r\x1b\[K", text)]
    assert any(re.match(r"align( \(\w+\))?  +\d+ %  0:0\d", line) for line in drawn), drawn[:20]
    rest = text[text.rindex("\r\x1b[K"):]
    assert "verified" in rest and " %  0:0" not in rest, "the progress stays on the terminal"
    for why, arguments, more in (("CI", [], {"CI": "1"}), ("a dumb terminal", [], {"TERM": "dumb"}),
                                 ("--no-progress", ["--no-progress"], {}), ("-q", ["-q"], {})):
        text = "".join(part for _, part in on_terminal(t.tool, slow + arguments, **more)[0])
        assert "\x1b[K" not in text and "\r\x1b" not in text, f"progress with {why}: {text[:200]!r}"
    assert "verified" not in text  # of -q


def choose_colours(t, pair, out):
    failing = ["align", *pair, "-f", "-o", out, "--freeze", "layers", "--max-pinned", ".5"]
    for coloured, arguments, more in ((True, [], {}), (False, [], {"NO_COLOR": "1"}), (True, [], {"NO_COLOR": ""}),
                                      (False, [], {"TERM": "dumb"}), (False, ["--color=never"], {}),
                                      (True, ["--color", "always"], {"NO_COLOR": "1"})):
        seen, code = on_terminal(t.tool, [*failing, "--no-progress", *arguments], **more)
        text = "".join(part for _, part in seen)
        assert code == 1 and ("\x1b[1;31mFAIL\x1b[0m" in text) == coloured, (arguments, more, text)
        assert ("\x1b[1;31monnxweld: error:\x1b[0m gate" in text) == coloured
    assert b"\x1b" not in t.run(1, failing, "FAIL").stderr
    assert b"\x1b[1;31mFAIL" in t.run(1, [*failing, "--color", "always"], "").stderr


def speak_up(t, pair, out):
    log = t.work / "log"
    align = ["align", *pair, "-f", "-o", out]
    told = t.run(0, [*align, "-v"], "").stderr.decode()
    for stage in ("load", "align", "verify", "write"):
        assert re.search(rf"^{stage} +\w.*: \d+\.\d\d s", told, re.M), (stage, told)
    assert t.run(0, [*align, "-q", "--log", log], "").stderr == b""
    t.run(2, ["align", *pair, "-o", out, f"--log={log}"], "exists")
    assert t.run(2, ["align", *pair, "-o", out, "-q"], "exists").stderr
    for twice in ("-qq", "-q -q", "--quiet --quiet"):
        assert subprocess.run([t.tool, "align", *pair, "-o", out, *twice.split()], capture_output=True).stderr == b""
    kept = log.read_text()
    for wanted in (r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ onnxweld 0\.1\.0: align ", r"^align +finds .* s\)?$", r"^verified ",
                   r"^exit 0 after \d+\.\d\d s$", r"^onnxweld: error: .*exists; use -f", r"^exit 2 after "):
        assert re.search(wanted, kept, re.M), (wanted, kept)
    assert "\x1b" not in kept and "\r" not in kept
    t.run(5, [*align, "--log", t.work / "none" / "log"], "--log")


def count_threads(t, pair):
    def threads(*arguments, **variables):
        run = t.run(0, ["check", *pair, "--json", *arguments], "", env=variables)
        return json.loads(run.stdout)["environment"]["threads"], run.stderr.decode()

    every = threads()[0]
    assert threads(ONNXWELD_THREADS="3")[0] == threads(OMP_NUM_THREADS="3,1")[0] == threads("-j", "3")[0] == 3
    assert threads(ONNXWELD_THREADS="3", OMP_NUM_THREADS="5")[0] == 3 and threads("-j2", ONNXWELD_THREADS="3")[0] == 2
    for name in ("ONNXWELD_THREADS", "OMP_NUM_THREADS"):
        for wrong in ("many", "0", "-1", "2x"):
            got, told = threads(**{name: wrong})
            assert got == every and f"warning   {name}: '{wrong}' is not a number of threads" in told
        assert threads(**{name: ""}) == (every, "")


def lose_reader(t, pair, out):
    """A reader that goes away ends the program as SIGPIPE does, and nothing is left."""
    for command in (["weld", *pair, "-o", "-", "--save-perm", str(t.work / "p.json")], ["check", *pair, "--json"]):
        read, write = os.pipe()
        os.close(read)
        before = sorted(os.listdir(t.work))
        run = subprocess.run([t.tool, *command], stdout=write, stderr=subprocess.PIPE, cwd=t.work)
        os.close(write)
        assert run.returncode == -signal.SIGPIPE and b"error" not in run.stderr, (run.returncode, run.stderr)
        assert sorted(os.listdir(t.work)) == before
    with open("/dev/full", "wb") as full:
        for command in (["weld", *pair, "-o", "-"], ["check", *pair, "--json"]):
            run = subprocess.run([t.tool, *command], stdout=full, stderr=subprocess.PIPE)
            assert run.returncode == 5 and b"No space left" in run.stderr, (run.returncode, run.stderr)


def main():
    root = pathlib.Path(sys.argv[2]).resolve()
    pair = [str(root / "models/mlp" / f"{x}.onnx") for x in "ab"]
    with tempfile.TemporaryDirectory() as work:
        t = Trial(str(pathlib.Path(sys.argv[1]).resolve()), work)
        out = str(t.work / "out.onnx")
        slow = ["align", *(str(root / "models/resnet" / f"{x}.onnx") for x in "ab"), "-f", "-o", out, "--match", "both",
                "--match-data", str(root / "models/colour/match.npz"), "--preset", "unit", "--limit", "400"]
        show_progress(t, slow)
        choose_colours(t, pair, out)
        speak_up(t, pair, out)
        count_threads(t, pair)
        lose_reader(t, pair, out)
    print(f"{t.count} cases, {t.failed} failed")
    return bool(t.failed)


if __name__ == "__main__":
    sys.exit(main())
