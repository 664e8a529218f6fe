"""Two sets of rules told apart by what is seen: the shortest run of one that the other cannot explain.

One side makes calls and moves; of the other side all states are kept that explain what was seen so far, with the moves
that nobody sees. An answer, an entry or a boot that none of them allows tells the two apart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from psci.explorer.search import Step
from psci.explorer.system import MoveAction, Product, State, Transition
from psci.explorer.trace import results_of
from psci.model.environment import BOOT, ENTER, GO_DOWN, REEVALUATE, START, STOP, WAKEUP
from psci.model.language.rules import Completion
from psci.model.step import Invocation

SEEN_MOVES = frozenset({ENTER.name, GO_DOWN.name, BOOT.name})
"""Moves that a trace shows."""
UNSEEN_MOVES = (START.name, WAKEUP.name, STOP.name, REEVALUATE.name)
UNLIKELY = tuple((1 << 64) - number for number in range(20, 60))
"""Answers that hardly any rule gives."""
NODES = 400
"""How many states with their explanations are looked at, for each side."""
EXPLANATIONS = 64
"""How many states of the other side are kept at most; where there are more, a run is not followed."""

Action = Invocation | MoveAction


@dataclass(frozen=True)
class Separation:
    """A run of one side that ends with something that the other cannot do."""

    product: Product
    """The side that runs."""
    steps: tuple[Step, ...]


class Node(NamedTuple):
    """Where the side that runs is, and what explains it on the other side."""

    state: State
    explanations: frozenset[State]
    way: tuple[Step, ...]


def separations(
    first: Product, second: Product, state: State, begin: Action, depth: int = 4
) -> Iterator[Separation]:
    """Runs that tell two sets of rules apart, of either side, the shortest of each first.

    Args:
        first: one set of rules on a machine.
        second: the other set on the same machine.
        state: where both start.
        begin: the first call or move.
        depth: how many calls and moves a run has at most.
    """
    yield from _unpromised(first, second, state, begin)
    for runs, explains in ((first, second), (second, first)):
        yield from _unexplained(runs, explains, state, begin, depth)


def _unexplained(runs: Product, explains: Product, state: State, begin: Action, depth: int) -> Iterator[Separation]:
    start = Node(state, frozenset({state}), ())
    waiting = deque([start])
    known = {start[:2]}
    looked_at = 0
    while waiting and looked_at < NODES:
        node = waiting.popleft()
        looked_at += 1
        around = _closure(explains, node.explanations)
        if len(around) > EXPLANATIONS:
            continue
        for action in (begin,) if not node.way else _actions(runs, node.state):
            answers: dict[Any, frozenset[State]] = {}
            for step in _steps(runs, node.state, action):
                seen = _seen(step)
                if seen not in answers:
                    answers[seen] = _explaining(explains, around, action, seen)
                if not answers[seen]:
                    yield Separation(runs, (*node.way, step))
                    continue
                after = Node(step.after, answers[seen], (*node.way, step))
                if len(after.way) < depth and after[:2] not in known:
                    known.add(after[:2])
                    waiting.append(after)


def _actions(product: Product, state: State) -> Iterator[Action]:
    """What can be done next; moves first, since they lead somewhere."""
    yield from dict.fromkeys(transition.action for transition in product.moves(state))
    for core in product.callers(state):
        yield from product.invocations[core]


def _steps(product: Product, state: State, action: Action) -> Iterator[Step]:
    """What comes of an action; where a rule leaves a choice of values, one step for each that is tried."""
    for transition in _transitions(product, state, action):
        for value in results_of(product, transition):
            yield Step(state, transition._replace(value=value))


def _transitions(product: Product, state: State, action: Action) -> Iterator[Transition]:
    if isinstance(action, MoveAction):
        for rule, target in product.stepper.move(action.name, state, action.place, action.parameters):
            yield Transition(action, rule, None, None, target)
    elif state.activity[action.caller] == "RUNNING":
        for outcome in product.stepper.allowed(state, action).outcomes:
            yield Transition(action, *outcome)


def _seen(step: Step) -> Any:
    """What is seen of a step: an answer, an entry, a boot; None where nothing is."""
    before, transition = step
    action = transition.action
    if isinstance(action, Invocation):
        return transition.value if transition.completion is Completion.RETURNS else None
    returns = action.name == WAKEUP.name and before.activity[action.place] != "POWERDOWN"
    return (action.name, *action.parameters) if action.name in SEEN_MOVES or returns else None


def _explaining(product: Product, around: frozenset[State], action: Action, seen: Any) -> frozenset[State]:
    """The states that explain one more thing that was seen, or that was done unseen."""
    found = {
        step.after for state in around for step in _steps(product, state, action) if _seen(step) == seen
    }
    if seen is None:
        # a call that was made may not be decided yet, and a move that nobody sees need not have happened
        found |= around
    return frozenset(found)


def _closure(product: Product, states: frozenset[State]) -> frozenset[State]:
    """The states, with every move that nobody sees."""
    found = set(states)
    waiting = list(states)
    places = range(max(len(product.machine.cores), len(product.machine.tree.names)))
    while waiting and len(found) <= EXPLANATIONS:
        state = waiting.pop()
        for name in UNSEEN_MOVES:
            most = len(product.machine.tree.names) if name == REEVALUATE.name else len(product.machine.cores)
            for place in places[:most]:
                if name == WAKEUP.name and state.activity[place] != "POWERDOWN":
                    continue
                for _, target in product.stepper.move(name, state, place, ()):
                    if target not in found:
                        found.add(target)
                        waiting.append(target)
    return frozenset(found)


def _unpromised(first: Product, second: Product, state: State, action: Action) -> Iterator[Separation]:
    """An answer that no rule gives, where a broken duty of the caller excuses it on one side only."""
    if isinstance(action, MoveAction) or state.activity[action.caller] != "RUNNING":
        return
    one, other = (product.stepper.allowed(state, action) for product in (first, second))
    if {rule.name for rule in one.broken} != {rule.name for rule in other.broken}:
        given = {outcome.value for outcome in (*one.outcomes, *other.outcomes)}
        answer = next(word for word in UNLIKELY if word not in given)
        transition = Transition(action, (*one.broken, *other.broken)[0], Completion.RETURNS, answer, state)
        yield Separation(first, (Step(state, transition),))


__all__ = ["Separation", "separations"]
