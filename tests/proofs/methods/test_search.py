"""Runs from boot: the shortest that breaks a property, and its replay."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from psci.model.specification import Specification
from psci.proofs.encoding.queries import SolverVerdict
from psci.proofs.methods.search import search
from psci.proofs.suite import property_named

Change = tuple[str, Callable[[], Specification]]
NAMES = ("PROP-2", "PROP-4", "PROP-13")
ANY = "any rule"
SHORTEST = {
    "PROP-2": ["BOOT.cold_boot", "START.initialised"],
    "PROP-4": ["BOOT.cold_boot", "CPU_ON.accepted", "START.initialised", "ENTER.entered"],
    # what takes the system away may be any system call or a loss of power
    "PROP-13": ["BOOT.cold_boot", "CPU_ON.accepted", ANY, "START.initialised", "ENTER.entered"],
}


@pytest.mark.parametrize("name", NAMES)
def test_the_shortest_run_from_boot_is_found_and_replayed(name: str, change: Change) -> None:
    _, changed = change
    done = search(property_named(name), 8, 3, changed())
    assert done.verdict is SolverVerdict.REFUTED
    assert done.run is not None
    rules = [taken.rule for taken in done.run.steps]
    assert [ANY if wanted is ANY else rule for rule, wanted in zip(rules, SHORTEST[name], strict=True)] == SHORTEST[
        name
    ]
    assert done.run.replayed
    assert done.run.from_boot
    assert done.run.machine.version.name == "1.3"


@pytest.mark.parametrize("name", NAMES)
def test_no_run_of_five_steps_breaks_the_property(name: str) -> None:
    assert search(property_named(name), 5).verdict is SolverVerdict.PROVED
