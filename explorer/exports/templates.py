"""Commands with quantified cores, for languages that have arrays and quantifiers.

The cores of an orbit are a type of the language; an orbit of one core needs none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from psci.explorer.exports.text import Names, Operators, membership
from psci.explorer.lowering.commands import Command
from psci.explorer.lowering.formulas import Role, Variable
from psci.explorer.lowering.lower import Lowered

_LETTERS = "abcdefgh"


@dataclass(frozen=True)
class Quantifiers:
    """How a language writes quantifiers, and an element of an array."""

    every: Callable[[str, str, str, str], str]
    """From the bound name, its type, the condition that it is nobody named (or empty), and the body."""
    some: Callable[[str, str, str, str], str]
    element: Callable[[str, str], str]


class Templates:
    """Writes formulas over roles."""

    def __init__(self, lowered: Lowered, operators: Operators, quantifiers: Quantifiers) -> None:
        self.lowered = lowered
        self.names = Names(lowered)
        self.operators = operators
        self.quantifiers = quantifiers
        self._kept = {lowered.family(variable) for variable in lowered.variables}

    @staticmethod
    def type_of(orbit: int) -> str:
        """The type of the cores of an orbit."""
        return f"Cores{orbit}"

    def name_of(self, role: Role) -> str:
        """The name of whoever has a role."""
        return _LETTERS[role.number] + str(role.orbit)

    def is_alone(self, orbit: int) -> bool:
        """Whether there is one core, which needs no name."""
        return len(self.lowered.members[orbit]) == 1

    def roles_of(self, command: Command) -> list[Role]:
        """The roles for which a command has one step for each core."""
        return [
            Role(orbit, number)
            for orbit, taken in enumerate(command.named)
            if not self.is_alone(orbit)
            for number in range(taken)
        ]

    def sample(self, variable: Variable) -> Variable:
        """A variable of single cores that has the same domain."""
        return tuple(self.lowered.members[p.orbit][0] if isinstance(p, Role) else p for p in variable)

    def is_kept(self, variable: Variable) -> bool:
        """Whether the variable has more than one value and something depends on it."""
        return self.lowered.family(self.sample(variable)) in self._kept

    def shown(self, variable: Variable) -> str:
        """A variable: an element of an array, or a plain one."""
        name, *places = variable
        plain_places = [
            self.lowered.members[p.orbit][0] if isinstance(p, Role) and self.is_alone(p.orbit) else p for p in places
        ]
        roles = [p for p in plain_places if isinstance(p, Role)]
        base = self.names.single((name, *(f"o{p.orbit}" if isinstance(p, Role) else p for p in plain_places)))
        return self.quantifiers.element(base, self.name_of(roles[0])) if roles else base

    def value(self, variable: Variable, number: int) -> str:
        """The name of a value."""
        return self.names.value(self.sample(variable), number)

    def formula(self, formula: int) -> str:
        """A formula over roles."""
        match self.lowered.formulas.nodes[formula]:
            case ("true",):
                return self.operators.true
            case ("false",):
                return self.operators.false
            case ("in", variable, values):
                if not self.is_kept(variable):
                    first = self.lowered.first(self.sample(variable))
                    return self.operators.true if first in values else self.operators.false
                return membership(self.shown(variable), self.sample(variable), values, self.names, self.operators)
            case ("and" | "or" as kind, parts):
                sign = self.operators.conjunction if kind == "and" else self.operators.disjunction
                return "(" + f" {sign} ".join(self.formula(part) for part in parts) + ")"
            case (kind, orbit, named, body):
                role = Role(orbit, named)
                write = self.quantifiers.every if kind == "every" else self.quantifiers.some
                return write(self.name_of(role), self.type_of(orbit), self.other(role, named), self.formula(body))
        raise AssertionError(formula)

    def other(self, role: Role, named: int) -> str:
        """The condition that a core is none of the first so many of its orbit; empty where there are none."""
        here = self.name_of(role)
        parts = [f"{here} {self.operators.different} {self.name_of(Role(role.orbit, n))}" for n in range(named)]
        return f" {self.operators.conjunction} ".join(parts)

    def loose(self, command: Command) -> tuple[list[tuple[Variable, int]], dict[int, list[tuple[Variable, int]]]]:
        """What a command sets of cores with roles, and for each orbit what it sets of all others."""
        single: list[tuple[Variable, int]] = []
        rest: dict[int, list[tuple[Variable, int]]] = {}
        for variable, number in command.assignment:
            if not self.is_kept(variable):
                continue
            free = [p for p in variable[1:] if isinstance(p, Role) and p.number >= command.named[p.orbit]]
            if free:
                rest.setdefault(free[0].orbit, []).append((variable, number))
            else:
                single.append((variable, number))
        return single, rest

    def declared(self) -> Mapping[str, tuple[int | None, Variable]]:
        """Every variable of the text: its orbit where it is an array over one, and a variable of single cores."""
        found: dict[str, tuple[int | None, Variable]] = {}
        for variable in self.lowered.variables:
            family = self.lowered.family(variable)
            field = self.lowered.field_named(variable[0])
            orbit = None
            as_roles: list[Role | int] = []
            for place, key, sort in zip(variable[1:], family[1:], field.domain, strict=True):
                if sort.name == "Core":
                    as_roles.append(Role(key, 0))
                    orbit = None if self.is_alone(key) else key
                else:
                    as_roles.append(place)
            name = self.shown((variable[0], *as_roles))
            base = name.split("[", maxsplit=1)[0]
            found.setdefault(base, (orbit, variable))
        return found


__all__ = ["Quantifiers", "Templates"]
