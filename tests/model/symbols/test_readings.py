"""Every reading makes a difference: there is a state and a call, or a move, on which its options part."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest

from psci.model.machine import DEFAULTS, Machine
from psci.model.specification import SPECIFICATION
from psci.model.step import Invocation, Stepper
from psci.model.symbols.machine import LOCAL_STATE
from psci.model.symbols.readings import READINGS
from psci.model.tables.facts import FACTS
from psci.model.tables.versions import V0_2, V1_3, V1_3_BETA, Version
from psci.properties import PROPERTIES

Seen = frozenset[Any]
CPU_SUSPEND, CPU_ON, AFFINITY_INFO, MIGRATE = 0xC400_0001, 0xC400_0003, 0xC400_0004, 0xC400_0005
SYSTEM_SUSPEND, SET_MODE, STAT_COUNT, RESET2, OFF2 = 0xC400_000E, 0x8400_000F, 0xC400_0011, 0xC400_0012, 0xC400_0015
DEEP = 0x0101_0000


def stepper(reading: str, option: str, version: Version = V1_3, **declared: Any) -> Stepper:
    table: dict[Any, Any] = {
        "has": True, "extended_state_id": False, "osi_supported": True, "state_valid": True, "denied_by_policy": False,
        "affinity_level_supported": True, "features_hides_smc64": False, "protected_range": True, "counted_node": True,
        "names_node": True, "checks_upper_halves": False, ("requested", DEEP, 1): "POWERDOWN",
        READINGS[reading].symbol: READINGS[reading].options[option], **declared,
    }  # fmt: skip
    return Stepper(Machine(version, (0, 1, 2), declared=table, unusable=()))


def state_of(machine: Stepper, **changes: Any) -> Any:
    return machine.initial()._replace(**changes)


def answers(machine: Stepper, state: Any, fn: int, *args: Any, **call: Any) -> Seen:
    """The answers that are allowed, what they leave behind, and whether another one would be a deviation."""
    invocation = Invocation(0, fn, *args, **call)
    allowed = machine.allowed(state, invocation)
    found = {(o.completion.value, o.value, o.state) for o in allowed.outcomes}
    return frozenset({*found, ("broken", len(allowed.broken), None), ("gap", allowed.gap, None)})


def moves(machine: Stepper, name: str, state: Any, index: int = 0, parameters: tuple[Any, ...] = ()) -> Seen:
    return frozenset(after for _, after in machine.move(name, state, index, parameters))


def down(machine: Stepper, kind: str, **changes: Any) -> Any:
    return state_of(machine, system="DOWN", kind=kind, activity=("STOPPED",) * 3, **changes)


def boots(kind: str, **changes: Any) -> Callable[..., Seen]:
    return lambda *option: moves(m := stepper(*option), "BOOT", down(m, kind, **changes))


ON: dict[str, Any] = {"power": ("ON",) * 3, "activity": ("RUNNING",) * 3}


def width_of_0_2(*option: Any) -> Seen:
    reading, chosen = option
    machine = stepper(reading, chosen, version=V0_2)
    return answers(machine, machine.initial(), CPU_ON, 9, isa="AARCH32")


def upper_half(*option: Any) -> Seen:
    table = {"upper-halves": {"ignored": False, "checked": True}}
    machine = stepper("vendor-bit", "selector", checks_upper_halves=table[option[0]][option[1]])
    return answers(machine, machine.initial(), OFF2, 1 << 32 | 1)


def migrate(isa: str, fn: int, **declared: Any) -> Callable[..., Seen]:
    def seen(*option: Any) -> Seen:
        machine = stepper(*option, **{"trusted_os": "UP_FIXED", **declared})
        return answers(machine, state_of(machine, resident=declared.get("home", 0)), fn, 1, isa=isa)

    return seen


def wakes_of_at_exit(*option: Any) -> Seen:
    machine = stepper(*option)
    (slept,) = [
        o
        for o in machine.allowed(machine.initial(), Invocation(0, CPU_SUSPEND, 0)).outcomes
        if "standby" in o.rule.name
    ]
    asking = slept.state._replace(power=("ON", "ON", "OFF"), activity=("STANDBY", "RUNNING", "STOPPED"))
    return frozenset(o.value for o in machine.allowed(asking, Invocation(1, STAT_COUNT, 0, 0)).outcomes)


def enters(*option: Any) -> Seen:
    machine = stepper(*option)
    starting = state_of(machine, power=("ON", "ON", "OFF"), activity=("RUNNING", "ENTERING", "STOPPED"),
                        entry=(0, 0x1001, 0), context=(0, 7, 0),
                        entry_isa=("AARCH64", "AARCH32", "AARCH64"))  # fmt: skip
    return frozenset((pc, moves(machine, "ENTER", starting, 1, (pc, 7))) for pc in (0x1000, 0x1001))


def context(*option: Any) -> Seen:
    machine = stepper(*option)
    starting = state_of(machine, power=("ON", "ON", "OFF"), activity=("RUNNING", "ENTERING", "STOPPED"),
                        entry=(0, 0x1000, 0), context=(0, 7, 0))  # fmt: skip
    return moves(machine, "ENTER", starting, 1, (0x1000, 1 << 32 | 7))


def call(
    fn: int, *args: Any, world: str = "NORMAL", declared: dict[str, Any] | None = None, **changes: Any
) -> Callable[..., Seen]:
    def seen(*option: Any) -> Seen:
        machine = stepper(*option, **(declared or {}))
        return answers(machine, state_of(machine, **changes), fn, *args, world=world)

    return seen


def mixed(*option: Any) -> Seen:
    machine = stepper(*option)
    return answers(machine, state_of(machine, mode="OS_INITIATED", power=("ON",) * 3,
                                     activity=("RUNNING", "RUNNING", "STANDBY")), CPU_SUSPEND, DEEP)  # fmt: skip


def beta(*option: Any) -> Seen:
    reading, chosen = option
    machine = stepper(reading, chosen, version=V1_3_BETA)
    return answers(machine, machine.initial(), OFF2, 1)


WHERE: dict[str, Callable[..., Seen]] = {
    "errata": width_of_0_2,
    "upper-halves": upper_half,
    "migrate-width": migrate("AARCH32", MIGRATE),
    "realm-callers": call(CPU_ON, 9, world="REALM"),
    "failed-call": call(CPU_ON, 1, 0x2000, 9, power=("ON", "ON_PENDING", "OFF"), entry=(0, 0x1000, 0)),
    "migrate-order": lambda *option: answers(
        m := stepper(*option, trusted_os="UP_FIXED"), state_of(m, resident=1), MIGRATE, 2
    ),
    "disabled-core": call(AFFINITY_INFO, 1, 0, declared={"disabled": True}),
    "undefined-reset": call(RESET2, 5),
    "vendor-bit": call(RESET2, 1 << 31),
    "suspend-refusal": call(SYSTEM_SUSPEND, 0x1000, **ON),
    "suspend-return": call(SYSTEM_SUSPEND, 0x1000),
    "frozen-core": call(CPU_ON, 1, 0x1000, power=("ON", "ON", "OFF"), activity=("RUNNING", "FROZEN", "STOPPED")),
    "power-on-failure": lambda *option: moves(
        m := stepper(*option), "START", state_of(m, power=("ON", "ON_PENDING", "OFF")), 1
    ),
    "context-width": context,
    "mixed-entry": enters,
    "mode-history": call(SET_MODE, 1, suspend_used=False, suspend_ever=True),
    "refused-suspend": call(CPU_SUSPEND, 0x8000_0000),
    "osi-mixed": mixed,
    "vote-counting": call(CPU_SUSPEND, DEEP),
    "stat-update": wakes_of_at_exit,
    "hibernate-overwrite": boots("HIBERNATE", memory_protected=True),
    "warm-protection": boots("WARM_RESET", memory_protected=True),
    "reset-cores": boots("VENDOR_RESET", power=("ON", "ON", "OFF")),
    "reset-mode": boots("WARM_RESET", mode="OS_INITIATED"),
    "reset-residency": boots("WARM_RESET", resident=2),
    "reset-statistics": boots("WARM_RESET", slept=(True, True, False)),
    "system-stop": call(0x8400_0008, **ON),
    "beta-type": beta,
}
"""A state and a call, or a move, for each reading: what is allowed there depends on the option."""


def test_every_reading_has_its_example() -> None:
    assert set(WHERE) == set(READINGS)


@pytest.mark.parametrize("name", READINGS)
def test_no_two_options_allow_the_same(name: str) -> None:
    seen = {option: WHERE[name](name, option) for option in READINGS[name].options}
    for (one, first), (other, second) in combinations(seen.items(), 2):
        assert first != second, (one, other)


@pytest.mark.parametrize("name", READINGS)
def test_a_reading_names_the_facts_that_meet_there(name: str) -> None:
    reading = READINGS[name]
    assert reading.cites and set(reading.cites) <= set(FACTS)
    assert set(reading.gives_up) <= {prop.name for prop in PROPERTIES}
    assert len(reading.options) == len(reading.meanings) > 1
    assert reading.question.endswith(("?", ".")) and all(meaning.endswith(".") for meaning in reading.meanings.values())


def test_the_default_is_the_first_option_unless_the_reading_is_open() -> None:
    assert [reading.name for reading in READINGS.values() if reading.open] == ["upper-halves", "beta-type"]
    for reading in READINGS.values():
        assert reading.open != (reading.symbol in DEFAULTS)


def test_the_rules_read_every_reading() -> None:
    from psci.model.language.terms import App, subterms

    def terms(rule: Any) -> Any:
        yield rule.guard
        for update in rule.effect.updates:
            yield from (value for _, value in update.points)
            yield from () if update.everywhere is None else (update.everywhere,)

    read = {
        sub.function.name
        for rule in SPECIFICATION.every_rule()
        for term in terms(rule)
        for sub in subterms(term)
        if isinstance(sub, App)
    }
    assert {reading.symbol for reading in READINGS.values()} - read == set()
    assert LOCAL_STATE.values[0] == "RUN"
