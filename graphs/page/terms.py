"""Terms as rows of JSON, each kept once; `terms.js` evaluates them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psci.model.language.effects import Effect
from psci.model.language.sorts import CORE, BitVector, Enumeration
from psci.model.language.terms import App, Const, Op, Quantified, Term, Var

SymbolNames = Mapping[str, str]
EncodedRow = list[Any]


class TermRows:
    """A growing list of rows; a term is the place of its row, and its parts are the places of theirs."""

    def __init__(self) -> None:
        self.rows: list[EncodedRow] = []
        self._places: dict[str, int] = {}

    def place(self, term: Term, names: SymbolNames | None = None) -> int:
        """The place of a term. Bound variables are named by depth, so that equal trees are one row."""
        names = names or {}
        match term:
            case Const(value=value, sort=BitVector()):
                return self._row("word", f"{value:#x}")
            case Const(value=value):
                return self._row("const", value)
            case Var(name=name):
                return self._row("var", names.get(name, name))
            case App(function=function, arguments=arguments):
                if function.definition is not None:
                    return self.place(function.definition, names)
                return self._row(function.kind, function.name, *(self.place(part, names) for part in arguments))
            case Op(name=name, arguments=arguments):
                return self._operator(term, name, [self.place(part, names) for part in arguments])
            case Quantified(kind=kind, variable=variable, body=body):
                name = _bound(variable, len(names))
                inner = self.place(body, {**names, variable.name: name})
                return self._row(kind, "core" if variable.sort == CORE else "node", name, inner)
        raise AssertionError(type(term))

    def effect(self, effect: Effect) -> list[EncodedRow]:
        """The updates of an effect: the field, then its new values everywhere or at single indices."""
        found: list[EncodedRow] = []
        for update in effect.updates:
            if update.everywhere is not None:
                names = {variable.name: _bound(variable, i) for i, variable in enumerate(update.binders)}
                found.append([update.field.name, "each", list(names.values()), self.place(update.everywhere, names)])
            else:
                points = [[[self.place(i) for i in index], self.place(value)] for index, value in update.points]
                found.append([update.field.name, "at", points])
        return found

    def _operator(self, term: Op, name: str, parts: list[int]) -> int:
        if name in ("add", "sub") and isinstance(term.sort, BitVector):
            return self._row(name, term.sort.width, *parts)
        if name in ("ult", "ule") and isinstance(term.arguments[0].sort, Enumeration):
            kind = term.arguments[0].sort.name
            return self._row(name, *(self._row("rank", kind, part) for part in parts))
        return self._row(name, *parts)

    def _row(self, *row: Any) -> int:
        key = repr(row)
        if key not in self._places:
            self._places[key] = len(self.rows)
            self.rows.append(list(row))
        return self._places[key]


def _bound(variable: Var, depth: int) -> str:
    return f"{'c' if variable.sort == CORE else 'n'}{depth}"
