"""A timeline for a terminal: a column for each core, as wide as the terminal allows."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping

from psci.graphs.timeline.rows import Notes, Row, TraceFollower, cpu_of, rows_of, words
from psci.model.events import Event

NUMBER = 6
"""The width of the column with the numbers of events."""
NARROWEST = 26
"""Below this, columns cannot be read: each line then names its core."""
MARK = ">>"
"""What stands before an event with a note."""


def terminal(
    trace: Iterable[Event], width: int = 80, notes: Notes | None = None, followed: TraceFollower | None = None
) -> str:
    """A trace as text.

    Args:
        trace: the events.
        width: how many characters a line may have.
        notes: what is to be said of events, by their number.
        followed: what the checker makes of them, which then stands for `notes`.
    """
    found = rows_of(trace, notes=notes, followed=followed)
    column = (width - NUMBER) // max(len(found.cpus), 1)
    lines = textwrap.wrap(found.title, width)
    if column >= NARROWEST:
        lines.append(" " * NUMBER + "".join(f"{f'core {cpu:#x}':{column}}" for cpu in found.cpus).rstrip())
    before: Mapping[int, tuple[str, ...]] = {} if followed is None else followed.states(0)
    for row in found.rows:
        lines += _lines(row, found.cpus, column, width)
        lines += _margin(row, before, width)
        before = row.states or before
    return "\n".join(lines) + "\n"


def _margin(row: Row, before: Mapping[int, tuple[str, ...]], width: int) -> Iterator[str]:
    """What else is to be said of an event, and which cores may be doing something else after it."""
    changed = [f"{cpu:#x} {' or '.join(words)}" for cpu, words in row.states.items() if words != before.get(cpu)]
    for remark in (*row.remarks, *([f"now: {'; '.join(changed)}"] if changed else [])):
        first, rest = " " * NUMBER + "| ", " " * NUMBER + "|   "
        yield from textwrap.wrap(remark, width, initial_indent=first, subsequent_indent=rest)


def _lines(row: Row, cpus: tuple[int, ...], column: int, width: int) -> Iterator[str]:
    number = f"{MARK if row.notes else '  '}{row.number:>{NUMBER - 3}} "
    cpu = cpu_of(row.event) if row.event is not None else None
    indent = ""
    text, room = words(row), width - NUMBER
    if row.event is None:
        text = f"... {text} ..."
    elif cpu is not None and column >= NARROWEST and cpu in cpus:
        indent, room = " " * (column * cpus.index(cpu)), column - 1
    elif cpu is not None:
        text = f"core {cpu:#x}: {text}"
    for first, line in enumerate(textwrap.wrap(text, room, subsequent_indent="  ")):
        yield (number if first == 0 else " " * NUMBER) + indent + line
    for note in row.notes:
        yield from textwrap.wrap(note, width, initial_indent=" " * NUMBER, subsequent_indent=" " * (NUMBER + 2))
