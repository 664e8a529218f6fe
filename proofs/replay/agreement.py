"""The stepper and the Z3 reader on the same case: the same outcomes, or the readers have drifted apart.

The formula of a call is built once for a number of cores and nodes, with the version, the machine and
the tree left open. A case fills in every symbol, and Z3 evaluates all outcomes at once: for each rule
whether it is allowed, its result, and every field of the state after it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import z3
from z3 import z3core

from psci.model.declare import Call, Move
from psci.model.language.effects import NOTHING
from psci.model.language.rules import CALL_SYMBOLS, RESULT, Rule
from psci.model.language.sorts import BOOL, CORE, NODE, Sort
from psci.model.language.terms import Function, Value
from psci.model.machine import Choices, Machine
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Invocation, State
from psci.model.symbols.machine import MACHINE_SYMBOLS
from psci.model.symbols.state import FIELDS
from psci.proofs.encoding.bounded import Bounded, values, width
from psci.proofs.encoding.domain import Expression, Meaning
from psci.proofs.encoding.rules import RuleFormula, duties, fields_of, owner_named, place_of, scope_of, transitions
from psci.proofs.replay.concrete import arguments_of_interest

SYMBOLS: Mapping[str, Function] = {symbol.name: symbol for symbol in MACHINE_SYMBOLS}


class ReaderOutcome(NamedTuple):
    """One outcome as both readers give it; `state` is the whole state after it."""

    rule: Rule
    value: int | None
    state: Any


@dataclass(frozen=True)
class ReaderOutcomes:
    """What the Z3 reader says of a case."""

    outcomes: list[ReaderOutcome]
    lets: Mapping[str, bool]
    """For each rule that leaves a choice of results: whether it lets the probed value be returned."""
    broken: tuple[Rule, ...]
    """The caller's duties that the call breaks."""


@dataclass(frozen=True)
class AgreementCase:
    """Everything that decides the outcomes: machine, choices for what it leaves open, state, and the step."""

    machine: Machine
    choices: Choices
    state: Any
    symbols: Mapping[str, Value]
    """The symbols of the call, or the core and the parameters of the move."""


def call_symbols_of(invocation: Invocation, specification: Specification = SPECIFICATION) -> dict[str, Value]:
    """The symbols of a call as the rules name them."""
    _, wide = specification.call_of.get(invocation.fn, (None, bool(invocation.fn & 0x4000_0000)))
    given = (
        invocation.caller, wide, invocation.isa, invocation.world, invocation.x1, invocation.x2, invocation.x3,
    )  # fmt: skip
    return dict(zip((symbol.name for symbol in CALL_SYMBOLS), given, strict=True))


class OutcomeEvaluator:
    """The outcomes of one call or move for a number of cores and nodes, as one Z3 word to evaluate."""

    def __init__(self, name: str, cores: int, nodes: int, specification: Specification = SPECIFICATION) -> None:
        self.owner = owner_named(specification, name)
        self.domain = Bounded(cores, nodes=nodes, specification=specification)
        self.state = fields_of(self.domain, "s")
        scope = scope_of(self.domain, self.owner, self.state)
        self.result = z3.BitVec("result", 64, self.domain.context)
        scope = scope.binding(RESULT, self.result)
        self.steps = transitions(self.domain, self.owner, scope, specification)
        self._fixed = dict(self._symbols())
        self._packed: list[tuple[RuleFormula, Expression, int]] = []
        for step in self.steps:
            parts = self._parts(step)
            word = z3.Concat(*parts) if len(parts) > 1 else parts[0]
            self._packed.append((step, word, word.size()))
        self._duties = duties(self.domain, self.owner, scope, specification)
        bits = [self._bits(broken, BOOL) for _, broken in self._duties]
        self.word = self._join([*(word for _, word, _ in self._packed), *bits])

    def _join(self, words: Sequence[Expression]) -> Expression:
        return z3.Concat(*words) if len(words) > 1 else words[0]

    def _parts(self, step: RuleFormula) -> list[Expression]:
        parts = [self._bits(step.allowed(), BOOL)]
        if step.value is not None:
            parts.append(step.value)
        if step.rule.constraint is not None:
            parts.append(self._bits(step.scope.term(step.rule.constraint), BOOL))
        if step.rule.effect is not NOTHING:
            after = step.scope_after().state
            for field in FIELDS:
                parts += [self._bits(after[field.name](*index), field.range) for index in self._indices(field)]
        return parts

    def _bits(self, expression: Expression, sort: Sort) -> Expression:
        if sort != BOOL:
            return expression
        one, zero = (z3.BitVecVal(bit, 1, self.domain.context) for bit in (1, 0))
        return z3.If(expression, one, zero)

    def _indices(self, function: Function) -> list[tuple[Expression, ...]]:
        return [
            tuple(self.domain.constant(i, sort) for i, sort in zip(index, function.domain, strict=True))
            for index in self.domain.indices(function.domain)
        ]

    def _symbols(self) -> Iterator[tuple[str, list[Expression]]]:
        """Every symbol that a case fills in, with its constants in the order of the indices."""
        for field in FIELDS:
            yield f"s.{field.name}", [self.state[field.name](*index) for index in self._indices(field)]
        functions = list(CALL_SYMBOLS) if isinstance(self.owner, Call) else list(self.owner.parameters)
        if isinstance(self.owner, Move):
            place = place_of(self.owner)
            functions += [] if place is None else [place[1]]
        for function in functions:
            yield f"a.{function.name}", [self.domain.symbols("a", function)()]

    # ---- evaluation

    def answer(self, case: AgreementCase, probe: int = 0) -> ReaderOutcomes:
        """What Z3 allows in a case."""
        model = self._model(case, probe)
        number = model.eval(self.word).as_long()
        place = self.word.size()
        found, lets = [], {}
        for step, _, size in self._packed:
            place -= size
            bits = _Bits(number >> place & (1 << size) - 1, size)
            allowed = bits.take(1)
            value = bits.take(64) if step.value is not None else None
            if step.rule.constraint is not None:
                lets[step.rule.name] = bool(bits.take(1))
            if allowed:
                state = case.state if step.rule.effect is NOTHING else self._state_from(bits)
                found.append(ReaderOutcome(step.rule, value, state))
        broken = tuple(rule for i, (rule, _) in enumerate(reversed(self._duties)) if number >> i & 1)
        return ReaderOutcomes(found, lets, broken[::-1])

    def nothing_else(self, case: AgreementCase, outcomes: Sequence[ReaderOutcome]) -> bool:
        """A solver finds no other allowed outcome in a case; results that a rule leaves open are not looked at."""
        context, domain = self.domain.context, self.domain
        solver = z3.Solver(ctx=context)
        model = self._model(case, 0)
        for declaration in model.decls():
            if declaration.arity() == 0:
                solver.add(declaration() == model.eval(declaration()))
            else:
                interpretation = model[declaration]
                for i in range(interpretation.num_entries()):
                    entry = interpretation.entry(i)
                    arguments = [entry.arg_value(k) for k in range(entry.num_args())]
                    solver.add(declaration(*arguments) == entry.value())
        rule = z3.BitVec("o.rule", 16, context)
        value = z3.BitVec("o.value", 64, context)
        after = fields_of(domain, "o")
        solver.add(domain.disjunction(self._taken(i, step, rule, value, after) for i, step in enumerate(self.steps)))
        place = {id(step.rule): i for i, step in enumerate(self.steps)}
        for outcome in outcomes:
            same = [rule == place[id(outcome.rule)]]
            if outcome.value is not None:
                same.append(value == outcome.value)
            for field, cells in zip(FIELDS, outcome.state, strict=True):
                wanted = cells if field.domain else (cells,)
                same += [
                    after[field.name](*index) == domain.constant(cell, field.range)
                    for index, cell in zip(self._indices(field), wanted, strict=True)
                ]
            solver.add(z3.Not(z3.And(*same)))
        verdict = solver.check()
        if verdict == z3.unknown:
            raise RuntimeError(f"{self.owner.name}: the solver gave up: {solver.reason_unknown()}")
        return bool(verdict == z3.unsat)

    def _taken(
        self, place: int, step: RuleFormula, rule: Expression, value: Expression, after: Mapping[str, Meaning]
    ) -> Expression:
        then = step.scope_after().state
        same = [rule == place, step.allowed()]
        if step.value is not None:
            same.append(value == step.value)
        for field in FIELDS:
            same += [after[field.name](*index) == then[field.name](*index) for index in self._indices(field)]
        return z3.And(*same)

    def _state_from(self, bits: _Bits) -> Any:
        fields: list[Any] = []
        for field in FIELDS:
            size = width(field.range)
            cells = tuple(values(field.range, bits.take(size)) for _ in self.domain.indices(field.domain))
            fields.append(cells if field.domain else cells[0])
        return State(*fields)

    def _model(self, case: AgreementCase, probe: int) -> Expression:
        model = z3.Model(self.domain.context)
        self._set(model, self.domain.rank, case.machine.version.rank)
        self._set(model, self.result, probe)
        for field, value in zip(FIELDS, case.state, strict=True):
            cells = value if field.domain else (value,)
            for constant, cell in zip(self._fixed[f"s.{field.name}"], cells, strict=True):
                self._set(model, constant, self._number(cell, field.range))
        for name, value in case.symbols.items():
            (constant,) = self._fixed[f"a.{name}"]
            self._set(model, constant, self._number(value, self._range(name)))
        for label, function in self.domain.used().items():
            if label.startswith("m."):
                self._declare(model, function, case)
        return model

    def _range(self, name: str) -> Sort:
        for symbol in (*CALL_SYMBOLS, *(self.owner.parameters if isinstance(self.owner, Move) else ())):
            if symbol.name == name:
                return symbol.range
        return CORE

    def _number(self, value: Value, sort: Sort) -> int:
        return sort.values.index(value) if isinstance(value, str) else int(value)  # type: ignore[attr-defined]  # only enumerations have names

    def _set(self, model: Expression, constant: Expression, number: int) -> None:
        context = self.domain.context
        boolean = z3.is_bool(constant)
        value = z3.BoolVal(bool(number), context) if boolean else z3.BitVecVal(number, constant.size(), context)
        z3core.Z3_add_const_interp(context.ref(), model.model, constant.decl().ast, value.as_ast())

    def _declare(self, model: Expression, function: Function, case: AgreementCase) -> None:
        """Give a symbol of the machine or tree its value at every index, and at every argument that can matter."""
        places = [i for i, sort in enumerate(function.domain) if sort in (CORE, NODE)]
        data = [i for i, sort in enumerate(function.domain) if sort not in (CORE, NODE)]
        for index in self.domain.indices(tuple(function.domain[i] for i in places)):
            name = "".join([f"m.{function.name}", *(f"[{i}]" for i in index)])
            if not data:
                value = value_of(case, function, index)
                self._set(model, z3.Const(name, self.domain.sort(function.range)), self._number(value, function.range))
                continue
            self._declare_function(model, name, function, index, places, data, case)

    def _declare_function(
        self, model: Expression, name: str, function: Function, index: tuple[int, ...], places: list[int],
        data: list[int], case: AgreementCase,
    ) -> None:  # fmt: skip
        context = self.domain.context
        sorts = [function.domain[i] for i in data]
        signature = [self.domain.sort(sort) for sort in (*sorts, function.range)]
        declaration = z3.Function(name, *signature)
        zero = self._value(0, function.range)
        table = z3core.Z3_add_func_interp(context.ref(), model.model, declaration.ast, zero.as_ast())
        z3core.Z3_func_interp_inc_ref(context.ref(), table)
        registers = [int(value) for name, value in case.symbols.items() if name in ("x1", "x2", "x3")]
        levels = case.machine.tree.levels
        choices = [arguments_of_interest(registers, levels, function, sort) for sort in sorts]
        for arguments in itertools.product(*choices):
            full: list[Value] = [0] * len(function.domain)
            for place, i in zip(places, index, strict=True):
                full[place] = i
            for place, argument in zip(data, arguments, strict=True):
                full[place] = argument
            vector = z3.AstVector(ctx=context)
            for argument, sort in zip(arguments, sorts, strict=True):
                vector.push(self._value(self._number(argument, sort), sort))
            value = self._value(self._number(value_of(case, function, tuple(full)), function.range), function.range)
            z3core.Z3_func_interp_add_entry(context.ref(), table, vector.vector, value.as_ast())
        z3core.Z3_func_interp_dec_ref(context.ref(), table)

    def _value(self, number: int, sort: Sort) -> Expression:
        if sort == BOOL:
            return z3.BoolVal(bool(number), self.domain.context)
        return z3.BitVecVal(number, width(sort), self.domain.context)


def value_of(case: AgreementCase, function: Function, arguments: tuple[Value, ...]) -> Value:
    """What the machine declares, or the tree says, or the case chooses."""
    if function.kind == "tree":
        tree = case.machine.tree
        tables: Mapping[str, Any] = {
            "below": tree.below,
            "ancestor": lambda upper, lower: tree.ancestors[lower][upper],
            "level": lambda node: tree.levels[node],
        }
        value: Value = tables[function.name](*arguments)
        return value
    declared = case.machine.value(function.name, arguments)
    return case.choices[(function.name, *arguments)] if declared is None else declared


class _Bits:
    """A word that is taken apart from its highest bit."""

    def __init__(self, word: int, size: int) -> None:
        self.word = word
        self.left = size

    def take(self, size: int) -> int:
        self.left -= size
        return self.word >> self.left & (1 << size) - 1
