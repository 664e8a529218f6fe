"""The matrix as one HTML page that needs no server and no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from psci.cli.measuring.matrix_text import LEGEND, SIGNS, said, sections
from psci.oracle.matrix.table import Cell

_STYLE = """\
body { font: 14px/1.4 system-ui, sans-serif; margin: 1.5rem; color-scheme: light dark; }
table { border-collapse: collapse; }
.wide { overflow-x: auto; }
th, td { border: 1px solid #8886; padding: .15rem .4rem; text-align: center; vertical-align: top; }
th.row { text-align: left; font-weight: normal; position: sticky; left: 0; background: Canvas; min-width: 16rem; }
th.section { text-align: left; background: #8882; }
small { opacity: .75; }
.deviates { background: #d3302f33; }
.conforms { background: #2e7d3222; }
.permission { background: #f9a82533; }
"""


def page(found: Mapping[str, Any]) -> str:
    """The page."""
    return "\n".join(_lines(found)) + "\n"


def _lines(found: Mapping[str, Any]) -> Iterator[str]:
    columns = found["columns"]
    yield "<!DOCTYPE html>"
    yield '<html lang="en"><head><meta charset="utf-8"><title>PSCI: implementations beside each other</title>'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<style>\n{_STYLE}</style></head><body>"
    yield "<h1>PSCI: implementations beside each other</h1>"
    yield f"<p>Made on {escape(found['date'])} by <code>psci matrix</code>. {escape(LEGEND)}."
    yield "Point at a cell for more.</p>"
    yield "<ol>"
    for column in columns:
        yield (
            f"<li><b>{escape(column['label'])}</b>: {escape(column['version'])}; PSCI {escape(column['psci'])},"
            f" {column['calls']:,} calls, {column['deviations']} deviations<br>"
            f"<small><code>{escape(column['command'])}</code></small></li>"
        )
    yield "</ol>"
    for absent in found["not_executed"]:
        yield f"<p>Not executed: <b>{escape(absent['peer'])}</b>: {escape(absent['why'])}</p>"
    yield '<div class="wide"><table>'
    for section, rows in sections(found["rows"]):
        yield f'<tr><th class="section">{escape(section)}</th>'
        yield "".join(f"<th>{escape(column['label'])}</th>" for column in columns) + "</tr>"
        for row in rows:
            facts = f"<br><small>{escape(', '.join(row['facts']))}</small>" if row["facts"] else ""
            yield f'<tr><th class="row" title="{escape(row["sentence"])}">{escape(row["row"])}{facts}</th>'
            yield "".join(_cell(cell) for cell in row["cells"]) + "</tr>"
    yield "</table></div></body></html>"


def _cell(cell: Mapping[str, Any]) -> str:
    state = cell["state"]
    if state == Cell.CHOICE:
        return f"<td>{escape(cell['value'])}</td>"
    text = escape(SIGNS[state])
    if state == Cell.DEVIATES:
        text += " " + escape(", ".join(cell["observed"]))
        if cell["traces"]:
            text = f'<a href="{escape(cell["traces"][0])}">{text}</a>'
    return f'<td class="{escape(state)}" title="{escape(said(cell))}">{text}</td>'
