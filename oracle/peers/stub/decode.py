"""From the logs that the stub left in memory to the events of a trace.

The memory belongs to the implementation under test, so nothing in it is trusted: sizes, kinds,
numbers and ranges are checked, and a log that the stub cannot have written is a `PeerError`.

**Order.** All cores read the same counter. A call is stamped before the conduit instruction, a
return and an entry after it; where two stamps are equal the call goes first, which lets the two
overlap. A wake counts from the moment before the interrupt was sent, an unwake from the moment
after it was taken; their `t0` and `t1` bound the moment itself.

**Faults.** A fault that a core took between a call and what followed it (the conduit instruction
itself may be undefined) stands in the `x-faults` of that core's next event. Faults that no event
of the same core follows are in `Life.faults`, for the trace's end.
"""

from __future__ import annotations

import heapq
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psci.model.events import CallEvent, EnterEvent, Event, ReturnEvent, UnwakeEvent, WakeEvent
from psci.oracle.peers.peer import PeerError
from psci.oracle.peers.program import CallStep, ProgramStep, WakeStep
from psci.oracle.peers.stub import layout
from psci.oracle.peers.stub.encode import StubMachine, call_args

AreaReader = Callable[[int, int], bytes]
"""Returns `size` bytes at an `offset` of the exchange area: `read(offset, size)`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreProgress:
    """How far one core is, as its block says."""

    status: layout.Status
    started: int
    """Steps begun."""
    done: int
    """Steps done."""
    expected: bool
    """A call that should start this core was made, and the core was not entered since."""
    records: int
    overflow: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """The registers at the first instruction of a core."""

    cpu: int
    t: int
    pc: int
    x0: int
    el: int
    sctlr: int
    daif: int
    spsel: int
    mpidr: int
    frequency: int
    """Of the counter, in Hz."""

    def regs(self) -> dict[str, int]:
        """What an `EnterEvent` event carries beside pc, x0 and el."""
        return {
            "sctlr": self.sctlr, "daif": self.daif, "spsel": self.spsel,
            "mpidr": self.mpidr, "cntfrq": self.frequency,
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class StubLife:
    """What happened in one life."""

    boots: tuple[Entered, ...]
    """The boot core's own reports; one unless something is wrong."""
    events: tuple[Event, ...]
    """Calls, returns, entries, wakes and unwakes in real-time order; `t` in ticks of the counter."""
    cores: tuple[CoreProgress, ...]
    faults: tuple[Mapping[str, Any], ...]
    """Faults that no event of the same core follows."""
    unanswered: tuple[int, ...]
    """Indices of the cores whose last call neither returned nor was followed by an entry."""


def cores(read: AreaReader, count: int) -> tuple[CoreProgress, ...]:
    """The progress of each core, cheap enough to ask for again and again.

    Raises:
        PeerError: a block holds what the stub cannot have written.
    """
    blocks = _exactly(read, layout.CORES_OFFSET, count * layout.CORE_SIZE)
    return tuple(_core(blocks, index) for index in range(count))


def boot(read: AreaReader, platform: StubMachine) -> Entered | None:
    """What the boot core reported when it began, or None if it has not yet.

    Raises:
        PeerError: the first record of its log is not what the stub writes.
    """
    block = cores(read, 1)[0]
    log = _CoreLog(0, platform, (), 0)
    return log.first_boot(read) if block.records else None


def life(read: AreaReader, platform: StubMachine, steps: Sequence[ProgramStep], origin: int = 0) -> StubLife:
    """The events of a life that was encoded from the same `platform` and `steps`.

    Args:
        read: the memory.
        platform: as given to `encode.life`.
        steps: as given to `encode.life`.
        origin: the value of the counter that is `t` = 0.

    Raises:
        PeerError: the logs hold what the stub cannot have written, or a log was too small.
    """
    count = len(platform.mpidrs)
    blocks = cores(read, count)
    logs = [
        _CoreLog(index, platform, [step for step in steps if step.cpu == index], origin).decode(read, block)
        for index, block in enumerate(blocks)
    ]
    _refuse_stranger(read)
    # A merge, not a sort: the order of a core's own events is certain, also where its stamps are equal.
    stamped = heapq.merge(*(log.stamped for log in logs), key=lambda item: item[:2])
    return StubLife(
        boots=tuple(boot for log in logs for boot in log.boots),
        events=tuple(event for _, _, event in stamped),
        cores=blocks,
        faults=tuple(fault for log in logs for fault in log.faults),
        unanswered=tuple(log.index for log in logs if log.open_step is not None),
    )


def _exactly(read: AreaReader, offset: int, size: int) -> bytes:
    data = read(offset, size)
    if len(data) != size:
        raise PeerError(f"the exchange area ends {size - len(data)} bytes too early behind offset {offset:#x}")
    return data


_BLOCK = struct.Struct("<9I")
_STARTED = struct.Struct(f"<{layout.MAX_CORES}I")


def _core(blocks: bytes, index: int) -> CoreProgress:
    status, started, done, records, _, entries, steps, _, overflow = _BLOCK.unpack_from(
        blocks, index * layout.CORE_SIZE
    )
    try:
        known = layout.Status(status)
    except ValueError:
        raise PeerError(
            f"core {index}: status {status:#x}, which the stub never writes; run the program again"
        ) from None
    if not done <= started <= steps <= layout.MAX_STEPS or records > layout.MAX_RECORDS:
        raise PeerError(
            f"core {index}: {done} of {started} of {steps} steps and {records} records, which the stub never writes;"
            " run the program again"
        )
    expected = any(
        _STARTED.unpack_from(blocks, caller + layout.C_STARTED)[index] == entries + 1
        for caller in range(0, len(blocks), layout.CORE_SIZE)
    )
    return CoreProgress(
        status=known, started=started, done=done, expected=expected, records=records, overflow=overflow != 0
    )


def _refuse_stranger(read: AreaReader) -> None:
    """A core that is not in the table of MPIDRs logs its entry in the last log."""
    (count,) = struct.unpack("<I", _exactly(read, layout.core_offset(layout.STRANGER) + layout.C_COUNT, 4))
    if count:
        record = _exactly(read, layout.log_offset(layout.STRANGER), layout.RECORD_SIZE)
        pc, _, _, _, _, _, mpidr, _ = struct.unpack_from("<8Q", record, layout.R_REGS)
        raise PeerError(f"a core with MPIDR {mpidr:#x}, which this machine does not have, was entered at {pc:#x}")


_RECORD = struct.Struct("<IIQQI4x18QQ")
_BEFORE, _AFTER = 0, 1
"""How events with equal stamps are sorted."""


class _CoreLog:
    """Decodes the log of one core, front to back."""

    def __init__(self, index: int, platform: StubMachine, steps: Sequence[ProgramStep], origin: int) -> None:
        self.index = index
        self.platform = platform
        self.steps = steps
        self.origin = origin
        self.mpidr = platform.mpidrs[index]
        self.stamped: list[tuple[int, int, Event]] = []
        self.boots: list[Entered] = []
        self.faults: list[Mapping[str, Any]] = []
        self.open_step: int | None = None
        self.number = 0
        self.last_t = 0

    def first_boot(self, read: AreaReader) -> Entered:
        """The first record, which must be a boot.

        Raises:
            PeerError: it is not.
        """
        self._record(_RECORD.unpack_from(_exactly(read, layout.log_offset(self.index), layout.RECORD_SIZE)))
        if not self.boots:
            raise self._refused("not a boot")
        return self.boots[0]

    def decode(self, read: AreaReader, block: CoreProgress) -> _CoreLog:
        """Read and check every record.

        Raises:
            PeerError: see `life`.
        """
        if block.overflow:
            raise PeerError(f"core {self.index}: its log of {layout.MAX_RECORDS} records is full; use shorter lives")
        data = _exactly(read, layout.log_offset(self.index), block.records * layout.RECORD_SIZE)
        for self.number in range(block.records):
            self._record(_RECORD.unpack_from(data, self.number * layout.RECORD_SIZE))
        return self

    def _record(self, fields: tuple[int, ...]) -> None:
        kind, step, t0, t1, guard, *rest = fields
        regs, changed = rest[:-1], rest[-1]
        if guard != layout.GUARD + self.number:
            raise self._refused(f"guard {guard:#x}")
        if not self.last_t <= t0 <= t1:
            raise self._refused(f"stamps {t0} and {t1} after {self.last_t}")
        self.last_t = t1
        t0, t1 = t0 - self.origin, t1 - self.origin
        match kind:
            case layout.RecordKind.BOOT:
                self.boots.append(self._entered(t1, regs))
            case layout.RecordKind.ENTER:
                self._enter(self._entered(t1, regs))
            case layout.RecordKind.CALL:
                self._call(step, t0)
            case layout.RecordKind.RETURN:
                self._return(step, t1, regs, changed)
            case layout.RecordKind.WAKE:
                self._wake(step, t0, t1)
            case layout.RecordKind.ACK:
                self._add(t1, _AFTER, UnwakeEvent(cpu=self.mpidr, cause="irq", t=t1, t0=t0, t1=t1, extra=self._extra()))
            case layout.RecordKind.FAULT:
                self.faults.append(self._fault(regs))
            case layout.RecordKind.FINISHED:
                pass
            case _:
                raise self._refused(f"kind {kind:#x}")

    def _entered(self, t: int, regs: Sequence[int]) -> Entered:
        pc, x0, el, sctlr, daif, spsel, mpidr, frequency = regs[:8]
        if el > 3 or not frequency or mpidr & 0xFF_00FF_FFFF != self.mpidr:
            raise self._refused(f"an entry at EL{el} with MPIDR {mpidr:#x} and a counter of {frequency} Hz")
        return Entered(
            cpu=self.mpidr, t=t, pc=pc, x0=x0, el=el,
            sctlr=sctlr, daif=daif, spsel=spsel, mpidr=mpidr, frequency=frequency,
        )  # fmt: skip

    def _enter(self, entered: Entered) -> None:
        self.open_step = None
        self._add(entered.t, _AFTER, EnterEvent(
            cpu=self.mpidr, pc=entered.pc, x0=entered.x0, el=entered.el, isa="aarch64", regs=entered.regs(),
            t=entered.t, t0=entered.t, t1=entered.t, extra=self._extra(),
        ))  # fmt: skip

    def _call(self, number: int, t: int) -> None:
        step = self._step(number)
        if not isinstance(step, CallStep) or self.open_step is not None:
            raise self._refused(f"a call by step {number}, which is a {type(step).__name__} or inside another call")
        self.open_step = number
        self._add(t, _BEFORE, CallEvent(
            cpu=self.mpidr, fn=step.fn & (1 << 64) - 1, args=call_args(self.platform, step),
            t=t, t0=t, t1=t, extra=self._extra(),
        ))  # fmt: skip

    def _return(self, number: int, t: int, regs: Sequence[int], changed: int) -> None:
        if number != self.open_step:
            raise self._refused(f"a return to step {number} while step {self.open_step} was in a call")
        self.open_step = None
        extra = self._extra()
        if changed:
            extra["x-changed"] = [f"x{n}" for n in range(18, 31) if changed >> n & 1]
        self._add(t, _AFTER, ReturnEvent(
            cpu=self.mpidr, x0=regs[0], regs={f"x{n}": regs[n] for n in range(1, layout.RECORD_REGS)},
            t=t, t0=t, t1=t, extra=extra,
        ))  # fmt: skip

    def _wake(self, number: int, t0: int, t1: int) -> None:
        step = self._step(number)
        if not isinstance(step, WakeStep):
            raise self._refused(f"a wake by step {number}, which is a {type(step).__name__}")
        target = self.platform.mpidrs[step.target]
        extra = self._extra() | {"x-by": hex(self.mpidr)}
        self._add(t0, _BEFORE, WakeEvent(cpu=target, cause="irq", t=t0, t0=t0, t1=t1, extra=extra))

    def _add(self, t: int, rank: int, event: Event) -> None:
        self.stamped.append((t, rank, event))

    def _step(self, number: int) -> ProgramStep:
        if number >= len(self.steps):
            raise self._refused(f"step {number} of {len(self.steps)}")
        return self.steps[number]

    def _extra(self) -> dict[str, Any]:
        if not self.faults:
            return {}
        faults, self.faults = self.faults, []
        return {"x-faults": faults}

    def _fault(self, regs: Sequence[int]) -> Mapping[str, Any]:
        esr, elr, far, spsr, vector = (hex(value) for value in regs[:5])
        return {"cpu": hex(self.mpidr), "esr": esr, "elr": elr, "far": far, "spsr": spsr, "vector": vector}

    def _refused(self, what: str) -> PeerError:
        return PeerError(
            f"core {self.index}, log record {self.number}: {what}, which the stub never writes; run the program again"
        )
