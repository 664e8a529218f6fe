"""Runs from boot: the shortest that breaks a property, and its replay."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from psci.model.specification import Specification
from psci.proofs.queries import Verdict
from psci.proofs.suite import property_named
from psci.proofs.unrolling import k_induction, search

Change = tuple[str, Callable[[], Specification]]
NAMES = ("PROP-2", "PROP-4", "PROP-13")
SHORTEST = {
    "PROP-2": ["BOOT.cold_boot", "START.initialised"],
    "PROP-4": ["BOOT.cold_boot", "CPU_ON.accepted", "START.initialised", "ENTER.entered"],
    "PROP-13": ["BOOT.cold_boot", "CPU_ON.accepted", "LOSE_POWER.power_lost", "START.initialised", "ENTER.entered"],
}


@pytest.mark.parametrize("name", NAMES)
def test_the_shortest_run_from_boot_is_found_and_replayed(name: str, change: Change) -> None:
    _, changed = change
    done = search(property_named(name), 8, 3, changed())
    assert done.verdict is Verdict.REFUTED
    assert done.run is not None
    assert [taken.rule for taken in done.run.steps] == SHORTEST[name]
    assert done.run.replayed
    assert done.run.from_boot
    assert done.run.machine.version.name == "1.3"


@pytest.mark.parametrize("name", NAMES)
def test_no_run_of_five_steps_breaks_the_property(name: str) -> None:
    assert search(property_named(name), 5).verdict is Verdict.PROVED


def test_induction_without_helpers_starts_in_states_that_no_run_reaches() -> None:
    assert k_induction(property_named("PROP-4"), 1).verdict is Verdict.REFUTED
