"""What a timeline shows of each event, in words; and which events of a long trace it leaves out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeAlias

from psci.model import events
from psci.model.events import Event
from psci.model.specification import SPECIFICATION
from psci.model.tables.codes import code_of

Notes: TypeAlias = Mapping[int, Sequence[str]]
"""What is to be said of an event, by its number in the trace: the verdict, line by line."""
MOST_ROWS = 80
"""A longer trace is folded around its notes."""
AROUND = 6
"""How many events are shown on each side of a note, and at both ends."""
WHOLE_SYSTEM = (events.SystemEvent, events.BootEvent)


@dataclass(frozen=True, slots=True)
class Row:
    """One row: an event, or several that are left out."""

    number: int
    """The number of the (first) event in the trace; the machine event is 0."""
    event: Event | None
    hidden: tuple[Event, ...] = ()
    notes: tuple[str, ...] = ()
    """What is wrong with it."""
    remarks: tuple[str, ...] = ()
    """What else is to be said of it."""
    states: Mapping[int, tuple[str, ...]] = field(default_factory=dict)
    """What each core may be doing after it, where that is known."""


@dataclass(frozen=True, slots=True)
class TimelineRows:
    """A trace, ready to be drawn."""

    machine: events.MachineEvent | None
    cpus: tuple[int, ...]
    rows: tuple[Row, ...]
    title: str

    @property
    def boot_cpu(self) -> int | None:
        """The core that runs when the trace begins: after a cold boot, unless its machine event says otherwise."""
        if self.machine is None or not self.cpus:
            return None
        return self.cpus[0] if self.machine.boot_cpu is None else self.machine.boot_cpu


class TraceFollower(Protocol):
    """What the checker makes of a trace, event by event."""

    @property
    def notes(self) -> Notes:
        """What is wrong with an event."""

    @property
    def remarks(self) -> Notes:
        """What else is to be said of it."""

    def states(self, number: int) -> Mapping[int, tuple[str, ...]]:
        """What each core may be doing after it."""


def rows_of(
    trace: Iterable[Event], title: str = "", notes: Notes | None = None, followed: TraceFollower | None = None
) -> TimelineRows:
    """The rows of a trace.

    Args:
        trace: the events; a machine event first, if there is one.
        title: a heading; by default what the machine event says.
        notes: what is to be said of events.
        followed: what the checker makes of them, which then stands for `notes`.
    """
    seen = list(trace)
    said = notes or {} if followed is None else followed.notes
    machine = next((event for event in seen if isinstance(event, events.MachineEvent)), None)
    first = 1 if seen and isinstance(seen[0], events.MachineEvent) else 0
    shown = [
        (number, event)
        for number, event in enumerate(seen, start=1 - first)
        if not isinstance(event, events.MachineEvent)
    ]
    cpus = machine.cpus if machine else tuple(sorted({cpu for _, e in shown if (cpu := cpu_of(e)) is not None}))
    rows = tuple(_folded(shown, said))
    if followed is not None:
        rows = tuple(
            replace(row, remarks=tuple(followed.remarks.get(row.number, ())), states=followed.states(row.number))
            for row in rows
        )
    return TimelineRows(machine, cpus, rows, title or _title(machine))


def _folded(shown: Sequence[tuple[int, Event]], notes: Notes) -> Iterator[Row]:
    marks = [place for place, (number, _) in enumerate(shown) if notes.get(number)]
    marks += [-1, len(shown)]
    long = len(shown) > MOST_ROWS
    hidden: list[tuple[int, Event]] = []
    for place, (number, event) in enumerate(shown):
        if long and not any(abs(place - mark) <= AROUND for mark in marks):
            hidden.append((number, event))
            continue
        if hidden:
            yield Row(hidden[0][0], None, tuple(event for _, event in hidden))
            hidden = []
        yield Row(number, event, notes=tuple(notes.get(number, ())))
    if hidden:
        yield Row(hidden[0][0], None, tuple(event for _, event in hidden))


def cpu_of(event: Event) -> int | None:
    """The core that an event is about, if it is about one."""
    return getattr(event, "cpu", None)


def _title(machine: events.MachineEvent | None) -> str:
    if machine is None:
        return "Trace"
    peer = f" on {machine.peer}" if machine.peer else ""
    cores = len(machine.cpus)
    return f"PSCI {machine.psci}{peer}, {cores} core{'s' if cores > 1 else ''}"


def words(row: Row) -> str:
    """A row in words."""
    match row.event:
        case None:
            return f"{len(row.hidden)} events that need no comment"
        case events.CallEvent() as call:
            return call_text(call)
        case events.ReturnEvent(x0=x0):
            # 0 is SUCCESS of most calls, and a value of some
            return "→ " + ("0 (SUCCESS)" if x0 == 0 else _answer(x0))
        case events.EnterEvent(pc=pc, x0=x0):
            return f"enter pc {pc:#x}, x0 {x0:#x}"
        case events.WakeEvent(cause=cause):
            return "wakeup pending" + (f" ({cause})" if cause else "")
        case events.UnwakeEvent(cause=cause):
            return "wakeup withdrawn" + (f" ({cause})" if cause else "")
        case events.BootEvent(cpu=cpu, cause=cause):
            return f"boot on core {cpu:#x}: {cause}"
        case events.SystemEvent(event=event, source=source, flags=flags):
            what = [event, source, None if flags is None else f"flags {flags:#x}"]
            return "system: " + ", ".join(word for word in what if word)
        case events.TimeoutEvent():
            return "no answer in time"
        case events.EndEvent(why=why):
            return f"end: {why}"
        case events.HostEvent(action=action, result=result):
            return f"host: {action}" + (f" ({result})" if result else "")
        case events.ObserveEvent(power=power, source=source, node=node):
            return (f"node {node}: " if node else "seen: ") + f"{power} ({source})"
        case events.MoveEvent(source=source, destination=destination):
            return f"moved from {source} to {destination}"
    return row.event.k


def call_text(call: events.CallEvent) -> str:
    """A call as one writes it: the function's name and its arguments."""
    function, wide = SPECIFICATION.call_of.get(call.fn, (None, False))
    name = function.name if function else f"{call.fn:#010x}"
    count = len(function.arguments) if function else len(call.args)
    width = " (SMC32)" if function and function.fid64 is not None and not wide else ""
    return f"{name}({', '.join(f'{a:#x}' for a in call.args[:count])}){width}"


def _answer(x0: int) -> str:
    """An error by name, whichever half of the register it fills; else the number."""
    code = code_of(x0, 64) or (code_of(x0, 32) if x0 < 1 << 32 else None)
    return f"{x0:#x}" if code is None else code.name
