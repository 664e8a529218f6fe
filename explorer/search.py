"""Breadth-first search: all reachable states, and the shortest way to a goal."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from psci.explorer.goals.goal import Goal
from psci.explorer.system import State, Transition, TransitionSystem


class SearchStep(NamedTuple):
    """A transition and the state before it."""

    before: State
    transition: Transition

    @property
    def after(self) -> State:
        """The state after it."""
        return self.transition.target


@dataclass
class Exploration:
    """What a search found; states are numbered in the order in which they were reached."""

    system: TransitionSystem
    states: list[State] = field(default_factory=list)
    parents: array[int] = field(default_factory=lambda: array("l"))
    levels: list[int] = field(default_factory=list)
    """The number of the first state at each distance from the initial state."""
    transitions: int = 0
    seconds: float = 0.0
    complete: bool = False
    """Every reachable state was reached and expanded."""
    goal: Goal | None = None
    found: tuple[int, Transition | None] | None = None
    """The state in which the goal is reached, or the state and the transition by which it is."""

    @property
    def diameter(self) -> int:
        """The greatest distance of a reached state from the initial state."""
        return len(self.levels) - 1

    @property
    def rate(self) -> float:
        """Transitions per second."""
        return self.transitions / self.seconds if self.seconds else 0.0

    def path_to(self, state: int) -> list[SearchStep]:
        """A shortest way from the initial state to a state."""
        numbers = [state]
        while self.parents[numbers[-1]] != numbers[-1]:
            numbers.append(self.parents[numbers[-1]])
        steps = []
        for number in reversed(numbers[:-1]):
            before, after = self.states[self.parents[number]], self.states[number]
            steps.append(SearchStep(before, next(t for t in self.system.successors(before) if t.target == after)))
        return steps

    def witness(self) -> list[SearchStep] | None:
        """The shortest way to the goal, or None where it was not reached."""
        if self.found is None:
            return None
        state, last = self.found
        return self.path_to(state) + ([] if last is None else [SearchStep(self.states[state], last)])


def explore(
    system: TransitionSystem,
    until: Goal | None = None,
    *,
    limit: int | None = None,
    progress: Callable[[Exploration], None] | None = None,
) -> Exploration:
    """Search breadth first, until the goal is reached or everything is.

    Args:
        system: what is searched.
        until: where to stop; None explores everything.
        limit: stop after that many states, with what there is (`complete` is then False).
        progress: called after each level.
    """
    begun = time.perf_counter()
    done = Exploration(system, goal=until)
    for _ in _levels(done, system, until, limit):
        done.seconds = time.perf_counter() - begun
        if progress is not None:
            progress(done)
    done.seconds = time.perf_counter() - begun
    return done


def _levels(done: Exploration, system: TransitionSystem, until: Goal | None, limit: int | None) -> Iterator[None]:
    """Search level by level; fills `done`."""
    shared: dict[Any, Any] = {}
    # equal rows of different states are kept once
    state = _interned(system.initial(), shared)
    numbers = {state: 0}
    done.states.append(state)
    done.parents.append(0)
    done.levels.append(0)
    if until is not None and until.of_state is not None and until.of_state(state):
        done.found = 0, None
        return
    first = 0
    while first < len(done.states):
        last = len(done.states)
        for number in range(first, last):
            state = done.states[number]
            if until is not None and until.of_step is not None:
                targets = []
                for transition in system.successors(state):
                    done.transitions += 1
                    if until.of_step(state, transition):
                        done.found = number, transition
                        return
                    targets.append(transition.target)
            else:
                count, targets = system.expand(state)
                done.transitions += count
            for target in targets:
                if target not in numbers:
                    numbers[target] = len(done.states)
                    done.states.append(_interned(target, shared))
                    done.parents.append(number)
                    if until is not None and until.of_state is not None and until.of_state(target):
                        if len(done.states) > last:
                            done.levels.append(last)
                        done.found = len(done.states) - 1, None
                        return
            if limit is not None and len(done.states) >= limit:
                return
        first = last
        if first < len(done.states):
            done.levels.append(first)
        yield
    done.complete = True


def _interned(state: State, shared: dict[Any, Any]) -> State:
    """The same state, made of rows that other states share."""
    if hasattr(state, "_make"):
        # by place, because (0, 0) and (False, False) are equal
        return state._make(shared.setdefault((place, row), row) for place, row in enumerate(state))
    return state
