"""Configurations: one explanation each of what has been seen so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from psci.model.language.rules import Completion, Modality
from psci.model.language.terms import Value
from psci.model.profile import Key, Undeclared, answers
from psci.model.step import Invocation, Outcome, Stepper, accepts

LIMIT_OF_LEARNED = 100_000
"""Above this many things learned about an implementation, consistency is no longer judged, and the report says so."""

PERMISSIONS = (Modality.MAY_REFUSE, Modality.MAY_SUCCEED, Modality.AMENDS)


class Assumptions(dict[Key, Value]):
    """What an explanation takes the implementation to be, where nothing declares it; never changed once made."""

    __slots__ = ("_hash",)

    def __hash__(self) -> int:  # type: ignore[override]  # immutable by convention, so that configurations can be compared
        try:
            return self._hash
        except AttributeError:
            self._hash: int = hash(frozenset(self.items()))
            return self._hash

    def having(self, key: Key, value: Value) -> Assumptions:
        """These assumptions and one more."""
        return Assumptions({**self, key: value})

    def without(self, key: Key) -> Assumptions:
        """These assumptions less one."""
        return Assumptions({k: v for k, v in self.items() if k != key})


NONE = Assumptions()


class Pending(NamedTuple):
    """A call between its invocation and its completion."""

    call: Invocation
    wide: bool
    outcome: Outcome | None = None
    """None until the call is decided; then its outcome, whose `state` is dropped (None)."""

    def explains(self, x0: int, activity: str) -> bool:
        """Whether the call can now return x0."""
        if self.outcome is None:
            return False
        if self.outcome.completion is Completion.WAITS and activity != "RUNNING":
            return False
        return accepts(self.outcome, x0, self.wide)


class Configuration(NamedTuple):
    """One explanation: a state, what each core's call has come to, and what is assumed of the implementation."""

    state: Any
    pending: tuple[Pending | None, ...]
    assumptions: Assumptions = NONE
    claimed: bool = True
    """False in the line of explanations that does not believe an answer that deviated."""

    def with_pending(self, core: int, pending: Pending | None, state: Any = None) -> Configuration:
        """The configuration with another pending call of one core, and another state if one is given."""
        calls = self.pending
        return Configuration(
            self.state if state is None else state,
            (*calls[:core], pending, *calls[core + 1 :]),
            self.assumptions,
            self.claimed,
        )


def decisions(stepper: Stepper, configuration: Configuration, core: int) -> Iterator[Configuration]:
    """Every way in which the pending call of a core can be decided, under every answer to what is undeclared."""
    pending = configuration.pending[core]
    assert pending is not None and pending.outcome is None
    try:
        allowed = stepper.allowed(configuration.state, pending.call, configuration.assumptions)
    except Undeclared as missing:
        for value in answers(missing.key):
            assumptions = configuration.assumptions.having(missing.key, value)
            yield from decisions(stepper, configuration._replace(assumptions=assumptions), core)
        return
    for outcome in allowed.outcomes:
        if outcome.completion is Completion.NEVER:
            after = None
        else:
            after = Pending(pending.call, pending.wide, outcome._replace(state=None))
        yield configuration.with_pending(core, after, outcome.state)


def closure(stepper: Stepper, configurations: Iterable[Configuration]) -> set[Configuration]:
    """The configurations, and all that silent moves and decisions of pending calls lead to."""
    reached = set(configurations)
    frontier = list(reached)
    while frontier:
        configuration = frontier.pop()
        for after in _silent(stepper, configuration):
            if after not in reached:
                reached.add(after)
                frontier.append(after)
    return reached


def _silent(stepper: Stepper, configuration: Configuration) -> Iterator[Configuration]:
    for core, pending in enumerate(configuration.pending):
        if pending is not None and pending.outcome is None and configuration.state.activity[core] == "RUNNING":
            yield from decisions(stepper, configuration, core)
    if stepper.quiet(configuration.state):
        return
    for _rule, state in stepper.silent(configuration.state):
        yield Configuration(state, configuration.pending, configuration.assumptions, configuration.claimed)


def merged(configurations: Iterable[Configuration], keys: Iterable[Key]) -> frozenset[Configuration]:
    """The same explanations without those assumptions about `keys` that make no difference."""
    pool = frozenset(configurations)
    for key in keys:
        if len(pool) < 2:
            break
        values: dict[Configuration, set[Value]] = {}
        members: dict[Configuration, list[Configuration]] = {}
        for configuration in pool:
            if key in configuration.assumptions:
                rest = configuration._replace(assumptions=configuration.assumptions.without(key))
                values.setdefault(rest, set()).add(configuration.assumptions[key])
                members.setdefault(rest, []).append(configuration)
        for rest, seen in values.items():
            if seen == set(answers(key)):
                pool = (pool - set(members[rest])) | {rest}
    return pool


def settled(configurations: frozenset[Configuration]) -> tuple[frozenset[Configuration], Mapping[Key, Value]]:
    """What all explanations agree on about the implementation, and the explanations without it."""
    first, *rest = (configuration.assumptions for configuration in configurations)
    agreed = {key: value for key, value in first.items() if all(other.get(key) == value for other in rest)}
    if not agreed:
        return configurations, agreed
    left = {}
    for assumptions in (first, *rest):
        if id(assumptions) not in left:
            left[id(assumptions)] = Assumptions({k: v for k, v in assumptions.items() if k not in agreed}) or NONE
    return frozenset(c._replace(assumptions=left[id(c.assumptions)]) for c in configurations), agreed
