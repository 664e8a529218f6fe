"""A machine: its cores and power domains, and what its implementation declares.

What is not declared is unknown but fixed: the stepper asks for it by raising `Undeclared`, and
whoever can choose (the oracle, an explorer) goes on under each answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias

from psci.model.calls import CALLS
from psci.model.errors import InputError
from psci.model.language.sorts import BOOL, CORE, BitVector, Enumeration, Sort
from psci.model.language.terms import Function, Value
from psci.model.power.topology import Topology
from psci.model.symbols.machine import LOCAL_STATE, MACHINE_SYMBOLS
from psci.model.symbols.readings import READINGS
from psci.model.tables.versions import V0_2, V1_0, Version

Key: TypeAlias = tuple[Value, ...]
"""A machine symbol and its arguments: `("has", 0x84000015)`."""
Choices: TypeAlias = Mapping[Key, Value]

AFFINITY_FIELDS = 0xFF_00FF_FFFF
"""The bits of an MPIDR that are affinity fields (5.1.4)."""


class ProfileError(InputError):
    """A profile contradicts itself; the message names the field."""


class Undeclared(KeyError):
    """The rules asked for something that the profile leaves open; `key` says what."""

    @property
    def key(self) -> Key:
        """The symbol and its arguments."""
        key: Key = self.args[0]
        return key


DEFAULTS: Mapping[str, Value] = {
    # policy may change at any time: DENIED, or none, whenever a core is OFF
    "policy": "MAY_CHANGE",
    # what no profile describes is not held against any answer: the rules ask `described` before they read the rest
    "described": False,
    "retention": False,
    "requested": "RUN",
    "claims": False,
    "counted_level": 0,
    # of a node that nobody can tell only the core is judged
    "named_level": 0,
    # no bit is known to be ignored; where a profile does not say, values that it does not list are left open
    "last_in_level_bits": 0,
    # a warm reset may stay warm, or fall back to a cold one
    "reset_keeps_warm": False,
    # a stray wakeup may be ignored, or reset the system
    "stray_wakeup": "EITHER",
    # read under one option of one reading only, which somebody has to choose
    "elns_isa": "AARCH64",
    **{r.symbol: r.options[r.default] for r in READINGS.values() if r.default is not None},
}
"""What a profile that is silent stands for, where that is not left open, and why it blames nobody."""

SYMBOLS: Mapping[str, Function] = {symbol.name: symbol for symbol in MACHINE_SYMBOLS}


@dataclass(frozen=True)
class Machine:
    """One machine, its version of PSCI, and the declarations of its implementation.

    `declared` maps a symbol to its value for all arguments, or a symbol with arguments to one
    value. `unusable` lists address ranges [first, last] that no caller may be entered at.
    """

    version: Version
    cores: tuple[int, ...]
    """MPIDRs, affinity fields only."""
    boot: int = 0
    topology: Topology | None = None
    declared: Mapping[str | Key, Value] = field(default_factory=dict)
    unusable: tuple[tuple[int, int], ...] | None = None
    protected: tuple[tuple[int, int], ...] | None = None
    """The address ranges [first, last] that MEM_PROTECT protects, or None where nobody says."""
    ids: Mapping[int, str] | None = None
    """PSCI 0.1: the function that each id of the device tree names; elsewhere None, and DEN0022 fixes the ids."""
    left_open: frozenset[str] = frozenset()
    """Symbols whose default does not hold here: what nobody declares of them is unknown."""

    def __post_init__(self) -> None:
        if not self.cores or len(set(self.cores)) != len(self.cores):
            raise ProfileError("cores: there must be at least one, each with an MPIDR of its own")
        for mpidr in self.cores:
            if mpidr & ~AFFINITY_FIELDS:
                raise ProfileError(f"cores: {mpidr:#x} has bits outside the affinity fields")
        if not 0 <= self.boot < len(self.cores):
            raise ProfileError(f"boot: {self.boot} is not the index of a core")

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other

    @cached_property
    def alike(self) -> Alike:
        """What it has in common with machines that are declared alike: a key for what follows from that."""
        return Alike(self)

    @cached_property
    def core_of(self) -> Mapping[int, int]:
        """The index of the core with an MPIDR."""
        return {mpidr: index for index, mpidr in enumerate(self.cores)}

    @cached_property
    def tree(self) -> Topology:
        """The power-domain tree; by default every core is a child of the system node."""
        return self.topology or Topology.flat(len(self.cores))

    def value(self, name: str, arguments: tuple[Value, ...]) -> Value | None:
        """What the machine declares for a symbol, or None where it leaves it open."""
        known = self._fixed(name, arguments)
        if known is not None:
            return known
        if (name, *arguments) in self.declared:
            return self.declared[(name, *arguments)]
        return self.declared.get(name, None if name in self.left_open else DEFAULTS.get(name))

    def _fixed(self, name: str, arguments: tuple[Value, ...]) -> Value | None:
        match name, arguments:
            case "psci_version", ():
                return self.version.number or 0
            case "boot_core", ():
                return self.boot
            case (("extended_state_id" | "osi_supported"), ()) if self.version < V1_0:
                return False  # PSTATE-4, OSI-1: before 1.0 there is one format and one mode
            case "latency", (str(state),) if state in LOCAL_STATE.values and ("latency", state) not in self.declared:
                return LOCAL_STATE.values.index(state)
            case "starts_trusted_os", _ if self.declared.get("trusted_os") == "MP_OR_NONE":
                return False
            case "starts_trusted_os", (int(core),) if "trusted_os_home" in self.declared:
                return core == self.declared["trusted_os_home"]
            case "mpidr", (int(core),):
                return self.cores[core]
            case "is_core", (int(mpidr),):
                return mpidr in self.core_of
            case "core_of", (int(mpidr),):
                return self.core_of.get(mpidr, 0)
            case "has", (int(fid),):
                return self._presence(fid)
            case "addresses_declared", () if name not in self.declared:
                return self.unusable is not None
            case "address_unusable", (int(address),) if self.unusable is not None:
                return any(first <= address <= last for first, last in self.unusable)
            case "protected_range", (int(base), int(length)) if self.protected is not None and length:
                return covers(self.protected, base, length)
        return None

    def _presence(self, fid: int) -> bool | None:
        """RET-6: a function that the version defines and does not make optional is there."""
        call = next((call for call in CALLS if call.key == fid), None)
        if call is None:
            return None
        if not call.exists_in(self.version):
            return False
        if self.ids is not None:
            return call.name in self.ids.values()
        if call.name == "MIGRATE_INFO_TYPE" and self.version == V0_2 and self.declared.get("errata") == "NOT_APPLIED":
            return True  # MIG_TYPE-4: optional by an erratum
        return None if call.optional else True


class Alike:
    """A machine that equals any other of the same version, cores, power domains and declarations."""

    def __init__(self, machine: Machine) -> None:
        """Look at what a machine says."""
        self.machine = machine
        self._said = (
            machine.version, machine.cores, machine.boot, machine.topology, machine.unusable, machine.protected,
            machine.left_open,
            *(None if said is None else frozenset(said.items()) for said in (machine.declared, machine.ids)),
        )  # fmt: skip
        self._hash = hash(self._said)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Alike) and self._said == other._said


def covers(ranges: Iterable[tuple[int, int]], base: int, length: int) -> bool:
    """Whether ranges [first, last] together hold all of `length` bytes from `base`."""
    end = base + length
    for first, last in sorted(ranges):
        if first <= base <= last:
            base = last + 1
    return base >= end


def answers(key: Key, sort: Sort | None = None, cores: int = 0) -> tuple[Value, ...]:
    """The values that something undeclared can have, the most ordinary first."""
    sort = sort or SYMBOLS[str(key[0])].range
    if sort == BOOL:
        return (False, True) if key[0] in RARELY else (True, False)
    if isinstance(sort, Enumeration):
        # without a Trusted OS is the most ordinary
        return sort.values[::-1] if key[0] == "trusted_os" else sort.values
    if sort == CORE:
        return tuple(range(cores))
    if isinstance(sort, BitVector) and key[0] == "beta_hibernate_type":
        return (0, 1)
    raise Undeclared(key)


RARELY = ("address_unusable", "disabled", "starts_trusted_os", "checks_upper_halves")
"""Symbols that are ordinarily false."""
