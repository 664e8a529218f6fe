"""From the first event of a trace to the machine, and the state, that it is judged from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psci.model.events import Machine as MachineEvent
from psci.model.language.sorts import BOOL, CORE, NODE, Enumeration, Sort
from psci.model.language.terms import Function
from psci.model.profile import Machine, ProfileError, declared
from psci.model.state import FIELD_BY_NAME
from psci.model.step import Stepper
from psci.model.topology import Topology
from psci.model.versions import V0_1, version


def machine_from(event: MachineEvent) -> Machine:
    """The machine that a trace declares; a profile that is only a name declares nothing.

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
    profile: Mapping[str, Any] = event.profile if isinstance(event.profile, Mapping) else {}
    try:
        declarations = declared(profile, event.reading or {})
        ranges = unusable(profile)
    except (TypeError, ValueError, AttributeError, KeyError) as error:
        if isinstance(error, ProfileError):
            raise
        raise ProfileError(f"profile: a field has a value that cannot be read ({error})") from error
    ids = None
    if judged == V0_1:
        ids = {fid: name.upper() for name, fid in (event.ids or {}).items()}
    return Machine(
        judged,
        event.cpus,
        event.cpus.index(boot_cpu),
        topology_from(event.topology, event.cpus),
        declarations,
        ranges,
        ids,
    )


def unusable(profile: Mapping[str, Any]) -> tuple[tuple[int, int], ...] | None:
    """The address ranges [first, last] that a profile declares as unavailable, or None where it says nothing."""
    ranges = profile.get("unusable")
    return None if ranges is None else tuple((int(first, 0), int(last, 0)) for first, last in ranges)


def topology_from(described: Mapping[str, Any] | None, cpus: tuple[int, ...]) -> Topology:
    """The power domains of a machine; every core is a child of the system where nothing is described.

    `clusters` lists the number of cores in each cluster, in the order of `cpus`. `nodes` lists the nodes,
    each with `name`, `level` and, but for the system, which comes first, `parent`; `homes` then names the lowest
    node of each core by its MPIDR.

    Raises:
        ProfileError: the description lacks something, or names what is not there.
        TopologyError: the nodes are no tree.
    """
    if described is None:
        return Topology.flat(len(cpus))
    if set(described) == {"clusters"}:
        sizes = described["clusters"]
        if not isinstance(sizes, list) or not all(type(size) is int and size > 0 for size in sizes):
            raise ProfileError(f"topology: clusters lists how many cores each has, not {sizes!r}")
        if sum(sizes) != len(cpus):
            raise ProfileError(f"topology: the clusters have {sum(sizes)} cores and the machine {len(cpus)}")
        return Topology.clusters(sizes)
    if set(described) == {"nodes", "homes"}:
        return _tree(described["nodes"], described["homes"], cpus)
    raise ProfileError("topology: give `clusters`, or `nodes` and `homes`, and nothing else")


def _tree(nodes: list[Any], homes: Mapping[str, Any], cpus: tuple[int, ...]) -> Topology:
    try:
        names = tuple(str(node["name"]) for node in nodes)
        levels = tuple(int(node["level"]) for node in nodes)
        parents = tuple(names.index(node.get("parent", names[0])) for node in nodes)
        of_core = {int(mpidr, 0): names.index(name) for mpidr, name in homes.items()}
        return Topology(names, parents, levels, tuple(of_core[mpidr] for mpidr in cpus))
    except KeyError as error:
        raise ProfileError(f"topology: {error} is missing") from error
    except (TypeError, AttributeError, IndexError) as error:
        raise ProfileError(f"topology: {error}") from error
    except ValueError as error:
        raise error if isinstance(error, ProfileError) else ProfileError(f"topology: {error}") from error


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
        raise ProfileError(f"initial: {field.name} speaks of {index!r}, which the machine has not") from None


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
