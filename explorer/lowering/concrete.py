"""The lowered model written out for single cores: what an engine that steps from state to state needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from psci.explorer.lowering.commands import Command
from psci.explorer.lowering.formulas import Formulas, Role, Variable
from psci.explorer.lowering.lower import Lowered

ValueNumbers = Mapping[Variable, int]
"""A state: for each variable the number of its value."""
Assigned = tuple[tuple[Variable, int], ...]


@dataclass(frozen=True, slots=True)
class GroundCommand:
    """A command of single cores."""

    command: Command
    cores: dict[Role, int]
    guard: int
    assigned: Assigned


class Concrete:
    """Guards and effects over variables of single cores, in formulas of their own."""

    def __init__(self, lowered: Lowered) -> None:
        self.lowered = lowered
        self.variables = lowered.variables
        self._kept = set(self.variables)
        self.formulas = Formulas(lambda variable: len(lowered.domain(variable)))
        self._memo: dict[tuple[int, ...], int] = {}
        self._roles: dict[int, tuple[Role, ...]] = {}

    def formula(self, template: int, cores: Mapping[Role, int]) -> int:
        """A formula over roles, for these cores."""
        roles = self._roles.get(template)
        if roles is None:
            roles = self._roles[template] = tuple(sorted(self.lowered.formulas.roles(template)))
        key = (template, *(cores[role] for role in roles))
        found = self._memo.get(key)
        if found is None:
            found = self._memo[key] = self._written(template, cores)
        return found

    def _written(self, template: int, cores: Mapping[Role, int]) -> int:
        match self.lowered.formulas.nodes[template]:
            case ("true",):
                return Formulas.TRUE
            case ("false",):
                return Formulas.FALSE
            case ("in", variable, values):
                place = placed(variable, cores)
                if place in self._kept:
                    return self.formulas.literal(place, values)
                return Formulas.TRUE if self.lowered.first(place) in values else Formulas.FALSE
            case ("and", parts):
                return self.formulas.conjunction([self.formula(part, cores) for part in parts])
            case ("or", parts):
                return self.formulas.disjunction([self.formula(part, cores) for part in parts])
            case (kind, orbit, named, body):
                taken = {cores[Role(orbit, number)] for number in range(named)}
                others = (core for core in self.lowered.members[orbit] if core not in taken)
                parts = [self.formula(body, {**cores, Role(orbit, named): core}) for core in others]
                return self.formulas.conjunction(parts) if kind == "every" else self.formulas.disjunction(parts)
        raise AssertionError(template)

    @cached_property
    def actions(self) -> list[GroundCommand]:
        """Every command of every choice of cores."""
        found = []
        for command in self.lowered.commands:
            for cores in self.lowered.instances(command.named):
                guard = self.formula(command.guard, cores)
                if guard != Formulas.FALSE:
                    assigned = tuple(
                        (v, n) for v, n in assignments(self.lowered, command, cores) if v in self._kept
                    )  # fmt: skip
                    found.append(GroundCommand(command, cores, guard, assigned))
        return found

    @cached_property
    def labels(self) -> Counter[int]:
        """How many labels have each guard."""
        found: Counter[int] = Counter()
        for label in self.lowered.labels:
            for cores in self.lowered.instances(label.named):
                found[self.formula(label.guard, cores)] += 1
        del found[Formulas.FALSE]
        return found

    def initial(self) -> dict[Variable, int]:
        """The state after boot."""
        return {variable: self.lowered.first(variable) for variable in self.variables}

    def successors(self, state: ValueNumbers) -> Iterator[tuple[GroundCommand, dict[Variable, int]]]:
        """The commands that are enabled in a state, and the states after them."""
        for action in self.actions:
            if self.holds(action.guard, state):
                yield action, {**state, **dict(action.assigned)}

    def holds(self, formula: int, state: ValueNumbers) -> bool:
        """Whether a formula holds in a state."""
        match self.formulas.nodes[formula]:
            case ("in", variable, values):
                return state[variable] in values
            case ("and", parts):
                return all(self.holds(part, state) for part in parts)
            case ("or", parts):
                return any(self.holds(part, state) for part in parts)
        return formula == Formulas.TRUE


def placed(variable: Variable, cores: Mapping[Role, int]) -> Variable:
    """The variable of single cores that a variable of roles stands for."""
    return tuple(cores[place] if isinstance(place, Role) else place for place in variable)


def assignments(lowered: Lowered, command: Command, cores: Mapping[Role, int]) -> Iterator[tuple[Variable, int]]:
    """What a command of single cores sets, each core by itself."""
    for variable, number in command.assignment:
        free = [p for p in variable[1:] if isinstance(p, Role) and p.number >= command.named[p.orbit]]
        if not free:
            yield placed(variable, cores), number
            continue
        (role,) = free
        taken = {cores[Role(role.orbit, n)] for n in range(command.named[role.orbit])}
        for core in lowered.members[role.orbit]:
            if core not in taken:
                yield placed(variable, {**cores, role: core}), number
