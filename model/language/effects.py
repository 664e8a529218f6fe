"""Effects: what a rule changes. Whatever an effect does not name stays as it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from psci.model.language.terms import (
    App,
    Function,
    Op,
    Operand,
    Quantified,
    SortError,
    Term,
    Var,
    bind,
    choose,
    conjunction,
    equal,
    lift,
)

Index: TypeAlias = tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Update:
    """The new values of one field.

    `points` lists single indices and their new values; `everywhere` is a value for all indices,
    written over the bound variables `binders`. All terms are read in the state before the step.
    """

    field: Function
    points: tuple[tuple[Index, Term], ...] = ()
    binders: tuple[Var, ...] = ()
    everywhere: Term | None = None

    def value_at(self, index: Index) -> Term:
        """The field's new value at an index, as a term over the state before."""
        if self.everywhere is not None:
            return substitute(self.everywhere, dict(zip(self.binders, index, strict=True)))
        value = self.field(*index)
        for point, new in reversed(self.points):
            here = conjunction(*(equal(a, b) for a, b in zip(index, point, strict=True)))
            value = choose(here, new, value)
        return value


@dataclass(frozen=True, slots=True)
class Effect:
    """The updates of one step, at most one for each field."""

    updates: tuple[Update, ...] = ()

    def update(self, field: Function) -> Update | None:
        """The update of a field, or None where the field stays as it was."""
        return next((update for update in self.updates if update.field is field), None)

    def also(self, other: Effect) -> Effect:
        """Both effects together.

        Raises:
            SortError: they name the same field.
        """
        for update in other.updates:
            if self.update(update.field) is not None:
                raise SortError(f"two effects on {update.field.name}")
        return Effect(self.updates + other.updates)


NOTHING = Effect()


@dataclass(frozen=True, slots=True)
class Each:
    """New values for all indices of a field; see `each`."""

    body: Callable[..., Operand]


def each(body: Callable[..., Operand]) -> Each:
    """A field's new value at every index, as a function of the index (or of both, for a field over two sorts)."""
    return Each(body)


New: TypeAlias = Operand | Each | Mapping[Term, Operand] | Mapping[tuple[Term, ...], Operand]


def assign(field: Function, new: New) -> Update:
    """The update of a field from what a rule wrote.

    Raises:
        SortError: the value or an index does not fit the field.
    """
    if isinstance(new, Each):
        binders = tuple(bind(sort) for sort in field.domain)
        return Update(field, binders=binders, everywhere=lift(new.body(*binders), field.range))
    if isinstance(new, Mapping):
        points = tuple((_index(field, index), lift(value, field.range)) for index, value in new.items())
        return Update(field, points=points)
    if field.domain:
        raise SortError(f"{field.name} has a value for each {field.domain[0]}: write a dict or each(...)")
    return Update(field, points=(((), lift(new, field.range)),))


def _index(field: Function, index: Term | tuple[Term, ...]) -> Index:
    parts = index if isinstance(index, tuple) else (index,)
    if len(parts) != len(field.domain):
        raise SortError(f"{field.name} takes {len(field.domain)} indices, not {len(parts)}")
    return tuple(lift(part, sort) for part, sort in zip(parts, field.domain, strict=True))


def substitute(term: Term, values: Mapping[Var, Term]) -> Term:
    """The term with bound variables replaced."""
    match term:
        case Var():
            return values.get(term, term)
        case App(function=function, arguments=arguments, sort=sort):
            return App(function, tuple(substitute(argument, values) for argument in arguments), sort)
        case Op(name=name, arguments=arguments, sort=sort):
            return Op(name, tuple(substitute(argument, values) for argument in arguments), sort)
        case Quantified(kind=kind, variable=variable, body=body):
            return Quantified(kind, variable, substitute(body, values))
    return term
