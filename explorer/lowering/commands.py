"""What a lowered model consists of: labels, which are counted, and commands, which move it.

A *label* is one outcome of one call, or one way in which a move happens: action and rule, with the
guard under which it is allowed. Many labels lead to the same state. A *command* is one effect, an
assignment of constants, with the guard under which some label has it and it changes something; so the
commands that are enabled in a state are its distinct transitions.

Both are written for roles: one label or command stands for an instance for each choice of cores.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import Any, NamedTuple, TypeAlias

from psci.explorer.lowering.formulas import Role, Variable
from psci.explorer.lowering.orbits import Mpidr
from psci.model.language.rules import Rule

Assignment: TypeAlias = tuple[tuple[Variable, int], ...]
"""Variables and the numbers of their new values, in order. A role that is not taken means every core without one."""


class Calling(NamedTuple):
    """A call by the core in role 0 of an orbit."""

    name: str
    caller: Role
    fn: int
    registers: tuple[int | Mpidr, ...]
    isa: str
    world: str


class Moving(NamedTuple):
    """A move of a core, a power domain, or the machine."""

    name: str
    place: Role | int
    parameters: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class CommandLabel:
    """One outcome of a call, or one way in which a move happens."""

    action: Calling | Moving
    rule: Rule
    result: int | None
    """What the call returns, where the rule fixes it and it does not depend on the state."""
    named: tuple[int, ...]
    """For each orbit the number of roles that are taken."""
    guard: int
    assignments: tuple[tuple[int, Assignment], ...]
    """The cases of the effect, each with its condition; a case without assignments changes nothing."""
    broken: int = 1
    """The condition under which the step breaks the property that is watched, or shows what it says is possible."""


@dataclass(frozen=True, slots=True)
class Command:
    """An effect, and when it can happen."""

    named: tuple[int, ...]
    guard: int
    assignment: Assignment
    sources: tuple[tuple[str, str], ...]
    """The calls or moves, and the rules, that have this effect."""


def choices(members: Sequence[tuple[int, ...]], named: tuple[int, ...]) -> Iterator[dict[Role, int]]:
    """Every choice of cores for the roles that are taken."""
    per_orbit = [permutations(orbit, taken) for orbit, taken in zip(members, named, strict=True)]
    for chosen in product(*per_orbit):
        yield {Role(orbit, number): core for orbit, cores in enumerate(chosen) for number, core in enumerate(cores)}


def count_of(members: Sequence[tuple[int, ...]], named: tuple[int, ...]) -> int:
    """How many choices there are."""
    return math.prod(math.perm(len(orbit), taken) for orbit, taken in zip(members, named, strict=True))
