"""What a suite is made of: sequences of steps, each with every answer that the rules allow at that point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from psci.model.events import MachineEvent
from psci.model.machine import Machine
from psci.oracle.peers.program import EntrySlot


@dataclass(frozen=True, slots=True)
class CoreName:
    """An argument that is the MPIDR of the core with this index."""

    index: int


SuiteArgument: TypeAlias = int | CoreName | EntrySlot


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedAnswer:
    """One way in which a call may end."""

    how: str
    """`returns`, `waits` (for a wakeup, and then returns SUCCESS or enters) or `never`."""
    value: int | None = None
    """What it returns, as a 64-bit word; None where it does not return, or where any value is allowed."""
    text: str
    """For a person: the name of the code, or the number."""
    rules: tuple[str, ...]
    """The rules that allow it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteCall:
    """A core makes a call."""

    cpu: int
    """The index of the calling core."""
    function: str
    fn: int
    wide: bool
    """The id is an SMC64 one: all 64 bits of the answer count, else the lower 32."""
    args: tuple[SuiteArgument, ...]
    answers: tuple[ExpectedAnswer, ...]
    goes_on: int
    """The place, in `answers`, of the one after which the rest of the sequence applies."""

    @property
    def path(self) -> ExpectedAnswer:
        """The answer after which the rest of the sequence applies."""
        return self.answers[self.goes_on]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteWake:
    """A wakeup event is made pending for a core."""

    cpu: int
    by: int | None
    """A core that runs, and can do it; None where all sleep: a timer that was set before, or the outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteAwait:
    """A core that was started or woken runs again: it is entered, or its call returns."""

    cpu: int
    returns: int | None
    """What its call may return; None where it may not."""
    entries: tuple[tuple[EntrySlot, int], ...]
    """Where it may be entered, and with which context id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteSystem:
    """The outside sees the whole machine go down."""

    events: tuple[str, ...]
    """What it may see, the one on the way first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteBoot:
    """The machine starts again."""

    cause: str


SuiteStep: TypeAlias = SuiteCall | SuiteWake | SuiteAwait | SuiteSystem | SuiteBoot


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteSequence:
    """Steps from a cold boot."""

    name: str
    steps: tuple[SuiteStep, ...]
    covers: frozenset[str]
    """The goals that it reaches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """Sequences that together reach every goal that can be reached."""

    machine: Machine
    event: MachineEvent
    """The machine as the first line of a trace: what the expected answers rest on."""
    sequences: tuple[SuiteSequence, ...]
    unreached: Mapping[str, str]
    """The rules that registers could bring about, but that no sequence of the search did, and why."""

    @property
    def covered(self) -> Mapping[str, tuple[str, ...]]:
        """Each goal that is reached, and the names of the sequences that do it."""
        goals = sorted({goal for sequence in self.sequences for goal in sequence.covers})
        return {goal: tuple(s.name for s in self.sequences if goal in s.covers) for goal in goals}


__all__ = [
    "CoreName", "ExpectedAnswer", "Suite", "SuiteArgument", "SuiteAwait", "SuiteBoot", "SuiteCall", "SuiteSequence",
    "SuiteStep", "SuiteSystem", "SuiteWake",
]  # fmt: skip
