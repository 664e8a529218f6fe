"""Terms as Python: the one way from the rules to functions that can be called."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from psci.model.language.effects import Update
from psci.model.language.rules import CallTerms
from psci.model.language.sorts import CORE, BitVector, Enumeration
from psci.model.language.terms import App, Const, Function, Op, Quantified, Term, Var

_COMPARE = {"eq": "==", "ult": "<", "ule": "<=", "band": "&", "bor": "|", "shr": ">>"}


@dataclass(frozen=True, slots=True)
class Compiler:
    """Writes terms as Python source.

    `apply` gives the source of a function applied to arguments (already source); `sizes` holds the
    number of cores and nodes.
    """

    apply: Callable[[Function, tuple[Term, ...], tuple[str, ...]], str]
    cores: int
    nodes: int
    names: dict[Var, str] = field(default_factory=dict)

    def expression(self, term: Term) -> str:
        """The term as a Python expression."""
        match term:
            case Const(value=value):
                return repr(value)
            case Var(name=name):
                return name
            case App(function=function, arguments=arguments):
                if function.definition is not None:
                    return f"a_{function.name}"
                return self.apply(function, arguments, tuple(self.expression(argument) for argument in arguments))
            case Op(name=name, arguments=arguments):
                return self._operator(name, [self.expression(argument) for argument in arguments], term)
            case Quantified(kind=kind, variable=variable, body=body):
                count = self.cores if variable.sort == CORE else self.nodes
                test = "all" if kind == "every" else "any"
                return f"{test}([{self.expression(body)} for {variable.name} in range({count})])"
        raise AssertionError(type(term))

    def _operator(self, name: str, arguments: list[str], term: Op) -> str:
        match name:
            case "not":
                return f"(not {arguments[0]})"
            case "and" | "or":
                return "(" + f" {name} ".join(arguments) + ")"
            case "if":
                return f"({arguments[1]} if {arguments[0]} else {arguments[2]})"
            case "zext":
                return arguments[0]
            case "low":
                return f"({arguments[0]} & 0xFFFFFFFF)"
            case "add" | "sub" if isinstance(term.sort, BitVector):
                sign = "+" if name == "add" else "-"
                return f"(({arguments[0]} {sign} {arguments[1]}) & {(1 << term.sort.width) - 1:#x})"
        if name in ("ult", "ule") and isinstance(term.arguments[0].sort, Enumeration):
            arguments = [f"rank[{argument}]" for argument in arguments]
        return f"({arguments[0]} {_COMPARE[name]} {arguments[1]})"

    def updated(self, update: Update, current: str) -> str:
        """The new value of a field as an expression; `current` is the source of its old value."""
        sizes = [self.cores if sort == CORE else self.nodes for sort in update.field.domain]
        if not sizes:
            ((_, value),) = update.points
            return self.expression(value)
        if update.everywhere is not None:
            loops = " ".join(
                f"for {binder.name} in range({size})" for binder, size in zip(update.binders, sizes, strict=True)
            )
            return f"tuple([{self.expression(update.everywhere)} {loops}])"
        result = current
        for index, value in update.points:
            place = self.place(update.field, tuple(self.expression(part) for part in index))
            result = f"put({result}, {place}, {self.expression(value)})"
        return result

    def place(self, function: Function, index: tuple[str, ...]) -> str:
        """The position of an index in the tuple that holds a field."""
        if len(index) == 1:
            return index[0]
        return f"{index[0]} * {self.nodes if function.domain[1] != CORE else self.cores} + {index[1]}"

    def abbreviations(self, terms: CallTerms) -> list[str]:
        """The lines that work out a call's arguments from its registers."""
        return [
            f"    a_{argument.name} = {self.expression(argument.definition)}"
            for argument in terms.arguments()
            if argument.definition is not None
        ]


def define(name: str, parameters: str, lines: Iterable[str], symbols: dict[str, Any]) -> Callable[..., Any]:
    """A function from its source.

    Args:
        name: of the function.
        parameters: its parameters, as in Python.
        lines: its body, indented by four spaces.
        symbols: what the body may use beside its parameters; what is added to a dictionary later can be used, too.
    """
    namespace: dict[str, Any] = {}
    source = "\n".join([f"def {name}({parameters}):", *lines])
    exec(source, symbols, namespace)
    defined: Callable[..., Any] = namespace[name]
    return defined


_TREE = {
    "level": "{tree}.levels[{0}]",
    "ancestor": "{tree}.ancestors[{1}][{0}]",
    "below": "{tree}.below({0}, {1})",
}


def in_tree(function: Function, sources: tuple[str, ...], tree: str = "tree") -> str:
    """A symbol of the power-domain tree, where `tree` is the source of a `Topology`."""
    return _TREE[function.name].format(*sources, tree=tree)


def ranks(*enumerations: Enumeration) -> dict[str, int]:
    """The place of each value in its enumeration, for `rank` in compiled expressions."""
    return {value: place for enumeration in enumerations for place, value in enumerate(enumeration.values)}


def put(values: tuple[object, ...], place: int, value: object) -> tuple[object, ...]:
    """The tuple with one element replaced."""
    return (*values[:place], value, *values[place + 1 :])
