"""Counterexamples that a person can read: only what is true and what changes, in the words of the specification."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import z3

from psci.model.call import Move
from psci.model.codes import code_named
from psci.model.language.rules import RESULT, Completion, Rule
from psci.model.language.sorts import BOOL, CORE, NODE, Enumeration
from psci.model.language.terms import App, Function, fields_read, subterms
from psci.model.profile import Machine
from psci.model.specification import SPECIFICATION, Specification
from psci.model.state import FIELDS
from psci.model.versions import VERSIONS
from psci.proofs.concrete import Reading, Taken, replays, step_taken
from psci.proofs.domain import Expression
from psci.proofs.induction import Obligation, blank_value
from psci.proofs.queries import RLIMIT, Answer
from psci.proofs.semantics import owner_named
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

    def text(self) -> str:
        """The whole counterexample."""
        return "\n".join(self.lines())

    def lines(self) -> Iterator[str]:
        """The counterexample, line by line."""
        last = self.steps[-1] if self.steps else None
        rule = f" by {last.rule}" if last else ""
        yield f"{self.property} is broken{rule}: {self.sentence}"
        others = [name for name in self.broken if name != self.property]
        if others:
            yield "  invariants that do not survive: " + ", ".join(others)
        yield f"  machine: PSCI {self.machine.version}, cores {', '.join(self._core(i) for i in self._cores())}"
        yield from (f"    {name} = {value}" for name, value in (self.declarations or {}).items())
        if not self.from_boot:
            yield "  one step from this state (which may be unreachable: search from boot decides)"
        if self.steps:
            yield from self._state(self.steps[0].before, self.steps[0].history_before)
        for number, taken in enumerate(self.steps, start=1):
            yield f"  {number}. {self._action(taken)}"
            yield f"     {taken.rule}: {taken.text}"
            yield from (f"       {change}" for change in self._changes(taken))
        yield "  the stepper takes the same steps" if self.replayed else "  THE STEPPER DOES NOT TAKE THESE STEPS"

    def _cores(self) -> range:
        return range(len(self.machine.cores))

    def _core(self, index: int) -> str:
        return f"{self.machine.cores[index]:#x}"

    def _state(self, state: Any, history: Mapping[str, Any]) -> Iterator[str]:
        for field, value in self._named(state, history):
            if field.range in (CORE, NODE) and field.name not in self.relevant:
                continue
            if not field.domain:
                if value != _blank(field):
                    yield f"    {field.name}: {self._show(value, field)}"
                continue
            parts = [
                f"{self._place(field, place)} {self._show(cell, field)}"
                for place, cell in enumerate(value)
                if cell != _blank(field)
            ]
            if parts:
                yield f"    {field.name}: {', '.join(parts)}"

    def _named(self, state: Any, history: Mapping[str, Any]) -> Iterator[tuple[Function, Any]]:
        yield from zip(FIELDS, state, strict=True)
        yield from ((field, history[field.name]) for field in self.history)

    def _changes(self, taken: Taken) -> Iterator[str]:
        after = dict(self._by_name(taken.after, taken.history_after))
        for field, old in self._named(taken.before, taken.history_before):
            new = after[field.name]
            if not field.domain:
                if old != new:
                    yield f"{field.name}: {self._show(old, field)} -> {self._show(new, field)}"
                continue
            for place, (was, now) in enumerate(zip(old, new, strict=True)):
                if was != now:
                    where = self._place(field, place)
                    yield f"{field.name} of {where}: {self._show(was, field)} -> {self._show(now, field)}"

    def _by_name(self, state: Any, history: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        yield from ((field.name, value) for field, value in self._named(state, history))

    def _place(self, field: Function, place: int) -> str:
        if field.domain == (CORE,):
            return f"core {self._core(place)}"
        if field.domain == (NODE,):
            return self.machine.tree.names[place]
        core, node = divmod(place, len(self.machine.tree.names))
        return f"core {self._core(core)} in {self.machine.tree.names[node]}"

    def _show(self, value: Any, field: Function) -> str:
        if field.range == CORE:
            return f"core {self._core(int(value))}"
        if field.range == NODE:
            return self.machine.tree.names[int(value)]
        if isinstance(value, bool):
            return "yes" if value else "no"
        return value if isinstance(value, str) else f"{value:#x}"

    def _moving(self, taken: Taken) -> str:
        move = owner_named(SPECIFICATION, taken.action.owner)
        if isinstance(move, Move) and move.node is not None:
            return f" of {self.machine.tree.names[taken.action.core]}"
        return f" of core {self._core(taken.action.core)}" if isinstance(move, Move) and move.core is not None else ""

    def _action(self, taken: Taken) -> str:
        call = taken.action.invocation
        if call is None:
            said = "".join(f" {v}" if isinstance(v, str) else f" {v:#x}" for v in taken.action.parameters)
            return f"{taken.action.owner}{self._moving(taken)}{said}"
        width = "SMC64" if call.fn & 0x4000_0000 else "SMC32"
        arguments = f"x1={call.x1:#x} x2={call.x2:#x} x3={call.x3:#x}"
        who = "" if call.isa == "AARCH64" and call.world == "NORMAL" else f", {call.isa} {call.world}"
        return f"core {self._core(call.caller)} calls {taken.action.owner} ({width}{who}) {arguments}: {_ending(taken)}"


def _ending(taken: Taken) -> str:
    if taken.completion is not Completion.RETURNS:
        return str(taken.completion.value) if taken.completion else ""
    if taken.value is None:
        return "returns"
    signed = taken.value - (1 << 64) if taken.value >> 63 else taken.value
    code = code_named(signed)
    return f"returns {code.name if code and signed <= 0 else hex(signed)}"


def _blank(field: Function) -> Any:
    if isinstance(field.range, Enumeration):
        return field.range.values[0]
    return False if field.range == BOOL else None if field.range in (CORE, NODE) else 0


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
    prop: Property, obligation: Obligation, answer: Answer, specification: Specification = SPECIFICATION
) -> Counterexample:
    """The counterexample of one step of an induction."""
    model, broken = plainest(obligation, answer.model, prop)
    reading = Reading(obligation.domain, model)
    machine = reading.machine()
    if obligation.rule is None or obligation.step is None:
        return Counterexample(prop.name, prop.sentence, machine, (), broken, False, True, prop.history.fields)
    taken = taken_in(reading, obligation.step, obligation.rule, obligation.before, obligation.after, prop)
    same = replays(machine, specification, taken, reading.choices())
    shown = declarations(obligation.rule, reading)
    return Counterexample(
        prop.name, prop.sentence, machine, (taken,), broken, False, same, prop.history.fields, shown,
        fields_read(obligation.rule.guard, prop.of_step(obligation.step), prop.of_state()),
    )  # fmt: skip


def taken_in(reading: Reading, step: Step, rule: Rule, before: Any, after: Any, prop: Property) -> Taken:
    """One step of a model, with its result where it has one."""
    result = before.variables.get(RESULT) if rule.completion is Completion.RETURNS and step.is_call else None
    return step_taken(reading, step.owner, rule, before, after, result, prop.history.fields)


def declarations(rule: Rule, reading: Reading) -> dict[str, Any]:
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
