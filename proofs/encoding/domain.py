"""What the sorts and the fixed symbols of the rules mean to Z3; one class for each number of cores.

A domain owns a Z3 context of its own, so that nothing of one query reaches the next. It gives a
meaning to sorts, to constants, to quantifiers, to the symbols of the machine and of the tree, and
it says which facts hold of the symbols that were used.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cached_property
from typing import Any, Literal, TypeAlias

import z3

from psci.model.declare import Call
from psci.model.language.sorts import BOOL, BitVector, Quantity, Sort
from psci.model.language.terms import Function, Value
from psci.model.machine import AFFINITY_FIELDS
from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.machine import MACHINE
from psci.model.tables.versions import V0_2, VERSIONS, Version
from psci.proofs.encoding.contexts import fresh_context

Expression: TypeAlias = Any
"""A Z3 expression; the bindings of Z3 carry no types."""
Meaning: TypeAlias = Callable[..., Expression]
"""What a symbol means: from the meanings of its arguments to the meaning of the application."""
NamedFormula: TypeAlias = tuple[str, Expression]
"""A named formula that holds by construction of the machine."""

RANK_WIDTH = 4
_HAS: Function = MACHINE.has
PRESENCE = f"m.{_HAS.name}"
_HOME: Function = MACHINE.trusted_os_home.function  # type: ignore[attr-defined]  # nullary symbols are Apps
"""The symbol that says which functions there are."""


class Domain(ABC):
    """The meaning of sorts and fixed symbols in one Z3 context.

    `version` None leaves the version open: then a proof holds for all of them at once.
    """

    cores: str
    """How many cores there are, for reports: a number, or `any`."""

    def __init__(self, version: Version | None = None, specification: Specification = SPECIFICATION) -> None:
        self.context = fresh_context()
        self.version = version
        self.specification = specification
        self.rank = z3.BitVec("version", RANK_WIDTH, self.context)
        self.true, self.false = (z3.BoolVal(value, self.context) for value in (True, False))
        self._symbols: dict[str, Meaning] = {}
        self._presence: set[int] = set()
        self._known_presence: dict[int, list[NamedFormula]] = {}
        self._known_symbols: dict[int, tuple[Expression, frozenset[str]]] = {}
        self._fresh = 0

    # ---- sorts and values

    @abstractmethod
    def sort(self, sort: Sort) -> Expression:
        """The Z3 sort."""

    @abstractmethod
    def constant(self, value: Value, sort: Sort) -> Expression:
        """The Z3 constant for a value of a sort."""

    @abstractmethod
    def less(self, strict: bool, left: Expression, right: Expression, sort: Sort) -> Expression:
        """The order of a sort: of words by size, of enumerations as they are listed."""

    @abstractmethod
    def quantify(
        self, kind: Literal["every", "some"], sort: Sort, body: Callable[[Expression], Expression]
    ) -> Expression:
        """A quantifier over all cores or nodes."""

    @abstractmethod
    def symbols(self, prefix: str, function: Function) -> Meaning:
        """Free symbols for a function: for a field of a state, or for something that a machine declares."""

    @abstractmethod
    def within(self, meaning: Meaning, function: Function) -> Expression:
        """The values of free symbols lie in their sorts; true where Z3's sorts say so."""

    # ---- symbols of the machine and of the tree

    def symbol(self, function: Function) -> Meaning:
        """The meaning of a symbol of the machine or of the tree."""
        if function.name not in self._symbols:
            special = {
                "core_of": self._core_of, "is_core": self._is_core, "has": self._has,
                "starts_trusted_os": lambda core: core == self.symbols("m", _HOME)(),
            }.get(function.name)  # fmt: skip
            self._symbols[function.name] = special or self._symbol(function)
        return self._symbols[function.name]

    def _symbol(self, function: Function) -> Meaning:
        if function.name == "psci_version":
            number = self._by_version(lambda version: self.constant(version.number or 0, function.range))
            return lambda: number
        return self.symbols("m", function)

    @abstractmethod
    def _core_of(self, mpidr: Expression) -> Expression:
        """The core with an MPIDR."""

    @abstractmethod
    def _is_core(self, mpidr: Expression) -> Expression:
        """Whether some core has an MPIDR."""

    def _has(self, fid: Expression) -> Expression:
        if z3.is_bv_value(fid):
            self._presence.add(fid.as_long())
        return self.symbols("m", _HAS)(fid)

    def facts(self) -> list[NamedFormula]:
        """What holds of the symbols that were used: read it last."""
        return [*self._version_facts, *(fact for _, fact in self._facts_by_subject())]

    def facts_about(self, formulas: Iterable[Expression]) -> list[NamedFormula]:
        """What holds of the symbols that occur in formulas, and of those that occur in what holds of them.

        It does not depend on what else was asked of this domain.
        """
        occurring = set[str]().union(*map(self.symbols_in, formulas))
        waiting = self._facts_by_subject()
        found: list[NamedFormula] = []
        while near := [fact for subjects, fact in waiting if not occurring.isdisjoint(subjects)]:
            waiting = [(subjects, fact) for subjects, fact in waiting if occurring.isdisjoint(subjects)]
            occurring.update(*(self.symbols_in(formula) for _, formula in near))
            found += near
        return [*self._version_facts, *sorted(found, key=lambda fact: fact[0])]

    @cached_property
    def _version_facts(self) -> list[NamedFormula]:
        limit = z3.ULT(self.rank, z3.BitVecVal(len(VERSIONS), RANK_WIDTH, self.context))
        facts: list[NamedFormula] = [("version: one of those published", limit)]
        if self.version is not None:
            facts.append((f"version: {self.version}", self.is_version(self.version)))
        return facts

    def _facts_by_subject(self) -> list[tuple[Collection[str], NamedFormula]]:
        """Each fact, and the symbols of which it says something."""
        asked = sorted(self._presence)
        present = [((presence_of(fid),), fact) for fid in asked for fact in self._presence_facts(fid)]
        return [*present, *self._facts()]

    def symbols_in(self, formula: Expression) -> frozenset[str]:
        """The names of the symbols in a formula; the presence of a function is a symbol for each id."""
        key = formula.get_id()
        if key not in self._known_symbols:
            # the formula is kept, or Z3 could give its id to another one
            self._known_symbols[key] = (formula, self._symbols_of(formula))
        return self._known_symbols[key][1]

    def _symbols_of(self, formula: Expression) -> frozenset[str]:
        if z3.is_quantifier(formula):
            return self.symbols_in(formula.body())
        if not z3.is_app(formula):
            return frozenset()
        inside = formula.children()
        found = frozenset[str]().union(*map(self.symbols_in, inside))
        symbol = formula.decl()
        if symbol.kind() != z3.Z3_OP_UNINTERPRETED:
            return found
        name = symbol.name()
        if name == PRESENCE and z3.is_bv_value(inside[0]):
            name = presence_of(inside[0].as_long())
        return found | {name}

    def _presence_facts(self, fid: int) -> list[NamedFormula]:
        """When the function with this id is there, by the version."""
        if fid not in self._known_presence:
            self._known_presence[fid] = [
                fact for call in self.specification.calls if call.key == fid for fact in self._presence_of(call)
            ]
        return self._known_presence[fid]

    def _presence_of(self, call: Call) -> Iterator[NamedFormula]:
        present = self._has(z3.BitVecVal(call.key, 32, self.context))
        exists = self.between(call.since, call.until)
        yield f"presence: {call.name}", z3.Implies(z3.Not(exists), z3.Not(present))
        if not call.optional:
            # in 0.1 the device tree says which functions there are
            mandatory = self.between(max(call.since, V0_2), call.until)
            yield f"presence: {call.name} is mandatory", z3.Implies(mandatory, present)

    @abstractmethod
    def _facts(self) -> Iterable[tuple[Collection[str], NamedFormula]]:
        """Facts about MPIDRs, values and the tree, and of which symbols each says something."""

    def speaks_of_tree(self) -> bool:
        """Whether something was asked about the tree of power domains, so that its facts hold."""
        return True

    def fixed_tree(self) -> bool:
        """Whether the tree is known without being asked about."""
        return True

    # ---- versions

    def between(self, since: Version, until: Version) -> Expression:
        """The version is one of these."""
        if self.version is not None:
            return z3.BoolVal(since <= self.version <= until, self.context)
        bounds = []
        if since != VERSIONS[0]:
            bounds.append(z3.UGE(self.rank, since.rank))
        if until != VERSIONS[-1]:
            bounds.append(z3.ULE(self.rank, until.rank))
        return self.conjunction(bounds)

    def is_version(self, version: Version) -> Expression:
        """The version is this one."""
        return self.rank == version.rank

    def _by_version(self, value: Callable[[Version], Expression]) -> Expression:
        result = value(VERSIONS[-1])
        for version in VERSIONS[-2::-1]:
            result = z3.If(self.is_version(version), value(version), result)
        return result

    # ---- building

    def condition(self, formula: Expression) -> Expression:
        """A formula with a quantifier in it as the condition of an if: the same, or a name for it."""
        return formula

    def definitions(self, formulas: Iterable[Expression]) -> list[NamedFormula]:
        """What the names mean that occur in the formulas."""
        return []

    def conjunction(self, parts: Iterable[Expression]) -> Expression:
        """All of the formulas."""
        neutral = self.true.get_id()
        found = [part for part in parts if part.get_id() != neutral]
        if not found:
            return self.true
        return found[0] if len(found) == 1 else z3.And(*found)

    def disjunction(self, parts: Iterable[Expression]) -> Expression:
        """Some of the formulas."""
        neutral = self.false.get_id()
        found = [part for part in parts if part.get_id() != neutral]
        if not found:
            return self.false
        return found[0] if len(found) == 1 else z3.Or(*found)

    def fresh(self, prefix: str, sort: Sort) -> Expression:
        """A constant of a sort that nothing else in this domain uses."""
        self._fresh += 1
        return z3.Const(f"{prefix}!{self._fresh}", self.sort(sort))

    def plain_sort(self, sort: Sort) -> Expression:
        """The Z3 sort of booleans and words."""
        if sort == BOOL:
            return z3.BoolSort(self.context)
        # of quantities only the order matters, and `distinct` different ones have any order in so few bits
        assert isinstance(sort, BitVector | Quantity), sort
        return z3.BitVecSort(sort.width, self.context)

    def plain_constant(self, value: Value, sort: Sort) -> Expression:
        """The Z3 constant of booleans and words."""
        if sort == BOOL:
            return z3.BoolVal(bool(value), self.context)
        assert isinstance(sort, BitVector | Quantity) and isinstance(value, int), (value, sort)
        return z3.BitVecVal(value, sort.width, self.context)

    def affinity_only(self, mpidr: Expression) -> Expression:
        """No bits outside the affinity fields (5.1.4)."""
        return mpidr & z3.BitVecVal(~AFFINITY_FIELDS & (2**64 - 1), 64, self.context) == 0


def presence_of(fid: int) -> str:
    """The presence of one function, as if it were a symbol of its own."""
    return f"{PRESENCE}({fid:#x})"
