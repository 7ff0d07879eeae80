#!/bin/sh
# recovery.sh PROGRAM ROOT: a permuted copy of a network is found again. WELD_TRIALS: how often (5).
set -eu
nets=$(mktemp -d)
trap 'rm -rf "$nets"' EXIT
"$2/tools/python.sh" "$2/tests/recovery/make_nets.py" "$nets"
"$1" "${WELD_TRIALS:-5}" "$nets"/*.onnx
