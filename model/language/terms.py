"""Terms: the small typed trees that guards, values and effects are made of.

There are five kinds of term: a constant, a bound variable, a function applied to arguments, an
operator applied to terms, and a quantifier. A term is data. It is compiled to Python by the
stepper, translated by the solvers and printed by the documents; Python itself never branches on
one, so a guard cannot silently mean something else in one reader than in another.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NoReturn, TypeAlias, Union

from psci.model.language.sorts import BOOL, CORE, NODE, U8, U32, U64, BitVector, Enumeration, Quantity, Sort

Value: TypeAlias = bool | int | str
"""What a term evaluates to: a bool, an unsigned word, an index of a core or node, or a name of an enumeration."""
Operand: TypeAlias = Union["Term", bool, int, str]


class SortError(TypeError):
    """A term was built from parts whose sorts do not fit together."""


class Term:
    """A typed tree; `sort` says what it evaluates to."""

    __slots__ = ()
    sort: Sort

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "a term has no truth value in Python: write & | ~ for and, or, not, `choose(c, a, b)` for if, "
            "`every`/`some` for loops, and `same(a, b)` to compare two terms as trees"
        )

    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> Term:  # type: ignore[override]  # a comparison is a term, never a bool
        return equal(self, _operand(other))

    def __ne__(self, other: object) -> Term:  # type: ignore[override]  # as above
        return ~equal(self, _operand(other))

    def __and__(self, other: Operand) -> Term:
        return self._word("band", other) if isinstance(self.sort, BitVector) else conjunction(self, lift(other, BOOL))

    def __or__(self, other: Operand) -> Term:
        return self._word("bor", other) if isinstance(self.sort, BitVector) else disjunction(self, lift(other, BOOL))

    def __invert__(self) -> Term:
        return negation(self)

    def __rshift__(self, bits: int) -> Term:
        return self._word("shr", bits)

    def __add__(self, other: Operand) -> Term:
        return self._word("add", other)

    def __sub__(self, other: Operand) -> Term:
        return self._word("sub", other)

    def __lt__(self, other: Operand) -> Term:
        return self._below("ult", other)

    def __le__(self, other: Operand) -> Term:
        return self._below("ule", other)

    def __gt__(self, other: Operand) -> Term:
        return ~self._below("ule", other)

    def __ge__(self, other: Operand) -> Term:
        return ~self._below("ult", other)

    def bits(self, high: int, low: int) -> Term:
        """The field [high:low] of a word, right-aligned, in a word of the same width."""
        width = high - low + 1
        return (self >> low) & ((1 << width) - 1)

    def bit(self, index: int) -> Term:
        """Whether bit `index` of a word is set."""
        return self.bits(index, index) == 1

    def is_in(self, *values: Operand) -> Term:
        """Whether the term equals one of the values."""
        return disjunction(*(self == value for value in values))

    def _word(self, name: str, other: Operand) -> Term:
        if not isinstance(self.sort, BitVector):
            raise SortError(f"{name} needs words, not {self.sort}")
        return Op(name, (self, lift(other, self.sort)), self.sort)

    def _below(self, name: str, other: Operand) -> Term:
        if not isinstance(self.sort, BitVector | Quantity | Enumeration):
            raise SortError(f"{self.sort} has no order")
        return Op(name, (self, lift(other, self.sort)), BOOL)


@dataclass(frozen=True, slots=True, eq=False)
class Const(Term):
    """A value written in a rule."""

    value: Value
    sort: Sort


@dataclass(frozen=True, slots=True, eq=False)
class Var(Term):
    """A core or node bound by a quantifier, an `each`, or an environment move."""

    name: str
    sort: Sort


FunctionKind: TypeAlias = Literal["state", "machine", "call", "tree"]


@dataclass(frozen=True, slots=True)
class Function:
    """A named function that terms apply.

    `state`: a field of the state, changed by effects. `machine`: what an implementation declares,
    fixed for its life. `call`: a property of the call at hand. `tree`: the fixed relations between
    cores and nodes. A function with a `definition` is an abbreviation of that term.
    """

    name: str
    domain: tuple[Sort, ...]
    range: Sort
    kind: FunctionKind
    doc: str = ""
    definition: Term | None = None

    def __call__(self, *arguments: Operand) -> Term:
        """The function applied to arguments.

        Raises:
            SortError: they are not of its sorts.
        """
        if len(arguments) != len(self.domain):
            raise SortError(f"{self.name} takes {len(self.domain)} arguments, not {len(arguments)}")
        lifted = tuple(lift(argument, sort) for argument, sort in zip(arguments, self.domain, strict=True))
        return App(self, lifted, self.range)

    def __getitem__(self, index: Operand | tuple[Operand, ...]) -> Term:
        return self(*index) if isinstance(index, tuple) else self(index)


@dataclass(frozen=True, slots=True, eq=False)
class App(Term):
    """A function applied to arguments."""

    function: Function
    arguments: tuple[Term, ...]
    sort: Sort


@dataclass(frozen=True, slots=True, eq=False)
class Op(Term):
    """An operator applied to terms: not and or eq if ult ule band bor shr add sub zext low."""

    name: str
    arguments: tuple[Term, ...]
    sort: Sort


@dataclass(frozen=True, slots=True, eq=False)
class Quantified(Term):
    """`every` or `some` core or node satisfies the body."""

    kind: Literal["every", "some"]
    variable: Var
    body: Term
    sort: Sort = BOOL


TRUE = Const(True, BOOL)
FALSE = Const(False, BOOL)


def lift(operand: Operand, sort: Sort) -> Term:
    """The operand as a term of the sort.

    Raises:
        SortError: the operand has another sort, or is not a value of it.
    """
    if isinstance(operand, Term):
        if operand.sort != sort:
            raise SortError(f"expected {sort}, got {operand.sort}: {_in_short(operand)}")
        return operand
    if sort == BOOL and isinstance(operand, bool):
        return TRUE if operand else FALSE
    if isinstance(sort, BitVector) and isinstance(operand, int) and not isinstance(operand, bool):
        if not -(1 << (sort.width - 1)) <= operand < 1 << sort.width:
            raise SortError(f"{operand:#x} does not fit {sort}")
        return Const(operand & ((1 << sort.width) - 1), sort)
    if isinstance(sort, Enumeration) and operand in sort.values:
        return Const(operand, sort)
    if sort in (CORE, NODE) and isinstance(operand, int) and not isinstance(operand, bool) and operand >= 0:
        return Const(operand, sort)
    raise SortError(f"{operand!r} is no {sort}")


def _in_short(term: Term) -> str:
    """A term by the name of what is at its root, for messages."""
    match term:
        case Const(value=value):
            return repr(value)
        case App(function=function):
            return function.name
        case Var(name=name) | Op(name=name):
            return name
    return type(term).__name__


def _operand(other: object) -> Operand:
    if isinstance(other, Term | bool | int | str):
        return other
    raise SortError(f"{other!r} cannot stand in a term")


def equal(left: Term, right: Operand) -> Term:
    """Whether two terms have the same value."""
    return Op("eq", (left, lift(right, left.sort)), BOOL)


def negation(term: Term) -> Term:
    """Not."""
    match term:
        case Const(value=value, sort=sort) if sort == BOOL:
            return FALSE if value else TRUE
        case Op(name="not", arguments=(inner,)):
            return inner
    return Op("not", (lift(term, BOOL),), BOOL)


def _junction(name: str, unit: Const, zero: Const, terms: tuple[Operand, ...]) -> Term:
    flat: list[Term] = []
    for operand in terms:
        term = lift(operand, BOOL)
        if isinstance(term, Const):
            if term.value == zero.value:
                return zero
            continue
        flat.extend(term.arguments if isinstance(term, Op) and term.name == name else (term,))
    if not flat:
        return unit
    return flat[0] if len(flat) == 1 else Op(name, tuple(flat), BOOL)


def conjunction(*terms: Operand) -> Term:
    """All of the terms; true when there are none."""
    return _junction("and", TRUE, FALSE, terms)


def disjunction(*terms: Operand) -> Term:
    """At least one of the terms; false when there are none."""
    return _junction("or", FALSE, TRUE, terms)


def implies(left: Term, right: Term) -> Term:
    """If the left term holds, so does the right."""
    return disjunction(~left, right)


def choose(condition: Term, then: Operand, otherwise: Operand) -> Term:
    """`then` where the condition holds, else `otherwise`; one of the two must be a term."""
    known = then if isinstance(then, Term) else otherwise
    if not isinstance(known, Term):
        raise SortError(f"the sort of {then!r} and {otherwise!r} is not known: make one a term")
    branches = lift(then, known.sort), lift(otherwise, known.sort)
    if isinstance(condition, Const):
        return branches[0 if condition.value else 1]
    return Op("if", (lift(condition, BOOL), *branches), known.sort)


def low32(word: Term) -> Term:
    """The low 32 bits of a 64-bit word, as a 32-bit word."""
    return Op("low", (lift(word, U64),), U32)


def extend(word: Term) -> Term:
    """A 32-bit word with zeros above, as a 64-bit word."""
    return Op("zext", (lift(word, U32),), U64)


_fresh = itertools.count()


def bind(sort: Sort) -> Var:
    """A variable of the sort that no other term uses."""
    return Var(f"{sort.name.lower()}{next(_fresh)}", sort)


def _quantify(kind: Literal["every", "some"], sort: Sort, body: Callable[[Var], Term]) -> Term:
    variable = bind(sort)
    inner = lift(body(variable), BOOL)
    return inner if isinstance(inner, Const) else Quantified(kind, variable, inner)


def every(sort: Sort, body: Callable[[Var], Term]) -> Term:
    """Every value of the sort (CORE or NODE) satisfies the body."""
    return _quantify("every", sort, body)


def some(sort: Sort, body: Callable[[Var], Term]) -> Term:
    """Some value of the sort (CORE or NODE) satisfies the body."""
    return _quantify("some", sort, body)


def parts(term: Term) -> tuple[Term, ...]:
    """The direct subterms."""
    match term:
        case App(arguments=arguments) | Op(arguments=arguments):
            return arguments
        case Quantified(body=body):
            return (body,)
    return ()


def subterms(term: Term) -> Iterator[Term]:
    """The term and everything in it, from left to right; a term stands before its parts."""
    waiting = [term]
    while waiting:
        one = waiting.pop()
        yield one
        waiting.extend(reversed(parts(one)))


def has_quantifier(term: Term) -> bool:
    """Whether there is `every` or `some` in the term."""
    return any(isinstance(sub, Quantified) for sub in subterms(term))


def fields_read(*terms: Term) -> frozenset[str]:
    """The names of the state fields that terms read."""
    inside = (sub for term in terms for sub in subterms(term))
    return frozenset(sub.function.name for sub in inside if isinstance(sub, App) and sub.function.kind == "state")


def same(left: Term, right: Term) -> bool:
    """Whether two terms are the same tree, up to the names of bound variables."""
    return show(left) == show(right)


_INFIX = {
    "and": " and ", "or": " or ", "eq": " == ", "ult": " < ", "ule": " <= ",
    "band": " & ", "bor": " | ", "shr": " >> ", "add": " + ", "sub": " - ",
}  # fmt: skip


def show(term: Term, names: dict[str, str] | None = None) -> str:
    """The term as text, in the words of the rule files."""
    names = names or {}
    match term:
        case Const(value=value, sort=BitVector()):
            return f"{value:#x}"
        case Const(value=value):
            return str(value)
        case Var(name=name):
            return names.get(name, name)
        case App(function=function, arguments=()):
            return function.name
        case App(function=function, arguments=arguments):
            return f"{function.name}({', '.join(show(argument, names) for argument in arguments)})"
        case Op(name="not", arguments=(Op(name="eq", arguments=(left, right)),)):
            return f"{_inner(left, names)} != {_inner(right, names)}"
        case Op(name="not", arguments=(inner,)):
            return f"not {_inner(inner, names)}"
        case Op(name="if", arguments=(condition, then, otherwise)):
            return f"({show(then, names)} if {show(condition, names)} else {show(otherwise, names)})"
        case Op(name=name, arguments=arguments) if name in _INFIX:
            return _INFIX[name].join(_inner(argument, names) for argument in arguments)
        case Op(name=name, arguments=(inner,)):
            return f"{name}({show(inner, names)})"
        case Quantified(kind=kind, variable=variable, body=body):
            # bound variables are named by depth, so that equal trees print alike
            name = f"{'c' if variable.sort == CORE else 'n'}{len(names)}"
            return f"{kind} {variable.sort} {name}: {_inner(body, {**names, variable.name: name})}"
    raise AssertionError(type(term))


def _inner(term: Term, names: dict[str, str]) -> str:
    text = show(term, names)
    plain = not isinstance(term, Op | Quantified) or (isinstance(term, Op) and term.name in ("if", "zext", "low"))
    return text if plain else f"({text})"


__all__ = [
    "BOOL", "CORE", "FALSE", "NODE", "TRUE", "U8", "U32", "U64", "App", "BitVector", "Const", "Enumeration",
    "Function", "Op", "Operand", "Quantified", "Sort", "SortError", "Term", "Value", "Var", "bind", "choose",
    "conjunction", "disjunction", "equal", "every", "extend", "fields_read", "has_quantifier", "implies", "lift",
    "low32", "negation", "parts", "same", "show", "some", "subterms",
]  # fmt: skip
