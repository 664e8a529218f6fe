"""A trace on a diagram: the edges whose rules explain its lines stand out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from psci.graphs.diagram import Diagram, DiagramEdge, EdgeKind, EdgeLabel, Table
from psci.model.events import Event
from psci.oracle import check


def highlighted(diagram: Diagram, trace: Sequence[Event]) -> Diagram:
    """The diagram with the steps marked that explain a trace, as the checker counts them.

    Silent moves are not lines of a trace, so they are never marked.
    """
    report = check(trace)
    edges = []
    for edge in diagram.edges:
        counts = {label: report.rules[f"{label.what.partition(' ')[0]}.{label.rule}"] for label in edge.labels}
        used = tuple(_counted(label, count) for label, count in counts.items() if count)
        unused = tuple(label for label, count in counts.items() if not count)
        edges += [replace(edge, kind=EdgeKind.USED, labels=used)] if used else []
        edges += [_faint(edge, unused)] if unused else []
    findings = tuple((str(f.event), f.observed, f.allowed) for f in report.findings)
    table = Table("What nothing explains", ("event", "observed", "allowed are only"), findings)
    return replace(
        diagram, subtitle=report.summary(), edges=tuple(edges), tables=(table,) if findings else diagram.tables
    )


def _counted(label: EdgeLabel, count: int) -> EdgeLabel:
    return replace(label, rule=f"{label.rule} ×{count}")


def _faint(edge: DiagramEdge, labels: tuple[EdgeLabel, ...]) -> DiagramEdge:
    return replace(edge, kind=EdgeKind.UNUSED, labels=(EdgeLabel(""),) if labels else ())
