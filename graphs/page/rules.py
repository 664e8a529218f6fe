"""The rules, and what they speak about, as one JSON document: what the page evaluates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from psci.explorer.system import compared
from psci.graphs.page.machines import Machines, open_answers
from psci.graphs.page.terms import TermRows
from psci.model.calls.conventions import HINT_BIT, NOT_PSCI, PSCI_RANGE, UNKNOWN
from psci.model.declare import Call, Move
from psci.model.language.rules import CALLER_ISA, CALLER_WORLD, RESULT, Rule
from psci.model.language.sorts import BOOL, CORE, NODE, BitVector, Enumeration, Quantity, Sort
from psci.model.language.terms import Function, show
from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.machine import MACHINE_SYMBOLS
from psci.model.symbols.readings import READINGS
from psci.model.symbols.state import FIELDS
from psci.model.tables.codes import CODES
from psci.model.tables.facts import FACTS, MODALITIES
from psci.model.tables.versions import VERSIONS


def document(machines: Machines, specification: Specification = SPECIFICATION) -> dict[str, Any]:
    """Everything that the page knows.

    Args:
        machines: those that it offers.
        specification: the rules.
    """
    rows = TermRows()
    calls = [_call(call) for call in (*specification.calls, UNKNOWN, NOT_PSCI)]
    rules = {owner: [_rule(rows, rule) for rule in rules] for owner, rules in specification.rules.items()}
    moves = [_move(rows, move, specification) for move in specification.moves]
    cited = sorted({fact for rule in specification.every_rule() for fact in rule.cites})
    return {
        "format": 1,
        "versions": [{"name": v.name, "issue": v.issue} for v in VERSIONS],
        "enumerations": {kind.name: kind.values for kind in _enumerations()},
        "fields": [_field(field) for field in FIELDS],
        "symbols": {s.name: _symbol(s) for s in MACHINE_SYMBOLS},
        "readings": [_reading(name) for name in READINGS],
        "codes": {code.name: code.number for code in CODES},
        "facts": {name: [FACTS[name].modalities, FACTS[name].sections] for name in cited},
        "modalities": MODALITIES,
        "terms": rows.rows,
        "calls": calls,
        "ids": {"first": hex(PSCI_RANGE), "hint": hex(HINT_BIT)},
        "rules": rules,
        "moves": moves,
        "tables": machines.tables,
        "machines": machines.found,
    }


def _enumerations() -> Iterator[Enumeration]:
    for function in (*FIELDS, *MACHINE_SYMBOLS, CALLER_ISA, CALLER_WORLD):
        for sort in (*function.domain, function.range):
            if isinstance(sort, Enumeration):
                yield sort


def sort_name(sort: Sort) -> str:
    """How the page calls a sort: word, number, core, node, bool, or the name of an enumeration."""
    match sort:
        case BitVector():
            return "word"
        case Quantity():
            return "number"
        case Enumeration(name=name):
            return name
    return {BOOL: "bool", CORE: "core", NODE: "node"}[sort]


def _field(field: Function) -> dict[str, Any]:
    domain = [sort_name(sort) for sort in field.domain]
    return {"name": field.name, "domain": domain, "sort": sort_name(field.range), "doc": field.doc}


def _symbol(symbol: Function) -> dict[str, Any]:
    domain = [sort_name(sort) for sort in symbol.domain]
    answers = open_answers(symbol) if symbol.kind == "machine" else None
    return {"domain": domain, "sort": sort_name(symbol.range), "doc": symbol.doc, "answers": answers}


def _reading(name: str) -> dict[str, Any]:
    reading = READINGS[name]
    symbol = next(s for s in MACHINE_SYMBOLS if s.name == reading.symbol)
    word = isinstance(symbol.range, BitVector)
    options = {option: hex(int(v)) if word else v for option, v in reading.options.items()}
    return {
        "name": name, "symbol": reading.symbol, "question": reading.question, "options": options,
        "meanings": dict(reading.meanings), "cites": reading.cites, "default": reading.default, "tried": reading.tried,
    }  # fmt: skip


def _call(call: Call) -> dict[str, Any]:
    return {
        "name": call.name, "section": call.section,
        "fid32": None if call.fid32 is None else hex(call.fid32),
        "fid64": None if call.fid64 is None else hex(call.fid64),
        "since": call.since.rank, "until": call.until.rank,
        "arguments": [{"name": a.name, "native": a.native} for a in call.arguments],
    }  # fmt: skip


def _rule(rows: TermRows, rule: Rule) -> dict[str, Any]:
    guard = show(rule.guard)
    return {
        "name": rule.name, "modality": rule.modality.value, "completion": rule.completion.value,
        "guard": rows.place(rule.guard), "says": "" if guard == "True" else guard,
        "value": None if rule.value is None else rows.place(rule.value),
        "constraint": None if rule.constraint is None else rows.place(rule.constraint, {RESULT.name: "result"}),
        "limits": None if rule.constraint is None else show(rule.constraint),
        "effect": rows.effect(rule.effect), "code": None if rule.code is None else rule.code.name,
        "frees": rule.frees, "cites": rule.cites, "since": rule.since.rank, "until": rule.until.rank, "text": rule.text,
    }  # fmt: skip


def _move(rows: TermRows, move: Move, specification: Specification) -> dict[str, Any]:
    at_hand = move.core if move.core is not None else move.node
    return {
        "name": move.name, "section": move.section, "silent": move.silent,
        "of": "core" if move.core is not None else "node" if move.node is not None else None,
        "variable": "core" if at_hand is None else at_hand.name,
        "parameters": [_parameter(rows, move, p, specification) for p in move.parameters],
    }  # fmt: skip


def _parameter(rows: TermRows, move: Move, parameter: Function, specification: Specification) -> dict[str, Any]:
    """What a witnessing event says, and what the guards compare it with (a list for each rule)."""
    rules = specification.rules[move.name]
    candidates = [[rows.place(term) for term in compared(rule.guard, parameter)] for rule in rules]
    return {"name": parameter.name, "sort": sort_name(parameter.range), "compared": candidates}
