"""Judge a trace, in whatever form there is one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from psci.model.errors import InputError
from psci.model.events import Event
from psci.oracle.checker.checker import check as judge
from psci.oracle.checker.report import Report
from psci.oracle.traces.file import InOrder, event_from, read_trace


def check(trace: Path | str | Iterable[Event | Mapping[str, Any]]) -> Report:
    """Whether a trace is explained by the rules.

    >>> check(
    ...     [
    ...         {"k": "machine", "format": 1, "psci": "1.3", "cpus": ["0x0", "0x1"]},
    ...         {"k": "call", "cpu": "0x0", "fn": "0xc4000003", "args": ["0x7", "0x40000000", "0x0"]},
    ...         {"k": "return", "cpu": "0x0", "x0": "0x0"},
    ...     ]
    ... ).verdict
    <Verdict.DEVIATES: 'deviates'>

    Args:
        trace: a file, or events: as `psci.model.events` has them, or as the JSON objects of docs/trace-format.md.

    Raises:
        InputError: it is not a trace; the message says where and what to do.
        OSError: the file cannot be read.
    """
    return judge(events_of(trace))


def events_of(found: Path | str | Iterable[Event | Mapping[str, Any]]) -> Iterator[Event]:
    """The events of a file, or of a list that holds events or JSON objects.

    Raises:
        InputError: one of them is not an event; the message says which.
    """
    if isinstance(found, Path | str):
        yield from read_trace(found)
        return
    if not isinstance(found, Iterable):
        raise InputError(f"{type(found).__name__} is not a trace: give a file, or a list of events or JSON objects")
    follow = InOrder()
    for number, given in enumerate(found):
        try:
            yield follow.next(_event(given))
        except ValueError as error:
            raise InputError(f"event {number}: {error}") from error


def _event(given: Any) -> Event:
    if isinstance(given, Event):
        return given
    if isinstance(given, Mapping):
        return event_from(dict(given))
    raise InputError(f"{type(given).__name__} is not an event: give events or JSON objects")


__all__ = ["Report", "check", "events_of"]
