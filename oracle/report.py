"""What the checker says: verdicts, findings, and the words for them."""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from psci.model.codes import code_named
from psci.model.events import Boot, Call, Enter, Event, Observe, Return, System
from psci.model.facts import FACTS
from psci.model.language.rules import Completion
from psci.model.language.terms import Op, Term, show
from psci.model.profile import Machine
from psci.model.step import Outcome, Stepper
from psci.oracle.configuration import Configuration, closure
from psci.oracle.trace import as_json, as_line


class Verdict(enum.Enum):
    """How an event is judged, from the best to the worst; a trace has the worst of its events."""

    CONFORMS = "conforms"
    IMPLEMENTATION_DEFINED = "implementation-defined"
    UNPREDICTABLE = "unpredictable"
    UNKNOWN = "unknown"
    HARNESS_ERROR = "harness-error"
    DEVIATES = "deviates"


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
    before: tuple[Event, ...] = ()
    """The end of the longest explained prefix: the last events before this one."""

    def lines(self) -> Iterable[str]:
        """The finding as text."""
        if self.consequential:
            yield f"event {self.event}: follows from an earlier deviation"
            return
        for number, event in enumerate(self.before, start=self.event - len(self.before)):
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
        return f"{self.verdict.value} (PSCI {self.psci}, {self.events} events, {self.calls} calls)"

    def as_json(self) -> dict[str, Any]:
        """The report as a JSON document (schema: `psci trace check --json`)."""
        return {
            "verdict": self.verdict.value,
            "psci": self.psci,
            "peer": self.peer,
            "events": self.events,
            "calls": self.calls,
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
                    "before": [as_json(event) for event in f.before],
                }
                for f in self.findings
            ],
            "problems": self.problems,
            "widest": self.widest,
            "assumptions_dropped": self.assumptions_dropped,
        }


def with_sections(fact: str) -> str:
    """A fact's id with the sections of DEN0022 that say it."""
    sections = FACTS[fact].sections if fact in FACTS else ()
    return f"{fact} [DEN0022 {', '.join(sections)}]" if sections else fact


class AllowedText(NamedTuple):
    """What the rules allow instead of what was seen."""

    text: str
    rules: tuple[str, ...]
    cites: tuple[str, ...]


def result_text(x0: int, wide: bool) -> str:
    """A result as a code's name where it has one, else as a number."""
    word = x0 if wide else x0 & 0xFFFF_FFFF
    width = 64 if wide else 32
    signed = word - (1 << width) if word >> (width - 1) else word
    code = code_named(signed)
    return f"{code.name} ({signed})" if code and signed < 0 else hex(word)


def _outcome_text(outcome: Outcome, wide: bool) -> str:
    if outcome.completion is Completion.NEVER:
        return "no return"
    if outcome.completion is Completion.WAITS:
        return "a wait for a wakeup"
    if outcome.value is None:
        return "a value that satisfies the rule"
    return "SUCCESS (0)" if outcome.rule.code and outcome.value == 0 else result_text(outcome.value, wide)


def allowed_text(
    stepper: Stepper, configurations: Iterable[Configuration], core: int | None, event: Event
) -> AllowedText:
    """What was allowed, with rules, at an event that nothing explains."""
    if isinstance(event, Return) and core is not None:
        found: dict[str, set[str]] = {}
        cites: dict[str, None] = {}
        for c in closure(stepper, configurations):
            pending = c.pending[core]
            if pending is None or pending.outcome is not None:
                continue
            for allowed in stepper.under_all_answers(c.state, pending.call, c.assumptions):
                for outcome in allowed.outcomes:
                    found.setdefault(_outcome_text(outcome, pending.wide), set()).add(outcome.rule.name)
                    cites.update(dict.fromkeys(outcome.rule.cites))
        text = "; ".join(f"{what} [{', '.join(sorted(rules))}]" for what, rules in sorted(found.items()))
        rules = tuple(sorted({rule for group in found.values() for rule in group}))
        return AllowedText(text or "nothing", rules, tuple(cites))
    return AllowedText(_other_text(stepper, configurations, core, event), (), ())


def _other_text(stepper: Stepper, configurations: Iterable[Configuration], core: int | None, event: Event) -> str:
    reached = closure(stepper, configurations)
    if isinstance(event, Enter) and core is not None:
        entries = sorted(
            {(c.state.entry[core], c.state.context[core]) for c in reached if c.state.activity[core] == "ENTERING"}
        )
        if entries:
            return "; ".join(f"entry at {pc:#x} with context {x0:#x}" for pc, x0 in entries)
        return "no entry: no CPU_ON or wakeup for this core is under way"
    if isinstance(event, Call) and core is not None:
        powers = sorted({f"{c.state.power[core]}, {c.state.activity[core]}" for c in configurations})
        return f"no call: the core is {' or '.join(powers)}"
    if isinstance(event, System):
        asked = sorted({kind for c in reached for kind in c.state.asked if kind != "NONE"})
        return f"the effect of {', '.join(asked)}" if asked else "no system event: no core asked for one"
    if isinstance(event, Boot):
        return "no boot: the machine is not down"
    if isinstance(event, Observe) and core is not None:
        return " or ".join(sorted({f"{c.state.power[core]} ({c.state.activity[core]})" for c in reached}))
    return "nothing"


def observed_text(machine: Machine, event: Event) -> str:
    """What was seen, in words."""
    match event:
        case Return(cpu=cpu, x0=x0):
            narrow = result_text(x0, False)
            return f"core {cpu:#x} returned {narrow if code_named(_signed(x0)) else hex(x0)}"
        case Enter(cpu=cpu, pc=pc, x0=x0):
            return f"core {cpu:#x} entered at {pc:#x} with x0 {x0:#x}"
        case Call(cpu=cpu, fn=fn):
            return f"core {cpu:#x} called {fn:#010x}"
        case System(event=what):
            return f"system {what}"
        case Boot(cause=cause):
            return f"{cause} boot"
        case Observe(cpu=cpu, power=power, source=source) if cpu is not None:
            return f"core {cpu:#x} {power} (seen by {source})"
    return event.k


def _signed(x0: int) -> int:
    word = x0 & 0xFFFF_FFFF
    return word - (1 << 32) if word >> 31 else word


def nearest_rule(stepper: Stepper, configurations: Iterable[Configuration], core: int, event: Return) -> Nearest | None:
    """The rule whose answer was seen although its guard is false, and which part of the guard is false."""
    for c in configurations:
        pending = c.pending[core]
        if pending is None:
            continue
        for rule in stepper.rules_answering(pending.call, event.x0):
            parts = rule.guard.arguments if isinstance(rule.guard, Op) and rule.guard.name == "and" else (rule.guard,)
            for part in parts:
                if stepper.holds(part, c.state, pending.call, c.assumptions) is False:
                    return Nearest(rule.name, rule.text, _words(part), rule.cites)
    return None


def _words(part: Term) -> str:
    return show(part)


__all__ = ["AllowedText", "Finding", "Nearest", "Report", "Verdict", "allowed_text", "nearest_rule", "observed_text"]
