from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from house import ROOT

from psci.cli.main import run

TRACES = ROOT / "tests" / "oracle" / "traces"
SCHEMA = json.loads((ROOT / "cli" / "schemas" / "trace.json").read_text(encoding="utf-8"))

STATUS = {
    "cpu-on-starts-a-core-at-its-entry-with-its-context": 0,
    "system-off2-from-the-secure-state": 0,
    "cpu-on-is-accepted-twice": 1,
    "a-query-does-not-return": 3,
    "a-return-without-a-call": 3,
}


@pytest.mark.parametrize(("name", "status"), STATUS.items())
def test_the_exit_status_tells_the_verdict(name: str, status: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trace", "check", str(TRACES / f"{name}.ndjson")]) == status
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", STATUS)
def test_the_json_form_follows_its_schema(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(["trace", "check", str(TRACES / f"{name}.ndjson"), "--json"])
    jsonschema.validate(json.loads(capsys.readouterr().out), SCHEMA)


def test_a_deviation_is_told_with_what_was_allowed_and_the_nearest_rule(capsys: pytest.CaptureFixture[str]) -> None:
    run(["trace", "check", str(TRACES / "cpu-on-of-a-running-core-is-on-pending.ndjson")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(": deviates (PSCI 1.3, 5 events, 2 calls)")
    assert lines[1:] == [
        "event 1: core 0x0 calls CPU_ON(target_cpu=0x1, entry_point_address=0x40000000, context_id=0x2a)",
        "event 2: core 0x0 returns SUCCESS (0) from CPU_ON",
        "event 3: core 0x1 is entered at 0x40000000 with x0 0x2a",
        "event 4: core 0x0 calls CPU_ON(target_cpu=0x1, entry_point_address=0x40000000, context_id=0x2a)",
        "event 5: observed core 0x0 returned ON_PENDING (-5) from CPU_ON",
        "  allowed are only: ALREADY_ON (-4) [CPU_ON.already_on]",
        "  core 0x1 was ON, running",
        "  facts: CPU_ON-6 [DEN0022 5.6.2, 6.6 (4)] and 2 more",
        "  nearest: CPU_ON.on_pending (CPU_ON-7 [DEN0022 5.6.2, 6.6 (5)]): "
        "An earlier CPU_ON for the target was accepted and the target is not ON yet.",
        "  which needs power(core_of(target_cpu)) == ON_PENDING",
    ]


def test_equal_findings_are_told_once_with_their_count(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = '{"k":"call","cpu":"0x0","fn":"0x84000000"}\n{"k":"return","cpu":"0x0","x0":"0x7"}\n'
    trace = tmp_path / "wrong.ndjson"
    trace.write_text('{"k":"machine","format":1,"psci":"1.3","cpus":["0x0"]}\n' + 8 * call, encoding="utf-8")
    assert run(["trace", "check", str(trace)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(": deviates (PSCI 1.3, 16 events, 8 calls): 8 findings of 1 kinds")
    assert "  the same 7 times more: events 4, 6, 8, 10, 12 and 2 more" in lines
    assert sum("observed" in line for line in lines) == 1


def test_many_traces_have_a_line_each_a_summary_and_the_status_of_the_worst(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in STATUS:
        (tmp_path / f"{name}.ndjson").write_bytes((TRACES / f"{name}.ndjson").read_bytes())
    (tmp_path / "no-trace.jsonl").write_text("no\n", encoding="utf-8")
    report = tmp_path / "junit.xml"
    assert run(["trace", "check", str(tmp_path), "--junit", str(report)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(STATUS) + 2
    assert lines[-1] == "6 traces: 1 bad input, 1 conforms, 1 deviates, 1 harness-error, 1 unknown, 1 unpredictable"
    suite = ElementTree.parse(report).getroot()
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "6", "failures": "1", "errors": "1", "skipped": "2"}
    assert run(["trace", "check", str(tmp_path), "--json", "--jobs", "2"]) == 1
    *each, last = map(json.loads, capsys.readouterr().out.splitlines())
    assert [set(one) >= {"file", "verdict"} or set(one) == {"file", "error"} for one in each] == [True] * 6
    assert last == {"summary": lines[-1]}


def test_a_limit_gives_the_verdict_unknown_with_the_report_so_far(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cores = [hex(core) for core in range(3)]
    initial = {"power": dict.fromkeys(cores, "ON"), "activity": dict.fromkeys(cores, "RUNNING")}
    lines = [{"k": "machine", "format": 1, "psci": "1.3", "cpus": cores, "initial": initial}]
    lines += [{"k": "call", "cpu": core, "fn": "0xc4000001", "args": ["0x0", "0x0", "0x0"]} for core in cores]
    lines += [{"k": "return", "cpu": core, "x0": "0x0"} for core in cores]
    trace = tmp_path / "suspends.ndjson"
    trace.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    file = str(trace)
    assert run(["trace", "check", file]) == 0
    capsys.readouterr()
    assert run(["trace", "check", file, "--explanations", "2"]) == 3
    told = capsys.readouterr().out.splitlines()
    assert ": unknown (PSCI 1.3, " in told[0]
    stopped = next(line for line in told if "judged no further" in line)
    assert "(more than 2 explanations of one event); to get further: " in stopped
    assert run(["trace", "check", file, "--explanations", "2", "--json"]) == 3
    stopped_at = json.loads(capsys.readouterr().out)["stopped"]
    assert (stopped_at["event"] > 0, stopped_at["advice"] != "") == (True, True)


def test_another_version_and_another_reading_change_the_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    file = str(TRACES / "cpu-on-1-1-is-denied.ndjson")
    assert run(["trace", "check", file]) == 1
    assert run(["trace", "check", file, "--psci", "1.2"]) == 0
    file = str(TRACES / "a-core-that-cannot-be-powered-falls-back.ndjson")
    assert run(["trace", "check", file]) == 1
    assert run(["trace", "check", file, "--reading", "power-on-failure=falls-back"]) == 0


BAD = {
    ("trace", "check", "nowhere.ndjson"): "nowhere.ndjson",
    ("trace", "check", "FILE", "--psci", "7"): "unknown PSCI version '7'",
    ("trace", "check", "FILE", "--reading", "x"): "write it as NAME=OPTION",
    ("trace", "check", "FILE", "--reading", "x=y"): "unknown 'x'",
    ("trace", "show", "FILE", "-o", "out.txt"): "is written as .html or .svg",
}


@pytest.mark.parametrize(("arguments", "message"), BAD.items(), ids=lambda value: str(value)[:60])
def test_bad_input_is_one_line_and_status_2(
    arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(TRACES / "cpu-on-is-accepted-twice.ndjson")
    assert run([file if argument == "FILE" else argument for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("suffix", [".html", ".svg"])
def test_a_timeline_is_a_picture_that_stands_by_itself(suffix: str, tmp_path: Path) -> None:
    output = tmp_path / f"out{suffix}"
    assert run(["trace", "show", str(TRACES / "cpu-on-is-accepted-twice.ndjson"), "-o", str(output)]) == 0
    text = output.read_text(encoding="utf-8")
    assert text.startswith("<!doctype html>" if suffix == ".html" else "<svg")
    assert (text.count("<svg"), text.count("</svg>"), "ON_PENDING" in text or "SUCCESS" in text) == (1, 1, True)
    assert list(tmp_path.iterdir()) == [output]
