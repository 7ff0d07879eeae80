#!/bin/sh
# Weight matching against the float64 twin on every pair that is there: matching.sh ONNXWELD ROOT
set -eu
weld=$1 root=$2
pairs=""
for pair in mlp cnn resnet spawned; do
    pairs="$pairs $root/models/$pair/a.onnx $root/models/$pair/b.onnx"
done
if [ -d "$root/../shared/models/pairs" ]; then
    for folder in "$root"/../shared/models/pairs/*/; do
        set -- "$folder"*.onnx
        pairs="$pairs $1 $2"
    done
else
    echo "skipped: no shared corpus"
fi
# shellcheck disable=SC2086
"$root/tools/python.sh" "$root/tests/oracle/matching.py" "$weld" $pairs
