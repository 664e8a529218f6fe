"""Whatever is declared as a property is listed, rests on facts, and has a proof or a run that shows it."""

from __future__ import annotations

import subprocess
import sys
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

import pytest

from psci.model.tables.facts import FACTS
from psci.proofs.encoding.queries import SolverVerdict
from psci.proofs.questions.missed import REASONS, missed_by_none
from psci.proofs.suite import (
    ANY,
    EXPLORED,
    INDUCTION,
    RANKING,
    SIMULATION,
    THREE,
    TOTALITY,
    ProofResult,
    Task,
    property_named,
    run,
    tasks,
)
from psci.properties import PROPERTIES
from psci.properties.language import ClaimKind, Property, always_true, declared

METHODS = {
    ClaimKind.STEP: {(INDUCTION, ANY), (INDUCTION, THREE)},
    ClaimKind.INVARIANT: {(INDUCTION, ANY), (INDUCTION, THREE)},
    ClaimKind.TOTAL: {(TOTALITY, ANY), (TOTALITY, THREE)},
    ClaimKind.WITNESS: {(EXPLORED, "2")},
    ClaimKind.EXPLORED: {(EXPLORED, "2")},
    ClaimKind.REFINEMENT: {(SIMULATION, ANY)},
    ClaimKind.LIVENESS: {(RANKING, ANY), (RANKING, THREE)},
}
"""How each kind of property is proved."""


def test_names_and_titles_are_unique() -> None:
    names = [p.name for p in PROPERTIES] + [p.title for p in PROPERTIES]
    assert len(set(names)) == len(names)


def test_whatever_is_declared_is_listed() -> None:
    program = (
        "import psci.properties.calls.trusted_os as file\n"
        "from psci.properties.language import always_true, declared\n"
        "from psci.properties import PROPERTIES\n"
        "assert declared() == PROPERTIES\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_name_is_declared_once() -> None:
    with pytest.raises(ValueError, match=r"PROP-9 .*: another property has this name or title"):

        @always_true("PROP-9", "another-title", cites=())
        def again(m: Any, s: Any, h: Any) -> Any:
            """Something."""
            return s.system != "DOWN"

    with pytest.raises(ValueError, match="SILENT has no sentence"):

        @always_true("SILENT", "says-nothing", cites=())
        def silent(m: Any, s: Any, h: Any) -> Any:
            return s.system != "DOWN"

    assert declared() == PROPERTIES


@pytest.mark.parametrize("prop", PROPERTIES, ids=lambda prop: prop.name)
def test_a_property_is_proved_in_the_way_of_its_kind(prop: Property) -> None:
    methods = {(task.method, task.cores) for task in tasks([prop])}
    # where calls have to overlap, the fused proofs of what must happen are compared with a graph in which they do
    explored = {(EXPLORED, "2")} if prop.kind is ClaimKind.LIVENESS else set()
    assert methods - explored == METHODS[prop.kind] - explored


SLOW = (ClaimKind.REFINEMENT, ClaimKind.EXPLORED, ClaimKind.WITNESS)
"""What `tests/proofs` proves each in a test of its own."""


QUICK = [prop for prop in PROPERTIES if prop.kind not in SLOW]


@cache
def proof_of(name: str) -> ProofResult:
    """What came of the proof for any number of cores."""
    (task,) = tasks([property_named(name)], ANY)
    return run(Task(task.claim, task.method, task.cores, second_solver=False))


@pytest.mark.parametrize("prop", QUICK, ids=lambda prop: prop.name)
def test_it_is_proved_for_any_number_of_cores(prop: Property) -> None:
    result = proof_of(prop.name)
    assert (result.verdict, result.failed) == (SolverVerdict.PROVED, ())


def test_a_rule_that_no_property_would_miss_has_its_reason() -> None:
    results = [proof_of(prop.name) for prop in QUICK]
    rules = missed_by_none((result.kind, result.rules) for result in results)
    assert [rule for rule, reason in rules.items() if not reason] == []
    patterns = {pattern for pattern in REASONS if any(fnmatchcase(rule, pattern) for rule in rules)}
    assert patterns == set(REASONS)


@pytest.mark.parametrize("prop", PROPERTIES, ids=lambda prop: prop.name)
def test_a_property_rests_on_facts_that_exist(prop: Property) -> None:
    known = {str(fact) for fact in FACTS}
    assert not [fact for fact in prop.cites if not fact.startswith("PROP-") and fact not in known]


def test_the_properties_of_the_facts_are_all_there() -> None:
    stated = {p.name for p in PROPERTIES}
    assert {f"PROP-{i}" for i in range(1, 19)} <= stated
