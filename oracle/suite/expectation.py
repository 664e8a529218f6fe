"""What may be seen next, after what was seen so far: the states that an implementation may be in by then.

A tester sees that a call did not return; it does not see whether it was decided. It does not see when a started core
arrives either, before it looks. So a step is followed by every order in which such things may happen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from psci.explorer.runs.describe import result_text
from psci.explorer.system import Product, State, Transition
from psci.model.language.rules import Completion
from psci.model.step import Invocation, Outcome, accepts
from psci.model.tables.codes import Code
from psci.oracle.suite.search import SETTLES
from psci.oracle.suite.sequences import ExpectedAnswer

HOW = {Completion.RETURNS: "returns", Completion.WAITS: "waits", Completion.NEVER: "never"}
MOST_STATES = 20_000


class Situation(NamedTuple):
    """A state, and the calls that have not returned and are perhaps not decided yet."""

    state: State
    undecided: tuple[tuple[Invocation, Completion], ...] = ()

    def runs(self, core: int) -> bool:
        """Whether a core runs caller code."""
        return self.state.activity[core] == "RUNNING" and all(call.caller != core for call, _ in self.undecided)


class CoreArrival(NamedTuple):
    """How a core was seen to run again."""

    core: int
    entry: tuple[int, int] | None
    """Where it was entered, and with which context id; None where its call returned."""


class Expectation:
    """Follows one sequence."""

    def __init__(self, product: Product) -> None:
        """Begin at a cold boot."""
        self._product = product
        self._stepper = product.stepper
        self.situations = frozenset({Situation(product.initial())})
        self._arrivals: set[CoreArrival] = set()

    def call(self, invocation: Invocation) -> list[tuple[ExpectedAnswer, Completion]]:
        """The ways in which a call may end now, each once, with all rules that allow it."""
        self.situations = frozenset(s for s in self._unfolded() if s.runs(invocation.caller))
        rules: dict[tuple[Completion, int | None], dict[str, Code | None]] = {}
        for situation in self.situations:
            for outcome in self._stepper.allowed(situation.state, invocation).outcomes:
                key = outcome.completion, outcome.value if outcome.completion is Completion.RETURNS else None
                rules.setdefault(key, {})[outcome.rule.name] = outcome.rule.code
        return [
            (
                ExpectedAnswer(
                    how=HOW[completion], value=value, text=_text(completion, value, names.values()), rules=tuple(names)
                ),
                completion,
            )
            for (completion, value), names in rules.items()
        ]

    def answered(self, invocation: Invocation, completion: Completion, value: int | None) -> None:
        """The call ended so."""
        if completion is not Completion.RETURNS:
            pending = (invocation, completion)
            self.situations = frozenset(
                Situation(s.state, (*s.undecided, pending)) for s in self.situations
                if any(o.completion is completion for o in self._stepper.allowed(s.state, invocation).outcomes)
            )  # fmt: skip
            self._arrivals = {a for a in self._arrivals if a.core != invocation.caller}
            return
        _, wide = self._stepper.function(invocation.fn)
        self.situations = frozenset(
            Situation(o.state, s.undecided)
            for s in self.situations
            for o in self._stepper.allowed(s.state, invocation).outcomes
            if o.completion is completion and (o.value == value or (value is not None and _fits(o, value, wide)))
        )

    def move(self, name: str, place: int, parameters: tuple[object, ...]) -> None:
        """A witnessed move happened."""
        self.situations = frozenset(
            Situation(state, s.undecided if name == "SIGNAL" else ())
            for s in self._unfolded()
            for _, state in self._stepper.move(name, s.state, place, parameters)
        )
        if name in ("GO_DOWN", "BOOT"):
            self._arrivals = set()

    def possible_moves(self, name: str) -> list[tuple[object, ...]]:
        """The parameters with which a witnessed move may happen now."""
        seen: dict[tuple[object, ...], None] = {}
        for situation in self._unfolded():
            for transition in self._product.moves(situation.state):
                if transition.action.name == name:
                    seen[transition.action.parameters] = None
        return list(seen)

    def arrivals(self, core: int) -> list[CoreArrival]:
        """The ways in which a core may run again; from then on it does."""
        after = self._unfolded()
        found = sorted((a for a in self._arrivals if a.core == core), key=str)
        self.situations = frozenset(s for s in after if s.runs(core))
        self._arrivals = {a for a in self._arrivals if a.core != core}
        return found

    def _unfolded(self) -> frozenset[Situation]:
        """Every situation that may have come about by what the tester does not see."""
        known, waiting = set(self.situations), list(self.situations)
        while waiting:
            for after in self._unseen(waiting.pop()):
                if after not in known:
                    known.add(after)
                    waiting.append(after)
            if len(known) > MOST_STATES:
                raise MemoryError("a sequence has more orders than can be followed")
        return frozenset(known)

    def _unseen(self, situation: Situation) -> Iterator[Situation]:
        state, undecided = situation
        for call, completion in undecided:
            left = tuple(pair for pair in undecided if pair[0] != call)
            for outcome in self._stepper.allowed(state, call).outcomes:
                if outcome.completion is completion:
                    yield Situation(outcome.state, left)
        for transition in self._product.moves(state):
            if transition.action.name in (*SETTLES, "ENTER"):
                self._arrivals |= set(arrived(state, transition))
                yield Situation(transition.target, undecided)


def arrived(state: State, transition: Transition) -> Iterator[CoreArrival]:
    """The core that a move makes run again."""
    action = transition.action
    if action.name == "ENTER":
        yield CoreArrival(action.place, action.parameters)
        return
    if action.name == "WAKEUP":
        for core, activity in enumerate(transition.target.activity):
            if activity == "RUNNING" and state.activity[core] != "RUNNING":
                yield CoreArrival(core, None)


def _fits(outcome: Outcome, value: int, wide: bool) -> bool:
    return outcome.value is None and accepts(outcome, value, wide)


def _text(completion: Completion, value: int | None, codes: Iterable[Code | None]) -> str:
    if completion is Completion.RETURNS:
        return next((code.name for code in codes if code is not None), result_text(value))
    return "waits for a wakeup" if completion is Completion.WAITS else "does not return"


__all__ = ["CoreArrival", "Expectation", "arrived"]
