"""What benchmarks share. Import it first: it gives the numerics of Python one thread.

Times are of the processor, user and system, of one thread: what others do on the machine counts less. A
program and its Python peer take turns, and the least of the turns counts. How fast the machine is meanwhile
is measured before and after, by bench_floor; where that has changed by more than a tenth, the ratios are
worth nothing.
"""

import os

for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import pathlib
import subprocess
import time

TURNS = 7  # at least, and for LEAST seconds
FEWER = 3  # where a turn takes more than SLOW seconds
LEAST, SLOW = 2.0, 5.0
TOLERATED = 0.1


def peer_turn(work):
    """(CPU seconds, what it returns)"""
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def alternate(ours, peer):
    """The least CPU seconds of each, and what the peer's work returns; ours() gives its own seconds."""
    least, theirs, turn, began = float("inf"), float("inf"), 0, time.monotonic()
    while turn < (FEWER if theirs > SLOW else TURNS) or time.monotonic() - began < LEAST:
        least = min(least, ours())
        seconds, result = peer_turn(peer)
        theirs = min(theirs, seconds)
        turn += 1
    return least, theirs, result


def numpy_sgemm(side=1536):
    """GFLOP/s of numpy's product of single-precision matrices: its OpenBLAS may have other kernels than ours."""
    import numpy as np

    x = np.ones((side, side), np.float32)
    return 2e-9 * side**3 / min(peer_turn(lambda: x @ x)[0] for _ in range(TURNS))


class Machine:
    """Prints how fast the machine is, before and after what is measured in between."""

    def __init__(self, program):
        self.floor = pathlib.Path(program).resolve().parent / "bench_floor"

    def measure(self, when):
        out = subprocess.run([self.floor], check=True, capture_output=True, text=True).stdout
        speeds = [float(x) for x in out.split()]
        print(f"{when}: {speeds[0]:.1f} GFLOP/s of multiply-add, {speeds[1]:.1f} of sgemm 1536, "
              f"numpy's {numpy_sgemm():.1f}", flush=True)
        return speeds

    def __enter__(self):
        self.before = self.measure("before")
        return self

    def __exit__(self, failure, *_):
        if failure:
            return
        after = self.measure("after")
        change = max(abs(a / b - 1) for a, b in zip(after, self.before))
        if change > TOLERATED:
            raise SystemExit(f"rejected: the machine's speed changed by {100 * change:.0f} % meanwhile")
