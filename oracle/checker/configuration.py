"""Configurations: one explanation each of what has been seen so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from psci.model.language.rules import Completion
from psci.model.language.terms import Value
from psci.model.machine import Key, answers
from psci.model.step import Invocation, Outcome, accepts


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

    def together(self, other: Assumptions) -> Assumptions | None:
        """These and the others, or None where they contradict each other."""
        if other is self or not other:
            return self
        if any(self.get(key, value) != value for key, value in other.items()):
            return None
        return Assumptions({**self, **other})


NONE = Assumptions()


class Pending(NamedTuple):
    """A call between its invocation and its completion."""

    call: Invocation
    wide: bool
    outcome: Outcome | None = None
    """None until the call is decided; then its outcome, whose `state` is dropped (None)."""

    def explains(self, x0: int, activity: str) -> bool:
        """Whether the call can now return x0."""
        if self.outcome is None or (self.outcome.completion is Completion.WAITS and activity != "RUNNING"):
            return False
        return accepts(self.outcome, x0, self.wide)


class Configuration(NamedTuple):
    """One explanation: a state, what each core's call has come to, and what is assumed of the implementation."""

    state: Any
    pending: tuple[Pending | None, ...]
    assumptions: Assumptions = NONE
    claimed: bool = True
    """False in the line of explanations that does not believe an answer that deviated."""

    def having(self, state: Any, core: int, pending: Pending | None) -> Configuration:
        """The configuration in another state, with another pending call of one core."""
        calls = self.pending
        return Configuration(state, (*calls[:core], pending, *calls[core + 1 :]), self.assumptions, self.claimed)

    def with_pending(self, core: int, pending: Pending | None) -> Configuration:
        """The configuration with another pending call of one core."""
        return self.having(self.state, core, pending)

    def in_state(self, state: Any) -> Configuration:
        """The configuration in another state."""
        return Configuration(state, self.pending, self.assumptions, self.claimed)

    def without_calls(self, state: Any) -> Configuration:
        """The configuration in another state in which no call is under way."""
        return Configuration(state, (None,) * len(self.pending), self.assumptions, self.claimed)

    def doubting(self) -> Configuration:
        """The configuration in the line of explanations that does not believe the last answer."""
        return Configuration(self.state, self.pending, self.assumptions, claimed=False)

    def assuming(self, assumptions: Assumptions) -> Configuration:
        """The configuration under other assumptions."""
        return Configuration(self.state, self.pending, assumptions, self.claimed)


def running(state: Any, core: int) -> Any:
    """The state in which a core runs caller code all the same."""
    power, activity = state.power, state.activity
    return state._replace(
        power=(*power[:core], "ON", *power[core + 1 :]),
        activity=(*activity[:core], "RUNNING", *activity[core + 1 :]),
    )


def acting(state: Any, core: int) -> Any:
    """The state in which a core runs caller code although it is off, or suspended, for everybody else."""
    activity = state.activity
    return state._replace(activity=(*activity[:core], "RUNNING", *activity[core + 1 :]))


def stopped(state: Any, core: int) -> Any:
    """The state in which a core is off all the same."""
    power, activity = state.power, state.activity
    return state._replace(
        power=(*power[:core], "OFF", *power[core + 1 :]),
        activity=(*activity[:core], "STOPPED", *activity[core + 1 :]),
    )


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
                rest = configuration.assuming(configuration.assumptions.without(key))
                values.setdefault(rest, set()).add(configuration.assumptions[key])
                members.setdefault(rest, []).append(configuration)
        for rest, seen in values.items():
            if rest in pool or seen == set(answers(key)):
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
    return frozenset(c.assuming(left[id(c.assumptions)]) for c in configurations), agreed
