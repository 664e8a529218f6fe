"""Changed rules are noticed: by a property, by a consistency check, or by a call that tells them apart."""

from __future__ import annotations

import pytest

from psci.model.specification import SPECIFICATION
from psci.proofs.mutation import CONFORMANCE, CONSISTENCY, EQUIVALENT, UNDECIDED, Mutant, killer, mutants, sample
from psci.proofs.suite import property_named

OPERATORS = {
    "drop rule", "drop conjunct", "negate guard", "swap value", "flip modality", "change code", "drop update",
    "swap fields", "weaken since",
}  # fmt: skip


def named(name: str) -> Mutant:
    return next(mutant for mutant in mutants() if mutant.name == name)


def test_there_are_many_mutants_of_every_kind() -> None:
    everything = mutants()
    assert len(everything) >= 400
    assert {mutant.operator for mutant in everything} == OPERATORS
    assert len({mutant.name for mutant in everything}) >= 0.99 * len(everything)


def test_the_sample_is_always_the_same() -> None:
    assert [m.name for m in sample(10)] == [m.name for m in sample(10)]


@pytest.mark.parametrize("mutant", sample(12), ids=lambda mutant: mutant.name)
def test_a_mutant_of_the_sample_is_noticed_or_equivalent(mutant: Mutant) -> None:
    assert killer(mutant).by != UNDECIDED


@pytest.mark.parametrize(
    ("name", "by"),
    [
        ("CPU_ON.accepted: drop update of context", "ENTRIES"),
        ("CPU_ON.accepted: swap fields entry and context", "ENTRIES"),
        ("CPU_OFF.turned_off: drop update of activity", "STATES"),
        ("SYSTEM_OFF2.hibernate: drop rule", CONSISTENCY),
        ("SYSTEM_OFF2.cookie_set: drop rule", CONFORMANCE),
        ("PSCI_FEATURES.CPU_ON_absent: flip modality", EQUIVALENT),
    ],
)
def test_what_notices_a_mutant(name: str, by: str) -> None:
    assert killer(named(name)).by == by


@pytest.mark.parametrize(
    ("name", "prop"),
    [
        ("START.initialised: drop conjunct 1", "PROP-2"),
        ("CPU_ON.accepted: drop update of entry", "ENTRIES"),
        ("SYSTEM_OFF.off: drop update of activity", "PROP-13"),
    ],
)
def test_a_property_notices_by_itself(name: str, prop: str) -> None:
    assert killer(named(name), [property_named(prop)]).by == prop


def test_every_mutant_changes_one_rule() -> None:
    mutant = named("CPU_ON.accepted: drop rule")
    assert len(list(mutant.specification().every_rule())) == len(list(SPECIFICATION.every_rule())) - 1
