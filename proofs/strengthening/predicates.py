"""What shapes say of one state, as expressions that are written once for each core and power domain."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import z3

from psci.model.language.sorts import BOOL
from psci.model.language.terms import FALSE, TRUE, Term, Value
from psci.proofs.encoding.bounded import Bounded, values
from psci.proofs.encoding.domain import Expression
from psci.proofs.encoding.terms import Scope
from psci.proofs.strengthening.candidates import CandidateShape, CandidateVariable, Point

ShapeIndex = tuple[int, ...]
"""The core and the power domain that a shape speaks about, by number."""


class Atoms:
    """The shapes in the state of a scope."""

    def __init__(self, domain: Bounded, scope: Scope) -> None:
        self._domain = domain
        self._scope = scope
        self._terms: dict[tuple[object, ShapeIndex], Expression] = {}
        self._equal: dict[tuple[str, Value, ShapeIndex], Expression] = {}

    def has(self, shape: CandidateShape, point: Point) -> Expression:
        """Somewhere the state has the values of a point: it breaks that candidate."""
        return either(
            [
                both(
                    [
                        *(self._equals(v, x, shape, index) for v, x in zip(shape.variables, point, strict=True)),
                        *self._applies(shape, index),
                    ]
                )
                for index in self._indices(shape)
            ]
        )

    def seen(self, shape: CandidateShape, model: Expression) -> Iterator[Point]:
        """The points that the state of a model has somewhere."""
        for index in self._indices(shape):
            if all(z3.is_true(_value(model, part)) for part in self._applies(shape, index)):
                yield tuple(
                    values(v.term.sort, _number(_value(model, self._term(v.term, v.text, shape, index))))
                    for v in shape.variables
                )

    def _indices(self, shape: CandidateShape) -> Iterator[ShapeIndex]:
        return itertools.product(*(range(self._domain.sizes[place.sort]) for place in shape.places))

    def _applies(self, shape: CandidateShape, index: ShapeIndex) -> list[Expression]:
        """The shape says something there."""
        found = [] if shape.where is TRUE else [self._term(shape.where, id(shape.where), shape, index)]
        return found if shape.then is FALSE else [*found, z3.Not(self._term(shape.then, id(shape.then), shape, index))]

    def _term(self, term: Term, key: object, shape: CandidateShape, index: ShapeIndex) -> Expression:
        if (key, index) not in self._terms:
            scope = self._scope
            for place, number in zip(shape.places, index, strict=True):
                scope = scope.binding(place, self._domain.constant(number, place.sort))
            self._terms[key, index] = scope.term(term)
        return self._terms[key, index]

    def _equals(
        self, variable: CandidateVariable, value: Value, shape: CandidateShape, index: ShapeIndex
    ) -> Expression:
        key = variable.text, value, index
        if key not in self._equal:
            term = self._term(variable.term, variable.text, shape, index)
            if variable.term.sort == BOOL:
                self._equal[key] = term if value else z3.Not(term)
            else:
                self._equal[key] = term == self._domain.constant(value, variable.term.sort)
        return self._equal[key]


def both(parts: Sequence[Expression]) -> Expression:
    """All of some formulas; at least one."""
    return parts[0] if len(parts) == 1 else _joined(z3.Z3_mk_and, parts)


def either(parts: Sequence[Expression]) -> Expression:
    """One of some formulas; at least one."""
    return parts[0] if len(parts) == 1 else _joined(z3.Z3_mk_or, parts)


def _joined(make: Callable[..., Any], parts: Sequence[Expression]) -> Expression:
    # z3.And and z3.Or look at the sort of every part, which takes longer than all solving where there are many
    context = parts[0].ctx
    return z3.BoolRef(make(context.ref(), len(parts), (z3.Ast * len(parts))(*(part.ast for part in parts))), context)


def _value(model: Expression, expression: Expression) -> Expression:
    return model.eval(expression, model_completion=True)


def _number(value: Expression) -> int:
    return int(z3.is_true(value)) if z3.is_bool(value) else int(value.as_long())
