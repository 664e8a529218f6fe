"""Counterexamples that a person can read: only what is true and what changes, in the words of the specification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import z3

from psci.model.events import Event
from psci.model.language.rules import RESULT, Completion, Rule
from psci.model.language.terms import App, Function, fields_read, subterms
from psci.model.machine import Machine
from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.state import FIELDS
from psci.model.tables.versions import VERSIONS
from psci.proofs.encoding.domain import Expression
from psci.proofs.encoding.queries import RLIMIT, SolverAnswer
from psci.proofs.methods.induction import Obligation, blank_value
from psci.proofs.replay.concrete import ModelValues, Taken, replays, step_taken
from psci.proofs.replay.text import ProofWords
from psci.properties.language import Property, Step


@dataclass(frozen=True)
class Counterexample:
    """Steps that break a property, from a state of the model or from boot."""

    property: str
    sentence: str
    machine: Machine
    steps: tuple[Taken, ...]
    broken: tuple[str, ...]
    """The claim or the invariants that do not hold after (or in) the last step."""
    from_boot: bool
    replayed: bool
    """The stepper takes every one of these steps."""
    history: tuple[Function, ...] = ()
    declarations: Mapping[str, Any] | None = None
    relevant: frozenset[str] = frozenset()
    """The fields that the rule or the claim reads."""
    trace: tuple[Event, ...] = ()
    """What a tester would have seen of a run from boot."""
    at: tuple[Any, Mapping[str, Any]] | None = None
    """The state and what is remembered in it, where the claim is about a state and no step."""
    heading: str = "invariants that do not survive"
    """What the names of `broken` are."""

    def text(self) -> str:
        """The whole counterexample."""
        return "\n".join(self.lines())

    def lines(self) -> Iterator[str]:
        """The counterexample, line by line."""
        last = self.steps[-1] if self.steps else None
        rule = f" by {last.rule}" if last else ""
        yield f"{self.property} is {'broken' if self.broken else 'shown'}{rule}: {self.sentence}"
        others = [name for name in self.broken if name != self.property]
        if others:
            yield f"  {self.heading}: " + ", ".join(others)
        words = ProofWords(self.machine, self.history, self.relevant)
        yield f"  {words.machine_line()}"
        yield from (f"    {name} = {value}" for name, value in (self.declarations or {}).items())
        if self.at is not None:
            yield "  in this state (which may be unreachable)"
            yield from (f"    {line}" for line in words.state(*self.at))
            yield "  the stepper agrees" if self.replayed else "  THE STEPPER DOES NOT AGREE"
            return
        if not self.from_boot:
            yield "  one step from this state (which may be unreachable: search from boot decides)"
        if self.steps:
            yield from (f"    {line}" for line in words.state(self.steps[0].before, self.steps[0].history_before))
        for number, taken in enumerate(self.steps, start=1):
            yield f"  {number}. {words.step(taken)}"
            yield f"     {taken.rule}: {taken.text}"
            yield from (f"       {change}" for change in words.changes(taken))
        yield "  the stepper takes the same steps" if self.replayed else "  THE STEPPER DOES NOT TAKE THESE STEPS"


@dataclass(frozen=True)
class Story:
    """What breaks or shows a property, told by the explorer: a run, calls that overlap, a scenario."""

    lines: tuple[str, ...]
    trace: tuple[Event, ...] = ()
    """What a tester would have seen, where there is a run from boot."""

    def text(self) -> str:
        """The whole story."""
        return "\n".join(self.lines)


def plainest(obligation: Obligation, model: Expression, prop: Property) -> tuple[Expression, tuple[str, ...]]:
    """A counterexample in which as much as possible is blank and the version the newest, and what it breaks."""
    domain, before = obligation.domain, obligation.before
    solver = z3.Solver(ctx=domain.context)
    solver.set("rlimit", RLIMIT)
    for _, formula in obligation.query.assumptions:
        solver.add(formula)
    solver.add(z3.Not(obligation.query.goal))
    wishes = [domain.is_version(version) for version in VERSIONS[::-1]]
    wishes += [before.term(blank_value(field)) for field in (*FIELDS, *prop.history.fields)]
    wishes += [before.call[name]() == 0 for name in ("x3", "x2", "x1") if name in before.call]
    for wish in wishes:
        if solver.check(wish) == z3.sat:
            model = solver.model()
            solver.add(wish)
    broken = []
    for name, formula in obligation.parts:
        if solver.check(z3.Not(formula)) == z3.sat:
            model = solver.model()
            solver.add(z3.Not(formula))
            broken.append(name)
    return model, tuple(broken)


def explain(
    prop: Property, obligation: Obligation, answer: SolverAnswer, specification: Specification = SPECIFICATION
) -> Counterexample:
    """The counterexample of one step of an induction."""
    model, broken = plainest(obligation, answer.model, prop)
    reading = ModelValues(obligation.domain, model, obligation.speaks_of_tree)
    if obligation.rule is None or obligation.step is None:
        return Counterexample(prop.name, prop.sentence, reading.machine(), (), broken, False, True, prop.history.fields)
    taken = taken_in(reading, obligation.step, obligation.rule, obligation.before, obligation.after, prop)
    machine = reading.machine(taken.action)
    tree = obligation.speaks_of_tree
    same = replays(machine, specification, taken, reading.choices(), tree)
    shown = declarations(obligation.rule, reading)
    return Counterexample(
        prop.name, prop.sentence, machine, (taken,), broken, False, same, prop.history.fields, shown,
        fields_read(obligation.rule.guard, prop.of_step(obligation.step), prop.of_state()),
    )  # fmt: skip


def taken_in(reading: ModelValues, step: Step, rule: Rule, before: Any, after: Any, prop: Property) -> Taken:
    """One step of a model, with its result where it has one."""
    result = before.variables.get(RESULT) if rule.completion is Completion.RETURNS and step.is_call else None
    return step_taken(reading, step.owner, rule, before, after, result, prop.history.fields)


def declarations(rule: Rule, reading: ModelValues) -> dict[str, Any]:
    """What the machine declares that the rule's guard or effect reads, for symbols without arguments."""
    terms = [rule.guard, *(value for update in rule.effect.updates for _, value in update.points)]
    terms += [update.everywhere for update in rule.effect.updates if update.everywhere is not None]
    found: dict[str, Any] = {}
    for term in terms:
        for sub in subterms(term):
            if isinstance(sub, App) and sub.function.kind == "machine" and not sub.arguments:
                function = sub.function
                found[function.name] = reading.value(reading.domain.symbol(function)(), function.range)
    return found


def table(counterexamples: Sequence[Counterexample]) -> str:
    """Several counterexamples, one after the other."""
    return "\n\n".join(counterexample.text() for counterexample in counterexamples)
