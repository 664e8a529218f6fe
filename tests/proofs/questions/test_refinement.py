"""What versions changed is found by proof, and compared with what the issues list."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import pytest

from psci.model.calls.cpu_on import CPU_ON
from psci.model.calls.psci_version import PSCI_VERSION
from psci.model.tables.versions import V1_0, V1_1, V1_2, V1_3
from psci.proofs.encoding.queries import SolverVerdict, solve
from psci.proofs.methods.simulation import Sides, Simulation
from psci.proofs.questions.refinement import Refinement, prove
from psci.proofs.suite import ANY, translations
from psci.properties.revisions import REFINEMENTS, SPLITS, Change, Refines, Splits

BY_NAME = {prop.name: prop for prop in (*REFINEMENTS, *SPLITS)}


def refines(version: str) -> Refines:
    found = BY_NAME[f"REFINES-{version}"]
    assert isinstance(found, Refines)
    return found


@cache
def proved(version: str, owner: str | None = None) -> Refinement:
    return prove(refines(version), translations(ANY), only_owner=owner)


@pytest.mark.parametrize("version", ["1.1", "1.2", "1.3-F", "1.3"])
def test_every_difference_is_listed_and_everything_listed_is_a_difference(version: str) -> None:
    found = proved(version)
    assert found.verdict is SolverVerdict.PROVED
    assert found.differences
    assert found.alike > 300
    assert not found.failed


def test_the_only_difference_of_the_last_issue_is_type_0() -> None:
    found = proved("1.3")
    assert [d.text() for d in found.differences] == ["SYSTEM_OFF2.default_type_reserved (older; REV-12)"]


def test_1_2_may_refuse_a_core_that_1_1_has_to_start() -> None:
    found = {(d.rule, d.newer) for d in proved("1.2").differences}
    assert ("CPU_ON.denied_by_policy", True) in found
    assert ("CPU_ON.accepted", False) in found


def test_a_difference_that_nobody_lists_is_shown() -> None:
    prop = replace(refines("1.2"), changes=refines("1.2").changes[:1])
    found = prove(prop, translations(ANY))
    assert found.verdict is SolverVerdict.REFUTED
    assert found.story is not None
    assert "CPU_ON.denied_by_policy" in found.story.text()
    assert "no change lists it" in found.story.text()


def test_what_is_listed_and_makes_no_difference_is_shown() -> None:
    idle = Change(("REV-12",), newer=("CPU_OFF.turned_off",))
    found = prove(replace(refines("1.3"), changes=(*refines("1.3").changes, idle)), translations(ANY))
    assert found.failed == ("a change lists CPU_OFF.turned_off of 1.3, and it makes no difference",)


def test_a_function_that_is_new_and_not_listed_is_shown() -> None:
    prop = replace(refines("1.1"), changes=refines("1.1").changes[:1])
    assert prop.unlisted_functions() == {"SYSTEM_RESET2", "MEM_PROTECT", "MEM_PROTECT_CHECK_RANGE"}
    assert not refines("1.1").unlisted_functions()


def test_one_rule_can_be_asked_about() -> None:
    found = prove(refines("1.2"), translations(ANY), only_rule="CPU_ON.denied_by_policy")
    assert [d.rule for d in found.differences] == ["CPU_ON.denied_by_policy"]
    assert found.verdict is SolverVerdict.PROVED


def test_what_is_said_to_read_the_same_is_proved_when_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    sides = Sides(V1_1, V1_3)
    same = [rule for rule, query in Simulation(translations(ANY).of(CPU_ON), sides).queries() if query is None]
    assert same
    monkeypatch.setattr(Simulation, "_reads_the_same", lambda *_: False)
    asked = dict(Simulation(translations(ANY).of(CPU_ON), sides).queries())
    for rule in same:
        query = asked[rule]
        assert query is not None
        assert solve(query, minimise=False).verdict is SolverVerdict.PROVED


def test_what_asks_for_the_version_is_not_said_to_read_the_same() -> None:
    questions = dict(Simulation(translations(ANY).of(PSCI_VERSION), Sides(V1_0, V1_1)).queries())
    query = next(query for rule, query in questions.items() if rule.name == "PSCI_VERSION.version")
    assert query is not None
    assert solve(query, minimise=False).verdict is SolverVerdict.REFUTED


def test_kernel_and_vmm_are_one_implementation() -> None:
    found = prove(BY_NAME["SPLIT-1.1"], translations(ANY))
    assert found.verdict is SolverVerdict.PROVED
    assert found.answers
    assert "no policy keeps a core from the guest" in found.provided


def test_a_split_may_be_of_other_versions() -> None:
    split = BY_NAME["SPLIT-1.1"]
    assert isinstance(split, Splits)
    # a kernel of 1.0 that is to be 1.1 lacks nothing that is compulsory
    assert prove(replace(split, kernel=V1_0, whole=V1_2), translations(ANY)).verdict is SolverVerdict.PROVED
