#!/usr/bin/env python3
"""Fails when README.md or src/README.md names a path of the repository that does not exist."""
import pathlib
import re
import sys

TOPS = "src|proto|include|tests|models|tools|docs"


def main():
    root = pathlib.Path(sys.argv[1])
    bad = []
    for doc in ("README.md", "src/README.md"):
        for path in re.findall(rf"`((?:{TOPS})/[\w./-]*)`", (root / doc).read_text()):
            if not (root / path).exists():
                bad.append(f"{doc}: {path} does not exist")
    print("\n".join(bad) or "paths ok")
    return bool(bad)


sys.exit(main())
