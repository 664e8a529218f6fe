"""Configurations: one explanation each of what has been seen so far."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

from psci.model.language.rules import Completion, Rule
from psci.model.language.terms import Value
from psci.model.machine import Key, answers
from psci.model.step import Invocation, Outcome, accepts
from psci.oracle.checker.worlds import World


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

    def together(self, other: Mapping[Key, Value]) -> Assumptions | None:
        """These and the others, or None where they contradict each other."""
        if other is self or not other:
            return self
        if any(self.get(key, value) != value for key, value in other.items()):
            return None
        if all(key in self for key in other):
            return self
        return Assumptions({**self, **other})


NONE = Assumptions()


class UnchangingAnswer(NamedTuple):
    """An answer that changes nothing, which a call could have got at some moment since it was made."""

    rule: Rule
    value: int | None
    needs: Assumptions
    """Under which the rule applies."""


class Pending(NamedTuple):
    """A call between its invocation and its completion."""

    call: Invocation
    wide: bool
    early: frozenset[UnchangingAnswer] = frozenset()
    """The answers that it could have got already, and perhaps no longer can."""
    outcome: Outcome | None = None
    """None until the call has changed something; then what it comes to, whose `state` is dropped (None)."""

    def explains(self, x0: int, activity: str) -> bool:
        """Whether the call, which has changed something, can now return x0."""
        if self.outcome is None or (self.outcome.completion is Completion.WAITS and activity != "RUNNING"):
            return False
        return accepts(self.outcome, x0, self.wide)


CallsUnderWay: TypeAlias = tuple[tuple[int, Pending], ...]
"""The calls under way, in the order of their cores."""


class Configuration(NamedTuple):
    """One explanation: a state, what each core's call has come to, and what is assumed of the implementation."""

    world: World
    calls: CallsUnderWay = ()
    assumptions: Assumptions = NONE
    claimed: bool = True
    """False in the line of explanations that does not believe an answer that deviated."""

    @property
    def state(self) -> Any:
        """The state of the caller-visible system."""
        return self.world.state

    def call_of(self, core: int) -> Pending | None:
        """The call of a core that is under way."""
        for caller, pending in self.calls:
            if caller == core:
                return pending
        return None

    def having(self, world: World, core: int, pending: Pending | None) -> Configuration:
        """The configuration in another state, with another pending call of one core."""
        return Configuration(world, replaced(self.calls, core, pending), self.assumptions, self.claimed)

    def with_pending(self, core: int, pending: Pending | None) -> Configuration:
        """The configuration with another pending call of one core."""
        return self.having(self.world, core, pending)

    def in_world(self, world: World) -> Configuration:
        """The configuration in another state."""
        return Configuration(world, self.calls, self.assumptions, self.claimed)

    def without_calls(self, world: World) -> Configuration:
        """The configuration in another state in which no call is under way."""
        return Configuration(world, (), self.assumptions, self.claimed)

    def doubting(self) -> Configuration:
        """The configuration in the line of explanations that does not believe the last answer."""
        return self._replace(claimed=False)

    def assuming(self, assumptions: Assumptions) -> Configuration:
        """The configuration under other assumptions."""
        return Configuration(self.world, self.calls, assumptions, self.claimed)


def replaced(calls: CallsUnderWay, core: int, pending: Pending | None) -> CallsUnderWay:
    """The calls under way with another call of one core, or none."""
    rest = [item for item in calls if item[0] != core]
    if pending is not None:
        rest.append((core, pending))
        if len(rest) > 1:
            rest.sort(key=_core)
    return tuple(rest)


def _core(item: tuple[int, Pending]) -> int:
    return item[0]


def running(state: Any, core: int) -> Any:
    """The state in which a core runs caller code all the same."""
    power = state.power
    return acting(state._replace(power=(*power[:core], "ON", *power[core + 1 :])), core)


def acting(state: Any, core: int) -> Any:
    """The state in which a core runs caller code although it is off, or suspended, for everybody else."""
    activity = state.activity
    return state._replace(activity=(*activity[:core], "RUNNING", *activity[core + 1 :]))


def woken(state: Any, core: int) -> Any:
    """The state in which a wakeup event is pending for a core."""
    return state._replace(wake=(*state.wake[:core], True, *state.wake[core + 1 :]))


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


def most_woken(found: set[Configuration]) -> set[Configuration]:
    """The explanations without those that differ from another only in that fewer wakeup events are pending."""
    if len(found) < 2:
        return found
    groups: dict[Any, list[Configuration]] = {}
    for c in found:
        groups.setdefault((c.state._replace(wake=()), c.calls, c.assumptions, c.claimed), []).append(c)
    return {
        c
        for group in groups.values()
        for c in group
        if not any(other is not c and _more_woken(other.state.wake, c.state.wake) for other in group)
    }


def _more_woken(one: tuple[bool, ...], other: tuple[bool, ...]) -> bool:
    return all(mine or not its for mine, its in zip(one, other, strict=True))


def widest(found: set[Configuration]) -> set[Configuration]:
    """The explanations without those that differ from another only in that fewer answers are open."""
    if len(found) < 2:
        return found
    groups: dict[Any, list[Configuration]] = {}
    for c in found:
        plain = tuple((core, p.call, p.outcome) for core, p in c.calls)
        groups.setdefault((c.world, plain, c.assumptions, c.claimed), []).append(c)
    kept = set()
    for group in groups.values():
        for c in group:
            if not any(other is not c and _covers(other, c) for other in group):
                kept.add(c)
    return kept


def _covers(one: Configuration, other: Configuration) -> bool:
    return all(mine.early >= its.early for (_, mine), (_, its) in zip(one.calls, other.calls, strict=True))
