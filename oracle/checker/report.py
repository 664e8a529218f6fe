"""What the checker says: verdicts, findings, and the words for them."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from psci.model.events import Event
from psci.model.tables.codes import code_of
from psci.model.tables.facts import with_sections
from psci.oracle.traces.file import as_json, as_line


class Verdict(enum.Enum):
    """How an event is judged, from the best to the worst; a trace has the worst of its events."""

    CONFORMS = "conforms"
    IMPLEMENTATION_DEFINED = "implementation-defined"
    UNPREDICTABLE = "unpredictable"
    UNKNOWN = "unknown"
    HARNESS_ERROR = "harness-error"
    DEVIATES = "deviates"

    # Members are compared by identity, and counted for every event.
    __hash__ = object.__hash__


class Nearest(NamedTuple):
    """The rule that comes nearest to an answer, and the part of its guard that was false."""

    rule: str
    text: str
    false_part: str
    cites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """One event that no explanation covers."""

    event: int
    """The number of the event in the trace; the machine event is 0."""
    observed: str
    allowed: str
    allowed_rules: tuple[str, ...]
    cites: tuple[str, ...]
    nearest: Nearest | None
    consequential: bool = False
    """It is explained if an earlier answer, already reported, is taken to be wrong."""
    before: tuple[tuple[int, Event], ...] = ()
    """The end of the longest explained prefix: the last events before this one, with their numbers."""

    def after(self, explained: Sequence[tuple[int, Event]]) -> Finding:
        """The finding with the end of the explained prefix, by the numbers of the events."""
        return replace(self, before=tuple(explained))

    def lines(self) -> Iterator[str]:
        """The finding as text."""
        if self.consequential:
            yield f"event {self.event}: follows from an earlier deviation"
            return
        for number, event in self.before:
            yield f"event {number}: {as_line(event)}"
        yield f"event {self.event}: observed {self.observed}"
        yield f"  allowed are only: {self.allowed}"
        if self.cites:
            yield f"  facts: {', '.join(map(with_sections, self.cites))}"
        if self.nearest:
            cites = ", ".join(map(with_sections, self.nearest.cites))
            yield f"  nearest: {self.nearest.rule} ({cites}): {self.nearest.text}"
            yield f"  but it is not true that {self.nearest.false_part}"


@dataclass(slots=True)
class Report:
    """The judgement of one trace."""

    psci: str
    peer: str | None = None
    events: int = 0
    calls: int = 0
    not_psci: int = 0
    """How many calls used an id that is not PSCI's; their answers are not judged."""
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    """How often each rule explained an event."""
    permissions: Counter[str] = field(default_factory=Counter)
    """How often only a permission (may, or a listed deviation) explained an answer."""
    findings: list[Finding] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    widest: int = 1
    """The largest number of explanations held at once."""
    assumptions_dropped: bool = False
    """Too many undeclared things were seen to hold the implementation to each answer."""

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of the trace's events."""
        return max(self.verdicts, key=list(Verdict).index, default=Verdict.CONFORMS)

    def deviations(self) -> list[Finding]:
        """The findings that blame the implementation afresh."""
        return [finding for finding in self.findings if not finding.consequential]

    def lines(self) -> Iterator[str]:
        """The findings, problems and permissions as text."""
        for finding in self.findings:
            yield from finding.lines()
        yield from self.problems
        if self.permissions:
            used = ", ".join(f"{name} ({count})" for name, count in sorted(self.permissions.items()))
            yield f"explained only by a permission: {used}"

    def summary(self) -> str:
        """The verdict and the size of the trace, in one line."""
        others = f", {self.not_psci} of them not PSCI's and not judged" if self.not_psci else ""
        return f"{self.verdict.value} (PSCI {self.psci}, {self.events} events, {self.calls} calls{others})"

    def as_json(self) -> dict[str, Any]:
        """The report as a JSON document (schema: `psci trace check --json`)."""
        return {
            "verdict": self.verdict.value,
            "psci": self.psci,
            "peer": self.peer,
            "events": self.events,
            "calls": self.calls,
            "not_psci": self.not_psci,
            "verdicts": {verdict.value: count for verdict, count in self.verdicts.items()},
            "rules": dict(sorted(self.rules.items())),
            "permissions": dict(sorted(self.permissions.items())),
            "findings": [
                {
                    "event": f.event,
                    "observed": f.observed,
                    "allowed": f.allowed,
                    "allowed_rules": list(f.allowed_rules),
                    "facts": list(f.cites),
                    "nearest": f.nearest._asdict() if f.nearest else None,
                    "consequential": f.consequential,
                    "before": [{"event": number, "line": as_json(event)} for number, event in f.before],
                }
                for f in self.findings
            ],
            "problems": self.problems,
            "widest": self.widest,
            "assumptions_dropped": self.assumptions_dropped,
        }


def result_text(x0: int, wide: bool) -> str:
    """A result as a code's name where it has one, else as a number."""
    width = 64 if wide else 32
    code = code_of(x0, width)
    return code.with_number() if code else hex(x0 & ((1 << width) - 1))


__all__ = ["Finding", "Nearest", "Report", "Verdict", "result_text"]
