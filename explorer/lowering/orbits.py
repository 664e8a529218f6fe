"""Cores that the machine does not tell apart.

The cores fall into orbits. Rules are lowered for roles (some core of an orbit), once for all cores
that may have the role. Wherever a rule would tell two cores of an orbit apart, `Told` says by what,
the orbit is split, and the lowering begins again: in the end every core may be an orbit of its own,
and nothing is assumed of the rules.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Hashable, Iterable
from functools import cached_property
from typing import NamedTuple

from psci.explorer.lowering.formulas import Role
from psci.model.machine import Machine


class Mpidr(NamedTuple):
    """The MPIDR of whichever core has a role; as an argument it names that core."""

    role: Role


class ToldApart(Exception):  # an orbit to be split is not an error
    """A rule tells the cores of an orbit apart."""

    def __init__(self, parts: Iterable[tuple[int, ...]]) -> None:
        super().__init__("cores are told apart")
        self.parts = tuple(parts)


class Orbits:
    """A partition of the cores; an orbit with one core has a role that is always taken."""

    def __init__(self, machine: Machine, members: Iterable[tuple[int, ...]]) -> None:
        self.machine = machine
        self.members = tuple(sorted(members))

    @classmethod
    def of(cls, machine: Machine, apart: bool = False) -> Orbits:
        """The coarsest partition to begin with: by power domain, and the boot core for itself; or each core apart."""
        groups: dict[Hashable, list[int]] = {}
        for core in range(len(machine.cores)):
            key: Hashable = core if apart or core == machine.boot else (machine.tree.homes[core],)
            groups.setdefault(key, []).append(core)
        return cls(machine, map(tuple, groups.values()))

    def split(self, parts: Iterable[tuple[int, ...]]) -> Orbits:
        """The partition in which the cores of these parts are no longer in one orbit with others."""
        part_of = {core: number for number, part in enumerate(parts) for core in part}
        groups: dict[Hashable, list[int]] = {}
        for number, orbit in enumerate(self.members):
            for core in orbit:
                groups.setdefault((number, part_of.get(core)), []).append(core)
        return Orbits(self.machine, map(tuple, groups.values()))

    @cached_property
    def orbit_of(self) -> dict[int, int]:
        """For each core the orbit that it is in."""
        return {core: number for number, orbit in enumerate(self.members) for core in orbit}

    @cached_property
    def alone(self) -> tuple[int, ...]:
        """For each orbit the number of roles that are always taken: 1 where it has one core, else 0."""
        return tuple(1 if len(orbit) == 1 else 0 for orbit in self.members)

    def role_of(self, core: int) -> Role:
        """The role of a core that is named in a rule or a declaration: it has to be an orbit of its own."""
        orbit = self.orbit_of[core]
        if len(self.members[orbit]) > 1:
            raise ToldApart([(core,)])
        return Role(orbit, 0)

    def alike(self, arguments: tuple[object, ...], function: Callable[[tuple[object, ...]], object]) -> object:
        """The one value of a function whose arguments may be roles; they are told apart where there are several."""
        roles = [argument for argument in arguments if isinstance(argument, Role | Mpidr)]
        if not roles:
            return function(arguments)
        orbits = [(argument.role if isinstance(argument, Mpidr) else argument).orbit for argument in roles]
        found: dict[object, list[int]] = {}
        for cores in itertools.product(*(self.members[orbit] for orbit in orbits)):
            left = iter(cores)
            values = tuple(self._word(argument, left) for argument in arguments)
            found.setdefault(function(values), []).append(cores[0])
        if len(found) > 1:
            raise ToldApart(
                [tuple(dict.fromkeys(cores)) for cores in found.values()] if len(roles) == 1 else self._apart(orbits)
            )
        return next(iter(found))

    def _word(self, argument: object, cores: Iterable[int]) -> object:
        if isinstance(argument, Mpidr):
            return self.machine.cores[next(iter(cores))]
        return next(iter(cores)) if isinstance(argument, Role) else argument

    def _apart(self, orbits: Iterable[int]) -> list[tuple[int, ...]]:
        return [(core,) for orbit in set(orbits) for core in self.members[orbit]]
