#!/bin/sh
# Our outputs against onnxruntime's on every model that is there: models.sh ONNXWELD ROOT
set -eu
weld=$1 root=$2
folders=$root/models
if [ -d "$root/../shared/models" ]; then
    folders="$folders $root/../shared/models"
else
    echo "skipped: no shared corpus"
fi
# shellcheck disable=SC2086
"$root/tools/python.sh" "$root/tests/oracle/models.py" "$weld" $folders \
    --refused "$root/tests/oracle/refused.txt"
