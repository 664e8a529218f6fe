"""`psci serve`, `psci watch` and `psci faults`: what they say, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from house import ROOT

from psci.cli.main import run

MACHINE = '{"k":"machine","format":1,"psci":"1.3","cpus":["0x0","0x1"],"conduit":"hvc"}\n'
VERSION = '{"k":"call","cpu":"0x0","fn":"0x84000000","args":[]}\n'


def test_watching_tells_a_finding_with_its_event_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = tmp_path / "trace.ndjson"
    trace.write_text(f'{MACHINE}{VERSION}{{"k":"return","cpu":"0x0","x0":"0x5"}}\n', encoding="utf-8")
    assert run(["watch", str(trace)]) == 1
    out = capsys.readouterr().out
    assert "event 2: observed core 0x0 returned version 0.5 (0x5)" in out and out.splitlines()[-1].startswith(
        "deviates"
    )
    assert run(["watch", str(trace), "--json"]) == 1
    finding, end = map(json.loads, capsys.readouterr().out.splitlines())
    assert finding["finding"]["event"] == 2 and end["end"]["verdict"] == "deviates"


def test_watching_a_trace_that_conforms_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "trace.ndjson"
    trace.write_text(f'{MACHINE}{VERSION}{{"k":"return","cpu":"0x0","x0":"0x10003"}}\n', encoding="utf-8")
    assert run(["watch", str(trace)]) == 0
    assert capsys.readouterr().out == "conforms (PSCI 1.3, 2 events, 1 calls)\n"


def test_watching_what_is_no_trace_is_one_line_and_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "trace.ndjson"
    trace.write_text(VERSION, encoding="utf-8")
    assert run(["watch", str(trace)]) == 2
    assert "begins with a `machine` line" in capsys.readouterr().err


def test_a_missing_answer_is_told_and_ends_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = tmp_path / "trace.ndjson"
    trace.write_text(f'{MACHINE}{VERSION}{{"k":"timeout","cpu":"0x0"}}\n', encoding="utf-8")
    assert run(["watch", str(trace)]) == 3
    assert "core 0x0 gave no answer" in capsys.readouterr().out


def test_every_fault_is_listed_with_its_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["faults", "--list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["faults"]
    assert len(listed) == 121 and listed[0]["fault"] == "moves-entry-of-a-core-that-is-on"
    assert run(["faults", "--list", "any-cookie"]) == 0
    assert "SYSTEM_OFF2 takes any cookie." in capsys.readouterr().out


def test_a_fault_that_is_found_and_shrunk_to_a_few_calls_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["faults", "old-version", "--time", "100", "--shrink", "60", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    schema = json.loads((ROOT / "cli" / "schemas" / "faults.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, schema)
    (row,) = document["rows"]
    assert (row["fault"], row["calls_left"], row["steps"]) == ("old-version", 1, 1)


@pytest.mark.parametrize("arguments", [["faults", "none"], ["serve", "--fault", "none"], ["serve", "--psci", "7"]])
def test_bad_input_is_one_line_and_2(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().err.count("\n") == 1
