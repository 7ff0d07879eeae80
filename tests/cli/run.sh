#!/bin/sh
# The commands on the shipped pairs: exit codes, files, same bytes for any number of threads.
set -eu
weld=$1
root=$2
models=$root/models
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

expect() { # expected exit code, name, command...
    want=$1 name=$2
    shift 2
    got=0
    "$@" >"$work/out" 2>"$work/err" || got=$?
    if [ "$got" -ne "$want" ]; then
        echo "FAIL $name: exit $got, expected $want"
        cat "$work/err"
        failed=1
    fi
}

for pair in mlp cnn spawned; do
    expect 0 "weld $pair" "$weld" weld "$models/$pair/a.onnx" "$models/$pair/b.onnx" \
        -o "$work/$pair.onnx" --data "$models/grey/eval.npz" --preset unit --limit 200 \
        --report "$work/$pair.json"
done
expect 0 "weld resnet" "$weld" weld "$models/resnet/a.onnx" "$models/resnet/b.onnx" \
    -o "$work/resnet.onnx" --data "$models/colour/eval.npz" --preset unit --limit 64
expect 0 "activations" "$weld" lmc "$models/mlp/a.onnx" "$models/mlp/b.onnx" --match activations \
    --match-data "$models/grey/match.npz" --data "$models/grey/eval.npz" --preset unit --limit 200
expect 0 "one thread" "$weld" weld "$models/mlp/a.onnx" "$models/mlp/b.onnx" -o "$work/one.onnx" \
    --data "$models/grey/eval.npz" --preset unit --limit 200 -j 1
cmp "$work/one.onnx" "$work/mlp.onnx" || failed=1
expect 0 "itself" "$weld" weld "$models/mlp/a.onnx" "$models/mlp/a.onnx" -o "$work/self.onnx"
head -c "$(wc -c <"$models/mlp/a.onnx")" "$work/self.onnx" | cmp - "$models/mlp/a.onnx" || failed=1
expect 0 "save a permutation" "$weld" weld "$models/mlp/a.onnx" "$models/mlp/b.onnx" \
    -o "$work/p1.onnx" --save-perm "$work/p.json"
expect 0 "use it" "$weld" lmc "$models/mlp/a.onnx" "$models/mlp/b.onnx" --match "$work/p.json" \
    --data "$models/grey/eval.npz" --preset unit --limit 64 --report "$work/p2.json"
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
expect 5 "missing" "$weld" inspect "$work/none.onnx"
expect 5 "not a model" "$weld" inspect "$models/README.md"
expect 2 "alpha" "$weld" weld "$models/mlp/a.onnx" "$models/mlp/b.onnx" -o "$work/x" --alpha 1.1
expect 2 "option" "$weld" lmc "$models/mlp/a.onnx" "$models/mlp/b.onnx" --nonsense 1
expect 2 "command" "$weld" nonsense
[ ! -e "$work/no.onnx" ] || failed=1
[ "$failed" -eq 0 ] && echo "cli ok"
exit "$failed"
