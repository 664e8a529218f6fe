"""Power-domain trees (DEN0022 4.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from psci.model.errors import InputError


class TopologyError(InputError):
    """A tree contradicts itself; the message names the node or core."""


@dataclass(frozen=True)
class Topology:
    """A tree of power domains: node 0 is the system.

    `parents[n]` is the node that contains node n (node 0 contains itself); `homes[c]` is the
    lowest node that core c is in; `levels[n]` is the power level of node n.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    levels: tuple[int, ...]
    homes: tuple[int, ...]

    def __post_init__(self) -> None:
        for node, parent in enumerate(self.parents):
            if node and not (0 <= parent < len(self.parents) and self.levels[parent] > self.levels[node]):
                raise TopologyError(f"node {self.names[node]}: its parent is missing or not at a higher level")
        for core, home in enumerate(self.homes):
            if not 0 <= home < len(self.parents):
                raise TopologyError(f"core {core}: its power domain does not exist")
        for node in range(len(self.parents)):
            if not any(self.ancestors[home][node] for home in self.homes):
                raise TopologyError(f"node {self.names[node]}: no core is below it")

    @staticmethod
    def flat(cores: int) -> Topology:
        """Every core is a child of the system node."""
        return Topology(("system",), (0,), (1,), (0,) * cores)

    @staticmethod
    def clusters(sizes: Sequence[int]) -> Topology:
        """One cluster for each size, all in the system."""
        names = ("system", *(f"cluster{i}" for i in range(len(sizes))))
        homes = tuple(node for node, size in enumerate(sizes, start=1) for _ in range(size))
        return Topology(names, (0,) * len(names), (2, *(1 for _ in sizes)), homes)

    @cached_property
    def ancestors(self) -> tuple[tuple[bool, ...], ...]:
        """`ancestors[n][a]`: node a contains node n, or is it."""
        rows = []
        for node in range(len(self.parents)):
            row = [False] * len(self.parents)
            here = node
            row[here] = True
            while here:
                here = self.parents[here]
                row[here] = True
            rows.append(tuple(row))
        return tuple(rows)

    def below(self, core: int, node: int) -> bool:
        """The core is in the power domain."""
        return self.ancestors[self.homes[core]][node]
