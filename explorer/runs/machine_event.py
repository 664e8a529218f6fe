"""A machine as the first event of a trace: what it declares, in the words of a profile.

The way back is `psci.oracle.profiles.declaration`; a trace written here is judged on a machine that answers alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from psci.model import events
from psci.model.calls import CALLS
from psci.model.calls.psci_features import SMCCC_VERSION
from psci.model.calls.set_suspend_mode import PSCI_SET_SUSPEND_MODE
from psci.model.language.terms import Value
from psci.model.machine import SYMBOLS, Machine
from psci.model.power.topology import Topology
from psci.model.symbols.machine import LOCAL_STATE
from psci.model.symbols.readings import READINGS, Reading
from psci.model.tables.versions import V1_0

OF_CORES: Mapping[str, tuple[str, Value, Value | None]] = {
    "disabled": ("disabled", True, None), "policy_denies": ("policy", "DENIES", "MAY_CHANGE"),
}  # fmt: skip
"""Fields that list cores: the symbol, its value for those that are listed, and the one that declares nothing."""
LEVELS = (1, 2, 3)
"""The power levels above the core that a power_state can speak about."""
POWERDOWN_BIT: Mapping[bool, int] = {True: 30, False: 16}
"""StateType in the extended and in the original format (5.4.2, Tables 7 and 8)."""


def machine_event(machine: Machine, worlds: Mapping[int, str] | None = None) -> events.MachineEvent:
    """The first event of a trace on a machine.

    Args:
        machine: the machine.
        worlds: the security state of the cores whose callers are not in the Normal world, by their index.
    """
    described = topology_of(machine.tree, machine.cores)
    cores = {machine.cores[core]: {"world": world.lower()} for core, world in (worlds or {}).items()}
    return events.MachineEvent(
        psci=machine.version.name,
        cpus=machine.cores,
        boot_cpu=machine.cores[machine.boot],
        cores=cores or None,
        profile=dict(_profile(machine)),
        topology=described,
        reading=dict(_reading(machine)) or None,
        ids=None if machine.ids is None else {name: fid for fid, name in machine.ids.items()},
    )


def topology_of(tree: Topology, cores: tuple[int, ...]) -> dict[str, Any]:
    """The power domains as a trace describes them."""
    nodes: list[dict[str, Any]] = [{"name": tree.names[0], "level": tree.levels[0]}]
    nodes += [
        {"name": tree.names[node], "level": tree.levels[node], "parent": tree.names[tree.parents[node]]}
        for node in range(1, len(tree.names))
    ]
    return {"nodes": nodes, "homes": {f"{mpidr:#x}": tree.names[home] for mpidr, home in zip(cores, tree.homes)}}  # noqa: B905  # one home a core


def _profile(machine: Machine) -> Iterator[tuple[str, Any]]:
    functions = dict(_functions(machine)) if machine.ids is None else {}
    if functions:
        yield "functions", functions
    extended = machine.value("extended_state_id", ())
    if extended is not None:
        yield "power_state_format", "extended" if extended else "original"
    if machine.version >= V1_0:
        osi = machine.value("osi_supported", ())
        if osi is not None:
            yield "os_initiated", bool(osi and functions.get(PSCI_SET_SUSPEND_MODE.name, True))
    levels = {level: machine.value("affinity_level_supported", (level,)) for level in LEVELS}
    answered = [level for level, there in levels.items() if there]
    # before 1.0 all levels are there (AFF-7)
    if None not in levels.values() and (machine.version >= V1_0 or len(answered) == len(LEVELS)):
        yield "affinity_levels", answered
    yield "states", list(_states(machine))
    if machine.declared.get("counted_node") is False:
        # statistics count the states that are listed, and no others
        yield "last_in_level_bits", f"{machine.value('last_in_level_bits', ()):#x}"
    yield from _names(machine)
    for name, (symbol, yes, unknown) in OF_CORES.items():
        values = {mpidr: machine.value(symbol, (core,)) for core, mpidr in enumerate(machine.cores)}
        if unknown not in values.values():
            yield name, [f"{mpidr:#x}" for mpidr, value in values.items() if value == yes]
    if machine.declared.get("names_node") is False:
        # an explored machine numbers its power levels as the tree does
        yield "power_levels", {str(level): f"{level:#x}" for level in sorted(set(machine.tree.levels))}
    yield "unusable", _unusable(machine)
    latencies = {state.lower(): machine.declared.get(("latency", state)) for state in LOCAL_STATE.values}
    if None not in latencies.values():
        yield "latencies", latencies


def _functions(machine: Machine) -> Iterator[tuple[str, bool]]:
    for call in CALLS:
        if call.optional and call.exists_in(machine.version):
            keys = (call.key,) if call.required_by is None else (call.key, call.required_by.key)
            there = [machine.value("has", (key,)) for key in keys]
            if None not in there:
                yield call.name, any(there)
    smccc = machine.value("has", (SMCCC_VERSION,))
    if smccc is not None and machine.version >= V1_0:
        yield "SMCCC_VERSION", bool(smccc)


def _names(machine: Machine) -> Iterator[tuple[str, Any]]:
    for name in ("features_hides_smc64", "knows_hint_bit", "reset_keeps_warm"):
        value = machine.value(name, ())
        if value is not None:
            yield name, bool(value)
    for name in ("trusted_os", "stray_wakeup", "elns_isa"):
        yield name, str(machine.value(name, ())).lower()
    if machine.value("trusted_os", ()) != "MP_OR_NONE":
        home = machine.value("trusted_os_home", ())
        yield "trusted_os_home", f"{machine.cores[int(home or 0)]:#x}"


def _states(machine: Machine) -> Iterator[dict[str, Any]]:
    """The valid values of power_state, with what each stands for."""
    bit = POWERDOWN_BIT[bool(machine.value("extended_state_id", ()))]
    for key, valid in machine.declared.items():
        if not (isinstance(key, tuple) and key[0] == "state_valid" and valid):
            continue
        word = int(key[1])
        kept = "retention" if machine.value("retention", (word,)) else "standby"
        levels = {level: str(machine.value("requested", (word, level))).lower() for level in LEVELS}
        asked = {str(level): name for level, name in levels.items() if name != "run"}
        claimed = [level for level in LEVELS if machine.value("claims", (word, level))]
        yield {
            "power_state": f"{word:#010x}",
            "core": "powerdown" if word >> bit & 1 else kept,
            "levels": asked,
            "last_in_level": max([*claimed, *map(int, asked)], default=0),
        }


def _unusable(machine: Machine) -> list[list[str]]:
    single = [
        (int(key[1]), int(key[1]))
        for key, value in machine.declared.items()
        if isinstance(key, tuple) and key[0] == "address_unusable" and value
    ]
    return [[f"{first:#x}", f"{last:#x}"] for first, last in (machine.unusable or sorted(single))]


def _reading(machine: Machine) -> Iterator[tuple[str, str]]:
    """The options that are not the default ones, and those of readings that have none."""
    for reading in READINGS.values():
        value = _common_value(machine, reading)
        chosen = next((option for option, v in reading.options.items() if v == value), None)
        if chosen is not None and chosen != reading.default:
            yield reading.name, chosen


def _common_value(machine: Machine, reading: Reading) -> Value | None:
    """The value of a reading's symbol, where it is the same for all arguments."""
    if not SYMBOLS[reading.symbol].domain:
        return machine.value(reading.symbol, ())
    values = {v for key, v in machine.declared.items() if isinstance(key, tuple) and key[0] == reading.symbol}
    values |= {machine.declared[reading.symbol]} if reading.symbol in machine.declared else set()
    return values.pop() if len(values) == 1 else None


__all__ = ["machine_event", "topology_of"]
