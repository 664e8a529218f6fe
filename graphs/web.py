"""A diagram as a page to open in a browser, light or dark."""

from __future__ import annotations

import html
import re

from psci.graphs.diagram import Diagram, Table
from psci.graphs.palette import BOX_FILL, BOX_LINE, FAINT, GROUND, INK, LINES, TONES, in_the_dark


def as_page(diagram: Diagram, svg: str) -> str:
    """The picture in a page that scrolls it rather than shrinks it, with tables that can be copied from."""
    title = html.escape(diagram.title)
    tables = "".join(_html_table(table) for table in diagram.tables)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="color-scheme" content="light dark">'
        f"<style>{_STYLE}</style></head>\n<body><main><h1>{title}</h1><p>{html.escape(diagram.subtitle)}</p>"
        + (_html_picture(svg[svg.index("<svg") :], title) if svg else "")
        + f"{tables}</main></body></html>\n"
    )


def _html_picture(svg: str, title: str) -> str:
    width = svg.partition('width="')[2].partition('"')[0]
    return (
        '<label><input type="checkbox" id="fit"> fit to the window</label>'
        f'<div class="picture" role="region" aria-label="{title}" tabindex="0" style="--natural:{width}">{svg}</div>'
    )


_OTHERS = {INK, FAINT, BOX_LINE, BOX_FILL}
_COLOURS = sorted(_OTHERS.union(*TONES.values(), (line.colour for line in LINES.values())))
_DARK = "".join(
    f'svg [{part}="{colour}"]{{{part}:{in_the_dark(colour)}}}' for colour in _COLOURS for part in ("fill", "stroke")
)
_STYLE = (
    f"body{{margin:1rem 1.5rem;background:{GROUND};color:{INK};font:15px/1.45 system-ui,sans-serif}}"
    f"h1{{font-size:1.3rem;margin:0}}p,label{{color:{FAINT}}}p{{margin:.2rem 0 .6rem}}"
    ".picture{overflow:auto;margin:.6rem 0}"
    "svg{min-width:calc(var(--natural)*.66);max-width:100%;height:auto;display:block}"
    "body:has(#fit:checked) svg{min-width:0}.edge:hover path{stroke-width:3}div.table{overflow-x:auto}"
    "table{border-collapse:collapse;margin:1rem 0}"
    "caption{text-align:left;font-weight:700;padding:.3rem 0}th,td{border:1px solid #c4ccd480;padding:.3rem .6rem;"
    "text-align:left;vertical-align:top;font-size:14px}td span{white-space:nowrap}th{background:#8795a128}"
    "@media print{svg{min-width:0}label{display:none}}"
    "@media screen and (prefers-color-scheme:dark){"
    f"body{{background:{in_the_dark(GROUND)};color:{in_the_dark(INK)}}}"
    f"p,label{{color:{in_the_dark(FAINT)}}}svg [fill=white]{{fill:{in_the_dark(GROUND)}}}"
    f"svg [stroke=white]{{stroke:none}}svg text:not([fill]){{fill:{in_the_dark(INK)}}}{_DARK}}}"
)


def _html_table(table: Table) -> str:
    head = "".join(f"<th>{html.escape(word)}</th>" for word in table.header)
    rows = "".join("<tr>" + "".join(f"<td>{_html_cell(text)}</td>" for text in row) + "</tr>" for row in table.rows)
    return f'<div class="table"><table><caption>{html.escape(table.title)}</caption><tr>{head}</tr>{rows}</table></div>'


def _html_cell(text: str) -> str:
    """The text; an id such as CPU_ON-7 is not broken at its hyphen."""
    return re.sub(r"\b[A-Z][A-Z0-9_]*-\d+\b", r"<span>\g<0></span>", html.escape(text))


__all__ = ["as_page"]
