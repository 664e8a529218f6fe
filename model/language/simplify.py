"""The partial evaluator: a term with what is known written in, and simplified as far as that goes."""

from __future__ import annotations

from collections.abc import Callable

from psci.model.language.terms import (
    FALSE,
    TRUE,
    App,
    Const,
    Function,
    Op,
    Quantified,
    Term,
    choose,
    conjunction,
    disjunction,
    negation,
    same,
)

Known = Callable[[Function, tuple[Term, ...]], Term | None]
"""What takes the place of a function applied to arguments, which are simplified already; None: it stays."""


def simplify(term: Term, known: Known) -> Term:
    """The term under what is known; equal to it wherever that is true.

    Sorts are not empty: there is at least one core and one node, so that a quantifier over a constant is that constant.
    """
    match term:
        case App(function=function, arguments=arguments, sort=sort):
            inner = tuple(simplify(argument, known) for argument in arguments)
            found = known(function, inner)
            return App(function, inner, sort) if found is None else found
        case Op(name=name, arguments=arguments):
            return _operator(name, tuple(simplify(argument, known) for argument in arguments), term)
        case Quantified(kind=kind, variable=variable, body=body):
            inside = simplify(body, known)
            return inside if isinstance(inside, Const) else Quantified(kind, variable, inside)
    return term


def _operator(name: str, arguments: tuple[Term, ...], term: Op) -> Term:
    match name, arguments:
        case "not", (inner,):
            return negation(inner)
        case "and", _:
            return conjunction(*arguments)
        case "or", _:
            return disjunction(*arguments)
        case "if", (condition, then, otherwise):
            return then if _constants(then, otherwise) and same(then, otherwise) else choose(condition, then, otherwise)
        case "eq", (Const(value=left), Const(value=right)):
            return TRUE if left == right else FALSE
    return Op(name, arguments, term.sort)


def _constants(*terms: Term) -> bool:
    return all(isinstance(term, Const) for term in terms)
