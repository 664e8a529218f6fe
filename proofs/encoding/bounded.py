"""A given number of cores and nodes: indices are numbers, fields are lists of constants, quantifiers are expanded."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Literal

import z3

from psci.model.language.sorts import BOOL, CORE, NODE, BitVector, Enumeration, Quantity, Sort
from psci.model.language.terms import Function, Value
from psci.model.power.topology import Topology
from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.machine import MACHINE, MACHINE_SYMBOLS
from psci.model.tables.versions import Version
from psci.proofs.encoding.domain import Domain, Expression, Meaning, NamedFormula

INDEX_WIDTH = 6


class Bounded(Domain):
    """`count` cores on `nodes` power domains.

    With a `topology` the tree is that one; without it, the tree is any assignment of the tree's symbols:
    the caller then fixes them.
    """

    mpidrs: tuple[int, ...] = ()
    """The MPIDRs of the cores, where they are fixed."""

    def __init__(
        self,
        count: int,
        topology: Topology | None = None,
        nodes: int = 1,
        version: Version | None = None,
        specification: Specification = SPECIFICATION,
    ) -> None:
        super().__init__(version, specification)
        self.cores = str(count)
        self.topology = topology
        self.sizes = {CORE: count, NODE: len(topology.names) if topology else nodes}
        self._cells: dict[str, Meaning] = {}
        self._used: dict[str, Function] = {}
        self._known_facts: dict[str, list[tuple[Collection[str], NamedFormula]]] = {}

    def sort(self, sort: Sort) -> Expression:
        """The Z3 sort."""
        if sort in self.sizes:
            return z3.BitVecSort(INDEX_WIDTH, self.context)
        if isinstance(sort, Enumeration):
            return z3.BitVecSort(_width(sort), self.context)
        return self.plain_sort(sort)

    def constant(self, value: Value, sort: Sort) -> Expression:
        """The Z3 constant for a value."""
        if sort in self.sizes:
            return z3.BitVecVal(value, INDEX_WIDTH, self.context)
        if isinstance(sort, Enumeration):
            return z3.BitVecVal(sort.values.index(str(value)), _width(sort), self.context)
        return self.plain_constant(value, sort)

    def less(self, strict: bool, left: Expression, right: Expression, sort: Sort) -> Expression:
        """The order of a sort."""
        return z3.ULT(left, right) if strict else z3.ULE(left, right)

    def quantify(
        self, kind: Literal["every", "some"], sort: Sort, body: Callable[[Expression], Expression]
    ) -> Expression:
        """A quantifier over all cores or nodes."""
        instances = [body(self.constant(i, sort)) for i in range(self.sizes[sort])]
        return self.conjunction(instances) if kind == "every" else self.disjunction(instances)

    def indices(self, domain: tuple[Sort, ...]) -> list[tuple[int, ...]]:
        """Every index of a field, in the order in which a state's tuple holds them."""
        return list(itertools.product(*(range(self.sizes[sort]) for sort in domain)))

    def symbols(self, prefix: str, function: Function) -> Meaning:
        """One constant (or function of the data arguments) for each combination of indices."""
        label = f"{prefix}.{function.name}"
        if label not in self._cells:
            self._cells[label] = self._cell(label, function)
            self._used[label] = function
        return self._cells[label]

    def used(self) -> dict[str, Function]:
        """The free symbols that were asked for, by label."""
        return self._used

    def cells(self, prefix: str, function: Function) -> list[Expression]:
        """The constants that stand for a function of cores and nodes, at every index."""
        meaning = self.symbols(prefix, function)
        return [
            meaning(*(self.constant(i, s) for i, s in zip(index, function.domain, strict=True)))
            for index in self.indices(function.domain)
        ]

    def _cell(self, label: str, function: Function) -> Meaning:
        if prefix_is_tree(function) and self.topology is not None:
            return self._tree(function, self.topology)
        places = [i for i, sort in enumerate(function.domain) if sort in self.sizes]
        data = [i for i, sort in enumerate(function.domain) if sort not in self.sizes]
        domain = tuple(function.domain[i] for i in places)
        cells: dict[tuple[int, ...], Meaning] = {}
        for index in self.indices(domain):
            name = "".join([label, *(f"[{i}]" for i in index)])
            if data:
                sorts = [self.sort(function.domain[i]) for i in data]
                cells[index] = z3.Function(name, *sorts, self.sort(function.range))
            else:
                cells[index] = _fixed(z3.Const(name, self.sort(function.range)))

        def meaning(*arguments: Expression) -> Expression:
            rest = [arguments[i] for i in data]
            return self.select([arguments[i] for i in places], domain, lambda index: cells[index](*rest))

        return meaning

    def _tree(self, function: Function, topology: Topology) -> Meaning:
        tables: dict[str, Callable[..., Value]] = {
            "below": topology.below,
            "ancestor": lambda upper, lower: topology.ancestors[lower][upper],
            "level": lambda node: topology.levels[node],
        }
        table = tables[function.name]
        return lambda *arguments: self.select(
            list(arguments), function.domain, lambda index: self.constant(table(*index), function.range)
        )

    def select(
        self, arguments: list[Expression], domain: tuple[Sort, ...], cell: Callable[[tuple[int, ...]], Expression]
    ) -> Expression:
        """The cell at an index: itself where the index is a number, else a chain of ifs."""
        choices: list[list[int]] = [
            [argument.as_long()] if z3.is_bv_value(argument) else list(range(self.sizes[sort]))
            for argument, sort in zip(arguments, domain, strict=True)
        ]
        result: Expression = None
        for index in reversed(list(itertools.product(*choices))):
            value = cell(index)
            here = self.conjunction(
                argument == place
                for argument, place in zip(arguments, index, strict=True)
                if not z3.is_bv_value(argument)
            )
            result = value if result is None else z3.If(here, value, result)
        return result

    def within(self, meaning: Meaning, function: Function) -> Expression:
        """The values of free symbols lie in their sorts."""
        limit = self._limit(function.range)
        if limit is None or any(sort not in self.sizes for sort in function.domain):
            return z3.BoolVal(True, self.context)
        return self.conjunction(
            z3.ULE(meaning(*(self.constant(i, s) for i, s in zip(index, function.domain, strict=True))), limit)
            for index in self.indices(function.domain)
        )

    def _limit(self, sort: Sort) -> int | None:
        if sort in self.sizes:
            return self.sizes[sort] - 1
        if isinstance(sort, Enumeration) and len(sort.values) != 1 << _width(sort):
            return len(sort.values) - 1
        return None

    def _mpidrs(self) -> list[Expression]:
        meaning = self.symbol(MACHINE.mpidr)
        return [meaning(self.constant(i, CORE)) for i in range(self.sizes[CORE])]

    def _core_of(self, mpidr: Expression) -> Expression:
        # where there is none, the stepper takes core 0; no rule looks at it then
        result = self.constant(0, CORE)
        for index, own in reversed(list(enumerate(self._mpidrs()))):
            result = z3.If(own == mpidr, self.constant(index, CORE), result)
        return result

    def _is_core(self, mpidr: Expression) -> Expression:
        return self.disjunction(own == mpidr for own in self._mpidrs())

    def _facts(self) -> Iterable[tuple[Collection[str], NamedFormula]]:
        for symbol in MACHINE_SYMBOLS:
            label = f"m.{symbol.name}"
            if label in self._cells:
                if label not in self._known_facts:
                    self._known_facts[label] = list(self._facts_of(symbol))
                yield from self._known_facts[label]

    def _facts_of(self, symbol: Function) -> Iterator[tuple[Collection[str], NamedFormula]]:
        if symbol is MACHINE.mpidr:
            own = self._mpidrs()
            distinct = [z3.Distinct(*own)] if len(own) > 1 else []
            formula = self.conjunction([*distinct, *(self.affinity_only(m) for m in own)])
            yield self.symbols_in(formula), ("mpidr: one for each core", formula)
        limit = self.within(self.symbols("m", symbol), symbol)
        if not z3.is_true(limit):
            yield self.symbols_in(limit), (f"{symbol.name}: a value of its sort", limit)


def prefix_is_tree(function: Function) -> bool:
    """Whether a symbol describes the tree of power domains."""
    return function.kind == "tree"


def _width(enumeration: Enumeration) -> int:
    return max(1, (len(enumeration.values) - 1).bit_length())


def _fixed(constant: Expression) -> Meaning:
    return lambda: constant


def values(sort: Sort, number: int) -> Value:
    """The value that a number stands for in a bounded domain."""
    if sort == BOOL:
        return bool(number)
    if isinstance(sort, Enumeration):
        return sort.values[number]
    return number


def width(sort: Sort) -> int:
    """The number of bits that hold a value of a sort."""
    if sort == BOOL:
        return 1
    if isinstance(sort, BitVector | Quantity):
        return sort.width
    return _width(sort) if isinstance(sort, Enumeration) else INDEX_WIDTH
