"""A property watched while the states are explored: its history variables run along, its violation is a goal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

from psci.explorer.abstraction.cone import cone
from psci.explorer.engines.question import ReachabilityQuestion
from psci.explorer.goals.goal import Goal, goal, inside
from psci.explorer.lowering.lower import Watching
from psci.explorer.runs.events import results_of
from psci.explorer.search import SearchStep
from psci.explorer.system import MoveAction, Product, State, Transition
from psci.model.calls import UNKNOWN
from psci.model.declare import Call, Move
from psci.model.environment import BOOT
from psci.model.language.effects import Effect
from psci.model.language.python import Compiler, define, in_tree, put, ranks
from psci.model.language.rules import CallTerms, Rule
from psci.model.language.terms import Function, Term, fields_read, negation
from psci.model.machine import Machine
from psci.model.step import blank_field
from psci.model.symbols.machine import LOCAL_STATE
from psci.model.symbols.state import FIELD_BY_NAME
from psci.properties import PROPERTIES
from psci.properties.language import ClaimKind, Property, step_of

_KINDS = (ClaimKind.STEP, ClaimKind.INVARIANT, ClaimKind.WITNESS)
SEARCHED: Mapping[str, Property] = {claim.name: claim for claim in PROPERTIES if claim.kind in _KINDS}
"""The properties that a shortest run can break, or show, by name."""


class Watched(NamedTuple):
    """A state, and what the property remembers of how it came about."""

    system: State
    history: tuple[Any, ...]
    broken: bool
    """The step that led here breaks the property (or, for a property that something is possible, shows it)."""


CompiledTerm = Callable[..., Any]
_PARAMETERS = "s, t, h, g, caller, wide, x1, x2, x3, caller_isa, caller_world, core, result"


@dataclass(frozen=True)
class WatchedSystem:
    """All cores of a machine, every call and move, and one property."""

    product: Product
    claim: Property

    @property
    def machine(self) -> Machine:
        """The machine whose states these are."""
        return self.product.machine

    @property
    def goal(self) -> Goal:
        """The violation of the property; for a property that something is possible, the step that shows it."""
        return Goal(self.claim.name, self.claim.sentence, of_state=lambda state: bool(state.broken))

    def initial(self) -> Watched:
        """The state after a cold boot, which the history variables follow too."""
        blank = tuple(blank_field(field, self.machine) for field in self.claim.history.fields)
        state = self.product.initial()
        before = self._compile_history(self.claim.history.start(), CallTerms(()), ())
        unknown = (None,) * 7
        history = before(None, None, blank, None, *unknown, self.machine.boot, None)
        boot = self.product.specification.of(BOOT.name, self.machine.version)[0]
        follow, _ = self._reader(BOOT.name, boot)
        history = follow(state, state, history, None, *unknown, self.machine.boot, None)
        return self._judged(Watched(state, history, False))

    def successors(self, state: Watched) -> Iterator[Transition]:
        """Every transition, with the history variables after it."""
        for transition in self.product.successors(state.system):
            for result in results_of(self.product, transition):
                yield transition._replace(target=self._after(state, transition, result))

    def expand(self, state: Watched) -> tuple[int, list[Watched]]:
        """The number of transitions from a state, and where they lead."""
        targets = [transition.target for transition in self.successors(state)]
        return len(targets), targets

    def _after(self, state: Watched, transition: Transition, result: int | None) -> Watched:
        action, target = transition.action, transition.target
        if isinstance(action, MoveAction):
            owner = action.name
            symbols: tuple[Any, ...] = (None,) * 7 + (action.place, None, *action.parameters)
        else:
            call, wide = self.product.stepper.function(action.fn)
            owner = (call or UNKNOWN).name
            caller, _, x1, x2, x3, isa, world = action
            symbols = (caller, wide, x1, x2, x3, isa, world, caller, result)
        follow, holds = self._reader(owner, transition.rule)
        history = follow(state.system, target, state.history, None, *symbols)
        claim = holds(state.system, target, state.history, history, *symbols)
        shows = self.claim.kind is ClaimKind.WITNESS
        return self._judged(Watched(target, history, bool(claim) is shows))

    def _judged(self, state: Watched) -> Watched:
        if self.claim.kind is ClaimKind.INVARIANT and not self._invariant(state.system, state.history):
            return state._replace(broken=True)
        return state

    # ---- writing Python

    @cached_property
    def _readers(self) -> dict[tuple[str, Rule], tuple[CompiledTerm, CompiledTerm]]:
        return {}

    @cached_property
    def _invariant(self) -> CompiledTerm:
        return self._define("s, h", [], self._compiler.expression(self.claim.of_state()))

    def _reader(self, owner: str, rule: Rule) -> tuple[CompiledTerm, CompiledTerm]:
        """How the history follows a step by this rule, and whether the claim holds of it."""
        key = owner, rule
        if key not in self._readers:
            function = self._owner(owner)
            step = step_of(function, rule)
            terms = function.terms if isinstance(function, Call) else CallTerms(())
            more = () if isinstance(function, Call) else function.parameters
            follow = self._compile_history(self.claim.history.effect(step), terms, more)
            holds = self._expression(self.claim.of_step(step), terms, more)
            self._readers[key] = follow, holds
        return self._readers[key]

    def _owner(self, name: str) -> Call | Move:
        specification = self.product.specification
        owners: tuple[Call | Move, ...] = (*specification.calls, *specification.moves, UNKNOWN)
        return next(owner for owner in owners if owner.name == name)

    @cached_property
    def _compiler(self) -> Compiler:
        machine = self.machine
        return Compiler(self._apply, len(machine.cores), len(machine.tree.names))

    def _apply(self, function: Function, _terms: tuple[Term, ...], sources: tuple[str, ...]) -> str:
        match function.kind:
            case "state":
                return self._field(function, sources)
            case "call":
                return function.name
            case "tree":
                return in_tree(function, sources)
        return f"declared({function.name!r}, ({' '.join(source + ',' for source in sources)}))"

    def _field(self, function: Function, sources: tuple[str, ...]) -> str:
        name, prime = function.name.removesuffix("'"), function.name.endswith("'")
        place = f"[{self._compiler.place(function, sources)}]" if sources else ""
        if name in FIELD_BY_NAME:
            return f"{'t' if prime else 's'}.{name}{place}"
        index = [field.name for field in self.claim.history.fields].index(name)
        return f"{'g' if prime else 'h'}[{index}]{place}"

    def _compile_history(self, effect: Effect, terms: CallTerms, more: Sequence[Function]) -> CompiledTerm:
        values = []
        for i, field in enumerate(self.claim.history.fields):
            update = effect.update(field)
            values.append(f"h[{i}]" if update is None else self._compiler.updated(update, f"h[{i}]"))
        parameters = ", ".join([_PARAMETERS, *(symbol.name for symbol in more)])
        return self._define(parameters, self._compiler.abbreviations(terms), f"({' '.join(v + ',' for v in values)})")

    def _expression(self, term: Term, terms: CallTerms, more: Sequence[Function]) -> CompiledTerm:
        parameters = ", ".join([_PARAMETERS, *(symbol.name for symbol in more)])
        return self._define(parameters, self._compiler.abbreviations(terms), self._compiler.expression(term))

    def _define(self, parameters: str, lines: list[str], result: str) -> CompiledTerm:
        symbols = {"put": put, "rank": ranks(LOCAL_STATE), "declared": self.machine.value, "tree": self.machine.tree}
        return define("read", parameters, [*lines, f"    return {result}"], symbols)


def watched(product: Product, claim: Property) -> WatchedSystem:
    """A property on the part of the rules that can influence it.

    Calls that the property names are kept in any case; of the others, those that change nothing it reads are left out.
    """
    specification = product.specification
    owners: tuple[Call | Move, ...] = (*specification.calls, *specification.moves)
    named = frozenset(claim.about)
    read = fields_read(claim.of_state())
    for owner in owners:
        for rule in specification.of(owner.name, product.machine.version):
            read |= fields_read(claim.of_step(step_of(owner, rule)))
    interest = {name.removesuffix("'") for name in read} & FIELD_BY_NAME.keys()
    inside = cone(specification, product.machine, interest, product.without, keep=named).specification
    return WatchedSystem(replace(product, specification=inside), claim)


def unwatched(steps: Sequence[SearchStep]) -> list[SearchStep]:
    """The same way without what the property remembers."""
    return [
        SearchStep(step.before.system, step.transition._replace(target=step.transition.target.system)) for step in steps
    ]


@dataclass(frozen=True)
class PropertyWatching(Watching):
    """A property as what is kept beside the state of a lowered model, and judged of every step."""

    watch: WatchedSystem

    @property
    def fields(self) -> tuple[Function, ...]:  # type: ignore[override]  # a property of the property
        """The history variables."""
        return self.watch.claim.history.fields

    def initial(self) -> dict[str, Any]:
        """Their values after boot."""
        return dict(zip((field.name for field in self.fields), self.watch.initial().history, strict=True))

    def effect(self, owner: Call | Move, rule: Rule) -> Effect | None:
        """How they follow a step."""
        return self.watch.claim.history.effect(step_of(owner, rule))

    def broken(self, owner: Call | Move, rule: Rule) -> Term | None:
        """The steps that break the property, or show that something is possible."""
        claim = self.watch.claim
        if claim.kind is ClaimKind.INVARIANT:
            return None
        said = claim.of_step(step_of(owner, rule))
        return said if claim.kind is ClaimKind.WITNESS else negation(said)


def asked(product: Product, until: str | None, about: str) -> ReachabilityQuestion:
    """Whether a goal is reached, or a property broken or shown, in the part of a system that the question is about.

    Args:
        product: the whole system.
        until: a property of `SEARCHED`, or a goal (`psci.explorer.goals.goal`); None asks for all states.
        about: a part of the state, where no property is asked for (`psci.explorer.goals.goal.inside`).

    Raises:
        InputError: there is no such property or goal; the message lists near names.
    """
    claim = SEARCHED.get(until or "")
    if claim is not None:
        return question_of(watched(product, claim))
    target = goal(until, product, SEARCHED) if until else None
    return ReachabilityQuestion(inside(product, about, target), target)


def question_of(watch: WatchedSystem) -> ReachabilityQuestion:
    """Whether a property can be broken, or a possibility shown, for an engine over the lowered model."""
    claim = watch.claim
    term = negation(claim.of_state()) if claim.kind is ClaimKind.INVARIANT else None
    goal = Goal(claim.name, claim.sentence, of_state=watch.goal.of_state, term=term)
    return ReachabilityQuestion(watch.product, goal, watching=PropertyWatching(watch), searched=watch)
