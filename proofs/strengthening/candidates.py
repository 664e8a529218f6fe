"""Candidate invariants: sentences about a few variables of a state, of which some may be what a proof needs.

A *shape* names a few variables with few values each: the power of a core, whether the system runs, what a
property remembers of that core. Each combination of their values is one candidate: it says that no
reachable state has this combination. Whatever can be said about these variables together is a set of such
candidates, so nothing else has to be guessed. Which shapes there are is said by templates, the simple ones first.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from psci.model.language.effects import substitute
from psci.model.language.sorts import BOOL, CORE, NODE, Enumeration
from psci.model.language.terms import (
    FALSE,
    TRUE,
    Function,
    Term,
    Value,
    Var,
    equal,
    every,
    fields_read,
    implies,
    show,
    some,
    subterms,
)
from psci.model.symbols.machine import MACHINE
from psci.proofs.strengthening.vocabulary import Vocabulary

AT_CORE = Var("at core", CORE)
AT_NODE = Var("at node", NODE)
PLACES = (AT_CORE, AT_NODE)
"""The core and the power domain that a candidate speaks about."""
MOST = 1200
"""The candidates that are looked at; what templates write beyond these is left out."""

Point: TypeAlias = tuple[Value, ...]
"""A value for each variable of a shape."""


@dataclass(frozen=True, eq=False)
class CandidateVariable:
    """A term with few values: of the core or the power domain at hand, or of the whole system."""

    term: Term

    @cached_property
    def values(self) -> tuple[Value, ...]:
        """What it may be."""
        sort = self.term.sort
        return sort.values if isinstance(sort, Enumeration) else (False, True)

    @cached_property
    def text(self) -> str:
        """The term as text, the same for equal terms."""
        return show(self.term)

    def equals(self, value: Value) -> Term:
        """It has this value."""
        if self.term.sort == BOOL:
            return self.term if value else ~self.term
        return self.term == value


@dataclass(frozen=True, eq=False)
class CandidateShape:
    """Candidates about the same variables: no state has such values where `where` holds and `then` does not."""

    family: str
    variables: tuple[CandidateVariable, ...]
    where: Term = TRUE
    then: Term = FALSE

    @cached_property
    def points(self) -> tuple[Point, ...]:
        """The candidates: every combination of values."""
        return tuple(itertools.product(*(variable.values for variable in self.variables)))

    @cached_property
    def text(self) -> str:
        """What it is made of, as text: the same for equal shapes."""
        return " | ".join(show(term) for term in self._terms())

    @cached_property
    def reads(self) -> frozenset[str]:
        """The fields and history variables that it reads."""
        return fields_read(*self._terms())

    @cached_property
    def places(self) -> tuple[Var, ...]:
        """The core and the power domain, where it speaks about one."""
        inside = {id(sub) for term in self._terms() for sub in subterms(term)}
        return tuple(place for place in PLACES if id(place) in inside)

    def _terms(self) -> Iterator[Term]:
        yield from (variable.term for variable in self.variables)
        yield from (self.where, self.then)


# ---- the variables


@dataclass(frozen=True)
class Parts:
    """The variables that templates combine."""

    words: Vocabulary
    cores: tuple[CandidateVariable, ...]
    """What a core is or does, at the core at hand."""
    wholes: tuple[CandidateVariable, ...]
    """What the whole system is or does."""
    kept: tuple[CandidateVariable, ...]
    """Those of the whole system that a property remembers, and whether the system runs."""
    declared: tuple[CandidateVariable, ...]
    """Conditions on the machine."""
    conditions: tuple[CandidateVariable, ...]
    """More of these: those under which rules change what the property remembers."""
    versions: tuple[CandidateVariable, ...]
    """That the version is older than some."""
    nodes: tuple[CandidateVariable, ...]
    """What a power domain is, and what the core at hand asked for it."""


def parts_of(words: Vocabulary) -> Parts:
    """The variables of a vocabulary."""
    few = [field for field in words.fields if field.range == BOOL or isinstance(field.range, Enumeration)]
    wholes = [field for field in few if not field.domain]
    return Parts(
        words,
        tuple(CandidateVariable(field(AT_CORE)) for field in few if field.domain == (CORE,)),
        tuple(CandidateVariable(field()) for field in wholes),
        tuple(CandidateVariable(field()) for field in wholes if field.name in words.history or field.name == "system"),
        tuple(map(CandidateVariable, words.declared)),
        tuple(map(CandidateVariable, words.conditions)),
        tuple(map(CandidateVariable, words.versions)),
        tuple(_of_node(field) for field in few if NODE in field.domain),
    )


def _of_node(field: Function) -> CandidateVariable:
    return CandidateVariable(field(*(AT_CORE if sort == CORE else AT_NODE for sort in field.domain)))


# ---- the templates, the simple ones first


def _values(parts: Parts) -> Iterator[CandidateShape]:
    """A variable never has some value."""
    for one in (*parts.wholes, *parts.cores):
        yield CandidateShape("values", (one,))


def _pairs(parts: Parts) -> Iterator[CandidateShape]:
    """Two things that are said of the same core."""
    for two in itertools.combinations(parts.cores, 2):
        yield CandidateShape("pairs", two)


def _system(parts: Parts) -> Iterator[CandidateShape]:
    """Something of the whole system, and something of every core, or of the system as well."""
    for two in (*itertools.product(parts.wholes, parts.cores), *itertools.combinations(parts.wholes, 2)):
        yield CandidateShape("system", two)


def _equalities(parts: Parts) -> Iterator[CandidateShape]:
    """What a property remembers is what a field holds, always or where some variable has some value."""
    for one, other in itertools.product(parts.words.fields, parts.words.fields):
        remembers = other.name in parts.words.history and one.name not in parts.words.history
        if remembers and one.range == other.range and one.domain == other.domain and NODE not in one.domain:
            place = (AT_CORE,) if one.domain else ()
            yield CandidateShape("equalities", (), then=one(*place) == other(*place))
            for variable in parts.cores if one.domain else parts.wholes:
                if variable.text not in (one.name, other.name):
                    yield CandidateShape("equalities", (variable,), then=one(*place) == other(*place))


def _versions(parts: Parts) -> Iterator[CandidateShape]:
    """What is not there before some version."""
    for two in itertools.product(parts.versions, (*parts.wholes, *parts.cores)):
        yield CandidateShape("versions", two)


def _declarations(parts: Parts) -> Iterator[CandidateShape]:
    """Where the machine is as the claim says: something remembered, or something of every core, or both."""
    for declared in parts.declared:
        for one in (*parts.wholes, *parts.cores):
            yield CandidateShape("declarations", (declared, one))
        for two in itertools.product(parts.kept, parts.cores):
            yield CandidateShape("declarations", (declared, *two))


def _conditions(parts: Parts) -> Iterator[CandidateShape]:
    """Where the machine is as a rule says: something remembered."""
    for two in itertools.product(parts.conditions, parts.kept):
        yield CandidateShape("conditions", two)


def _one_core(parts: Parts) -> Iterator[CandidateShape]:
    """One core that is named, or every other core."""
    some_of_kept = [(), *((one,) for one in parts.wholes), *itertools.combinations(parts.kept, 2)]
    for field in parts.words.fields:
        if field.range == CORE and not field.domain:
            named = field()
            for whole, variable in itertools.product(some_of_kept, parts.cores):
                yield CandidateShape(
                    "one core", (*whole, CandidateVariable(substitute(variable.term, {AT_CORE: named})))
                )
                yield CandidateShape("one core", (*whole, variable), ~equal(AT_CORE, named))


def _two_of_system(parts: Parts) -> Iterator[CandidateShape]:
    """Two things of the whole system, and something of every core."""
    for two, variable in itertools.product(itertools.combinations(parts.kept, 2), parts.cores):
        yield CandidateShape("two of the system", (*two, variable))


def _some_core(parts: Parts) -> Iterator[CandidateShape]:
    """Some core is or does something."""
    for whole, variable in itertools.product(parts.kept, parts.cores):
        for value in variable.values:
            yield CandidateShape("some core", (whole,), then=some(CORE, _at(variable.equals(value))))


def _power_domains(parts: Parts) -> Iterator[CandidateShape]:
    """A core, and a power domain that it is in."""
    system = [whole for whole in parts.kept if whole.text == "system"]
    for three in itertools.product(system, parts.cores, parts.nodes):
        yield CandidateShape("power domains", three, MACHINE.below(AT_CORE, AT_NODE))


def _all_cores_inside(parts: Parts) -> Iterator[CandidateShape]:
    """A power domain in which all cores are or do the same."""
    system = [whole for whole in parts.kept if whole.text == "system"]
    nodes = [node for node in parts.nodes if not _speaks_of(node.term, AT_CORE)]
    for whole, variable, node in itertools.product(system, parts.cores, nodes):
        for value in variable.values:
            inside = implies(MACHINE.below(AT_CORE, AT_NODE), variable.equals(value))
            yield CandidateShape("all cores inside", (whole, node), every(CORE, _at(inside)))


def _at(term: Term) -> Callable[[Var], Term]:
    """What a term says of the core at hand, of any core."""
    return lambda core: substitute(term, {AT_CORE: core})


def _speaks_of(term: Term, place: Var) -> bool:
    return any(sub is place for sub in subterms(term))


Template: TypeAlias = Callable[[Parts], Iterator[CandidateShape]]
TEMPLATES: Mapping[str, Template] = {
    "values": _values,
    "pairs": _pairs,
    "system": _system,
    "equalities": _equalities,
    "versions": _versions,
    "declarations": _declarations,
    "conditions": _conditions,
    "one core": _one_core,
    "two of the system": _two_of_system,
    "some core": _some_core,
    "power domains": _power_domains,
    "all cores inside": _all_cores_inside,
}
FAMILIES: Sequence[str] = tuple(TEMPLATES)
"""The names of the templates, the simple ones first."""
SIMPLE: Sequence[str] = FAMILIES[:6]
"""Those that are tried before the others."""


def candidates(words: Vocabulary, families: Iterable[str] = FAMILIES) -> tuple[CandidateShape, ...]:
    """The candidates over a vocabulary, by shape, in an order that never changes; not more than `MOST`."""
    parts = parts_of(words)
    found: list[CandidateShape] = []
    count = 0
    for family in families:
        for shape in TEMPLATES[family](parts):
            count += len(shape.points)
            if count > MOST:
                return tuple(found)
            found.append(shape)
    return tuple(found)
