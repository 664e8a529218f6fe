"""Terms as Z3 expressions, over any domain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import z3

from psci.model.language.effects import Effect, Update
from psci.model.language.terms import App, Const, Function, Op, Quantified, Term, Var, bind, has_quantifier, parts
from psci.proofs.encoding.domain import Domain, Expression, Meaning


@lru_cache(maxsize=1 << 16)
def free_in(term: Term) -> tuple[Var, ...]:
    """The variables of a term that no quantifier in it binds."""
    if isinstance(term, Var):
        return (term,)
    bound = term.variable if isinstance(term, Quantified) else None
    found = dict.fromkeys(variable for part in _inside(term) for variable in free_in(part))
    return tuple(variable for variable in found if variable is not bound)


@lru_cache(maxsize=1 << 16)
def read_by(term: Term) -> frozenset[str]:
    """The fields of the state, and what of a call, a term reads, also where a symbol in it abbreviates a term."""
    own = {term.function.name} if isinstance(term, App) and term.function.kind in ("state", "call") else frozenset()
    return frozenset(own).union(*map(read_by, _inside(term)))


def _inside(term: Term) -> tuple[Term, ...]:
    defined = term.function.definition if isinstance(term, App) else None
    return parts(term) if defined is None else (defined,)


@dataclass(frozen=True)
class Scope:
    """What the symbols of a term mean: fields and call symbols by name, bound variables, the rest by the domain."""

    domain: Domain
    state: Mapping[str, Meaning]
    call: Mapping[str, Meaning] = field(default_factory=dict)
    variables: Mapping[Var, Expression] = field(default_factory=dict)
    known: dict[tuple[Any, ...], tuple[Expression, tuple[Expression, ...]]] = field(
        default_factory=dict, repr=False, compare=False
    )
    """Terms that were translated, by what their free variables stand for; for all scopes that differ in these only.

    What stands for the variables is kept beside the result, or Z3 could give its id to another expression.
    """
    around: Scope | None = None
    """The scope from which this one differs in some symbols; what reads none of them is translated there."""
    changed: frozenset[str] = frozenset()
    """These symbols."""

    def binding(self, variable: Var, meaning: Expression) -> Scope:
        """This scope with one more bound variable."""
        return replace(self, variables={**self.variables, variable: meaning})

    def calling(self, call: Mapping[str, Meaning], variables: Mapping[Var, Expression]) -> Scope:
        """This state, which belongs to no call or move, with one."""
        return replace(self, call=call, variables=variables, known={}, around=self, changed=frozenset(call))

    def but(self, state: Mapping[str, Meaning]) -> Scope:
        """This scope with other meanings for some fields."""
        return replace(self, state={**self.state, **state}, known={}, around=self, changed=frozenset(state))

    # ---- translation

    def term(self, term: Term) -> Expression:
        """The term in Z3.

        Raises:
            KeyError: a symbol has no meaning here.
        """
        if isinstance(term, Const):
            return self.domain.constant(term.value, term.sort)
        if isinstance(term, Var):
            return self.variables[term]
        stands_for = tuple(self.variables[variable] for variable in free_in(term))
        key = (term, *(expression.get_id() for expression in stands_for))
        known = self._known_of(term)
        if key not in known:
            known[key] = (self._translated(term), stands_for)
        return known[key][0]

    def _known_of(self, term: Term) -> dict[tuple[Any, ...], tuple[Expression, tuple[Expression, ...]]]:
        scope = self
        while scope.around is not None and scope.changed.isdisjoint(read_by(term)):
            scope = scope.around
        return scope.known

    def _translated(self, term: Term) -> Expression:
        match term:
            case App(function=function, arguments=arguments):
                return self._application(function, arguments)
            case Op(name=name, arguments=arguments):
                return self._operator(name, [self.term(argument) for argument in arguments], arguments)
            case Quantified(kind=kind, variable=variable, body=body):
                return self.domain.quantify(kind, variable.sort, lambda place: self.binding(variable, place).term(body))
        raise AssertionError(type(term))

    def _application(self, function: Function, arguments: tuple[Term, ...]) -> Expression:
        if function.definition is not None:
            return self.term(function.definition)
        values = [self.term(argument) for argument in arguments]
        match function.kind:
            case "state":
                return self.state[function.name](*values)
            case "call":
                return self.call[function.name](*values)
        return self.domain.symbol(function)(*values)

    def _operator(self, name: str, values: list[Expression], terms: tuple[Term, ...]) -> Expression:
        match name:
            case "not":
                return z3.Not(values[0])
            case "and":
                return self.domain.conjunction(values)
            case "or":
                return self.domain.disjunction(values)
            case "eq":
                return values[0] == values[1]
            case "if":
                quantified = has_quantifier(terms[0])
                return z3.If(self.domain.condition(values[0]) if quantified else values[0], *values[1:])
            case "ult" | "ule":
                return self.domain.less(name == "ult", values[0], values[1], terms[0].sort)
            case "band":
                return values[0] & values[1]
            case "bor":
                return values[0] | values[1]
            case "shr":
                return z3.LShR(values[0], values[1])
            case "add":
                return values[0] + values[1]
            case "sub":
                return values[0] - values[1]
            case "zext":
                return z3.ZeroExt(32, values[0])
            case "low":
                return z3.Extract(31, 0, values[0])
        raise AssertionError(name)

    # ---- effects

    def after(self, effect: Effect) -> Mapping[str, Meaning]:
        """The fields that an effect names, in the state after it; all others keep their meaning."""
        return {update.field.name: self._updated(update) for update in effect.updates}

    def _updated(self, update: Update) -> Meaning:
        known: dict[tuple[int, ...], tuple[tuple[Expression, ...], Expression]] = {}

        def meaning(*index: Expression) -> Expression:
            key = tuple(place.get_id() for place in index)
            if key not in known:
                binders = tuple(bind(sort) for sort in update.field.domain)
                inner = replace(self, variables={**self.variables, **dict(zip(binders, index, strict=True))})
                # the index is kept beside the value, or Z3 could give its id to another term
                known[key] = (index, inner.term(update.value_at(binders)))
            return known[key][1]

        return meaning
