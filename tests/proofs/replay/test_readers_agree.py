"""The stepper and the Z3 reader read the same rules and give the same outcomes, on random cases, both ways.

A case is drawn as a few large integers that are then taken apart, so that twenty thousand cases are
cheap to draw and still shrink towards the blank state and the zero call.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psci.model.declare import Move
from psci.model.language.sorts import BOOL, CORE, NODE, BitVector, Enumeration, Quantity, Sort
from psci.model.language.terms import Function
from psci.model.machine import Machine, answers
from psci.model.power.topology import Topology
from psci.model.specification import SPECIFICATION
from psci.model.step import Invocation, State, Stepper, accepts
from psci.model.symbols.machine import MACHINE_SYMBOLS
from psci.model.symbols.state import FIELDS
from psci.model.tables.versions import VERSIONS
from psci.proofs.replay.agreement import AgreementCase, OutcomeEvaluator, ReaderOutcome, call_symbols_of
from psci.proofs.replay.pinned import Pinned

CASES_PER_EXAMPLE = 8
EDGES = (0, 1, 2, 3, 4, 0x100, 0x1_0000, 0xFFFF_FFFF, 1 << 32, (1 << 32) + 1, 1 << 63, (1 << 64) - 1)
SHAPES = (
    ((0x0,), None),
    ((0x0, 0x1, 0x2), None),
    ((0x0, 0x1, 0x100), Topology.clusters((2, 1))),
    ((0x80_0000_0000, 0x100, 0x1_0000, 0x1), Topology.clusters((1, 3))),
    # three levels, and cores at each of them
    ((0x0, 0x1, 0x100, 0x200), Topology(("system", "package", "cluster"), (0, 0, 1), (3, 2, 1), (2, 2, 1, 0))),
)
NAMES = ("UNKNOWN", *(call.name for call in SPECIFICATION.calls))
SYMBOLS = {symbol.name: symbol for symbol in MACHINE_SYMBOLS}
KEYS = [symbol for symbol in MACHINE_SYMBOLS if symbol.kind == "machine"]


class Source:
    """An integer that is taken apart; when it is used up everything is zero."""

    def __init__(self, number: int) -> None:
        self.number = number

    def below(self, limit: int) -> int:
        self.number, value = divmod(self.number, limit)
        return value

    def value(self, sort: Sort, machine: Machine) -> Any:
        if sort == BOOL:
            return bool(self.below(2))
        if isinstance(sort, Enumeration):
            return sort.values[self.below(len(sort.values))]
        if isinstance(sort, BitVector):
            return self.word(machine) & ((1 << sort.width) - 1)
        return self.below(len(machine.cores) if sort == CORE else len(machine.tree.names))

    def word(self, machine: Machine) -> int:
        """A register value: an edge, an MPIDR, a function id, a power_state, or anything."""
        match self.below(6):
            case 0 | 1:
                return EDGES[self.below(len(EDGES))]
            case 2:
                return machine.cores[self.below(len(machine.cores))]
            case 3:
                ids = [fid for call in SPECIFICATION.calls for fid in call.ids()]
                return (*ids, 0x8000_0000)[self.below(len(ids) + 1)]
            case 4:
                return 1 << self.below(64) | self.below(4)
        return self.below(1 << 64)


class Chosen(dict[Any, Any]):
    """An answer to everything that a machine leaves undeclared, fixed by a seed."""

    def __init__(self, seed: int, machine: Machine) -> None:
        super().__init__()
        self.seed = seed
        self.machine = machine

    def __contains__(self, key: object) -> bool:
        return True

    def get(self, key: Any, default: Any = None) -> Any:
        """The answer, but to nothing that the machine declares."""
        return self[key] if self.machine.value(key[0], key[1:]) is None else default

    def __missing__(self, key: Any) -> Any:
        # a multiplicative mix: Python's own hash of a string differs from run to run
        number = self.seed
        for part in key:
            for byte in str(part).encode():
                number = (number * 1_000_003 ^ byte) & 0xFFFF_FFFF
        sort = SYMBOLS[key[0]].range
        possible = range(4) if isinstance(sort, BitVector | Quantity) else answers(key)
        return possible[(number >> 7) % len(possible)]


@cache
def machine_numbered(number: int) -> tuple[Machine, Stepper]:
    """One of the machines of this test: a version, a shape, declarations."""
    source = Source(number * 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C834 % (1 << 128))
    version = VERSIONS[number % len(VERSIONS)]
    cores, topology = SHAPES[source.below(len(SHAPES))]
    plain = Machine(version, cores, source.below(len(cores)), topology)
    declared: dict[Any, Any] = {}
    for symbol in KEYS:
        if symbol.name in ("is_core", "core_of", "mpidr", "psci_version", "boot_core"):
            continue
        if not symbol.domain:
            declared[symbol.name] = value_for(source, symbol, plain)
        elif all(sort in (CORE, NODE) for sort in symbol.domain):
            for index in indices(symbol, plain):
                declared[(symbol.name, *index)] = value_for(source, symbol, plain)
        elif all(isinstance(sort, Enumeration) for sort in symbol.domain):
            (sort,) = symbol.domain
            assert isinstance(sort, Enumeration)
            for name in sort.values:
                declared[(symbol.name, name)] = value_for(source, symbol, plain)
        elif source.below(4) == 0 and symbol.name != "has":
            declared[symbol.name] = value_for(source, symbol, plain)
    unusable = ((0x100, 0xFFFF), (1 << 63, (1 << 64) - 1)) if source.below(2) else None
    machine = Machine(version, cores, plain.boot, topology, declared, unusable)
    return machine, Stepper(machine)


def value_for(source: Source, symbol: Function, machine: Machine) -> Any:
    if isinstance(symbol.range, BitVector | Quantity):
        return source.below(4)
    return source.value(symbol.range, machine)


def indices(function: Function, machine: Machine) -> list[tuple[int, ...]]:
    sizes = [len(machine.cores) if sort == CORE else len(machine.tree.names) for sort in function.domain]
    found: list[tuple[int, ...]] = [()]
    for size in sizes:
        found = [(*index, i) for index in found for i in range(size)]
    return found


@cache
def evaluator(name: str, cores: int, nodes: int) -> OutcomeEvaluator:
    return OutcomeEvaluator(name, cores, nodes)


def state_from(source: Source, machine: Machine) -> Any:
    fields: list[Any] = []
    for field in FIELDS:
        cells = tuple(source.value(field.range, machine) for _ in indices(field, machine))
        fields.append(cells if field.domain else cells[0])
    return State(*fields)


def invocation_from(source: Source, machine: Machine) -> tuple[str, Invocation]:
    name = NAMES[source.below(len(NAMES))]
    call = next((call for call in SPECIFICATION.calls if call.name == name), None)
    fn = call.ids()[source.below(len(call.ids()))] if call else (0x8400_001F, 0xC400_001E)[source.below(2)]
    return name, Invocation(
        source.below(len(machine.cores)), fn, source.word(machine), source.word(machine), source.word(machine),
        ("AARCH64", "AARCH32")[source.below(2)], ("NORMAL", "REALM", "SECURE")[source.below(3)],
    )  # fmt: skip


def as_set(outcomes: list[ReaderOutcome]) -> set[tuple[str, int | None, Any]]:
    return {(found.rule.name, found.value, found.state) for found in outcomes}


def call_case(machine: Machine, choices: Mapping[Any, Any], state: Any, invocation: Invocation) -> AgreementCase:
    return AgreementCase(machine, choices, state, call_symbols_of(invocation))


def moving(move: Move, source: Source, state: Any, machine: Machine) -> tuple[dict[str, Any], int, tuple[Any, ...]]:
    """The symbols of a move, the core or node that moves, and the parameters."""
    sizes = {"core": len(machine.cores), "node": len(machine.tree.names)}
    place = "core" if move.core is not None else "node" if move.node is not None else ""
    core = source.below(sizes[place]) if place else 0
    parameters = tuple(source.value(parameter.range, machine) for parameter in move.parameters)
    if len(parameters) == 2 and source.below(2):
        # an entry is possible only at the right place: take it from the state, or no move would happen
        parameters = (state.entry[core], state.context[core])
    names = [parameter.name for parameter in move.parameters]
    return dict(zip(names, parameters, strict=True)) | ({place: core} if place else {}), core, parameters


def of(machine: Machine, name: str) -> OutcomeEvaluator:
    return evaluator(name, len(machine.cores), len(machine.tree.names))


numbers = st.integers(0, (1 << 1600) - 1)


@settings(max_examples=2500, derandomize=True)
@given(st.integers(0, 71), numbers, numbers)
def test_a_call_has_the_same_outcomes_in_both_readers(machine_number: int, first: int, second: int) -> None:
    machine, stepper = machine_numbered(machine_number)
    source = Source(second)
    for _ in range(CASES_PER_EXAMPLE):
        state = state_from(Source(first), machine)
        name, invocation = invocation_from(source, machine)
        probe = source.word(machine)
        choices = Chosen(first & 0xFFFF, machine)
        allowed = stepper.allowed(state, invocation, choices)
        answer = of(machine, name).answer(call_case(machine, choices, state, invocation), probe)
        assert as_set(answer.outcomes) == {(o.rule.name, o.value, o.state) for o in allowed.outcomes}, invocation
        assert [rule.name for rule in answer.broken] == [rule.name for rule in allowed.broken]
        for outcome in allowed.outcomes:
            if outcome.rule.constraint is not None:
                assert accepts(outcome, probe, wide=True) == answer.lets[outcome.rule.name]
        first = first * 0x5851_F42D_4C95_7F2D + 1 & (1 << 1600) - 1


@settings(max_examples=400, derandomize=True)
@given(st.integers(0, 71), numbers, numbers)
def test_a_move_has_the_same_outcomes_in_both_readers(machine_number: int, first: int, second: int) -> None:
    machine, stepper = machine_numbered(machine_number)
    source = Source(second)
    state = state_from(Source(first), machine)
    for move in SPECIFICATION.moves:
        symbols, core, parameters = moving(move, source, state, machine)
        found = {(rule.name, after) for rule, after in stepper.move(move.name, state, core, parameters)}
        answer = of(machine, move.name).answer(AgreementCase(machine, Chosen(0, machine), state, symbols))
        assert {(outcome.rule.name, outcome.state) for outcome in answer.outcomes} == found, (move.name, core)


@settings(max_examples=60, derandomize=True)
@given(st.integers(0, 71), numbers, numbers)
def test_a_solver_finds_no_outcome_that_the_stepper_does_not_give(machine_number: int, first: int, second: int) -> None:
    machine, stepper = machine_numbered(machine_number)
    state = state_from(Source(first), machine)
    name, invocation = invocation_from(Source(second), machine)
    choices = Chosen(first & 0xFFFF, machine)
    outcomes = [ReaderOutcome(o.rule, o.value, o.state) for o in stepper.allowed(state, invocation, choices).outcomes]
    reader, case = of(machine, name), call_case(machine, choices, state, invocation)
    assert reader.nothing_else(case, outcomes)
    if outcomes:
        assert not reader.nothing_else(case, outcomes[1:])


@cache
def pinned(name: str) -> Pinned:
    return Pinned(name)


@settings(max_examples=400)
@given(st.integers(0, 71), numbers, numbers)
def test_a_call_has_the_same_outcomes_for_any_number_of_cores(machine_number: int, first: int, second: int) -> None:
    machine, stepper = machine_numbered(machine_number)
    state = state_from(Source(first), machine)
    name, invocation = invocation_from(Source(second), machine)
    choices = Chosen(first & 0xFFFF, machine)
    allowed = stepper.allowed(state, invocation, choices)
    outcomes = pinned(name).outcomes(call_case(machine, choices, state, invocation))
    assert as_set(outcomes) == {(o.rule.name, o.value, o.state) for o in allowed.outcomes}, invocation


@settings(max_examples=60)
@given(st.integers(0, 71), numbers, numbers)
def test_a_move_has_the_same_outcomes_for_any_number_of_cores(machine_number: int, first: int, second: int) -> None:
    machine, stepper = machine_numbered(machine_number)
    source = Source(second)
    state = state_from(Source(first), machine)
    for move in SPECIFICATION.moves:
        symbols, core, parameters = moving(move, source, state, machine)
        found = {(rule.name, after) for rule, after in stepper.move(move.name, state, core, parameters)}
        outcomes = pinned(move.name).outcomes(AgreementCase(machine, Chosen(0, machine), state, symbols))
        assert {(outcome.rule.name, outcome.state) for outcome in outcomes} == found, (move.name, core)


def test_a_reader_of_other_rules_for_any_number_is_told_apart() -> None:
    rule = SPECIFICATION.rule("AFFINITY_INFO.on")
    machine = Machine(VERSIONS[-1], (0, 1, 2), declared={"disabled": False})
    invocation = Invocation(0, 0xC400_0004, 1, 0)
    running = Stepper(machine).initial()._replace(power=("ON", "ON", "OFF"), activity=("RUNNING", "RUNNING", "STOPPED"))
    case = call_case(machine, Chosen(0, machine), running, invocation)
    assert [found.rule.name for found in pinned("AFFINITY_INFO").outcomes(case)] == [rule.name]
    assert Pinned("AFFINITY_INFO", SPECIFICATION.replacing(rule)).outcomes(case) == []


@pytest.mark.parametrize("dropped", ["CPU_ON.target_invalid", "SYSTEM_OFF2.cookie_set", "AFFINITY_INFO.on"])
def test_a_reader_of_other_rules_is_told_apart(dropped: str) -> None:
    """The comparison can fail: without one rule of a call some case gives other outcomes."""
    rule = SPECIFICATION.rule(dropped)
    name = dropped.partition(".")[0]
    fewer = SPECIFICATION.replacing(rule)
    machine = Machine(VERSIONS[-1], (0, 1, 2), declared={"disabled": False})
    reader = OutcomeEvaluator(name, 3, 1, fewer)
    assert rule.name not in {step.rule.name for step in reader.steps}
    full, less = Stepper(machine), Stepper(machine, fewer)
    call = next(call for call in SPECIFICATION.calls if call.name == name)
    differs = 0
    for seed in range(200):
        source = Source(seed * 0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C834)
        state = state_from(source, machine)
        invocation = Invocation(0, call.ids()[-1], source.word(machine), source.word(machine))
        choices = Chosen(seed, machine)
        answer = reader.answer(call_case(machine, choices, state, invocation))
        assert as_set(answer.outcomes) == {
            (o.rule.name, o.value, o.state) for o in less.allowed(state, invocation, choices).outcomes
        }
        differs += as_set(answer.outcomes) != {
            (o.rule.name, o.value, o.state) for o in full.allowed(state, invocation, choices).outcomes
        }
    assert differs
