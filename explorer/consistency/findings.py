"""A finding: a question about the rules, the group that it belongs to, and the shortest run from boot that shows it.

Findings are plain data, so that they can be made in another process, kept, compared and printed.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from psci.explorer.search import SearchStep
from psci.explorer.system import MoveAction, Product, Transition
from psci.model.language.rules import Completion, Rule
from psci.model.machine import Machine
from psci.model.specification import Specification
from psci.model.step import Invocation
from psci.model.tables.facts import FACTS


class FindingKind(enum.Enum):
    """What a finding is about, the gravest first."""

    GAP = "gap"
    """No rule answers, or nobody is left who can call."""
    CONFLICT = "conflict"
    """What one fact claims, the rules refute."""
    ORDER = "order"
    """Refusals with different codes apply together, and no rule orders them."""
    PROTOTYPE = "prototype"
    """What a prototype lists and what the rules yield differ."""
    DISCOVERY = "discovery"
    """What a caller cannot find out, or is told wrongly."""
    READING = "reading"
    """DEN0022 can be read in several ways, and somebody sees which."""
    CHOICE = "choice"
    """The implementation may choose between outcomes."""
    DEAD = "dead"
    """A rule that nothing uses."""
    REDUNDANT = "redundant"
    """A rule that another one implies."""


FAILS = frozenset(
    {
        FindingKind.GAP,
        FindingKind.CONFLICT,
        FindingKind.ORDER,
        FindingKind.PROTOTYPE,
        FindingKind.DISCOVERY,
        FindingKind.DEAD,
    }
)
"""The kinds that a spec author has to answer; of the others DEN0022 says, or we know, that they are choices."""


class Did(NamedTuple):
    """One step of a run: a call or move, and the name of the rule that it took; None for a call that is asked about."""

    action: Invocation | MoveAction
    rule: str | None
    value: int | None = None
    """The answer that is meant, where the rule leaves a choice of values."""


@dataclass(frozen=True)
class RulesFinding:
    """One thing about the rules that an author should look at."""

    kind: FindingKind
    subject: str
    """The call, move or reading."""
    causes: tuple[str, ...]
    """What tells it from others of its kind and subject: facts, codes or options; part of its id."""
    title: str
    """One line."""
    text: tuple[str, ...] = ()
    """What follows from it, a sentence each."""
    rules: tuple[str, ...] = ()
    """The names of the rules that meet here."""
    cites: tuple[str, ...] = ()
    """Facts that meet here beside those of the rules."""
    declared: str = ""
    """What the machine declares out of the ordinary."""
    machine: Machine | None = None
    run: tuple[Did, ...] = ()
    """From boot."""
    searched: str = ""
    """What was looked at, and whether that was everything."""

    @property
    def id(self) -> str:
        """A name that stays: kind, subject and causes."""
        return ".".join(dict.fromkeys((self.kind.value, self.subject, *self.causes)))

    @property
    def rank(self) -> tuple[Any, ...]:
        """Findings sort by this, the most urgent first: by kind, from boot, short, in an ordinary machine."""
        return (list(FindingKind).index(self.kind), bool(self.declared), len(self.run), self.id)

    def shorter(self, other: RulesFinding | None) -> bool:
        """Whether this shows the same as another one more plainly."""
        return other is None or self.rank < other.rank


def sections(facts: Iterable[str]) -> tuple[str, ...]:
    """The sections of DEN0022 in which facts stand, each once, without the numbers of sentences in them."""
    found = dict.fromkeys(s.partition(" (")[0] for fact in facts if fact in FACTS for s in FACTS[fact].sections)
    return tuple(found)


def best(findings: Iterable[RulesFinding]) -> list[RulesFinding]:
    """Of findings with the same id the plainest, ranked."""
    found: dict[str, RulesFinding] = {}
    for finding in findings:
        if finding.shorter(found.get(finding.id)):
            found[finding.id] = finding
    return sorted(found.values(), key=lambda finding: finding.rank)


def did(steps: Sequence[SearchStep]) -> tuple[Did, ...]:
    """The run of some steps."""
    return tuple(Did(step.transition.action, step.transition.rule.name, step.transition.value) for step in steps)


def replayed(
    finding: RulesFinding, specification: Specification
) -> tuple[Product, list[SearchStep], Invocation | None]:
    """A finding's run as steps of the whole rules, and the call that is asked about at its end, if there is one.

    Raises:
        LookupError: the rules do not allow the run.
    """
    assert finding.machine is not None
    product = _product(finding.machine, specification)
    state = product.initial()
    steps: list[SearchStep] = []
    for action, rule, value in finding.run:
        if rule is None:
            assert isinstance(action, Invocation)
            return product, steps, action
        step = _taken(product, state, action, rule)
        steps.append(SearchStep(state, step if step.value is not None else step._replace(value=value)))
        state = step.target
    return product, steps, None


@cache
def _product(machine: Machine, specification: Specification) -> Product:
    return Product(machine, specification, without=frozenset())


def _taken(product: Product, state: Any, action: Invocation | MoveAction, rule: str) -> Transition:
    if isinstance(action, MoveAction):
        for found, target in product.stepper.move(action.name, state, action.place, action.parameters):
            if found.name == rule:
                return Transition(action, found, None, None, target)
    else:
        allowed = product.stepper.allowed(state, action)
        for outcome in allowed.outcomes:
            if outcome.rule.name == rule:
                return Transition(action, *outcome)
        for duty in allowed.broken:
            if duty.name == rule:
                return Transition(action, duty, Completion.RETURNS, None, state)
    raise LookupError(f"{rule} does not apply to {action}")


def cause(rule: Rule) -> str:
    """The fact that a rule rests on first; rules with the same one are one cause."""
    return rule.cites[0] if rule.cites else rule.name
