"""What the checker says of a trace, as notes of a timeline."""

from __future__ import annotations

from collections.abc import Sequence

from psci.model.events import Event, MachineEvent
from psci.model.tables.facts import FACTS
from psci.oracle import check
from psci.oracle.checker.report import Report


def verdict(trace: Sequence[Event]) -> dict[int, list[str]]:
    """For each event that no rule explains, what was seen and what was allowed; nothing where there is no machine."""
    if not trace or not isinstance(trace[0], MachineEvent):
        return {}
    return notes_of(check(trace))


def notes_of(report: Report) -> dict[int, list[str]]:
    """The findings of a report, line by line, by the numbers of their events."""
    notes: dict[int, list[str]] = {}
    for finding in report.findings:
        lines = notes.setdefault(finding.event, [])
        if finding.consequential:
            lines.append("follows from an earlier deviation")
            continue
        lines.append(f"observed: {finding.observed}")
        lines.append(f"allowed are only: {finding.allowed}")
        if finding.cites:
            lines.append(f"facts: {', '.join(_with_sections(fact) for fact in sorted(finding.cites, key=_place))}")
    return notes


_PLACES = {fact: place for place, fact in enumerate(FACTS)}


def _place(fact: str) -> int:
    return _PLACES.get(fact, len(_PLACES))


def _with_sections(fact: str) -> str:
    sections = FACTS[fact].sections if fact in FACTS else ()
    return f"{fact} ({', '.join(sections)})" if sections else fact
