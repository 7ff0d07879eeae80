"""Every operator of src/ops/ops.def has test vectors:

    tools/python.sh tests/ops/registry.py LIST_OPS [--forms]

LIST_OPS prints the registry. An operator that no model of tests/ops/vectors uses fails. The table
says at which opsets each operator is tested; "!" marks those whose first form, up to the opset
where ONNX changes it, is not among them though it is of opset 13 or earlier. --forms fails for
these as well.
"""

import io
import pathlib
import subprocess
import sys
import tarfile

import onnx
import onnx.defs

VECTORS = pathlib.Path(__file__).parent / "vectors"
LAST_EARLY = 13


def opsets_tested():
    """{(domain, operator): {opset: number of models}} of all vectors."""
    tested = {}
    for path in sorted(VECTORS.glob("*.tar.gz")):
        with tarfile.open(path) as archive:
            for member in archive:
                if not member.name.endswith("/model.onnx"):
                    continue
                model = onnx.load(io.BytesIO(archive.extractfile(member).read()))
                imports = {o.domain: o.version for o in model.opset_import}
                for name, domain in {(n.op_type, n.domain) for n in model.graph.node}:
                    count = tested.setdefault((domain, name), {})
                    count[imports[domain]] = count.get(imports[domain], 0) + 1
    return tested


def end_of_form(domain, name, opset):
    """The opset with which ONNX changes the form that it has at this one."""
    changes = [s.since_version for s in onnx.defs.get_all_schemas_with_history()
               if (s.domain, s.name) == (domain, name) and s.since_version > opset]
    return min(changes, default=1 << 30)


def row(line, tested):
    """(text, is untested, is untested in its first form)."""
    key, domain, name, first, last = line.split()
    domain, first = "" if domain == "-" else domain, int(first)
    found = tested.get((domain, name), {})
    found = {opset: n for opset, n in found.items() if first <= opset <= int(last)}
    end = end_of_form(domain, name, first)
    early = first <= LAST_EARLY and not any(first <= opset < end for opset in found)
    text = " ".join(f"{opset}:{n}" for opset, n in sorted(found.items())) or "no vectors"
    return f"{'!' if early else ' '} {key:<28} {first:>2}..{last}  {text}", not found, early


def main():
    listing = subprocess.run([sys.argv[1]], capture_output=True, text=True, check=True).stdout
    tested, untested, early = opsets_tested(), [], []
    for line in listing.splitlines():
        text, none, no_first = row(line, tested)
        print(text)
        untested += [line.split()[0]] if none else []
        early += [line.split()[0]] if no_first and not none else []
    print(f"\n{len(listing.splitlines())} operators; without vectors ({len(untested)}):", *untested)
    print(f"not tested in their first form ({len(early)}):", *early)
    return bool(untested or (early and "--forms" in sys.argv))


if __name__ == "__main__":
    sys.exit(main())
