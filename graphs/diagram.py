"""The one description of a diagram that every renderer reads: nodes, edges and clusters, no layout."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace

MOST_NODES = 300
"""Above this, `dot` takes minutes and nobody can read what it draws."""


class EdgeKind(enum.Enum):
    """What makes a transition, and so how its edge is drawn."""

    OWN = "a call by this core"
    OTHER = "a call by another core"
    CALL = "a call"
    SILENT = "a move that nobody sees"
    WITNESSED = "a move that the outside sees"
    GUEST = "the guest"
    IMPLEMENTATION = "the implementation"
    HOST = "the host"
    PART = "is part of"
    IMPORT = "imports"
    SAME = "in both"
    CHANGED = "in both, by other rules"
    ADDED = "only in the second"
    REMOVED = "only in the first"
    USED = "explained a line of the trace"
    UNUSED = "not used by the trace"


@dataclass(frozen=True, slots=True, order=True)
class EdgeLabel:
    """One reason for an edge: a call or move, how it ends, and the rule that allows it."""

    what: str
    """A call or a move."""
    outcome: str = ""
    rule: str = ""
    """The name of the rule without its call: `accepted`."""
    permitted: bool = False
    """A may rule: allowed, not promised."""
    cites: tuple[str, ...] = ()

    def __str__(self) -> str:
        arrow = f" -> {self.outcome}" if self.outcome else ""
        return f"{self.what}{arrow} [{self.rule}]" if self.rule else self.what + arrow


@dataclass(frozen=True, slots=True)
class DiagramNode:
    """A state of the view."""

    name: str
    label: str
    tone: str = "plain"
    """What the renderers colour it by: off, pending, on, idle, going, down, plain."""
    cluster: str | None = None
    initial: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A box around nodes, and perhaps in another box."""

    name: str
    label: str
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class DiagramEdge:
    """Transitions from a node, or from every node of a cluster, to a node, or to every node of a cluster."""

    source: str
    target: str
    kind: EdgeKind
    labels: tuple[EdgeLabel, ...]
    from_cluster: bool = False
    to_cluster: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """Rows beside the picture."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Diagram:
    """What is drawn."""

    title: str
    subtitle: str
    nodes: tuple[DiagramNode, ...]
    edges: tuple[DiagramEdge, ...]
    clusters: tuple[Cluster, ...] = ()
    sideways: bool = False
    """The nodes follow each other from left to right rather than from top to bottom."""
    tables: tuple[Table, ...] = ()

    def inside(self, cluster: str) -> tuple[str, ...]:
        """The names of the nodes in a cluster and in the clusters within it."""
        within = {cluster}
        for box in self.clusters:
            # a box is listed after the box that holds it
            if box.parent in within:
                within.add(box.name)
        return tuple(node.name for node in self.nodes if node.cluster in within)

    def kinds(self) -> tuple[EdgeKind, ...]:
        """The kinds of edges that occur, in the order of `Kind`."""
        used = {edge.kind for edge in self.edges}
        return tuple(kind for kind in EdgeKind if kind in used)

    def gathered(self) -> Diagram:
        """The same diagram, with one edge from a cluster instead of the same label on an edge from each node in it."""
        edges = self.edges
        # a box that is listed first is the larger one, and says more with one edge
        for cluster in self.clusters:
            inside = frozenset(self.inside(cluster.name))
            edges = _gather_sources(edges, cluster.name, inside)
            edges = _gather_targets(edges, cluster.name, inside)
        return replace(self, edges=edges)


def merged(edges: Iterable[tuple[str, str, EdgeKind, EdgeLabel]]) -> tuple[DiagramEdge, ...]:
    """One edge for each source, target and kind, with all labels, in a fixed order."""
    labels: dict[tuple[str, str, EdgeKind], set[EdgeLabel]] = {}
    for source, target, kind, label in edges:
        labels.setdefault((source, target, kind), set()).add(label)
    order = list(EdgeKind)
    keys = sorted(labels, key=lambda key: (key[0], key[1], order.index(key[2])))
    return tuple(DiagramEdge(*key, tuple(sorted(labels[key]))) for key in keys)


def _gather_sources(edges: tuple[DiagramEdge, ...], cluster: str, inside: frozenset[str]) -> tuple[DiagramEdge, ...]:
    """Labels that say the same call or move, and the same outcome, are gathered, whichever rules allow them."""
    sources: dict[tuple[str, EdgeKind, str, str], set[str]] = {}
    plain = [edge for edge in edges if not (edge.from_cluster or edge.to_cluster)]
    for edge in plain:
        if edge.source in inside and edge.target not in inside:
            for label in edge.labels:
                sources.setdefault((edge.target, edge.kind, label.what, label.outcome), set()).add(edge.source)
    shared = {key for key, names in sources.items() if len(inside) > 1 and names == inside}
    kept, boxed = [], []
    for edge in edges:
        taken = [
            label
            for label in edge.labels
            if edge in plain and edge.source in inside and (edge.target, edge.kind, label.what, label.outcome) in shared
        ]
        boxed += [(cluster, edge.target, edge.kind, label) for label in taken]
        if len(taken) < len(edge.labels):
            kept.append(replace(edge, labels=tuple(label for label in edge.labels if label not in taken)))
    return (*kept, *(replace(edge, from_cluster=True) for edge in merged(boxed)))


def _gather_targets(edges: tuple[DiagramEdge, ...], cluster: str, inside: frozenset[str]) -> tuple[DiagramEdge, ...]:
    """The same for edges from one node to every node of a cluster."""

    def turned(edge: DiagramEdge) -> DiagramEdge:
        return replace(
            edge, source=edge.target, target=edge.source, from_cluster=edge.to_cluster, to_cluster=edge.from_cluster
        )

    return tuple(turned(edge) for edge in _gather_sources(tuple(turned(edge) for edge in edges), cluster, inside))
