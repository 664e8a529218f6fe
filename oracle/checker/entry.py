"""What must be true of a core's registers at its first instruction, and after a call (DEN0022 5.4.9, 6.4; SMCCC)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from psci.model.events import CallEvent, EnterEvent, ReturnEvent


class RegisterFault(NamedTuple):
    """Something that is not as it must be, in an event that the rules explain otherwise."""

    observed: str
    allowed: str
    cites: tuple[str, ...]


class _Condition(NamedTuple):
    register: str
    holds: Callable[[int], bool]
    allowed: str
    cites: tuple[str, ...]


M, C, I = 1 << 0, 1 << 2, 1 << 12  # noqa: E741  # the names of the bits
DAIF = 0xF << 6
MODE_BITS = 0x1F
T32 = 1 << 5
SVC, HYP = 0x13, 0x1A
"""Modes of AArch32: Supervisor and Hyp."""
EL1H, EL2H = 0x5, 0x9
"""Modes of AArch64 with the Exception level's own stack pointer."""

MODES = {SVC: 1, HYP: 2}
"""The Exception level of each mode of AArch32 that a core may be entered in."""

CALLER_LEVELS = (1, 2)
"""The Exception levels that PSCI's callers run at, and are entered at."""

COMMON = (
    _Condition("sctlr", lambda value: not value & (M | C | I), "SCTLR.{I,C,M} = 000", ("ENTRY-9",)),
    _Condition("cntfrq", lambda value: value != 0, "a counter frequency that was set", ("ENTRY-12",)),
)
AARCH64 = (
    *COMMON,
    _Condition("daif", lambda value: value & DAIF == DAIF, "DAIF = 1111", ("ENTRY-7",)),
    _Condition("spsel", lambda value: bool(value & 1), "SPSel = 1 (EL1h or EL2h)", ("ENTRY-2",)),
    _Condition(
        "pstate", lambda value: value & DAIF == DAIF and value & MODE_BITS in (EL1H, EL2H),
        "DAIF = 1111 in EL1h or EL2h", ("ENTRY-2", "ENTRY-7"),
    ),
)  # fmt: skip
AARCH32 = (
    *COMMON,
    _Condition("cpsr", lambda value: value & MODE_BITS in (SVC, HYP), "Supervisor or Hyp mode", ("ENTRY-2",)),
)
"""DEN0022 says of CPSR.{A,I,F} that they should be set, which obliges nobody."""

PRESERVED_SINCE = (1, 1)
"""The version of SMCCC from which on x4 to x17 keep their values (SMC-11)."""
_FIRST_PRESERVED = 4
_REGISTER = re.compile(r"([xwr])(\d+)")


class Asked(NamedTuple):
    """What the caller who asked for an entry may have been, and may have asked for."""

    isa: str
    """Its execution state."""
    t32: bool
    """It asked for T32 (ENTRY-11)."""


def entry_level(event: EnterEvent, core: Mapping[str, Any]) -> int | None:
    """The Exception level of an entry: as the trace says, or as a register that was read there tells; else None."""
    regs = event.regs or {}
    if event.el is not None:
        return event.el
    if (event.isa or core.get("isa")) == "aarch32":
        return MODES.get(regs["cpsr"] & MODE_BITS) if "cpsr" in regs else None
    if "currentel" in regs:
        return regs["currentel"] >> 2 & 3
    return regs["pstate"] >> 2 & 3 if "pstate" in regs else None


def entry_faults(
    event: EnterEvent, core: Mapping[str, Any], last_level: int | None, asked: frozenset[Asked]
) -> Iterator[RegisterFault]:
    """What is wrong with the registers at an entry; what was not read, or is not declared, is not judged.

    Args:
        event: the entry.
        core: what the machine event declares of the core: `isa`, `el`.
        last_level: the Exception level that this core was entered at before, if that was seen.
        asked: what the caller who asked for the entry may have been.
    """
    who = f"core {event.cpu:#x}"
    level = entry_level(event, core)
    if level is not None:
        declared = core.get("el")
        if level not in CALLER_LEVELS:
            yield RegisterFault(f"{who} entered at EL{level}", "entry at EL1 or EL2", ("ENTRY-1",))
        elif declared is not None and level != declared:
            yield RegisterFault(f"{who} entered at EL{level}", f"entry at EL{declared}", ("ENTRY-1",))
        elif last_level not in (None, level):
            yield RegisterFault(
                f"{who} entered at EL{level}", f"entry at EL{last_level}, as at its entry before", ("ENTRY-1",)
            )
    isa = event.isa or core.get("isa")
    callers = {one.isa for one in asked}
    if event.isa is not None:
        if core.get("isa") not in (None, event.isa):
            yield RegisterFault(f"{who} entered in {event.isa}", f"entry in {core['isa']}", ("ENTRY-5",))
        elif callers and not any(_fits(caller, event, level) for caller in callers):
            of_caller = " or ".join(sorted(caller.lower() for caller in callers))
            yield RegisterFault(
                f"{who} entered in {event.isa}", f"entry in {of_caller}, as its caller ran", ("ENTRY-5", "ENTRY-4")
            )
    yield from _register_faults(event, isa, who)
    cpsr = (event.regs or {}).get("cpsr")
    if isa == "aarch32" and cpsr is not None and not cpsr & T32 and asked and all(one.t32 for one in asked):
        yield RegisterFault(f"{who} entered in A32 at {event.pc:#x}", "entry in T32, as bit 0 asks", ("ENTRY-11",))


def _fits(caller: str, event: EnterEvent, level: int | None) -> bool:
    """Whether a caller in this execution state can have asked for the entry.

    An AArch64 caller has no AArch32 level above it. An AArch32 caller at EL1 may have an AArch64 EL2 above it, where
    cores are then entered; where they are entered at EL1, that is the caller's own level.
    """
    if caller == "AARCH64":
        return event.isa == "aarch64"
    return event.isa == "aarch32" or level != 1


def _register_faults(event: EnterEvent, isa: str | None, who: str) -> Iterator[RegisterFault]:
    for register, holds, allowed, cites in AARCH32 if isa == "aarch32" else AARCH64:
        value = (event.regs or {}).get(register)
        if value is not None and not holds(value):
            yield RegisterFault(f"{who} entered with {register} {value:#x}", allowed, cites)
    cpsr = (event.regs or {}).get("cpsr")
    if isa == "aarch32" and cpsr is not None and cpsr & T32 and event.pc & 1:
        yield RegisterFault(f"{who} entered in T32 at {event.pc:#x}", "an even address", ("ENTRY-11",))


def changed_registers(call: CallEvent, event: ReturnEvent, smccc: str | None) -> Iterator[RegisterFault]:
    """The registers that a call must leave alone and that it changed, as far as the trace gives them (SMC-11, SMC-12).

    Args:
        call: the call.
        event: its return.
        smccc: the version of SMCCC, if it is declared; before 1.1 a call may change x4 to x17.
    """
    if smccc is None or not _at_least(smccc, PRESERVED_SINCE):
        return
    for name, after in (event.regs or {}).items():
        parsed = _REGISTER.fullmatch(name)
        if parsed is None:
            continue
        number = int(parsed[2])
        if not _FIRST_PRESERVED <= number <= len(call.args):
            continue
        mask = (1 << 64) - 1 if parsed[1] == "x" else 0xFFFF_FFFF
        before = call.args[number - 1] & mask
        if after & mask != before:
            yield RegisterFault(
                f"core {event.cpu:#x} returned with {name} {after:#x}", f"{name} = {before:#x}, as before the call",
                ("SMC-11", "SMC-12"),
            )  # fmt: skip


def _at_least(version: str, wanted: tuple[int, ...]) -> bool:
    numbers = re.findall(r"\d+", version)
    return tuple(map(int, numbers[:2])) >= wanted


__all__ = ["Asked", "RegisterFault", "changed_registers", "entry_faults", "entry_level"]
