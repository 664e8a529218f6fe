"""Formulas of SMT-LIB files and of CPC proofs as shared trees, so that the same formula is the same number in both.

Both languages write one formula in several ways: names for shared parts, words in hexadecimal or binary, indexed
operators in parentheses or not. What is left after these are resolved is compared as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

SExpression: TypeAlias = Any
"""A word, or a list of expressions."""
TOKEN = re.compile(r'\|[^|]*\||"[^"]*"|;[^\n]*|[()]|[^\s()|";]+')
QUANTIFIERS = ("forall", "exists")


class SharedTerms:
    """Trees that share what they have in common."""

    def __init__(self) -> None:
        self._numbers: dict[tuple[object, ...], int] = {}

    def intern(self, *parts: object) -> int:
        """The number of a tree with these parts; equal trees have equal numbers."""
        return self._numbers.setdefault(parts, len(self._numbers))

    def read(self, expression: SExpression, names: Mapping[str, int]) -> int:
        """The number of a formula.

        Args:
            expression: as it was parsed.
            names: what names of shared parts and of bound variables stand for.
        """
        while isinstance(expression, list) and expression[:1] == ["let"]:
            # each binding sees the names from before this let
            new = {name: self.read(value, names) for name, value in expression[1]}
            names, expression = {**names, **new}, expression[2]
        if isinstance(expression, str):
            return names[expression] if expression in names else self.intern("word", _word(expression))
        head = expression[0]
        if head == "@var":
            return self.intern("word", expression[1].strip('"'))
        if head in QUANTIFIERS:
            return self._quantified(expression, names)
        if isinstance(head, list) and head[:1] == ["_"]:
            return self._applied(head[1:], expression[1:], names)
        if head == "_":
            return self.intern("word", _indexed_word(expression))
        return self._applied(expression[:1], expression[1:], names)

    def _applied(self, head: list[SExpression], arguments: list[SExpression], names: Mapping[str, int]) -> int:
        return self.intern("apply", *(self.read(part, names) for part in (*head, *arguments)))

    def _quantified(self, expression: SExpression, names: Mapping[str, int]) -> int:
        kind, variables, body = expression[:3]
        if isinstance(variables, str):
            bound = names[variables]  # a shared list of variables
        elif variables[:1] == ["@list"]:
            bound = self.read(variables, names)
        else:
            words = [self.intern("word", _word(name)) for name, _ in variables]
            bound = self.intern("apply", self.intern("word", "@list"), *words)
        return self.intern(kind, bound, self.read(body, names))


def parse(text: str) -> Iterator[SExpression]:
    """The expressions of a text, one after the other.

    Raises:
        ValueError: its parentheses do not match.
    """
    stack: list[list[SExpression]] = [[]]
    for token in TOKEN.findall(text):
        if token.startswith(";"):
            continue
        if token == "(":
            stack.append([])
        elif token == ")":
            if len(stack) == 1:
                raise ValueError("a closing parenthesis too many")
            done = stack.pop()
            stack[-1].append(done)
        else:
            stack[-1].append(token)
    if len(stack) > 1:
        raise ValueError("the text ends inside an expression")
    yield from stack[0]


def _word(token: str) -> str:
    """A word; numbers in binary, names without bars."""
    if token.startswith("#x"):
        return f"#b{int(token[2:], 16):0{4 * (len(token) - 2)}b}"
    return token[1:-1] if token.startswith("|") else token


def _indexed_word(expression: list[str]) -> str:
    """`(_ bv5 64)` in binary; other indexed words as they stand."""
    _, name, *rest = expression
    if name.startswith("bv") and len(rest) == 1:
        return f"#b{int(name[2:]):0{int(rest[0])}b}"
    return " ".join(expression)


__all__ = ["SharedTerms", "parse"]
