"""Files that are not held in memory: types, places, sizes.

    tools/python.sh tests/oracle/large.py ONNXWELD

  values    every element of a merge in float32, float16, bfloat16 and double, stored as it is computed or
            turned, in the file or beside it, is the average in double, rounded once or as float32 first
  memory    of --match none, whatever the method, and of --match weights does not grow with the file
  2 GiB     a model with more external data is merged; into one file it is refused before it is written
  broken    data that end early, or change while they are used, are refused, and nothing is left
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
from onnx import external_data_helper

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

from formlib import memory, raw  # noqa: E402

WELD = sys.argv[1]
NUMPY = {raw.FLOAT: np.float32, raw.FLOAT16: np.float16, raw.DOUBLE: np.float64, raw.BFLOAT16: np.uint16}


def weld(*arguments):
    return subprocess.run([WELD, "weld", *map(str, arguments)], capture_output=True, text=True)


def encode(values, dtype):
    """float32 or double -> the stored type, to nearest even."""
    if dtype != raw.BFLOAT16:
        return values.astype(NUMPY[dtype])
    bits = values.astype(np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def decode(stored, dtype):
    if dtype == raw.BFLOAT16:
        return (stored.astype(np.uint32) << 16).view(np.float32)
    return stored


def elements(path):
    """{name: stored elements}"""
    model = onnx.load(path, load_external_data=False)
    external_data_helper.load_external_data_for_model(model, os.path.dirname(path))
    return {t.name: (t.data_type, np.frombuffer(t.raw_data, NUMPY[t.data_type]))
            for t in model.graph.initializer}


def make(path, seed, dtype, scale=1, **how):
    rng = np.random.default_rng(seed)

    def content(size):
        return encode(scale * rng.standard_normal(size // raw.BYTES[dtype]), dtype).tobytes()

    raw.write(str(path), content, dtype=dtype, **how)


def check_values(work, dtype, **how):
    a, b, out = (work / f"{name}.onnx" for name in ("a", "b", "out"))
    make(a, 1, dtype, width=600, layers=2, **how)
    make(b, 2, dtype, width=600, layers=2, **how)
    done = weld(a, b, "-o", out, "-f", "--match", "none", "--alpha", "0.3")
    assert done.returncode == 0, done.stderr
    ours, of_a, of_b = elements(out), elements(a), elements(b)
    for name, (kind, got) in ours.items():
        x, y = (decode(of[name][1], dtype).astype(np.float64) for of in (of_a, of_b))
        mixed = 0.3 * x + (1 - 0.3) * y
        want = encode(mixed if dtype == raw.DOUBLE else mixed.astype(np.float32), dtype)
        assert kind == dtype and np.array_equal(got, want), (dtype, how, name)
    assert how.get("external", False) == (work / "out.onnx.data").exists()
    for file in work.iterdir():
        file.unlink()


def peak(work, *options):
    # What is freed is not kept by AddressSanitizer, where that is built in.
    environment = dict(os.environ, ASAN_OPTIONS="quarantine_size_mb=0:thread_local_quarantine_size_kb=0")
    command = [WELD, "weld", work / "a.onnx", work / "b.onnx", "-o", work / "m.onnx", "-f", *options]
    process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)
    most = 0
    while process.poll() is None:
        most = max(most, memory.of_process(process.pid)[0])
        time.sleep(0.001)
    assert process.returncode == 0
    return most


METHODS = [[], ["--method", "slerp"], ["--method", "ties", "--density", "0.5"], ["--method", "dare-linear"]]
WAYS = [["--match", "none", *method, *(["--base", "c.onnx"] if method[1:2] not in ([], ["slerp"]) else [])]
        for method in METHODS]


def check_memory(work):
    peaks = []
    for layers in 12, 48:
        for seed, name in enumerate("abc"):
            make(work / f"{name}.onnx", seed, raw.FLOAT, width=1024, layers=layers)
        peaks.append([peak(work, *(work / o if o == "c.onnx" else o for o in way)) for way in WAYS])
    for way, small, large in zip(WAYS, *peaks):
        print(f"anonymous memory: {small / 2**20:.1f} MiB for 48 MiB, {large / 2**20:.1f} for 192: {' '.join(way)}")
        assert large - small < 16 << 20


def check_weights(work):
    """Beyond 256 MiB nothing is held: not the Grams, 1 MiB a class, either."""
    peaks = []
    for layers in 264, 320:
        for seed, name in enumerate("ab"):
            make(work / f"{name}.onnx", seed, raw.FLOAT, scale=0.04, width=512, layers=layers)
        peaks.append(peak(work, "--match", "weights", "--graph-order"))
    print(f"anonymous memory: {peaks[0] / 2**20:.1f} MiB for 264 MiB, {peaks[1] / 2**20:.1f} for 320: --match weights")
    assert peaks[1] - peaks[0] < 24 << 20 and peaks[1] < 96 << 20  # units are numbered


def check_limit(work):
    a, b, out = (work / f"{name}.onnx" for name in ("a", "b", "out"))
    for path in a, b:  # 2.25 GiB of holes
        raw.write(str(path), None, width=8192, layers=9, external=True)
    done = weld(a, b, "-o", out, "--match", "none", "--external", "never")
    assert done.returncode == 6 and f"{out}: " in done.stderr and "2 GiB" in done.stderr, done.stderr
    assert not out.exists() and len(list(work.iterdir())) == 4


def check_broken(work):
    a, b, out = (work / f"{name}.onnx" for name in ("a", "b", "out"))
    make(a, 1, raw.FLOAT, width=256, layers=3, external=True)
    make(b, 2, raw.FLOAT, width=256, layers=3, external=True)
    data = work / "b.onnx.data"
    os.truncate(data, data.stat().st_size - 1)
    done = weld(a, b, "-o", out, "--match", "none")
    assert done.returncode == 5 and "b.onnx.data" in done.stderr, done.stderr
    assert not out.exists() and len(list(work.iterdir())) == 4


def main():
    checks = [lambda work, d=d, e=e, t=t: check_values(work, d, external=e, turned=t)
              for d in NUMPY for e in (False, True) for t in (False, True)]
    for check in *checks, check_memory, check_weights, check_limit, check_broken:
        with tempfile.TemporaryDirectory() as work:
            check(pathlib.Path(work))
    print(f"{len(checks)} kinds of files merged element by element")


main()
