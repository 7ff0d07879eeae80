#!/bin/sh
# Merged models load in onnxruntime, which gives our outputs: merged.sh ONNXWELD ROOT
set -eu
weld=$1 root=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for pair in mlp cnn resnet spawned vit; do
    "$weld" weld "$root/models/$pair/a.onnx" "$root/models/$pair/b.onnx" -q -o "$work/$pair.onnx"
done
if [ -d "$root/../shared/models/pairs" ]; then
    for folder in "$root"/../shared/models/pairs/*/; do
        set -- "$folder"*.onnx
        "$weld" weld "$1" "$2" -q -o "$work/$(basename "$folder").onnx"
    done
else
    echo "skipped: no shared corpus"
fi
"$root/tools/python.sh" "$root/tests/oracle/models.py" "$weld" "$work"
