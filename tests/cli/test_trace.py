from __future__ import annotations

import json
from pathlib import Path

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
    assert lines[4:7] == [
        "event 5: observed core 0x0 returned ON_PENDING (-5)",
        "  allowed are only: ALREADY_ON (-4) [CPU_ON.already_on]",
        lines[6],
    ]
    assert lines[6].startswith("  facts: CPU_ON-6 [DEN0022 5.6.2, 6.6 (4)]")
    assert lines[7].startswith("  nearest: CPU_ON.on_pending (CPU_ON-7 [DEN0022 5.6.2, 6.6 (5)]")
    assert lines[8] == "  but it is not true that power(core_of(target_cpu)) == ON_PENDING"
    assert lines[-1].endswith(": deviates (PSCI 1.3, 5 events, 2 calls)")


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
