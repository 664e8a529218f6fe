"""Which trace notices that a rule is missing, or wrong: what makes a fact more than a citation.

A rule is taken out, and then its condition is turned into the opposite. It is noticed where the judgement of a trace with
a known verdict changes: its verdict, or what it blames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from psci.model.errors import InputError
from psci.model.events import Boot, Call, Event, Host, Machine, Observe, System, Unwake, Wake
from psci.model.language.rules import Rule
from psci.model.specification import SPECIFICATION, Specification
from psci.model.tables.versions import version
from psci.oracle.checker.checker import check

Traces = Mapping[str, tuple[Event, ...]]
Judgement = tuple[object, ...]

WITHOUT, OPPOSITE = "without", "opposite"
"""How a rule is changed: it is taken out; or it holds exactly where it does not."""
EVENTS_OF_MOVES: Mapping[str, tuple[type[Event], ...]] = {
    "BOOT": (Boot,), "GO_DOWN": (System,), "LOSE_POWER": (Host, System), "SIGNAL": (Wake, Unwake), "LOOK": (Observe,),
}  # fmt: skip
"""The events that witness a move; a silent move may be in any trace."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """What notices one rule."""

    without: str | None
    """The trace that is judged otherwise without the rule."""
    opposite: str | None
    """The trace that is judged otherwise where its condition is the opposite."""

    @property
    def by(self) -> tuple[str, ...]:
        """The traces."""
        return tuple(dict.fromkeys(trace for trace in (self.without, self.opposite) if trace is not None))


def changed(rule: Rule, how: str, base: Specification = SPECIFICATION) -> Specification:
    """The rules with one rule taken out, or with the opposite of its condition."""
    return base.replacing(rule, *(() if how == WITHOUT else (replace(rule, guard=~rule.guard),)))


def judgement(events: Iterable[Event], specification: Specification = SPECIFICATION) -> Judgement:
    """What the oracle says of a trace: its verdict, what it blames, and what only a permission explains."""
    try:
        report = check(events, specification)
    except InputError as error:
        return (type(error).__name__,)
    blamed = tuple((finding.event, finding.consequential) for finding in report.findings)
    return report.verdict.value, blamed, tuple(sorted(report.permissions))


class Watch:
    """The traces, with what they are about."""

    def __init__(self, traces: Traces) -> None:
        self.traces = traces
        self._right: dict[str, Judgement] = {}
        self._used: dict[str, frozenset[str]] = {}
        for name, events in traces.items():
            report = check(events)
            self._used[name] = frozenset(report.rules)
            self._right[name] = judgement(events)

    def notices(self, rule: Rule, how: str) -> str | None:
        """The first trace that is judged otherwise; those that the rule explained something of come first."""
        wrong = changed(rule, how)
        for name in self._about(rule):
            if judgement(self.traces[name], wrong) != self._right[name]:
                return name
        return None

    def look_at(self, rule: Rule) -> Noticed:
        """What notices a rule."""
        return Noticed(self.notices(rule, WITHOUT), self.notices(rule, OPPOSITE))

    def _about(self, rule: Rule) -> list[str]:
        owner = rule.name.partition(".")[0]
        words = owner.lower().replace("_", "-")
        names = [name for name, events in self.traces.items() if _is_about(owner, rule, events)]
        return sorted(names, key=lambda name: (rule.name not in self._used[name], words not in name, name))


def _is_about(owner: str, rule: Rule, events: tuple[Event, ...]) -> bool:
    machine = events[0]
    assert isinstance(machine, Machine)
    if not rule.applies_to(version(machine.psci)):
        return False
    witnesses = EVENTS_OF_MOVES.get(owner)
    if witnesses is not None:
        return any(isinstance(event, witnesses) for event in events)
    called = {SPECIFICATION.call_of.get(event.fn & 0xFFFF_FFFF & ~(1 << 16)) for event in events if isinstance(event, Call)}
    names = {found[0].name for found in called if found is not None}
    if owner in {call.name for call in SPECIFICATION.calls}:
        return owner in names or machine.ids is not None
    return True


def table(watch: Watch, each: Callable[[str, Noticed], None] | None = None) -> dict[str, Noticed]:
    """What notices every rule, by the names of the rules.

    Rules of different versions that share a name are noticed if one of them is.

    Args:
        watch: the traces.
        each: is told of each rule as it is done.
    """
    found: dict[str, Noticed] = {}
    for rule in SPECIFICATION.every_rule():
        seen = watch.look_at(rule)
        before = found.get(rule.name)
        if before is not None:
            seen = Noticed(before.without or seen.without, before.opposite or seen.opposite)
        found[rule.name] = seen
        if each is not None:
            each(rule.name, seen)
    return found


def as_json(found: Mapping[str, Noticed]) -> dict[str, dict[str, str | None]]:
    """The table as JSON."""
    return {name: {WITHOUT: seen.without, OPPOSITE: seen.opposite} for name, seen in found.items()}


def from_json(document: Mapping[str, Mapping[str, str | None]]) -> Iterator[tuple[str, Noticed]]:
    """The table from JSON."""
    for name, seen in document.items():
        yield name, Noticed(seen[WITHOUT], seen[OPPOSITE])


__all__ = ["Noticed", "Watch", "as_json", "changed", "from_json", "judgement", "table"]
