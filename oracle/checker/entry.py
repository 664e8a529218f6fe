"""What must be true of a core's registers at its first instruction (DEN0022 6.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from psci.model.events import Enter


class Fault(NamedTuple):
    """A register that is not as it must be."""

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

AARCH64 = (
    _Condition("sctlr", lambda value: not value & (M | C | I), "SCTLR.{I,C,M} = 000", ("ENTRY-9",)),
    _Condition("daif", lambda value: value & DAIF == DAIF, "DAIF = 1111", ("ENTRY-7",)),
    _Condition("spsel", lambda value: bool(value & 1), "SPSel = 1 (EL1h or EL2h)", ("ENTRY-2",)),
)
AARCH32 = (_Condition("sctlr", lambda value: not value & (M | C | I), "SCTLR.{I,C,M} = 000", ("ENTRY-9",)),)
"""DEN0022 says of CPSR.{A,I,F} that they should be set: that binds nobody."""


def entry_faults(event: Enter, core: Mapping[str, Any]) -> Iterator[Fault]:
    """What is wrong with the registers at an entry; what was not read, or is not declared, is not judged.

    Args:
        event: the entry.
        core: what the machine event declares of the core: `isa`, `el`.
    """
    el = core.get("el")
    if el is not None and event.el is not None and event.el != el:
        yield Fault(f"core {event.cpu:#x} entered at EL{event.el}", f"entry at EL{el}", ("ENTRY-1",))
    isa = event.isa or core.get("isa")
    if event.isa is not None and core.get("isa") not in (None, event.isa):
        yield Fault(f"core {event.cpu:#x} entered in {event.isa}", f"entry in {core['isa']}", ("ENTRY-5",))
    for register, holds, allowed, cites in AARCH32 if isa == "aarch32" else AARCH64:
        value = (event.regs or {}).get(register)
        if value is not None and not holds(value):
            yield Fault(f"core {event.cpu:#x} entered with {register} {value:#x}", allowed, cites)
