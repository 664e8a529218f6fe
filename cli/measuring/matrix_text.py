"""The matrix, for a terminal and as Markdown."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from psci.oracle.matrix.table import CHOICES, Cell

SIGNS: Mapping[str, str] = {
    Cell.CONFORMS: "✓", Cell.DEVIATES: "✗", Cell.PERMISSION: "○", Cell.NOT_EXERCISED: "·", Cell.OUT_OF_REACH: " ",
}  # fmt: skip
LEGEND = (
    "✓ conforms, ✗ deviates, ○ only a permission of DEN0022 explains it, · not exercised, blank: what the"
    " implementation declares excludes it"
)


def terminal(found: Mapping[str, Any]) -> Iterator[str]:
    """A line for each row, a letter's width for each column, and the deviations below."""
    columns = found["columns"]
    for number, column in enumerate(columns, start=1):
        yield f"{number:>3} {about(column)}"
    for absent in found["not_executed"]:
        yield f"  - {absent['peer']}: not executed: {absent['why']}"
    width = max([len(row["row"]) for row in found["rows"]], default=0)
    for section, rows in sections(found["rows"]):
        yield ""
        yield f"{section:{width}} " + "".join(f"{number:>3}" for number in range(1, len(columns) + 1))
        for row in rows:
            if section == CHOICES:
                yield f"{row['row']:{width}} " + _values(row["cells"])
            else:
                yield f"{row['row']:{width}} " + "".join(f"{SIGNS[cell['state']]:>3}" for cell in row["cells"])
    yield ""
    yield LEGEND
    yield from _deviations(found)


def markdown(found: Mapping[str, Any]) -> Iterator[str]:
    """A page of tables."""
    columns = found["columns"]
    yield "# Implementations beside each other"
    yield ""
    yield f"Made on {found['date']} by `psci matrix`, each implementation judged by DEN0022 alone. {LEGEND}."
    yield ""
    yield "A deviation is written as what was observed, with how often it was seen when its trace was run again, and"
    yield "leads to that trace. `psci replay FILE` runs it once more, `psci matrix --from matrix.json --compare A B`"
    yield "tells what a guest notices that moves from A to B."
    yield ""
    yield "| | implementation | version | PSCI | calls | calls/s | rules exercised | deviations |"
    yield "|---|---|---|---|---|---|---|---|"
    for number, column in enumerate(columns, start=1):
        yield (
            f"| {number} | `{column['label']}` | {column['version']} | {column['psci']} | {column['calls']:,} |"
            f" {column['calls_per_second'] or 0:,.0f} | {column['rules_exercised']} of {column['rules_in_reach']} |"
            f" {column['deviations']} |"
        )
    if found["not_executed"]:
        yield ""
        yield "Not executed:"
        yield ""
        yield from (f"- `{absent['peer']}`: {absent['why']}" for absent in found["not_executed"])
    heads = "".join(f" {number} |" for number in range(1, len(columns) + 1))
    for section, rows in sections(found["rows"]):
        yield ""
        yield f"## {section}"
        yield ""
        yield f"| |{heads}"
        yield "|---|" + "---|" * len(columns)
        for row in rows:
            facts = f" ({', '.join(row['facts'])})" if row["facts"] else ""
            yield f"| {row['row']}{facts} | " + " | ".join(_markdown_cell(cell) for cell in row["cells"]) + " |"


def compared(rows: Sequence[Mapping[str, Any]], labels: tuple[str, str]) -> Iterator[str]:
    """What differs between two columns."""
    if not rows:
        yield f"{labels[0]} and {labels[1]}: no difference was seen"
        return
    for section, some in sections(rows):
        yield section
        for row in some:
            yield f"  {row['row']}"
            for label, cell in zip(labels, row["cells"], strict=True):
                yield f"    {label}: {said(cell)}"


def sections(rows: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """The rows of each section."""
    for section, some in itertools.groupby(rows, key=lambda row: row["section"]):
        yield str(section), list(some)


def about(column: Mapping[str, Any]) -> str:
    """A column, in a line."""
    rate = column["calls_per_second"] or 0
    return (
        f"{column['label']}: PSCI {column['psci']}, {column['calls']:,} calls, {rate:,.0f}/s,"
        f" {column['deviations']} deviations; {column['version']}"
    )


def said(cell: Mapping[str, Any]) -> str:
    """A cell in words."""
    match cell["state"]:
        case Cell.CHOICE:
            return str(cell["value"])
        case Cell.DEVIATES:
            return f"deviates: {', '.join(cell['observed'])} ({seen(cell)})"
        case Cell.CONFORMS | Cell.PERMISSION:
            return f"{cell['state']} ({cell['count']} times)"
    return str(cell["state"])


def seen(cell: Mapping[str, Any]) -> str:
    """How often a deviation was seen: in how many runs of its trace, and how often in the campaign."""
    runs = [f"{rate['times']} of {rate['of']} runs" for rate in cell["seen"] if rate]
    return ", ".join([*runs, f"{cell['count']} times of {cell['count'] + cell['conforming']}"])


def _values(cells: Sequence[Mapping[str, Any]]) -> str:
    """The values of a choice, each with the columns that chose it."""
    chosen: dict[str, list[str]] = {}
    for number, cell in enumerate(cells, start=1):
        if cell["state"] == Cell.CHOICE:
            chosen.setdefault(cell["value"], []).append(str(number))
    return "; ".join(f"{value}: {', '.join(numbers)}" for value, numbers in chosen.items())


def _markdown_cell(cell: Mapping[str, Any]) -> str:
    match cell["state"]:
        case Cell.CHOICE:
            return str(cell["value"])
        case Cell.DEVIATES:
            sign = f"✗ {', '.join(cell['observed'])}"
            linked = f"[{sign}]({cell['traces'][0]})" if cell["traces"] else sign
            return f"{linked} {seen(cell)}"
        case Cell.CONFORMS | Cell.PERMISSION:
            return f"{SIGNS[cell['state']]} {cell['count']}"
    return SIGNS[cell["state"]]


def _deviations(found: Mapping[str, Any]) -> Iterator[str]:
    for number, column in enumerate(found["columns"]):
        rows = [row for row in found["rows"] if row["cells"][number]["state"] == Cell.DEVIATES]
        if rows:
            yield ""
            yield column["label"]
        for row in rows:
            cell = row["cells"][number]
            yield f"  {row['row']}: {said(cell)}"
            yield from (f"    psci replay {trace}" for trace in cell["traces"])
