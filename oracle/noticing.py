"""Which trace notices that a rule is missing, or wrong: what makes a fact more than a citation.

A rule is taken out, and then its condition is turned into the opposite. It is noticed where the judgement of a trace
with a known verdict changes: its verdict, or what it blames.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from psci.model.errors import InputError
from psci.model.events import (
    BootEvent,
    CallEvent,
    Event,
    HostEvent,
    MachineEvent,
    ObserveEvent,
    SystemEvent,
    UnwakeEvent,
    WakeEvent,
)
from psci.model.language.rules import Rule
from psci.model.specification import SPECIFICATION, Specification
from psci.model.tables.versions import version
from psci.oracle.checker.checker import check
from psci.oracle.checker.report import Report

Traces = Mapping[str, tuple[Event, ...]]
TraceJudgement = tuple[object, ...]

WITHOUT, OPPOSITE = "without", "opposite"
"""How a rule is changed: it is taken out; or it holds exactly where it does not."""
EVENTS_OF_MOVES: Mapping[str, tuple[type[Event], ...]] = {
    "BOOT": (BootEvent,), "GO_DOWN": (SystemEvent,), "LOSE_POWER": (HostEvent, SystemEvent), "SIGNAL": (WakeEvent,
    UnwakeEvent), "LOOK": (ObserveEvent,), "HOST_START": (HostEvent,), "HOST_STOP": (HostEvent,),
}  # fmt: skip
"""The events that witness a move; a silent move may be in any trace."""


class RuleNoticed(NamedTuple):
    """What notices one rule, and with it a fact that it cites."""

    rule: str
    how: str
    """How the rule was changed."""
    trace: str
    """The trace that is judged otherwise."""

    def __str__(self) -> str:
        how = "without" if self.how == WITHOUT else "with the opposite of"
        return f"{self.trace} is judged otherwise {how} {self.rule}"


def changed(rule: Rule, how: str, base: Specification = SPECIFICATION) -> Specification:
    """The rules with one rule taken out, or with the opposite of its condition."""
    return base.replacing(rule, *(() if how == WITHOUT else (replace(rule, guard=~rule.guard),)))


def judgement(events: Iterable[Event], specification: Specification = SPECIFICATION) -> TraceJudgement:
    """What the oracle says of a trace: its verdict, what it blames, and what only a permission explains."""
    try:
        return _judged(check(events, specification))
    except (InputError, ValueError) as error:
        # the changed rules cannot begin the trace, or not go on with it
        return (type(error).__name__,)


def _judged(report: Report) -> TraceJudgement:
    blamed = tuple((finding.event, finding.consequential) for finding in report.findings)
    return report.verdict.value, blamed, tuple(sorted(report.permissions))


class TraceWatch:
    """The traces, and what the rules as they are say of each: judged when it is first asked for."""

    def __init__(self, traces: Traces) -> None:
        self.traces = traces
        self._right: dict[str, TraceJudgement] = {}

    def notices(self, rule: Rule, how: str) -> str | None:
        """The first trace that is judged otherwise; those that are named after the call come first."""
        wrong = changed(rule, how)
        for name in self._about(rule):
            if name not in self._right:
                self._right[name] = judgement(self.traces[name])
            if judgement(self.traces[name], wrong) != self._right[name]:
                return name
        return None

    def look_at(self, rule: Rule) -> RuleNoticed | None:
        """What notices that a rule is missing, or else that its condition is the opposite."""
        for how in (WITHOUT, OPPOSITE):
            trace = self.notices(rule, how)
            if trace is not None:
                return RuleNoticed(rule.name, how, trace)
        return None

    def _about(self, rule: Rule) -> list[str]:
        owner = rule.name.partition(".")[0]
        words = owner.lower().replace("_", "-")
        names = [name for name, events in self.traces.items() if _is_about(owner, rule, events)]
        return sorted(names, key=lambda name: (words not in name, name))


def _is_about(owner: str, rule: Rule, events: tuple[Event, ...]) -> bool:
    machine = events[0]
    assert isinstance(machine, MachineEvent)
    if not rule.applies_to(version(machine.psci)):
        return False
    witnesses = EVENTS_OF_MOVES.get(owner)
    if witnesses is not None:
        return any(isinstance(event, witnesses) for event in events)
    called = {
        SPECIFICATION.call_of.get(event.fn & 0xFFFF_FFFF & ~(1 << 16))
        for event in events
        if isinstance(event, CallEvent)
    }
    names = {found[0].name for found in called if found is not None}
    if owner in {call.name for call in SPECIFICATION.calls}:
        return owner in names or machine.ids is not None
    return True


def table(watch: TraceWatch, facts: Collection[str]) -> dict[str, RuleNoticed]:
    """For each of these facts, what notices a rule that cites it; facts that nothing notices are missing."""
    found: dict[str, RuleNoticed] = {}
    for rule in sorted(SPECIFICATION.every_rule(), key=lambda rule: rule.name.endswith(COMMON)):
        missing = [fact for fact in rule.cites if fact in facts and fact not in found]
        seen = watch.look_at(rule) if missing else None
        if seen is not None:
            found |= dict.fromkeys(missing, seen)
    return found


COMMON = (".absent", ".smc64_absent", ".call_from_the_normal_world", ".keep_to_32_bits", "_absent", "_hidden")
"""The ends of the names of rules that many calls share; they are looked at last."""


__all__ = ["RuleNoticed", "TraceWatch", "changed", "judgement", "table"]
