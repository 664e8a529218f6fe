"""Charts of lines and of bars as SVG that stands by itself: light and dark, no two lines differ by colour alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from psci.graphs.palette import FAINT, FONT, GROUND, INK, in_the_dark

WIDTH = 760
_LEFT, _RIGHT, _TOP, _BOTTOM = 74, 216, 102, 62
_BARS_TOP = 76
_HEIGHT = 300
"""Of the space for lines."""
_ROW = 26
"""The height of a bar with what is around it."""
_LETTER = 6.9
"""The width of a letter of size 12, on average and a little more."""
_GRID = "#dfe5ea"
_STYLES = (("#1a56b0", ""), ("#b34a10", "7 4"), ("#0b7a4b", "2 4"), ("#8a3ab9", "9 3 2 3"))
"""The colour and the dashes of each line."""


@dataclass(frozen=True, slots=True)
class ChartAxis:
    """What is measured along a side."""

    label: str
    log: bool = False
    """Each step is ten times the one before."""
    ticks: tuple[float, ...] = ()
    """Where the marks are; by default at round numbers."""
    top: float | None = None
    """Where it ends; by default at the largest value."""


@dataclass(frozen=True, slots=True)
class ChartLine:
    """A line of points."""

    name: str
    points: tuple[tuple[float, float], ...]
    stepped: bool = False
    """A value holds until the next one."""


@dataclass(frozen=True, slots=True)
class LineChart:
    """Lines over one axis."""

    title: str
    subtitle: str
    x: ChartAxis
    y: ChartAxis
    lines: tuple[ChartLine, ...]


@dataclass(frozen=True, slots=True)
class ChartBar:
    """A bar, and what stands at its end."""

    label: str
    value: float
    text: str


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars below each other."""

    title: str
    subtitle: str
    axis: ChartAxis
    bars: tuple[ChartBar, ...]


Chart = LineChart | BarChart


def drawn(chart: Chart) -> str:
    """The chart as SVG."""
    return _lines(chart) if isinstance(chart, LineChart) else _bars(chart)


# ---- the two kinds


def _lines(chart: LineChart) -> str:
    xs = [x for line in chart.lines for x, _ in line.points]
    ys = [y for line in chart.lines for _, y in line.points]
    across = _Scale.over(chart.x, xs, _LEFT, WIDTH - _RIGHT)
    upwards = _Scale.over(chart.y, ys, _TOP + _HEIGHT, _TOP)
    parts = [*_across(across, _TOP, _TOP + _HEIGHT, chart.x.label)]
    for value in upwards.ticks:
        y = upwards.at(value)
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
        parts.append(_text(_LEFT - 8, y + 4, _number(value), "faint", anchor="end"))
    parts.append(_text(_LEFT - 50, _TOP - 18, chart.y.label, "faint"))
    ends = [upwards.at(line.points[-1][1]) for line in chart.lines]
    for number, (line, place) in enumerate(zip(chart.lines, _apart(ends, 16), strict=True)):
        points = [(across.at(x), upwards.at(y)) for x, y in line.points]
        parts.append(f'<path class="line l{number}" d="{_path(points, line.stepped)}"/>')
        if not line.stepped:
            parts += [f'<circle class="dot l{number}" cx="{x:.1f}" cy="{y:.1f}" r="3.2"/>' for x, y in points]
        # beside the lines, where no name lies on one
        start = WIDTH - _RIGHT + 10
        parts.append(f'<path class="line l{number}" d="M{start} {place:.1f}h24"/>')
        parts.append(_text(start + 32, place + 4, line.name, f"name n{number}"))
    told = "; ".join(f"{line.name}: {_told(line.points)}" for line in chart.lines)
    return _picture(chart.title, chart.subtitle, told, parts, _TOP + _HEIGHT + _BOTTOM)


def _bars(chart: BarChart) -> str:
    left = min(420, 24 + max(len(bar.label) for bar in chart.bars) * _LETTER)
    right = WIDTH - 24 - max(len(bar.text) for bar in chart.bars) * _LETTER
    bottom = _BARS_TOP + _ROW * len(chart.bars)
    along = _Scale.over(chart.axis, [bar.value for bar in chart.bars], left, right)
    parts = [*_across(along, _BARS_TOP, bottom, chart.axis.label)]
    for number, bar in enumerate(chart.bars):
        y = _BARS_TOP + _ROW * number
        end = max(along.at(bar.value), left + 2)
        parts.append(_text(left - 8, y + 17, bar.label, "ink", anchor="end"))
        parts.append(f'<rect class="bar" x="{left:.1f}" y="{y + 5}" width="{end - left:.1f}" height="{_ROW - 10}"/>')
        parts.append(_text(end + 6, y + 17, bar.text, "faint"))
    told = "; ".join(f"{bar.label}: {bar.text}" for bar in chart.bars)
    return _picture(chart.title, chart.subtitle, told, parts, bottom + _BOTTOM)


# ---- scales and marks


@dataclass(frozen=True, slots=True)
class _Scale:
    log: bool
    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]

    @classmethod
    def over(cls, axis: ChartAxis, values: Sequence[float], start: float, end: float) -> _Scale:
        highest = axis.top if axis.top is not None else max(values)
        if axis.log:
            positive = [value for value in values if value > 0]
            low = 10.0 ** math.floor(math.log10(min(positive)))
            high = 10.0 ** math.ceil(math.log10(highest))
            decades = tuple(10.0**power for power in range(round(math.log10(low)), round(math.log10(high)) + 1))
            if axis.ticks:
                low, high = axis.ticks[0], axis.ticks[-1]
            return cls(True, low, high, start, end, axis.ticks or decades)
        step = _round_step(highest)
        top = axis.top if axis.top is not None else step * math.ceil(highest / step)
        marks = tuple(step * number for number in range(math.floor(top / step + 1e-9) + 1))
        return cls(False, 0, top, start, end, axis.ticks or marks)

    def at(self, value: float) -> float:
        """Where a value is drawn."""
        if self.log:
            value = max(value, self.low)
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low or 1)
        return self.start + share * (self.end - self.start)


def _round_step(highest: float) -> float:
    """A round number that fits into a value four to ten times."""
    rough = max(highest, 1e-9) / 5
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * times for times in (1, 2, 5, 10) if power * times >= rough)


RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def _number(value: float) -> str:
    if value >= 100_000 or 0 < value < 0.01:
        power = round(math.log10(value))
        if math.isclose(value, 10.0**power):
            return "10" + str(power).translate(RAISED)
    return f"{value:,.10g}"


def _across(scale: _Scale, top: float, bottom: float, label: str) -> Iterator[str]:
    last = -math.inf
    for value in scale.ticks:
        x = scale.at(value)
        yield f'<path class="grid" d="M{x:.1f} {top}V{bottom}"/>'
        if x - last > 24:
            yield _text(x, bottom + 18, _number(value), "faint", anchor="middle")
            last = x
    yield _text((scale.start + scale.end) / 2, bottom + 42, label, "faint", anchor="middle")


def _apart(places: Sequence[float], distance: float) -> list[float]:
    """The places, moved so that no two are closer than a distance; the order stays."""
    found = dict.fromkeys(range(len(places)), 0.0)
    last = -math.inf
    for number in sorted(found, key=lambda n: places[n]):
        last = found[number] = max(places[number], last + distance)
    return [found[number] for number in range(len(places))]


def _path(points: Sequence[tuple[float, float]], stepped: bool) -> str:
    first, *rest = points
    text = f"M{first[0]:.1f} {first[1]:.1f}"
    return text + "".join(f"H{x:.1f}V{y:.1f}" if stepped else f"L{x:.1f} {y:.1f}" for x, y in rest)


def _told(points: Sequence[tuple[float, float]]) -> str:
    return ", ".join(f"{x:g}: {y:g}" for x, y in points)


def _text(x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _picture(title: str, subtitle: str, told: str, parts: Sequence[str], height: float) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:g}" '
            f'viewBox="0 0 {WIDTH} {height:g}" role="img" aria-labelledby="title told">',
            f'<title id="title">{escape(title)}</title><desc id="told">{escape(told)}</desc>',
            f"<style>{_STYLE}</style>",
            f'<rect class="ground" width="{WIDTH}" height="{height:g}" rx="6"/>',
            f'<text class="title" x="24" y="34">{escape(title)}</text>',
            _text(24, 54, subtitle, "faint"),
            *parts,
            "</svg>\n",
        ]
    )


def _colours(shown: bool) -> str:
    """The colours of every part, for a light or a dark ground."""

    def on(colour: str) -> str:
        return colour if shown else in_the_dark(colour)

    lines = "".join(
        f".line.l{n}{{stroke:{on(colour)};stroke-dasharray:{dashes or 'none'}}}.dot.l{n},.n{n}{{fill:{on(colour)}}}"
        for n, (colour, dashes) in enumerate(_STYLES)
    )
    return (
        f".ground{{fill:{on(GROUND)}}}.title,.ink{{fill:{on(INK)}}}.faint{{fill:{on(FAINT)}}}"
        f".grid{{stroke:{on(_GRID)}}}.bar{{fill:{on(_STYLES[0][0])}}}{lines}"
    )


_STYLE = (
    f"text{{font:12px {FONT}}}.title{{font-size:18px;font-weight:700}}.name{{font-weight:700}}"
    ".grid{stroke-width:1}.line{fill:none;stroke-width:2.2;stroke-linejoin:round}"
    f"{_colours(True)}@media (prefers-color-scheme:dark){{{_colours(False)}}}"
)


__all__ = ["RAISED", "BarChart", "Chart", "ChartAxis", "ChartBar", "ChartLine", "LineChart", "drawn"]
