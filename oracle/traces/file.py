"""Trace files: one event a line, in JSON (docs/trace-format.md).

A trace is read line by line, so that it may be longer than memory, and strictly: a kind, field or
value that format 1 does not know is refused with its place and what to do. Fields that a peer
added under `x-` are kept and never judged.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from psci.host.files import write_whole
from psci.model.errors import InputError
from psci.model.events import KINDS, EndEvent, Event, MachineEvent
from psci.oracle.traces.format import FORMAT, Wrong, fields_of

MAX_LINE = 1 << 20
"""Bytes in one line."""
MAX_EVENTS = 50_000_000
"""Events in one trace."""


class TraceFormatError(InputError):
    """A line of a trace file cannot be used; the message begins with the file and the line."""


def read_trace(path: Path | str) -> Iterator[Event]:
    """The events of a trace file, in the order of its lines.

    Raises:
        TraceFormatError: a line is not an event of format 1, or stands where it cannot; raised when it is reached.
        OSError: the file cannot be read.
    """
    with Path(path).open("rb") as file:
        yield from read_lines(file, str(path))


class TraceFile:
    """The events of a trace file, as often as they are asked for; only one line at a time is held in memory."""

    def __init__(self, path: Path | str) -> None:
        """Name the file; it is read when its events are asked for.

        Args:
            path: the file; "-" is standard input, which is copied to a temporary file first.
        """
        self.name = str(path)
        self._copy: BinaryIO | None = None

    def __iter__(self) -> Iterator[Event]:
        """The events, in the order of the lines; raises as `read_trace` does."""
        if self.name != "-":
            return read_trace(self.name)
        if self._copy is None:
            # closed when the process ends, like standard input itself
            self._copy = tempfile.TemporaryFile()  # noqa: SIM115
            shutil.copyfileobj(sys.stdin.buffer, self._copy)
        self._copy.seek(0)
        return read_lines(self._copy, "standard input")


def read_lines(file: BinaryIO, name: str) -> Iterator[Event]:
    """The events of an open trace; `name` is used in messages.

    Raises:
        TraceFormatError: see `read_trace`.
    """
    number, follow = 0, InOrder()
    while line := file.readline(MAX_LINE + 1):
        number += 1
        try:
            if len(line) > MAX_LINE:
                raise Wrong(f"the line is longer than {MAX_LINE} bytes; shorten its `raw` or `x-` fields")
            if number > MAX_EVENTS:
                raise Wrong(f"more than {MAX_EVENTS} events; split the trace at a `boot`")
            event = follow.next(event_from(_parsed(line)))
        except Wrong as error:
            raise TraceFormatError(f"{name}:{number}: {error}") from None
        yield event
    if follow.cpus is None:
        raise TraceFormatError(f"{name}:1: the trace is empty; it begins with a `machine` line")


class InOrder:
    """Follows the events of one trace, and refuses one that cannot stand where it stands."""

    def __init__(self) -> None:
        """Nothing was read yet."""
        self.cpus: frozenset[int] | None = None
        self._ended = False

    def next(self, event: Event) -> Event:
        """The event, if it may come next.

        Raises:
            Wrong: it may not; the message says what to do.
        """
        if self._ended:
            raise Wrong("nothing may follow the `end` event; remove the line, or write it to another file")
        self.cpus = _in_place(event, self.cpus)
        self._ended = isinstance(event, EndEvent)
        return event


def _in_place(event: Event, cpus: frozenset[int] | None) -> frozenset[int]:
    """The cores of the machine; raises Wrong where the event does not belong to it."""
    if isinstance(event, MachineEvent):
        if cpus is not None:
            raise Wrong("a second `machine` line; a file holds one trace")
        if not event.cpus:
            raise Wrong("`cpus` is empty; name at least one core")
        return frozenset(event.cpus)
    if cpus is None:
        raise Wrong(f"a trace begins with a `machine` line, not `{event.k}`")
    cpu = getattr(event, "cpu", None)
    if cpu is not None and cpu not in cpus:
        raise Wrong(f"the machine has no core {cpu:#x}; add it to `cpus`, or correct `cpu`")
    if event.t0 is not None and event.t1 is not None and event.t0 > event.t1:
        raise Wrong(f"`t0` {event.t0} is after `t1` {event.t1}; exchange them")
    if (event.t0 is None) != (event.t1 is None):
        raise Wrong("`t0` and `t1` bound one moment; give both or neither")
    return cpus


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line, object_pairs_hook=_without_repetition, parse_constant=_no_constant)
    except Wrong:
        raise
    except UnicodeDecodeError:
        raise Wrong("not UTF-8; write the file as UTF-8") from None
    except json.JSONDecodeError as error:
        raise Wrong(f"not a line of JSON ({error.msg}, column {error.colno}); write one object a line") from None
    except (RecursionError, ValueError) as error:
        raise Wrong(f"JSON that cannot be read ({error}); write one flat object a line") from None
    if not isinstance(value, dict):
        raise Wrong("not a JSON object; write one object a line")
    return value


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Wrong(f"the field `{twice}` stands there twice; keep one")
    return found


def _no_constant(name: str) -> Any:
    raise Wrong(f"{name} is not JSON; write a number")


def event_from(line: dict[str, Any]) -> Event:
    """The event that a line's JSON object describes.

    Raises:
        Wrong: it describes none; the message says what to do, but not the place.
    """
    kind = line.get("k")
    if not isinstance(kind, str) or kind not in KINDS:
        raise Wrong(f"unknown kind {kind!r}; `k` is one of {', '.join(KINDS)}")
    known = fields_of(kind)
    values: dict[str, Any] = {}
    extra: dict[str, Any] = {}
    for name, value in line.items():
        if name in known:
            field = known[name]
            try:
                values[field.attribute] = field.form.read(value)
            except Wrong as error:
                raise Wrong(f"`{name}`: {error}") from None
        elif name.startswith("x-"):
            extra[name] = value
        elif name != "k" and (name, kind) != ("format", "machine"):
            raise Wrong(f"`{kind}` has no field `{name}` in format {FORMAT}; use {', '.join(known)}, or `x-{name}`")
    if kind == "machine" and line.get("format") != FORMAT:
        raise Wrong(f"`format` is {line.get('format')!r}; this program reads format {FORMAT}")
    missing = [field.name for field in known.values() if field.required and field.attribute not in values]
    if missing:
        raise Wrong(f"`{kind}` needs the field `{missing[0]}`; add it")
    return KINDS[kind](**values, extra=extra)


def as_json(event: Event) -> dict[str, Any]:
    """The JSON object of an event: its kind, its fields, what is absent left out, and the peer's fields last."""
    line: dict[str, Any] = {"k": event.k}
    if isinstance(event, MachineEvent):
        line["format"] = FORMAT
    for field in fields_of(event.k).values():
        value = getattr(event, field.attribute)
        if value is not None and (field.required or value != ()):
            line[field.name] = field.form.write(value)
    return line | dict(event.extra)


def as_line(event: Event) -> str:
    """The line of an event, without its end."""
    return json.dumps(as_json(event), separators=(",", ":"), ensure_ascii=False)


def write_trace(path: Path | str, events: Iterable[Event]) -> None:
    """Write a trace file as a whole or not at all: it appears under its name only when it is complete.

    Raises:
        OSError: the file cannot be written.
    """
    write_whole(Path(path), (as_line(event) + "\n" for event in events))


__all__ = [
    "MAX_EVENTS", "MAX_LINE", "TraceFile", "TraceFormatError", "as_json", "as_line", "event_from", "read_lines",
    "read_trace", "write_trace",
]  # fmt: skip
