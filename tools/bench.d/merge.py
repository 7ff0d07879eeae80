"""Merging large files beside copying one of them:

    tools/bench merge [--mib N] [--runs N] [--match METHOD] [--external] [--half] [--folder FOLDER]

Two perceptrons of N MiB each (1024) are merged with --match METHOD (none). The target: at most 1.5 times
what cp needs for one of them, beside the SHA-256 of both files and of the result, and at most 64 MiB of
anonymous memory. cp, the hashes (libcrypto through hashlib) and the merge take turns, all on files that
are in the page cache; the least of the runs counts. The merge also waits for the disk (fsync), cp does
not: cp with sync stands beside. The result is hashed while it is written, where there is a second processor.
Anonymous memory is RssAnon, looked at every 5 milliseconds; VmHWM, the kernel's peak of all resident
memory, is an upper bound.
"""

import argparse
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from formlib import memory, raw  # noqa: E402

WIDTH = 4096


def type_of(o):
    return raw.FLOAT16 if o.half else raw.FLOAT


def layers_of(o):
    return max(1, round(o.mib * 2**20 / (WIDTH * WIDTH * raw.BYTES[type_of(o)])))


def make(path, seed, o):
    dtype = type_of(o)
    rng = np.random.default_rng(seed)
    block = (0.02 * rng.standard_normal(1 << 20)).astype(np.float16 if dtype == raw.FLOAT16
                                                         else np.float32)
    stock = block.tobytes()

    def content(size):  # another place of the same block each time
        at = int(rng.integers(0, len(stock) // 4)) * 4
        return (stock[at:] + stock[:at])[:size]

    raw.write(str(path), content, width=WIDTH, layers=layers_of(o), dtype=dtype, external=o.external)


def files_of(path):
    beside = pathlib.Path(f"{path}.data")
    return [path, beside] if beside.exists() else [path]


def timed(command):
    began = time.monotonic()
    subprocess.run(command, check=True)
    return time.monotonic() - began


def copy(path, target):
    """Seconds of cp, and of cp with sync."""
    seconds = sum(timed(["cp", f, target]) for f in files_of(path))
    synced = seconds + timed(["sync", target])
    os.remove(target)
    return seconds, synced


def hash_seconds(paths):
    """Of all that the report names: the models' own files."""
    began = time.monotonic()
    for path in paths:
        with open(path, "rb") as file:
            hashlib.file_digest(file, "sha256")
    return time.monotonic() - began


def run(command):
    """Seconds, peak of anonymous and of all resident memory in bytes."""
    began, peaks = time.monotonic(), [0, 0]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    while process.poll() is None:
        peaks = [max(x, y) for x, y in zip(peaks, memory.of_process(process.pid))]
        time.sleep(0.005)
    seconds = time.monotonic() - began
    if process.returncode:
        sys.exit(f"{' '.join(command)}: {process.stderr.read().decode()}")
    return seconds, *peaks


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--match", default="none")
    parser.add_argument("--external", action="store_true")
    parser.add_argument("--half", action="store_true")
    parser.add_argument("--folder", help="on the file system that is measured")
    return parser.parse_args()


def report(o, least, peaks):
    copying, synced, hashing, merging = least
    beside = merging - hashing
    print(f"cp of one file        {copying:7.2f} s    with sync {synced:.2f} s")
    print(f"SHA-256 of all three  {hashing:7.2f} s")
    print(f"merge                 {merging:7.2f} s")
    if o.match == "none":
        print(f"  beside the hashes   {beside:7.2f} s    {beside / copying:.2f} of cp (target 1.50), "
              f"{beside / synced:.2f} of cp with sync")
    grams = 0 if o.match == "none" else (layers_of(o) - 1) * WIDTH * WIDTH * 4
    print(f"anonymous memory      {peaks[0] / 2**20:7.1f} MiB  "
          + (f"(Grams {grams / 2**20:.0f})" if grams else "(target 64)"))
    print(f"all resident memory   {peaks[1] / 2**20:7.1f} MiB")


def main():
    o = options()
    with tempfile.TemporaryDirectory(dir=o.folder) as work:
        a, b, merged = (pathlib.Path(work) / name for name in ("a.onnx", "b.onnx", "merged.onnx"))
        make(a, 1, o)
        make(b, 2, o)
        os.sync()
        size = sum(f.stat().st_size for f in files_of(a))
        print(f"two files of {size / 1e9:.2f} GB, {'external data, ' if o.external else ''}"
              f"{'float16' if o.half else 'float32'}, --match {o.match}, the least of {o.runs}")
        command = [o.program, "weld", str(a), str(b), "-o", str(merged), "-f", "--match", o.match]
        rows, peaks = [], [0, 0]
        for _ in range(o.runs):
            seconds, *resident = run(command)
            peaks = [max(x, y) for x, y in zip(peaks, resident)]
            hashing = hash_seconds([a, b, merged])
            for file in files_of(merged):
                os.remove(file)
            rows.append((*copy(a, merged), hashing, seconds))
        report(o, [min(column) for column in zip(*rows)], peaks)


main()
