"""The calls of programs in the making: what a generator offers, and what a life of a machine is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any, Literal, Protocol

from psci.model.declare import Call
from psci.model.language.rules import Completion
from psci.model.machine import Machine
from psci.model.step import Invocation, Outcome, Stepper
from psci.oracle.generating.arguments import Pool
from psci.oracle.peers.program import ArgumentValue, EntrySlot

SLOTS_BASE = 0x4000_0000
"""Where entry slots lie in the generator's own picture of the machine; an adapter has its own addresses."""
SLOT_SIZE = 4

StepRole = Literal["caller", "target", "settle", "wake"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramShape:
    """How long programs are, and how often cores act at the same time."""

    lives: tuple[int, int] = (2, 5)
    """The least and the greatest number."""
    turns: tuple[int, int] = (6, 36)
    """Of one life."""
    stay: float = 0.7
    """How likely the next call comes from the same core: a change of cores costs a peer a hundred times as much."""
    overlap: float = 0.35
    """The share of turns in which several cores act..."""
    crowded: float = 0.9
    """...and the same in a life that is about that."""
    crowd: float = 0.5
    """The share of such lives."""
    aim: float = 0.3
    """The share of turns that bring a core into a situation, and call a function about it."""
    probe: float = 0.6
    """How likely a call is followed by what would show an unlawful effect of it."""
    late: float = 0.5
    """How likely what happens without a call is not waited for."""
    system_call: float = 0.7
    """The share of lives that end with a system call."""
    look: float = 0.25
    """How likely a core asks about another one that was turned on or off."""
    alone: float = 0.3
    """The share of lives in which at some time a single core is left."""
    again: float = 0.06
    """The share of turns in which a call is made once more: what must be constant, and what is remembered, shows."""
    around: float = 0.04
    """The share of turns in which one question about a core is asked before and after calls of that core."""
    observe: float = 0.0
    """The share of turns in which a core asks the outside about another."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A call that one core may make, and what the model expects of it."""

    invocation: Invocation
    args: tuple[ArgumentValue, ...]
    expected: Outcome
    name: str
    """Of the function."""
    about: int
    """The core that an argument names, else the caller."""

    @property
    def rule(self) -> str:
        """The name of the rule that will answer."""
        return self.expected.rule.name

    @property
    def ends_life(self) -> bool:
        """Whether the machine goes down by it."""
        return self.expected.completion is Completion.NEVER and self.expected.state.system != "RUNNING"

    @property
    def stops_caller(self) -> bool:
        """Whether the caller does not come back by itself."""
        return self.expected.completion is Completion.NEVER

    @property
    def waits(self) -> bool:
        """Whether the caller sleeps until a wakeup."""
        return self.expected.completion is Completion.WAITS


@dataclass(frozen=True, slots=True)
class DraftWay:
    """One step of a core from one situation to another."""

    role: StepRole
    """Who calls: the core itself, or another one; or nobody, when time or a wakeup is all it takes."""
    call: Call | None = None
    fn: int = 0
    words: tuple[int | None, ...] = ()
    """The arguments; None: a core, an entry point or a context id, to be chosen when the call is made."""


class Owner(Protocol):
    """What a life needs of its generator."""

    machine: Machine
    stepper: Stepper
    shape: ProgramShape
    pools: Mapping[str, tuple[Pool, ...]]
    calls: tuple[Call, ...]
    active: tuple[Call, ...]
    ending: tuple[Call, ...]
    asking: tuple[Call, ...]
    sleeping: frozenset[str]
    ways: Mapping[tuple[str, str], list[DraftWay]]
    situations: list[str]
    unknown_ids: tuple[int, ...]

    def expected(self, state: Any, invocation: Invocation) -> Outcome:
        """The plainest outcome of a call in a state."""

    def draft(self, state: Any, core: int, fn: int, args: tuple[ArgumentValue, ...]) -> Draft:
        """A call, with what the model expects of it in a state."""

    def arguments_of(
        self, way: DraftWay, random: Random, target: int, entry: Callable[[], EntrySlot]
    ) -> tuple[ArgumentValue, ...]:
        """The arguments of a call that is a way, about a core."""


def address(argument: ArgumentValue) -> int:
    """The word that an argument is in the generator's own picture of the machine."""
    return SLOTS_BASE + argument.slot * SLOT_SIZE + argument.offset if isinstance(argument, EntrySlot) else argument


__all__ = ["SLOTS_BASE", "SLOT_SIZE", "Draft", "DraftWay", "Owner", "ProgramShape", "StepRole", "address"]
