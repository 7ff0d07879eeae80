#!/usr/bin/env python3
"""Fails for files over 500 lines and functions over 60, but for the exceptions below."""
import pathlib
import re
import sys

FILE_LINES, FUNCTION_LINES = 500, 60
EXCEPTIONS = {  # "src/x.c" or "src/x.c:function" -> why
    "include/onnxweld.h": "the whole public API in one place",
}


def functions(lines):
    """Yields (name, length): a body opens with '{' in column 0 and closes with '}' there."""
    start = None
    for number, line in enumerate(lines):
        if line == "{" and start is None:
            start = number
        elif line.startswith("}") and start is not None:
            head = " ".join(lines[max(0, start - 4):start])
            names = re.findall(r"(\w+)\(", head)
            yield (names[-1] if names else "?"), number - start + 1
            start = None


def main():
    root = pathlib.Path(sys.argv[1])
    bad = []
    for path in sorted(p for d in ("src", "include") for p in (root / d).rglob("*.[ch]")):
        rel = path.relative_to(root).as_posix()
        lines = path.read_text().splitlines()
        if len(lines) > FILE_LINES and rel not in EXCEPTIONS:
            bad.append(f"{rel}: {len(lines)} lines, allowed {FILE_LINES}")
        for name, length in functions(lines):
            if length > FUNCTION_LINES and f"{rel}:{name}" not in EXCEPTIONS:
                bad.append(f"{rel}: {name} has {length} lines, allowed {FUNCTION_LINES}")
    print("\n".join(bad) or "sizes ok")
    return bool(bad)


sys.exit(main())
