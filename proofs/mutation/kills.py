"""What notices a changed rule: a consistency check, a property, or a trace that the oracle judges otherwise.

A change that makes no difference is proved to make none. Whatever else nobody notices survives, with the reason.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import z3

from psci.model.calls import UNKNOWN
from psci.model.declare import Call, Move
from psci.model.events import CallEvent, Event
from psci.model.language.rules import Completion
from psci.model.language.terms import FALSE
from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.machine import MACHINE
from psci.model.symbols.state import FIELDS
from psci.model.tables.versions import V0_1
from psci.proofs.encoding.bounded import Bounded
from psci.proofs.encoding.domain import Expression
from psci.proofs.encoding.queries import RLIMIT, SolverVerdict, solve
from psci.proofs.encoding.rules import call_limits, fields_of, owner_named, scope_of
from psci.proofs.encoding.steps import Translations
from psci.proofs.encoding.terms import Scope
from psci.proofs.methods import totality
from psci.proofs.methods.induction import default_readings, obligations, who_moves
from psci.proofs.methods.ranking import duties
from psci.proofs.mutation.mutants import Mutant
from psci.proofs.questions import refinement
from psci.proofs.questions.consistency import Rules, Undecided, gaps
from psci.proofs.questions.difference import OBLIGING, difference
from psci.proofs.questions.separation import DEPTH, Runs, TraceJudge
from psci.proofs.replay.platform import SHAPE
from psci.proofs.suite import ANY, THREE, translations
from psci.properties import PROPERTIES
from psci.properties.helpers import REACHABLE
from psci.properties.language import NO_HISTORY, ClaimKind, Property, Step
from psci.properties.runs.responses import Response

QUICK = 2_000_000
"""The resources of one query about a mutant; what is not refuted within them is not counted as noticed."""
CONSISTENCY, PROPERTY, SHIPPED = "consistency", "property", "shipped trace"
KILLERS = (CONSISTENCY, PROPERTY, SHIPPED)
"""What was there before the change; only these kill."""
DISTINGUISHABLE = "distinguishable"
"""A trace was made from the difference itself: nothing that is there notices it, but something could."""
EQUIVALENT, SURVIVES, UNDECIDED = "equivalent", "survives", "undecided"


@dataclass(frozen=True)
class MutantNoticed:
    """What became of a mutant."""

    mutant: str
    operator: str
    by: str
    """One of the words above."""
    properties: tuple[str, ...] = ()
    """The properties whose proof fails."""
    trace: str = ""
    """The name of a shipped trace, or how long a generated one is."""
    reason: str = ""
    """Why it is equivalent, why it survives, or what was not decided."""
    events: tuple[Event, ...] = ()
    """A generated trace."""

    @property
    def killed(self) -> bool:
        """Something that was there before notices it."""
        return self.by in KILLERS


@dataclass(frozen=True)
class Watchers:
    """Everything that may notice a mutant."""

    judge: TraceJudge
    runs: Runs
    shipped: Mapping[str, tuple[Event, ...]]
    properties: Sequence[Property] = PROPERTIES
    every_property: bool = True
    """Look for all properties that notice it; otherwise for the first."""

    def look_at(self, mutant: Mutant) -> MutantNoticed:
        """Find out what notices a mutant, in the order of the words above; what notices it first is enough."""
        specification = mutant.specification()
        try:
            if not can_differ(mutant.owner, specification):
                return MutantNoticed(mutant.name, mutant.operator, EQUIVALENT, reason=BY_STATES)
            if _inconsistent(mutant, specification):
                return MutantNoticed(mutant.name, mutant.operator, CONSISTENCY)
        except Undecided as error:
            return MutantNoticed(mutant.name, mutant.operator, UNDECIDED, reason=str(error))
        broken = self.broken_by(mutant)
        if broken:
            return MutantNoticed(mutant.name, mutant.operator, PROPERTY, properties=broken)
        for name, events in self._about(mutant.owner):
            if self.judge(events, SPECIFICATION) != self.judge(events, specification):
                return MutantNoticed(mutant.name, mutant.operator, SHIPPED, trace=name)
        return self._by_generated(mutant, specification)

    def broken_by(self, mutant: Mutant) -> tuple[str, ...]:
        """The properties whose proof a mutant breaks, or the first of them."""
        found = self._broken(mutant, mutant.specification())
        return tuple(found if self.every_property else itertools.islice(found, 1))

    def _broken(self, mutant: Mutant, specification: Specification) -> Iterator[str]:
        three, any_number = (translations(cores, specification) for cores in (THREE, ANY))
        noticed = False
        # claims about versions come last, because they take longest: a rule that is in every version seldom breaks one
        for prop in sorted(self.properties, key=lambda prop: prop.kind is ClaimKind.REFINEMENT):
            if isinstance(prop, Response):
                broken = response_fails(prop, mutant, three)
            elif prop.kind is ClaimKind.TOTAL:
                broken = totality_fails(prop, mutant, three)
            elif prop.kind is ClaimKind.REFINEMENT:
                broken = not (noticed and mutant.in_every_version) and refinement_fails(prop, mutant, any_number)
            else:
                broken = prop.kind in (ClaimKind.STEP, ClaimKind.INVARIANT) and fails(prop, mutant, three)
            if broken:
                noticed = True
                yield prop.name

    def _about(self, owner: str) -> Iterator[tuple[str, tuple[Event, ...]]]:
        """The shipped traces in which a function is called; all of them for a move; the shortest first."""
        calls = {fid for fid, (call, _) in SPECIFICATION.call_of.items() if call.name == owner}
        for name, events in sorted(self.shipped.items(), key=lambda item: (len(item[1]), item[0])):
            called = {event.fn for event in events if isinstance(event, CallEvent)}
            # in 0.1 a device tree may give any id to a function
            if not calls or calls & called or not called <= SPECIFICATION.call_of.keys():
                yield name, events

    def _by_generated(self, mutant: Mutant, specification: Specification) -> MutantNoticed:
        found = self.runs.told_apart(mutant.owner, specification, self.judge)

        def noticed(by: str, reason: str = "") -> MutantNoticed:
            length = f"{len(found.trace)} events" if found.trace else ""
            return MutantNoticed(
                mutant.name, mutant.operator, by, trace=length, reason=reason, events=found.trace or ()
            )

        if found.trace is not None:
            return noticed(DISTINGUISHABLE)
        if found.differs:
            return noticed(SURVIVES, "It makes a difference, but nothing that is seen after that shows it.")
        if not can_differ(mutant.owner, specification, every_lemma=True):
            return noticed(EQUIVALENT, BY_LEMMAS)
        if not found.decided:
            return noticed(UNDECIDED, "the search from boot reached its limit")
        return noticed(SURVIVES, f"No run of {DEPTH} steps from boot reaches a state in which it makes a difference.")


def can_differ(
    owner: str, other: Specification, specification: Specification = SPECIFICATION, every_lemma: bool = False
) -> bool:
    """Whether two sets of rules treat a call or move differently in some state of three cores.

    Args:
        owner: the call or move.
        other: the changed rules.
        specification: the rules.
        every_lemma: look only at states that all proved properties of states allow, with what they are given and the
            default readings; otherwise at those that STATES allows, under every reading.

    Raises:
        Undecided: the solver gave up.
    """
    domain = Bounded(SHAPE_CORES, SHAPE, specification=specification)
    named = owner_named(specification, owner)
    scope = scope_of(domain, named, fields_of(domain, "s"))
    solver = z3.Solver(ctx=domain.context)
    solver.set("rlimit", RLIMIT)
    solver.add(difference(domain, named, scope, specification, other), call_limits(domain, "a", named))
    solver.add(*(scope.term(invariant.term()) for invariant in REACHABLE))
    if every_lemma:
        solver.add(*_lemmas(scope, named))
    solver.add(*(domain.within(scope.state[field.name], field) for field in FIELDS))
    solver.add(*(formula for _, formula in (*who_moves(named, scope), *domain.facts())))
    if isinstance(named, Call) and named.name != UNKNOWN.name:
        # in 0.1 only what is there has an id by which it can be called
        there = scope.term(named.is_present(MACHINE))
        solver.add(z3.Implies(domain.is_version(V0_1), there))
    answer = solver.check()
    if answer == z3.unknown:
        raise Undecided(f"{owner}: {solver.reason_unknown()}")
    return bool(answer == z3.sat)


def _lemmas(scope: Scope, owner: Call | Move) -> Iterator[Expression]:
    """What is proved of all states, and what that rests on."""
    yield from (formula for _, formula in default_readings(scope))
    for prop in PROPERTIES:
        if prop.kind is ClaimKind.INVARIANT and prop.history is NO_HISTORY:
            yield scope.term(prop.of_state())
            step = Step(owner, Completion.WAITS if isinstance(owner, Call) else None)
            yield from (scope.term(given) for _, given in prop.assumed(step))


SHAPE_CORES = len(SHAPE.homes)
BY_STATES = "Three cores, any state that STATES allows: the same outcomes and the same states after them."
BY_LEMMAS = (
    "Three cores, default readings, any state that the proved properties of states allow: the same outcomes and states."
)


def _inconsistent(mutant: Mutant, specification: Specification) -> bool:
    """The changed rule can never apply, or leaves a call without an answer."""
    if mutant.new is not None and mutant.new.guard is FALSE:
        return True
    return next(gaps(Rules(owner_named(specification, mutant.owner), specification, None)), None) is not None


def fails(prop: Property, mutant: Mutant, rules: Translations) -> bool:
    """Whether the induction for a property fails, for three cores, in a step that a change may affect.

    Three cores are enough to be noticed by, and a solver finds their counterexamples sooner than those of any number.
    """
    alone = _affects_only_itself(mutant)
    if alone and mutant.new is None:
        return False  # what is no longer possible breaks no property of what happens
    rule, owner = (mutant.old.name, None) if alone else (None, mutant.owner)
    return any(
        solve(obligation.query, QUICK, minimise=False).verdict is SolverVerdict.REFUTED
        for obligation in obligations(prop, rules, only_rule=rule, only_owner=owner)
        if obligation is not None
    )


def totality_fails(prop: Property, mutant: Mutant, rules: Translations) -> bool:
    """Whether the changed call has no answer somewhere, with three cores."""
    return any(
        solve(obligation.query, QUICK, minimise=False).verdict is SolverVerdict.REFUTED
        for obligation in totality.obligations(prop, rules, only_owner=mutant.owner)
    )


def response_fails(prop: Response, mutant: Mutant, rules: Translations) -> bool:
    """Whether the ranking of a response fails, for three cores, in what is about a changed call or move."""
    return any(
        solve(duty.query, QUICK, minimise=False).verdict
        is (SolverVerdict.PROVED if duty.occurs else SolverVerdict.REFUTED)
        for duty in duties(prop, rules, only_owner=mutant.owner)
        if duty is not None
    )


def refinement_fails(prop: Property, mutant: Mutant, rules: Translations) -> bool:
    """Whether a refinement fails in what is about a changed call or move."""
    ask = partial(solve, rlimit=QUICK, minimise=False)
    return refinement.prove(prop, rules, only_owner=mutant.owner, ask=ask).verdict is SolverVerdict.REFUTED


def _affects_only_itself(mutant: Mutant) -> bool:
    """Whether no other rule is allowed in more, or in fewer, states after the change."""
    old, new = mutant.old, mutant.new
    if mutant.also:
        return False
    if old.modality not in OBLIGING:
        return new is None or new.modality not in OBLIGING
    return new is not None and new.modality is old.modality and new.guard is old.guard and new.since == old.since


__all__ = [
    "CONSISTENCY", "DISTINGUISHABLE", "EQUIVALENT", "KILLERS", "PROPERTY", "SHIPPED", "SURVIVES", "UNDECIDED",
    "MutantNoticed", "Watchers", "can_differ", "fails",
]  # fmt: skip
