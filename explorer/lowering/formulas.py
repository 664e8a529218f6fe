"""Formulas over finite variables: what guards become once machine and arguments are fixed.

A variable is a field of the state at a place: `("power", Role(1, 0))`, `("node", 2)`. A place is a
core, a power domain, or a *role*: some core of an orbit, other than the cores of the other roles of
that orbit. A formula is a number; equal formulas have equal numbers. Negation is pushed down to
the variables, so that every node is a constant, a variable in a set of values, and, or, or a
quantifier over the cores of an orbit that have no role yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias


class Role(NamedTuple):
    """Some core of an orbit, another one than every other role of the orbit."""

    orbit: int
    number: int


Place: TypeAlias = Role | int
Variable: TypeAlias = tuple[Any, ...]
"""The name of a field, and its places."""
FormulaNode: TypeAlias = tuple[Any, ...]


class Formulas:
    """A set of formulas, each stored once."""

    TRUE = 0
    FALSE = 1

    def __init__(self, size: Callable[[Variable], int]) -> None:
        self._size = size
        """How many values a variable has."""
        self.nodes: list[FormulaNode] = []
        self._numbers: dict[FormulaNode, int] = {}
        self._negations: dict[int, int] = {}
        self._roles: dict[int, frozenset[Role]] = {}
        for node in (("true",), ("false",)):
            self._make(node)

    def _make(self, node: FormulaNode) -> int:
        number = self._numbers.get(node)
        if number is None:
            number = self._numbers[node] = len(self.nodes)
            self.nodes.append(node)
        return number

    def literal(self, variable: Variable, values: Iterable[int]) -> int:
        """The variable has one of these values (their numbers in its domain)."""
        chosen = frozenset(values)
        if not chosen:
            return self.FALSE
        if len(chosen) == self._size(variable):
            return self.TRUE
        return self._make(("in", variable, chosen))

    def complement(self, node: FormulaNode) -> frozenset[int]:
        """The values that a literal excludes."""
        values: frozenset[int] = node[2]
        return frozenset(range(self._size(node[1]))) - values

    def negation(self, formula: int) -> int:
        """Not."""
        found = self._negations.get(formula)
        if found is None:
            node = self.nodes[formula]
            match node[0]:
                case "true":
                    found = self.FALSE
                case "false":
                    found = self.TRUE
                case "in":
                    found = self.literal(node[1], self.complement(node))
                case "and":
                    found = self.disjunction(self.negation(part) for part in node[1])
                case "or":
                    found = self.conjunction(self.negation(part) for part in node[1])
                case kind:
                    dual = "some" if kind == "every" else "every"
                    found = self.quantified(dual, node[1], node[2], self.negation(node[3]))
            self._negations[formula] = found
            self._negations.setdefault(found, formula)
        return found

    def quantified(self, kind: str, orbit: int, named: int, body: int) -> int:
        """Every, or some, core of an orbit beside its first `named` roles; the body speaks of the next role."""
        if Role(orbit, named) not in self.roles(body):
            # an orbit with no core left is never asked about
            return body
        return self._make((kind, orbit, named, body))

    def conjunction(self, parts: Iterable[int]) -> int:
        """All of them; true where there are none."""
        return self._junction("and", parts)

    def disjunction(self, parts: Iterable[int]) -> int:
        """One of them; false where there are none."""
        return self._junction("or", parts)

    def both(self, left: int, right: int) -> int:
        """Both."""
        return self._junction("and", (left, right))

    def choice(self, condition: int, then: int, otherwise: int) -> int:
        """One formula where the condition holds, else the other."""
        return self.disjunction(
            (self.both(condition, then), self.both(self.negation(condition), otherwise)),
        )

    def _junction(self, kind: str, parts: Iterable[int]) -> int:
        is_and = kind == "and"
        unit, zero = (self.TRUE, self.FALSE) if is_and else (self.FALSE, self.TRUE)
        literals: dict[Variable, frozenset[int]] = {}
        bodies: dict[tuple[int, int], list[int]] = {}
        others: set[int] = set()
        same_quantifier = "every" if is_and else "some"
        stack = list(parts)
        while stack:
            part = stack.pop()
            if part == unit:
                continue
            if part == zero:
                return zero
            node = self.nodes[part]
            if node[0] == kind:
                stack.extend(node[1])
            elif node[0] == "in":
                variable, values = node[1], node[2]
                known = literals.get(variable)
                values = values if known is None else (known & values) if is_and else (known | values)
                if is_and and not values:
                    return zero
                if not is_and and len(values) == self._size(variable):
                    return zero
                literals[variable] = values
            elif node[0] == same_quantifier:
                bodies.setdefault((node[1], node[2]), []).append(node[3])
            else:
                others.add(part)
        for place, inner in bodies.items():
            others.add(self.quantified(same_quantifier, place[0], place[1], self._junction(kind, inner)))
        if zero in others:
            return zero
        others.discard(unit)
        if any(self._negations.get(part) in others for part in others):
            return zero
        return self._absorbed(kind, literals, others)

    def _absorbed(self, kind: str, literals: dict[Variable, frozenset[int]], others: set[int]) -> int:
        """Use the literals of a junction to simplify the junctions of the other kind in it."""
        dual = "or" if kind == "and" else "and"
        kept: set[int] = set()
        changed = False
        for part in others if literals else ():
            node = self.nodes[part]
            if node[0] != dual:
                kept.add(part)
                continue
            inner = []
            implied = False
            for sub in node[1]:
                literal = self.nodes[sub]
                if literal[0] == "in" and literal[1] in literals:
                    here, there = literals[literal[1]], literal[2]
                    if kind == "and":
                        if here <= there:
                            implied = True
                            break
                        if not here & there:
                            continue
                    else:
                        if there <= here:
                            implied = True
                            break
                        if len(here | there) == self._size(literal[1]):
                            continue
                inner.append(sub)
            changed |= implied or len(inner) != len(node[1])
            if not implied:
                kept.add(part if len(inner) == len(node[1]) else self._junction(dual, inner))
        unit = self.TRUE if kind == "and" else self.FALSE
        found = {self.literal(variable, values) for variable, values in literals.items()}
        if changed:
            return self._junction(kind, [*found, *kept])
        found |= others
        if not found:
            return unit
        if len(found) == 1:
            return found.pop()
        return self._make((kind, tuple(sorted(found))))

    def roles(self, formula: int) -> frozenset[Role]:
        """The roles that a formula speaks about, also by leaving them out of a quantifier."""
        found = self._roles.get(formula)
        if found is None:
            node = self.nodes[formula]
            match node[0]:
                case "in":
                    found = frozenset(place for place in node[1][1:] if isinstance(place, Role))
                case "and" | "or":
                    found = frozenset().union(*map(self.roles, node[1]))
                case "every" | "some":
                    _, orbit, named, body = node
                    named_ones = {Role(orbit, number) for number in range(named)}
                    found = (self.roles(body) - {Role(orbit, named)}) | named_ones
                case _:
                    found = frozenset()
            self._roles[formula] = found
        return found

    def renamed(self, formula: int, names: Mapping[Role, Role], memo: dict[int, int]) -> int:
        """The formula with its roles exchanged for others of the same orbit."""
        if formula in memo:
            return memo[formula]
        node = self.nodes[formula]
        match node[0]:
            case "in":
                places = (names.get(place, place) if isinstance(place, Role) else place for place in node[1][1:])
                new = self.literal((node[1][0], *places), node[2])
            case "and":
                new = self.conjunction([self.renamed(part, names, memo) for part in node[1]])
            case "or":
                new = self.disjunction([self.renamed(part, names, memo) for part in node[1]])
            case "every" | "some":
                new = self.quantified(node[0], node[1], node[2], self.renamed(node[3], names, memo))
            case _:
                new = formula
        memo[formula] = new
        return new

    def variables(self, formula: int, seen: set[int], found: set[Variable]) -> None:
        """Add the variables that a formula reads to `found`."""
        if formula in seen:
            return
        seen.add(formula)
        node = self.nodes[formula]
        if node[0] == "in":
            found.add(node[1])
        elif node[0] in ("and", "or"):
            for part in node[1]:
                self.variables(part, seen, found)
        elif node[0] in ("every", "some"):
            self.variables(node[3], seen, found)
