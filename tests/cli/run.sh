#!/bin/sh
# The commands on the shipped pairs: exit codes, files, same bytes for any number of threads.
set -eu
weld=$1
root=$2
models=$root/models
. "$root/tests/cli/expect.sh"

for pair in mlp cnn spawned; do
    expect 0 "weld $pair" "$weld" weld "$models/$pair/a.onnx" "$models/$pair/b.onnx" \
        -o "$work/$pair.onnx" --match weights --stats none --data "$models/grey/eval.npz" \
        --preset unit --limit 200 --report "$work/$pair.json"
done
expect 0 "weld resnet" "$weld" weld "$models/resnet/a.onnx" "$models/resnet/b.onnx" \
    -o "$work/resnet.onnx" --data "$models/colour/eval.npz" --preset unit --limit 64
expect 0 "activations" "$weld" lmc "$models/mlp/a.onnx" "$models/mlp/b.onnx" --match activations \
    --match-data "$models/grey/match.npz" --data "$models/grey/eval.npz" --preset unit --limit 200
expect 0 "a split" "$weld" lmc "$models/mlp/a.onnx" "$models/mlp/b.onnx" --match activations \
    --data "$models/grey/eval.npz" --preset unit --limit 200 --match-limit 150
grep -q "150 samples for matching, 50 others for evaluation (split of 200, seed 0)" "$work/err" ||
    { echo "FAIL no word of the split"; failed=1; }
expect 2 "nothing left to judge by" "$weld" lmc "$models/mlp/a.onnx" "$models/mlp/b.onnx" \
    --match activations --data "$models/grey/eval.npz" --preset unit --limit 200 --match-limit 200
expect 0 "the same data twice" "$weld" lmc "$models/mlp/a.onnx" "$models/mlp/b.onnx" --preset unit \
    --match activations --data "$models/grey/eval.npz" --match-data "$models/grey/eval.npz"
grep -q "matched on samples that the figures are measured on" "$work/err" ||
    { echo "FAIL no warning"; failed=1; }
expect 0 "one thread" "$weld" weld "$models/mlp/a.onnx" "$models/mlp/b.onnx" -o "$work/one.onnx" \
    --match weights --stats none --data "$models/grey/eval.npz" --preset unit --limit 200 -j 1
cmp "$work/one.onnx" "$work/mlp.onnx" || failed=1
# The verdict on connectivity, its bound and its options.
expect 0 "spawned is connected" "$weld" lmc "$models/spawned/a.onnx" "$models/spawned/b.onnx" \
    --match none --data "$models/grey/eval.npz" --preset unit
grep -q "LMC  *linearly connected without permutation: .*δ = 1 %" "$work/err" ||
    { echo "FAIL spawned is not said to be connected"; failed=1; }
expect 0 "mlp is not connected" "$weld" lmc "$models/mlp/a.onnx" "$models/mlp/b.onnx" \
    --match none --data "$models/grey/eval.npz" --preset unit --delta .05
grep -q "LMC  *not linearly connected: .*δ = 5 %" "$work/err" ||
    { echo "FAIL mlp is said to be connected"; failed=1; }
expect 0 "a part of the path" "$weld" lmc "$models/mlp/a.onnx" "$models/mlp/b.onnx" --sweep .2:1:3 \
    --match none --data "$models/grey/eval.npz" --preset unit --limit 50
grep -q "^LMC" "$work/err" && { echo "FAIL a verdict on a part of the path"; failed=1; }
expect 0 "no bootstrap" "$weld" lmc "$models/mlp/a.onnx" "$models/mlp/b.onnx" --bootstrap 0 \
    --match none --data "$models/grey/eval.npz" --preset unit --limit 50
grep -q "^LMC" "$work/err" && { echo "FAIL a verdict without a bootstrap"; failed=1; }
expect 0 "squared difference" "$weld" lmc "$models/mlp/a.onnx" "$models/mlp/b.onnx" --preset unit \
    --match none --data "$models/grey/match.npz" --limit 50
grep -q "^  *mse  *accuracy" "$work/err" || { echo "FAIL no mse without labels"; failed=1; }
expect 2 "labels are needed" "$weld" lmc "$models/mlp/a.onnx" "$models/mlp/b.onnx" --metric ce,top5 \
    --match none --data "$models/grey/match.npz" --preset unit --limit 50
for bad in "--bootstrap 99" "--bootstrap 100001" "--delta -1" "--metric f1" "--metric top1"; do
    # shellcheck disable=SC2086
    expect 2 "lmc $bad" "$weld" lmc "$models/mlp/a.onnx" "$models/mlp/b.onnx" $bad \
        --match none --data "$models/grey/eval.npz" --preset unit --limit 50
done
# One thread or two: the same report but for `environment`.
for threads in 1 2; do
    expect 0 "report -j $threads" "$weld" lmc "$models/cnn/a.onnx" "$models/cnn/b.onnx" -j $threads \
        --data "$models/grey/eval.npz" --preset unit --limit 100 --report "$work/j$threads.json"
    python3 -c "import json, sys; r = json.load(open(sys.argv[1])); del r['environment']; print(r)" \
        "$work/j$threads.json" >"$work/j$threads.txt"
done
cmp "$work/j1.txt" "$work/j2.txt" || failed=1
# Candidates: all in the report, the winner marked, the same for any order of threads (above).
python3 - "$work/j1.json" <<'EOF' || failed=1
import json, math, sys
match = json.load(open(sys.argv[1]))["match"]
all, chosen = match["candidates"], [c for c in match["candidates"] if c["chosen"]]
assert match["metric"] == "ce" and match["data"]["n"] == 50 and match["data"]["split"]["of"] == 100
assert len(all) == 11 and all[0]["name"] == "none" and len(chosen) == 1
assert chosen[0]["midpoint_loss"] == min(c["midpoint_loss"] for c in all)
EOF
# What the figures are measured on has no say in the choice: the same with garbage for its labels.
python3 -c 'import sys
head = b"{\x27descr\x27: \x27<i8\x27, \x27fortran_order\x27: False, \x27shape\x27: (1000,), }".ljust(117) + b"\n"
sys.stdout.buffer.write(b"\x93NUMPY\x01\x00\x76\x00" + head + b"\7\0\0\0\0\0\0\0" * 1000)' >"$work/sevens.npy"
for labels in labels "$work/sevens.npy"; do
    expect 0 "judged by $labels" "$weld" lmc "$models/mlp/a.onnx" "$models/mlp/b.onnx" -f \
        --preset unit --data "$models/grey/eval.npz" --labels "$labels" --limit 100 \
        --match-data "$models/grey/match.npz" --save-perm "$work/judged.json"
    [ ! -e "$work/judged.txt" ] || cmp "$work/judged.txt" "$work/judged.json" || failed=1
    cp "$work/judged.json" "$work/judged.txt"
done
expect 0 "three candidates" "$weld" align "$models/mlp/a.onnx" "$models/mlp/b.onnx" --match auto \
    --candidates 2 --match-data "$models/grey/match.npz" --preset unit --limit 100 -o "$work/c.onnx"
grep -q "of 3 candidates, by kl on the matching data" "$work/err" ||
    { echo "FAIL candidates without labels"; failed=1; }
expect 0 "polish" "$weld" align "$models/cnn/a.onnx" "$models/cnn/b.onnx" --match none --polish .01 \
    --data "$models/grey/eval.npz" --preset unit --limit 20 -o "$work/polished.onnx"
grep -q "polished .* on 10 samples; time was out" "$work/err" || { echo "FAIL polish"; failed=1; }
expect 2 "polish without labels" "$weld" align "$models/cnn/a.onnx" "$models/cnn/b.onnx" --polish 1 \
    --match-data "$models/grey/match.npz" --preset unit --limit 20 -o "$work/no.onnx"
expect 0 "freeze" "$weld" align "$models/mlp/a.onnx" "$models/mlp/b.onnx" -o "$work/frozen.onnx" \
    --freeze "layers\.3\.weight" --json
python3 - "$work/out" <<'EOF' || { echo "FAIL freeze"; failed=1; }
import json, sys
classes = json.load(open(sys.argv[1]))["match"]["classes"]
frozen = [c for c in classes if c["reason"]]
assert len(classes) == 3 and [c["kind"] for c in classes] == ["free", "pinned", "pinned"]
assert all(c["reason"] == "--freeze" for c in frozen) and classes[0]["moved"] > 0
EOF
expect 0 "freeze and prove" "$weld" inspect "$models/resnet/a.onnx" --symmetry --freeze "^/layers.5"
cat > "$work/spec.json" <<'EOF'
{"schema": "onnxweld.spec/1", "classes": [
 {"name": "first", "members": ["layers.0.weight[0]", "layers.0.bias[0]", "layers.3.weight[1]"]},
 {"members": ["layers.3.weight[0]", "layers.3.bias[0]", "layers.7.weight[1]"]},
 {"members": ["layers.7.weight[0]", "layers.7.bias[0]", {"axis": "layers.9.weight[1]", "blocks": 1}]}]}
EOF
sed 's/, "layers.3.weight\[1\]"//' "$work/spec.json" > "$work/untied.json"
sed 's/layers.3.bias/nosuch/' "$work/spec.json" > "$work/unknown.json"
sed 's/layers.9.weight/layers.7.weight/' "$work/spec.json" > "$work/twice.json"
a=$models/cnn/a.onnx b=$models/cnn/b.onnx
expect 0 "classes derived" "$weld" weld "$a" "$b" -o "$work/derived.onnx" -q
expect 0 "the same classes given" "$weld" weld "$a" "$b" -o "$work/given.onnx" -q --spec "$work/spec.json"
cmp -s "$work/derived.onnx" "$work/given.onnx" || { echo "FAIL --spec: another merge"; failed=1; }
expect 0 "given classes proved" "$weld" inspect "$a" --symmetry --spec "$work/spec.json"
expect 1 "given classes refuted" "$weld" inspect "$a" --symmetry --spec "$work/untied.json"
expect 1 "no merge by wrong classes" "$weld" weld "$a" "$b" -o "$work/untied.onnx" -q --spec "$work/untied.json"
[ ! -e "$work/untied.onnx" ] || { echo "FAIL --spec: a wrong merge was written"; failed=1; }
expect 5 "no such parameter" "$weld" inspect "$a" --spec "$work/unknown.json"
expect 5 "an axis in two classes" "$weld" inspect "$a" --spec "$work/twice.json"
expect 2 "no such normalisation" "$weld" weld "$a" "$b" -o "$work/n.onnx" --normalize rows
expect 0 "neurons normalised" "$weld" weld "$a" "$b" -o "$work/n.onnx" -q --match weights --normalize neuron
expect 2 "nothing to freeze" "$weld" inspect "$models/mlp/a.onnx" --freeze nonsense
expect 2 "not a pattern" "$weld" inspect "$models/mlp/a.onnx" --freeze "("
expect 2 "auto without data" "$weld" align "$models/mlp/a.onnx" "$models/mlp/b.onnx" --match auto \
    -o "$work/no.onnx"
expect 0 "diff with auto" "$weld" diff "$models/mlp/b.onnx" "$work/c.onnx" --match auto \
    --match-data "$models/grey/match.npz" --preset unit --limit 100
expect 0 "itself" "$weld" weld "$models/mlp/a.onnx" "$models/mlp/a.onnx" -o "$work/self.onnx"
head -c "$(wc -c <"$models/mlp/a.onnx")" "$work/self.onnx" | cmp - "$models/mlp/a.onnx" || failed=1
expect 0 "save a permutation" "$weld" weld "$models/mlp/a.onnx" "$models/mlp/b.onnx" \
    -o "$work/p1.onnx" --save-perm "$work/p.json"
expect 0 "use it" "$weld" lmc "$models/mlp/a.onnx" "$models/mlp/b.onnx" --match "$work/p.json" \
    --data "$models/grey/eval.npz" --preset unit --limit 64 --report "$work/p2.json"
grep -q W023 "$work/p2.json" && { echo "FAIL W023 for its own files"; failed=1; }
expect 0 "of another B" "$weld" align "$models/mlp/a.onnx" "$models/mlp/c.onnx" -o "$work/other.onnx" \
    --match "$work/p.json" --report "$work/p3.json"
python3 - "$work/p3.json" <<'EOF' || failed=1
import json, sys
r = json.load(open(sys.argv[1]))
said = [w["msg"] for w in r["warnings"] if w["code"] == "W023"]
assert len(said) == 1 and "another B" in said[0] and r["models"][1]["sha256"][:12] in said[0], said
EOF
expect 2 "polish a file" "$weld" lmc "$models/mlp/a.onnx" "$models/mlp/b.onnx" --polish 1 \
    --match "$work/p.json" --data "$models/grey/eval.npz"
expect 3 "of another model" "$weld" weld "$models/cnn/a.onnx" "$models/cnn/b.onnx" \
    -o "$work/no.onnx" --match "$work/p.json"
sed 's/"schema": "/&x/' "$work/p.json" >"$work/bad.json"
expect 5 "not a permutation file" "$weld" weld "$models/mlp/a.onnx" "$models/mlp/b.onnx" \
    -o "$work/no.onnx" --match "$work/bad.json"
expect 2 "exists" "$weld" weld "$models/mlp/a.onnx" "$models/mlp/b.onnx" -o "$work/one.onnx"
expect 3 "mismatch" "$weld" weld "$models/mlp/a.onnx" "$models/cnn/b.onnx" -o "$work/no.onnx"
expect 3 "check" "$weld" check "$models/mlp/a.onnx" "$models/cnn/b.onnx"
expect 0 "check" "$weld" check "$models/mlp/a.onnx" "$models/mlp/b.onnx"
expect 0 "inspect" "$weld" inspect "$models/resnet/a.onnx" --json
expect 0 "shapes" "$weld" inspect "$models/mlp/a.onnx" --shapes --sizes batch=4
grep -q "Gemm .*\[4, 10\] *output$" "$work/err" || { echo "FAIL shapes"; failed=1; }
expect 2 "shapes: no such size" "$weld" inspect "$models/mlp/a.onnx" --shapes --sizes seq=4
expect 2 "shapes: no size" "$weld" inspect "$models/mlp/a.onnx" --shapes --sizes batch
expect 2 "sizes without shapes" "$weld" inspect "$models/mlp/a.onnx" --batch 4
expect 5 "missing" "$weld" inspect "$work/none.onnx"
expect 5 "not a model" "$weld" inspect "$models/README.md"
[ "$(grep -o "README.md" "$work/err" | wc -l)" -eq 1 ] || { echo "FAIL the file is named once"; failed=1; }
expect 2 "alpha" "$weld" weld "$models/mlp/a.onnx" "$models/mlp/b.onnx" -o "$work/x" --alpha 1.1
expect 2 "option" "$weld" lmc "$models/mlp/a.onnx" "$models/mlp/b.onnx" --nonsense 1
expect 2 "command" "$weld" nonsense
expect 2 "option of another command" "$weld" lmc "$models/mlp/a.onnx" "$models/mlp/b.onnx" -o x
expect 2 "mistyped" "$weld" weld "$models/mlp/a.onnx" "$models/mlp/b.onnx" --alhpa 0.5
grep -q "did you mean --alpha" "$work/err" || { echo "FAIL no suggestion"; failed=1; }
expect 0 "several alpha" "$weld" weld "$models/mlp/a.onnx" "$models/mlp/b.onnx" \
    -o "$work/at_{alpha}.onnx" --alpha .25,.5
cmp "$work/at_0.5.onnx" "$work/mlp.onnx" || failed=1
[ -e "$work/at_0.25.onnx" ] || failed=1
expect 2 "several alpha, one name" "$weld" weld "$models/mlp/a.onnx" "$models/mlp/b.onnx" \
    -o "$work/no.onnx" --alpha .25,.5
expect 0 "standard output" "$weld" weld "$models/mlp/a.onnx" "$models/mlp/b.onnx" -o -
cmp "$work/out" "$work/mlp.onnx" || failed=1
# One file can't be written: none is, and what was there stays.
echo old >"$work/old.json"
expect 5 "all or nothing" "$weld" weld "$models/mlp/a.onnx" "$models/mlp/b.onnx" -f \
    -o "$work/no.onnx" --save-perm "$work/old.json" --report "$work/none/r.json"
[ "$(cat "$work/old.json")" = old ] || { echo "FAIL a file was lost"; failed=1; }
expect 2 "one name for two outputs" "$weld" weld "$models/mlp/a.onnx" "$models/mlp/b.onnx" -f \
    -o "$work/no.onnx" --report "$work/no.onnx"
expect 0 "align" "$weld" align "$models/mlp/a.onnx" "$models/mlp/b.onnx" -o "$work/b2.onnx"
expect 0 "aligned already" "$weld" weld "$models/mlp/a.onnx" "$work/b2.onnx" --match none \
    -o "$work/pre.onnx"
size=$(wc -c <"$models/mlp/a.onnx")
head -c "$size" "$work/mlp.onnx" >"$work/x" && head -c "$size" "$work/pre.onnx" | cmp - "$work/x" ||
    failed=1
# What can't be run is aligned around, and the report says how little that proves.
graphs=$root/tests/cli
expect 4 "an operator that we lack" "$weld" inspect "$graphs/unknown_op.onnx"
grep -q "my.domain.Magic (opset 1)" "$work/err" || { echo "FAIL operator not named"; failed=1; }
for name in unknown_op loop; do
    expect 0 "freeze $name" "$weld" weld "$graphs/$name.onnx" "$graphs/$name.onnx" \
        -o "$work/$name.onnx" --freeze-unknown --json
    grep -q "proof: partial" "$work/out" || { echo "FAIL $name: no word of the proof"; failed=1; }
done
expect 0 "a loop's neighbours are pinned" "$weld" inspect "$graphs/loop.onnx"
grep -q "free  *16 units" "$work/err" && grep -q "pinned .*Loop" "$work/err" ||
    { echo "FAIL classes around a loop"; failed=1; }
python3 -c 'import sys
head = b"{\x27descr\x27: \x27<f4\x27, \x27fortran_order\x27: False, \x27shape\x27: (2, 8), }".ljust(117) + b"\n"
sys.stdout.buffer.write(b"\x93NUMPY\x01\x00\x76\x00" + head + bytes(64))' >"$work/x.npy"
expect 4 "a loop does not run" "$weld" run "$graphs/loop.onnx" --data "$work/x.npy"
expect 1 "diff" "$weld" diff "$models/mlp/a.onnx" "$models/mlp/b.onnx" --json
grep -q '"equal": 0' "$work/out" || { echo "FAIL diff"; failed=1; }
expect 0 "diff with itself" "$weld" diff "$models/resnet/a.onnx" "$models/resnet/a.onnx"
expect 1 "diff of structures" "$weld" diff "$models/mlp/a.onnx" "$models/cnn/a.onnx"
expect 1 "diff of an aligned one" "$weld" diff "$models/mlp/b.onnx" "$work/b2.onnx"
expect 0 "diff modulo permutation" "$weld" diff "$models/mlp/b.onnx" "$work/b2.onnx" --match weights
# Merging: what was tried, what stands beside it, which data each step has seen.
pair="$models/mlp/a.onnx $models/mlp/b.onnx"
seen="--data $models/grey/eval.npz --match-data $models/grey/match.npz --preset unit --limit 300"
# shellcheck disable=SC2086
expect 0 "statistics are chosen" "$weld" weld $pair $seen --match weights -o "$work/auto.onnx" \
    --compare all --report "$work/auto.json"
grep -q "best of 8 by kl on the matching data" "$work/err" || { echo "FAIL no tries"; failed=1; }
# shellcheck disable=SC2086
expect 0 "the best alpha" "$weld" weld $pair $seen --match weights -o "$work/best.onnx" --alpha best \
    --method features --report "$work/best.json"
grep -q "searched  α = " "$work/err" || { echo "FAIL no search"; failed=1; }
# shellcheck disable=SC2086
expect 0 "a corrected path" "$weld" lmc $pair $seen --match weights --stats repair --sweep 0:1:5 \
    --report "$work/path.json"
# shellcheck disable=SC2086
expect 0 "one layer only" "$weld" weld $pair -o "$work/only.onnx" --only 'layers\.7' --match none
expect 1 "the others are A's" "$weld" diff "$work/only.onnx" "$models/mlp/a.onnx"
grep -q "6 parameters are equal, 2 differ" "$work/err" || { echo "FAIL only"; failed=1; }
# shellcheck disable=SC2086
expect 0 "a layer's own alpha" "$weld" weld $pair -o "$work/own.onnx" --layer-alpha 'layers\.7=1' \
    --match none
python3 - "$work" <<'EOF' || failed=1
import json, sys
auto, best, path = (json.load(open(f"{sys.argv[1]}/{n}.json")) for n in ("auto", "best", "path"))
written, *others = auto["merges"]
assert written["written"] and not any(m["written"] for m in others)
assert written["metric"] == "kl" and sum(t["chosen"] for t in written["tries"]) == 1
assert [m["statistics"] for m in others[:2]] == ["none", "reset"]
features, = (m for m in others if m["method"] == "features")
assert written["loss"] < others[0]["loss"] and features["loss"] < others[0]["loss"]
assert len(written["deviation"]) == 4 and all(abs(d["after"] - 1) < 0.1 for d in written["deviation"])
search = best["alpha_search"]
assert search["best"] == best["merges"][0]["alpha"] and search["data"]["sha256"] != best["data"]["sha256"]
assert min(search["loss"]) == search["loss"][search["alpha"].index(search["best"])]
curve = path["merges"]
assert [m["alpha"] for m in curve] == [0, 0.25, 0.5, 0.75, 1] and path["lmc"]["alpha"] == [0, 0.25, 0.5, 0.75, 1]
assert abs(curve[0]["loss"] - path["lmc"]["aligned"]["loss"][0]) < 1e-12 and curve[2]["loss"] < path["lmc"]["aligned"]["loss"][2]
EOF
# shellcheck disable=SC2086
for wrong in "--method nosuch" "--stats nosuch" "--layer-alpha x" "--layer-alpha x=2" "--skip nowhere" \
    "--alpha middle" "--stats reset" "--method features" "--alpha best" "--compare nosuch $seen"; do
    # shellcheck disable=SC2086
    expect 2 "$wrong" "$weld" weld $pair -o "$work/wrong.onnx" --match weights $wrong
    [ ! -e "$work/wrong.onnx" ] || { echo "FAIL $wrong wrote a file"; failed=1; }
done
# Other methods: what needs a base, how far it is, when it is of no use.
spawned="$models/spawned/a.onnx $models/spawned/b.onnx"
# shellcheck disable=SC2086
expect 0 "slerp" "$weld" weld $spawned -o "$work/slerp.onnx" --method slerp
expect 0 "a model with itself, by slerp" "$weld" weld "$models/vit/a.onnx" "$models/vit/a.onnx" \
    -o "$work/slerp_self.onnx" --method slerp
expect 0 "that is the model" "$weld" diff "$work/slerp_self.onnx" "$models/vit/a.onnx"
# shellcheck disable=SC2086
expect 0 "a base" "$weld" weld $spawned -o "$work/middle.onnx" -q
for method in task-arithmetic task_arithmetic ties dare-linear dare_ties; do
    density="--density .5"
    case $method in task*) density= ;; esac
    for threads in 1 2; do
        # shellcheck disable=SC2086
        expect 0 "$method -j $threads" "$weld" weld $spawned -o "$work/$method.$threads.onnx" --method "$method" \
            --base "$work/middle.onnx" $density --seed 3 --lambda 1.5 --alpha .4 -j $threads
    done
    cmp "$work/$method.1.onnx" "$work/$method.2.onnx" || failed=1
    grep -q "base .*middle.onnx: |A − base| 3.848, |B' − base| 3.848" "$work/err" ||
        { echo "FAIL $method: no word of the base"; failed=1; }
done
cmp "$work/task-arithmetic.1.onnx" "$work/task_arithmetic.1.onnx" || failed=1
# shellcheck disable=SC2086
expect 0 "another seed" "$weld" weld $spawned -o "$work/dare-linear.0.onnx" --method dare-linear \
    --base "$work/middle.onnx" --density .5 --lambda 1.5 --alpha .4
expect 1 "draws other differences" "$weld" diff "$work/dare-linear.0.onnx" "$work/dare-linear.1.onnx"
# shellcheck disable=SC2086
expect 0 "all methods beside each other" "$weld" weld $spawned -o "$work/beside.onnx" --method ties --base \
    "$work/middle.onnx" --density .5 $seen --compare all --report "$work/beside.json"
python3 - "$work/beside.json" <<'EOF' || { echo "FAIL --compare all with a base"; failed=1; }
import json, sys
merges = json.load(open(sys.argv[1]))["merges"]
assert merges[0]["method"] == "ties" and merges[0]["base"]["density"] == 0.5
others = {m["method"]: m for m in merges[1:]}
assert set(others) == {"lerp", "features", "slerp", "task-arithmetic", "ties", "dare-linear", "dare-ties"}
assert "base" not in others["slerp"] and others["task-arithmetic"]["base"]["density"] == 1
EOF
# shellcheck disable=SC2086
expect 0 "a base in another order" "$weld" weld $pair -o "$work/away.onnx" --method ties \
    --base "$models/mlp/b.onnx" --match weights
grep -q "aligning takes B away from the base" "$work/err" || { echo "FAIL no W016"; failed=1; }
expect 0 "a base in another order, three models" "$weld" weld $pair "$models/mlp/c.onnx" -o "$work/away3.onnx" \
    --method ties --base "$models/mlp/b.onnx" --match weights --start 1
grep -q "aligning takes [BC] away from the base" "$work/err" || { echo "FAIL no W016 of three"; failed=1; }
expect 0 "back to the order of the base" "$weld" weld "$work/b2.onnx" "$models/mlp/b.onnx" \
    -o "$work/back.onnx" --method ties --base "$work/b2.onnx" --match weights
! grep -q "away from the base" "$work/err" || { echo "FAIL W016 although B came back"; failed=1; }
# shellcheck disable=SC2086
expect 3 "a base of another structure" "$weld" weld $pair -o "$work/no.onnx" --method ties \
    --base "$models/cnn/a.onnx"
grep -q "cannot take .*cnn/a.onnx as the base of .*mlp/a.onnx (" "$work/err" ||
    { echo "FAIL the base is not named"; failed=1; }
# shellcheck disable=SC2086
expect 5 "a base that is not there" "$weld" weld $pair -o "$work/no.onnx" --method ties --base "$work/none.onnx"
base="--base $work/middle.onnx"
for wrong in "--method ties" "--method slerp $base" "$base" "--method ties --density 0 $base" \
    "--method ties --density 1.01 $base" "--method dare-ties --density -1 $base" "--density .5" \
    "--method task-arithmetic --density .5 $base" "--method slerp --lambda 2" "--method dare $base" \
    "--method ties --lambda nan $base" "--compare ties $seen"; do
    # shellcheck disable=SC2086
    expect 2 "$wrong" "$weld" weld $pair -o "$work/no.onnx" --match weights $wrong
    [ "$(wc -l <"$work/err")" -eq 1 ] || { echo "FAIL $wrong: more than a line"; failed=1; }
done
# Three models: together not worse than the worst pair, whatever the order of the files.
trio="$models/mlp/a.onnx $models/mlp/b.onnx $models/mlp/c.onnx"
# shellcheck disable=SC2086
expect 0 "three models" "$weld" weld $trio -o "$work/trio.onnx" --match weights --stats none \
    --data "$models/grey/eval.npz" --preset unit --report "$work/trio.json" --report "$work/trio.html"
expect 0 "in another order" "$weld" weld --method average "$models/mlp/c.onnx" "$models/mlp/a.onnx" \
    "$models/mlp/b.onnx" -o "$work/turned.onnx" --match weights --stats none
expect 0 "the same result" "$weld" diff "$work/trio.onnx" "$work/turned.onnx"
python3 - "$work/trio.json" <<'EOF' || failed=1
import json, sys
many = json.load(open(sys.argv[1]))["many"]
assert many["accuracy"] >= min(p["accuracy"] for p in many["pairs"]), many
assert [p["models"] for p in many["pairs"]] == [[1, 2], [0, 1], [0, 2]] and len(many["ends"]) == 3
assert many["objective"][1] >= many["objective"][0] and 0 < many["cycle_distance"] < 1
EOF
# shellcheck disable=SC2086
expect 0 "three, frozen" "$weld" weld $trio -o "$work/trio_frozen.onnx" --match weights --stats none --freeze .
# shellcheck disable=SC2086
expect 0 "three, unmatched" "$weld" weld $trio -o "$work/unmatched.onnx" --match none --stats none
expect 0 "the same" "$weld" diff "$work/trio_frozen.onnx" "$work/unmatched.onnx"
# shellcheck disable=SC2086
expect 0 "three, one layer frozen" "$weld" weld $trio -o "$work/layer.onnx" --match frank-wolfe --stats none \
    --freeze layers.1 --report "$work/layer.json"
python3 - "$work/layer.json" <<'EOF' || failed=1
import json, sys
report = json.load(open(sys.argv[1]))
assert report["verification"]["pass"] and report["verification"]["n"] > 0, report["verification"]
EOF
# shellcheck disable=SC2086
for wrong in "--weights 1,2" "--weights 1,-1,1" "--start 4" "--alpha 0.3" "--save-perm p.json"; do
    # shellcheck disable=SC2086
    expect 2 "three: $wrong" "$weld" weld $trio -o "$work/wrong.onnx" $wrong
done
for order in "a b c" "c a b"; do
    # shellcheck disable=SC2086
    set -- $order
    expect 0 "three with a base: $order" "$weld" weld "$models/mlp/$1.onnx" "$models/mlp/$2.onnx" \
        "$models/mlp/$3.onnx" -o "$work/based_$1.onnx" --match weights --method dare-ties --density .6 \
        --base "$models/spawned/a.onnx"
done
grep -q "^base .*spawned/a.onnx: .A − base. " "$work/err" || { echo "FAIL three: no word of the base"; failed=1; }
expect 0 "the same draws" "$weld" diff "$work/based_a.onnx" "$work/based_c.onnx"
# shellcheck disable=SC2086
expect 2 "slerp of three" "$weld" weld $trio -o "$work/wrong.onnx" --match none --method slerp
expect 3 "one of three is another network" "$weld" weld "$models/mlp/a.onnx" "$models/mlp/b.onnx" \
    "$models/cnn/a.onnx" -o "$work/wrong.onnx"
# shellcheck disable=SC2086
expect 2 "weights of two" "$weld" weld $pair -o "$work/wrong.onnx" --weights 1,2
# Where the data lie changes nothing else.
expect 0 "external data" "$weld" weld "$models/mlp/a.onnx" "$models/mlp/b.onnx" \
    -o "$work/outside.onnx" --external always
[ -s "$work/outside.onnx.data" ] || { echo "FAIL no external data"; failed=1; }
expect 0 "the same weights outside" "$weld" diff "$work/outside.onnx" "$work/mlp.onnx"
expect 2 "external data when" "$weld" weld "$models/mlp/a.onnx" "$models/mlp/b.onnx" \
    -o "$work/no.onnx" --external sometimes
expect 0 "run" "$weld" run "$models/mlp/a.onnx" --data "$models/grey/eval.npz" --preset unit \
    --limit 100 -o "$work/out.npz"
expect 2 "run without data" "$weld" run "$models/mlp/a.onnx"
expect 2 "bad pattern" "$weld" run "$models/mlp/a.onnx" --data "$models/grey/eval.npz" --preset unit \
    --tap "["
[ -z "$(ls -A "$work" | grep "^\.onnxweld")" ] || { echo "FAIL temporary files left"; failed=1; }
[ ! -e "$work/no.onnx" ] || failed=1
[ "$failed" -eq 0 ] && echo "cli ok"
exit "$failed"
