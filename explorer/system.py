"""The transition system that is explored: which actions a state offers, and where they lead.

Calls are fused here: invoked, decided and completed in one step. `psci.explorer.overlap` has the
system in which they are not.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol, TypeAlias

from psci.explorer.abstraction.cells import Cells
from psci.explorer.abstraction.registers import PLAIN, Abstraction
from psci.model.calls import UNKNOWN
from psci.model.declare import Move
from psci.model.environment import BOOT
from psci.model.language.python import Compiler, define, in_tree, ranks
from psci.model.language.rules import Completion, Rule
from psci.model.language.sorts import BOOL, Enumeration
from psci.model.language.terms import App, Function, Op, Term, fields_read, subterms
from psci.model.machine import Machine
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Invocation, Stepper
from psci.model.symbols.machine import LOCAL_STATE

State: TypeAlias = Any
"""A `psci.model.step.State`, or what a wrapping system makes of it."""


class MoveAction(NamedTuple):
    """A move of the environment: of a core, of a power domain, or of the machine."""

    name: str
    place: int
    """The index of the core or node that moves."""
    parameters: tuple[Any, ...] = ()


Action: TypeAlias = Invocation | MoveAction


class Transition(NamedTuple):
    """One step: an action, the rule that allows its outcome, how a call ends, and the state after it."""

    action: Any
    rule: Rule
    completion: Completion | None
    """None for a move."""
    value: int | None
    """The result of a call as a 64-bit word; None where it does not return, waits, or has a choice of values."""
    target: State


class TransitionSystem(Protocol):
    """What a search needs to know."""

    @property
    def machine(self) -> Machine:
        """The machine whose states these are."""

    def initial(self) -> State:
        """The state that everything starts from."""

    def successors(self, state: State) -> Iterator[Any]:
        """Every transition from a state, in an order that never changes; each has an `action` and a `target`."""

    def expand(self, state: State) -> tuple[int, list[State]]:
        """The number of transitions from a state, and where those lead that change it."""


QUIET_MOVES = frozenset({"SIGNAL", "LOSE_POWER", "HOST_START", "HOST_STOP"})
"""Moves that are possible in every state; they are left out unless they are asked for."""


@dataclass(frozen=True)
class Product:
    """All cores of a machine, each making every call that the rules can tell apart, and the environment."""

    machine: Machine
    specification: Specification = SPECIFICATION
    abstraction: Abstraction = PLAIN
    without: frozenset[str] = QUIET_MOVES
    """The names of calls and moves that are left out."""

    @cached_property
    def stepper(self) -> Stepper:
        """The rules, compiled for the machine."""
        return Stepper(self.machine, self.specification)

    @cached_property
    def invocations(self) -> tuple[tuple[Invocation, ...], ...]:
        """What each core may call, in the order of the specification; one invocation a cell."""
        calls = [call for call in (*self.specification.calls, UNKNOWN) if call.name not in self.without]
        return tuple(
            tuple(invocation for call in calls for invocation in self.cells.of(call, core))
            for core in range(len(self.machine.cores))
        )

    @cached_property
    def cells(self) -> Cells:
        """The cells of the arguments of calls."""
        return Cells(self.machine, self.specification, self.abstraction)

    def in_reach(self, rule: Rule) -> bool:
        """Whether a rule may be used at all: False where no registers allow it, with what the machine declares."""
        calls = {call.name for call in (*self.specification.calls, UNKNOWN)}
        return bool(self.invocations) and (rule in self.cells.in_reach or rule.name.partition(".")[0] not in calls)

    def initial(self) -> State:
        """The state after a cold boot."""
        return self.stepper.initial()

    def successors(self, state: State) -> Iterator[Transition]:
        """Every call by every core that runs, then every move."""
        allowed = self.stepper.allowed
        for core in self.callers(state):
            for invocation in self.invocations[core]:
                for outcome in allowed(state, invocation).outcomes:
                    yield Transition(invocation, *outcome)
        yield from self.moves(state)

    def callers(self, state: State) -> list[int]:
        """The cores that can make a call: only one that runs can (SM-16)."""
        return [core for core, activity in enumerate(state.activity) if activity == "RUNNING"]

    def moves(self, state: State) -> Iterator[Transition]:
        """Every move of the environment."""
        for move, places, parameters in self._moves:
            for index in places:
                for values in parameters(state, index):
                    for rule, target in self.stepper.move(move.name, state, index, values):
                        yield Transition(MoveAction(move.name, index, values), rule, None, None, target)

    def expand(self, state: State) -> tuple[int, list[State]]:
        """The number of transitions from a state, and the states that those which change it lead to."""
        count = 0
        targets = []
        allowed = self.stepper.allowed
        for core in self.callers(state):
            varying, constant = self._varying[core]
            count += constant
            for invocation in varying:
                for outcome in allowed(state, invocation).outcomes:
                    count += 1
                    if outcome[3] is not state:
                        targets.append(outcome[3])
        for transition in self.moves(state):
            count += 1
            targets.append(transition.target)
        return count, targets

    @cached_property
    def _varying(self) -> tuple[tuple[list[Invocation], int], ...]:
        """For each core, its invocations whose outcomes depend on the state, and the number of outcomes of the rest."""
        state = self.initial()
        found = []
        for invocations in self.invocations:
            constant = [invocation for invocation in invocations if not self._touches_state(invocation)]
            outcomes = sum(len(self.stepper.allowed(state, invocation).outcomes) for invocation in constant)
            found.append(([invocation for invocation in invocations if invocation not in constant], outcomes))
        return tuple(found)

    def _touches_state(self, invocation: Invocation) -> bool:
        call, _ = self.stepper.function(invocation.fn)
        rules = self.specification.of(call.name if call else UNKNOWN.name, self.machine.version)
        return any(
            rule.effect.updates or fields_read(rule.guard, *(() if rule.value is None else (rule.value,)))
            for rule in rules
        )

    @cached_property
    def _moves(self) -> list[tuple[Move, Sequence[int], Callable[[State, int], Iterator[tuple[Any, ...]]]]]:
        cores, nodes = range(len(self.machine.cores)), range(len(self.machine.tree.names))
        found = []
        for move in self.specification.moves:
            if move.name in self.without:
                continue
            places: Sequence[int] = nodes if move.node is not None else cores
            if move is BOOT or (move.core is None and move.node is None):
                # any core could be the one that boots; they are alike, and it is always the primary
                places = (self.machine.boot,)
            found.append((move, places, self._parameters(move)))
        return found

    def _parameters(self, move: Move) -> Callable[[State, int], Iterator[tuple[Any, ...]]]:
        """What a witnessing event can say: every value of a finite parameter, else what the guards compare it with."""
        rules = self.specification.of(move.name, self.machine.version)
        choices = [self._candidates(parameter, rules) for parameter in move.parameters]

        def values(state: State, core: int) -> Iterator[tuple[Any, ...]]:
            return itertools.product(*(dict.fromkeys(choice(state, core)) for choice in choices))

        return values

    def _candidates(self, parameter: Function, rules: tuple[Rule, ...]) -> Callable[[State, int], list[Any]]:
        if parameter.range == BOOL:
            return lambda state, core: [True, False]
        if isinstance(parameter.range, Enumeration):
            names: list[Any] = list(parameter.range.values)
            return lambda state, core: names
        compiler = Compiler(_state_symbol(self.machine), len(self.machine.cores), len(self.machine.tree.names))
        sources = [compiler.expression(term) for rule in rules for term in compared(rule.guard, parameter)] or ["0"]
        symbols = {"machine": self.machine, "rank": ranks(LOCAL_STATE)}
        return define("values", "state, core", [f"    return [{', '.join(sources)}]"], symbols)


def _state_symbol(machine: Machine) -> Callable[[Function, tuple[Term, ...], tuple[str, ...]], str]:
    nodes, cores = len(machine.tree.names), len(machine.cores)

    def apply(function: Function, _terms: tuple[Term, ...], sources: tuple[str, ...]) -> str:
        match function.kind, function.name:
            case "state", name:
                place = Compiler(apply, cores, nodes).place(function, sources) if sources else None
                return f"state.{name}" + (f"[{place}]" if place else "")
            case "tree", _:
                return in_tree(function, sources, "machine.tree")
        return f"machine.value({function.name!r}, ({' '.join(source + ',' for source in sources)}))"

    return apply


def state_predicate(machine: Machine, term: Term) -> Callable[[State], bool]:
    """A term over the state, as a Python function of a state."""
    compiler = Compiler(_state_symbol(machine), len(machine.cores), len(machine.tree.names))
    symbols = {"machine": machine, "rank": ranks(LOCAL_STATE)}
    return define("holds", "state", [f"    return bool({compiler.expression(term)})"], symbols)


def compared(guard: Term, parameter: Function) -> Iterator[Term]:
    """The terms that a parameter of a move has to equal."""
    for sub in subterms(guard):
        if isinstance(sub, Op) and sub.name == "eq":
            for here, there in (sub.arguments, sub.arguments[::-1]):
                if _mentions(here, parameter) and not _mentions(there, parameter):
                    yield there


def _mentions(term: Term, function: Function) -> bool:
    return any(isinstance(sub, App) and sub.function is function for sub in subterms(term))
