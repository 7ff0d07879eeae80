"""Every gate passes, fails, only warns, or says that its figure is missing; bad configurations and bad
reports are one line each:

    python3 tests/cli/gates.py ONNXWELD ROOT
"""

import copy
import json
import os
import pathlib
import sys
import tempfile

from trial import Trial

# Figures of the report that most cases judge: what is changed in it, and what comes of that.
FIGURES = {
    "lmc": {"metric": "ce", "alpha": [0, 0.5, 1],
            "naive": {"loss": [0.2, 2.0, 0.1], "accuracy": [0.9, 0.5, 0.95]},
            "aligned": {"loss": [0.2, 0.3, 0.1], "accuracy": [0.9, 0.85, 0.95]},
            "accuracy_drop": {"alpha": 0.5, "naive": 0.4, "aligned": 0.05, "ci95": {"naive": [0.3, 0.5], "aligned": [0.03, 0.08]},
                              "upper95": {"naive": 0.49, "aligned": 0.07}},
            "barrier": {"loss": {"chord": {"naive": 1.85, "aligned": 0.15, "ci95": {"naive": [1.7, 2.0], "aligned": [0.1, 0.2]},
                                           "upper95": {"naive": 1.95, "aligned": 0.19}},
                                 "midpoint": {"naive": 1.85, "aligned": 0.15}},
                        "error": {"chord": {"naive": 0.42, "aligned": 0.07, "ci95": {"naive": [0.3, 0.5], "aligned": [0.05, 0.1]},
                                            "upper95": {"naive": 0.48, "aligned": 0.09}},
                                  "midpoint": {"naive": 0.42, "aligned": 0.07}}}},
    "llfc": {"alpha": [0.25, 0.5, 0.75],
             "layers": [{"name": name, "aligned": {"one_minus_cos": [
                 {"mean": m / 2}, {"mean": m, "ci95": [0.8 * m, 1.2 * m], "upper95": 1.1 * m}, {"mean": m / 2}]}}
                        for name, m in (("fc1", 0.02), ("fc2", 0.1))]},
    "match": {"pinned_fraction": 0.25},
    "verification": {"max_abs": 1e-6, "max_rel": 1e-7, "allowed": 1e-3, "pass": True},
}
REPORT = {"schema": "onnxweld.report/1", "environment": {"paths": {"A": "a.onnx", "B": "b.onnx"}}, "verdict": "pass",
          "models": [{"role": "A", "sha256": "a" * 64}, {"role": "B", "sha256": "b" * 64}],
          "data": {"sha256": "d" * 64}, **FIGURES, "outputs": [], "warnings": []}
MERGED = [{"written": True, "accuracy": 0.88, "accuracy_drop": {"value": 0.02, "ci95": [0, 0.06], "upper95": 0.045}},
          {"written": False, "accuracy": 0.5, "accuracy_drop": {"value": 0.4, "ci95": [0.3, 0.5], "upper95": 0.45}}]

# exit, arguments, what standard error says
LIMITS = [
    (0, "--max-barrier .15", "2 of 2 passed"),
    (1, "--max-barrier .1499", "gate barrier.loss is 0.15, allowed at most 0.1499; see lmc.barrier.loss.chord.aligned in"),
    (1, "--max-barrier .18 --gate-on upper", "barrier.loss is 0.19, allowed at most 0.18; see lmc.barrier.loss.chord.upper95.aligned"),
    (0, "--max-barrier .18 --gate-on point", "2 of 2 passed"),
    (0, "--max-barrier .1 --warn-only", "warning   barrier.loss is 0.15"),
    (0, "--max-acc-drop .0501", "2 of 2 passed"),
    (1, "--max-acc-drop .04", "acc.drop is 0.05, allowed at most 0.04"),
    (0, "--max-acc-drop .04 --warn-only", "WARN"),
    (1, "--max-acc-drop .0501 --gate-on upper", "acc.drop is 0.07, allowed at most 0.0501; see accuracy_drop.upper95 in lmc, merges"),
    (0, "--max-acc-drop .07 --gate-on upper", "2 of 2 passed"),
    (0, "--min-llfc .9", "2 of 2 passed"),
    (1, "--min-llfc .91", "llfc.min is 0.9, allowed at least 0.91"),
    (0, "--min-llfc .91 --warn-only", "1 of 2 passed"),
    (0, "--min-llfc .89 --gate-on upper", "2 of 2 passed"),
    (1, "--min-llfc .9 --gate-on upper", "llfc.min is 0.89, allowed at least 0.9; see upper95 of aligned.one_minus_cos"),
    (0, "--max-pinned .25", "2 of 2 passed"),
    (1, "--max-pinned .2", "pinned.fraction is 0.25"),
    (1, "--max-pinned .2 --max-barrier 1 --min-llfc 1", "2 of 4 gates failed"),
    (0, "--max-barrier .01 --max-barrier 1", "2 of 2 passed"),
    (0, "", "gate      equiv.max_abs is 1e-06, allowed at most 0.001"),
    (2, "--max-barrier lots", "--max-barrier: 'lots' is not a finite number"),
    (2, "--gate-on left", "--gate-on: 'left', allowed point, upper"),
    (2, "--max-worse .1", "--max-worse needs --baseline"),
    (2, "--max-bariers 1", "did you mean --max-barrier"),
    (2, "--report r.pdf", "the name ends in none of .json"),
]

# Every gate: a limit that passes, one that does not, the section that has its figure.
EVERY = {
    "barrier.loss": ("max", 0.15, 0.14, "lmc"),
    "barrier.acc": ("max", 0.07, 0.06, "lmc"),
    "acc.drop": ("max", 0.06, 0.04, "lmc"),
    "llfc.min": ("min", 0.9, 0.91, "llfc"),
    "llfc.mean": ("min", 0.9, 0.95, "llfc"),
    "equiv.max_abs": ("max", 1e-6, 1e-7, "verification"),
    "pinned.fraction": ("max", 0.25, 0.2, "match"),
}

# exit, changed places (None = taken away), arguments, what standard error says
CHANGED = [
    (2, {"lmc": None}, "--max-barrier 1", "gate barrier.loss: REPORT has no lmc.barrier.loss.chord.aligned (it needs --data with labels"),
    (2, {"lmc": None}, "--max-acc-drop 1", "has no accuracy in lmc.aligned, merges, many"),
    (2, {"lmc.alpha": [0, 0.4, 1]}, "--max-acc-drop 1", "has no accuracy in lmc.aligned, merges, many"),
    (2, {"llfc": None}, "--min-llfc 0", "gate llfc.min: REPORT has no aligned.one_minus_cos at 1/2 in llfc.layers"),
    (2, {"llfc.alpha": [0.2, 0.4, 0.6]}, "--min-llfc 0", "and .5 in --llfc-alpha"),
    (2, {"match": None}, "--max-pinned 1", "gate pinned.fraction: REPORT has no match.pinned_fraction"),
    (2, {"lmc.barrier.loss.chord.upper95": None}, "--max-barrier 1 --gate-on upper", "upper95.aligned (it needs --data with labels, two models, and the bootstrap)"),
    (2, {"verification": None}, "", "has no figure that a preset judges by itself: give a limit"),
    (0, {"verification": None}, "--max-barrier 1", "1 of 1 passed"),
    (1, {"verification.max_abs": 0.01}, "", "equiv.max_abs is 0.01, allowed at most 0.001"),
    (1, {"lmc.barrier.loss.chord.aligned": None, "lmc.barrier.loss.chord.aligned!": 0}, "--max-barrier 1", "barrier.loss is nan"),
    (1, {"llfc.layers": [{"aligned": {"one_minus_cos": [{}, {"mean": 0}, {}]}}, {"aligned": {"one_minus_cos": [{}, {"mean": None}, {}]}}]},
     "--min-llfc 0", "llfc.min is nan"),
    (1, {"merges": MERGED}, "--max-acc-drop .01", "acc.drop is 0.02"),
    (1, {"merges": MERGED}, "--max-acc-drop .04 --gate-on upper", "acc.drop is 0.045"),
    (2, {"merges": [{"written": True, "accuracy": 0.88}]}, "--max-acc-drop 1 --gate-on upper", "upper95 in lmc, merges (it needs"),
    (2, {"lmc.accuracy_drop": None}, "--max-acc-drop 1 --gate-on upper", "has no accuracy_drop.upper95 in lmc, merges"),
    (2, {"llfc.layers": [{"aligned": {"one_minus_cos": [{}, {"mean": 0}, {}]}}]}, "--min-llfc 0 --gate-on upper", "and the bootstrap)"),
    (5, {"llfc.layers": [{"aligned": {"one_minus_cos": [{}, {"mean": 0, "ci95": [0]}, {}]}}]}, "--min-llfc 0", "ci95 is not an interval"),
    (0, {"many": {"ends": [{"accuracy": 0.9}, {"accuracy": 0.8}], "accuracy": 0.85}}, "--max-acc-drop -.01", "acc.drop is -0.05"),
    (2, {"many": {"ends": [{"accuracy": 0.9}, {"accuracy": 0.8}], "accuracy": 0.85}, "lmc.accuracy_drop": None},
     "--max-acc-drop -.01 --gate-on upper", "has no accuracy_drop.upper95 in lmc, merges"),
    (1, {"many": {"ends": [{"accuracy": 0.9}, {"accuracy": 0.8}], "accuracy": 0.85},
         "merges": [{"written": True, "accuracy": 0.85, "accuracy_drop": {"value": -0.05, "ci95": [-0.07, -0.02], "upper95": -0.03}}]},
     "--max-acc-drop -.04 --gate-on upper", "acc.drop is -0.03"),
    # Reports that are none.
    (5, {"schema": "onnxweld.report/2"}, "", "not an onnxweld.report/1 file"),
    (5, {"schema": None}, "", "not an onnxweld.report/1 file"),
    (5, {"models": 3}, "", "REPORT: models is not a list"),
    (5, {"models": [3]}, "", "REPORT: a model has no role"),
    (5, {"lmc": "x"}, "--max-barrier 1", "REPORT: what has barrier.loss.chord.aligned is not an object"),
    (5, {"lmc.barrier.loss.chord.aligned": "0.1"}, "--max-barrier 1", "lmc.barrier.loss.chord.aligned is not a number"),
    (5, {"lmc.barrier.loss.chord.aligned": [1]}, "", "is not a number"),
    (5, {"verification.max_abs": True}, "", "verification.max_abs is not a number"),
    (5, {"llfc.layers": {}}, "--min-llfc 0", "llfc.layers is not a list"),
    (5, {"llfc.layers": [7]}, "--min-llfc 0", "is not an object"),
    (5, {"llfc.layers": [{"aligned": {"one_minus_cos": []}}]}, "--min-llfc 0", "does not have llfc.alpha's length"),
    (5, {"merges": [{"written": True, "accuracy": "all"}]}, "--max-acc-drop 1", "accuracy is not a number"),
]

# Bytes of a report that are not even JSON of the right kind.
BROKEN = [b"", b"[]", b"3", b'"report"', b"null", b"{", b'{"schema": NaN}', b'{"schema": 1e999}', b"[" * 100000,
          b'{"a":' * 5000, b'{"schema": "onnxweld.report/1", "schema": 1}', b"\xff\xfe", b'{"schema": "\xff"}', b"\0" * 64,
          json.dumps(REPORT).encode()[:-9], b'{"schema": 1' + b"0" * 100 + b"}"]

# exit, configuration, what standard error says
CONFIGS = [
    (0, {}, "1 of 1 passed"),
    (0, {"gates": {"barrier.loss": ["error", {"max": 0.16}]}}, "2 of 2 passed"),
    (1, {"gates": {"barrier.loss": ["error", {"max": 0.16, "on": "upper"}]}}, "barrier.loss is 0.19"),
    (0, {"gates": {"barrier.loss": ["warn", {"max": 0.1}]}}, "warning   barrier.loss"),
    (0, {"gates": {"barrier.loss": {"max": 0.1}}}, "warning   barrier.loss"),
    (1, {"preset": "strict", "gates": {"barrier.loss": {"max": 0.1}}}, "barrier.loss is 0.15"),
    (0, {"preset": "report-only", "gates": {"equiv.max_abs": {"max": 0}}}, "warning   equiv.max_abs"),
    (1, {"preset": "recommended", "gates": {"equiv.max_abs": {"max": 0}}}, "equiv.max_abs is 1e-06, allowed at most 0"),
    (2, {"gates": {"equiv.max_abs": "off"}}, "has no figure that a preset judges by itself"),
    (1, {"gates": {"barrier.acc": ["error", {"max": 0.05}]}}, "barrier.acc is 0.07"),
    (1, {"gates": {"llfc.mean": ["error", {"min": 0.95}]}}, "llfc.mean is 0.94, allowed at least 0.95"),
    (1, {"gates": {"llfc.mean": ["error", {"min": 0.94, "on": "upper"}]}}, "llfc.mean is 0.934, allowed at least 0.94"),
    (5, [], "CONFIG: not an object"),
    (5, {"presets": "strict"}, "CONFIG: 'presets', allowed preset, gates"),
    (5, {"preset": "strikt"}, "preset 'strikt', allowed strict, recommended, report-only"),
    (5, {"preset": 1}, "preset '(no text)'"),
    (5, {"gates": []}, "gates is not an object"),
    (5, {"gates": {"barrier": "off"}}, "no gate 'barrier', allowed barrier.loss, barrier.acc, acc.drop"),
    (5, {"gates": {"barrier.loss": "error"}}, 'gates.barrier.loss: needs a limit, {"max": X}'),
    (5, {"gates": {"barrier.loss": ["eror", {"max": 1}]}}, "gates.barrier.loss: level 'eror', allowed off, warn, error"),
    (5, {"gates": {"barrier.loss": ["error", {"min": 1}]}}, "gates.barrier.loss.min: allowed max, on"),
    (5, {"gates": {"llfc.min": ["error", {"max": 1}]}}, "gates.llfc.min.max: allowed min, on"),
    (5, {"gates": {"barrier.loss": ["error", {"max": "1"}]}}, "gates.barrier.loss.max: not a number"),
    (5, {"gates": {"barrier.loss": ["error", {"max": 1, "on": "lower"}]}}, "'lower', allowed point, upper"),
    (5, {"gates": {"pinned.fraction": ["error", {"max": 1, "on": "upper"}]}}, "this figure has no 95 % bound"),
    (5, {"gates": {"barrier.loss": []}}, "0 entries, allowed [level] or [level, {...}]"),
    (5, {"gates": {"barrier.loss": ["error", {"max": 1}, 3]}}, "3 entries"),
    (5, {"gates": {"barrier.loss": ["error", 3]}}, "allowed a level"),
    (5, {"gates": {"barrier.loss": 3}}, "gates.barrier.loss: level is no text"),
]

# exit, changes of the older report, arguments, what standard error says
BASELINES = [
    (0, {}, "", "8 of 8 passed"),
    (0, {"lmc.barrier.loss.chord.aligned": 0.12}, "", "barrier.loss is 0.15, allowed at most 0.2 (it was 0.12)"),
    (1, {"lmc.barrier.loss.chord.aligned": 0.12, "lmc.barrier.loss.chord.ci95.aligned": [0.1, 0.14]}, "", "barrier.loss is 0.15, allowed at most 0.14 (it was 0.12)"),
    (0, {"lmc.barrier.loss.chord.ci95.aligned": [0.1, 0.14]}, "", "barrier.loss is 0.15, allowed at most 0.15 (it was 0.15)"),
    (0, {"match.pinned_fraction": 0.2499999}, "", "8 of 8 passed"),
    (1, {"match.pinned_fraction": 0.24999}, "", "allowed at most 0.24999"),
    (0, {"lmc.barrier.loss.chord.ci95.aligned": [None, None]}, "", "8 of 8 passed"),
    (1, {"lmc.barrier.loss.chord.aligned": 0.12}, "--max-worse 0.02", "allowed at most 0.14 (it was 0.12)"),
    (0, {"lmc.barrier.loss.chord.aligned": 0.12}, "--max-worse 0.04", "8 of 8 passed"),
    (1, {"lmc.barrier.loss.chord.aligned": 0.12, "lmc.barrier.loss.chord.ci95": None}, "", "allowed at most 0.12 (it was 0.12)"),
    (0, {"lmc.barrier.loss.chord.aligned": 0.12, "lmc.barrier.loss.chord.ci95": None}, "--warn-only", "WARN"),
    (1, {"match.pinned_fraction": 0.2}, "", "pinned.fraction is 0.25, allowed at most 0.2"),
    (0, {"verification.max_abs": 1e-9}, "", "equiv.max_abs is 1e-06, allowed at most 0.001 (it was 1e-09)"),
    (0, {"models": [{"role": "A", "sha256": "c" * 64}, {"role": "B", "sha256": "b" * 64}]}, "", "model A is not that of the baseline: aaaaaaaaaaaa, there cccccccccccc"),
    (0, {"models": []}, "", "model B is not that of the baseline: bbbbbbbbbbbb, there none"),
    (0, {"data": None}, "", "the evaluation data is not that of the baseline"),
    (0, {"lmc": None}, "", "5 of 5 passed"),
    (5, {"lmc": 3}, "", "OLD: what has barrier.loss"),
    (5, {"lmc.barrier.loss.chord.ci95.aligned": []}, "", "OLD: lmc.barrier.loss.chord.ci95.aligned is not an interval"),
    (5, {"schema": None}, "", "OLD: not an onnxweld.report/1 file"),
    (2, {}, "--max-worse -1", "--max-worse: -1, allowed from 0"),
]


def changed(report, places):
    """The report with values at dotted places; None takes one away, but "place!" gives null."""
    report = copy.deepcopy(report)
    for place, value in places.items():
        *path, last = place.rstrip("!").split(".")
        node = report
        for key in path:
            node = node[key]
        if value is None:
            node.pop(last, None)
        else:
            node[last] = None if place.endswith("!") else value
    return report


def judge_every(t):
    for gate, (key, good, bad, section) in EVERY.items():
        report = t.write("REPORT.json", REPORT)
        for code, level, limit, wanted in ((0, "error", good, f"gate      {gate} is"), (1, "error", bad, f"gate {gate} is"),
                                           (0, "warn", bad, f"warning   {gate} is"), (0, "off", bad, "passed")):
            rules = {gate: [level, {key: limit}]}
            if gate != "equiv.max_abs":
                rules["equiv.max_abs"] = "warn"
            if level == "off":
                rules["pinned.fraction" if gate != "pinned.fraction" else "acc.drop"] = {"max": 1}
            run = t.run(code, ["gate", report, "--config", t.write("CONFIG.json", {"gates": rules})], wanted)
            assert level != "off" or gate not in run.stderr.decode()
        config = t.write("CONFIG.json", {"gates": {gate: [ "error", {key: bad}]}})
        t.run(0, ["gate", report, "--config", config, "--warn-only"], f"warning   {gate} is")
        t.run(2, ["gate", t.write("REPORT.json", changed(REPORT, {section: None})), "--config", config],
              f"gate {gate}: REPORT has no", ["REPORT.json"])


def judge_saved(t):
    report = t.write("REPORT.json", REPORT)
    for code, arguments, wanted in LIMITS:
        t.run(code, ["gate", report, *arguments.split()], wanted, ["REPORT.json"])
    for code, places, arguments, wanted in CHANGED:
        path = t.write("REPORT.json", changed(REPORT, places))
        t.run(code, ["gate", path, *arguments.split()], wanted, ["REPORT.json"])
    for content in BROKEN:
        path = t.write("REPORT.json", content)
        t.run(5, ["gate", path, "--max-barrier", "1"], "REPORT", ["REPORT.json"])
    report = t.write("REPORT.json", REPORT)
    for code, config, wanted in CONFIGS:
        path = t.write("CONFIG.json", config)
        t.run(code, ["gate", report, "--config", path], wanted, ["CONFIG.json"])
    t.run(5, ["gate", report, "--config", t.write("CONFIG.json", b'{"gates":\n{,}')], "CONFIG line 2", ["CONFIG.json"])
    t.run(1, ["gate", report, "--config", t.write("CONFIG.json", {"gates": {"barrier.loss": "off"}}), "--max-barrier", "0"],
          "barrier.loss is 0.15")
    for code, places, arguments, wanted in BASELINES:
        old = t.write("OLD.json", changed(REPORT, places))
        t.run(code, ["gate", report, "--baseline", old, *arguments.split()], wanted, ["OLD.json", "REPORT.json"])
    t.run(2, ["gate", t.write("NEW.json", changed(REPORT, {"llfc": None})), "--baseline", report], "gate llfc.min: NEW has no aligned.one_minus_cos", ["NEW.json"])
    t.run(5, ["gate", str(t.work / "none.json")], "No such file")
    t.run(5, ["gate", str(t.work)], "expected a regular file")
    t.run(2, ["gate"], "usage: onnxweld gate REPORT.json")


def judge_runs(t, models):
    """The same on what was just made: everything is written, the exit code and the verdict say what failed."""
    pair = [f"{models}/mlp/a.onnx", f"{models}/mlp/b.onnx"]
    data = ["--data", f"{models}/grey/eval.npz", "--preset", "unit", "--limit", "200", "--match", "weights"]
    out, report, junit, card = (str(t.work / n) for n in ("m.onnx", "r.json", "r.xml", "README.md"))
    files = ["-f", "-o", out, "--stats", "none", "--report", report, "--junit", junit, "--card", card]
    limits = ["--max-barrier", "9", "--max-acc-drop", ".9", "--min-llfc", ".1", "--max-pinned", "0"]
    t.run(0, ["weld", *pair, *data, *files, *limits], "5 of 5 passed")
    saved = json.loads(pathlib.Path(report).read_text())
    assert [g["id"] for g in saved["gates"]] == ["barrier.loss", "acc.drop", "llfc.min", "equiv.max_abs", "pinned.fraction"]
    assert all(g["pass"] and g["level"] == "error" for g in saved["gates"])
    for p in (out, junit, card):
        os.remove(p)
    t.run(1, ["weld", *pair, *data, *files, "--max-barrier", "1e-6"], "gate barrier.loss is")
    assert all(os.path.exists(p) for p in (out, junit, card)), "a gate that failed took the files away"
    saved = json.loads(pathlib.Path(report).read_text())
    failed = [g for g in saved["gates"] if not g["pass"]]
    assert saved["verdict"] == "fail" and [g["id"] for g in failed] == ["barrier.loss"]
    assert failed[0]["value"] == saved["lmc"]["barrier"]["loss"]["chord"]["aligned"]
    assert 'failures="1"' in pathlib.Path(junit).read_text()
    # Later, the same by the saved report.
    t.run(1, ["gate", report, "--max-barrier", "1e-6"], f"barrier.loss is {failed[0]['value']:.6g}")
    t.run(0, ["lmc", *pair, *data, "--max-barrier", "9", "--max-acc-drop", ".9", "--baseline", report], "10 of 10 passed")
    t.run(1, ["lmc", *pair, *data, "--min-llfc", "1"], "gate llfc.min")
    t.run(1, ["align", *pair, "-f", "-o", out, "--freeze", "layers", "--max-pinned", ".5"], "pinned.fraction is 1")
    t.run(1, ["weld", *pair, f"{models}/mlp/c.onnx", *data, *files, "--max-acc-drop", "-1"], "see accuracy in lmc.aligned, merges, many in the report")
    # Mistakes are found before the work, and nothing is written.
    os.remove(out)
    t.run(2, ["weld", *pair, "-o", out, "--max-barrier", "1"], "--max-barrier needs --data")
    t.run(5, ["weld", *pair, *data, "-o", out, "--config", t.write("c.json", {"x": 1})], "'x', allowed preset, gates")
    t.run(5, ["weld", *pair, *data, "-o", out, "--baseline", str(t.work / "none.json")], "No such file")
    for option in ("--max-barrier", "--min-llfc", "--max-pinned"):
        t.run(2, ["weld", *pair, f"{models}/mlp/c.onnx", *data, "-o", out, option, "0"], f"{option} is for two models")
    t.run(2, ["lmc", *pair, *data, "--sweep", "0:1:4", "--max-acc-drop", "1"], "0, .5, 1 in --sweep")
    assert not os.path.exists(out)


def annotate(t):
    report, summary = t.write("REPORT.json", REPORT), t.work / "summary.md"
    env = {"GITHUB_STEP_SUMMARY": str(summary)}
    run = t.run(1, ["gate", report, "-q", "--github", "--max-barrier", "0.1"], "::error title=onnxweld gate::barrier.loss is 0.15", env=env)
    assert not run.stdout
    t.run(0, ["gate", report, "--github", "--max-barrier", "0.1", "--warn-only"], "::warning title=onnxweld gate::barrier.loss", env=env)
    assert summary.read_text().count("# onnxweld report") == 2 and "**FAIL**" in summary.read_text()
    t.run(5, ["gate", report, "--github"], "GITHUB_STEP_SUMMARY", env={"GITHUB_STEP_SUMMARY": str(t.work / "no" / "x")})
    t.run(0, ["gate", report, "--github"], "PASS", env={"GITHUB_STEP_SUMMARY": ""})


def main():
    with tempfile.TemporaryDirectory() as work:
        t = Trial(sys.argv[1], work)
        judge_every(t)
        judge_saved(t)
        judge_runs(t, pathlib.Path(sys.argv[2]) / "models")
        annotate(t)
    print(f"{t.count} cases, {t.failed} failed")
    return bool(t.failed)


if __name__ == "__main__":
    sys.exit(main())
