"""What the checker says: verdicts, findings, and the words for them."""

from __future__ import annotations

import enum
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from psci.model.events import Event
from psci.model.tables.codes import code_of
from psci.model.tables.facts import with_sections
from psci.oracle.traces.file import as_json

LIMIT_OF_FINDINGS = 20
"""How many kinds of findings, and how many problems, are told in full."""

_EVENTS_NAMED = 5
_CORE = re.compile(r"core 0x[0-9a-f]+")


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
    before: tuple[EventInWords, ...] = ()
    """The end of the longest explained prefix: the last events before this one."""
    state: str = ""
    """What is known of the cores that the event is about, in words."""
    decisive: tuple[str, ...] = ()
    """The facts that decide: of each rule that allows something else the first, and of the nearest rule."""

    def after(self, explained: Sequence[EventInWords]) -> Finding:
        """The finding with the end of the explained prefix."""
        return replace(self, before=tuple(explained))

    def kind(self) -> tuple[object, ...]:
        """What findings that are told once have in common."""
        what = _CORE.sub("core", self.observed)
        return what, self.allowed_rules or self.allowed, self.nearest and self.nearest.rule, self.consequential

    def lines(self, verbose: bool = False) -> Iterator[str]:
        """The finding as text.

        Args:
            verbose: with all facts, not only those that decide.
        """
        if self.consequential:
            yield f"event {self.event}: follows from an earlier deviation"
            return
        for told in self.before:
            yield f"event {told.event}: {told.text}"
        yield f"event {self.event}: observed {self.observed}"
        yield from self._allowed()
        if self.state:
            yield f"  {self.state}"
        facts = self.cites if verbose or not self.decisive else self.decisive[:MOST_FACTS]
        if facts:
            more = len(self.cites) - len(facts)
            yield f"  facts: {', '.join(map(with_sections, facts))}{f' and {more} more' if more > 0 else ''}"
        if self.nearest:
            cites = ", ".join(map(with_sections, self.nearest.cites if verbose else self.nearest.cites[:1]))
            yield f"  nearest: {self.nearest.rule} ({cites}): {self.nearest.text}"
            yield f"  {self.nearest.false_part}"

    def _allowed(self) -> Iterator[str]:
        """What was allowed: in one line, or in a line for each outcome where one would be too long."""
        if len(self.allowed) <= WIDEST:
            yield f"  allowed are only: {self.allowed}"
            return
        yield "  allowed are only"
        yield from (f"    {outcome}" for outcome in self.allowed.split("; "))


MOST_FACTS = 4
"""How many of the facts that decide are told without `--verbose`."""

WIDEST = 100
"""Characters of what was allowed that stand in one line."""


class EventInWords(NamedTuple):
    """An event in words."""

    event: int
    """Its number in the trace."""
    text: str
    line: Event


class Duty(NamedTuple):
    """A duty of the caller that a call breaks."""

    event: int
    rule: str
    text: str
    cites: tuple[str, ...]


class Assumption(NamedTuple):
    """Something that nothing declares, and that the verdict rests on."""

    event: int
    """The event from which on nothing else explains the trace."""
    key: tuple[Any, ...]
    value: Any
    text: str
    unusual: bool
    """It is not what most implementations are."""


class Stopped(NamedTuple):
    """Where the judgement of a trace was given up."""

    event: int
    """The number of the first event that was not judged."""
    why: str
    advice: str

    def line(self) -> str:
        """The same as text."""
        return f"event {self.event}: judged no further ({self.why}); to get further: {self.advice}"


@dataclass(slots=True, repr=False)
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
    assumptions: list[Assumption] = field(default_factory=list)
    duties: list[Duty] = field(default_factory=list)
    widest: int = 1
    """The largest number of explanations held at once."""
    stopped: Stopped | None = None
    """Where a limit was hit; what comes after it is not judged."""
    assumptions_dropped: bool = False
    """Too many undeclared things were seen to hold the implementation to each answer."""

    @property
    def verdict(self) -> Verdict:
        """The worst verdict of the trace's events."""
        return max(self.verdicts, key=list(Verdict).index, default=Verdict.CONFORMS)

    def __repr__(self) -> str:
        return "\n".join([self.summary(), *self.lines()])

    def _repr_markdown_(self) -> str:
        told = "\n".join(self.lines())
        return f"**{self.summary()}**" + (f"\n\n```\n{told}\n```" if told else "")

    def deviations(self) -> list[Finding]:
        """The findings that blame the implementation afresh."""
        return [finding for finding in self.findings if not finding.consequential]

    def lines(self, limit: int = LIMIT_OF_FINDINGS, verbose: bool = False) -> Iterator[str]:
        """What was found as text: equal findings once, with how often and where they were seen.

        Args:
            limit: how many kinds of findings are told in full.
            verbose: with all facts, and all that was assumed.
        """
        groups: dict[tuple[object, ...], list[Finding]] = {}
        for finding in self.findings:
            groups.setdefault(finding.kind(), []).append(finding)
        for place, group in enumerate(groups.values()):
            if place == limit:
                yield f"{len(groups) - limit} more kinds of findings; see them with a higher limit"
                break
            yield from group[0].lines(verbose)
            if len(group) > 1:
                yield f"  the same {len(group) - 1} times more: {_events(finding.event for finding in group[1:])}"
        yield from _few(self.problems, limit)
        if self.stopped is not None:
            yield self.stopped.line()
        if self.permissions:
            used = ", ".join(f"{name} ({count})" for name, count in sorted(self.permissions.items()))
            yield f"explained only by a permission: {used}"
        told = [a for a in self.assumptions if verbose or a.unusual]
        yield from _few([f"not declared, and taken from event {a.event} on: {a.text}" for a in told], limit)
        duties: dict[str, list[Duty]] = {}
        for duty in self.duties:
            duties.setdefault(duty.rule, []).append(duty)
        for group_of in duties.values():
            first = group_of[0]
            yield (
                f"the caller breaks a duty: {first.rule} ({', '.join(first.cites[:1])}): {first.text} "
                f"({_events(duty.event for duty in group_of)})"
            )

    def summary(self) -> str:
        """The verdict and the size of the trace, in one line."""
        kinds = len({finding.kind() for finding in self.findings})
        found = f": {len(self.findings)} findings of {kinds} kinds" if len(self.findings) > 1 else ""
        others = f", {self.not_psci} of them not PSCI's and not judged" if self.not_psci else ""
        return f"{self.verdict.value} (PSCI {self.psci}, {self.events} events, {self.calls} calls{others}){found}"

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
                    "state": f.state,
                    "decisive": list(f.decisive),
                    "before": [{"event": t.event, "text": t.text, "line": as_json(t.line)} for t in f.before],
                }
                for f in self.findings
            ],
            "problems": self.problems,
            "assumptions": [
                {"event": a.event, "key": list(a.key), "value": a.value, "text": a.text, "unusual": a.unusual}
                for a in self.assumptions
            ],
            "duties": [{"event": d.event, "rule": d.rule, "text": d.text, "facts": list(d.cites)} for d in self.duties],
            "stopped": None if self.stopped is None else self.stopped._asdict(),
            "widest": self.widest,
            "assumptions_dropped": self.assumptions_dropped,
        }


def _events(numbers: Iterable[int]) -> str:
    found = list(numbers)
    named = ", ".join(map(str, found[:_EVENTS_NAMED]))
    more = "" if len(found) <= _EVENTS_NAMED else f" and {len(found) - _EVENTS_NAMED} more"
    return f"event{'s' if len(found) > 1 else ''} {named}{more}"


def _few(lines: Sequence[str], limit: int) -> Iterator[str]:
    yield from lines[:limit]
    if len(lines) > limit:
        yield f"{len(lines) - limit} more of these; see them with a higher limit"


def result_text(x0: int, wide: bool) -> str:
    """A result as a code's name where it has one, else as a number."""
    width = 64 if wide else 32
    code = code_of(x0, width)
    return code.with_number() if code else hex(x0 & ((1 << width) - 1))


__all__ = [
    "Assumption",
    "Duty",
    "EventInWords",
    "Finding",
    "Nearest",
    "Report",
    "Stopped",
    "Verdict",
    "result_text",
]  # fmt: skip
