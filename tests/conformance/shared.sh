#!/bin/sh
# ONNX's own test vectors, where ../shared is there: shared.sh CONFORMANCE ROOT NAME
# NAME: mini, core (lists of node tests that must all pass), light, pytorch (operators that we lack
# are named, not failed), real (models with recorded outputs).
set -eu
conformance=$1 name=$3
vectors=$2/../shared/conformance
if [ ! -d "$vectors" ]; then
    echo "skipped: no shared corpus"
    exit 0
fi
case $name in
mini | core)
    set -- --list "$vectors/onnx_tests_$name.json" "$vectors/onnx-backend-node.tar.xz"
    ;;
light)
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    "$2/tools/python.sh" "$2/tests/conformance/light.py" "$vectors/onnx-backend-light.tar.xz" "$work"
    set -- "$work"
    ;;
pytorch)
    set -- --allow-unsupported "$vectors/onnx-backend-pytorch-converted.tar.xz" \
        "$vectors/onnx-backend-pytorch-operator.tar.xz"
    ;;
real) set -- "$vectors/real-models" ;;
*)
    echo "no vectors named $name"
    exit 2
    ;;
esac
"$conformance" "$@"
