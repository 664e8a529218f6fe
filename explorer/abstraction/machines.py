"""Small machines that declare everything, as an exploration needs them."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from psci.model.calls import CALLS
from psci.model.declare import Call
from psci.model.errors import InputError
from psci.model.language.sorts import CORE, BitVector, Quantity
from psci.model.language.terms import Function, Value
from psci.model.machine import DEFAULTS, Key, Machine, Undeclared, answers
from psci.model.power.states import PowerState, declare_nodes, declare_states
from psci.model.power.topology import Topology
from psci.model.symbols.machine import MACHINE_SYMBOLS
from psci.model.tables.versions import V0_1, V1_3, Version

UNUSABLE = ((0xF000_0000, 0xF000_0FFF),)
"""The addresses that no caller may be entered at, on an explored machine."""
STATES = (
    PowerState(0x0000_0000, "STANDBY"),
    PowerState(0x0001_0000, "POWERDOWN"),
    PowerState(0x0101_0000, "POWERDOWN", {1: "POWERDOWN"}, last_in_level=1),
)
"""The valid values of power_state in the original format (5.4.2, Table 7): standby and powerdown of the core alone,
and powerdown up to level 1."""
EXTENDED_STATES = (
    PowerState(0x0000_0001, "STANDBY"),
    PowerState(0x4000_0002, "POWERDOWN"),
    PowerState(0x4000_0003, "POWERDOWN", {1: "POWERDOWN"}, last_in_level=1),
)
"""The same in the extended format, where a StateID means what the platform says (5.4.2, Table 8)."""
SHALLOW_STATES = (
    PowerState(0x0100_0000, "STANDBY", {1: "STANDBY"}, last_in_level=1),
    PowerState(0x0100_0001, "RETENTION", {1: "RETENTION"}, last_in_level=1),
)
"""Two more states, standby and retention up to level 1, in the original format."""
SYSTEM_STATES = (
    PowerState(0x0200_0000, "STANDBY", {1: "STANDBY", 2: "STANDBY"}, last_in_level=2),
    PowerState(0x0201_0000, "POWERDOWN", {1: "POWERDOWN", 2: "RETENTION"}, last_in_level=2),
)
"""States that reach up to the system, above clusters."""
MOST_CORES = 512
"""More than any machine that is sold has; decision diagrams grow with the cores, not with the states."""

DeclaredSymbols = Mapping[str | Key, object]


def small(
    cpus: int, version: Version = V1_3, *, topology: Topology | None = None, declared: DeclaredSymbols | None = None,
    states: Sequence[PowerState] = (),
) -> Machine:  # fmt: skip
    """A machine with `cpus` cores that declares every symbol: all optional functions, the most ordinary answers.

    OS-initiated mode is not supported, unless it is declared.

    Args:
        cpus: how many cores.
        version: the version of PSCI.
        topology: the power-domain tree; by default every core is a child of the system.
        declared: what is to be declared otherwise.
        states: values of power_state that are valid beside the usual ones.

    Raises:
        InputError: the number of cores cannot be explored.
    """
    if not 1 <= cpus <= MOST_CORES:
        raise InputError(f"--cpus {cpus}: choose 1 to {MOST_CORES} cores")
    # the states of OS-initiated mode are many, and few questions are about them
    answered: dict[str | Key, object] = {"extended_state_id": False, "osi_supported": False}
    for symbol in open_symbols(Machine(version, tuple(range(cpus)), unusable=UNUSABLE)):
        if symbol.name not in DEFAULTS:
            answered.setdefault(symbol.name, _ordinary(symbol.name))
    usual = EXTENDED_STATES if (declared or {}).get("extended_state_id") else STATES
    cores, tree = tuple(range(cpus)), topology or Topology.flat(cpus)
    answered |= dict(declare_states((*usual, *states), cores, tree)) | dict(declare_nodes(cores, tree))
    return Machine(
        version,
        cores,
        topology=topology,
        declared={**answered, **(declared or {})},  # type: ignore[dict-item]  # values of the symbols' sorts
        unusable=UNUSABLE,
        ids=_ids_of_0_1() if version == V0_1 else None,
    )


def _ids_of_0_1() -> dict[int, str]:
    """The ids that a device tree of version 0.1 would name; we take those of 0.2."""
    return {call.key: call.name for call in CALLS if call.exists_in(V0_1)}


def _ordinary(name: str) -> object:
    try:
        return answers((name,), cores=1)[0]
    except Undeclared:
        return 0


def open_symbols(machine: Machine) -> Iterator[Function]:
    """What an implementation has to declare: the symbols whose value does not follow from cores, tree and version."""
    plain = Machine(machine.version, machine.cores, machine.boot, machine.topology, unusable=machine.unusable)
    for symbol in MACHINE_SYMBOLS:
        if symbol.kind == "machine":
            follows = symbol.name not in DEFAULTS and plain.value(symbol.name, (0,) * len(symbol.domain)) is not None
            # which core starts a Trusted OS follows from trusted_os_home
            if not follows and symbol.name != "starts_trusted_os":
                yield symbol


def clustered(cpus: int, version: Version = V1_3) -> Machine:
    """The small machine with a cluster for each core, states of both levels, and OS-initiated mode where it exists."""
    shape = Topology.clusters([1] * cpus)
    states = (*SHALLOW_STATES, *SYSTEM_STATES)
    return small(cpus, version, topology=shape, declared={"osi_supported": True}, states=states)


def made_for(
    cpus: int, version: Version, owner: Call | None, symbols: Collection[str]
) -> Iterator[tuple[str, Machine]]:
    """Machines for rules that speak of what no ordinary one is: a function with one id, a state that claims too little.

    Args:
        cpus: how many cores.
        version: the version of PSCI.
        owner: the call that the rule belongs to.
        symbols: what the rule asks the machine.

    Yields:
        What differs, and the machine.
    """
    if owner is not None and owner.fid64 is not None and "both_ids" in symbols:
        apart: DeclaredSymbols = {"both_ids": "APART", ("has", owner.fid64): False}
        yield f"no SMC64 id of {owner.name}", small(cpus, version, declared=apart)
    if "claims" in symbols:
        states = (PowerState(0x0101_0002, "POWERDOWN", {1: "POWERDOWN"}),)
        yield "a state that claims too little", small(cpus, version, declared={"osi_supported": True}, states=states)
    if "ancestor" in symbols:
        for differs, machine in variants(clustered(cpus, version)):
            if differs.partition(" ")[0] in symbols:
                yield f"clusters, {differs}", machine


def variants(machine: Machine) -> Iterator[tuple[str, Machine]]:
    """The machine itself, then one machine for each other answer to one thing that it declares.

    Yields:
        What differs (`symbol = value`; empty for the machine itself), and the machine.
    """
    yield "", machine
    for symbol in open_symbols(machine):
        for other in _other_answers(machine, symbol):
            yield _varied(machine, {symbol.name: other})


def combinations(machine: Machine, symbols: Collection[str]) -> Iterator[tuple[str, Machine]]:
    """Machines that answer two or more of these symbols otherwise."""
    open_ones = [symbol for symbol in open_symbols(machine) if symbol.name in symbols]
    choices = [[None, *_other_answers(machine, symbol)] for symbol in open_ones]
    for answered in itertools.product(*choices):
        different = {s.name: answer for s, answer in zip(open_ones, answered, strict=True) if answer is not None}
        if len(different) > 1:
            yield _varied(machine, different)


def _other_answers(machine: Machine, symbol: Function) -> list[Value]:
    plain = machine.declared.get(symbol.name, DEFAULTS.get(symbol.name))
    single = any(isinstance(key, tuple) and key[0] == symbol.name for key in machine.declared)
    if single or isinstance(symbol.range, BitVector | Quantity) or symbol.range == CORE:
        return []
    return [answer for answer in answers((symbol.name,)) if answer != plain]


def _varied(machine: Machine, different: Mapping[str, Value]) -> tuple[str, Machine]:
    text = ", ".join(f"{name} = {value}" for name, value in different.items())
    declared: dict[str | Key, Value] = dict(machine.declared)
    declared.update(different)
    return text, replace(machine, declared=declared)


__all__ = [
    "MOST_CORES", "SHALLOW_STATES", "UNUSABLE", "clustered", "combinations", "made_for", "open_symbols", "small",
    "variants",
]  # fmt: skip
