"""Bounded search: runs of a few steps, from boot or from anywhere, as one formula.

From boot it finds the shortest run that breaks a property, or that makes a step which must be
possible. From anywhere it is the step of a k-induction.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import z3

from psci.model.call import Call, Move
from psci.model.environment import BOOT
from psci.model.language.rules import CALLER_ISA, CALLER_WORLD, REGISTERS, RESULT, Completion, Rule
from psci.model.language.sorts import CORE, NODE
from psci.model.language.terms import TRUE, Function, fields_read, lift
from psci.model.machine import MACHINE
from psci.model.specification import SPECIFICATION, Specification
from psci.model.state import FIELDS, STATE
from psci.model.topology import Topology
from psci.model.versions import VERSIONS
from psci.proofs.bounded import Bounded
from psci.proofs.concrete import Reading, Taken, replays, step_taken
from psci.proofs.counterexample import Counterexample, declarations
from psci.proofs.domain import Expression, Meaning
from psci.proofs.induction import blank_value, primes, standing_assumptions, with_result
from psci.proofs.queries import Verdict
from psci.proofs.semantics import call_limits, fields_of, owners, scope_of, transitions
from psci.proofs.translate import Scope
from psci.properties.language import Kind, Property, Step, step_of

RLIMIT = 60_000_000
CHOICE_WIDTH = 12
MPIDRS = (0x0, 0x1, 0x100, 0x101, 0x1_0000, 0x1_0001, 0x1_0100, 0x1_0101)
"""The cores of a search from boot; a search from anywhere leaves them open."""
NEVER_NEEDED = frozenset({"SIGNAL"})
"""Moves that change nothing which a guard reads; they only make runs longer."""


@dataclass(frozen=True)
class Option:
    """One rule that a step of a run may take."""

    number: int
    step: Step
    rule: Rule
    taken: Expression
    """The rule is chosen, allowed, and the next state is the one after it."""
    before: Scope
    after: Scope
    claim: Expression
    """What the property says of this step."""


class Run:
    """A run of symbolic states with a choice of rule between each two."""

    def __init__(
        self, prop: Property, specification: Specification, cores: int = 3, topology: Topology | None = None,
        without: frozenset[str] = NEVER_NEEDED, whole: bool = False,
    ) -> None:  # fmt: skip
        self.prop = prop
        self.specification = specification
        self.domain = Bounded(cores, topology or Topology.flat(cores), specification=specification)
        self.fields: tuple[Function, ...] = (*FIELDS, *prop.history.fields)
        self.states: list[dict[str, Meaning]] = []
        self.formulas: list[Expression] = []
        self.options: list[list[Option]] = []
        self.without = without
        self.followed = self.fields if whole else tuple(f for f in self.fields if f.name not in self._left_open())
        self._add_state()

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

    def from_boot(self) -> None:
        """The first state is the one before the first boot: down, blank, nothing remembered."""
        scope = Scope(self.domain, self.states[0])
        self.formulas.append(scope.term(STATE.system == "DOWN"))
        self.formulas += [scope.term(blank_value(field)) for field in FIELDS if field.name != "system"]
        mpidr = self.domain.symbol(MACHINE.mpidr)
        self.formulas += [mpidr(self.domain.constant(i, CORE)) == MPIDRS[i] for i in range(self.domain.sizes[CORE])]
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
        choice = z3.BitVec(f"choice{place}", CHOICE_WIDTH, self.domain.context)
        options = self._options(place, choice, moving=True, only=self._only(place))
        self.options.append(options)
        self.formulas.append(self.domain.disjunction(option.taken for option in options))

    booting = False
    """The run starts before the first boot, so its first step is the boot."""

    def last(self) -> list[Option]:
        """Every rule as the step after the last state; the state after it is not named."""
        place = len(self.options)
        choice = z3.BitVec(f"choice{place}", CHOICE_WIDTH, self.domain.context)
        return self._options(place, choice, moving=False, only=self._only(place))

    def _only(self, place: int) -> str | None:
        return BOOT.name if self.booting and place == 0 else None

    def _options(self, place: int, choice: Expression, moving: bool, only: str | None = None) -> list[Option]:
        found: list[Option] = []
        for owner in owners(self.specification):
            if owner.name in self.without or (only is not None and owner.name != only):
                continue
            if not moving and self.prop.about and owner.name not in self.prop.about:
                continue
            if any(self._wanted(owner, rule, moving) for rule in self.specification.rules[owner.name]):
                found += self._of_owner(owner, place, choice, moving, len(found))
        return found

    def _wanted(self, owner: Call | Move, rule: Rule, moving: bool) -> bool:
        step = step_of(owner, rule)
        if moving:
            return bool(rule.effect.updates or self.prop.history.effect(step).updates)
        return (self.prop.kind is Kind.INVARIANT and bool(rule.effect.updates)) or self.prop.of_step(step) is not TRUE

    def _of_owner(self, owner: Call | Move, place: int, choice: Expression, moving: bool, number: int) -> list[Option]:
        base = scope_of(self.domain, owner, self.states[place], f"a{place}")
        limits = call_limits(self.domain, f"a{place}", owner)
        found: list[Option] = []
        for transition in transitions(self.domain, owner, base, self.specification):
            if not self._wanted(owner, transition.rule, moving):
                continue
            step = step_of(owner, transition.rule)
            before, conditions = with_result(self.domain, base, transition)
            changed = {**before.after(transition.rule.effect), **before.after(self.prop.history.effect(step))}
            after = before.but(changed)
            allowed = [choice == number + len(found), transition.allowed(), limits]
            allowed += [formula for _, formula in (*conditions, *standing_assumptions(self.domain, owner, before))]
            allowed += [before.term(term) for _, term in self.prop.assumed(step)]
            if moving:
                following = self.states[place + 1]
                allowed += [self._same(following[f.name], after.state[f.name], f) for f in self.followed]
                after = before.but(following)
            claim = before.but(primes(after.state)).term(self.prop.of_step(step))
            if self.prop.kind is Kind.INVARIANT:
                claim = after.term(self.prop.of_state())
            taken = self.domain.conjunction(allowed)
            found.append(Option(number + len(found), step, transition.rule, taken, before, after, claim))
        return found

    def wrong(self, options: Sequence[Option]) -> Expression:
        """Some rule breaks the property, or makes the step that must be possible."""
        if self.prop.kind is Kind.WITNESS:
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
        for wish in wishes:
            if solver.check(wish) == z3.sat:
                model = solver.model()
                solver.add(wish)
        return model

    def counterexample(self, model: Expression, last: Sequence[Option]) -> Counterexample:
        """The run that a model describes."""
        reading = Reading(self.domain, model)
        taken: list[Taken] = []
        shown: dict[str, object] = {}
        for options in (*self.options, last):
            option = next(o for o in options if z3.is_true(model.eval(o.taken, model_completion=True)))
            result = None
            if option.step.is_call and option.rule.completion is Completion.RETURNS:
                result = option.before.variables[RESULT]
            history = self.prop.history.fields
            taken.append(
                step_taken(reading, option.step.owner, option.rule, option.before, option.after, result, history)
            )
            shown.update(declarations(option.rule, reading))
        machine = reading.machine(*(one.action for one in taken))
        replayed = all(replays(machine, self.specification, one, reading.choices()) for one in taken)
        return Counterexample(
            self.prop.name, self.prop.sentence, machine, tuple(taken), (self.prop.name,), True, replayed,
            self.prop.history.fields, shown,
        )  # fmt: skip


@dataclass(frozen=True)
class Search:
    """What came of a bounded search."""

    claim: Property
    cores: int
    depth: int
    """The number of steps up to which it looked, the boot included."""
    verdict: Verdict
    seconds: float
    run: Counterexample | None = None
    reason: str = ""


def search(
    prop: Property, depth: int, cores: int = 3, specification: Specification = SPECIFICATION,
    topology: Topology | None = None,
) -> Search:  # fmt: skip
    """Look for the shortest run from boot that breaks a property, or that makes the step which must be possible.

    For a property that must hold, PROVED means: not broken within `depth` steps. For a possibility it
    means: found; `run` is the run.
    """
    started = time.perf_counter()
    run, whole = (_booting(prop, specification, cores, topology, whole) for whole in (False, True))
    possibility = prop.kind is Kind.WITNESS

    def result(verdict: Verdict, length: int, shown: Counterexample | None = None, reason: str = "") -> Search:
        return Search(prop, cores, length, verdict, time.perf_counter() - started, shown, reason)

    for length in range(depth):
        for attempt in (run, whole):
            last = attempt.last()
            solver = attempt.solver(attempt.wrong(last))
            found = solver.check() if last else z3.unsat
            if found == z3.unknown:
                return result(Verdict.UNKNOWN, length, reason=solver.reason_unknown())
            if found == z3.unsat:
                break
            if attempt is whole:
                shown = attempt.counterexample(attempt.plainest(solver, length + 1), last)
                return result(Verdict.PROVED if possibility else Verdict.REFUTED, length + 1, shown)
        run.extend()
        whole.extend()
    return result(Verdict.REFUTED if possibility else Verdict.PROVED, depth)


def _booting(
    prop: Property, specification: Specification, cores: int, topology: Topology | None, whole: bool
) -> Run:  # fmt: skip
    run = Run(prop, specification, cores, topology, whole=whole)
    run.booting = True
    run.from_boot()
    return run


def k_induction(
    prop: Property, k: int, cores: int = 3, specification: Specification = SPECIFICATION,
    topology: Topology | None = None,
) -> Search:  # fmt: skip
    """After k steps that satisfy a property, from any state at all, the next one does too; without helpers.

    Together with a search from boot to depth k this proves the property for that number of cores.
    """
    started = time.perf_counter()
    run = Run(prop, specification, cores, topology)
    for _ in range(k):
        run.extend()
        run.formulas.append(run.keeps(run.options[-1]))
    solver = run.solver(run.wrong(run.last()))
    found = solver.check()
    verdict = Verdict.REFUTED if found == z3.sat else Verdict.PROVED if found == z3.unsat else Verdict.UNKNOWN
    reason = solver.reason_unknown() if verdict is Verdict.UNKNOWN else ""
    return Search(prop, cores, k, verdict, time.perf_counter() - started, reason=reason)


__all__ = ["Run", "Search", "k_induction", "search"]
