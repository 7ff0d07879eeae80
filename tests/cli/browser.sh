#!/bin/sh
# The HTML report in headless Chromium: it renders at two widths, without an error on the console,
# with the figures of the JSON report: browser.sh ONNXWELD ROOT
set -eu
weld=$1 root=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chromium=$(command -v chromium || command -v chromium-browser) || { echo "FAIL: no chromium"; exit 1; }
"$weld" weld "$root/models/mlp/a.onnx" "$root/models/mlp/b.onnx" -q -o "$work/m.onnx" \
    --data "$root/models/grey/eval.npz" --preset unit \
    --report "$work/r.html" --report "$work/r.json"
browse() {
    HOME=$work "$chromium" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
        --enable-logging=stderr --v=0 --user-data-dir="$work/profile" "$@" "file://$work/r.html" 2>>"$work/log"
}
for width in 1200 400; do
    browse --window-size="$width,2000" --screenshot="$work/$width.png" >/dev/null
    [ "$(wc -c <"$work/$width.png")" -gt 10000 ] || { echo "FAIL: empty picture at $width"; exit 1; }
done
browse --dump-dom >"$work/dom"
if grep -i "CONSOLE" "$work/log"; then
    echo "FAIL: messages on the console"
    exit 1
fi
[ "$(wc -c <"$work/r.html")" -lt 1000000 ] || { echo "FAIL: larger than 1 MB"; exit 1; }
python3 - "$work" <<'EOF'
import json, pathlib, re, sys
work = pathlib.Path(sys.argv[1])
report = json.loads((work / "r.json").read_text())
text = re.sub(r"<[^>]*>", " ", (work / "dom").read_text())
barrier = report["lmc"]["barrier"]["loss"]["chord"]
wanted = [barrier["naive"], barrier["aligned"], report["lmc"]["aligned"]["loss"][0]]
missing = [x for x in wanted if f"{x:.4g}" not in text]
missing += [c["name"] for c in report["match"]["classes"] if c["name"] not in text]
missing += [m["sha256"] for m in report["models"] if m["sha256"] not in text]
if missing:
    raise SystemExit(f"FAIL: not on the page: {missing}")
print("browser ok")
EOF
