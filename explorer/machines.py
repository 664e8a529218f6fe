"""Small machines that declare everything, as an exploration needs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from psci.model.errors import InputError
from psci.model.language.sorts import BitVector
from psci.model.language.terms import Function
from psci.model.machine import MACHINE_SYMBOLS
from psci.model.profile import DEFAULTS, Key, Machine, Undeclared, answers
from psci.model.topology import Topology
from psci.model.versions import V1_3, Version

UNUSABLE = ((0xF000_0000, 0xF000_0FFF),)
"""The addresses that no caller may be entered at, on an explored machine."""
STANDBY_STATE = 0x0000_0000
POWERDOWN_STATE = 0x0001_0000
"""The two valid values of power_state in the original format: StateType 0 and 1, StateID 0 (5.4.2, Table 7)."""
EXTENDED_POWERDOWN_STATE = 0x4000_0000
"""StateType 1, StateID 0 in the extended format (5.4.2, Table 8)."""
MOST_CORES = 8

Declared = Mapping[str | Key, object]


def small(
    cpus: int, version: Version = V1_3, *, topology: Topology | None = None, declared: Declared | None = None
) -> Machine:
    """A machine with `cpus` cores that declares every symbol: all optional functions, the most ordinary answers.

    Args:
        cpus: how many cores, 1 to 8.
        version: the version of PSCI.
        topology: the power-domain tree; by default every core is a child of the system.
        declared: what is to be declared otherwise.

    Raises:
        InputError: the number of cores cannot be explored.
    """
    if not 1 <= cpus <= MOST_CORES:
        raise InputError(f"--cpus {cpus}: choose 1 to {MOST_CORES} cores")
    answered: dict[str | Key, object] = {
        "state_valid": False,
        ("state_valid", STANDBY_STATE): True,
        ("state_valid", POWERDOWN_STATE): True,
        ("state_valid", EXTENDED_POWERDOWN_STATE): True,
    }
    for symbol in open_symbols(Machine(version, tuple(range(cpus)), unusable=UNUSABLE)):
        if symbol.name not in DEFAULTS:
            answered.setdefault(symbol.name, _ordinary(symbol.name))
    # the original power_state format, so that the states above read as written
    answered["extended_state_id"] = False
    return Machine(
        version,
        tuple(range(cpus)),
        topology=topology,
        declared={**answered, **(declared or {})},  # type: ignore[dict-item]  # values of the symbols' sorts
        unusable=UNUSABLE,
    )


def _ordinary(name: str) -> object:
    try:
        return answers((name,))[0]
    except Undeclared:
        return 0


def open_symbols(machine: Machine) -> Iterator[Function]:
    """What an implementation has to declare: the symbols whose value does not follow from cores, tree and version."""
    plain = Machine(machine.version, machine.cores, machine.boot, machine.topology, unusable=machine.unusable)
    for symbol in MACHINE_SYMBOLS:
        if symbol.kind == "machine":
            follows = symbol.name not in DEFAULTS and plain.value(symbol.name, (0,) * len(symbol.domain)) is not None
            if not follows:
                yield symbol


def variants(machine: Machine) -> Iterator[tuple[str, Machine]]:
    """The machine itself, then one machine for each other answer to one thing that it declares.

    Yields:
        What differs (`symbol = value`; empty for the machine itself), and the machine.
    """
    yield "", machine
    for symbol in open_symbols(machine):
        plain = machine.declared.get(symbol.name, DEFAULTS.get(symbol.name))
        single = any(isinstance(key, tuple) and key[0] == symbol.name for key in machine.declared)
        if single or isinstance(symbol.range, BitVector):
            continue
        for other in answers((symbol.name,)):
            if other != plain:
                yield f"{symbol.name} = {other}", replace(machine, declared={**machine.declared, symbol.name: other})


__all__ = ["MOST_CORES", "UNUSABLE", "open_symbols", "small", "variants"]
