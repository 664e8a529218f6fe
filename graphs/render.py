"""Diagrams as dot, pictures, Mermaid text and networkx graphs."""

from __future__ import annotations

import contextlib
import html
import json
import os
import shutil
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import graphviz
import networkx as nx

from psci.graphs.diagram import MOST_NODES, Diagram, DiagramEdge, DiagramNode, EdgeKind, Table
from psci.graphs.palette import BOX_FILL, BOX_LINE, FAINT, FONT, INK, LINES, TONES
from psci.graphs.web import as_page
from psci.host.files import write_whole
from psci.host.packages import Packages
from psci.model.errors import InputError

CELL = 52
"""How many characters of a table's cell stand in one line."""

_BOX_TAIL = "odot"
"""Where an edge leaves or reaches a box, and so every state in it."""


def to_dot(diagram: Diagram) -> str:
    """The diagram in the language of graphviz; the same diagram always gives the same text."""
    diagram = diagram.gathered()
    graph = graphviz.Digraph("psci")
    graph.attr(
        compound="true", rankdir="LR" if diagram.sideways else "TB", fontname=FONT, bgcolor="white",
        nodesep="0.4" if diagram.sideways else "0.6", ranksep="0.8", pad="0.3",
        label=_below(diagram), labelloc="b", labeljust="l" if diagram.tables else "r",
    )  # fmt: skip
    graph.attr("node", shape="box", style="rounded,filled", fontname=FONT, fontsize="13", margin="0.2,0.12")
    graph.attr("edge", fontname=FONT, fontsize="11", arrowsize="0.8", penwidth="1.4")
    # an invisible box around everything carries the heading, so that the label of the graph can be the legend
    with graph.subgraph(name="cluster everything") as all_of_it:
        heading = _heading(diagram) if diagram.title else ""
        all_of_it.attr(label=heading, labelloc="t", labeljust="c", peripheries="0", fontname=FONT)
        _boxes(all_of_it, diagram, None)
    for node in diagram.nodes:
        if node.initial:
            graph.edge(f"begin {node.name}", node.name, color=INK)
    for edges in _drawn_together(diagram):
        _edge(graph, diagram, edges)
    return str(graph.source)


def _below(diagram: Diagram) -> str:
    """What stands below the picture: the legend, and the tables under it. A picture of tables begins with a heading."""
    if not diagram.tables:
        return f"<{_legend(diagram)}>" if diagram.edges else ""
    left = '<BR ALIGN="LEFT"/>'
    legend = f'<TR><TD ALIGN="LEFT" BALIGN="LEFT">{_legend_line(diagram)}</TD></TR>' if diagram.edges else ""
    heading = f'<TR><TD ALIGN="LEFT" BALIGN="LEFT">{_heading_text(diagram)}{left}</TD></TR>'
    tables = "".join(f"<TR><TD>{_table_text(table)}</TD></TR>" for table in diagram.tables)
    head = legend if diagram.nodes else heading
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="6">{head}{tables}</TABLE>>'


def _legend_line(diagram: Diagram) -> str:
    kinds = (f'<FONT COLOR="{LINES[kind].colour}">{_stroke(kind)}&#160;{kind.value}</FONT>' for kind in diagram.kinds())
    notes = f'{_tall(15)}<FONT POINT-SIZE="10" COLOR="{FAINT}">{"; ".join(_notes(diagram))}</FONT>'
    return f'<FONT POINT-SIZE="11">{"&#160;&#160;&#160;&#160;".join(kinds)}</FONT><BR ALIGN="LEFT"/>{notes}'


def _table_text(table: Table) -> str:
    """A table beside the picture."""
    across = len(table.header)
    rows = [f'<TR><TD COLSPAN="{across}" ALIGN="LEFT"><B>{html.escape(table.title)}</B></TD></TR>']
    rows.append(
        "<TR>"
        + "".join(_cell(f"<B>{html.escape(word)}</B>" if word else " ", "#eef2f6") for word in table.header)
        + "</TR>"
    )
    for row in table.rows:
        rows.append("<TR>" + "".join(_cell(_wrapped(text)) for text in row) + "</TR>")
    return (
        f'<FONT POINT-SIZE="11"><TABLE BORDER="1" COLOR="#c4ccd4" CELLBORDER="1" CELLSPACING="0" CELLPADDING="5" '
        f'BGCOLOR="white">{"".join(rows)}</TABLE></FONT>'
    )


def _cell(text: str, fill: str = "white") -> str:
    return f'<TD ALIGN="LEFT" BALIGN="LEFT" VALIGN="TOP" COLOR="#dfe5ea" BGCOLOR="{fill}">{text}</TD>'


def _wrapped(text: str) -> str:
    return "<BR/>".join(html.escape(line) for line in textwrap.wrap(text, CELL)) or " "


def _drawn_together(diagram: Diagram) -> list[list[DiagramEdge]]:
    """Edges between two nodes have arrows of their own; those from a box share one, or they would overlap."""
    groups: dict[tuple[str, str, bool, EdgeKind | None], list[DiagramEdge]] = {}
    for edge in diagram.edges:
        key = edge.source, edge.target, edge.from_cluster, None if edge.from_cluster else edge.kind
        groups.setdefault(key, []).append(edge)
    return list(groups.values())


def _boxes(graph: Any, diagram: Diagram, parent: str | None) -> None:
    for node in diagram.nodes:
        if node.cluster == parent:
            tone = TONES[node.tone]
            graph.node(node.name, label=_node_text(node), fillcolor=tone.fill, color=tone.line, fontcolor=INK)
            if node.initial:
                # beside its node, wherever that is
                with graph.subgraph() as row:
                    row.attr(rank="same")
                    row.node(f"begin {node.name}", label="", shape="circle", width="0.16", fillcolor=INK)
                    row.node(node.name)
    for box in diagram.clusters:
        if box.parent == parent:
            fill = BOX_FILL if box.parent is None else "#ffffff"
            with graph.subgraph(name=f"cluster_{box.name}") as inner:
                inner.attr(
                    label=f"<<B>{html.escape(box.label)}</B>>", labeljust="l", fontsize="13", fontcolor=FAINT,
                    style="rounded,filled", color=BOX_LINE, fillcolor=fill, margin="18", peripheries="1",
                )  # fmt: skip
                _boxes(inner, diagram, box.name)


def _heading(diagram: Diagram) -> str:
    return f"<{_heading_text(diagram)}<BR/> >"


def _heading_text(diagram: Diagram) -> str:
    return (
        f'<FONT POINT-SIZE="20" COLOR="{INK}"><B>{html.escape(diagram.title)}</B></FONT><BR/>'
        f'{_tall(20)}<FONT POINT-SIZE="12" COLOR="{FAINT}">{html.escape(diagram.subtitle)}</FONT>{_tall(20)}'
    )


def _tall(points: int) -> str:
    """A space of some height: dot sets lines of small letters too close below larger ones."""
    return f'<FONT POINT-SIZE="{points}">&#160;</FONT>'


def _node_text(node: DiagramNode) -> str:
    first, *rest = f"{node.label}\n{node.note}".split("\n")
    rest = [line for line in rest if line]
    small = "".join(
        f'<BR/>{_tall(13)}<FONT POINT-SIZE="10" COLOR="{FAINT}">{html.escape(line)}</FONT>{_tall(13)}' for line in rest
    )
    return f"<<B>{html.escape(first)}</B>{small}>"


def _edge(graph: Any, diagram: Diagram, edges: list[DiagramEdge]) -> None:
    """One arrow, with the labels of all edges that it stands for."""
    edge = edges[0]
    order = [node.name for node in diagram.nodes]
    line = LINES[edge.kind]
    tip = "\n".join(_tooltip(each) for each in edges)
    attributes = {
        "color": line.colour, "style": line.style, "arrowhead": line.head, "tooltip": tip, "labeltooltip": tip,
        "label": _edge_label(edges),
    }  # fmt: skip
    source = _representative(diagram, edge.source, last=True) if edge.from_cluster else edge.source
    target = _representative(diagram, edge.target, last=False) if edge.to_cluster else edge.target
    forwards = order.index(source) <= order.index(target)
    # drawn against its direction where it leads back, so that the order of the nodes is the order of the rows
    tail, head = ("ltail", "lhead") if forwards else ("lhead", "ltail")
    if edge.from_cluster:
        attributes[tail] = f"cluster_{edge.source}"
    if edge.to_cluster:
        attributes[head] = f"cluster_{edge.target}"
    if edge.from_cluster:
        attributes |= {"arrowtail": _BOX_TAIL, "dir": "both"}
    if not forwards:
        source, target = target, source
        attributes["arrowhead"], attributes["arrowtail"] = attributes.get("arrowtail", "none"), attributes["arrowhead"]
        attributes["dir"] = "both" if edge.from_cluster else "back"
    graph.edge(source, target, **attributes)


def _representative(diagram: Diagram, cluster: str, last: bool) -> str:
    """The node at which an edge of a cluster is drawn: the last where it leaves, the middle where it arrives."""
    inside = diagram.inside(cluster)
    return inside[-1] if last else inside[len(inside) // 2]


def _rows(edge: DiagramEdge) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """One row for each call or move and outcome, with the rules that allow it."""
    rules: dict[tuple[str, str], list[str]] = {}
    for label in edge.labels:
        name = label.rule + (" (may)" if label.permitted else "")
        rules.setdefault((label.what, label.outcome), []).append(name)
    for (what, outcome), names in rules.items():
        if not what:
            continue
        yield what, outcome, tuple(dict.fromkeys(name for name in names if name))


def _edge_label(edges: list[DiagramEdge]) -> str:
    """The labels of an arrow on a ground of their own, so that no border is seen behind a word."""
    text = "".join(_edge_text(each) for each in edges)
    return f'<<TABLE BORDER="0" CELLPADDING="1" BGCOLOR="white"><TR><TD>{text}</TD></TR></TABLE>>' if text else ""


def _edge_text(edge: DiagramEdge) -> str:
    """The rows of an edge, aligned to the left; many rules of one row stand below each other."""
    colour = LINES[edge.kind].colour
    left = '<BR ALIGN="LEFT"/>'
    rows = []
    for what, outcome, rules in _rows(edge):
        arrow = f" &#8594; {html.escape(outcome)}" if outcome else ""
        first = f'{_tall(14)}&#160;<FONT COLOR="{colour}">{_lines(what)}{arrow}</FONT>&#160; '
        small = [f'<FONT POINT-SIZE="9" COLOR="{FAINT}">{html.escape(rule)}</FONT>&#160;' for rule in rules]
        # one rule stands beside its call, more stand below it
        rows.append(
            first + (small[0] if len(small) == 1 else "".join(f"{left}{_tall(13)}&#160;&#160;{r}" for r in small))
        )
    return "".join(row + left for row in rows)


def _lines(text: str) -> str:
    return f'<BR ALIGN="LEFT"/>{_tall(14)}&#160;'.join(html.escape(line) for line in text.split("\n"))


def _tooltip(edge: DiagramEdge) -> str:
    return "\n".join(f"{label}: {', '.join(label.cites)}" for label in edge.labels)


_HEADS = {"normal": "&#9654;", "empty": "&#9655;", "vee": "&#10148;", "diamond": "&#9670;", "none": "&#9473;"}


def _stroke(kind: EdgeKind) -> str:
    line = "&#9476;&#9476;" if LINES[kind].style in ("dashed", "dotted") else "&#9473;&#9473;"
    return line + _HEADS[LINES[kind].head]


def _notes(diagram: Diagram) -> list[str]:
    labels = [label for edge in diagram.edges for label in edge.labels]
    notes = ["call &#8594; outcome, then the rule that allows it"] if any(label.outcome for label in labels) else []
    if any(edge.from_cluster for edge in diagram.edges):
        notes.append("a ring: from every state of the box")
    if any(label.permitted for label in labels):
        notes.append("(may): allowed, not promised")
    return notes


def _legend(diagram: Diagram) -> str:
    rows = [
        f'<TR><TD ALIGN="LEFT"><FONT COLOR="{LINES[kind].colour}">{_stroke(kind)}</FONT></TD>'
        f'<TD ALIGN="LEFT"><FONT POINT-SIZE="11" COLOR="{INK}">{kind.value}&#160;&#160;</FONT></TD></TR>'
        for kind in diagram.kinds()
    ]
    for note in _notes(diagram):
        text = f'<FONT POINT-SIZE="10" COLOR="{FAINT}">{note}&#160;&#160;&#160;</FONT>'
        rows.append(f'<TR><TD COLSPAN="2" ALIGN="LEFT">{text}</TD></TR>')
    frame = f'BORDER="1" COLOR="{BOX_LINE}" CELLBORDER="0" CELLSPACING="1" CELLPADDING="3" STYLE="ROUNDED"'
    return f"<TABLE {frame}>{''.join(rows)}</TABLE>"


def to_mermaid(diagram: Diagram) -> str:
    """The diagram as a Mermaid flowchart, which code hosts draw by themselves."""
    diagram = diagram.gathered()
    ids = {node.name: f"n{i}" for i, node in enumerate(diagram.nodes)}
    ids |= {box.name: f"c{i}" for i, box in enumerate(diagram.clusters)}
    lines = [
        "---",
        # quoted, since a colon ends a key
        f"title: {json.dumps(f'{diagram.title} ({diagram.subtitle})', ensure_ascii=False)}",
        "---",
        f"flowchart {'LR' if diagram.sideways else 'TB'}",
    ]
    lines += _mermaid_boxes(diagram, ids, None, "  ")
    for number, edge in enumerate(diagram.edges):
        arrow = "-.->" if LINES[edge.kind].style == "dashed" else "==>" if LINES[edge.kind].style == "bold" else "-->"
        text = "<br/>".join(_mermaid_row(*row) for row in _rows(edge))
        label = f'|"{text}"|' if text else ""
        lines.append(f"  {ids[edge.source]} {arrow}{label} {ids[edge.target]}")
        lines.append(f"  linkStyle {number} stroke:{LINES[edge.kind].colour},color:{LINES[edge.kind].colour}")
    for number, node in enumerate(node for node in diagram.nodes if node.initial):
        lines.append(f'  b{number}((" ")) --> {ids[node.name]}')
        lines.append(f"  style b{number} fill:{INK},stroke:{INK}")
    for name in sorted({node.tone for node in diagram.nodes}):
        lines.append(f"  classDef {name} fill:{TONES[name].fill},stroke:{TONES[name].line},color:{INK}")
    for node in diagram.nodes:
        lines.append(f"  class {ids[node.name]} {node.tone}")
    # Mermaid has no tables
    for table in diagram.tables:
        lines += [f"  %% {table.title}", *(f"  %% {' | '.join(row)}" for row in (table.header, *table.rows))]
    return "\n".join(lines) + "\n"


def _mermaid_boxes(diagram: Diagram, ids: Mapping[str, str], parent: str | None, indent: str) -> list[str]:
    lines = []
    for node in diagram.nodes:
        if node.cluster == parent:
            text = "<br/>".join(line for line in f"{node.label}\n{node.note}".split("\n") if line)
            lines.append(f'{indent}{ids[node.name]}("{text}")')
    for box in diagram.clusters:
        if box.parent == parent:
            lines.append(f'{indent}subgraph {ids[box.name]}["{box.label}"]')
            lines += _mermaid_boxes(diagram, ids, box.name, indent + "  ")
            lines.append(f"{indent}end")
    return lines


def _mermaid_row(what: str, outcome: str, rules: tuple[str, ...]) -> str:
    arrow = f" → {outcome}" if outcome else ""
    text = what.replace("\n", "<br/>") + arrow
    return f"{text} <i>{', '.join(rules)}</i>" if rules else text


def to_networkx(diagram: Diagram) -> nx.MultiDiGraph[str]:
    """The diagram as a graph to compute with: one edge for each label."""
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph(title=diagram.title)
    for node in diagram.nodes:
        graph.add_node(node.name, label=node.label, tone=node.tone, cluster=node.cluster, initial=node.initial)
    for edge in diagram.edges:
        for label in edge.labels:
            graph.add_edge(
                edge.source, edge.target, kind=edge.kind.name.lower(), what=label.what, outcome=label.outcome,
                rule=label.rule, cites=label.cites,
            )  # fmt: skip
    return graph


PICTURES = ("svg", "png", "pdf")
FORMATS: Mapping[str, str] = {
    "svg": "svg", "png": "png", "pdf": "pdf", "dot": "dot", "gv": "dot", "mmd": "mermaid", "mermaid": "mermaid",
    "html": "html",
}  # fmt: skip
"""The format for each suffix of a file."""


def render(diagram: Diagram, form: str) -> bytes:
    """The diagram in a format.

    Raises:
        InputError: the diagram is too large to be read, the format is unknown, or graphviz is missing.
    """
    if len(diagram.nodes) > MOST_NODES:
        raise InputError(
            f"{diagram.title}: {len(diagram.nodes)} nodes are too many to read (the limit is {MOST_NODES}): "
            "take the view 'core' or 'system'"
        )
    match form:
        case "dot":
            return to_dot(diagram).encode()
        case "mermaid" if not diagram.nodes:
            raise InputError(f"{diagram.title}: Mermaid has no tables: write a .html, .svg, .png or .pdf file")
        case "mermaid":
            return to_mermaid(diagram).encode()
        case "html":
            # the page has a heading and tables of its own
            drawn = _pipe(replace(diagram, title="", tables=()), "svg").decode() if diagram.nodes else ""
            return as_page(diagram, drawn).encode()
        case "svg" | "png" | "pdf":
            return _pipe(diagram, form)
    raise InputError(f"unknown format {form!r}: choose {', '.join(dict.fromkeys(FORMATS.values()))}")


_DPI = 144
"""Pixels to an inch of a PNG: one and a half of what is usual, so that it can be enlarged on a slide."""


def _pipe(diagram: Diagram, form: str) -> bytes:
    text = to_dot(diagram)
    if form == "png":
        text = text.replace("{", f"{{\n\tdpi={_DPI}", 1)
    source = graphviz.Source(text)
    try:
        with _dot_of_the_cache_on_path():
            rendered: bytes = source.pipe(format=form)
    except graphviz.ExecutableNotFound:
        raise InputError(
            f"{form} needs the program `dot`: run `psci peers install`, install graphviz, or write a .dot or .mmd file"
        ) from None
    return rendered


@contextlib.contextmanager
def _dot_of_the_cache_on_path() -> Iterator[None]:
    """Where `dot` is not installed but was fetched, let it be found for the moment."""
    before = os.environ.get("PATH", "")
    fetched = None if shutil.which("dot") else Packages().find("dot")
    if fetched is not None:
        os.environ["PATH"] = os.pathsep.join((before, str(fetched.parent)))
    try:
        yield
    finally:
        os.environ["PATH"] = before


def format_of(path: Path, form: str | None = None) -> str:
    """The format that a file name asks for, unless one is given.

    Raises:
        InputError: the suffix is unknown; the message lists those that are not.
    """
    if form is not None:
        return form
    suffix = path.suffix.removeprefix(".").lower()
    if suffix not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        raise InputError(f"{path}: unknown suffix: use one of {known}, or --format")
    return FORMATS[suffix]


def write(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all.

    Raises:
        InputError: the folder does not exist or cannot be written to.
    """
    try:
        write_whole(path, content)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None


__all__ = ["FORMATS", "format_of", "render", "to_dot", "to_mermaid", "to_networkx", "write"]
