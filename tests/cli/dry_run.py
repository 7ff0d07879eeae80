"""--dry-run: it ends as the real run would before it starts to work, prints a plan, and leaves nothing behind:

    python3 tests/cli/dry_run.py ONNXWELD ROOT
"""

import json
import pathlib
import sys
import tempfile

from trial import Trial

# exit, arguments (A, B, C: models of one network, R: of another, D: data, M: a file that is there, O and N: some
# that are not, P: a permutation of A and B; M, N and P end in .json), what standard error says
CASES = [
    (0, "weld A B -o O", "DRY RUN "),
    (0, "weld A B -o O --data D", "25 networks of the path"),
    (0, "weld A B -o O --data D --match commutativity --alpha best", "21 values of alpha"),
    (0, "weld A B -o O --data D --method ties --base C --compare all", "by ties with statistics"),
    (0, "weld A B -o O --match P", "file"),
    (0, "weld A B -o M -f", "writes    model  M"),
    (0, "align A B -o O --data D", "B and the permuted B on 256 samples"),
    (0, "lmc A B --data D --match none", "align     none"),
    (0, "weld A B C -o O", "align     weights, 2 times"),
    (0, "weld A B C -o O --data D", "the means of 3 pairs"),
    (0, "weld A B C -o O --data D --match weights", "B and the permuted B on 64 samples"),
    (0, "weld A B C -o O --data D --match frank-wolfe --stats none", "each to the mean of the others"),
    (0, "weld A B C A -o O --match none --weights 1,2,3,4", "align     none, 3 times"),
    (0, "weld A B C -o M -f --report N", "writes    report  N"),
    (2, "weld A B -o M", "M: exists"),
    (2, "weld A B -o O --report M", "M: exists"),
    (2, "weld A B -o O --save-perm M", "M: exists"),
    (2, "weld A B C -o M", "M: exists"),
    (2, "weld A B C -o O --report M", "M: exists"),
    (2, "align A B -o M", "M: exists"),
    (2, "weld A B -o O --alpha 2", "--alpha"),
    (2, "weld A B -o O --match activations", "needs data"),
    (2, "lmc A B --data D --metric f1", "f1"),
    (2, "weld A B C -o O --alpha .3", "--alpha is for two models"),
    (2, "weld A B C -o O --weights 1,-1,1", "weight -1"),
    (2, "weld A B C -o O --start 4", "there are 3 models"),
    (2, "weld A B C -o O --method slerp", "slerp"),
    (2, "weld A B C -o O --match activations", "needs data"),
    (2, "weld A B C -o O --freeze nothing", "nothing"),
    (3, "weld A R -o O", "obstacle"),
    (3, "lmc A R --data D", "obstacle"),
    (3, "weld A B R -o O", "obstacle"),
    (3, "weld A B -o O --method ties --base R", "as the base"),
    (3, "weld R R -o O --match P", "class 0 has 64 entries"),
    (5, "weld A O -o O", "No such file"),
    (5, "weld A B O -o M -f", "No such file"),
    (5, "weld A B -o O --match N", "No such file"),
]


def everything(folder):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*")}


def main():
    models = pathlib.Path(sys.argv[2], "models")
    with tempfile.TemporaryDirectory() as work:
        t = Trial(sys.argv[1], work)
        files = {name: str(models / f"mlp/{name.lower()}.onnx") for name in "ABC"}
        files |= {"R": str(models / "cnn/a.onnx"), "D": str(models / "grey/eval.npz"), "O": str(t.work / "O"),
                  "M": t.write("M.json", b"there"), "N": str(t.work / "N.json"), "P": str(t.work / "P.json")}
        t.run(0, ["align", files["A"], files["B"], "-o", str(t.work / "aligned.onnx"), "--save-perm", files["P"]], "")
        before = everything(t.work)
        for code, words, wanted in CASES:
            arguments = [*(files.get(word, word) for word in words.split()), "--dry-run", *(["--preset", "unit"] if " D" in words else [])]
            said = t.run(code, arguments, wanted, names=("M.json", "N.json", "O"))
            plan = t.run(code, [*arguments, "--json"], "").stdout
            if code:
                assert not plan and not said.stdout, (words, plan)
            else:
                report = json.loads(plan)
                assert report["plan"]["steps"] and report["environment"]["forecast"]["memory_bytes"] > 0, words
            assert everything(t.work) == before, f"{words}: it left something behind"
    print(f"{t.count} cases, {t.failed} failed")
    return bool(t.failed)


if __name__ == "__main__":
    sys.exit(main())
