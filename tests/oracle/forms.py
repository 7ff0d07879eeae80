"""The same network in every form of tools/forms.py: merged with each, it is the same function.

    tools/python.sh tests/oracle/forms.py ONNXWELD ROOT [PAIR[/FORM]]...

For every pair of models and every form:
  B        weld A form(B) computes what weld A B does
  A        weld form(A) B does too, and its file is form(A) but for payloads and metadata
  classes  inspect form(B) lists the classes of B: the same sizes and kinds in the same order
  perm_B   weld A form(B) takes the permutation saved from the plain files, and they take its own
  perm_A   weld form(A) B takes the permutation of the plain files
  folded   weld folded(A) form(B), where the pair has BatchNormalization

A form with narrower weights is compared with the merge of the weights that it holds. Where one side
has its BatchNormalization folded and the other not, the merge happens in folded weights: it is
compared with the merge of two folded files. Last, data outside the model's folder are refused.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
from onnx import TensorProto, external_data_helper, numpy_helper

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools"))

import forms
from formlib.net import bodies, store, tensors_of, widen

PAIRS = ("mlp", "cnn", "resnet", "vit")
TOLERANCE = 1e-5  # of the largest output
WORKERS = 2
HALVED = ("resnet", "vit")  # take most of the time
# One descent in a fixed order: a form must not change what it finds, so that more show nothing.
OPTIONS = ["-q", "-f", "-j", "1", "--restarts", "1", "--graph-order"]
# Parts of the names of forms that hold their weights in a narrower type.
NARROW = {"cast_float16": TensorProto.FLOAT16, "float16": TensorProto.FLOAT16,
          "cast_bfloat16": TensorProto.BFLOAT16, "bfloat16": TensorProto.BFLOAT16}  # fmt: skip

# What can't hold: pairs | forms | checks. A check in this table that passes counts as a failure.
# - reordered: another order of A's nodes is another order of its classes: the descent visits them in
#   another order and may end elsewhere, and a saved permutation is another list.
KNOWN = """
resnet | reordered | A perm_A
vit    | reordered | perm_A
"""


def expand(table):
    """The table as a set of "pair/form: check"."""
    rows = [[cell.split() for cell in line.split("|")] for line in table.strip().splitlines()]
    return {f"{pair}/{form}: {check}"
            for pairs, names, kinds in rows for pair in pairs for form in names for check in kinds}


KNOWN_TO_FAIL = expand(KNOWN)


def narrow(form):
    """The element type narrower than float32 that holds the weights of a form, and whether single
    numbers are in it too; or None."""
    return next(((NARROW[part], not part.startswith("cast"))
                 for part in form.split("+") if part in NARROW), None)


def is_folded(form):
    return "bn_folded" in form.split("+")


def round_weights(path, narrowness, out):
    """Writes the model with weights that the narrow type can hold, stored as float32."""
    kind, scalars = narrowness
    model = onnx.load(path)
    for tensor in tensors_of(model.graph):
        if tensor.data_type == TensorProto.FLOAT and (tensor.dims or scalars):
            store(tensor, numpy_helper.to_array(tensor), kind)
            store(tensor, numpy_helper.to_array(tensor), TensorProto.FLOAT)
    onnx.save(model, out)
    return out


def computed(path, x):
    """The outputs of a model with all its values in float32: no roundings between the layers."""
    model = onnx.load(path)
    widen(model)
    wide = path.with_name(path.stem + ".wide.onnx")
    onnx.save(model, wide)
    return forms.outputs(wide, x)


def blank(path):
    """The bytes of a model without payloads of floats, their external places and metadata."""
    model = onnx.load(path, load_external_data=False)
    for name in ("metadata_props", "producer_name", "producer_version"):
        model.ClearField(name)
    for body in bodies(model):
        for tensor in tensors_of(body):
            if tensor.data_type in forms.DTYPES:
                for name in ("raw_data", "float_data", "double_data", "int32_data",
                             "external_data", "data_location"):  # fmt: skip
                    tensor.ClearField(name)
    return model.SerializeToString(deterministic=True)


def permutations(path):
    return [item["perm"] for item in json.loads(path.read_text())["classes"]]


class Failed(Exception):
    pass


class Pair:
    """The files of a pair, its forms, and the merges that others are compared with."""

    def __init__(self, tool, root, name, work):
        self.tool, self.name, self.work = tool, name, work
        self.a, self.b = (root / "models" / name / f"{side}.onnx" for side in "ab")
        self.x = forms.sample(onnx.load(self.a))
        self.forms_a = forms.write_all(self.a, work / "a")
        self.forms_b = forms.write_all(self.b, work / "b")
        self.wanted = {}

    def prepare(self):
        """The reference merges, before the checks run side by side."""
        self.classes_b = self.classes(self.b)
        self.merge(self.a, self.b, self.work / "plain.onnx", save=self.work / "plain.json")
        self.permutation = permutations(self.work / "plain.json")
        kinds = {None} | {narrow(form) for form in self.forms_b}
        for kind in kinds:
            for folded in (False, True)[: 1 + ("bn_folded" in self.forms_b)]:
                for side in "AB":
                    for match in ("weights", self.work / "plain.json"):
                        self.refer(kind, folded, side, match)

    def refer(self, kind, folded, side, match):
        """What a merge computes where side A or B holds narrow weights, both folded perhaps."""
        files, out = [self.a, self.b], self.work / f"reference_{len(self.wanted)}.onnx"
        if kind:
            at = "AB".index(side)
            files[at] = round_weights(files[at], kind, out.with_suffix(".narrow"))
        if folded:
            files = [self.fold(file, out.with_suffix(f".{k}")) for k, file in enumerate(files)]
        self.merge(*files, out, match=match)
        if kind and side == "A":
            round_weights(out, kind, out)
        self.wanted[kind, folded, side, match == "weights"] = computed(out, self.x)

    def fold(self, path, out):
        forms.write(path, "bn_folded", out)
        return out

    def run(self, *arguments):
        run = subprocess.run([self.tool, *map(str, arguments)], capture_output=True, text=True)
        if run.returncode:
            raise Failed(f"exit {run.returncode}: {run.stderr.strip()}")
        return run.stdout

    def merge(self, a, b, out, match="weights", save=None):
        saving = ["--save-perm", save] if save else []
        self.run("weld", a, b, "-o", out, "--match", match, *saving, *OPTIONS)

    def classes(self, path):
        found = json.loads(self.run("inspect", path, "--json"))["inspection"]["classes"]
        return [(item["size"], item["kind"]) for item in found]

    def compare(self, out, side, form, folded=False, found=True):
        """With the reference; found: the permutation was found for these files, not read."""
        folded = folded or is_folded(form)
        want = self.wanted[narrow(form), folded, side, found]
        error = np.abs(computed(out, self.x) - want).max() / np.abs(want).max()
        if not error <= TOLERANCE:
            raise Failed(f"off by {error:.1e}")

    # The checks; each has files of its own

    def check_b(self, form, out):
        self.merge(self.a, self.forms_b[form], out)
        self.compare(out, "B", form)

    def check_a(self, form, out):
        self.merge(self.forms_a[form], self.b, out)
        self.compare(out, "A", form)
        if blank(out) != blank(self.forms_a[form]):
            raise Failed("the file is not A's")

    def check_classes(self, form, out):
        found = self.classes(self.forms_b[form])
        if found != self.classes_b:
            raise Failed(f"classes {found} instead of {self.classes_b}")

    def check_perm_b(self, form, out):
        saved = out.with_suffix(".json")
        self.merge(self.a, self.forms_b[form], out, match=self.work / "plain.json", save=saved)
        self.compare(out, "B", form, found=False)
        if permutations(saved) != self.permutation:
            raise Failed("saved another permutation than it read")
        if not narrow(form):
            self.merge(self.a, self.forms_b[form], out, save=saved)
            self.merge(self.a, self.b, out, match=saved)
            self.compare(out, "B", "")

    def check_perm_a(self, form, out):
        self.merge(self.forms_a[form], self.b, out, match=self.work / "plain.json")
        self.compare(out, "A", form, found=False)

    def check_folded(self, form, out):
        self.merge(self.forms_a["bn_folded"], self.forms_b[form], out)
        self.compare(out, "B", form, folded=True)


CHECKS = {"B": Pair.check_b, "A": Pair.check_a, "classes": Pair.check_classes,
          "perm_B": Pair.check_perm_b, "perm_A": Pair.check_perm_a,
          "folded": Pair.check_folded}  # fmt: skip


def checks(pair, only):
    """(form, check) of a pair; only: forms, all if empty. A form may apply to one side alone."""
    for form in dict.fromkeys([*pair.forms_b, *pair.forms_a]):
        for check in CHECKS if not only or form in only else ():
            sides = pair.forms_a if check in ("A", "perm_A") else pair.forms_b
            if form in sides and (check != "folded" or "bn_folded" in pair.forms_a):
                yield form, check


def attempt(pair, form, check):
    """One check; returns whether it is as expected, and prints it if it is not good."""
    label = f"{pair.name}/{form}: {check}"
    message = None
    try:
        CHECKS[check](pair, form, pair.work / f"{form}_{check}.onnx")
    except Failed as failure:
        message = str(failure).replace(f"{pair.work}/", "").replace("\n", " | ")
    if message is None and label not in KNOWN_TO_FAIL:
        return True
    known = label in KNOWN_TO_FAIL and message is not None
    message = message or "passes now: take it out of KNOWN_TO_FAIL"
    sys.stdout.write(f"{'known' if known else 'FAIL '} {label}: {message}\n")  # one write: threads
    return known


def check_pair(tool, root, name, only):
    """Number of checks that are not as expected; only: forms, all if empty."""
    with tempfile.TemporaryDirectory() as work, ThreadPoolExecutor(WORKERS) as pool:
        pair = Pair(tool, root, name, pathlib.Path(work))
        pair.prepare()
        todo = list(checks(pair, only))
        if name in HALVED and not only and "WELD_TRIALS" not in os.environ:
            print(f"{name}: every second of {len(todo)} checks; all of them by tools/check --long")
            number = {form: k for k, form in enumerate(dict.fromkeys(form for form, _ in todo))}
            todo = [(form, check) for k, (form, check) in enumerate(todo)  # other checks of each form than of its neighbour
                    if (k + number[form]) % 2 == 0 or f"{name}/{form}: {check}" in KNOWN_TO_FAIL]
        results = list(pool.map(lambda each: attempt(pair, *each), todo))
    known = {label for label in KNOWN_TO_FAIL if label.startswith(name + "/")}
    missing = known - {f"{name}/{form}: {check}" for form, check in todo}
    for label in () if only else sorted(missing):
        print(f"FAIL  {label}: in KNOWN_TO_FAIL, but there is no such check")
        results.append(False)
    print(f"{name}: {len(pair.forms_b)} forms, {len(results)} checks, {len(known)} known to fail, "
          f"{results.count(False)} not as expected", flush=True)
    return results.count(False)


def as_external(model, path, location):
    external_data_helper.convert_model_to_external_data(
        model, all_tensors_to_one_file=True, location=location, size_threshold=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)


def refusal(tool, model, plain, out):
    """Exit code and message of a merge that must not happen."""
    run = subprocess.run([tool, "weld", model, plain, "-o", out, *OPTIONS],
                         capture_output=True, text=True)
    return run.returncode, run.stderr


def check_unsafe(tool, plain, work):
    """Locations outside the model's folder, links, and short files are refused (exit 5)."""
    failures = 0
    folder = work / "unsafe"
    as_external(onnx.load(plain), folder / "m.onnx", "m.data")
    good = (folder / "m.onnx").read_bytes()
    (work / "xxdata").write_bytes((folder / "m.data").read_bytes())
    (folder / "l.data").symlink_to("m.data")
    for name, location in (("parent", b"../xxdata"), ("absolute", b"/x/data"), ("link", b"l.data"),
                           ("missing", b"n.data"), ("folder", b"f/../m.data")):
        model = onnx.load_from_string(good)
        for t in model.graph.initializer:
            t.external_data[0].value = location.decode()
        (folder / "bad.onnx").write_bytes(model.SerializeToString())
        code, text = refusal(tool, folder / "bad.onnx", plain, work / "no.onnx")
        ok = code == 5 and text.count("\n") == 1 and not (work / "no.onnx").exists()
        failures += not ok
        print(f"{'ok  ' if ok else 'FAIL'} {name}: exit {code}: {text.strip()[-120:]}")
    (folder / "m.data").write_bytes((folder / "m.data").read_bytes()[:-1])
    code, text = refusal(tool, folder / "m.onnx", plain, work / "no.onnx")
    print(f"{'ok  ' if code == 5 else 'FAIL'} short: exit {code}: {text.strip()[-120:]}")
    return failures + (code != 5)


def check_inline(tool, pair_folder, work):
    """--external never: what was external in A is in the file."""
    a = forms.write_all(pair_folder / "a.onnx", work, ["external"])["external"]
    merged = work / "merged.onnx"
    run = subprocess.run([tool, "weld", a, pair_folder / "b.onnx", "-o", merged, "--external",
                          "never", *OPTIONS], capture_output=True, text=True)
    ok = run.returncode == 0 and not (work / "merged.onnx.data").exists()
    if ok:
        written = onnx.load(merged, load_external_data=False).graph.initializer
        ok = all(t.raw_data for t in written)
    print(f"{'ok  ' if ok else 'FAIL'} --external never {run.stderr.strip()}")
    return not ok


def main():
    tool, root = sys.argv[1], pathlib.Path(sys.argv[2])
    wanted = sys.argv[3:]
    failures = 0
    for name in PAIRS:
        mine = [given.partition("/") for given in wanted if given.split("/")[0] == name]
        if mine or not wanted:
            failures += check_pair(tool, root, name, {form for _, _, form in mine if form})
    if not wanted:
        with tempfile.TemporaryDirectory() as work:
            failures += check_unsafe(tool, root / "models/mlp/a.onnx", pathlib.Path(work))
            failures += check_inline(tool, root / "models/mlp", pathlib.Path(work))
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
