"""A plain table: one call and its answer, or one event, in each row.

The first row names the columns; they are separated by commas, semicolons, tabs or blanks. Empty lines and lines that
begin with # are skipped; an empty field, or -, tells nothing.

One call a row, in the order in which they were made::

    cpu, fn, x1, x2, x3, answer
    0, 0xC4000003, 1, 0x40000000, 0x2A, 0

A call without an answer did not return. With the columns `start` and `end` (whole numbers of one clock) calls may
overlap.

One event a row: there is a column `event`, and the other columns are the fields of that event in the trace format::

    event,cpu,fn,x1,x0,pc
    call,0,0x84000002,,,
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from psci.model.events import CallEvent, Event, ReturnEvent
from psci.oracle.logs.importing.log import MAX_IMPORTED, LogLines, number
from psci.oracle.logs.importing.machine import LogTerms, described
from psci.oracle.traces.file import event_from
from psci.oracle.traces.format import MAX_ARGUMENTS, Wrong

_ARGUMENTS = tuple(f"x{index}" for index in range(1, MAX_ARGUMENTS + 1))
_CALLS = ("cpu", "fn", "answer", "start", "end", *_ARGUMENTS)
_NOTHING = ("", "-")

TableRow = Mapping[str, str]


def read_plain(log: LogLines, terms: LogTerms) -> list[Event]:
    """The trace of a table.

    Raises:
        LogError: a row cannot be used.
    """
    rows = _rows(log)
    columns = next(rows, None)
    if columns is None:
        raise log.wrong("the table is empty; its first row names the columns, such as cpu,fn,x1,x2,x3,answer")
    events = list(_of_events(log, columns, rows) if "event" in columns else _of_calls(log, columns, rows))
    clock = "the table's" if {"start", "t"} & set(columns) else None
    return [described(events, log, terms, "a plain table", clock), *events]


def _rows(log: LogLines) -> Iterator[list[str]]:
    separator = None
    for count, line in enumerate(line for line in log if line.strip() and not line.lstrip().startswith("#")):
        if count > MAX_IMPORTED:
            raise log.wrong(f"more than {MAX_IMPORTED:,} rows; split the table at a boot")
        if separator is None:
            separator = next((mark for mark in ",;\t" if mark in line), " ")
        yield [field.strip() for field in (line.split() if separator == " " else line.split(separator))]


def _row(log: LogLines, columns: Sequence[str], fields: Sequence[str]) -> TableRow:
    if len(fields) > len(columns):
        raise log.wrong(f"{len(fields)} fields, and {len(columns)} columns have a name; name all in the first row")
    return {name: text for name, text in zip(columns, fields, strict=False) if text not in _NOTHING}


def _checked(log: LogLines, columns: Sequence[str], known: Sequence[str], needed: Sequence[str]) -> None:
    for name in columns:
        if name not in known:
            raise log.wrong(f"no column {name!r} is known; use {', '.join(known[:9])}, ...")
        if columns.count(name) > 1:
            raise log.wrong(f"the column {name!r} stands there twice; keep one")
    for name in needed:
        if name not in columns:
            raise log.wrong(f"there is no column {name!r}; add it to the first row")


def _number(log: LogLines, row: TableRow, name: str) -> int | None:
    if name not in row:
        return None
    try:
        return number(row[name])
    except ValueError:
        raise log.wrong(f"{name}: {row[name][:40]!r} is not a number of 64 bits, such as 0x84000003 or 7") from None


def _needed(log: LogLines, row: TableRow, name: str) -> int:
    value = _number(log, row, name)
    if value is None:
        raise log.wrong(f"the row has no {name}; add it")
    return value


def _arguments(log: LogLines, row: TableRow) -> tuple[int, ...]:
    values = [_number(log, row, name) for name in _ARGUMENTS]
    last = max((index for index, value in enumerate(values) if value is not None), default=-1)
    gap = next((index for index, value in enumerate(values[: max(last, 0)]) if value is None), None)
    if gap is not None:
        raise log.wrong(f"x{gap + 1} is empty, and x{last + 1} is not; a call has all arguments up to its last")
    return tuple(value for value in values if value is not None)


def _of_calls(log: LogLines, columns: Sequence[str], rows: Iterator[list[str]]) -> list[Event]:
    _checked(log, columns, _CALLS, ("cpu", "fn"))
    if ("start" in columns) != ("end" in columns):
        raise log.wrong("one of the columns start and end stands alone; give both, or neither")
    timed: list[tuple[int, Event]] = []
    free: dict[int, tuple[int, int]] = {}
    for place, fields in enumerate(rows):
        row = _row(log, columns, fields)
        answer, start, end = (_number(log, row, name) for name in ("answer", "start", "end"))
        if "start" in columns and start is None:
            raise log.wrong("the row has no start; add it")
        began = place if start is None else start
        if start is not None and answer is not None and (end is None or end < began):
            raise log.wrong("a call that returned has an end, and not before its start")
        ended = began if end is None or answer is None else end
        # an interval of one moment: at equal times the order of other cores is not known, and is not made up
        call = CallEvent(
            cpu=_needed(log, row, "cpu"), fn=_needed(log, row, "fn"), args=_arguments(log, row), t0=start, t1=start
        )
        if began < free.get(call.cpu, (began, 0))[0]:
            raise log.wrong(
                f"core {call.cpu:#x} calls at {began}, inside its call at line {free[call.cpu][1]}; "
                "sort its rows by start"
            )
        free[call.cpu] = (ended, log.number)
        timed.append((began, call))
        if answer is not None:
            timed.append((ended, ReturnEvent(cpu=call.cpu, x0=answer, t0=end, t1=end)))
    return [event for _, event in (timed if "start" not in columns else sorted(timed, key=lambda item: item[0]))]


def _of_events(log: LogLines, columns: Sequence[str], rows: Iterator[list[str]]) -> Iterator[Event]:
    if "event" not in columns:
        raise log.wrong("there is no column 'event'; add it to the first row")
    for fields in rows:
        row = _row(log, columns, fields)
        if row.get("event") == "machine":
            raise log.wrong("a table has no machine; give --psci, --cpus and --profile")
        try:
            event = event_from({"k": row.get("event"), **_fields(row)})
        except Wrong as error:
            raise log.wrong(str(error)) from None
        yield event


def _fields(row: TableRow) -> dict[str, Any]:
    """A row in the words of the trace format."""
    kind = row.get("event", "")
    arguments = [row[name] for name in _ARGUMENTS if name in row]
    found: dict[str, Any] = {
        name: _value(name, text) for name, text in row.items() if name not in ("event", *_ARGUMENTS)
    }
    if kind == "call" and arguments:
        found["args"] = [_value("x", text) for text in arguments]
    return found


def _value(name: str, text: str) -> Any:
    """As JSON has it: times and levels are numbers, registers and ids hex strings, and all else is a text."""
    if not re.fullmatch(r"-?(0[xX][0-9a-fA-F]+|\d+)", text):
        return text
    plain = name in ("t", "t0", "t1", "el", "id", "call")
    return int(text, 0) if plain else hex(number(text))
