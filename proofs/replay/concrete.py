"""From a solver's model to a machine, states and actions that the stepper can run again."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import z3

from psci.model.calls.psci_features import SMCCC_VERSION
from psci.model.declare import Call, Move
from psci.model.language.rules import CALL_SYMBOLS, Completion, Rule
from psci.model.language.sorts import BOOL, CORE, NODE, U8, U32, U64, Enumeration, Sort
from psci.model.language.terms import Function, Value
from psci.model.machine import Key, Machine, ProfileError
from psci.model.power.topology import Topology, TopologyError
from psci.model.specification import SPECIFICATION, Specification
from psci.model.step import Invocation, State, Stepper
from psci.model.symbols.machine import MACHINE, MACHINE_SYMBOLS
from psci.model.symbols.state import FIELDS
from psci.model.tables.versions import VERSIONS
from psci.proofs.encoding.bounded import Bounded, values
from psci.proofs.encoding.domain import Domain, Expression, Meaning
from psci.proofs.encoding.rules import place_of
from psci.proofs.encoding.terms import Scope
from psci.proofs.encoding.unbounded import Unbounded

BOOT_CORE = next(symbol for symbol in MACHINE_SYMBOLS if symbol.name == "boot_core")
NO_FUNCTION = (0x8400_001F, 0xC400_001F)
"""Ids of PSCI's range that no function has."""


def arguments_of_interest(
    registers: Sequence[int], levels: Sequence[int], function: Function, sort: Sort
) -> tuple[Value, ...]:
    """The data arguments that a rule can give to a symbol of the machine, in a call with these registers."""
    low = [word & 0xFFFF_FFFF for word in registers]
    if isinstance(sort, Enumeration):
        return sort.values
    if sort == U64:
        return tuple(dict.fromkeys((*registers, *low)))
    if sort == U8:
        return tuple(dict.fromkeys((0, *levels)))
    assert sort == U32, sort
    if function.name in ("has", "checks_upper_halves"):
        ids = (fid for call in SPECIFICATION.calls for fid in call.ids())
        return (*ids, SMCCC_VERSION)
    # statistics ignore some bits of a power_state
    masked = (word & ~ignored for word in low for ignored in range(4))
    return tuple(dict.fromkeys((*masked, *range(4))))


@dataclass(frozen=True)
class ReplayAction:
    """A call, or a move of the environment, with everything it says."""

    owner: str
    invocation: Invocation | None = None
    core: int = 0
    """The core, or the node, that moves."""
    parameters: tuple[Value, ...] = ()


class ModelValues:
    """A model read as values: the elements of the sorts, and what symbols are at them."""

    def __init__(self, domain: Domain, model: Expression, tree: bool | None = None) -> None:
        """Read a model.

        Args:
            domain: where its symbols are.
            model: the model.
            tree: whether what it says of the tree of power domains means something; None for what the domain knows.
        """
        self._tree = domain.speaks_of_tree() if tree is None else tree
        self.domain = domain
        self.model = model
        self.elements: dict[str, list[Expression]] = {}
        self.elements |= {sort.name: self._elements(sort) for sort in (CORE, NODE)}
        if not isinstance(domain, Bounded):
            self._order_nodes()

    def _order_nodes(self) -> None:
        """The root first; where nothing was asked about the tree, one node stands for all."""
        nodes = self.elements["Node"]
        if not self._tree:
            self.elements["Node"] = nodes[:1]
            return
        ancestor = self.table(self.domain.symbol(MACHINE.ancestor), MACHINE.ancestor)
        above = {n: sum(1 for a in range(len(nodes)) if ancestor[a, n]) for n in range(len(nodes))}
        self.elements["Node"] = [nodes[n] for n in sorted(above, key=lambda n: above[n])]

    def _elements(self, sort: Sort) -> list[Expression]:
        if isinstance(self.domain, Bounded):
            return [self.domain.constant(i, sort) for i in range(self.domain.sizes[sort])]
        universe = self.model.get_universe(self.domain.sort(sort)) if self._knows(sort) else None
        return list(universe) if universe else [self._value(self.domain.fresh("only", sort))]

    def _knows(self, sort: Sort) -> bool:
        wanted = self.domain.sort(sort)
        return any(self.model.get_sort(i) == wanted for i in range(self.model.num_sorts()))

    def _value(self, expression: Expression) -> Expression:
        if isinstance(self.domain, Unbounded):
            # a model says nothing of names that were made after it
            expression = self.domain.ground(expression, self.elements)
        return self.model.eval(expression, model_completion=True)

    def value(self, expression: Expression, sort: Sort) -> Value:
        """The value of an expression; a core or node by its place among the elements."""
        found = self._value(expression)
        if sort in (CORE, NODE):
            if isinstance(self.domain, Bounded):
                return min(int(found.as_long()), self.domain.sizes[sort] - 1)
            return next(i for i, e in enumerate(self.elements[sort.name]) if e.eq(found))
        if sort == BOOL:
            return bool(z3.is_true(found))
        if isinstance(sort, Enumeration):
            if isinstance(self.domain, Bounded):
                return values(sort, min(found.as_long(), len(sort.values) - 1))
            return str(found).partition(".")[2]
        return int(found.as_long())

    def table(self, meaning: Meaning, function: Function) -> dict[tuple[int, ...], Value]:
        """The values of a symbol at every index."""
        found: dict[tuple[int, ...], Value] = {}
        for index in self._indices(function.domain):
            arguments = [self._element(sort, i) for i, sort in zip(index, function.domain, strict=True)]
            found[index] = self.value(meaning(*arguments), function.range)
        return found

    def _element(self, sort: Sort, place: int) -> Expression:
        if isinstance(sort, Enumeration):
            return self.domain.constant(sort.values[place], sort)
        return self.elements[sort.name][place]

    def _indices(self, domain: tuple[Sort, ...]) -> list[tuple[int, ...]]:
        found: list[tuple[int, ...]] = [()]
        for sort in domain:
            size = len(sort.values) if isinstance(sort, Enumeration) else len(self.elements[sort.name])
            found = [(*index, i) for index in found for i in range(size)]
        return found

    def state(self, meanings: Mapping[str, Meaning]) -> Any:
        """A state of the model."""
        return State(*(self._field(meanings[field.name], field) for field in FIELDS))

    def _field(self, meaning: Meaning, field: Function) -> Any:
        table = self.table(meaning, field)
        return tuple(table.values()) if field.domain else table[()]

    def history(self, meanings: Mapping[str, Meaning], fields: Sequence[Function]) -> dict[str, Any]:
        """The history variables of a property."""
        return {field.name: self._field(meanings[field.name], field) for field in fields}

    def action(self, owner: Call | Move, scope: Scope) -> ReplayAction:
        """The call or move that the model makes."""
        if isinstance(owner, Call):
            given: dict[str, Any] = {
                symbol.name: self.value(scope.call[symbol.name](), symbol.range) for symbol in CALL_SYMBOLS
            }
            fn = (owner.fid64 if given["wide"] and owner.fid64 else owner.fid32) or NO_FUNCTION[given["wide"]]
            registers = (given["x1"], given["x2"], given["x3"])
            invocation = Invocation(given["caller"], fn, *registers, given["caller_isa"], given["caller_world"])
            return ReplayAction(owner.name, invocation)
        moving = place_of(owner)
        core = 0 if moving is None else self.value(scope.variables[moving[0]], moving[0].sort)
        parameters = tuple(self.value(scope.call[p.name](), p.range) for p in owner.parameters)
        return ReplayAction(owner.name, None, int(core), parameters)

    def machine(self, *actions: ReplayAction) -> Machine:
        """The machine of the model, with everything declared that these actions can ask for.

        Raises:
            ProfileError: the model describes no machine.
        """
        topology = self._topology()
        levels = topology.levels if topology else (1,)
        registers = [word for a in actions if a.invocation for word in a.invocation[2:5]]
        declared: dict[str | Key, Value] = {}
        for symbol in MACHINE_SYMBOLS:
            if symbol.kind == "tree" or symbol.name in ("is_core", "core_of", "mpidr", "psci_version", "boot_core"):
                continue
            choices = [
                range(len(self.elements[sort.name]))
                if sort in (CORE, NODE)
                else arguments_of_interest(registers, levels, symbol, sort)
                for sort in symbol.domain
            ]
            for arguments in itertools.product(*choices):
                declared[(symbol.name, *arguments) if arguments else symbol.name] = self.declaration(symbol, arguments)
        rank = int(self._value(self.domain.rank).as_long())
        mpidrs = tuple(int(v) for v in self.table(self.domain.symbol(MACHINE.mpidr), MACHINE.mpidr).values())
        if len(set(mpidrs)) < len(mpidrs):
            mpidrs = tuple(range(len(mpidrs)))
        boot = int(self.table(self.domain.symbol(BOOT_CORE), BOOT_CORE)[()])
        return Machine(VERSIONS[min(rank, len(VERSIONS) - 1)], mpidrs, boot, topology, declared)

    def declaration(self, symbol: Function, arguments: tuple[Value, ...]) -> Value:
        """What the model says of a symbol of the machine at some arguments."""
        constants = [
            self.elements[sort.name][int(argument)] if sort in (CORE, NODE) else self.domain.constant(argument, sort)
            for argument, sort in zip(arguments, symbol.domain, strict=True)
        ]
        return self.value(self.domain.symbol(symbol)(*constants), symbol.range)

    def _topology(self) -> Topology | None:
        nodes = range(len(self.elements["Node"]))
        cores = range(len(self.elements["Core"]))
        if isinstance(self.domain, Bounded) and self.domain.topology is not None:
            return self.domain.topology
        ancestor = self.table(self.domain.symbol(MACHINE.ancestor), MACHINE.ancestor)
        below = self.table(self.domain.symbol(MACHINE.below), MACHINE.below)
        depth = {n: sum(1 for a in nodes if ancestor[a, n]) for n in nodes}
        order = sorted(nodes, key=lambda n: depth[n])
        if order != list(nodes):
            return None
        parents = [
            max((a for a in nodes if a != n and ancestor[a, n]), key=lambda a: depth[a], default=n) for n in nodes
        ]
        homes = [max((n for n in nodes if below[c, n]), key=lambda n: depth[n], default=0) for c in cores]
        levels = [len(nodes) - depth[n] + 1 for n in nodes]
        try:
            return Topology(tuple(f"node{n}" for n in nodes), tuple(parents), tuple(levels), tuple(homes))
        except TopologyError:
            return None

    def choices(self) -> Mapping[Key, Value]:
        """What the model says of everything that the machine leaves undeclared."""
        return _Choices(self)


class _Choices(dict[Key, Value]):
    """Answers of a model, looked up when they are asked for."""

    def __init__(self, reading: ModelValues) -> None:
        super().__init__()
        self._reading = reading

    def __contains__(self, key: object) -> bool:
        return True

    def get(self, key: Key, default: Any = None) -> Any:
        """The answer; never the default."""
        return self[key]

    def __missing__(self, key: Key) -> Value:
        name, *arguments = key
        symbol = next(symbol for symbol in MACHINE_SYMBOLS if symbol.name == name)
        return self._reading.declaration(symbol, tuple(arguments))


@dataclass(frozen=True)
class Taken:
    """One step of a counterexample, as the stepper can take it."""

    action: ReplayAction
    rule: str
    text: str
    completion: Completion | None
    value: int | None
    before: Any
    after: Any
    history_before: Mapping[str, Any]
    history_after: Mapping[str, Any]


def replays(
    machine: Machine, specification: Specification, taken: Taken, choices: Mapping[Key, Value], tree: bool = True
) -> bool:
    """Whether the stepper takes the same step: the same rule, from the same state to the same state.

    Without a `tree` in the model, what happens to power domains is not compared.
    """

    def same(state: Any) -> bool:
        pairs = zip(FIELDS, state, taken.after, strict=True)
        return all(one == other for field, one, other in pairs if tree or NODE not in field.domain)

    stepper = Stepper(machine, specification)
    call = taken.action.invocation
    if call is not None:
        outcomes = stepper.allowed(taken.before, call, choices).outcomes
        return any(outcome.rule.name == taken.rule and same(outcome.state) for outcome in outcomes)
    moved = stepper.move(taken.action.owner, taken.before, taken.action.core, taken.action.parameters)
    return any(rule.name == taken.rule and same(state) for rule, state in moved)


def step_taken(
    reading: ModelValues, owner: Call | Move, rule: Rule, before: Scope, after: Scope, result: Expression | None,
    history: Sequence[Function],
) -> Taken:  # fmt: skip
    """A step of a model."""
    return Taken(
        reading.action(owner, before),
        rule.name,
        rule.text,
        rule.completion if isinstance(owner, Call) else None,
        None if result is None else int(reading.model.eval(result, model_completion=True).as_long()),
        reading.state(before.state),
        reading.state(after.state),
        reading.history(before.state, history),
        reading.history(after.state, history),
    )


__all__ = ["ModelValues", "ProfileError", "ReplayAction", "Taken", "replays", "step_taken"]
