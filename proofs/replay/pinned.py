"""The formulas for any number of cores, read for one machine and one state: what they say there.

The sorts get as many elements as the machine has cores and nodes, quantifiers range over these, and every symbol has
the value that the case gives it. Nothing is left for a solver to find, so that a difference from the stepper is one
between the readers.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import z3

from psci.model.declare import Move
from psci.model.language.effects import NOTHING
from psci.model.language.rules import CALL_SYMBOLS
from psci.model.language.sorts import BOOL, CORE, NODE, Sort
from psci.model.language.terms import Function, Value
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import State
from psci.model.symbols.machine import MACHINE_SYMBOLS
from psci.model.symbols.state import FIELDS
from psci.proofs.encoding.domain import Expression
from psci.proofs.encoding.rules import fields_of, owner_named, place_of, scope_of, transitions
from psci.proofs.encoding.unbounded import Unbounded
from psci.proofs.replay.agreement import AgreementCase, ReaderOutcome, value_of


class Pinned:
    """One call or move, as the reader for any number of cores has it."""

    def __init__(self, name: str, specification: Specification = SPECIFICATION) -> None:
        self.owner = owner_named(specification, name)
        self.domain = Unbounded(specification=specification)
        self.state = fields_of(self.domain, "s")
        self.steps = transitions(self.domain, self.owner, scope_of(self.domain, self.owner, self.state), specification)
        self.symbols: dict[str, Function] = {f"s.{field.name}": field for field in FIELDS}
        self.symbols |= {f"m.{symbol.name}": symbol for symbol in MACHINE_SYMBOLS}
        given: list[Function] = list(CALL_SYMBOLS)
        if isinstance(self.owner, Move):
            place = place_of(self.owner)
            given = [*self.owner.parameters, *([] if place is None else [place[1]])]
        self.symbols |= {f"a.{symbol.name}": symbol for symbol in given}

    def outcomes(self, case: AgreementCase) -> list[ReaderOutcome]:
        """What the formulas allow in a case."""
        return _Reading(self, case).outcomes()

    def elements(self, sizes: Mapping[Sort, int]) -> Mapping[str, list[Expression]]:
        """So many cores and nodes, always the same ones."""
        return {
            sort.name: [z3.Const(f"{sort.name}!{i}", self.domain.sort(sort)) for i in range(size)]
            for sort, size in sizes.items()
        }


class _Reading:
    """A case, with the values of what was read in it."""

    def __init__(self, pinned: Pinned, case: AgreementCase) -> None:
        self.pinned, self.domain, self.case = pinned, pinned.domain, case
        sizes = {CORE: len(case.machine.cores), NODE: len(case.machine.tree.names)}
        self.elements = pinned.elements(sizes)
        self.index = {str(one): i for elements in self.elements.values() for i, one in enumerate(elements)}
        self.fields = {f"s.{field.name}": value for field, value in zip(FIELDS, case.state, strict=True)}
        self.known: dict[int, tuple[Expression, Expression]] = {}

    def outcomes(self) -> list[ReaderOutcome]:
        found = []
        for step in self.pinned.steps:
            if not z3.is_true(self.value(step.allowed())):
                continue
            value = None if step.value is None else self.value(step.value).as_long()
            state = self.case.state if step.rule.effect is NOTHING else self._after(step.scope_after().state)
            found.append(ReaderOutcome(step.rule, value, state))
        return found

    def _after(self, state: Mapping[str, Any]) -> Any:
        fields: list[Any] = []
        for field in FIELDS:
            places: list[tuple[Expression, ...]] = [()]
            for sort in field.domain:
                places = [(*place, one) for place in places for one in self.elements[sort.name]]
            cells = tuple(self._plain(self.value(state[field.name](*place))) for place in places)
            fields.append(cells if field.domain else cells[0])
        return State(*fields)

    def value(self, formula: Expression) -> Expression:
        """The value of a formula."""
        key = formula.get_id()
        if key not in self.known:
            # the formula is kept, or Z3 could give its id to another one
            self.known[key] = (formula, self._computed(formula))
        return self.known[key][1]

    def _computed(self, formula: Expression) -> Expression:
        if z3.is_const(formula) and str(formula) in self.index:
            return formula
        if z3.is_quantifier(formula):
            return self._quantified(formula)
        declaration = formula.decl()
        if z3.is_app_of(formula, z3.Z3_OP_ITE):
            condition, then, otherwise = formula.children()
            return self.value(then if z3.is_true(self.value(condition)) else otherwise)
        arguments = [self.value(argument) for argument in formula.children()]
        if declaration.kind() == z3.Z3_OP_UNINTERPRETED:
            return self._symbol(declaration.name(), arguments)
        if z3.is_eq(formula) and formula.arg(0).sort().name() in self.elements:
            return z3.BoolVal(arguments[0].eq(arguments[1]), self.domain.context)
        return z3.simplify(declaration(*arguments)) if arguments else z3.simplify(formula)

    def _quantified(self, formula: Expression) -> Expression:
        """Every, or some, choice of elements."""
        choices = [self.elements[formula.var_sort(i).name()] for i in range(formula.num_vars())]
        # the last variable is the innermost one
        bodies = (z3.substitute_vars(formula.body(), *reversed(places)) for places in itertools.product(*choices))
        holds = (z3.is_true(self.value(body)) for body in bodies)
        return z3.BoolVal(all(holds) if formula.is_forall() else any(holds), self.domain.context)

    def _symbol(self, name: str, arguments: list[Expression]) -> Expression:
        if name == "version":
            return z3.BitVecVal(self.case.machine.version.rank, self.domain.rank.size(), self.domain.context)
        if name.startswith("core_of("):
            return self._target(name)
        if (meaning := self.domain.meaning_of(name)) is not None:
            about, said = meaning
            pairs = list(zip(about, arguments, strict=True))
            return self.value(z3.substitute(said, *pairs) if pairs else said)
        function = self.pinned.symbols[name]
        plain = tuple(self._plain(argument) for argument in arguments)
        if name in self.fields:
            return self._meaning(self._cell(function, self.fields[name], plain), function.range)
        if name.startswith("a."):
            return self._meaning(self.case.symbols[function.name], function.range)
        return self._meaning(value_of(self.case, function, plain), function.range)

    def _cell(self, field: Function, cells: Any, place: tuple[Value, ...]) -> Value:
        if not field.domain:
            value: Value = cells
            return value
        index = 0
        for sort, i in zip(field.domain, place, strict=True):
            index = index * len(self.elements[sort.name]) + int(i)
        cell: Value = cells[index]
        return cell

    def _target(self, name: str) -> Expression:
        """The core with an MPIDR, where there is one; otherwise any, as the facts about it say."""
        mpidr = next(asked for asked, target in self.domain.targets() if target.decl().name() == name)
        core = self.case.machine.core_of.get(self.value(mpidr).as_long(), 0)
        return self.elements[CORE.name][core]

    def _meaning(self, value: Value, sort: Sort) -> Expression:
        if sort in (CORE, NODE):
            return self.elements[sort.name][int(value)]
        return self.domain.constant(value, sort)

    def _plain(self, value: Expression) -> Value:
        if str(value) in self.index:
            return self.index[str(value)]
        if z3.is_bv_value(value):
            number: int = value.as_long()
            return number
        if value.sort() == self.domain.sort(BOOL):
            return bool(z3.is_true(value))
        return str(value).rpartition(".")[2]
