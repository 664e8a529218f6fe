"""From the first event of a trace to the machine, and the state, that it is judged from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from psci.model.events import MachineEvent
from psci.model.language.sorts import BOOL, CORE, NODE, Enumeration, Sort
from psci.model.language.terms import Function
from psci.model.machine import Machine, ProfileError
from psci.model.step import Stepper
from psci.model.symbols.readings import TRIED
from psci.model.symbols.state import FIELD_BY_NAME
from psci.model.tables.versions import V0_1, version
from psci.oracle import profiles


def machine_from(event: MachineEvent) -> Machine:
    """The machine that a trace declares; a profile that is only a name is a shipped one.

    Raises:
        UnknownVersion: there is no such version of PSCI.
        ProfileError: the declaration contradicts itself; the message names the field.
        TopologyError: so do the power domains.
    """
    boot_cpu = event.cpus[0] if event.boot_cpu is None else event.boot_cpu
    if boot_cpu not in event.cpus:
        raise ProfileError(f"boot_cpu: {boot_cpu:#x} is not one of cpus")
    judged = version(event.psci)
    if event.ids is not None and judged != V0_1:
        raise ProfileError(f"ids: PSCI {judged} fixes the function ids; only 0.1 takes them from the device tree")
    profile = profiles.named(event.profile) if isinstance(event.profile, str) else event.profile or {}
    if profile:
        profiles.validate(profile)
    described = {**profile, "topology": event.topology or profile.get("topology"), "boot_core": hex(boot_cpu)}
    declared = profiles.machine(described, event.cpus, psci=event.psci, reading=event.reading)
    ids = None
    if judged == V0_1:
        ids = {fid: name.upper() for name, fid in (event.ids or {}).items()}
    return replace(declared, ids=ids)


def judged_machine(event: MachineEvent) -> Machine:
    """The machine that a trace is judged by: of readings that nobody chooses, those that DEN0022 says both of are open.

    What `cores` declares of the execution state is also that of the Exception level that cores are entered at.

    Raises:
        UnknownVersion: there is no such version of PSCI.
        ProfileError: the declaration contradicts itself; the message names the field.
        TopologyError: so do the power domains.
    """
    machine = machine_from(event)
    declared = dict(machine.declared)
    states = {core.get("isa") for core in (event.cores or {}).values()}
    if states == {"aarch32"} and len(event.cores or {}) == len(event.cpus):
        declared.setdefault("elns_isa", "AARCH32")
    # a trace tells what its host does
    declared.setdefault("host_power", "AT_WILL")
    return replace(machine, declared=declared, left_open=TRIED)


def initial_state(stepper: Stepper, initial: Mapping[str, Any] | None) -> Any:
    """The state that a trace begins in: a cold boot, with the fields that `initial` names set to its values.

    A field of each core takes an object by MPIDR, a field of each power domain one by name.

    Raises:
        ProfileError: there is no such field, core, power domain or value.
    """
    state = stepper.initial()
    for name, value in (initial or {}).items():
        field = FIELD_BY_NAME.get(name)
        if field is None or len(field.domain) > 1:
            raise ProfileError(f"initial: a state has no field {name!r} that can be set")
        state = state._replace(**{name: _field(stepper.machine, field, getattr(state, name), value)})
    return state


def _field(machine: Machine, field: Function, default: Any, value: Any) -> Any:
    if not field.domain:
        return _value(machine, field, field.range, value)
    if not isinstance(value, Mapping):
        raise ProfileError(f"initial: {field.name} has a value for each {field.domain[0]}: write an object")
    values = list(default)
    for index, each in value.items():
        values[_place(machine, field, index)] = _value(machine, field, field.range, each)
    return tuple(values)


def _place(machine: Machine, field: Function, index: str) -> int:
    try:
        if field.domain[0] == NODE:
            return machine.tree.names.index(index)
        return machine.core_of[int(index, 0)]
    except (KeyError, ValueError):
        raise ProfileError(f"initial: {field.name} names {index!r}, which this machine does not have") from None


def _value(machine: Machine, field: Function, sort: Sort, value: Any) -> Any:
    try:
        if sort == BOOL and isinstance(value, bool):
            return value
        if sort == CORE:
            return machine.core_of[int(value, 0)]
        if isinstance(sort, Enumeration):
            return sort.values[sort.values.index(value.upper())]
        if sort != BOOL:
            return int(value, 0)
    except (KeyError, ValueError, TypeError, AttributeError):
        pass
    raise ProfileError(f"initial: {field.name} cannot be {value!r}")
