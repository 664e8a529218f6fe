"""A timeline as an SVG picture that stands by itself."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from psci.graphs.timeline.rows import Notes, Row, TimelineRows, TraceFollower, call_text, cpu_of, rows_of, words
from psci.model import events
from psci.model.events import Event

ROW = 30
LINE = 16
LANE = 300
LEFT = 64
TOP = 104
BAR = 16
FONT = "Helvetica, Arial, sans-serif"
INK, FAINT, RULE = "#1f2933", "#66727f", "#d5dbe1"
REMARK = "#6a4a00"
CALL, RUNS, ENTERED, SYSTEM, WOKEN, WRONG = "#1a56b0", "#2f8132", "#58a55c", "#8a4a12", "#d9a300", "#b32030"
STATES: Mapping[str, str] = {
    "OFF": "#b4bcc4", "ON_PENDING": "#f0c04a", "ON": "#8fce92", "about to be entered": "#d3ecd4",
    "standby": "#a9c8ee", "retention": "#6f97d6", "powerdown": "#3f5fa3", "frozen": "#a98bd0", "stopped": "#d8a47c",
    "the system is down": "#6b4a34",
}  # fmt: skip
"""The colour of what a core may be doing, in its band."""
BAND = 14
"""The width of a band, left of its core's line."""
_LETTER = 6.6
"""The width of a letter of size 12, on average and a little more."""


@dataclass(slots=True)
class _Lane:
    """What is known of one core while the rows are drawn."""

    x: int
    runs_since: int | None = None
    called: tuple[int, events.CallEvent] | None = None
    """The row and event of the call that has not ended."""


@dataclass(slots=True)
class _Drawing:
    """The parts of the picture, from the back to the front, and where the rows are."""

    tops: list[int]
    width: int
    lines: list[str] = field(default_factory=list)
    bars: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    def y(self, row: int) -> int:
        """The middle of the first line of a row; below the last one, the end."""
        return self.tops[row] + ROW // 2


def timeline(
    trace: Iterable[Event], title: str = "", notes: Notes | None = None, followed: TraceFollower | None = None
) -> str:
    """A trace as an SVG picture that stands by itself.

    Args:
        trace: the events; a machine event first, if there is one.
        title: a heading; by default what the machine event says.
        notes: what is to be said of events, by their number: they stand out, with the lines below them.
        followed: what the checker makes of them, which then stands for `notes`: a band left of each core shows what it
            may be doing, and other remarks stand below their events.
    """
    found = rows_of(trace, title, notes, followed)
    lanes = {cpu: _Lane(LEFT + LANE * i + 20) for i, cpu in enumerate(found.cpus)}
    if found.boot_cpu is not None:
        lanes[found.boot_cpu].runs_since = -1
    width = max(LEFT + LANE * len(lanes), LEFT + 680)
    drawing = _Drawing(list(_tops(found.rows, width)), width)
    for number, row in enumerate(found.rows):
        _bands(drawing, lanes, number, row)
        drawing.texts.append(f'<g tabindex="0" role="listitem"><title>{escape(_spoken(row))}</title>')
        _draw(drawing, lanes, number, row)
        drawing.texts.append("</g>")
    for lane in lanes.values():
        _stop_running(drawing, lane, len(found.rows))
        _end_call(drawing, lane, len(found.rows), "no answer seen", open_end=True)
    return _picture(drawing, lanes, found)


def _tops(rows: Sequence[Row], width: int) -> Iterator[int]:
    """Where each row begins, and where the last one ends."""
    top = TOP
    for row in rows:
        yield top
        top += ROW + LINE * (len(_wrapped(row)) - 1)
        top += LINE * len(_note_lines(row, width)) + (14 if row.notes else 0)
        top += LINE * len(_remark_lines(row, width))
    yield top


def _wrapped(row: Row) -> list[str]:
    return textwrap.wrap(words(row), int((LANE - 26) / _LETTER)) or [""]


def _note_lines(row: Row, width: int) -> list[str]:
    return [line for note in row.notes for line in textwrap.wrap(note, int((width - LEFT - 24) / _LETTER))]


def _remark_lines(row: Row, width: int) -> list[str]:
    return [line for remark in row.remarks for line in textwrap.wrap(remark, int((width - LEFT - 24) / _LETTER))]


def _bands(drawing: _Drawing, lanes: dict[int, _Lane], number: int, row: Row) -> None:
    """What each core may be doing from this event to the next: its states side by side."""
    top, bottom = drawing.tops[number] + ROW // 2, drawing.tops[number + 1] + ROW // 2
    for cpu, states in row.states.items():
        lane = lanes.get(cpu)
        if lane is None or not states:
            continue
        each = BAND / len(states)
        told = f"core {cpu:#x} may be: {', '.join(states)}"
        parts = "".join(
            f'<rect x="{lane.x - BAR // 2 - BAND - 3 + each * place:.1f}" y="{top}" width="{each:.1f}" '
            f'height="{bottom - top}" fill="{STATES[state]}"/>'
            for place, state in enumerate(states)
        )
        drawing.lines.append(f"<g><title>{escape(told)}</title>{parts}</g>")


def _spoken(row: Row) -> str:
    cpu = cpu_of(row.event) if row.event is not None else None
    who = f"core {cpu:#x}: " if cpu is not None else ""
    doing = [f"core {cpu:#x} may be: {', '.join(states)}" for cpu, states in row.states.items()]
    return "\n".join([f"{row.number}. {who}{words(row)}", *row.notes, *row.remarks, *doing])


def _draw(drawing: _Drawing, lanes: dict[int, _Lane], number: int, row: Row) -> None:
    """Add what one row shows."""
    y = drawing.y(number)
    if row.event is None:
        drawing.texts += _text(LEFT + 38, y + 4, [f"⋮  {words(row)}"], FAINT, 12)
        for event in row.hidden:
            _pass(drawing, lanes, number, event)
        return
    drawing.texts += _text(LEFT - 34, y + 4, [str(row.number)], WRONG if row.notes else FAINT, 10, anchor="end")
    event = row.event
    cpu = cpu_of(event)
    lane = lanes.get(cpu) if cpu is not None else None
    texts = _wrapped(row)
    _pass(drawing, lanes, number, event)
    match event:
        case events.SystemEvent() | events.BootEvent():
            drawing.bars += _band(lanes, y, SYSTEM if isinstance(event, events.SystemEvent) else RUNS, words(row))
        case events.CallEvent() if lane:
            drawing.texts += _text(lane.x + 18, y + 4, texts, CALL, 12, bold=True)
        case events.EnterEvent() if lane:
            x = lane.x
            arrow = f"M {x - 16} {y - 6} L {x - 4} {y} L {x - 16} {y + 6} z"
            drawing.bars.append(f'<path d="{arrow}" fill="{ENTERED}"/>')

            drawing.texts += _text(lane.x + 18, y + 4, texts, RUNS, 12)
        case events.WakeEvent() | events.UnwakeEvent() if lane:
            drawing.bars.append(f'<circle cx="{lane.x}" cy="{y}" r="6" fill="{WOKEN}"/>')
            drawing.texts += _text(lane.x + 18, y + 4, texts, "#8a6a00", 12)
        case _ if lane:
            colour = WRONG if row.notes else CALL if isinstance(event, events.ReturnEvent) else FAINT
            bold = bool(row.notes) or isinstance(event, events.TimeoutEvent)
            drawing.texts += _text(lane.x + 18, y + 4, texts, colour, 12, bold=bold)
        case _:
            drawing.bars += _band(lanes, y, FAINT, words(row))
    if row.notes:
        _draw_notes(drawing, number, row)
    _draw_remarks(drawing, number, row)


def _pass(drawing: _Drawing, lanes: dict[int, _Lane], row: int, event: Event) -> None:
    """What an event means for the lanes, whether it is shown or left out."""
    cpu = cpu_of(event)
    lane = lanes.get(cpu) if cpu is not None else None
    if isinstance(event, events.SystemEvent | events.BootEvent):
        for each in lanes.values():
            _stop_running(drawing, each, row)
            _end_call(drawing, each, row)
    if lane is None:
        return
    if isinstance(event, events.CallEvent):
        _stop_running(drawing, lane, row)
        lane.called = row, event
    elif isinstance(event, events.ReturnEvent | events.EnterEvent | events.BootEvent):
        _end_call(drawing, lane, row)
        lane.runs_since = row


def _draw_notes(drawing: _Drawing, number: int, row: Row) -> None:
    """A red ground for the row, and what is to be said below it."""
    top, bottom = drawing.tops[number] + 1, drawing.tops[number + 1] - 3
    drawing.lines.append(
        f'<rect x="{LEFT - 52}" y="{top}" width="{drawing.width - LEFT + 40}" height="{bottom - top}" rx="6" '
        f'fill="#fbe3e5" stroke="{WRONG}"/>'
    )
    lines = _note_lines(row, drawing.width)
    y = drawing.tops[number] + ROW + LINE * (len(_wrapped(row)) - 1) + 8
    # on a ground of their own: the lanes go on behind them
    wide, high = drawing.width - LEFT, LINE * len(lines) + 4
    drawing.bars.append(f'<rect x="{LEFT - 14}" y="{y - 12}" width="{wide}" height="{high}" fill="#fbe3e5"/>')
    drawing.texts += _text(LEFT - 8, y, lines, WRONG, 12)


def _draw_remarks(drawing: _Drawing, number: int, row: Row) -> None:
    """What else is to be said of a row, on a ground of its own."""
    lines = _remark_lines(row, drawing.width)
    if not lines:
        return
    y = drawing.tops[number + 1] - LINE * len(lines) + 8
    wide, high = int(max(map(len, lines)) * _LETTER) + 12, LINE * len(lines)
    ground = "#fbe3e5" if row.notes else "white"
    drawing.bars.append(f'<rect x="{LEFT - 14}" y="{y - 12}" width="{wide}" height="{high}" fill="{ground}"/>')
    drawing.texts += _text(LEFT - 8, y, lines, REMARK, 12)


def _stop_running(drawing: _Drawing, lane: _Lane, row: int) -> None:
    """Draw the time in which the core ran caller code."""
    if lane.runs_since is not None:
        top, bottom = (TOP - 12 if lane.runs_since < 0 else drawing.y(lane.runs_since)), drawing.y(row)
        drawing.lines.append(
            f'<line x1="{lane.x}" y1="{top}" x2="{lane.x}" y2="{max(bottom, top)}" stroke="{RUNS}" stroke-width="3"/>'
        )
    lane.runs_since = None


def _end_call(drawing: _Drawing, lane: _Lane, row: int, answer: str = "", open_end: bool = False) -> None:
    """Draw the call that the core is in, down to the row where it ends."""
    if lane.called is None:
        return
    begun, call = lane.called
    lane.called = None
    if begun == row:
        # both of its ends were left out
        return
    top, bottom = drawing.y(begun) - 9, drawing.y(row) + (0 if open_end else 9)
    dash = ' stroke-dasharray="4 3"' if open_end else ""
    drawing.bars.append(
        f'<g><title>{escape(call_text(call))}</title><rect x="{lane.x - BAR // 2}" y="{top}" width="{BAR}" '
        f'height="{bottom - top}" rx="4" fill="#dbe6f7" stroke="{CALL}"{dash}/></g>'
    )
    if answer:
        drawing.texts += _text(lane.x + 18, drawing.y(row) - 8, [answer], FAINT, 12)


def _text(
    x: int, y: int, lines: Sequence[str], colour: str, size: int, anchor: str = "start", bold: bool = False
) -> Iterator[str]:
    weight = ' font-weight="bold"' if bold else ""
    for number, line in enumerate(lines):
        yield (
            f'<text x="{x}" y="{y + LINE * number}" fill="{colour}" font-size="{size}" text-anchor="{anchor}"{weight}>'
            f"{escape(line)}</text>"
        )


def _band(lanes: dict[int, _Lane], y: int, colour: str, text: str) -> Iterator[str]:
    width = LANE * max(len(lanes), 1) - 24
    yield (
        f'<g><rect x="{LEFT - 12}" y="{y - 11}" width="{width}" height="22" rx="5" fill="{colour}" fill-opacity="0.14" '
        f'stroke="{colour}"/>'
    )
    yield from _text(LEFT + 38, y + 4, [text], colour, 12, bold=True)
    yield "</g>"


def _lanes(lanes: dict[int, _Lane], bottom: int) -> Iterator[str]:
    for cpu, lane in lanes.items():
        yield from _text(lane.x, TOP - 22, [f"core {cpu:#x}"], INK, 14, bold=True)
        yield f'<line x1="{lane.x}" y1="{TOP - 12}" x2="{lane.x}" y2="{bottom}" stroke="{RULE}" stroke-width="2"/>'


def _legend(y: int, wrong: bool) -> Iterator[str]:
    entries = {"runs caller code": RUNS, "in a call": CALL, "entered": ENTERED, "wakeup": WOKEN, "system": SYSTEM}
    if wrong:
        entries["not allowed"] = WRONG
    for i, (name, colour) in enumerate(entries.items()):
        x = LEFT - 12 + 114 * i
        yield f'<rect x="{x}" y="{y - 9}" width="12" height="12" rx="3" fill="{colour}"/>'
        yield from _text(x + 18, y + 1, [name], FAINT, 11)


def _legend_of_states(y: int, rows: Iterable[Row]) -> Iterator[str]:
    shown = {state for row in rows for states in row.states.values() for state in states}
    x = LEFT - 12
    for state, colour in STATES.items():
        if state in shown:
            yield f'<rect x="{x}" y="{y - 9}" width="12" height="12" fill="{colour}"/>'
            yield from _text(x + 18, y + 1, [state], FAINT, 11)
            x += 34 + int(len(state) * _LETTER)


def _picture(drawing: _Drawing, lanes: dict[int, _Lane], found: TimelineRows) -> str:
    bottom = drawing.tops[-1] + 8
    width, height = drawing.width, bottom + (64 if any(row.states for row in found.rows) else 44)
    title = textwrap.wrap(found.title, int((width - LEFT) / 10.5)) or [found.title]
    parts: Sequence[str] = [
        f'<rect width="{width}" height="{height}" fill="white"/>',
        *_text(LEFT - 12, 34 - 12 * (len(title) - 1), title, INK, 19 if len(title) == 1 else 14, bold=True),
        *_text(LEFT - 12, 56, ["one row for each event, in the order of the trace; not to scale"], FAINT, 11),
        *_lanes(lanes, bottom),
        *drawing.lines,
        *drawing.bars,
        *drawing.texts,
        *_legend(bottom + 24, any(row.notes for row in found.rows)),
        *_legend_of_states(bottom + 44, found.rows),
    ]
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="{FONT}" role="img" aria-label="{escape(found.title)}">\n{body}\n</svg>\n'
    )


__all__ = ["timeline"]
