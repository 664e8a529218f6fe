"""Two sets of rules told apart by what is seen: the shortest run of one that the other cannot explain.

One side makes calls and moves; of the other side all states are kept that explain what was seen so far, with the moves
that nobody sees. An answer, an entry or a boot that none of them allows tells the two apart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from psci.explorer.runs.events import results_of
from psci.explorer.search import SearchStep
from psci.explorer.system import Action, MoveAction, Product, State, Transition
from psci.model.environment import (
    BOOT,
    ENTER,
    GO_DOWN,
    HOST_START,
    HOST_STOP,
    LOSE_POWER,
    REEVALUATE,
    SIGNAL,
    START,
    STOP,
    WAKEUP,
)
from psci.model.language.rules import Completion
from psci.model.step import Invocation

SEEN_MOVES = frozenset(move.name for move in (ENTER, GO_DOWN, BOOT, SIGNAL, LOSE_POWER, HOST_START, HOST_STOP))
"""Moves that a trace shows."""
UNSEEN_MOVES = (START.name, WAKEUP.name, STOP.name, REEVALUATE.name)
UNLIKELY = tuple((1 << 64) - number for number in range(20, 60))
"""Answers that hardly any rule gives."""
NODES = 200
"""How many states with their explanations are looked at, for each side."""
EXPLANATIONS = 64
"""How many states of the other side are kept at most; where there are more, a run is not followed."""


@dataclass(frozen=True)
class Separation:
    """A run of one side that ends with something that the other cannot do."""

    product: Product
    """The side that runs."""
    steps: tuple[SearchStep, ...]


class SideBySide(NamedTuple):
    """Where the side that runs is, and what explains it on the other side."""

    state: State
    explanations: frozenset[State]
    way: tuple[SearchStep, ...]


def separations(first: Product, second: Product, state: State, begin: Action, depth: int = 4) -> Iterator[Separation]:
    """Runs that tell two sets of rules apart, of either side, the shortest of each first.

    Args:
        first: one set of rules on a machine.
        second: the other set on the same machine.
        state: where both start.
        begin: the first call or move.
        depth: how many calls and moves a run has at most.
    """
    yield from _unpromised(first, second, state, begin)
    calls = first.invocations
    one, other = RulesSide(first, calls), RulesSide(second, calls)
    for runs, explains in ((one, other), (other, one)):
        yield from _unexplained(runs, explains, state, begin, depth)


def _unexplained(runs: RulesSide, explains: RulesSide, state: State, begin: Action, depth: int) -> Iterator[Separation]:
    start = SideBySide(state, frozenset({state}), ())
    waiting = deque([start])
    known = {start[:2]}
    looked_at = 0
    while waiting and looked_at < NODES:
        node = waiting.popleft()
        looked_at += 1
        around = explains.with_unseen_moves(node.explanations)
        if len(around) > EXPLANATIONS:
            continue
        for action in (begin,) if not node.way else runs.actions(node.state):
            answers: dict[Any, frozenset[State]] = {}
            for seen, step in runs.steps(node.state, action):
                if seen not in answers:
                    answers[seen] = explains.explaining(around, action, seen)
                if not answers[seen]:
                    yield Separation(runs.product, (*node.way, step))
                    continue
                if len(node.way) + 1 < depth and (step.after, answers[seen]) not in known:
                    known.add((step.after, answers[seen]))
                    waiting.append(SideBySide(step.after, answers[seen], (*node.way, step)))


class RulesSide:
    """One set of rules; what it allows is remembered, since the same states explain much."""

    def __init__(self, product: Product, calls: Sequence[Sequence[Invocation]]) -> None:
        self.product = product
        self._calls = calls
        """What each core may call."""
        self._steps: dict[tuple[State, Action], tuple[tuple[Any, SearchStep], ...]] = {}
        self._unseen: dict[State, tuple[State, ...]] = {}

    def actions(self, state: State) -> Iterator[Action]:
        """What can be done next; moves first, since they lead somewhere."""
        for action in dict.fromkeys(transition.action for transition in self.product.moves(state)):
            yield action
            if action.name == ENTER.name:
                # an upper half of x0 that nobody gave shows how much of it is the context id
                pc, x0 = action.parameters
                yield action._replace(parameters=(pc, x0 ^ 1 << 63))
        for core in self.product.callers(state):
            yield from self._calls[core]

    def steps(self, state: State, action: Action) -> tuple[tuple[Any, SearchStep], ...]:
        """What comes of an action, and what is seen of it; of a choice of values each that is tried."""
        key = state, action
        if key not in self._steps:
            found = []
            for transition in _transitions(self.product, state, action):
                for value in results_of(self.product, transition):
                    step = SearchStep(state, transition._replace(value=value))
                    found.append((_seen(step), step))
            self._steps[key] = tuple(found)
        return self._steps[key]

    def explaining(self, around: frozenset[State], action: Action, seen: Any) -> frozenset[State]:
        """The states that explain one more thing that was seen, or that was done unseen."""
        found = {step.after for state in around for what, step in self.steps(state, action) if what == seen}
        # a call that was made may not be decided yet, and a move that nobody sees need not have happened
        return frozenset(found | around) if seen is None else frozenset(found)

    def with_unseen_moves(self, states: frozenset[State]) -> frozenset[State]:
        """The states, and those that moves which nobody sees lead to."""
        found = set(states)
        waiting = list(states)
        while waiting and len(found) <= EXPLANATIONS:
            new = set(self._after_unseen(waiting.pop())) - found
            found |= new
            waiting.extend(new)
        return frozenset(found)

    def _after_unseen(self, state: State) -> tuple[State, ...]:
        if state not in self._unseen:
            machine = self.product.machine
            sizes = {REEVALUATE.name: len(machine.tree.names)}
            self._unseen[state] = tuple(
                target
                for name in UNSEEN_MOVES
                for place in range(sizes.get(name, len(machine.cores)))
                if name != WAKEUP.name or state.activity[place] == "POWERDOWN"
                for _, target in self.product.stepper.move(name, state, place, ())
            )
        return self._unseen[state]


def _transitions(product: Product, state: State, action: Action) -> Iterator[Transition]:
    if isinstance(action, MoveAction):
        for rule, target in product.stepper.move(action.name, state, action.place, action.parameters):
            yield Transition(action, rule, None, None, target)
    elif state.activity[action.caller] == "RUNNING":
        for outcome in product.stepper.allowed(state, action).outcomes:
            yield Transition(action, *outcome)


def _seen(step: SearchStep) -> Any:
    """What is seen of a step: an answer, an entry, a boot; None where nothing is."""
    before, transition = step
    action = transition.action
    if isinstance(action, Invocation):
        return transition.value if transition.completion is Completion.RETURNS else None
    returns = action.name == WAKEUP.name and before.activity[action.place] != "POWERDOWN"
    return (action.name, *action.parameters) if action.name in SEEN_MOVES or returns else None


def _unpromised(first: Product, second: Product, state: State, action: Action) -> Iterator[Separation]:
    """An answer that no rule gives, where a broken duty of the caller excuses it on one side only."""
    if isinstance(action, MoveAction) or state.activity[action.caller] != "RUNNING":
        return
    one, other = (product.stepper.allowed(state, action) for product in (first, second))
    if {rule.name for rule in one.broken} != {rule.name for rule in other.broken}:
        given = {outcome.value for outcome in (*one.outcomes, *other.outcomes)}
        answer = next(word for word in UNLIKELY if word not in given)
        transition = Transition(action, (*one.broken, *other.broken)[0], Completion.RETURNS, answer, state)
        yield Separation(first, (SearchStep(state, transition),))


__all__ = ["Separation", "separations"]
