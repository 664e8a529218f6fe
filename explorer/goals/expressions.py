"""Conditions on a state as a user writes them: `power[1] == ON and any(activity[c] == RUNNING for c in cores)`.

The syntax is Python's: comparisons, `and`, `or`, `not`, `in (...)`, and `all` and `any` over `cores` and `nodes`.
A field, and what the machine declares, is named as in the rules; a value of an enumeration is named as it is.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Mapping
from typing import Any

from psci.model.errors import InputError
from psci.model.language.sorts import BOOL, CORE, NODE, Enumeration, Sort
from psci.model.language.terms import (
    Const,
    Function,
    SortError,
    Term,
    Var,
    conjunction,
    disjunction,
    equal,
    every,
    lift,
    negation,
    some,
)
from psci.model.machine import Machine
from psci.model.symbols.machine import MACHINE_SYMBOLS
from psci.model.symbols.state import FIELDS

_SYMBOLS: Mapping[str, Function] = {function.name: function for function in (*FIELDS, *MACHINE_SYMBOLS)}
_SORTS = {"cores": CORE, "nodes": NODE}


def condition(text: str, machine: Machine) -> Term:
    """The condition as a term.

    Args:
        text: what the user wrote.
        machine: the machine that it speaks about.

    Raises:
        InputError: it is not a condition; the message says where, and what is near.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise InputError(f"until '{text}': {error.msg} at column {error.offset}") from None
    term = _Reader(text, machine).term(tree, {})
    if term.sort != BOOL:
        raise InputError(f"until '{text}': that is a {term.sort}, not a condition")
    return term


class _Reader:
    def __init__(self, text: str, machine: Machine) -> None:
        self.text = text
        self.machine = machine

    def fail(self, node: ast.AST, message: str) -> InputError:
        return InputError(f"until '{self.text}': {message} at column {getattr(node, 'col_offset', 0) + 1}")

    def term(self, node: ast.expr, bound: Mapping[str, Var], expected: Sort | None = None) -> Term:
        match node:
            case ast.BoolOp(op=ast.And(), values=values):
                return conjunction(*(self.formula(value, bound) for value in values))
            case ast.BoolOp(op=ast.Or(), values=values):
                return disjunction(*(self.formula(value, bound) for value in values))
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return negation(self.formula(operand, bound))
            case ast.Compare(left=left, ops=operators, comparators=right):
                return self.comparison(left, operators, right, bound)
            case ast.Constant(value=value) if isinstance(value, bool | int):
                return self.constant(node, value, expected)
            case ast.Name(id=name):
                return self.name(node, name, bound, expected)
            case ast.Subscript(value=ast.Name(id=name), slice=index):
                return self.indexed(node, name, index.elts if isinstance(index, ast.Tuple) else [index], bound)
            case ast.Call(func=ast.Name(id="all" | "any" as kind), args=[ast.GeneratorExp() as inner], keywords=[]):
                return self.quantified(kind, inner, bound)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                return self.indexed(node, name, arguments, bound)
        raise self.fail(node, f"{ast.unparse(node)} is not understood")

    def formula(self, node: ast.expr, bound: Mapping[str, Var]) -> Term:
        term = self.term(node, bound, BOOL)
        if term.sort != BOOL:
            raise self.fail(node, f"{ast.unparse(node)} is a {term.sort}, not a condition")
        return term

    def comparison(
        self, left: ast.expr, operators: list[ast.cmpop], right: list[ast.expr], bound: Mapping[str, Var]
    ) -> Term:
        parts = []
        before = left
        for operator, after in zip(operators, right, strict=True):
            if isinstance(operator, ast.In | ast.NotIn):
                if not isinstance(after, ast.Tuple | ast.List | ast.Set):
                    raise self.fail(after, "after `in` stands a list of values in parentheses")
                found = disjunction(*(self.compared(before, ast.Eq(), one, bound) for one in after.elts))
                parts.append(found if isinstance(operator, ast.In) else negation(found))
            else:
                parts.append(self.compared(before, operator, after, bound))
            before = after
        return conjunction(*parts)

    def compared(self, left: ast.expr, operator: ast.cmpop, right: ast.expr, bound: Mapping[str, Var]) -> Term:
        # the side that has a sort of its own says what the other is
        one = self.known(left, bound)
        other = self.term(right, bound, None if one is None else one.sort)
        one = self.term(left, bound, other.sort) if one is None else one
        try:
            match operator:
                case ast.Eq():
                    return equal(one, other)
                case ast.NotEq():
                    return negation(equal(one, other))
                case ast.Lt():
                    return one < other
                case ast.LtE():
                    return one <= other
                case ast.Gt():
                    return one > other
                case ast.GtE():
                    return one >= other
        except SortError as error:
            raise self.fail(left, str(error)) from None
        raise self.fail(left, "the comparison is not understood")

    def known(self, node: ast.expr, bound: Mapping[str, Var]) -> Term | None:
        """The term, unless it needs a sort from elsewhere."""
        plain = isinstance(node, ast.Constant) or (
            isinstance(node, ast.Name) and node.id not in bound and node.id not in _SYMBOLS
        )
        return None if plain else self.term(node, bound)

    def constant(self, node: ast.AST, value: bool | int, expected: Sort | None) -> Term:
        if expected is None and not isinstance(value, bool):
            raise self.fail(node, f"what {value} means does not follow from what it is compared with")
        try:
            term = lift(value, BOOL if expected is None else expected)
        except SortError:
            raise self.fail(node, f"{value} is no {expected}") from None
        sizes = {CORE: len(self.machine.cores), NODE: len(self.machine.tree.names)}
        if term.sort in sizes and int(value) >= sizes[term.sort]:
            raise self.fail(node, f"there is no {term.sort.name.lower()} {value}: there are {sizes[term.sort]}")
        return term

    def name(self, node: ast.AST, name: str, bound: Mapping[str, Var], expected: Sort | None) -> Term:
        if name in bound:
            return bound[name]
        if isinstance(expected, Enumeration):
            if name in expected.values:
                return Const(name, expected)
            if name not in _SYMBOLS:
                raise self.fail(node, f"{name} is none of {', '.join(expected.values)}")
        if name in _SYMBOLS:
            function = _SYMBOLS[name]
            if function.domain:
                raise self.fail(
                    node, f"{name} needs an index: {name}[{', '.join(s.name.lower() for s in function.domain)}]"
                )
            return function()
        near = difflib.get_close_matches(name, _SYMBOLS, 3, 0.5) or [function.name for function in FIELDS]
        raise self.fail(node, f"there is no field {name!r}; there is {', '.join(near)}")

    def indexed(self, node: ast.AST, name: str, index: list[ast.expr], bound: Mapping[str, Var]) -> Term:
        function = _SYMBOLS.get(name)
        if function is None:
            return self.name(node, name, {}, None)
        if len(index) != len(function.domain):
            raise self.fail(node, f"{name} has {len(function.domain)} indices, not {len(index)}")
        terms = [self.term(one, bound, sort) for one, sort in zip(index, function.domain, strict=True)]
        try:
            return function(*terms)
        except SortError as error:
            raise self.fail(node, str(error)) from None

    def quantified(self, kind: str, inner: ast.GeneratorExp, bound: Mapping[str, Var]) -> Term:
        (loop, *more) = inner.generators
        known = isinstance(loop.iter, ast.Name) and loop.iter.id in _SORTS and isinstance(loop.target, ast.Name)
        if more or not known:
            raise self.fail(inner, "write all(... for c in cores) or any(... for n in nodes)")
        sort = _SORTS[loop.iter.id]  # type: ignore[attr-defined]  # checked before
        name: str = loop.target.id  # type: ignore[attr-defined]  # checked before

        def body(variable: Var) -> Term:
            within: dict[str, Var] = {**bound, name: variable}
            said: list[Any] = [self.formula(inner.elt, within)]
            for test in loop.ifs:
                held = self.formula(test, within)
                said = [negation(held) | said[0]] if kind == "all" else [held & said[0]]
            return said[0]  # type: ignore[no-any-return]  # a term

        return every(sort, body) if kind == "all" else some(sort, body)


__all__ = ["condition"]
