"""Which outcomes are allowed, in Z3: the meaning of modalities, written once more than in the stepper.

A transition is one rule of one call or move: the condition under which its outcome is allowed, its
result, and the state after it. The state after is an environment of terms over the state before,
so that the frame is derived and cannot be forgotten.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import z3

from psci.model.calls import UNKNOWN
from psci.model.declare import Call, Move
from psci.model.language.rules import CALL_SYMBOLS, WIDE, Modality, Rule
from psci.model.language.terms import FALSE, TRUE, Function, Var
from psci.model.specification import Specification
from psci.model.symbols.state import FIELDS
from psci.proofs.encoding.domain import Domain, Expression, Meaning, NamedFormula
from psci.proofs.encoding.terms import Scope

OUTCOMES = (
    Modality.GATE, Modality.MUST_REFUSE, Modality.MAY_REFUSE, Modality.SUCCEEDS, Modality.MAY_SUCCEED, Modality.AMENDS,
)  # fmt: skip
"""The modalities of rules that have an outcome; a caller's duty has none."""


@dataclass(frozen=True)
class RuleFormula:
    """One rule as a step: allowed where all of `conditions` hold."""

    rule: Rule
    conditions: tuple[NamedFormula, ...]
    value: Expression | None
    """The result (64 bits), where the rule fixes one."""
    scope: Scope
    """The step's symbols and the state before it."""
    after: Mapping[str, Meaning]
    """The fields that the rule changes."""

    def allowed(self) -> Expression:
        """The outcome is allowed."""
        return self.scope.domain.conjunction(condition for _, condition in self.conditions)

    def scope_after(self) -> Scope:
        """The same symbols over the state after the step."""
        return self.scope.but(self.after)


def owners(specification: Specification) -> tuple[Call | Move, ...]:
    """Every call and move, the unknown function included."""
    return (*specification.calls, UNKNOWN, *specification.moves)


def owner_named(specification: Specification, name: str) -> Call | Move:
    """The call or move of that name."""
    return next(owner for owner in owners(specification) if owner.name == name)


def fields_of(domain: Domain, prefix: str, fields: Iterable[Function] = FIELDS) -> dict[str, Meaning]:
    """Free symbols for every field of a state."""
    return {field.name: domain.symbols(prefix, field) for field in fields}


def call_symbols(domain: Domain, prefix: str, owner: Call | Move) -> tuple[dict[str, Meaning], dict[Var, Expression]]:
    """Free symbols for a call, or for the core and the parameters of a move."""
    if isinstance(owner, Call):
        return {symbol.name: domain.symbols(prefix, symbol) for symbol in CALL_SYMBOLS}, {}
    symbols = {symbol.name: domain.symbols(prefix, symbol) for symbol in owner.parameters}
    place = place_of(owner)
    return symbols, {} if place is None else {place[0]: domain.symbols(prefix, place[1])()}


def place_of(move: Move) -> tuple[Var, Function] | None:
    """The core or node that moves: the variable of the rules, and a symbol for it; None where the machine moves."""
    variable = move.core if move.core is not None else move.node
    if variable is None:
        return None
    return variable, Function("core" if move.core is not None else "node", (), variable.sort, "call")


def call_limits(domain: Domain, prefix: str, owner: Call | Move) -> Expression:
    """The symbols of a call or move have values of their sorts, and the id is one that the function has."""
    functions = list(CALL_SYMBOLS) if isinstance(owner, Call) else list(owner.parameters)
    if isinstance(owner, Move) and (place := place_of(owner)) is not None:
        functions.append(place[1])
    limits = [domain.within(domain.symbols(prefix, f), f) for f in functions]
    if isinstance(owner, Call) and None in (owner.fid32, owner.fid64) and owner.name != UNKNOWN.name:
        wide = domain.symbols(prefix, WIDE)()
        limits.append(wide if owner.fid32 is None else z3.Not(wide))
    return domain.conjunction(limits)


def scope_of(domain: Domain, owner: Call | Move, state: Mapping[str, Meaning], prefix: str = "a") -> Scope:
    """The scope in which the rules of a call or move are read."""
    call, variables = call_symbols(domain, prefix, owner)
    return Scope(domain, state, call, variables)


def transitions(domain: Domain, owner: Call | Move, scope: Scope, specification: Specification) -> list[RuleFormula]:
    """Every rule of a call or move as a step, in the order in which they are written."""
    rules = [
        rule
        for rule in specification.rules[owner.name]
        if rule.modality in OUTCOMES and rule.guard is not FALSE
        and (domain.version is None or rule.applies_to(domain.version))
    ]  # fmt: skip
    guards = {id(rule): _guard(domain, scope, rule) for rule in rules}
    return [
        RuleFormula(
            rule,
            tuple(_conditions(domain, rules, rule, guards)),
            None if rule.value is None else scope.term(rule.value),
            scope,
            scope.after(rule.effect),
        )
        for rule in rules
    ]


def duties(
    domain: Domain, owner: Call | Move, scope: Scope, specification: Specification
) -> list[tuple[Rule, Expression]]:
    """The caller's duties with the condition under which each is broken; where a gate answers, there is none."""
    rules = [rule for rule in specification.rules[owner.name] if rule.guard is not FALSE]
    gates = domain.disjunction(_guard(domain, scope, rule) for rule in rules if rule.modality is Modality.GATE)
    return [
        (rule, domain.conjunction([_guard(domain, scope, rule), _not(domain, gates)]))
        for rule in rules
        if rule.modality is Modality.CALLER_MUST
    ]


def _guard(domain: Domain, scope: Scope, rule: Rule) -> Expression:
    parts = [domain.between(rule.since, rule.until)]
    if rule.guard is not TRUE:
        parts.append(scope.term(rule.guard))
    return domain.conjunction(parts)


def _conditions(
    domain: Domain, rules: list[Rule], rule: Rule, guards: Mapping[int, Expression]
) -> Iterable[NamedFormula]:
    yield rule.name, guards[id(rule)]
    for other in rules:
        if other is rule:
            # gates are read in the order of writing: the first that applies answers
            if rule.modality is Modality.GATE:
                return
            continue
        stops = other.modality is Modality.GATE or (
            other.modality is Modality.MUST_REFUSE and rule.modality in (Modality.SUCCEEDS, Modality.MAY_SUCCEED)
        )
        if stops:
            yield f"not {other.name}", _not(domain, guards[id(other)])


def _not(domain: Domain, formula: Expression) -> Expression:
    if z3.is_true(formula) or z3.is_false(formula):
        return z3.BoolVal(z3.is_false(formula), domain.context)
    return z3.Not(formula)
