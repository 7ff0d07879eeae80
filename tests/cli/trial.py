"""One run of the program after the other: exit code and what it says."""

import json
import os
import pathlib
import subprocess


class Trial:
    def __init__(self, tool, work):
        self.tool, self.work, self.failed, self.count = tool, pathlib.Path(work), 0, 0

    def write(self, name, content):
        path = self.work / name
        path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
        return str(path)

    def run(self, code, arguments, wanted, names=(), env=None):
        run = subprocess.run([self.tool, *arguments], capture_output=True, env={**os.environ, **(env or {})}, timeout=120)
        err = run.stderr.decode()
        for name in names:
            err = err.replace(str(self.work / name), name.split(".")[0])
        self.count += 1
        lines = [line for line in err.splitlines() if "error:" in line]
        if run.returncode != code or wanted not in err or (code and len(lines) != 1):
            self.failed += 1
            print(f"FAIL {arguments}: exit {run.returncode}, wanted {code} with {wanted!r}\n{err}")
        return run
