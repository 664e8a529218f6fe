"""A trace as a timeline: one lane for each core, time from top to bottom, one row for each event.

Rows are in the order of the trace, which is what the checker goes by; they are not to scale.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

from psci.model import events
from psci.model.events import Event
from psci.model.specification import SPECIFICATION
from psci.model.tables.codes import CODES

ROW = 30
LANE = 300
LEFT = 64
TOP = 104
BAR = 16
FONT = "Helvetica, Arial, sans-serif"
INK, FAINT, RULE = "#1f2933", "#66727f", "#d5dbe1"
CALL, RUNS, ENTERED, SYSTEM, WOKEN = "#1a56b0", "#2f8132", "#58a55c", "#b83238", "#d9a300"

_CODE_OF = {code.number & (1 << width) - 1: code.name for code in CODES for width in (32, 64)}


@dataclass(slots=True)
class _Lane:
    """What is known of one core while the events are read."""

    x: int
    runs_since: int | None = None
    called: tuple[int, events.Call] | None = None
    """The row and event of the call that has not ended."""


@dataclass(slots=True)
class _Drawing:
    """The parts of the picture, from the back to the front."""

    lines: list[str] = field(default_factory=list)
    bars: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def timeline(trace: Iterable[Event], title: str = "") -> str:
    """A trace as an SVG picture that stands by itself.

    Args:
        trace: the events; a machine event first, if there is one.
        title: a heading; by default what the machine event says.
    """
    seen = list(trace)
    machine = next((event for event in seen if isinstance(event, events.Machine)), None)
    shown = [event for event in seen if not isinstance(event, events.Machine)]
    cpus = list(machine.cpus) if machine else sorted({cpu for event in shown if (cpu := _cpu(event)) is not None})
    lanes = {cpu: _Lane(LEFT + LANE * i + 20) for i, cpu in enumerate(cpus)}
    if machine and cpus:
        # a trace begins after a cold boot, unless its machine event says otherwise
        lanes[cpus[0] if machine.boot_cpu is None else machine.boot_cpu].runs_since = -1
    drawing = _Drawing()
    for row, event in enumerate(shown):
        _draw(drawing, lanes, row, event)
    for lane in lanes.values():
        _stop_running(drawing, lane, len(shown))
        _end_call(drawing, lane, len(shown), "no answer seen", FAINT, open_end=True)
    return _picture(drawing, lanes, len(shown), title or _title(machine))


def _cpu(event: Event) -> int | None:
    return getattr(event, "cpu", None)


def _draw(drawing: _Drawing, lanes: dict[int, _Lane], row: int, event: Event) -> None:
    """Add what one event shows."""
    y = _y(row)
    drawing.texts.append(_text(LEFT - 34, y + 4, str(row + 1), FAINT, 10, anchor="end"))
    cpu = _cpu(event)
    lane = lanes.get(cpu) if cpu is not None else None
    match event:
        case events.Call() if lane:
            _stop_running(drawing, lane, row)
            lane.called = row, event
        case events.Return() if lane:
            _end_call(drawing, lane, row, f"→ {_result(event)}", CALL)
            lane.runs_since = row
        case events.Enter() if lane:
            _end_call(drawing, lane, row, "", CALL)
            lane.runs_since = row
            drawing.bars.append(_arrow(lane.x, y))
            drawing.texts.append(_text(lane.x + 18, y + 4, f"enter pc {event.pc:#x}, x0 {event.x0:#x}", RUNS, 12))
        case events.Wake() | events.Unwake() if lane:
            drawing.bars.append(f'<circle cx="{lane.x}" cy="{y}" r="6" fill="{WOKEN}"/>')
            name = "wakeup pending" if isinstance(event, events.Wake) else "wakeup withdrawn"
            cause = f" ({event.cause})" if event.cause else ""
            drawing.texts.append(_text(lane.x + 18, y + 4, name + cause, "#8a6a00", 12))
        case events.Boot() if lane:
            _everyone_stops(drawing, lanes, row)
            lane.runs_since = row
            drawing.bars.append(_band(lanes, y, RUNS, f"boot on core {event.cpu:#x}: {event.cause}"))
        case events.System():
            _everyone_stops(drawing, lanes, row)
            what = [event.event, event.source, None if event.flags is None else f"flags {event.flags:#x}"]
            drawing.bars.append(_band(lanes, y, SYSTEM, "system: " + ", ".join(word for word in what if word)))
        case events.Timeout() if lane:
            drawing.texts.append(_text(lane.x + 18, y + 4, "no answer in time", SYSTEM, 12))
        case _ if lane:
            drawing.texts.append(_text(lane.x + 18, y + 4, _other(event), FAINT, 12))
        case _:
            drawing.bars.append(_band(lanes, y, FAINT, _other(event)))


def _y(row: int) -> int:
    return TOP + ROW * row + ROW // 2


def _everyone_stops(drawing: _Drawing, lanes: dict[int, _Lane], row: int) -> None:
    for lane in lanes.values():
        _stop_running(drawing, lane, row)
        _end_call(drawing, lane, row, "", CALL)


def _stop_running(drawing: _Drawing, lane: _Lane, row: int) -> None:
    """Draw the time in which the core ran caller code."""
    if lane.runs_since is not None:
        top, bottom = (TOP - 12 if lane.runs_since < 0 else _y(lane.runs_since)), _y(row)
        drawing.lines.append(
            f'<line x1="{lane.x}" y1="{top}" x2="{lane.x}" y2="{max(bottom, top)}" stroke="{RUNS}" stroke-width="3"/>'
        )
    lane.runs_since = None


def _end_call(drawing: _Drawing, lane: _Lane, row: int, answer: str, colour: str, open_end: bool = False) -> None:
    """Draw the call that the core is in, down to the row where it ends."""
    if lane.called is None:
        return
    begun, call = lane.called
    lane.called = None
    top, bottom = _y(begun) - 9, _y(row) + (0 if open_end else 9)
    dash = ' stroke-dasharray="4 3"' if open_end else ""
    drawing.bars.append(
        f'<g><title>{escape(_call_text(call))}</title><rect x="{lane.x - BAR // 2}" y="{top}" width="{BAR}" '
        f'height="{bottom - top}" rx="4" fill="#dbe6f7" stroke="{CALL}"{dash}/></g>'
    )
    drawing.texts.append(_text(lane.x + 18, _y(begun) + 4, _call_text(call), CALL, 12, bold=True))
    if answer:
        drawing.texts.append(_text(lane.x + 18, _y(row) + (4 if not open_end else -8), answer, colour, 12))


def _call_text(call: events.Call) -> str:
    function, wide = SPECIFICATION.call_of.get(call.fn, (None, False))
    name = function.name if function else f"{call.fn:#010x}"
    count = len(function.arguments) if function else len(call.args)
    width = " (SMC32)" if function and function.fid64 is not None and not wide else ""
    return f"{name}({', '.join(f'{a:#x}' for a in call.args[:count])}){width}"


def _result(event: events.Return) -> str:
    name = _CODE_OF.get(event.x0, f"{event.x0:#x}")
    # 0 is SUCCESS of most calls, and a value of some
    return "0 (SUCCESS)" if event.x0 == 0 else name


def _other(event: Event) -> str:
    match event:
        case events.End(why=why):
            return f"end: {why}"
        case events.Host(action=action, result=result):
            return f"host: {action}" + (f" ({result})" if result else "")
        case events.Observe(power=power, source=source, node=node):
            return (f"node {node}: " if node else "seen: ") + f"{power} ({source})"
        case events.Move(source=source, destination=destination):
            return f"moved from {source} to {destination}"
    return event.k


def _title(machine: events.Machine | None) -> str:
    if machine is None:
        return "Trace"
    peer = f" on {machine.peer}" if machine.peer else ""
    cores = len(machine.cpus)
    return f"PSCI {machine.psci}{peer}, {cores} core{'s' if cores > 1 else ''}"


# ---- SVG


def _text(x: int, y: int, text: str, colour: str, size: int, anchor: str = "start", bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x}" y="{y}" fill="{colour}" font-size="{size}" text-anchor="{anchor}"{weight}>{escape(text)}</text>'
    )


def _arrow(x: int, y: int) -> str:
    return f'<path d="M {x - 16} {y - 6} L {x - 4} {y} L {x - 16} {y + 6} z" fill="{ENTERED}"/>'


def _band(lanes: dict[int, _Lane], y: int, colour: str, text: str) -> str:
    width = LANE * max(len(lanes), 1) - 24
    return (
        f'<g><rect x="{LEFT - 12}" y="{y - 11}" width="{width}" height="22" rx="5" fill="{colour}" fill-opacity="0.14" '
        f'stroke="{colour}"/>{_text(LEFT + 38, y + 4, text, colour, 12, bold=True)}</g>'
    )


def _lanes(lanes: dict[int, _Lane], bottom: int) -> Iterator[str]:
    for cpu, lane in lanes.items():
        yield _text(lane.x, TOP - 22, f"core {cpu:#x}", INK, 14, bold=True)
        yield f'<line x1="{lane.x}" y1="{TOP - 12}" x2="{lane.x}" y2="{bottom}" stroke="{RULE}" stroke-width="2"/>'


def _legend(y: int) -> Iterator[str]:
    entries = {"runs caller code": RUNS, "in a call": CALL, "entered": ENTERED, "wakeup": WOKEN, "system": SYSTEM}
    for i, (name, colour) in enumerate(entries.items()):
        x = LEFT - 12 + 126 * i
        yield f'<rect x="{x}" y="{y - 9}" width="12" height="12" rx="3" fill="{colour}"/>'
        yield _text(x + 18, y + 1, name, FAINT, 11)


def _picture(drawing: _Drawing, lanes: dict[int, _Lane], rows: int, title: str) -> str:
    bottom = TOP + ROW * rows + 8
    width, height = max(LEFT + LANE * len(lanes), LEFT + 640), bottom + 44
    parts: Sequence[str] = [
        f'<rect width="{width}" height="{height}" fill="white"/>',
        _text(LEFT - 12, 34, title, INK, 19, bold=True),
        _text(LEFT - 12, 53, "one row for each event, in the order of the trace; not to scale", FAINT, 11),
        *_lanes(lanes, bottom),
        *drawing.lines,
        *drawing.bars,
        *drawing.texts,
        *_legend(bottom + 24),
    ]
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="{FONT}" role="img" aria-label="{escape(title)}">\n{body}\n</svg>\n'
    )


__all__ = ["timeline"]
