"""PSCI_SET_SUSPEND_MODE row by row, the statistics, and memory protection from call to boot."""

from __future__ import annotations

from typing import Any

import pytest

from psci.model.machine import Machine
from psci.model.step import Invocation, Stepper, accepts
from psci.model.tables.versions import V1_3

CPU_SUSPEND, CPU_OFF, SET_MODE, DEFAULT_SUSPEND, FREEZE = (
    0x8400_0001,
    0x8400_0002,
    0x8400_000F,
    0x8400_000C,
    0x8400_000B,
)
STAT_RESIDENCY, STAT_COUNT, MEM_PROTECT = 0x8400_0010, 0x8400_0011, 0x8400_0013
SUCCESS, NOT_SUPPORTED, INVALID_PARAMETERS, DENIED = 0, (1 << 64) - 1, (1 << 64) - 2, (1 << 64) - 3
PC, OSI = 0, 1


def stepper(**declared: Any) -> Stepper:
    table: dict[Any, Any] = {
        "has": True, "extended_state_id": False, "osi_supported": True, "state_valid": True, "counted_node": True,
        "counted_level": 0, "reset_keeps_warm": True, "described": True, "trusted_os": "MP_OR_NONE",
        "resets_warm": True, **declared,
    }  # fmt: skip
    return Stepper(Machine(V1_3, (0, 1, 2), declared=table, unusable=()))


def values(machine: Stepper, state: Any, fn: int, *args: Any, core: int = 0) -> set[int | None]:
    return {outcome.value for outcome in machine.allowed(state, Invocation(core, fn, *args)).outcomes}


def with_other(power: str, activity: str, **changes: Any) -> Any:
    """Core 1 in a state; core 2 is OFF."""
    return (
        stepper().initial()._replace(power=("ON", power, "OFF"), activity=("RUNNING", activity, "STOPPED"), **changes)
    )


TO_OSI = [
    pytest.param("ON", "RUNNING", {}, SUCCESS, id="running (MODE-3)"),
    pytest.param("OFF", "STOPPED", {}, SUCCESS, id="OFF (MODE-3)"),
    pytest.param(
        "ON", "POWERDOWN", {"default_suspended": (False, True, False)}, SUCCESS, id="default suspended (MODE-3)"
    ),
    pytest.param("ON", "POWERDOWN", {}, DENIED, id="suspended (MODE-3)"),
    pytest.param("ON", "RUNNING", {"suspend_used": True}, DENIED, id="CPU_SUSPEND was used (MODE-4)"),
    pytest.param("ON", "RUNNING", {"suspend_ever": True}, SUCCESS, id="used before the last change (MODE-4)"),
]


@pytest.mark.parametrize(("power", "activity", "changes", "answer"), TO_OSI)
def test_to_os_initiated(power: str, activity: str, changes: dict[str, Any], answer: int) -> None:
    assert values(stepper(), with_other(power, activity, **changes), SET_MODE, OSI) == {answer}


@pytest.mark.parametrize(("power", "activity"), [("ON_PENDING", "STOPPED"), ("ON", "FROZEN")])
def test_to_os_initiated_with_a_core_in_no_group(power: str, activity: str) -> None:
    """MODE-10."""
    state = with_other(power, activity)
    assert values(stepper(), state, SET_MODE, OSI) == {SUCCESS, DENIED}
    assert values(stepper(mode_groups="DENIED"), state, SET_MODE, OSI) == {DENIED}


@pytest.mark.parametrize(
    ("power", "activity", "answer"),
    [
        ("OFF", "STOPPED", SUCCESS),
        ("ON", "RUNNING", DENIED),
        ("ON", "POWERDOWN", DENIED),
        ("ON_PENDING", "STOPPED", DENIED),
    ],
)
def test_to_platform_coordinated(power: str, activity: str, answer: int) -> None:
    """MODE-5: all others are OFF."""
    assert values(stepper(), with_other(power, activity, mode="OS_INITIATED"), SET_MODE, PC) == {answer}


@pytest.mark.parametrize(("mode", "argument"), [("PLATFORM_COORDINATED", PC), ("OS_INITIATED", OSI)])
def test_the_mode_that_holds_can_be_set_at_any_time(mode: str, argument: int) -> None:
    state = with_other("ON", "POWERDOWN", mode=mode, suspend_used=True)
    assert values(stepper(same_mode="SUCCESS"), state, SET_MODE, argument) == {SUCCESS}
    assert values(stepper(), state, SET_MODE, argument) == {SUCCESS, DENIED}
    alone = with_other("OFF", "STOPPED", mode=mode)
    assert values(stepper(), alone, SET_MODE, argument) == {SUCCESS}


def test_other_modes_and_an_unsupported_one() -> None:
    """MODE-2, FEAT-11."""
    state = stepper().initial()
    assert values(stepper(), state, SET_MODE, 2) == {INVALID_PARAMETERS}
    machine = stepper(osi_supported=False)
    (unsupported,) = machine.allowed(state, Invocation(0, SET_MODE, OSI)).outcomes
    codes = {NOT_SUPPORTED, INVALID_PARAMETERS, DENIED}
    assert {code for code in (*codes, SUCCESS) if accepts(unsupported, code, wide=True)} == codes
    assert values(stepper(has=False), state, SET_MODE, PC) == {NOT_SUPPORTED}


def test_a_change_of_mode_forgets_what_was_used() -> None:
    machine = stepper()
    (changed,) = machine.allowed(machine.initial()._replace(suspend_ever=True), Invocation(0, SET_MODE, OSI)).outcomes
    assert (changed.state.mode, changed.state.suspend_used) == ("OS_INITIATED", False)


def test_only_cpu_suspend_counts_as_its_use() -> None:
    """MODE-12, DSUSP-8."""
    machine = stepper()
    used = {
        fn: {o.state.suspend_used for o in machine.allowed(machine.initial(), Invocation(0, fn)).outcomes}
        for fn in (CPU_SUSPEND, CPU_OFF, DEFAULT_SUSPEND)
    }
    assert used == {CPU_SUSPEND: {True}, CPU_OFF: {False}, DEFAULT_SUSPEND: {False}}


# ---- statistics


def test_statistics_are_zero_until_the_node_was_in_a_low_power_state() -> None:
    """STAT-6, STAT-9."""
    machine = stepper()
    state = machine.initial()
    assert values(machine, state, STAT_COUNT, 0, 0) == values(machine, state, STAT_RESIDENCY, 0, 0) == {0}
    slept = machine.allowed(state, Invocation(0, CPU_SUSPEND, 0)).outcomes[0].state
    running = slept._replace(activity=("RUNNING", "STOPPED", "STOPPED"))
    assert values(machine, running, STAT_COUNT, 0, 0) == values(machine, running, STAT_RESIDENCY, 0, 0) == {None}


@pytest.mark.parametrize("fn", [CPU_SUSPEND, CPU_OFF, DEFAULT_SUSPEND, FREEZE])
def test_every_way_into_a_low_power_state_counts(fn: int) -> None:
    """STAT-7."""
    machine = stepper()
    ways = [
        o for o in machine.allowed(machine.initial(), Invocation(0, fn)).outcomes if o.completion.value != "returns"
    ]
    assert ways
    assert {o.state.slept for o in ways} == {(True, False, False)}


def test_what_names_no_node_or_state_gives_zero() -> None:
    """STAT-5."""
    machine = stepper(counted_node=False)
    slept = machine.initial()._replace(slept=(True, True, True))
    assert values(machine, slept, STAT_COUNT, 0, 0) == {0}
    assert values(stepper(), slept, STAT_COUNT, 9, 0) == {0}


def test_default_suspend_and_freeze_may_use_the_nodes_above() -> None:
    """DSUSP-3, FREEZE-2: which, is the implementation's choice, so their statistics are not obliged to be zero."""
    machine = stepper(counted_level=1)
    for fn in (DEFAULT_SUSPEND, FREEZE):
        after = machine.allowed(machine.initial(), Invocation(0, fn)).outcomes[0].state
        asking = after._replace(power=("ON", "ON", "OFF"), activity=(after.activity[0], "RUNNING", "STOPPED"))
        assert values(machine, asking, STAT_COUNT, 0, 0, core=1) == {None}


# ---- memory protection


@pytest.mark.parametrize(
    ("kind", "memory"),
    [
        ("RESET", {"OVERWRITTEN"}), ("VENDOR_RESET", {"OVERWRITTEN"}), ("POWER_LOSS", {"OVERWRITTEN"}),
        ("WARM_RESET", {"PRESERVED"}), ("OFF", {"NOT_PROMISED", "OVERWRITTEN"}),
        ("HIBERNATE", {"NOT_PROMISED", "OVERWRITTEN"}),
    ],
)  # fmt: skip
def test_protected_memory_after_each_cause(kind: str, memory: set[str]) -> None:
    """MEMP-6 to MEMP-8, MEMP-12: protected by a call, then a boot; protection is off again (MEMP-3)."""
    machine = stepper()
    (on,) = machine.allowed(machine.initial(), Invocation(0, MEM_PROTECT, 1)).outcomes
    assert (on.value, on.state.memory_protected) == (0, True)
    down = on.state._replace(system="DOWN", kind=kind)
    booted = [after for _, after in machine.move("BOOT", down, 0)]
    assert {after.memory for after in booted} == memory
    assert {after.memory_protected for after in booted} == {False}


def test_a_revoked_protection_promises_nothing() -> None:
    """MEMP-2, MEMP-11."""
    machine = stepper()
    (on,) = machine.allowed(machine.initial(), Invocation(0, MEM_PROTECT, 7)).outcomes
    (off,) = machine.allowed(on.state, Invocation(0, MEM_PROTECT, 0)).outcomes
    assert off.value == 1
    ((_, booted),) = machine.move("BOOT", off.state._replace(system="DOWN", kind="RESET"), 0)
    assert booted.memory == "NOT_PROMISED"
