"""Diagrams as dot, pictures, Mermaid text and networkx graphs."""

from __future__ import annotations

import contextlib
import html
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import graphviz
import networkx as nx

from psci.graphs.diagram import Diagram, Edge, Kind, Node
from psci.graphs.views import MOST_NODES
from psci.host.files import write_whole
from psci.host.packages import Packages
from psci.model.errors import InputError

FONT = "Helvetica,Arial,sans-serif"
INK = "#1f2933"
FAINT = "#66727f"


class Tone(NamedTuple):
    """The colours of a node."""

    fill: str
    line: str


TONES: Mapping[str, Tone] = {
    "plain": Tone("#ffffff", "#8795a1"),
    "off": Tone("#e8ebee", "#8795a1"),
    "pending": Tone("#fff1cc", "#d9a300"),
    "entering": Tone("#e3f5e1", "#58a55c"),
    "on": Tone("#c6ebc5", "#2f8132"),
    "idle": Tone("#dbe9fb", "#3b78c4"),
    "frozen": Tone("#e4e0f5", "#6f5bb8"),
    "going": Tone("#fde3d3", "#d9722e"),
    "down": Tone("#f6cfd0", "#b83238"),
}


class Line(NamedTuple):
    """How an edge is drawn."""

    colour: str
    style: str


LINES: Mapping[Kind, Line] = {
    Kind.OWN: Line("#1a56b0", "solid"),
    Kind.OTHER: Line("#8a3ab9", "solid"),
    Kind.CALL: Line("#1a56b0", "solid"),
    Kind.SILENT: Line("#66727f", "dashed"),
    Kind.WITNESSED: Line("#c2571a", "bold"),
}


def to_dot(diagram: Diagram) -> str:
    """The diagram in the language of graphviz; the same diagram always gives the same text."""
    diagram = diagram.gathered()
    graph = graphviz.Digraph("psci")
    graph.attr(
        compound="true", rankdir="LR" if diagram.sideways else "TB", fontname=FONT, bgcolor="white",
        nodesep="0.4" if diagram.sideways else "0.6", ranksep="0.8", pad="0.3",
        label=_legend(diagram), labelloc="b", labeljust="r",
    )  # fmt: skip
    graph.attr("node", shape="box", style="rounded,filled", fontname=FONT, fontsize="13", margin="0.2,0.12")
    graph.attr("edge", fontname=FONT, fontsize="11", arrowsize="0.8", penwidth="1.4")
    # an invisible box around everything carries the heading, so that the label of the graph can be the legend
    with graph.subgraph(name="cluster everything") as all_of_it:
        all_of_it.attr(label=_heading(diagram), labelloc="t", labeljust="c", peripheries="0", fontname=FONT)
        _boxes(all_of_it, diagram, None)
        for node in diagram.nodes:
            if node.initial:
                all_of_it.node(f"begin {node.name}", label="", shape="circle", width="0.16", fillcolor=INK)
    for node in diagram.nodes:
        if node.initial:
            graph.edge(f"begin {node.name}", node.name, color=INK)
    for edges in _drawn_together(diagram):
        _edge(graph, diagram, edges)
    return str(graph.source)


def _drawn_together(diagram: Diagram) -> list[list[Edge]]:
    """Edges between two nodes have arrows of their own; those from a box share one, or they would overlap."""
    groups: dict[tuple[str, str, bool, Kind | None], list[Edge]] = {}
    for edge in diagram.edges:
        key = edge.source, edge.target, edge.from_cluster, None if edge.from_cluster else edge.kind
        groups.setdefault(key, []).append(edge)
    return list(groups.values())


def _boxes(graph: Any, diagram: Diagram, parent: str | None) -> None:
    for node in diagram.nodes:
        if node.cluster == parent:
            tone = TONES[node.tone]
            graph.node(node.name, label=_node_text(node), fillcolor=tone.fill, color=tone.line, fontcolor=INK)
    for box in diagram.clusters:
        if box.parent == parent:
            fill = "#f7f9fa" if box.parent is None else "#ffffff"
            with graph.subgraph(name=f"cluster_{box.name}") as inner:
                inner.attr(
                    label=f"<<B>{html.escape(box.label)}</B>>", labeljust="l", fontsize="13", fontcolor=FAINT,
                    style="rounded,filled", color="#c4ccd4", fillcolor=fill, margin="18", peripheries="1",
                )  # fmt: skip
                _boxes(inner, diagram, box.name)


def _heading(diagram: Diagram) -> str:
    return (
        f'<<FONT POINT-SIZE="20"><B>{html.escape(diagram.title)}</B></FONT><BR/>'
        f'<FONT POINT-SIZE="12" COLOR="{FAINT}">{html.escape(diagram.subtitle)}</FONT><BR/> >'
    )


def _node_text(node: Node) -> str:
    first, *rest = node.label.split("\n")
    small = "".join(f'<BR/><FONT POINT-SIZE="10" COLOR="{FAINT}">{html.escape(line)}</FONT>' for line in rest if line)
    return f"<<B>{html.escape(first)}</B>{small}>"


def _edge(graph: Any, diagram: Diagram, edges: list[Edge]) -> None:
    """One arrow, with the labels of all edges that it stands for."""
    edge = edges[0]
    order = [node.name for node in diagram.nodes]
    line = LINES[edge.kind]
    tip = "\n".join(_tooltip(each) for each in edges)
    attributes = {
        "color": line.colour, "style": line.style, "tooltip": tip, "labeltooltip": tip,
        "label": "<" + "".join(_edge_text(each) for each in edges) + ">",
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
    if forwards:
        graph.edge(source, target, **attributes)
    else:
        graph.edge(target, source, dir="back", **attributes)


def _representative(diagram: Diagram, cluster: str, last: bool) -> str:
    """The node at which an edge of a cluster is drawn: the last where it leaves, the middle where it arrives."""
    inside = diagram.inside(cluster)
    return inside[-1] if last else inside[len(inside) // 2]


def _rows(edge: Edge) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """One row for each call or move and outcome, with the rules that allow it."""
    rules: dict[tuple[str, str], list[str]] = {}
    for label in edge.labels:
        name = label.rule + (" (may)" if label.permitted else "")
        rules.setdefault((label.what, label.outcome), []).append(name)
    for (what, outcome), names in rules.items():
        yield what, outcome, tuple(dict.fromkeys(name for name in names if name))


def _edge_text(edge: Edge) -> str:
    """The rows of an edge, aligned to the left; many rules of one row stand below each other."""
    colour = LINES[edge.kind].colour
    left = '<BR ALIGN="LEFT"/>'
    rows = []
    for what, outcome, rules in _rows(edge):
        arrow = f" &#8594; {html.escape(outcome)}" if outcome else ""
        first = f'&#160;&#160;<FONT COLOR="{colour}">{html.escape(what)}{arrow}</FONT>&#160; '
        small = [f'<FONT POINT-SIZE="9" COLOR="{FAINT}">{html.escape(rule)}</FONT>&#160;' for rule in rules]
        # one rule stands beside its call, more stand below it
        rows.append(first + (small[0] if len(small) == 1 else "".join(f"{left}&#160;&#160;&#160;{r}" for r in small)))
    return "".join(row + left for row in rows)


def _tooltip(edge: Edge) -> str:
    return "\n".join(f"{label}: {', '.join(label.cites)}" for label in edge.labels)


def _legend(diagram: Diagram) -> str:
    rows = []
    for kind in diagram.kinds():
        line = LINES[kind]
        stroke = "&#9476;&#9476;&#9476;" if line.style == "dashed" else "&#9473;&#9473;&#9473;"
        rows.append(
            f'<TR><TD ALIGN="LEFT"><FONT COLOR="{line.colour}">{stroke}</FONT></TD>'
            f'<TD ALIGN="LEFT"><FONT POINT-SIZE="11" COLOR="{INK}">{kind.value}</FONT></TD></TR>'
        )
    notes = ["call &#8594; outcome, then the rule that allows it"]
    if any(label.permitted for edge in diagram.edges for label in edge.labels):
        notes.append("(may): allowed, not promised")
    for note in notes:
        rows.append(f'<TR><TD COLSPAN="2" ALIGN="LEFT"><FONT POINT-SIZE="10" COLOR="{FAINT}">{note}</FONT></TD></TR>')
    return f'<<TABLE BORDER="1" COLOR="#c4ccd4" CELLBORDER="0" CELLSPACING="1" STYLE="ROUNDED">{"".join(rows)}</TABLE>>'


def to_mermaid(diagram: Diagram) -> str:
    """The diagram as a Mermaid flowchart, which code hosts draw by themselves."""
    diagram = diagram.gathered()
    ids = {node.name: f"n{i}" for i, node in enumerate(diagram.nodes)}
    ids |= {box.name: f"c{i}" for i, box in enumerate(diagram.clusters)}
    lines = [
        "---",
        f"title: {diagram.title} ({diagram.subtitle})",
        "---",
        f"flowchart {'LR' if diagram.sideways else 'TB'}",
    ]
    lines += _mermaid_boxes(diagram, ids, None, "  ")
    for number, edge in enumerate(diagram.edges):
        arrow = "-.->" if LINES[edge.kind].style == "dashed" else "==>" if LINES[edge.kind].style == "bold" else "-->"
        text = "<br/>".join(_mermaid_row(*row) for row in _rows(edge))
        lines.append(f'  {ids[edge.source]} {arrow}|"{text}"| {ids[edge.target]}')
        lines.append(f"  linkStyle {number} stroke:{LINES[edge.kind].colour},color:{LINES[edge.kind].colour}")
    for name in sorted({node.tone for node in diagram.nodes}):
        lines.append(f"  classDef {name} fill:{TONES[name].fill},stroke:{TONES[name].line},color:{INK}")
    for node in diagram.nodes:
        lines.append(f"  class {ids[node.name]} {node.tone}")
    return "\n".join(lines) + "\n"


def _mermaid_boxes(diagram: Diagram, ids: Mapping[str, str], parent: str | None, indent: str) -> list[str]:
    lines = []
    for node in diagram.nodes:
        if node.cluster == parent:
            text = "<br/>".join(line for line in node.label.split("\n") if line)
            lines.append(f'{indent}{ids[node.name]}("{text}")')
    for box in diagram.clusters:
        if box.parent == parent:
            lines.append(f'{indent}subgraph {ids[box.name]}["{box.label}"]')
            lines += _mermaid_boxes(diagram, ids, box.name, indent + "  ")
            lines.append(f"{indent}end")
    return lines


def _mermaid_row(what: str, outcome: str, rules: tuple[str, ...]) -> str:
    arrow = f" → {outcome}" if outcome else ""
    return f"{what}{arrow} <i>{', '.join(rules)}</i>" if rules else what + arrow


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
        case "mermaid":
            return to_mermaid(diagram).encode()
        case "html":
            return _page(diagram, _pipe(diagram, "svg").decode()).encode()
        case "svg" | "png" | "pdf":
            return _pipe(diagram, form)
    raise InputError(f"unknown format {form!r}: choose {', '.join(dict.fromkeys(FORMATS.values()))}")


def _pipe(diagram: Diagram, form: str) -> bytes:
    source = graphviz.Source(to_dot(diagram))
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


def _page(diagram: Diagram, svg: str) -> str:
    title = html.escape(diagram.title)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        "<style>body{margin:1rem;background:#fff}svg{max-width:100%;height:auto}</style></head>\n"
        f"<body>{svg[svg.index('<svg') :]}</body></html>\n"
    )


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
        raise InputError(f"{path}: the suffix says no format that can be drawn: use one of {known}, or --format")
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
