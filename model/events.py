"""The events of a trace: what a tester did to a machine and what it saw.

Registers and addresses are integers here and hex strings in a trace file (`psci.oracle.traces.file`).
The order of a sequence of events is real-time order: a `CallEvent` is stamped before the conduit
instruction runs, a `ReturnEvent` and an `EnterEvent` after it. Where the clocks of several cores were
merged, `t0` and `t1` bound the moment of an event, and events whose intervals overlap are
unordered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of a trace."""

    k: ClassVar[str] = ""

    t: int | None = None
    t0: int | None = None
    t1: int | None = None
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Fields that a peer added under `x-`; never read by the checker."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineEvent(Event):
    """The machine under test and how it is to be judged; always the first event."""

    k: ClassVar[str] = "machine"

    psci: str
    cpus: tuple[int, ...]
    """The MPIDR of each core, affinity fields only, in the layout of DEN0022 5.1.4."""
    boot_cpu: int | None = None
    conduit: str | None = None
    smccc: str | None = None
    ids: Mapping[str, int] | None = None
    """The function ids of PSCI 0.1, which come from the device tree."""
    cores: Mapping[int, Mapping[str, Any]] | None = None
    """Per MPIDR: `isa` (aarch64, aarch32), `el` (1 or 2), `world` (normal, realm, secure)."""
    profile: Mapping[str, Any] | str | None = None
    topology: Mapping[str, Any] | None = None
    initial: Mapping[str, Any] | None = None
    reading: Mapping[str, str] | None = None
    clock: str | None = None
    peer: str | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallEvent(Event):
    """A core is about to run the conduit instruction."""

    k: ClassVar[str] = "call"

    cpu: int
    fn: int
    args: tuple[int, ...] = ()
    """x1, x2, ... as the caller set them: all 64 bits, also for an SMC32 function id."""
    id: int | None = None
    conduit: str | None = None
    isa: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnEvent(Event):
    """The caller's next instruction ran; `x0` is all 64 bits of the register."""

    k: ClassVar[str] = "return"

    cpu: int
    x0: int
    call: int | None = None
    regs: Mapping[str, int] | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterEvent(Event):
    """A core begins to run caller code at `pc`."""

    k: ClassVar[str] = "enter"

    cpu: int
    pc: int
    x0: int
    el: int | None = None
    isa: str | None = None
    regs: Mapping[str, int] | None = None
    """What else was read at the first instruction: `sctlr`, `daif`, ..."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeEvent(Event):
    """The tester made a wakeup event pending for a core."""

    k: ClassVar[str] = "wake"

    cpu: int
    cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnwakeEvent(Event):
    """The tester withdrew a wakeup event that no core has taken."""

    k: ClassVar[str] = "unwake"

    cpu: int
    cause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BootEvent(Event):
    """The machine starts again."""

    k: ClassVar[str] = "boot"

    cpu: int
    cause: str
    """One of cold, warm, vendor, image, restored, unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemEvent(Event):
    """What the outside of the machine saw of a system call; what it cannot tell is absent."""

    k: ClassVar[str] = "system"

    event: str
    """One of off, reset, suspend, hibernate, crash."""
    source: str | None = None
    reset_type: int | None = None
    flags: int | None = None
    """As KVM gives them: bit 0 of a shutdown means SYSTEM_OFF2, bit 0 of a reset means SYSTEM_RESET2."""
    raw: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObserveEvent(Event):
    """The outside's view of a core or of a power-domain node."""

    k: ClassVar[str] = "observe"

    power: str
    """For a core: on, off, on_pending, suspended; for a node: run, standby, retention, powerdown."""
    source: str
    cpu: int | None = None
    node: str | None = None
    raw: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadEvent(Event):
    """The host read registers of a core."""

    k: ClassVar[str] = "read"

    cpu: int
    regs: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteEvent(Event):
    """The host wrote registers of a core."""

    k: ClassVar[str] = "write"

    cpu: int
    regs: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostEvent(Event):
    """The host acted: keep, change, change_signature, restart, resume, start_cpu, stop_cpu, filter, set_version."""

    k: ClassVar[str] = "host"

    action: str
    cpu: int | None = None
    result: str | None = None
    raw: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveEvent(Event):
    """The machine moved between hosts."""

    k: ClassVar[str] = "move"

    source: str
    destination: str
    saved: tuple[str, ...] = ()
    restored: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeoutEvent(Event):
    """A core gave no answer in the time allowed."""

    k: ClassVar[str] = "timeout"

    cpu: int


@dataclass(frozen=True, slots=True, kw_only=True)
class EndEvent(Event):
    """The trace ends here, and why."""

    k: ClassVar[str] = "end"

    why: str


KINDS: Mapping[str, type[Event]] = {
    kind.k: kind for kind in list(globals().values()) if isinstance(kind, type) and issubclass(kind, Event) and kind.k
}
"""Every kind of event by the name it has in a trace: whatever class of this file says its name."""
