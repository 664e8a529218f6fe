"""Sets of states as binary decision diagrams, and the commands of a lowered model as steps between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

from psci.explorer.lowering.commands import Command
from psci.explorer.lowering.concrete import assignments, placed
from psci.explorer.lowering.formulas import Role, Variable
from psci.explorer.lowering.lower import Lowered

BinaryDiagram: TypeAlias = Any
"""A diagram of whichever manager there is."""
Cores: TypeAlias = dict[Role, int]


def after(bit: str) -> str:
    """The name of a bit after a step."""
    return f"{bit}'"


def new_manager() -> tuple[Any, str, Callable[..., BinaryDiagram] | None]:
    """A manager of diagrams, its name, and how it intersects and quantifies at once.

    It is CUDD where the wheel has it, else the one written in Python.
    """
    try:
        from dd import cudd
    except ImportError:
        from dd import autoref

        return autoref.BDD(), "dd.autoref", None
    manager = cudd.BDD(memory_estimate=3 * 2**30)
    manager.configure(reordering=False)
    return manager, "dd.cudd", cudd.and_exists


@dataclass(frozen=True, slots=True)
class DiagramCommand:
    """One command of single cores: from every state of the guard, to the same state with some variables set."""

    command: Command
    cores: Cores
    guard: BinaryDiagram
    changed: frozenset[str]
    """The bits of the variables that are set."""
    after: BinaryDiagram
    """Their values after it."""
    top: int
    """The highest level that it touches."""


class Diagrams:
    """A lowered model in diagrams."""

    def __init__(self, lowered: Lowered) -> None:
        self.lowered = lowered
        self.formulas = lowered.formulas
        self.manager, self.library, self._together = new_manager()
        self.variables = lowered.variables
        self.bits: dict[Variable, list[str]] = {}
        names = []
        for number, variable in enumerate(self.variables):
            width = (len(lowered.domain(variable)) - 1).bit_length()
            self.bits[variable] = [f"v{number}_{bit}" for bit in range(width)]
            names += self.bits[variable]
        self.names = names
        self.level = {name: level for level, name in enumerate(names)}
        # beside each bit the same bit after a step
        self.manager.declare(*(name for bit in names for name in (bit, after(bit))))
        self.true, self.false = self.manager.true, self.manager.false
        self._values: dict[tuple[Variable, int], BinaryDiagram] = {}
        self._nodes: dict[tuple[Any, ...], BinaryDiagram] = {}
        self._roles: dict[int, tuple[Role, ...]] = {}
        self._counts: dict[int, tuple[BinaryDiagram, int, int]] = {}

    def value(self, variable: Variable, number: int) -> BinaryDiagram:
        """The states in which a variable has a value."""
        found = self._values.get((variable, number))
        if found is None:
            bits = {name: bool(number >> bit & 1) for bit, name in enumerate(self.bits[variable])}
            found = self._values[variable, number] = self.manager.cube(bits)
        return found

    def node(self, formula: int, cores: Cores) -> BinaryDiagram:
        """The states in which a formula holds for these cores."""
        roles = self._roles.get(formula)
        if roles is None:
            roles = self._roles[formula] = tuple(sorted(self.formulas.roles(formula)))
        key = (formula, *(cores[role] for role in roles))
        found = self._nodes.get(key)
        if found is None:
            found = self._nodes[key] = self._built(formula, cores)
        return found

    def _built(self, formula: int, cores: Cores) -> BinaryDiagram:
        match self.formulas.nodes[formula]:
            case ("true",):
                return self.true
            case ("false",):
                return self.false
            case ("in", variable, values):
                place = placed(variable, cores)
                if place not in self.bits:
                    return self.true if self.lowered.first(place) in values else self.false
                return self.any_of(self.value(place, number) for number in sorted(values))
            case ("and", parts):
                return self.all_of(self.node(part, cores) for part in parts)
            case ("or", parts):
                return self.any_of(self.node(part, cores) for part in parts)
            case (kind, orbit, named, body):
                taken = {cores[Role(orbit, number)] for number in range(named)}
                # from the last core up, so that what is there already lies below what is added
                others = [core for core in reversed(self.lowered.members[orbit]) if core not in taken]
                inner = (self.node(body, {**cores, Role(orbit, named): core}) for core in others)
                return self.all_of(inner) if kind == "every" else self.any_of(inner)
        raise AssertionError(formula)

    def all_of(self, nodes: Iterable[BinaryDiagram]) -> BinaryDiagram:
        """The intersection."""
        found = self.true
        for node in nodes:
            found = node & found
        return found

    def any_of(self, nodes: Iterable[BinaryDiagram]) -> BinaryDiagram:
        """The union."""
        found = self.false
        for node in nodes:
            found = node | found
        return found

    def initial(self) -> BinaryDiagram:
        """The state after boot."""
        return self.all_of(self.value(v, self.lowered.first(v)) for v in reversed(self.variables))

    @cached_property
    def events(self) -> list[DiagramCommand]:
        """Every command of every choice of cores, from the one that touches the lowest levels on."""
        found = []
        for command in self.lowered.commands:
            for cores in self.lowered.instances(command.named):
                event = self._event(command, cores)
                if event is not None:
                    found.append(event)
        return sorted(found, key=lambda event: -event.top)

    def _event(self, command: Command, cores: Cores) -> DiagramCommand | None:
        guard = self.node(command.guard, cores)
        if guard == self.false:
            return None
        assigned = [(v, n) for v, n in assignments(self.lowered, command, cores) if v in self.bits]
        changed = frozenset(name for variable, _ in assigned for name in self.bits[variable])
        values = self.all_of(self.value(variable, number) for variable, number in assigned)
        top = min(self.level[name] for name in changed)
        return DiagramCommand(command, cores, guard, changed, values, top)

    def meeting(self, states: BinaryDiagram, others: BinaryDiagram, bits: Iterable[str]) -> BinaryDiagram:
        """What is left of an intersection when these bits may be anything."""
        if self._together is not None:
            return self._together(states, others, bits)
        return self.manager.exist(bits, states & others)

    def image(self, states: BinaryDiagram, event: DiagramCommand) -> BinaryDiagram:
        """The states after an event."""
        return self.meeting(states, event.guard, event.changed) & event.after

    def relation(self, events: Iterable[DiagramCommand]) -> tuple[BinaryDiagram, list[str]]:
        """Events as one relation between the bits before and after, and the bits that it speaks about."""
        events = list(events)
        bits = sorted(frozenset().union(*(event.changed for event in events)), key=self.level.__getitem__)
        names = {name: after(name) for name in bits}
        found = self.false
        for event in events:
            made = self.manager.let(names, event.after)
            for name in reversed(bits):
                if name not in event.changed:
                    made &= self._same(name)
            found |= made & event.guard
        return found, bits

    def _same(self, name: str) -> BinaryDiagram:
        before, later = self.manager.var(name), self.manager.var(after(name))
        return (before & later) | (~before & ~later)

    def related(self, relation: BinaryDiagram, bits: list[str], states: BinaryDiagram) -> BinaryDiagram:
        """The states, and those that one step of a relation leads to."""
        later = self.meeting(states, relation, bits)
        return states | self.manager.let({after(name): name for name in bits}, later)

    def origins(self, states: BinaryDiagram, event: DiagramCommand) -> BinaryDiagram:
        """The states from which an event leads to these."""
        return self.meeting(states, event.after, event.changed) & event.guard

    def count(self, states: BinaryDiagram) -> int:
        """How many states; exact."""
        level, number = self._counted(states)
        return number << level

    def _counted(self, node: BinaryDiagram) -> tuple[int, int]:
        """The level of a node, and its models over the levels from there on."""
        if node == self.true:
            return len(self.names), 1
        if node == self.false:
            return len(self.names), 0
        memo = self._counts
        stack = [node]
        while stack:
            here = stack[-1]
            if int(here) in memo:
                stack.pop()
                continue
            low, high = here.low, here.high
            if here.negated:
                low, high = ~low, ~high
            waiting = [n for n in (low, high) if not self._is_leaf(n) and int(n) not in memo]
            if waiting:
                stack += waiting
                continue
            level = self.level[here.var]
            total = 0
            for below in (low, high):
                deep, number = self._leaf(below) if self._is_leaf(below) else memo[int(below)][1:]
                total += number << (deep - level - 1)
            memo[int(here)] = here, level, total
            stack.pop()
        return memo[int(node)][1:]

    def _is_leaf(self, node: BinaryDiagram) -> bool:
        return bool(node in (self.true, self.false))

    def _leaf(self, node: BinaryDiagram) -> tuple[int, int]:
        return len(self.names), int(node == self.true)

    def pick(self, states: BinaryDiagram) -> dict[Variable, int]:
        """One of the states: the number of each variable's value."""
        chosen = self.manager.pick(states, care_vars=set(self.names))
        return {
            variable: sum(1 << bit for bit, name in enumerate(names) if chosen[name])
            for variable, names in self.bits.items()
        }

    def single(self, values: dict[Variable, int]) -> BinaryDiagram:
        """The set of one state."""
        return self.all_of(self.value(variable, values[variable]) for variable in reversed(self.variables))
