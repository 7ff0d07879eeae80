#!/bin/sh
# The HTML report in headless Chromium: it renders at two widths, and with scripts and styles taken away,
# without a message on the console, with the figures of the JSON report: browser.sh ONNXWELD ROOT
set -eu
weld=$1 root=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
chromium=$(command -v chromium || command -v chromium-browser) || { echo "FAIL: no chromium"; exit 1; }
code=0
"$weld" weld "$root/models/mlp/a.onnx" "$root/models/mlp/b.onnx" -q -o "$work/m.onnx" \
    --data "$root/models/grey/eval.npz" --preset unit --max-barrier 0 --max-pinned 0 \
    --report "$work/r.html" --report "$work/r.json" 2>/dev/null || code=$?
[ "$code" -eq 1 ] || { echo "FAIL: exit $code"; exit 1; }
browse() { # page, arguments...
    page=$1
    shift
    HOME=$work "$chromium" --headless --no-sandbox --disable-gpu --disable-dev-shm-usage \
        --enable-logging=stderr --v=0 --user-data-dir="$work/profile" "$@" "file://$work/$page.html" 2>>"$work/log"
}
# A copy as under a policy that takes styles and scripts away, and one that says how wide it is.
python3 - "$work" <<'EOF'
import pathlib, re, sys
work = pathlib.Path(sys.argv[1])
page = (work / "r.html").read_text()
bare = re.sub("<(style|script).*?</\\1>", "", page, flags=re.S)
assert "style=" not in bare, "styles elsewhere than in the sheet"
(work / "bare.html").write_text(bare)
measure = "<script>document.title = [document.documentElement.scrollWidth, innerWidth].join(' of ')</script></body>"
(work / "wide.html").write_text(page.replace("</body>", measure))
EOF
for width in 1200 400; do
    for page in r bare; do
        browse "$page" --window-size="$width,2000" --screenshot="$work/$page.$width.png" >/dev/null
        [ "$(wc -c <"$work/$page.$width.png")" -gt 10000 ] || { echo "FAIL: empty picture of $page at $width"; exit 1; }
    done
    browse wide --window-size="$width,2000" --dump-dom >"$work/width"
    python3 - "$work/width" <<'EOF' || { echo "FAIL: wider than the window at $width"; exit 1; }
import re, sys
need, have = map(int, re.search("<title>([0-9]+) of ([0-9]+)", open(sys.argv[1]).read()).groups())
raise SystemExit(need > have)
EOF
done
browse r --dump-dom >"$work/dom"
if grep -i "CONSOLE" "$work/log"; then
    echo "FAIL: messages on the console"
    exit 1
fi
[ "$(wc -c <"$work/r.html")" -lt 1000000 ] || { echo "FAIL: larger than 1 MB"; exit 1; }
python3 - "$work" <<'EOF'
import json, pathlib, re, sys
work = pathlib.Path(sys.argv[1])
report = json.loads((work / "r.json").read_text())
dom = (work / "dom").read_text()
embedded = re.search('<script type="application/json"[^>]*>(.*?)</script>', dom, re.S).group(1)
if json.loads(embedded) != report:
    raise SystemExit("FAIL: the page embeds another report")
text = re.sub(r"<[^>]*>", " ", dom.replace(embedded, ""))
barrier = report["lmc"]["barrier"]["loss"]["chord"]
wanted = [barrier["naive"], barrier["aligned"], *report["lmc"]["aligned"]["loss"], *report["lmc"]["naive"]["accuracy"]]
wanted += [layer["aligned"]["one_minus_cos"][1]["mean"] for layer in report["llfc"]["layers"]]
missing = [x for x in wanted if f"{x:.4g}" not in text]
missing += [c["name"] for c in report["match"]["classes"] if c["name"] not in text]
missing += [m["sha256"] for m in report["models"] if m["sha256"] not in text]
missing += [g["id"] for g in report["gates"] if not g["pass"] and f"FAIL · {g['id']} is" not in re.sub(" +", " ", text)]
pictures = re.findall("<svg.*?</svg>", dom, re.S)
missing += [p[:99] for p in pictures if "<title>" not in p]
if missing or len(pictures) != 4:
    raise SystemExit(f"FAIL: not on the page: {missing}, {len(pictures)} pictures")
print("browser ok")
EOF
