"""Any number of cores on any tree: Core and Node are sorts of which nothing is known but the facts stated here."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import blake2b
from typing import Literal

import z3

from psci.model.language.sorts import CORE, NODE, Enumeration, Sort
from psci.model.language.terms import Function, Value
from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.machine import MACHINE
from psci.model.tables.versions import Version
from psci.proofs.encoding.domain import Domain, Expression, Meaning, NamedFormula

TREE = frozenset({"m.below", "m.ancestor", "m.level"})
"""The symbols that describe the tree of power domains."""


class Unbounded(Domain):
    """Uninterpreted cores and nodes.

    `core_of(x)` is a constant of its own for each x that a query asks about: it has the MPIDR x, or no
    core has it. The tree is a partial order that is linear above each node, with one root and a core
    below every node.
    """

    cores = "any"

    def __init__(self, version: Version | None = None, specification: Specification = SPECIFICATION) -> None:
        super().__init__(version, specification)
        self._sorts: dict[str, Expression] = {
            sort.name: z3.DeclareSort(sort.name, self.context) for sort in (CORE, NODE)
        }
        self._members: dict[str, dict[str, Expression]] = {}
        self._functions: dict[str, Meaning] = {}
        self._targets: dict[int, tuple[Expression, Expression]] = {}
        self._target_facts: dict[int, NamedFormula] = {}
        self._used: set[str] = set()
        self._binding: list[Expression] = []
        """The variables of the quantifiers that are being built, from the outermost."""
        self._named: dict[int, tuple[Expression, Expression]] = {}
        self._definitions: dict[str, Expression] = {}
        self._meanings: dict[str, tuple[list[Expression], Expression]] = {}
        """What each name is about, and what it says."""

    def sort(self, sort: Sort) -> Expression:
        """The Z3 sort."""
        if isinstance(sort, Enumeration) and sort.name not in self._sorts:
            names = [f"{sort.name}.{value}" for value in sort.values]
            self._sorts[sort.name], members = z3.EnumSort(sort.name, names, self.context)
            self._members[sort.name] = dict(zip(sort.values, members, strict=True))
        return self._sorts[sort.name] if sort.name in self._sorts else self.plain_sort(sort)

    def constant(self, value: Value, sort: Sort) -> Expression:
        """The Z3 constant for a value."""
        if isinstance(sort, Enumeration):
            self.sort(sort)
            return self._members[sort.name][str(value)]
        if sort in (CORE, NODE):
            raise TypeError(f"{sort} {value} by number: with any number of cores no core has one")
        return self.plain_constant(value, sort)

    def less(self, strict: bool, left: Expression, right: Expression, sort: Sort) -> Expression:
        """The order of a sort."""
        if not isinstance(sort, Enumeration):
            return z3.ULT(left, right) if strict else z3.ULE(left, right)
        pairs = (
            (low, high)
            for i, low in enumerate(sort.values)
            for j, high in enumerate(sort.values)
            if (i < j if strict else i <= j)
        )
        return self.disjunction(
            z3.And(left == self.constant(low, sort), right == self.constant(high, sort)) for low, high in pairs
        )

    def quantify(
        self, kind: Literal["every", "some"], sort: Sort, body: Callable[[Expression], Expression]
    ) -> Expression:
        """A quantifier over all cores or nodes."""
        # the depth tells apart those that are bound at once, and a formula reads the same wherever it stands
        variable = z3.Const(f"{sort.name.lower()}!{len(self._binding)}", self.sort(sort))
        self._binding.append(variable)
        inner = body(variable)
        self._binding.pop()
        if z3.is_true(inner) or z3.is_false(inner):
            return inner
        return z3.ForAll([variable], inner) if kind == "every" else z3.Exists([variable], inner)

    def condition(self, formula: Expression) -> Expression:
        """A name for a formula with a quantifier in it, as a predicate of the variables that it is about.

        Inside an if a quantifier has no polarity, and solvers do not get far with it; a name has both.
        """
        key = formula.get_id()
        if key not in self._named:
            symbols = self.symbols_in(formula)
            about = [variable for variable in self._binding if variable.decl().name() in symbols]
            label = f"condition!{blake2b(formula.sexpr().encode(), digest_size=6).hexdigest()}"
            assert label not in self._meanings, "two conditions of the same name"
            sorts = [variable.sort() for variable in about]
            named = z3.Function(label, *sorts, z3.BoolSort(self.context))(*about)
            meaning = z3.And(z3.Implies(named, formula), z3.Implies(formula, named))
            self._definitions[label] = z3.ForAll(about, meaning) if about else meaning
            self._meanings[label] = (about, formula)
            # the formula is kept beside its name, or Z3 could give its id to another one
            self._named[key] = (formula, named)
        return self._named[key][1]

    def definitions(self, formulas: Iterable[Expression]) -> list[NamedFormula]:
        """What the names mean that occur in the formulas, and in these meanings."""
        found: dict[str, Expression] = {}
        waiting = list(formulas) if self._definitions else []
        while waiting:
            for label in sorted(self.symbols_in(waiting.pop()) & self._definitions.keys() - found.keys()):
                found[label] = self._definitions[label]
                waiting.append(found[label])
        return [("definitions: names of conditions", formula) for formula in found.values()]

    def meaning_of(self, label: str) -> tuple[list[Expression], Expression] | None:
        """The variables that a name is about, and what it says; None where it is the name of no condition."""
        return self._meanings.get(label)

    def ground(self, expression: Expression, elements: Mapping[str, Sequence[Expression]]) -> Expression:
        """The expression without names and quantifiers, where the sorts have these elements only."""
        if z3.is_quantifier(expression):
            choices = [elements[expression.var_sort(i).name()] for i in range(expression.num_vars())]
            # the last variable is the innermost one
            instances = [
                self.ground(z3.substitute_vars(expression.body(), *reversed(places)), elements)
                for places in itertools.product(*choices)
            ]
            return self.conjunction(instances) if expression.is_forall() else self.disjunction(instances)
        if not z3.is_app(expression) or expression.num_args() == 0:
            name = str(expression) if z3.is_const(expression) else ""
            return self.ground(self._meanings[name][1], elements) if name in self._meanings else expression
        arguments = [self.ground(argument, elements) for argument in expression.children()]
        label = expression.decl().name()
        if label in self._meanings:
            about, formula = self._meanings[label]
            return self.ground(z3.substitute(formula, *zip(about, arguments, strict=True)), elements)
        return expression.decl()(*arguments)

    def symbols(self, prefix: str, function: Function) -> Meaning:
        """Free symbols for a function."""
        label = f"{prefix}.{function.name}"
        self._used.add(label)
        if label not in self._functions:
            sorts = [self.sort(sort) for sort in function.domain]
            result = self.sort(function.range)
            self._functions[label] = z3.Function(label, *sorts, result) if sorts else _constant(label, result)
        return self._functions[label]

    def within(self, meaning: Meaning, function: Function) -> Expression:
        """The values of free symbols lie in their sorts."""
        return z3.BoolVal(True, self.context)

    def _core_of(self, mpidr: Expression) -> Expression:
        key = mpidr.get_id()
        if key not in self._targets:
            label = f"core_of({' '.join(mpidr.sexpr().split())})"
            # the term is kept beside its name, or Z3 could give its id to another term
            self._targets[key] = (mpidr, z3.Const(label, self.sort(CORE)))
        return self._targets[key][1]

    def targets(self) -> Iterator[tuple[Expression, Expression]]:
        """Each word that was asked about as an MPIDR, and the constant for the core that has it."""
        yield from self._targets.values()

    def _is_core(self, mpidr: Expression) -> Expression:
        return self.symbol(MACHINE.mpidr)(self._core_of(mpidr)) == mpidr

    def speaks_of_tree(self) -> bool:
        """Whether the facts about the tree are among those of this domain."""
        return not self._used.isdisjoint(TREE)

    def fixed_tree(self) -> bool:
        """No: it is any one of which the facts hold."""
        return False

    def _facts(self) -> Iterable[tuple[Collection[str], NamedFormula]]:
        if "m.mpidr" in self._used or self._targets:
            yield ("m.mpidr",), self._mpidr_fact
        for key, (_, target) in self._targets.items():
            yield (target.decl().name(),), self._target_fact(key)
        if self.speaks_of_tree():
            yield from ((TREE, fact) for fact in self._tree_facts)

    @cached_property
    def _mpidr_fact(self) -> NamedFormula:
        mpidr = self.symbol(MACHINE.mpidr)
        one, two = z3.Consts("one two", self.sort(CORE))
        unique = z3.ForAll([one, two], z3.Implies(mpidr(one) == mpidr(two), one == two))
        return "mpidr: one for each core", z3.And(unique, z3.ForAll([one], self.affinity_only(mpidr(one))))

    def _target_fact(self, key: int) -> NamedFormula:
        if key not in self._target_facts:
            mpidr, core = self.symbol(MACHINE.mpidr), z3.Const("one", self.sort(CORE))
            argument, target = self._targets[key]
            holds = z3.Or(mpidr(target) == argument, z3.ForAll([core], mpidr(core) != argument))
            name = target.decl().name()
            self._target_facts[key] = (f"{name}: it has that MPIDR, or no core has", holds)
        return self._target_facts[key]

    @cached_property
    def _tree_facts(self) -> tuple[NamedFormula, ...]:
        return tuple(self._of_tree())

    def _of_tree(self) -> Iterator[NamedFormula]:
        below, ancestor, level = (self.symbol(symbol) for symbol in (MACHINE.below, MACHINE.ancestor, MACHINE.level))
        a, b, c = z3.Consts("a b c", self.sort(NODE))
        core = z3.Const("core", self.sort(CORE))
        root = z3.Const("root", self.sort(NODE))
        contains = z3.And(
            z3.ForAll([a], ancestor(a, a)),
            z3.ForAll([a, b], z3.Implies(z3.And(ancestor(a, b), ancestor(b, a)), a == b)),
            z3.ForAll([a, b, c], z3.Implies(z3.And(ancestor(a, b), ancestor(b, c)), ancestor(a, c))),
        )
        yield "tree: a partial order", contains
        linear = z3.Implies(z3.And(ancestor(a, c), ancestor(b, c)), z3.Or(ancestor(a, b), ancestor(b, a)))
        yield "tree: linear above a node", z3.ForAll([a, b, c], linear)
        yield "tree: one root", z3.ForAll([a], ancestor(root, a))
        cores_above = z3.Implies(z3.And(below(core, a), below(core, b)), z3.Or(ancestor(a, b), ancestor(b, a)))
        yield (
            "tree: the domains of a core are a path to the root",
            z3.And(
                z3.ForAll([core, a, b], cores_above),
                z3.ForAll([core, a, b], z3.Implies(z3.And(below(core, b), ancestor(a, b)), below(core, a))),
                z3.ForAll([core], below(core, root)),
            ),
        )
        yield "tree: a core below every node", z3.ForAll([a], z3.Exists([core], below(core, a)))
        higher = z3.ULT(level(b), level(a))
        yield (
            "tree: levels grow towards the root",
            z3.And(
                z3.ForAll([a], z3.UGT(level(a), 0)),
                z3.ForAll([a, b], z3.Implies(z3.And(ancestor(a, b), a != b), higher)),
            ),
        )


def _constant(name: str, sort: Expression) -> Meaning:
    constant = z3.Const(name, sort)
    return lambda: constant
