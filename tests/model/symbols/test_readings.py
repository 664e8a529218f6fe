"""Every reading makes a difference: there is a state and a call, or a move, on which its options part."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import pytest

from psci.model.machine import DEFAULTS, Machine
from psci.model.power.topology import Topology
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
DEEP, CLAIMS_ALONE, CLAIMS_TOO_LITTLE = 0x0101_0000, 0x0001_0001, 0x0101_0002


def stepper(
    reading: str, option: str, version: Version = V1_3, tree: Topology | None = None, both_off: bool = False,
    without: int | None = None, **declared: Any,
) -> Stepper:  # fmt: skip
    cores = (0, 0x100, 0x101) if both_off else (0, 1, 2)
    declared |= {("disabled", 2): True} if both_off else {}
    table: dict[Any, Any] = {
        "has": True, "extended_state_id": False, "osi_supported": True, "state_valid": True, "disabled": False,
        "trusted_os": "MP_OR_NONE", "knows_hint_bit": True, "resets_warm": True, "described": True,
        "affinity_level_supported": True, "features_hides_smc64": False, "protected_range": True, "counted_node": True,
        "names_node": True, "checks_upper_halves": False,
        ("requested", DEEP, 1): "POWERDOWN", ("claims", DEEP, 1): True,
        ("claims", CLAIMS_ALONE, 1): True, ("requested", CLAIMS_TOO_LITTLE, 1): "POWERDOWN",
        READINGS[reading].symbol: READINGS[reading].options[option], **declared,
    }  # fmt: skip
    table |= {("requested", 0x0201_0000, level): "POWERDOWN" for level in (1, 2)}
    table |= {("claims", 0x0201_0000, level): True for level in (1, 2)}
    table |= {} if without is None else {("has", without): False}
    unusable = None if "address_unusable" in declared else ()
    return Stepper(Machine(version, cores, topology=tree, declared=table, unusable=unusable))


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
        state = state_of(machine, migrated=True, resident=declared.get("home", 0))
        return answers(machine, state, fn, 1, isa=isa)

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


def osi(fn: int, *args: Any, tree: Topology | None = None, **changes: Any) -> Callable[..., Seen]:
    """A call of core 0 in OS-initiated mode, while cores 1 and 2 are OFF unless the changes say otherwise."""

    def seen(*option: Any) -> Seen:
        machine = stepper(option[0], option[1], tree=tree)
        return answers(machine, state_of(machine, mode="OS_INITIATED", **changes), fn, *args)

    return seen


def looks(seen_state: str, **changes: Any) -> Callable[..., Seen]:
    return lambda *option: moves(m := stepper(*option), "LOOK", state_of(m, **changes), 0, (seen_state,))


def starts(*option: Any) -> Seen:
    return moves(m := stepper(*option), "START", state_of(m, power=("ON", "ON_PENDING", "OFF")), 1)


FROZEN: dict[str, Any] = {"power": ("ON", "ON", "OFF"), "activity": ("RUNNING", "FROZEN", "STOPPED")}
BY_DEFAULT: dict[str, Any] = {
    "power": ("ON", "ON", "OFF"), "activity": ("RUNNING", "POWERDOWN", "STOPPED"),
    "default_suspended": (False, True, False),
}  # fmt: skip
ASLEEP: dict[str, Any] = {
    "power": ("ON", "OFF", "OFF"), "activity": ("POWERDOWN", "STOPPED", "STOPPED"), "vote": ("RETENTION",) * 3,
    "node": ("POWERDOWN",),
}  # fmt: skip
CLUSTERS = Topology.clusters((1, 2))

WHERE: dict[str, Callable[..., Seen]] = {
    "frozen-affinity": call(AFFINITY_INFO, 1, 0, **FROZEN),
    "frozen-resume": call(CPU_ON, 1, 0x1000, **FROZEN),
    "frozen-in-osi": osi(CPU_SUSPEND, DEEP, 0x1000, **FROZEN),
    "default-in-osi": osi(CPU_SUSPEND, DEEP, 0x1000, **BY_DEFAULT),
    "claim-alone": osi(CPU_SUSPEND, CLAIMS_ALONE, 0x1000, **ON),
    "low-claim": osi(CPU_SUSPEND, CLAIMS_TOO_LITTLE, 0x1000),
    "idle-inside": osi(CPU_SUSPEND, 0x0201_0000, 0x1000, tree=CLUSTERS, node=("RUN", "RUN", "RUN")),
    "check-and-wakeup": osi(CPU_SUSPEND, DEEP, 0x1000, wake=(True, False, False), **ON),
    "older-request": looks("RETENTION", mode="OS_INITIATED", **{**ASLEEP, "node": ("RUN",)}),
    "partial-downgrade": looks("STANDBY", mode="OS_INITIATED", **ASLEEP),
    "shallower-node": looks("STANDBY", **ASLEEP),
    "unused-entry": lambda *option: answers(
        m := stepper(*option, address_unusable=True), m.initial(), CPU_SUSPEND, 0x0001_0000, 0x1000
    ),
    "disabled-instance": lambda *option: answers(
        m := stepper(option[0], option[1], both_off=True),
        state_of(m, power=("ON", "OFF", "OFF")),
        AFFINITY_INFO,
        0x100,
        1,
    ),
    "disabled-start": call(CPU_ON, 1, 0x1000, declared={"disabled": True}),
    "mode-groups": call(SET_MODE, 1, **FROZEN),
    "same-mode": call(SET_MODE, 0, **ON),
    "cannot-now": call(0x8400_0008),
    "warm-reset": call(RESET2, 0),
    "migrate-target": call(MIGRATE, 1, declared={"trusted_os": "UP_MIGRATABLE", "trusted_os_home": 0}, **FROZEN),
    "migrate-to-self": call(MIGRATE, 0, declared={"trusted_os": "UP_MIGRATABLE", "trusted_os_home": 0}),
    "both-ids": lambda *option: answers(
        m := stepper(option[0], option[1], without=CPU_ON), m.initial(), CPU_ON, 1, 0x1000
    ),
    "unreported-node": call(0xC400_000D, 1, 0),
    "fallback-memory": boots("WARM_RESET", memory_protected=True),
    "stay-since-boot": starts,
    "errata": width_of_0_2,
    "upper-halves": upper_half,
    "migrate-width": migrate("AARCH32", MIGRATE),
    "realm-callers": call(CPU_ON, 9, world="REALM"),
    "failed-call": call(CPU_ON, 1, 0x2000, 9, power=("ON", "ON_PENDING", "OFF"), entry=(0, 0x1000, 0)),
    "migrate-order": lambda *option: answers(
        m := stepper(*option, trusted_os="UP_FIXED"), state_of(m, migrated=True, resident=1), MIGRATE, 2
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
    "reset-residency": boots("WARM_RESET", migrated=True, resident=2),
    "reset-statistics": boots("WARM_RESET", slept=(True, True, False)),
    "system-stop": call(0x8400_0008, **ON),
    "beta-type": beta,
    "host-power": lambda *option: moves(m := stepper(*option), "HOST_START", m.initial(), 1),
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
    assert [reading.name for reading in READINGS.values() if reading.open] == [
        "upper-halves", "warm-reset", "beta-type",
    ]  # fmt: skip
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
