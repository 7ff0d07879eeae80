"""The formats of a report say the same: HTML and Markdown have the tables of each other with the figures of
the JSON, CSV has every value of it, JUnit its gates; the HTML is valid. Also of a report whose names are
hostile, which a unit test writes. Two validators read the HTML, html5lib and tidy:

    tools/python.sh tests/oracle/formats.py ONNXWELD ROOT TEST_REPORT
"""

import csv
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import html5lib

FORMATS = ("json", "html", "md", "csv", "junit", "card")


def html_tables(text):
    """Parsed as strictly as a validator does. A table is a list of rows, a row a list of texts."""
    page = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
    scripts = [s for s in page.iter("script")]
    assert [s.get("type") for s in scripts] == ["application/json"], "a script that is no JSON"
    assert not [e for e in page.iter() if isinstance(e.tag, str) and any(k.startswith("on") or k in ("src", "href") for k in e.attrib)]
    tables = []
    for table in page.iter("table"):
        rows = []
        for row in table.iter("tr"):
            for br in row.iter("br"):
                br.text = "\n"
            rows.append(["".join(cell.itertext()) for cell in row])
        tables.append(rows)
    return tables, json.loads(scripts[0].text)


def md_text(cell):
    """What a reader sees of a cell: code spans are literal but for pipes, elsewhere a backslash protects."""
    shown = ""
    for part in re.split(r"(`[^`]*`)", cell.strip()):
        if part.startswith("`"):
            shown += part[1:-1].replace("\\|", "|")
        else:
            part = re.sub(r"\\(.)", r"\1", part.replace("<br>", "\n"))
            shown += part.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return shown


def md_tables(text):
    tables, rows = [], None
    for line in text.split("\n"):
        if not line.startswith("|"):
            rows = None
            continue
        if rows is None:
            rows = []
            tables.append(rows)
        cells = re.split(r"(?<!\\)\|", line)[1:-1]
        if all(c == "---" for c in cells):
            assert len(rows) == 1
            continue
        rows.append([md_text(c) for c in cells])
        assert len(rows[-1]) == len(rows[0]), line
    return tables


def shown(x):
    return "–" if x is None else f"{x:.4g}"


def table(tables, *first):
    """The first one whose columns begin so."""
    found = [t for t in tables if tuple(t[0][:len(first)]) == first]
    assert found, f"no table {first}"
    return found[0]


def check_figures(tables, report):
    lmc = report["lmc"]
    both = [(lmc[v]["loss"][i], lmc[v]["accuracy"][i]) for v in ("naive", "aligned") for i in range(len(lmc["alpha"]))]
    cells = {c for t in tables for row in t for c in row}
    wanted = [x for pair in both for x in pair]
    for kind in lmc["barrier"].values():
        for what in kind.values():
            wanted += [what["naive"], what["aligned"]]
    missing = [x for x in wanted if shown(x) not in cells]
    assert not missing, f"not in any table: {missing}"
    llfc = report["llfc"]
    at = min(range(len(llfc["alpha"])), key=lambda i: abs(llfc["alpha"][i] - 0.5))
    head, *body = table(tables, "Layer", "1 − cos, naive")
    rows = {r[0]: dict(zip(head, r)) for r in body}
    for layer in llfc["layers"]:
        for v in ("naive", "aligned"):
            assert rows[layer["name"][:160]][f"1 − cos, {v}"] == shown(layer[v]["one_minus_cos"][at]["mean"]), layer["name"]
    head, *body = table(tables, "Gate") if report.get("gates") else [[]]
    gates = [dict(zip(head, row)) for row in body]
    assert [(g["Gate"], g["is"], g["Limit"]) for g in gates] == [(g["id"], shown(g["value"]), shown(g["limit"])) for g in report.get("gates", [])]
    classes = table(tables, "Class", "Units")[1:]
    assert [c[:4] for c in classes] == [[c["name"], str(c["size"]), c["kind"], shown(c["moved"])] for c in report["match"]["classes"]]


def leaves(node):
    if isinstance(node, dict):
        for key, value in node.items():
            yield from leaves(value)
    elif isinstance(node, list):
        for value in node:
            yield from leaves(value)
    else:
        yield node


def check_csv(path, report):
    raw = path.read_bytes().decode()
    assert raw.count("\n") == raw.count("\r\n")
    rows = list(csv.DictReader(raw.splitlines(keepends=True), strict=True))
    assert set(rows[0]) == {"section", "name", "variant", "alpha", "figure", "value"}
    have = sorted(float(r["value"]) for r in rows if re.fullmatch(r"-?\d[\d.e+-]*", r["value"]))
    want = sorted(float(x) for key, part in report.items() if key != "environment" for x in leaves(part)
                  if isinstance(x, (int, float)) and not isinstance(x, bool))
    assert have == want, "the numbers differ"
    for layer in report["llfc"]["layers"]:
        for v in ("naive", "aligned"):
            for alpha, spread in zip(report["llfc"]["alpha"], layer[v]["one_minus_cos"]):
                value, = [r["value"] for r in rows if (r["section"], r["name"], r["variant"], r["figure"]) ==
                          ("llfc", layer["name"], v, "layers.one_minus_cos.mean") and float(r["alpha"] or -1) == alpha]
                assert float(value) == spread["mean"]
    for v in ("naive", "aligned"):
        losses = [r["value"] for r in rows if (r["section"], r["variant"], r["figure"]) == ("lmc", v, "loss")]
        assert [float(x) if x else None for x in losses] == report["lmc"][v]["loss"]


def check_junit(path, report):
    suite = xml.etree.ElementTree.parse(path).getroot()[0]
    cases = {c.get("name"): c for c in suite}
    assert int(suite.get("tests")) == len(suite) == len(cases)
    assert int(suite.get("failures")) == len(list(suite.iter("failure")))
    for gate in report.get("gates", []):
        name = gate["id"] + (" (baseline)" if "baseline" in gate else "")
        assert [f.tag for f in cases[name]] == ([] if gate["pass"] else ["failure" if gate["level"] == "error" else "skipped"])
    assert ("failure" in [f.tag for f in cases["same function"]]) != report["verification"]["pass"]


def check_card(path, report):
    text = path.read_text()
    front = text.split("---\n")[1].splitlines()
    named = "--base-model" in report["environment"]["command"]
    assert "- merge" in front and named == ("base_model_relation: merge" in front) == ("base_model:" in front)
    if named:  # ids, never names of files
        assert [json.loads(m[2:]) for m in front[front.index("base_model:") + 1:]] == ["lab/first", "lab/second.v2"]
    assert shown(report["lmc"]["barrier"]["loss"]["chord"]["aligned"]) in text


def check_folder(folder, name):
    at = {f: folder / f"{name}.{f}" for f in FORMATS}
    report = json.loads(at["json"].read_text())
    tables, embedded = html_tables(at["html"].read_text())
    assert embedded == report, "what the page embeds is not the report"
    assert md_tables(at["md"].read_text()) == [[[c.replace("`", "'") for c in row] for row in t] for t in tables], "tables differ"
    check_figures(tables, report)
    check_csv(at["csv"], report)
    check_junit(at["junit"], report)
    check_card(at["card"], report)
    complaints = subprocess.run(["tidy", "-e", "-q", at["html"]], capture_output=True, text=True).stderr
    assert not complaints, complaints
    return report


def main():
    tool, root, test_report = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    models = root / "models"
    with tempfile.TemporaryDirectory() as work:
        work = pathlib.Path(work)
        run = subprocess.run([tool, "weld", models / "cnn/a.onnx", models / "cnn/b.onnx", "-o", work / "m.onnx", "-q",
                              "--data", models / "grey/eval.npz", "--preset", "unit", "--limit", "200", "--max-barrier", "0",
                              "--max-acc-drop", "1", "--junit", work / "r.junit", "--card", work / "r.card",
                              "--base-model", "lab/first", "--base-model", "lab/second.v2",
                              *(x for f in ("json", "html", "md", "csv") for x in ("--report", work / f"r.{f}"))],
                             capture_output=True, text=True)
        assert run.returncode == 1 and "gate barrier.loss" in run.stderr, run.stderr
        report = check_folder(work, "r")
        assert report["verdict"] == "fail" and len(report["gates"]) == 3
        subprocess.run([test_report], env={**os.environ, "WELD_REPORT_DIR": str(work)}, capture_output=True, check=True)
        check_folder(work, "report")
    print("formats ok")


if __name__ == "__main__":
    main()
