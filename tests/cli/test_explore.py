"""`psci explore` as a user meets it."""

from __future__ import annotations

import json

import jsonschema
import pytest
from house import ROOT

from psci.cli import main

SCHEMA = json.loads((ROOT / "cli" / "schemas" / "explore.json").read_text(encoding="utf-8"))


def test_it_counts(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["explore", "--cpus", "1"]) == 0
    assert capsys.readouterr().out.startswith("PSCI 1.3, 1 core: ")


@pytest.mark.parametrize("more", [[], ["--until", "SYSTEM_OFF2.hibernate"], ["--until", "PROP-2"], ["--limit", "10"]])
def test_its_document_keeps_to_the_schema(more: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["explore", "--cpus", "1", "--json", *more]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    assert document["complete"] is (more in ([], ["--until", "PROP-2"]))


def test_a_trace_stands_in_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    main.run(["explore", "--cpus", "1", "--json", "--until", "CPU_OFF.turned_off"])
    (step,) = json.loads(capsys.readouterr().out)["trace"]
    assert step["rule"] == "CPU_OFF.turned_off"
    assert step["outcome"] == "does not return"
    assert "power[0]: ON -> OFF" in step["changes"]


@pytest.mark.parametrize("bad", [["--until", "nope"], ["--version", "7"], ["--cpus", "0"], ["--about", "weather"]])
def test_bad_input_is_one_line_and_status_2(bad: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["explore", *bad]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
