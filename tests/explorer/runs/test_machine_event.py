"""A machine that is written as the first event of a trace is judged as the same machine."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from psci.explorer.abstraction.machines import clustered, small, variants
from psci.explorer.runs.machine_event import machine_event
from psci.model.calls import CALLS
from psci.model.language.sorts import CORE, NODE, U8, U32, Enumeration
from psci.model.language.terms import Function
from psci.model.machine import Machine
from psci.model.symbols.machine import MACHINE_SYMBOLS
from psci.model.tables.versions import VERSIONS, Version
from psci.oracle.profiles.declaration import machine_from

UNSAID = {"protected_range", "trusted_os_home"}
"""What no profile declares: ranges are learned from the answers, and only a uniprocessor Trusted OS has a home."""


def arguments(symbol: Function, machine: Machine) -> Iterator[tuple[Any, ...]]:
    words = [key[1] for key in machine.declared if isinstance(key, tuple) and key[0] == "state_valid"]
    choices: list[Any] = []
    for sort in symbol.domain:
        if sort == CORE:
            choices.append(range(len(machine.cores)))
        elif sort == NODE:
            choices.append(range(len(machine.tree.names)))
        elif isinstance(sort, Enumeration):
            choices.append(sort.values)
        elif sort == U8:
            choices.append((1, 2))
        elif sort == U32:
            keys = [call.key for call in CALLS if call.exists_in(machine.version)]
            ids = symbol.name in ("has", "checks_upper_halves")
            levels = symbol.name == "affinity_level_supported"
            choices.append(keys if ids else (1, 2, 3) if levels else (*words, 1, 2))
        else:
            choices.append((*machine.cores, 0x4000_0000, 0xF000_0000))
    return itertools.product(*choices)


def differences(machine: Machine) -> set[str]:
    again = machine_from(machine_event(machine))
    return {
        symbol.name
        for symbol in MACHINE_SYMBOLS
        if symbol.kind != "tree"
        for values in arguments(symbol, machine)
        if machine.value(symbol.name, values) != again.value(symbol.name, values)
    }


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_small_machines_come_back_as_they_were(version: Version) -> None:
    for machine in (small(2, version), clustered(2, version)):
        assert differences(machine) <= UNSAID
        assert machine_from(machine_event(machine)).tree == machine.tree


IN_NO_PROFILE = {
    "named_level",
    "claims",
    "counted_node",
    "names_node",
    "counted_level",
    "retention",
    "extended_state_id",
}
"""What a variant answers for all arguments at once, and a profile lists state by state."""


def test_every_other_answer_comes_back_too() -> None:
    for differs, machine in variants(small(2)):
        symbol = differs.partition(" ")[0]
        if symbol not in IN_NO_PROFILE:
            # without PSCI_SET_SUSPEND_MODE there is no OS-initiated mode (FEAT-11)
            assert differences(machine) <= UNSAID | {"osi_supported"}, differs


def test_callers_of_another_world_are_told() -> None:
    event = machine_event(small(2), {1: "SECURE"})
    assert event.cores == {1: {"world": "secure"}}
