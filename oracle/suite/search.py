"""What one tester can bring about, step by step, and the first way to everything that is to be covered.

The tester makes one call at a time. A state is kept only where two of its facts
are seen together for the first time (iterated width, with width 2): so the states stay few, and everything that
rests on two facts is still reached, by a short way.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from psci.explorer.search import SearchStep
from psci.explorer.system import Product, State, Transition
from psci.model.language.rules import Completion, Rule
from psci.model.language.terms import fields_read
from psci.model.machine import Machine
from psci.model.step import Invocation
from psci.model.symbols.state import FIELDS
from psci.model.tables.codes import code_of

SETTLES = ("START", "WAKEUP", "REEVALUATE", "STOP")
"""Silent moves, which happen by themselves."""
ACTS = ("SIGNAL", "ENTER", "GO_DOWN", "BOOT")
"""Moves that the tester makes or waits for."""
ASLEEP = ("STANDBY", "RETENTION", "POWERDOWN")
"""Who sleeps can be woken by the outside where no core is left to do it."""
LEFT_OUT = frozenset({"LOSE_POWER", "LOOK", "HOST_START", "HOST_STOP"})
_STORED = frozenset({"entry", "context"})
_MOST_STATES = 3000


def goals_of(product: Product, step: SearchStep) -> Iterator[str]:
    """What one step covers: its rule, its return code, the transitions of cores and of the system."""
    before, transition = step
    after, rule = transition.target, transition.rule
    if isinstance(transition.action, Invocation):
        yield f"rule {rule.name}"
        yield from answer_goals(rule.name, transition.completion, transition.value)
    for core in range(len(product.machine.cores)):
        old, new = (f"{s.power[core]}/{s.activity[core]}" for s in (before, after))
        if old != new:
            yield f"core {old} -> {new}"
    if before.system != after.system:
        yield f"system {before.system} -> {after.system}"


def answer_goals(rule: str, completion: Completion | None, value: int | None) -> Iterator[str]:
    """The goal of an answer with a code of DEN0022."""
    code = code_of(value, 64) if completion is Completion.RETURNS and value is not None else None
    if code is not None and (value or 0) >> 63:
        yield f"code {rule.partition('.')[0]} {code.name}"


@dataclass(slots=True)
class Searched:
    """What was found: for each goal, the first way to it."""

    product: Product
    ways: dict[str, tuple[SearchStep, ...]] = field(default_factory=dict)
    states: int = 0


def search(product: Product) -> Searched:
    """Look for a way to each goal, breadth first."""
    found = Searched(product)
    start = product.initial()
    ways: dict[State, tuple[SearchStep, ...]] = {start: ()}
    known: set[Any] = set()
    _novel(start, known)
    queue = deque([start])
    while queue and len(ways) < _MOST_STATES:
        state = queue.popleft()
        for transition in acts(product, state):
            steps = (SearchStep(state, transition), *settle(product, transition.target))
            for number, step in enumerate(steps, start=1):
                for goal in goals_of(product, step):
                    found.ways.setdefault(goal, (*ways[state], *steps[:number]))
            # the next call may come at once, or when the machine is at rest
            for count in sorted({1, len(steps)}):
                after = steps[count - 1].after
                if after not in ways and _novel(after, known):
                    ways[after] = (*ways[state], *steps[:count])
                    queue.append(after)
    found.states = len(ways)
    return found


def acts(product: Product, state: State) -> Iterator[Transition]:
    """What the tester can do next, or wait for; once the system goes down, only that."""
    running = product.callers(state)
    if state.system == "RUNNING":
        for core in running:
            for invocation in product.invocations[core]:
                for outcome in product.stepper.allowed(state, invocation).outcomes:
                    yield Transition(invocation, *outcome)
    for transition in product.moves(state):
        name, place = transition.action.name, transition.action.place
        if name not in ACTS:
            continue
        if name == "SIGNAL" and not (
            state.system in ("RUNNING", "SUSPENDED") and transition.action.parameters[0] and not state.wake[place]
            and state.power[place] == "ON" and (running or state.activity[place] in ASLEEP)
        ):  # fmt: skip
            continue
        if name == "GO_DOWN" and transition.action.parameters[0] not in state.asked:
            continue
        yield transition


def settle(product: Product, state: State) -> tuple[SearchStep, ...]:
    """The silent moves after which nothing happens by itself any more."""
    steps: list[SearchStep] = []
    seen = {state}
    while True:
        step = next(
            (t for t in product.moves(state) if t.target not in seen and _by_itself(state, t)),
            None,
        )
        if step is None or state.system == "GOING":
            return tuple(steps)
        steps.append(SearchStep(state, step))
        state = step.target
        seen.add(state)


def _by_itself(state: State, transition: Transition) -> bool:
    """Whether a move is to be expected: nobody waits for a start that fails, or for a wakeup without an event."""
    move, rule = transition.action, transition.rule
    return move.name in SETTLES and rule.name != "START.gave_up" and (move.name != "WAKEUP" or state.wake[move.place])


def _novel(state: State, known: set[Any]) -> bool:
    facts = sorted(_facts(state), key=repr)
    pairs = {(), *itertools.combinations(facts, 2)} - known
    known |= pairs
    return bool(pairs)


def _facts(state: State) -> Iterator[tuple[Any, ...]]:
    for f in FIELDS:
        value = getattr(state, f.name)
        if f.name in _STORED:
            continue
        yield from ((f.name, i, v) for i, v in enumerate(value)) if f.domain else ((f.name, value),)


def why_unreached(machine: Machine, rule: Rule) -> str:
    """Why no way leads to a rule on this machine, as far as its condition tells."""
    read = fields_read(rule.guard)
    if "mode" in read and not machine.value("osi_supported", ()):
        return "the machine has no OS-initiated mode: --os-initiated"
    if "node" in read:
        return "no power domain is inside another one: --clusters"
    if read & {"system", "asked"}:
        return "only while the system goes down, when one tester makes no call"
    return "two calls have to be in flight, or the way is longer than those that were looked at"


def runner(product: Product, state: State) -> int | None:
    """The first core that runs."""
    return next(iter(product.callers(state)), None)


__all__ = [
    "ASLEEP",
    "LEFT_OUT",
    "Searched",
    "acts",
    "answer_goals",
    "goals_of",
    "runner",
    "search",
    "settle",
    "why_unreached",
]
