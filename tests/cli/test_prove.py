"""`psci prove`: its exit status, its document, its words about bad input."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import pytest

from psci.cli import main
from psci.proofs.suite import property_named

SCHEMAS = Path(main.__file__).with_name("schemas")


def test_the_document_keeps_to_its_schema(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main.run(["prove", "PROP-4", "--cores", "any", "--jobs", "1", "--json", "--smtlib", str(tmp_path)]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, json.loads((SCHEMAS / "prove.json").read_text()))
    found = {result["property"]: result for result in document["results"]}
    assert list(found) == ["STATES", "ENTRIES", "PROP-4"]
    assert {(result["verdict"], result["cores"]) for result in found.values()} == {("proved", "any")}
    assert "CPU_ON.accepted" in found["ENTRIES"]["rules"]
    assert len(list(tmp_path.glob("*.smt2"))) == sum(result["queries"] for result in found.values())


def test_what_must_happen_in_the_end_has_three_lines(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["prove", "PROP-15", "--jobs", "1", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, json.loads((SCHEMAS / "prove.json").read_text()))
    results = [result for result in document["results"] if result["property"] == "PROP-15"]
    assert {result["kind"] for result in results} == {"liveness"}
    assert [(result["method"], result["cores"], result["verdict"], result["states"]) for result in results] == [
        ("ranking", "any", "proved", None), ("ranking", "3", "proved", None), ("explored graph", "2", "proved", 2470),
    ]  # fmt: skip


def test_an_unknown_property_lists_near_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["prove", "PROP-44"]) == 2
    assert capsys.readouterr().err.startswith("psci: unknown property 'PROP-44': did you mean PROP-4")


def test_an_unknown_rule_lists_near_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["prove", "PROP-4", "--rule", "CPU_ON.acepted"]) == 2
    assert "CPU_ON.accepted" in capsys.readouterr().err


def test_an_amendment_that_breaks_a_property_is_refuted_with_a_run(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "mine.py"
    path.write_text("from psci.explorer.amendments import remove\nremove('CPU_OFF.trusted_os_resident')\n")
    arguments = ["prove", "PROP-9", "--rule", "CPU_OFF.turned_off", "--cores", "3", "--json", "--jobs", "1"]
    assert main.run([*arguments, "--amend", str(path)]) == 1
    results = {result["property"]: result for result in json.loads(capsys.readouterr().out)["results"]}
    assert results["PROP-9"]["verdict"] == "refuted"
    assert "calls CPU_OFF" in results["PROP-9"]["counterexamples"][0]
    assert main.run(arguments) == 0


def test_an_error_in_an_amendment_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text("remove('CPU_ON.accepted')\n")
    assert main.run(["prove", "PROP-9", "--amend", str(path)]) == 2
    assert capsys.readouterr().err == f"psci: {path}:1: NameError: name 'remove' is not defined\n"


def test_mutants_are_made_of_the_rules_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["prove", "--mutants", "--amend", "mine.py"]) == 2
    assert "--amend does nothing with --mutants" in capsys.readouterr().err


def test_one_rule_is_one_query(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["prove", "entry-and-context", "--rule", "CPU_ON.accepted", "--cores", "3", "--json", "--jobs", "1"]
    assert main.run(arguments) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert [(r["property"], r["queries"]) for r in results] == [("STATES", 1), ("ENTRIES", 1), ("PROP-4", 0)]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--sample", "3"], "--sample does nothing without --mutants: add that, or leave it out"),
        (["--mutants", "--cores", "3"], "--cores does nothing with --mutants: leave it out"),
        (["--mutants", "--strengthen"], "--mutants and --strengthen are different work: ask for one of them"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["prove", *arguments]) == 2
    assert capsys.readouterr().err == f"psci: {told}\n"


def test_proofs_are_printed_by_area_with_their_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.run(["prove", "ON-CODES", "--cores", "any", "--jobs", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "2 proofs with 1 process"
    assert "What calls tell is so" in lines
    assert f"  ON-CODES  {property_named('ON-CODES').sentence}" in lines
    assert lines[-1] == "2 proved, 0 refuted, 0 given up, of 2"


def test_a_property_is_found_by_its_title() -> None:
    assert property_named("edges") is property_named("PROP-2")


def members(group: int) -> list[int]:
    """The processes of a group."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(ProcessLookupError, ValueError):
            if os.getpgid(int(entry.name)) == group:
                found.append(int(entry.name))
    return found


def test_who_ends_the_command_ends_its_workers() -> None:
    command = [sys.executable, "-c", "from psci.cli.main import main; main()", "prove", "--jobs", "2"]
    with subprocess.Popen(command, start_new_session=True, stdout=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 60
        while len(members(process.pid)) < 3 and time.monotonic() < until:
            time.sleep(0.2)
        workers = members(process.pid)
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=120)
    assert len(workers) >= 3
    assert process.returncode == 130
    assert "(interrupted)" in printed
    assert members(process.pid) == []
