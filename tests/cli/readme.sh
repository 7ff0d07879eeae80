#!/bin/sh
# Every onnxweld command that README.md, docs/gates.md, docs/data.md and the manual pages show runs: readme.sh ONNXWELD ROOT
set -eu
weld=$1 root=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$root/models/mlp/a.onnx" "$work/A.onnx"
cp "$root/models/mlp/b.onnx" "$work/B.onnx"
cp "$root/models/mlp/c.onnx" "$work/C.onnx"
cp "$root/models/mlp/a.onnx" "$work/M.onnx"
cp "$root/models/grey/eval.npz" "$work/D.npz"
cp "$root/models/grey/match.npz" "$work/T.npz"
cat >"$work/S.json" <<'EOF'
{"schema": "onnxweld.spec/1",
 "classes": [{"members": ["layers.1.weight[0]", "layers.1.bias[0]", "layers.3.weight[1]"]}]}
EOF
ln -s "$weld" "$work/onnxweld"
cd "$work"
"$weld" lmc A.onnx B.onnx -q --data D.npz --preset unit --report lmc.json
cp lmc.json old.json
echo '{"gates": {"barrier.loss": ["error", {"max": 0.1}], "llfc.min": ["warn", {"min": 0.9}]}}' >gates.json
PATH=$work:$PATH
count=0
# Commands stand in code blocks, from the start of a line; a comment follows two blanks.
cat "$root/README.md" "$root/docs/gates.md" "$root/docs/data.md" | sed -n '/^```/,/^```/p' | grep '^onnxweld ' | sed 's/  *# .*//' >commands
for name in weld align lmc check diff inspect run gate data; do # and in the manual
    "$weld" --generate man $name | sed -n 's/^\.Dl //p' | sed 's/\\-/-/g'
done >>commands
while read -r line; do
    echo "+ $line"
    sh -c "$line" >out 2>err </dev/null || { cat err; echo "FAIL: $line"; exit 1; }
    rm -f AB*.onnx B2.onnx r.html r.json p.json out.npz gates.xml
    count=$((count + 1))
done <commands
[ "$count" -gt 0 ] && echo "$count commands ok"
