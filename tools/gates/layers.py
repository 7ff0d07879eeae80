#!/usr/bin/env python3
"""Fails when a file of src/ includes a header that its layer may not see, or a third-party header
that another file owns."""
import pathlib
import re
import sys

BASE = {"core", "tensor", "ir", "ops"}
RUN = BASE | {"exec", "symmetry", "data", "io"}
ALLOW = {  # folder -> folders that it may include, besides itself
    "core": set(),
    "io": {"core", "tensor"},
    "tensor": {"core"},
    "ir": {"core", "tensor"},
    "ops": {"core", "tensor", "ir"},
    "onnx": BASE | {"io"},
    "exec": BASE,
    "canon": BASE,
    "symmetry": BASE,
    "data": BASE | {"io", "onnx"},
    "prove": RUN,
    "match": RUN,
    "merge": RUN,
    "eval": RUN,
    "report": {"core"},
    "api": RUN | {"onnx", "canon", "prove", "match", "merge", "eval", "report"},
    "cli": set(),
}
OWNER = {  # third-party header -> the only files that may include it
    r"cblas\.h": r"src/tensor/blas\.c",
    r"archive(_entry)?\.h": r"src/io/archive(_write)?\.c",
    r"zlib\.h": r"src/io/gzip\.c",
    r"openssl/.*": r"src/io/hash\.c",
    r"jansson\.h": r"src/report/(formats/json\w*|gates/\w+)\.[ch]|src/api/(json_file\.[ch]|(permfile|spec|gates)\.c)",
    r"onnx\.pb-c\.h|protobuf-c/.*": r"src/onnx/.*",
}


def check(root, path):
    rel = path.relative_to(root).as_posix()
    layer = rel.split("/")[1]
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        header = match.group(2)
        for pattern, owner in OWNER.items():
            if re.fullmatch(pattern, header) and not re.fullmatch(owner, rel):
                yield f"{rel}:{number}: <{header}> belongs to {owner}"
        target = header.split("/")[0]
        if "/" in header and target in ALLOW and target not in ALLOW[layer] | {layer}:
            yield f"{rel}:{number}: {layer}/ may not include {target}/"


def main():
    root = pathlib.Path(sys.argv[1])
    bad = [b for p in sorted((root / "src").rglob("*.[ch]")) for b in check(root, p)]
    print("\n".join(bad) or "layers ok")
    return bool(bad)


sys.exit(main())
