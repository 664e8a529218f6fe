"""The machines that the page offers, as data: for each symbol what it is declared to be.

Whatever a machine computes from its version and profile is computed here, by the model; the page looks it up.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from psci.explorer.abstraction.machines import SHALLOW_STATES, SYSTEM_STATES, small
from psci.model.calls import CALLS
from psci.model.calls.psci_features import SMCCC_VERSION
from psci.model.calls.system_off2 import SYSTEM_OFF2
from psci.model.language.sorts import CORE, BitVector, Sort
from psci.model.language.terms import Function, Value
from psci.model.machine import DEFAULTS, Machine, ProfileError, Undeclared, answers
from psci.model.power.topology import Topology
from psci.model.scenarios.filter import Composition, claimed_set
from psci.model.symbols.machine import LOCAL_STATE, MACHINE_SYMBOLS
from psci.model.tables.versions import V1_0, V1_1, V1_3, VERSIONS, Version
from psci.oracle import profiles

COMPUTED = frozenset({"mpidr", "is_core", "core_of"})
"""What follows from the list of cores."""
MOST_CORES = 4


@dataclass
class Machines:
    """The machines of a page; equal tables are kept once."""

    tables: list[Any] = field(default_factory=list)
    found: list[dict[str, Any]] = field(default_factory=list)
    _places: dict[str, int] = field(default_factory=dict)

    def add(self, setup: str, machine: Machine, **more: Any) -> None:
        """Add a machine under the name of its setup."""
        tree = machine.tree
        nodes = range(len(tree.names))
        self.found.append(
            {
                "setup": setup,
                "version": machine.version.rank,
                "cores": [f"{mpidr:#x}" for mpidr in machine.cores],
                "boot": machine.boot,
                "tree": {
                    "names": tree.names, "parents": tree.parents, "levels": tree.levels, "homes": tree.homes,
                    "ancestor": [[tree.ancestors[node][outer] for node in nodes] for outer in nodes],
                    "below": [tree.ancestors[home] for home in tree.homes],
                },
                "unusable": _ranges(machine.unusable), "protected": _ranges(machine.protected),
                "ids": None if machine.ids is None else {f"{fid:#x}": name for fid, name in machine.ids.items()},
                "values": {s.name: self._table(_table(machine, s)) for s in MACHINE_SYMBOLS if _is_declared(s)},
                **more,
            }
        )  # fmt: skip

    def _table(self, table: Any) -> int:
        key = json.dumps(table)
        if key not in self._places:
            self._places[key] = len(self.tables)
            self.tables.append(table)
        return self._places[key]


SETUPS: Mapping[str, str] = {
    "declared": "Declares everything: each optional function is there, two clusters of power states are known.",
    "clusters": "Two clusters of two cores, OS-initiated mode, states of every level.",
    "undeclared": "Declares nothing: what the rules ask for is left open until an answer is seen.",
    "filter": "A kernel of PSCI 1.1 behind KVM's SMCCC filter; a VMM takes over four ids and makes it 1.3.",
}
"""The setups beside the shipped profiles."""


def machines() -> Machines:
    """Every machine that the page offers."""
    found = Machines()
    for name, machine in offered():
        found.add(name, machine)
    _add_filter(found)
    return found


def offered() -> Iterator[tuple[str, Machine]]:
    """The machines of the setups that are one implementation."""
    for version in VERSIONS:
        for cores in range(1, MOST_CORES + 1):
            yield "declared", small(cores, version)
        if version >= V1_0:
            states = (*SHALLOW_STATES, *SYSTEM_STATES)
            tree = Topology.clusters([2, 2])
            yield "clusters", small(4, version, topology=tree, declared={"osi_supported": True}, states=states)
        for name in profiles.shipped():
            yield from ((name, machine) for machine in _of_profile(name, version))
        for cores in range(1, MOST_CORES + 1):
            yield "undeclared", Machine(version, tuple(range(cores)))


def _of_profile(name: str, version: Version) -> Iterator[Machine]:
    """A profile in a version, if it can be had in it: with its own cores, and with fewer where it has no tree."""
    profile = profiles.named(name)
    own = tuple(int(mpidr, 0) for mpidr in profile["cores"]) if "cores" in profile else tuple(range(MOST_CORES))
    sizes = {len(own)} if "topology" in profile else {*range(1, min(MOST_CORES, len(own)) + 1), len(own)}
    for size in sorted(sizes):
        try:
            yield profiles.machine(profile, own[:size], psci=version.name)
        except ProfileError:
            # the profile names what this version does not have
            return


def _add_filter(found: Machines) -> None:
    offered = (SYSTEM_OFF2,)
    composition = Composition(V1_1, V1_3, offered, claimed_set(offered))
    for cores in range(1, MOST_CORES + 1):
        declared = small(cores, V1_1).declared
        kernel, whole = composition.machines(tuple(range(cores)), declared)
        found.add("filter", whole, forwarded=sorted(f"{fid:#x}" for fid in composition.forwarded))
        found.add("filter kernel", kernel)


def _ranges(ranges: tuple[tuple[int, int], ...] | None) -> list[list[str]] | None:
    return None if ranges is None else [[f"{a:#x}" for a in pair] for pair in ranges]


def _is_declared(symbol: Function) -> bool:
    return symbol.kind == "machine" and symbol.name not in COMPUTED


def _table(machine: Machine, symbol: Function) -> Any:
    """What a symbol is: its value, or its values by argument and the one for all others; None is undeclared."""
    if not symbol.domain:
        return shown(machine.value(symbol.name, ()), symbol.range)
    listed = [key[1:] for key in machine.declared if isinstance(key, tuple) and key[0] == symbol.name]
    if symbol.name == "has":
        listed = [*((fid,) for call in CALLS for fid in call.ids()), (SMCCC_VERSION,)]
    if symbol.name == "latency":
        listed = [(state,) for state in LOCAL_STATE.values]
    if symbol.name == "starts_trusted_os":
        listed = [(core,) for core in range(len(machine.cores))]
    entries = {
        ",".join(str(shown(a, s)) for a, s in zip(arguments, symbol.domain, strict=True)):
            shown(machine.value(symbol.name, arguments), symbol.range)
        for arguments in listed
    }  # fmt: skip
    rest = shown(machine.declared.get(symbol.name, DEFAULTS.get(symbol.name)), symbol.range)
    return {"is": entries, "else": rest}


def shown(value: Value | None, sort: Sort) -> Any:
    """A value in JSON: a word is a hex string, since JSON has no numbers of 64 bits."""
    return f"{value:#x}" if isinstance(sort, BitVector) and value is not None else value


def open_answers(symbol: Function) -> list[Any] | str | None:
    """What a symbol that is not declared can be, the most ordinary first; None where that cannot be listed.

    For a symbol that is a core it is any core of the machine.
    """
    if symbol.range == CORE:
        return "cores"
    try:
        return [shown(value, symbol.range) for value in answers((symbol.name,), symbol.range)]
    except Undeclared:
        return None
