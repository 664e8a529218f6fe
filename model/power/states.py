"""What the values of power_state stand for on a platform, and which nodes there are to name (DEN0022 4.2, 5.4.2, 6.5).

A platform's firmware tables list them; profiles, explored machines and proofs declare them alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from psci.model.language.terms import Value
from psci.model.power.topology import Topology
from psci.model.symbols.machine import LOCAL_STATE

Declaration = tuple[str | tuple[Value, ...], Value]
"""A machine symbol, or a symbol with arguments, and its value."""
RUN = LOCAL_STATE.values[0]


@dataclass(frozen=True)
class PowerState:
    """One valid value of power_state."""

    word: int
    core: str
    """The local state of the core: STANDBY, RETENTION or POWERDOWN."""
    levels: Mapping[int, str] = field(default_factory=dict)
    """The local state asked for at power levels above the core; at levels that are not listed it is RUN."""
    last_in_level: int = 0
    """The highest level of which the caller says that it is the last core (OSI-5)."""

    def asked(self) -> dict[int, str]:
        """The levels at which a low-power state is asked for."""
        return {level: state for level, state in self.levels.items() if state != RUN}


def declare_states(
    states: Iterable[PowerState], cores: tuple[int, ...], tree: Topology | None, ignored: int = 0
) -> Iterator[Declaration]:
    """Declarations of exactly these power states.

    Args:
        states: the valid values of power_state.
        cores: the MPIDR of each core.
        tree: the power domains, or None where nothing is said about them.
        ignored: the bits of a power_state that statistics ignore (STAT-4).
    """
    yield "state_valid", False
    counted: dict[int, int] = {}
    for state in states:
        yield ("state_valid", state.word), True
        yield ("described", state.word), True
        yield ("retention", state.word), state.core == "RETENTION"
        for level, name in state.asked().items():
            yield ("requested", state.word, level), name
        for level in range(1, state.last_in_level + 1):
            yield ("claims", state.word, level), True
        counted[state.word & ~ignored] = max(state.asked(), default=0)
    yield from declare_counted(counted, cores, tree)


def declare_counted(states: Mapping[int, int], cores: tuple[int, ...], tree: Topology | None) -> Iterator[Declaration]:
    """Declarations of exactly these arguments of the statistics functions.

    Args:
        states: the values of power_state, without the bits that are ignored, and the level that each speaks of.
        cores: the MPIDR of each core.
        tree: the power domains, or None where nothing is said about them.
    """
    yield "counted_node", False
    for word, level in states.items():
        yield ("described", word), True
        yield ("counted_level", word), level
        for core, mpidr in enumerate(cores):
            if not level or (tree is not None and level in levels_of(tree, core)):
                yield ("counted_node", mpidr, word), True


def declare_nodes(
    cores: tuple[int, ...], tree: Topology, values: Mapping[int, int] | None = None
) -> Iterator[Declaration]:
    """Declarations of the nodes that a core and a power level name.

    Args:
        cores: the MPIDR of each core.
        tree: the power domains.
        values: the power_level value of each level of the tree; by default the level itself (HWSTATE-1).
    """
    yield "names_node", False
    for core, mpidr in enumerate(cores):
        for level in levels_of(tree, core):
            value = level if values is None else values[level]
            yield ("names_node", mpidr, value), True
            yield ("named_level", value), level


def levels_of(tree: Topology, core: int) -> set[int]:
    """The power levels above 0 of the nodes that a core is in."""
    return {tree.levels[node] for node in range(len(tree.names)) if tree.below(core, node)}


__all__ = ["PowerState", "declare_counted", "declare_nodes", "declare_states", "levels_of"]
