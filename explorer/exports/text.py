"""What the languages have in common: names, guards in infix, comments with the rules."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from psci.explorer.lowering.commands import Command
from psci.explorer.lowering.formulas import Formulas, Variable
from psci.explorer.lowering.lower import Lowered
from psci.model.language.sorts import BOOL


@dataclass(frozen=True)
class Operators:
    """How a language writes formulas."""

    conjunction: str
    disjunction: str
    equal: str
    different: str
    true: str = "true"
    false: str = "false"


class Names:
    """Names for variables and values."""

    def __init__(self, lowered: Lowered) -> None:
        self.lowered = lowered

        domains: dict[str, set[tuple[object, ...]]] = {}
        for variable in lowered.variables:
            domains.setdefault(variable[0], set()).add(tuple(lowered.domain(variable)))
        self.alike = {name for name, found in domains.items() if len(found) == 1}

    def value(self, variable: Variable, number: int) -> str:
        """The name of a value of a variable of single cores: `POWER_ON_PENDING`, or a plain number.

        Where the variables of a field have different values, the name says whose value it is.
        """
        field = self.lowered.field_named(variable[0])
        value = self.lowered.domain(variable)[number]
        if field.range == BOOL:
            return str(number)
        word = f"{value:#x}" if isinstance(value, int) else str(value)
        base = plain(variable[0]) if variable[0] in self.alike else self.single(variable)
        return f"{base.upper()}_{word}"

    def constants(self) -> Iterator[tuple[str, int]]:
        """Every name of a value, with its number."""
        found: dict[str, int] = {}
        for variable in self.lowered.variables:
            for number in range(len(self.lowered.domain(variable))):
                name = self.value(variable, number)
                if not name.isdecimal():
                    found[name] = number
        yield from found.items()

    def single(self, variable: Variable) -> str:
        """The name of a variable of single cores: `power_1`."""
        return "_".join([plain(variable[0]), *map(str, variable[1:])])

    def doc(self, variable: Variable) -> str:
        """What the field is."""
        return self.lowered.field_named(variable[0]).doc


def plain(name: str) -> str:
    """A field's name as an identifier; that of a history variable has a point."""
    return name.replace(".", "_").replace("-", "_")


def header(lowered: Lowered, language: str) -> list[str]:
    """What the file is, as lines of a comment."""
    product = lowered.product
    machine = product.machine
    cores = len(machine.cores)
    orbits = ", ".join("{" + ", ".join(map(str, members)) + "}" for members in lowered.members)
    return [
        f"PSCI {machine.version} (Arm DEN0022) on {cores} core{'s' if cores > 1 else ''}, in {language}.",
        "",
        "Written by `psci export` from the rules; do not edit. A step is one command: everything that a call, or a",
        "move of the environment, changes at once, whoever made it. Above each stand the rules that have this effect.",
        f"The power domains are {', '.join(machine.tree.names)}; cores that the rules do not tell apart: {orbits}.",
    ]


def sources(command: Command, who: str = "") -> list[str]:
    """The rules behind a command, and whose step it is, as lines of a comment."""
    rules = ", ".join(dict.fromkeys(rule for _, rule in command.sources))
    return textwrap.wrap(f"{who}: {rules}" if who else rules, 100)


def title(command: Command) -> str:
    """A short name for a command: the rule that comes first."""
    first = command.sources[0][1]
    return first if len(command.sources) == 1 else f"{first} and {len(command.sources) - 1} more"


def infix(formulas: Formulas, formula: int, names: Names, operators: Operators) -> str:
    """A formula over single cores."""
    match formulas.nodes[formula]:
        case ("true",):
            return operators.true
        case ("false",):
            return operators.false
        case ("in", variable, values):
            return membership(names.single(variable), variable, values, names, operators)
        case (kind, parts):
            sign = operators.conjunction if kind == "and" else operators.disjunction
            return "(" + f" {sign} ".join(infix(formulas, part, names, operators) for part in parts) + ")"
    raise AssertionError(formula)


def membership(shown: str, variable: Variable, values: frozenset[int], names: Names, operators: Operators) -> str:
    """A variable has one of some values; the shorter of two ways to say it."""
    size = len(names.lowered.domain(variable))
    rest = set(range(size)) - values
    if len(values) <= len(rest):
        parts = [f"{shown} {operators.equal} {names.value(variable, number)}" for number in sorted(values)]
        sign = operators.disjunction
    else:
        parts = [f"{shown} {operators.different} {names.value(variable, number)}" for number in sorted(rest)]
        sign = operators.conjunction
    return parts[0] if len(parts) == 1 else "(" + f" {sign} ".join(parts) + ")"
