"""A run that is interrupted, in every stage and at many moments: exit 130, what was there is there, nothing new is:

    python3 tests/cli/interrupts.py ONNXWELD ROOT

A run that a signal reaches too late ends as if there were none, with all of its files.
"""

import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

import terminal

MOMENTS = 6
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def wait_for_handlers(run):
    """Before it is its own program, and has said what is to become of signals, the system ends it."""
    caught = None
    while run.poll() is None and not (caught and int(caught[1], 16) >> (signal.SIGINT - 1) & 1):
        status = pathlib.Path(f"/proc/{run.pid}/status").read_text()
        caught = re.search(r"^SigCgt:\s*(\w+)", status, re.M)


class Job:
    def __init__(self, tool, work, name, arguments, written):
        self.folder = pathlib.Path(work) / name
        self.folder.mkdir()
        (self.folder / "tmp").mkdir()
        self.command, self.written = [tool, *arguments, "-f"], written
        for name in written[::2]:  # every other one is there already
            (self.folder / name).write_bytes(b"there before")
        self.before = self.files()

    def files(self):
        return {str(p.relative_to(self.folder)): p.read_bytes() for p in self.folder.rglob("*") if p.is_file()}

    def start(self, stderr):
        hidden = ("CI", "NO_COLOR")
        environment = {k: v for k, v in os.environ.items() if k not in hidden}
        return subprocess.Popen(self.command, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=stderr,
                                env={**environment, "TERM": "xterm", "TMPDIR": str(self.folder / "tmp")})

    def check(self, code, when):
        """True if the run was interrupted. What it wrote is made undone."""
        after = self.files()
        if code == 0:
            assert set(after) == set(self.written), f"{when}: wrote {sorted(after)}"
            assert all(after[name] != b"there before" for name in self.written), f"{when}: an old file is left"
        else:
            assert code == 130, f"{when}: exit {code}"
            assert after == self.before, f"{when}: left {sorted(after)}"
        for name in set(after) - set(self.before):
            (self.folder / name).unlink()
        for name, content in self.before.items():
            (self.folder / name).write_bytes(content)
        return code == 130

    def at_moment(self, seconds, which):
        run = self.start(subprocess.DEVNULL)
        wait_for_handlers(run)
        time.sleep(seconds)
        run.send_signal(which)
        return self.check(run.wait(), f"{which.name} after {seconds:.3f} s")

    def whole(self):
        """The stages of a run that nobody interrupts, and the seconds that it takes."""
        began = time.monotonic()
        stages, code = self.watch(None, None)
        taken = time.monotonic() - began
        assert not self.check(code, "not interrupted")
        return stages, taken

    def in_stage(self, stage, which):
        return self.check(self.watch(stage, which)[1], f"{which.name} in {stage}")

    def watch(self, stage, which):
        """The stages that a terminal shows, and the exit code; the signal is sent when `stage` is seen."""
        seen, sent = "", False

        def see(part, run):
            nonlocal seen, sent
            seen += part.decode(errors="replace")
            if stage and not sent and re.search(rf"\x1b\[K{stage}\b", seen):
                run.send_signal(which)
                sent = True

        code = terminal.watch(self.start, see)
        return list(dict.fromkeys(re.findall(r"\x1b\[K([a-z]+)", seen))), code


def main():
    tool, root = (str(pathlib.Path(a).resolve()) for a in sys.argv[1:])
    pair = [f"{root}/models/resnet/{x}.onnx" for x in "ab"]
    data = ["--data", f"{root}/models/colour/eval.npz", "--match-data", f"{root}/models/colour/match.npz", "--preset", "unit",
            "--limit", "40", "--match", "both", "--stats", "reset", "--sweep", "0:1:3", "--bootstrap", "100"]
    reports = [f for name in ("r.json", "r.html", "r.md", "r.csv") for f in ("--report", name)]
    with tempfile.TemporaryDirectory() as work:
        jobs = [Job(tool, work, "files", ["weld", *pair, "-o", "m.onnx", "--external", "always", "--save-perm", "p.json",
                                          *reports, *data], ["m.onnx", "m.onnx.data", "p.json", "r.json", "r.html", "r.md", "r.csv"]),
                Job(tool, work, "bundle", ["weld", *pair, "--bundle", "all.tar.gz", *data], ["all.tar.gz"])]
        for job in jobs:
            stages, taken = job.whole()
            ends = [job.in_stage(stage, SIGNALS[k % 2]) for k, stage in enumerate(stages)]
            ends += [job.at_moment(taken * k / MOMENTS, SIGNALS[k % 2]) for k in range(MOMENTS)]
            assert sum(ends) >= MOMENTS / 2, f"{sum(ends)} of {len(ends)} runs were interrupted at all"
            print(f"{job.folder.name}: stages {', '.join(stages)}; {sum(ends)} of {len(ends)} runs interrupted")


main()
