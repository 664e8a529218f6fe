"""A version is a selection: its functions and codes are those of tables 1.2 and 1.3, and a new call needs one file."""

from __future__ import annotations

from itertools import pairwise

import pytest

from psci.model.calls import CALLS
from psci.model.declare import Call
from psci.model.machine import Machine
from psci.model.step import Invocation, Stepper
from psci.model.tables.codes import CODES, INVALID_PARAMETERS, SUCCESS, codes
from psci.model.tables.versions import (
    V0_1,
    V0_2,
    V1_0,
    V1_1,
    V1_2,
    V1_3,
    V1_3_ALPHA,
    V1_3_BETA,
    V1_3_F,
    VERSIONS,
    Version,
)

# fmt: off
NUMBERS = {
    "PSCI_VERSION": 0, "CPU_SUSPEND": 1, "CPU_OFF": 2, "CPU_ON": 3, "AFFINITY_INFO": 4, "MIGRATE": 5,
    "MIGRATE_INFO_TYPE": 6, "MIGRATE_INFO_UP_CPU": 7, "SYSTEM_OFF": 8, "SYSTEM_RESET": 9, "PSCI_FEATURES": 10,
    "CPU_FREEZE": 11, "CPU_DEFAULT_SUSPEND": 12, "NODE_HW_STATE": 13, "SYSTEM_SUSPEND": 14, "PSCI_SET_SUSPEND_MODE": 15,
    "PSCI_STAT_RESIDENCY": 16, "PSCI_STAT_COUNT": 17, "SYSTEM_RESET2": 18, "MEM_PROTECT": 19,
    "MEM_PROTECT_CHECK_RANGE": 20, "SYSTEM_OFF2": 21, "CLEAN_INV_MEMREGION": 22, "CLEAN_INV_MEMREGION_ATTRIBUTES": 23,
}
SMC64 = {1, 3, 4, 5, 7, 12, 13, 14, 16, 17, 18, 20, 21, 22}
FIRST: dict[Version, int] = {V0_2: 10, V1_0: 18, V1_1: 21, V1_2: 21, V1_3_BETA: 22, V1_3_F: 22, V1_3: 22}
"""Up to which number functions exist."""
OPTIONAL = set(range(5, 8)) | set(range(11, 24))
# fmt: on


def names(version: Version) -> set[str]:
    return {call.name for call in CALLS if call.exists_in(version)}


def test_ids_and_widths_are_those_of_table_1_3() -> None:
    found = {call.name: (call.fid32, call.fid64) for call in CALLS}
    expected = {
        name: (None if n == 22 else 0x8400_0000 + n, 0xC400_0000 + n if n in SMC64 else None)
        for name, n in NUMBERS.items()
    }
    assert found == expected


def test_the_functions_of_each_version() -> None:
    for version, limit in FIRST.items():
        assert names(version) == {name for name, number in NUMBERS.items() if number < limit}, version
    assert names(V1_3_ALPHA) == set(NUMBERS)
    assert names(V0_1) == {"CPU_SUSPEND", "CPU_OFF", "CPU_ON", "MIGRATE"}


def test_the_optional_functions_are_those_of_table_17() -> None:
    assert {NUMBERS[call.name] for call in CALLS if call.optional} == OPTIONAL


def test_the_codes_of_each_version_are_those_of_table_1_2() -> None:
    assert [code.number for code in CODES] == list(range(0, -13, -1))
    counts = {version.name: len(codes(version)) for version in VERSIONS}
    assert counts == {
        "0.1": 4, "0.2": 9, "1.0": 10, "1.1": 10, "1.2": 10, "1.3-alpha": 13, "1.3-beta": 10, "1.3-F": 10, "1.3": 10,
    }  # fmt: skip


def test_no_function_goes_but_those_of_the_alpha() -> None:
    """VERSION-3: a higher minor version keeps every function; REV-13: 1.2 adds none."""
    for older, newer in pairwise(VERSIONS):
        assert names(older) - names(newer) == (
            {"CLEAN_INV_MEMREGION", "CLEAN_INV_MEMREGION_ATTRIBUTES"} if older == V1_3_ALPHA else set()
        )
    assert names(V1_1) == names(V1_2)


@pytest.mark.parametrize("version", VERSIONS, ids=str)
def test_a_machine_answers_to_the_ids_of_its_version_only(version: Version) -> None:
    ids = {0x95C1_BA60: "CPU_OFF", 0x95C1_BA61: "CPU_ON"} if version == V0_1 else None
    machine = Machine(version, (0, 1), unusable=(), ids=ids, declared={"has": True})
    stepper = Stepper(machine)
    state = stepper.initial()
    there = {
        call.name
        for call in CALLS
        for fid in call.ids()
        if not any(o.rule.name.endswith((".absent", ".no_function")) for o in _allowed(stepper, state, fid))
    }
    if version == V0_1:
        assert there == set()
        started = stepper.allowed(state, Invocation(0, 0x95C1_BA61, 1, 0x1000)).outcomes
        assert SUCCESS.number in {outcome.value for outcome in started}
    else:
        assert there == names(version)


def _allowed(stepper: Stepper, state: object, fid: int) -> list:  # type: ignore[type-arg]  # outcomes
    (*every,) = stepper.under_all_answers(state, Invocation(0, fid))
    return [outcome for allowed in every for outcome in allowed.outcomes]


def test_an_entry_of_0_1_has_no_context_id() -> None:
    machine = Machine(V0_1, (0, 1), unusable=(), ids={3: "CPU_ON"}, declared={})
    stepper = Stepper(machine)
    accepted = stepper.allowed(stepper.initial(), Invocation(0, 3, 1, 0x1000, 7)).outcomes[-1].state
    ((_, started),) = stepper.move("START", accepted, 1)
    assert len(stepper.move("ENTER", started, 1, (0x1000, 0x1234))) == 1


def test_an_unknown_code_is_of_no_version() -> None:
    assert Call("X", "0", fid32=1).exists_in(V1_3)
    assert INVALID_PARAMETERS in codes(V0_1)
