#!/bin/sh
# Runs Python with the packages that the model scripts and the test oracles need:
#   tools/python.sh SCRIPT.py [ARGUMENT...]
# The first call builds a virtual environment (build/venv, or $ONNXWELD_VENV); later calls
# start Python at once. $PYTHON chooses the base interpreter.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
venv=${ONNXWELD_VENV:-$root/build/venv}
base=${PYTHON:-python3}
packages='numpy==2.3.5 onnx==1.20.1 onnxruntime==1.23.2 scipy==1.16.3 jsonschema==4.25.1 html5lib==1.1'

# The stamp holds the pinned list, so that a changed pin rebuilds the environment.
stamp=$venv/.onnxweld-packages

ready() {
    [ -x "$venv/bin/python" ] && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$packages" ]
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

make_venv() {
    # --clear: an interrupted first call may have left half an environment behind.
    "$base" -m venv --clear "$venv"
}

build() {
    echo "tools/python.sh: preparing $venv" >&2
    mkdir -p "$(dirname -- "$venv")"
    if ! make_venv >/dev/null 2>&1; then
        # Debian ships the venv module without ensurepip until python3-venv is installed.
        as_root apt-get update -qq >&2
        as_root apt-get install -y -qq python3-venv >&2
        make_venv >&2
    fi
    # The list is split into words on purpose.
    # shellcheck disable=SC2086
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check $packages >&2
    printf '%s\n' "$packages" >"$stamp"
}

if ! ready; then
    mkdir -p "$(dirname -- "$venv")"
    # Two tests may start together: the second one waits for the first.
    exec 9>"$venv.lock"
    if command -v flock >/dev/null 2>&1; then flock 9; fi
    ready || build
    exec 9>&-
fi

exec "$venv/bin/python" "$@"
