"""The difference between two diagrams of one view: what was added, removed and changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

from psci.graphs.diagram import Diagram, EdgeKind, EdgeLabel, Table, merged

EdgePlace: TypeAlias = tuple[str, str, str, str]
"""Source, target, call or move, and outcome."""


def difference(first: Diagram, second: Diagram, texts: tuple[str, str]) -> Diagram:
    """Both diagrams on top of each other, with every edge marked by where it occurs.

    Args:
        first: what is compared.
        second: with what.
        texts: what the two are called.
    """
    one, two = _labels(first), _labels(second)
    found: list[tuple[str, str, EdgeKind, EdgeLabel]] = []
    differing: dict[tuple[str, str, str, str], list[str]] = {}
    names = {node.name: node.label.partition("\n")[0] for node in (*first.nodes, *second.nodes)}
    for place in sorted(one.keys() | two.keys()):
        source, target, what, outcome = place
        before, after = one.get(place, {}), two.get(place, {})
        kind = EdgeKind.ADDED if not before else EdgeKind.REMOVED if not after else EdgeKind.SAME
        if kind is EdgeKind.SAME and before.keys() != after.keys():
            kind = EdgeKind.CHANGED
        if kind is EdgeKind.SAME:
            # an arrow without words: what did not change is there to be recognised
            found.append((source, target, kind, EdgeLabel("")))
            continue
        rules = _rules(before, after)
        found += [(source, target, kind, EdgeLabel(what, outcome, rule)) for rule in rules]
        arrow = f" -> {outcome}" if outcome else ""
        sources = differing.setdefault((kind.name.lower(), names[target], what + arrow, ", ".join(rules)), [])
        sources.append(names[source])
    rows = [(kind, f"{', '.join(sources)} to {target}", *rest) for (kind, target, *rest), sources in differing.items()]
    seen = {node.name for node in first.nodes}
    marked = [
        replace(node, note="added" if node.name not in seen else "") for node in second.nodes
    ] + [
        replace(node, note="removed") for node in first.nodes if node.name not in {n.name for n in second.nodes}
    ]  # fmt: skip
    boxes = tuple(dict.fromkeys((*second.clusters, *first.clusters)))
    table = Table("What differs", ("", "from, to", "step", "rule"), tuple(rows) or (("nothing", "", "", ""),))
    return Diagram(
        f"{second.title}: {_from_to(*texts)}", _count(rows), tuple(marked), merged(found), boxes,
        second.sideways, (table,),
    )  # fmt: skip


def _from_to(first: str, second: str) -> str:
    """What is compared with what; what both have in common is said once."""
    if second.startswith(f"{first}, "):
        return f"{first}, and what changes with {second.removeprefix(first + ', ')}"
    return f"from {first} to {second}"


def _labels(diagram: Diagram) -> dict[EdgePlace, dict[str, EdgeLabel]]:
    found: dict[EdgePlace, dict[str, EdgeLabel]] = {}
    for edge in diagram.edges:
        for label in edge.labels:
            place = edge.source, edge.target, label.what, label.outcome
            found.setdefault(place, {})[label.rule + (" (may)" if label.permitted else "")] = label
    return found


def _rules(before: dict[str, EdgeLabel], after: dict[str, EdgeLabel]) -> list[str]:
    """The rules, with a sign where the other side has them not."""
    if not before or not after:
        return sorted(before or after)
    gone, new = sorted(before.keys() - after.keys()), sorted(after.keys() - before.keys())
    return [*(f"−{name}" for name in gone), *(f"+{name}" for name in new)]


def _count(rows: Sequence[tuple[str, ...]]) -> str:
    counts = {word: sum(row[0] == word for row in rows) for word in ("added", "removed", "changed")}
    return ", ".join(f"{count} {word}" for word, count in counts.items())
