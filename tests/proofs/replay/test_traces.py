"""Runs that a solver finds are traces: the oracle judges them, and they are saved and drawn like any other."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from psci.cli import main
from psci.model.specification import SPECIFICATION, Specification
from psci.oracle import check
from psci.oracle.traces.file import read_trace
from psci.proofs.encoding.queries import SolverVerdict
from psci.proofs.methods.search import k_induction, search
from psci.proofs.questions.separation import Runs
from psci.proofs.suite import property_named

Change = tuple[str, Callable[[], Specification]]


@pytest.mark.parametrize("name", ["PROP-4"])
def test_a_run_that_breaks_a_property_is_a_trace_that_only_the_changed_rules_explain(name: str, change: Change) -> None:
    _, changed = change
    specification = changed()
    found = search(property_named(name), 8, 3, specification, on_platform=True)
    assert found.verdict is SolverVerdict.REFUTED
    assert found.run is not None
    assert found.run.replayed
    assert check(found.run.trace, specification).verdict.value == "conforms"
    assert check(found.run.trace, SPECIFICATION).verdict.value == "deviates"


def test_the_command_saves_the_run_that_shows_a_possibility(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main.run(["prove", "CAN-START", "--jobs", "1", "-o", str(tmp_path)]) == 0
    assert f"CAN-START: {tmp_path / 'CAN-START.ndjson'} (psci trace show " in capsys.readouterr().out.replace("\n", "")
    trace = tuple(read_trace(tmp_path / "CAN-START.ndjson"))
    assert [event.k for event in trace] == ["machine", "call", "return", "enter", "end"]
    assert check(trace).verdict.value == "conforms"
    assert main.run(["trace", "show", str(tmp_path / "CAN-START.ndjson"), "-o", str(tmp_path / "start.svg")]) == 0


def test_equal_rules_are_told_apart_by_no_run() -> None:
    found = Runs().told_apart("CPU_ON", SPECIFICATION, lambda *_: 0)
    assert (found.trace, found.differs, found.decided) == (None, False, True)


@pytest.mark.parametrize(
    ("name", "k", "verdict"),
    [
        ("NODES-OFF", 1, SolverVerdict.PROVED),
        ("PROP-9", 1, SolverVerdict.PROVED),
        # what it remembers is not tied to the state: a helper is needed, however many steps one looks back
        ("PROP-14", 2, SolverVerdict.UNKNOWN),
    ],
)
def test_k_induction_carries_the_property_itself_and_its_lemmas(name: str, k: int, verdict: SolverVerdict) -> None:
    assert k_induction(property_named(name), k).verdict is verdict


@pytest.mark.parametrize("name", ["PROP-2"])
def test_k_induction_begins_at_boot(name: str, change: Change) -> None:
    _, changed = change
    assert k_induction(property_named(name), 3, 3, changed()).verdict is SolverVerdict.REFUTED
