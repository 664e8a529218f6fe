"""Terms of the rules as guarded values: for each value that a term can have, the formula under which it has it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from psci.explorer.lowering.formulas import Formulas, Role, Variable
from psci.explorer.lowering.orbits import Mpidr, Orbits, ToldApart
from psci.model.errors import InputError
from psci.model.language.sorts import BOOL, CORE, BitVector, Enumeration
from psci.model.language.terms import App, Const, Function, Op, Quantified, Term, Var

Guarded: TypeAlias = dict[Any, int]
"""Values (a core is a `Role`, the MPIDR of one a `Mpidr`), each with its formula; the formulas exclude each other."""


@dataclass(slots=True)
class LoweringScope:
    """What the symbols of a term stand for."""

    symbols: Mapping[str, Any]
    """Call symbols, bound variables and move parameters: a value, or guarded values."""
    named: tuple[int, ...]
    """For each orbit how many of its roles are taken."""
    after: Mapping[Variable, Guarded] = field(default_factory=dict)
    """What a step makes of the variables that it changes; a primed field reads this."""
    outer: tuple[int, ...] = ()
    """The roles that the step takes, where there is a step."""
    memo: dict[int, Any] = field(default_factory=dict)
    terms: list[Term] = field(default_factory=list)
    """The terms that are remembered, so that none is freed and its number used again."""

    def role(self, orbit: int) -> tuple[Role, tuple[int, ...]]:
        """The next free role of an orbit, and the roles that are taken with it."""
        counts = list(self.named)
        counts[orbit] += 1
        return Role(orbit, self.named[orbit]), tuple(counts)


_UNARY = frozenset({"low", "zext", "band", "shr"})
"""Operators that may leave their first operand as it is."""


class TermEvaluator:
    """Evaluates terms for one machine, over variables with these domains."""

    def __init__(self, orbits: Orbits, domains: Mapping[Variable, list[Any]]) -> None:
        self.orbits = orbits
        self.machine = orbits.machine
        self.tree = orbits.machine.tree
        self.domains = domains
        """By family: a variable with its roles replaced by their orbits."""
        self._families: dict[Variable, Variable] = {}
        self.spoken_of: Mapping[int, Role] = {}
        """Roles of cores that a question names, beside those that are orbits of their own."""
        self.formulas = Formulas(lambda variable: len(self.domain(variable)))
        self._reads: dict[Variable, Guarded] = {}

    def family(self, variable: Variable) -> Variable:
        """The variables that share a domain: the field, with orbits in place of roles."""
        found = self._families.get(variable)
        if found is None:
            found = tuple(place.orbit if isinstance(place, Role) else place for place in variable)
            self._families[variable] = found
        return found

    def domain(self, variable: Variable) -> list[Any]:
        """The values that a variable can have."""
        return self.domains[self.family(variable)]

    def formula(self, term: Term, scope: LoweringScope) -> int:
        """A term of sort Bool as a formula."""
        value = self.evaluate(term, scope)
        assert isinstance(value, int), term
        return value

    def guarded(self, term: Term, scope: LoweringScope) -> Guarded:
        """A term of any sort as guarded values."""
        value = self.evaluate(term, scope)
        if isinstance(value, dict):
            return value
        both = ((True, value), (False, self.formulas.negation(value)))
        return {truth: formula for truth, formula in both if formula != Formulas.FALSE}

    def evaluate(self, term: Term, scope: LoweringScope) -> Any:
        """A formula for a term of sort Bool, guarded values for any other."""
        if isinstance(term, Const):
            if term.sort == BOOL:
                return Formulas.TRUE if term.value else Formulas.FALSE
            return {self._core(int(term.value)) if term.sort == CORE else term.value: Formulas.TRUE}
        found = scope.memo.get(id(term))
        if found is None:
            found = scope.memo[id(term)] = self._compound(term, scope)
            scope.terms.append(term)
        return found

    def _core(self, core: int) -> Role:
        return self.spoken_of.get(core) or self.orbits.role_of(core)

    def _compound(self, term: Term, scope: LoweringScope) -> Any:
        match term:
            case Var(name=name, sort=sort):
                return self._symbol(scope.symbols[name], sort == BOOL)
            case App(function=function, arguments=arguments):
                if function.definition is not None:
                    return self.evaluate(function.definition, scope)
                if function.kind == "call":
                    return self._symbol(scope.symbols[function.name], function.range == BOOL)
                return self._application(function, [self.guarded(argument, scope) for argument in arguments], scope)
            case Op(name="if"):
                return self._choice(term, scope)
            case Op(name="not", arguments=(inner,)):
                return self.formulas.negation(self.formula(inner, scope))
            case Op(name="and" | "or" as name, arguments=arguments):
                return self._junction(name, arguments, scope)
            case Op():
                return self._operation(term, [self.guarded(argument, scope) for argument in term.arguments])
            case Quantified():
                return self._quantified(term, scope)
        raise AssertionError(type(term))

    def _symbol(self, value: Any, is_bool: bool) -> Any:
        if isinstance(value, dict):
            return value
        if is_bool:
            return Formulas.TRUE if value else Formulas.FALSE
        return {value: Formulas.TRUE}

    def _junction(self, name: str, arguments: tuple[Term, ...], scope: LoweringScope) -> int:
        stop = Formulas.FALSE if name == "and" else Formulas.TRUE
        parts = []
        for argument in arguments:
            part = self.formula(argument, scope)
            if part == stop:
                return stop
            parts.append(part)
        return self.formulas.conjunction(parts) if name == "and" else self.formulas.disjunction(parts)

    def _choice(self, term: Op, scope: LoweringScope) -> Any:
        condition = self.formula(term.arguments[0], scope)
        if condition in (Formulas.TRUE, Formulas.FALSE):
            return self.evaluate(term.arguments[1 if condition == Formulas.TRUE else 2], scope)
        then, otherwise = (self.evaluate(argument, scope) for argument in term.arguments[1:])
        if term.sort == BOOL:
            return self.formulas.choice(condition, then, otherwise)
        found: Guarded = {}
        self.merge(found, then, condition)
        self.merge(found, otherwise, self.formulas.negation(condition))
        return found

    def merge(self, into: Guarded, values: Guarded, condition: int) -> None:
        """Add the values that hold under a condition."""
        for value, formula in values.items():
            here = self.formulas.both(formula, condition)
            if here != Formulas.FALSE:
                into[value] = self.formulas.disjunction((into[value], here)) if value in into else here

    def cases(self, *parts: Guarded) -> list[tuple[tuple[Any, ...], int]]:
        """Every combination of values that is possible, with its formula."""
        found = []
        for combination in itertools.product(*(part.items() for part in parts)):
            condition = self.formulas.conjunction(formula for _, formula in combination)
            if condition != Formulas.FALSE:
                found.append((tuple(value for value, _ in combination), condition))
        return found

    def _collected(self, is_bool: bool, cases: list[tuple[Any, int]]) -> Any:
        found: Guarded = {}
        for value, formula in cases:
            found[value] = self.formulas.disjunction((found[value], formula)) if value in found else formula
        return found.get(True, Formulas.FALSE) if is_bool else found

    # ---- functions

    def _outermost(self, variable: Variable, scope: LoweringScope) -> Variable:
        """The variable as a step speaks of it: all cores without a role in the step are the next role."""
        return tuple(
            Role(place.orbit, min(place.number, scope.outer[place.orbit])) if isinstance(place, Role) else place
            for place in variable
        )

    def read(self, variable: Variable, is_core: bool = False) -> Guarded:
        """The values of a variable."""
        found = self._reads.get(variable)
        if found is None:
            found = {}
            for number, value in enumerate(self.domain(variable)):
                shown = self.orbits.role_of(value) if is_core else value
                found[shown] = self.formulas.literal(variable, (number,))
            self._reads[variable] = found
        return found

    def _application(self, function: Function, arguments: list[Guarded], scope: LoweringScope) -> Any:
        is_bool = function.range == BOOL
        found: list[tuple[Any, int]] = []
        for values, condition in self.cases(*arguments):
            if function.kind != "state":
                found.append((self._fixed(function, values), condition))
                continue
            name, primed = function.name.removesuffix("'"), function.name.endswith("'")
            variable = (name, *values)
            now = scope.after.get(self._outermost(variable, scope)) if primed else None
            if now is None:
                now = self.read(variable, function.range == CORE)
            found += [(value, self.formulas.both(formula, condition)) for value, formula in now.items()]
        return self._collected(is_bool, [(value, formula) for value, formula in found if formula != Formulas.FALSE])

    def _fixed(self, function: Function, values: tuple[Any, ...]) -> Any:
        """What the tree or the machine says."""
        match function.name, values:
            case "mpidr", (Role() as role,):
                return Mpidr(role)
            case "core_of", (Mpidr(role=role),):
                return role
        if function.kind == "tree":
            answer = self.orbits.alike(values, lambda words: self._tree(function.name, words))
        else:
            answer = self.orbits.alike(values, lambda words: self._declared(function.name, words))
        return self.orbits.role_of(int(answer)) if function.range == CORE else answer  # type: ignore[call-overload]  # cores are ints

    def _tree(self, name: str, words: tuple[Any, ...]) -> Any:
        match name:
            case "level":
                return self.tree.levels[words[0]]
            case "ancestor":
                return self.tree.ancestors[words[1]][words[0]]
            case "below":
                return self.tree.below(*words)
        raise AssertionError(name)

    def _declared(self, name: str, words: tuple[Any, ...]) -> Any:
        value = self.machine.value(name, words)
        if value is None:
            raise InputError(
                f"the machine leaves {name}{words or ''} open: an explored machine has to declare everything "
                "(psci.explorer.abstraction.machines.small)"
            )
        return value

    # ---- operators

    def _operation(self, term: Op, arguments: list[Guarded]) -> Any:
        order = term.arguments[0].sort.values if isinstance(term.arguments[0].sort, Enumeration) else None
        width = term.sort.width if isinstance(term.sort, BitVector) else 64
        found = []
        for values, condition in self.cases(*arguments):
            found.append((self._operated(term.name, values, order, width), condition))
        return self._collected(term.sort == BOOL, found)

    def _operated(self, name: str, values: tuple[Any, ...], order: tuple[str, ...] | None, width: int) -> Any:
        if not any(isinstance(value, Mpidr) for value in values):
            return operate(name, values, order, width)
        if name == "eq" and all(isinstance(value, Mpidr) for value in values):
            # two roles are two cores, and no two cores have one MPIDR
            return values[0] == values[1]
        first, *rest = values
        words = not any(isinstance(value, Mpidr) for value in rest)
        if isinstance(first, Mpidr) and words and name in _UNARY and self._leaves(name, first, tuple(rest), width):
            return first
        return self.orbits.alike(values, lambda words: operate(name, words, order, width))

    def _leaves(self, name: str, mpidr: Mpidr, rest: tuple[Any, ...], width: int) -> bool:
        """Whether an operator leaves the MPIDR of every core of the orbit as it is."""
        words = (self.machine.cores[core] for core in self.orbits.members[mpidr.role.orbit])
        return all(operate(name, (word, *rest), None, width) == word for word in words)

    def _quantified(self, term: Quantified, scope: LoweringScope) -> int:
        every = term.kind == "every"
        stop = Formulas.FALSE if every else Formulas.TRUE
        parts = []
        for place, named in self.places(term.variable.sort, scope):
            symbols = {**scope.symbols, term.variable.name: place}
            inner = LoweringScope(symbols, named or scope.named, scope.after, scope.outer)
            part = self.formula(term.body, inner)
            if named is not None:
                assert isinstance(place, Role)
                part = self.formulas.quantified(term.kind, place.orbit, place.number, part)
            if part == stop:
                return stop
            parts.append(part)
        return self.formulas.conjunction(parts) if every else self.formulas.disjunction(parts)

    def places(self, sort: Any, scope: LoweringScope) -> list[tuple[Any, tuple[int, ...] | None]]:
        """Every core or node: the roles that are taken; then, for each orbit, one role for all its other cores.

        With such a role come the roles that are taken once it is.
        """
        if sort != CORE:
            return [(node, None) for node in range(len(self.tree.names))]
        found: list[tuple[Any, tuple[int, ...] | None]] = []
        for orbit, taken in enumerate(scope.named):
            found += [(Role(orbit, number), None) for number in range(taken)]
            if taken < len(self.orbits.members[orbit]):
                found.append(scope.role(orbit))
        return found

    def word(self, value: Any) -> Any:
        """A value as it is stored in a variable: a core as its index, an MPIDR as a word."""
        if not isinstance(value, Role | Mpidr):
            return value
        role = value.role if isinstance(value, Mpidr) else value
        members = self.orbits.members[role.orbit]
        if len(members) > 1:
            raise ToldApart([(core,) for core in members])
        return self.machine.cores[members[0]] if isinstance(value, Mpidr) else members[0]


def operate(name: str, values: tuple[Any, ...], order: tuple[str, ...] | None, width: int) -> Any:
    """The value of an operator; `order` is the order of an enumeration whose values are compared."""
    if order is not None and name in ("ult", "ule"):
        values = tuple(order.index(value) for value in values)
    match name, values:
        case "eq", (left, right):
            return left == right
        case "ult", (left, right):
            return left < right
        case "ule", (left, right):
            return left <= right
        case "band", (left, right):
            return left & right
        case "bor", (left, right):
            return left | right
        case "shr", (left, right):
            return left >> right
        case "add", (left, right):
            return (left + right) & ((1 << width) - 1)
        case "sub", (left, right):
            return (left - right) & ((1 << width) - 1)
        case "zext", (word,):
            return word
        case "low", (word,):
            return word & 0xFFFF_FFFF
    raise AssertionError(name)
