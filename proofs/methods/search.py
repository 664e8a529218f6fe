"""Bounded search: runs of a few steps, from boot or from anywhere, as one formula.

From boot it finds the shortest run that breaks a property, or that makes a step which must be
possible. From anywhere it is the step of a k-induction.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import z3

from psci.model.declare import Call, Move
from psci.model.environment import BOOT
from psci.model.environment.cores import X0
from psci.model.events import Event
from psci.model.language.rules import CALLER_ISA, CALLER_WORLD, REGISTERS, RESULT, Completion, Rule
from psci.model.language.sorts import CORE, NODE, U64
from psci.model.language.terms import TRUE, Function, fields_read, lift
from psci.model.power.topology import Topology
from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.machine import MACHINE
from psci.model.symbols.state import FIELDS, STATE
from psci.model.tables.versions import VERSIONS
from psci.proofs.encoding.bounded import Bounded
from psci.proofs.encoding.domain import Expression, Meaning, NamedFormula
from psci.proofs.encoding.queries import SolverVerdict
from psci.proofs.encoding.rules import RuleFormula, call_limits, fields_of, owners, scope_of, transitions
from psci.proofs.encoding.steps import primes, with_result
from psci.proofs.encoding.terms import Scope
from psci.proofs.methods.counterexample import Counterexample, declarations
from psci.proofs.methods.induction import blank_value, standing_assumptions
from psci.proofs.replay.concrete import ModelValues, Taken, replays, step_taken
from psci.proofs.replay.platform import Platform
from psci.proofs.replay.trace import events_of_run
from psci.properties.language import ClaimKind, Property, Step, step_of

RLIMIT = 120_000_000
CHOICE_WIDTH = 12
MPIDRS = (0x0, 0x1, 0x100, 0x101, 0x1_0000, 0x1_0001, 0x1_0100, 0x1_0101)
"""The cores of a search from boot; a search from anywhere leaves them open."""
NEVER_NEEDED = frozenset({"SIGNAL"})
"""Moves that change nothing which a guard reads; they only make runs longer."""

TakenForGranted: TypeAlias = Callable[[Call | Move, Scope], Iterable[NamedFormula]]
"""What is taken for granted of each step."""
RESULT_OF_STEP = Function("result", (), U64, "call", "What a step of a run returns.")


@dataclass(frozen=True)
class Option:
    """One rule that a step of a run may take."""

    number: int
    step: Step
    rule: Rule
    taken: Expression
    """The rule is chosen, allowed, and the next state is the one after it."""
    claim: Expression
    """What the property says of this step."""


class SymbolicRun:
    """A run of symbolic states with a choice of rule between each two.

    A step is written once, as the first one; the others are that one with the symbols of their places.
    """

    def __init__(
        self, prop: Property, specification: Specification, cores: int = 3, topology: Topology | None = None,
        without: frozenset[str] = NEVER_NEEDED, whole: bool = False, booting: bool = False,
        domain: Bounded | None = None, assumed: TakenForGranted | None = None,
    ) -> None:  # fmt: skip
        self.prop = prop
        self.specification = specification
        self.domain = domain or Bounded(cores, topology or Topology.flat(cores), specification=specification)
        self.assumed = assumed or self._assumed
        self.fields: tuple[Function, ...] = (*FIELDS, *prop.history.fields)
        self.states: list[dict[str, Meaning]] = []
        self.formulas: list[Expression] = []
        self.options: list[list[Option]] = []
        self.without = without
        self.booting = booting
        """The run starts before the first boot, so its first step is the boot."""
        self.followed = self.fields if whole else tuple(f for f in self.fields if f.name not in self._left_open())
        self._written: dict[bool, list[Option]] = {}
        self._add_state()
        if booting:
            self._from_boot()
        if isinstance(self.domain, Platform):
            self.formulas += self.domain.limits()

    def _assumed(self, owner: Call | Move, scope: Scope) -> Iterator[NamedFormula]:
        yield from standing_assumptions(owner, scope, self.prop)
        if isinstance(self.domain, Platform):
            yield from self.domain.of_step(owner, scope)

    def _left_open(self) -> frozenset[str]:
        """The fields of power domains, where the property does not speak about them: they may take any value.

        Then there are more runs than the rules allow, so that what none of them breaks holds; a run that breaks
        something is looked for again with these fields followed.
        """
        spoken = set(
            fields_read(*(helper.term(self.prop.history) for helper in self.prop.helpers), self.prop.of_state())
        )
        for owner in owners(self.specification):
            for rule in self.specification.rules[owner.name]:
                spoken |= {name.removesuffix("'") for name in fields_read(self.prop.of_step(step_of(owner, rule)))}
        return frozenset(field.name for field in FIELDS if NODE in field.domain) - spoken

    def _add_state(self) -> None:
        place = len(self.states)
        self.states.append(fields_of(self.domain, f"s{place}", self.fields))
        self.formulas += [self.domain.within(self.states[-1][f.name], f) for f in self.fields]

    def _from_boot(self) -> None:
        """The first state is the one before the first boot: down, blank, nothing remembered."""
        scope = Scope(self.domain, self.states[0])
        self.formulas.append(scope.term(STATE.system == "DOWN"))
        self.formulas += [scope.term(blank_value(field)) for field in FIELDS if field.name != "system"]
        mpidr, own = self.domain.symbol(MACHINE.mpidr), self.domain.mpidrs or MPIDRS
        self.formulas += [mpidr(self.domain.constant(i, CORE)) == own[i] for i in range(self.domain.sizes[CORE])]
        self.formulas.append(scope.term(MACHINE.boot_core == lift(0, CORE)))
        for update in self.prop.history.start().updates:
            then = scope.after(self.prop.history.start())[update.field.name]
            self.formulas.append(self._same(self.states[0][update.field.name], then, update.field))

    def _same(self, left: Meaning, right: Meaning, field: Function) -> Expression:
        indices = [
            tuple(self.domain.constant(i, sort) for i, sort in zip(index, field.domain, strict=True))
            for index in self.domain.indices(field.domain)
        ]
        return self.domain.conjunction(left(*index) == right(*index) for index in indices)

    def extend(self) -> None:
        """One more step, by a rule that changes something."""
        place = len(self.options)
        self._add_state()
        self.options.append(self._options(place, moving=True))
        self.formulas.append(self.domain.disjunction(option.taken for option in self.options[-1]))

    def last(self) -> list[Option]:
        """Every rule as the step after the last state; the state after it is not named."""
        return self._options(len(self.options), moving=False)

    def _options(self, place: int, moving: bool) -> list[Option]:
        if moving not in self._written:
            self._written[moving] = list(self._write(moving))
        options = self._written[moving]
        if self.booting and place == 0:
            options = [option for option in options if option.step.name == BOOT.name]
        if place == 0:
            return options
        renamed = self._renamed(place)
        return [
            replace(o, taken=z3.substitute(o.taken, *renamed), claim=z3.substitute(o.claim, *renamed)) for o in options
        ]

    def _renamed(self, place: int) -> list[tuple[Expression, Expression]]:
        """The symbols of the first step, with those of another step."""
        found = [(self.choice(0), self.choice(place))]
        for label, function in list(self.domain.used().items()):
            prefix, _, _ = label.partition(".")
            into = {"s0": f"s{place}", "s1": f"s{place + 1}", "a0": f"a{place}"}.get(prefix)
            if into is not None:
                cells = zip(self.domain.cells(prefix, function), self.domain.cells(into, function), strict=True)
                found += cells
        return found

    def choice(self, place: int) -> Expression:
        """Which of the options is taken."""
        return z3.BitVec(f"choice{place}", CHOICE_WIDTH, self.domain.context)

    def _write(self, moving: bool) -> Iterator[Option]:
        """Every rule as the first step."""
        number = 0
        for owner in owners(self.specification):
            if owner.name in self.without or (not moving and self.prop.about and owner.name not in self.prop.about):
                continue
            if not any(self._wanted(owner, rule, moving) for rule in self.specification.rules[owner.name]):
                continue
            base = self.base(owner, 0)
            for transition in transitions(self.domain, owner, base, self.specification):
                if self._wanted(owner, transition.rule, moving):
                    yield self._option(owner, base, transition, moving, number)
                    number += 1

    def base(self, owner: Call | Move, place: int) -> Scope:
        """The scope of a call or move as the step after so many others."""
        return scope_of(self.domain, owner, self.states[place], f"a{place}")

    def _wanted(self, owner: Call | Move, rule: Rule, moving: bool) -> bool:
        step = step_of(owner, rule)
        if moving:
            return bool(rule.effect.updates or self.prop.history.effect(step).updates)
        return (self.prop.kind is ClaimKind.INVARIANT and bool(rule.effect.updates)) or self.prop.of_step(
            step
        ) is not TRUE

    def _option(self, owner: Call | Move, base: Scope, transition: RuleFormula, moving: bool, number: int) -> Option:
        step = step_of(owner, transition.rule)
        before, after, conditions = self._scopes(base, transition, step, 0)
        allowed = [self.choice(0) == number, transition.allowed(), call_limits(self.domain, "a0", owner), *conditions]
        allowed += [formula for _, formula in self.assumed(owner, before)]
        allowed += [before.term(term) for _, term in self.prop.assumed(step)]
        if moving:
            following = fields_of(self.domain, "s1", self.fields)
            allowed += [self._same(following[f.name], after.state[f.name], f) for f in self.followed]
            after = before.but(following)
        claim = before.but(primes(after.state)).term(self.prop.of_step(step))
        if self.prop.kind is ClaimKind.INVARIANT:
            claim = after.term(self.prop.of_state())
        return Option(number, step, transition.rule, self.domain.conjunction(allowed), claim)

    def _scopes(
        self, base: Scope, transition: RuleFormula, step: Step, place: int
    ) -> tuple[Scope, Scope, list[Expression]]:
        """The scopes before and after a step, and the conditions on its result."""
        result = self.domain.symbols(f"a{place}", RESULT_OF_STEP)()
        before, conditions = with_result(self.domain, base, transition, result)
        changed = {**before.after(transition.rule.effect), **before.after(self.prop.history.effect(step))}
        return before, before.but(changed), [formula for _, formula in conditions]

    def wrong(self, options: Sequence[Option]) -> Expression:
        """Some rule breaks the property, or makes the step that must be possible."""
        if self.prop.kind is ClaimKind.WITNESS:
            return self.domain.disjunction(z3.And(option.taken, option.claim) for option in options)
        return self.domain.disjunction(z3.And(option.taken, z3.Not(option.claim)) for option in options)

    def keeps(self, options: Sequence[Option]) -> Expression:
        """Whatever rule is taken, it satisfies the property."""
        return self.domain.conjunction(z3.Implies(option.taken, option.claim) for option in options)

    def solver(self, goal: Expression) -> Expression:
        """A solver that looks for the run."""
        solver = z3.SolverFor("QF_UFBV", ctx=self.domain.context)
        solver.set("rlimit", RLIMIT)
        for formula in self.formulas:
            solver.add(formula)
        for _, formula in self.domain.facts():
            solver.add(formula)
        solver.add(goal)
        return solver

    def plainest(self, solver: Expression, steps: int) -> Expression:
        """A model of a run with the newest version and arguments that are zero where they can be."""
        model = solver.model()
        wishes = [self.domain.is_version(version) for version in VERSIONS[::-1]]
        for place in range(steps):
            for symbol in (CALLER_ISA, CALLER_WORLD, *reversed(REGISTERS)):
                constant = self.domain.symbols(f"a{place}", symbol)()
                wishes += [z3.LShR(constant, 32) == 0] if constant.size() == 64 else []
                wishes.append(constant == 0)
            wishes.append(z3.LShR(self.domain.symbols(f"a{place}", X0)(), 32) == 0)
        for wish in wishes:
            if solver.check(wish) == z3.sat:
                model = solver.model()
                solver.add(wish)
        return model

    def counterexample(self, model: Expression, last: Sequence[Option]) -> Counterexample:
        """The run that a model describes."""
        reading = ModelValues(self.domain, model)
        taken: list[Taken] = []
        shown: dict[str, object] = {}
        for place, options in enumerate((*self.options, last)):
            option = next(o for o in options if z3.is_true(model.eval(o.taken, model_completion=True)))
            taken.append(self._taken(reading, option, place))
            shown.update(declarations(option.rule, reading))
        trace: tuple[Event, ...] = ()
        if isinstance(self.domain, Platform):
            setting = self.domain.setting(reading)
            machine = setting.machine
            trace = events_of_run(setting, self.specification, taken)
        else:
            machine = reading.machine(*(one.action for one in taken))
        replayed = all(replays(machine, self.specification, one, reading.choices()) for one in taken)
        broken = () if self.prop.kind is ClaimKind.WITNESS else (self.prop.name,)
        return Counterexample(
            self.prop.name, self.prop.sentence, machine, tuple(taken), broken, True, replayed,
            self.prop.history.fields, shown, trace=trace,
        )  # fmt: skip

    def taken(self, reading: ModelValues, place: int) -> Taken:
        """A step of the run that a model describes; the state after it is named."""
        options, model = self.options[place], reading.model
        option = next(o for o in options if z3.is_true(model.eval(o.taken, model_completion=True)))
        return self._taken(reading, option, place)

    def _taken(self, reading: ModelValues, option: Option, place: int) -> Taken:
        """A step of the run that a model describes, with the state after it."""
        owner, rule = option.step.owner, option.rule
        base = self.base(owner, place)
        transition = next(t for t in transitions(self.domain, owner, base, self.specification) if t.rule is rule)
        before, after, _ = self._scopes(base, transition, option.step, place)
        if place + 1 < len(self.states):
            after = before.but(self.states[place + 1])
        returns = option.step.is_call and rule.completion is Completion.RETURNS
        result = before.variables[RESULT] if returns else None
        return step_taken(reading, owner, rule, before, after, result, self.prop.history.fields)


@dataclass(frozen=True)
class Search:
    """What came of a bounded search."""

    claim: Property
    cores: int
    depth: int
    """The number of steps up to which it looked, the boot included."""
    verdict: SolverVerdict
    seconds: float
    run: Counterexample | None = None
    reason: str = ""


def search(
    prop: Property, depth: int, cores: int = 3, specification: Specification = SPECIFICATION,
    topology: Topology | None = None, on_platform: bool = False,
) -> Search:  # fmt: skip
    """Look for the shortest run from boot that breaks a property, or that makes the step which must be possible.

    For a property that must hold, PROVED means: not broken within `depth` steps. For a possibility it
    means: found; `run` is the run. A run `on_platform` can be written as a trace; its machine is that of
    `psci.proofs.replay.platform` instead of any one.
    """
    started = time.perf_counter()
    rough, exact = (
        SymbolicRun(
            prop, specification, cores, topology, whole=whole, booting=True,
            domain=Platform(specification) if on_platform else None,
        )
        for whole in (False, True)
    )  # fmt: skip
    possibility = prop.kind is ClaimKind.WITNESS

    def result(verdict: SolverVerdict, length: int, shown: Counterexample | None = None, reason: str = "") -> Search:
        return Search(prop, cores, length, verdict, time.perf_counter() - started, shown, reason)

    for length in range(depth):
        found = _found(rough)
        if found == z3.sat and rough.followed != exact.followed:
            while len(exact.options) < length:
                exact.extend()
            found = _found(exact)
        if found == z3.unknown:
            return result(SolverVerdict.UNKNOWN, length, reason="the solver reached its limit")
        if found == z3.sat:
            last = exact.last()
            solver = exact.solver(exact.wrong(last))
            solver.check()
            shown = exact.counterexample(exact.plainest(solver, length + 1), last)
            return result(SolverVerdict.PROVED if possibility else SolverVerdict.REFUTED, length + 1, shown)
        rough.extend()
    return result(SolverVerdict.REFUTED if possibility else SolverVerdict.PROVED, depth)


def _found(run: SymbolicRun) -> Expression:
    last = run.last()
    return run.solver(run.wrong(last)).check() if last else z3.unsat


def k_induction(
    prop: Property, k: int, cores: int = 3, specification: Specification = SPECIFICATION,
    topology: Topology | None = None,
) -> Search:  # fmt: skip
    """No run of k steps from boot breaks a property, nor does one more step after k good ones, wherever they start.

    Only the property itself is carried, with its lemmas: no helper. Where the second half fails, in a state that may
    be unreachable, nothing is decided.
    """
    base = search(prop, k, cores, specification, topology)
    if base.verdict is not SolverVerdict.PROVED:
        return base
    started = time.perf_counter()
    run = SymbolicRun(prop, specification, cores, topology)
    for _ in range(k):
        run.extend()
        run.formulas.append(run.keeps(run.options[-1]))
    for state in run.states:
        scope = Scope(run.domain, state)
        run.formulas += [scope.term(lemma.of_state()) for lemma in prop.lemmas]
    solver = run.solver(run.wrong(run.last()))
    found = solver.check()
    seconds = base.seconds + time.perf_counter() - started
    if found == z3.unsat:
        return Search(prop, cores, k, SolverVerdict.PROVED, seconds)
    why = f"after {k} good steps, from a state that may be unreachable, a bad one is possible: try more, or a helper"
    return Search(
        prop, cores, k, SolverVerdict.UNKNOWN, seconds, reason=solver.reason_unknown() if found == z3.unknown else why
    )


__all__ = ["Search", "SymbolicRun", "k_induction", "search"]
