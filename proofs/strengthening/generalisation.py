"""From single combinations of values to invariants that a person reads.

What is left of the candidates of one shape is a set of points that no reachable state has. Points that
fill a box, some values of each variable, are one sentence: `power(c0) != ON implies activity(c0) == STOPPED`
is a box of twelve points.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from psci.model.language.terms import FALSE, TRUE, Op, Quantified, Term, Value, conjunction, disjunction, negation, show
from psci.proofs.strengthening.candidates import CandidateShape, CandidateVariable, Point
from psci.properties.language import Invariant

Side: TypeAlias = tuple[Value, ...]
"""Some values of one variable, in their order."""


@dataclass(frozen=True, eq=False)
class Membership:
    """A variable has one of some values, which are not all that it may have."""

    variable: CandidateVariable
    side: Side

    def term(self) -> Term:
        """The same as a term."""
        others = self.otherwise().side
        if len(others) == 1:
            return negation(self.variable.equals(others[0]))
        return disjunction(*(self.variable.equals(value) for value in self.side))

    def otherwise(self) -> Membership:
        """It has one of the other values."""
        return Membership(self.variable, tuple(value for value in self.variable.values if value not in self.side))

    def text(self, names: dict[str, str]) -> str:
        """The same as a person says it: `x in (A, B)` for what is a disjunction of equalities."""
        if 1 < len(self.side) < len(self.variable.values) - 1:
            return f"{show(self.variable.term, names)} in ({', '.join(map(str, self.side))})"
        return _inner(self.term(), names)


@dataclass(frozen=True, eq=False)
class Box:
    """No state has, where the shape says something, a value of each side for each variable."""

    shape: CandidateShape
    sides: tuple[Side, ...]

    @cached_property
    def points(self) -> frozenset[Point]:
        """The candidates that it is made of."""
        return frozenset(itertools.product(*self.sides))

    @cached_property
    def text(self) -> str:
        """The invariant, as a person reads it."""
        names = {place.name: f"{place.sort.name[0].lower()}{i}" for i, place in enumerate(self.shape.places)}
        where, limited, conclusion = self._parts()
        premises = [*(member.text(names) for member in limited), *(_inner(term, names) for term in where)]
        said = conclusion.text(names) if isinstance(conclusion, Membership) else _inner(conclusion, names)
        body = f"{' and '.join(premises)} implies {said}" if premises else said
        places = ", ".join(f"{place.sort} {names[place.name]}" for place in self.shape.places)
        return f"every {places}: {body}" if places else body

    @cached_property
    def term(self) -> Term:
        """The invariant, as a term."""
        where, limited, conclusion = self._parts()
        said = conclusion.term() if isinstance(conclusion, Membership) else conclusion
        term = disjunction(*(negation(part) for part in where), *(part.otherwise().term() for part in limited), said)
        for place in reversed(self.shape.places):
            term = Quantified("every", place, term)
        return term

    def as_shape(self) -> CandidateShape:
        """The invariant as the one candidate of a shape."""
        where, limited, conclusion = self._parts()
        said = conclusion.term() if isinstance(conclusion, Membership) else conclusion
        return CandidateShape("found", (), conjunction(*where, *(part.term() for part in limited)), said)

    def invariant(self) -> Invariant:
        """The invariant, under its text as its name."""
        return Invariant(self.text, self.text, lambda _m, _s, _h: self.term)

    def _parts(self) -> tuple[list[Term], list[Membership], Term | Membership]:
        """The premises, and what follows: what the shape says, or that the last variable has another value."""
        sides = zip(self.shape.variables, self.sides, strict=True)
        limited = [Membership(variable, side) for variable, side in sides if len(side) < len(variable.values)]
        where = [] if self.shape.where is TRUE else [self.shape.where]
        if self.shape.then is FALSE and limited:
            return where, limited[:-1], limited[-1].otherwise()
        return where, limited, self.shape.then


def _inner(term: Term, names: dict[str, str]) -> str:
    """A term as part of a sentence."""
    match term:
        case Quantified(variable=variable, body=Op(name="or", arguments=(Op(name="not", arguments=(left,)), right))):
            inside = {**names, variable.name: f"{variable.sort.name[0].lower()}{len(names)}"}
            said = f"{_inner(left, inside)} implies {_inner(right, inside)}"
            return f"({term.kind} {variable.sort} {inside[variable.name]}: {said})"
    plain = not isinstance(term, Quantified) and not (isinstance(term, Op) and term.name in ("and", "or"))
    return show(term, names) if plain else f"({show(term, names)})"


def joined(shapes: Sequence[CandidateShape], alive: Mapping[int, Collection[Point]]) -> tuple[Box, ...]:
    """The points that are left as few boxes, without those that simpler shapes imply."""
    found: list[Box] = []
    for number, shape in enumerate(shapes):
        points = frozenset(alive.get(number, ()))
        simpler = [(other, alive.get(i, ())) for i, other in enumerate(shapes) if _is_simpler(other, shape)]
        plain = {point for point in points if not any(_implies(one, kept, shape, point) for one, kept in simpler)}
        found += [Box(shape, sides) for sides in cover(shape, points, plain)]
    return tuple(found)


def _is_simpler(one: CandidateShape, other: CandidateShape) -> bool:
    """What the first shape says, about fewer variables, may imply something that the second says."""
    names = {variable.text for variable in other.variables}
    return (
        len(one.variables) < len(other.variables)
        and all(variable.text in names for variable in one.variables)
        and (one.where is TRUE or show(one.where) == show(other.where))
        and (one.then is FALSE or show(one.then) == show(other.then) or _equates(one, other) is not None)
    )


def _equates(one: CandidateShape, other: CandidateShape) -> tuple[int, int] | None:
    """The places of two variables of the second shape of which the first says that they are equal."""
    texts = [variable.text for variable in other.variables]
    match one.then:
        case Op(name="eq", arguments=(left, right)) if show(left) in texts and show(right) in texts:
            return texts.index(show(left)), texts.index(show(right))
    return None


def _implies(one: CandidateShape, kept: Collection[Point], other: CandidateShape, point: Point) -> bool:
    """What is left of a simpler shape says that no state has a point of the other one."""
    at = {variable.text: value for variable, value in zip(other.variables, point, strict=True)}
    equal = _equates(one, other)
    if equal is not None and point[equal[0]] == point[equal[1]]:
        return False
    return tuple(at[variable.text] for variable in one.variables) in kept


def cover(shape: CandidateShape, points: Collection[Point], plain: Collection[Point]) -> Iterator[tuple[Side, ...]]:
    """Boxes inside `points` that together hold all of `plain`; the one that holds most of it first."""
    uncovered = set(plain)
    while uncovered:
        seeds = [point for point in shape.points if point in uncovered]
        boxes = [box for seed in seeds for box in _grown(shape, points, seed)]
        largest = max(boxes, key=lambda box: (sum(map(uncovered.__contains__, itertools.product(*box))), _size(box)))
        yield largest
        uncovered -= set(itertools.product(*largest))


def _size(box: tuple[Side, ...]) -> int:
    return sum(map(len, box))


def _grown(shape: CandidateShape, points: Collection[Point], seed: Point) -> Iterator[tuple[Side, ...]]:
    """The boxes that a point grows to, one variable after the other, in each order of the variables."""
    for order in itertools.permutations(range(len(seed))):
        sides: list[Side] = [(value,) for value in seed]
        for place in order:
            sides[place] = tuple(
                value
                for value in shape.variables[place].values
                if all(point in points for point in itertools.product(*sides[:place], (value,), *sides[place + 1 :]))
            )
        yield tuple(sides)
