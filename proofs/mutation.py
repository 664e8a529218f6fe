"""Mutants of the rules: each rule changed in one way, and what notices it.

A change is noticed by a consistency check (a gap, or a rule that can never apply), by a property whose
induction fails, or only by conformance: some call tells the two sets of rules apart, so that an
implementation of the changed rules would be caught by the oracle. What nothing tells apart is equivalent.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import z3

from psci.model.codes import DENIED, INVALID_PARAMETERS
from psci.model.language.effects import NOTHING, Effect, Update
from psci.model.language.rules import Modality, Rule
from psci.model.language.sorts import U64, Enumeration
from psci.model.language.terms import FALSE, TRUE, Const, Op, Quantified, Term, conjunction, lift
from psci.model.specification import SPECIFICATION, Specification
from psci.model.state import FIELDS
from psci.model.versions import VERSIONS
from psci.proofs.consistency import Rules, Undecided, gaps
from psci.proofs.domain import Expression
from psci.proofs.induction import obligations
from psci.proofs.queries import Verdict, solve
from psci.proofs.semantics import Transition, owner_named, transitions
from psci.proofs.unbounded import Unbounded
from psci.properties import PROPERTIES
from psci.properties.language import Kind, Property

EQUIVALENT = "equivalent"
CONFORMANCE = "conformance"
CONSISTENCY = "consistency"
UNDECIDED = "undecided"


@dataclass(frozen=True)
class Mutant:
    """One rule changed in one way; `new` None drops it."""

    name: str
    operator: str
    old: Rule
    new: Rule | None

    def specification(self, base: Specification = SPECIFICATION) -> Specification:
        """The rules with this change."""
        return base.replacing(self.old, *(() if self.new is None else (self.new,)))


@dataclass(frozen=True)
class Kill:
    """What notices a mutant: the name of a property, or one of the words above."""

    mutant: str
    operator: str
    by: str


def mutants(specification: Specification = SPECIFICATION) -> tuple[Mutant, ...]:
    """Every mutant of every rule, in an order that never changes."""
    return tuple(mutant for rule in specification.every_rule() for mutant in _of_rule(rule))


def sample(count: int, specification: Specification = SPECIFICATION) -> tuple[Mutant, ...]:
    """Some of the mutants, spread evenly, always the same ones."""
    everything = mutants(specification)
    return tuple(everything[i * len(everything) // count] for i in range(min(count, len(everything))))


def _of_rule(rule: Rule) -> Iterator[Mutant]:
    def mutant(operator: str, detail: str, new: Rule | None) -> Mutant:
        return Mutant(f"{rule.name}: {operator} {detail}".strip(), operator, rule, new)

    yield mutant("drop rule", "", None)
    for i, guard in enumerate(_dropped_conjuncts(rule.guard), start=1):
        yield mutant("drop conjunct", str(i), replace(rule, guard=guard))
    if rule.guard is not TRUE:
        yield mutant("negate guard", "", replace(rule, guard=~rule.guard))
    for i, guard in enumerate(_swapped_values(rule.guard), start=1):
        yield mutant("swap value", str(i), replace(rule, guard=guard))
    flipped = {Modality.MUST_REFUSE: Modality.MAY_REFUSE, Modality.MAY_REFUSE: Modality.MUST_REFUSE}.get(rule.modality)
    if flipped is not None:
        yield mutant("flip modality", "", replace(rule, modality=flipped))
    if rule.code is not None:
        code = DENIED if rule.code is INVALID_PARAMETERS else INVALID_PARAMETERS
        yield mutant("change code", f"to {code}", replace(rule, code=code, value=Const(code.word(64), U64)))
    for update in rule.effect.updates:
        rest = Effect(tuple(other for other in rule.effect.updates if other is not update))
        yield mutant("drop update", f"of {update.field.name}", replace(rule, effect=rest))
    yield from _swapped_updates(rule, mutant)
    if rule.since < rule.until:
        later = VERSIONS[VERSIONS.index(rule.since) + 1]
        yield mutant("weaken since", f"to {later}", replace(rule, since=later))


def _dropped_conjuncts(guard: Term) -> Iterator[Term]:
    if isinstance(guard, Op) and guard.name == "and":
        for i in range(len(guard.arguments)):
            yield conjunction(*guard.arguments[:i], *guard.arguments[i + 1 :])


def _swapped_values(term: Term) -> Iterator[Term]:
    """The term with one constant of an enumeration replaced by the next value."""
    match term:
        case Const(value=value, sort=Enumeration() as sort):
            values = sort.values
            yield lift(values[(values.index(str(value)) + 1) % len(values)], sort)
        case Op(name=name, arguments=arguments, sort=sort):
            for i, argument in enumerate(arguments):
                for other in _swapped_values(argument):
                    yield Op(name, (*arguments[:i], other, *arguments[i + 1 :]), sort)
        case Quantified(kind=kind, variable=variable, body=body):
            for other in _swapped_values(body):
                yield Quantified(kind, variable, other)


def _swapped_updates(rule: Rule, mutant: object) -> Iterator[Mutant]:
    """Two fields of the same sorts that get each other's new values."""
    updates = rule.effect.updates
    for i, one in enumerate(updates):
        for other in updates[i + 1 :]:
            same = one.field.domain == other.field.domain and one.field.range == other.field.range
            if same and one.everywhere is None and other.everywhere is None:
                swapped = {one: Update(one.field, other.points), other: Update(other.field, one.points)}
                effect = Effect(tuple(swapped.get(update, update) for update in updates))
                yield mutant("swap fields", f"{one.field.name} and {other.field.name}", replace(rule, effect=effect))  # type: ignore[operator]  # a function, as its only caller knows


# ---- what notices a mutant


def killer(mutant: Mutant, properties: Sequence[Property] | None = None) -> Kill:
    """The first that notices a mutant, the cheapest first."""
    specification = mutant.specification()
    owner = mutant.old.name.partition(".")[0]

    def kill(by: str) -> Kill:
        return Kill(mutant.name, mutant.operator, by)

    try:
        if mutant.new is not None and mutant.new.guard is FALSE:
            return kill(CONSISTENCY)
        if properties is None and next(gaps(Rules(owner_named(specification, owner), specification, None)), None):
            return kill(CONSISTENCY)
        for prop in PROPERTIES if properties is None else properties:
            if prop.kind in (Kind.STEP, Kind.INVARIANT) and not prop.unproved and _fails(prop, owner, specification):
                return kill(prop.name)
        return kill(CONFORMANCE if told_apart(mutant) else EQUIVALENT)
    except Undecided:
        return kill(UNDECIDED)


def _fails(prop: Property, owner: str, specification: Specification) -> bool:
    domain = lambda: Unbounded(specification=specification)  # noqa: E731  # a domain for each call or move
    for obligation in obligations(prop, domain, specification, only_owner=owner):
        if obligation is None:
            continue
        verdict = solve(obligation.query, minimise=False).verdict
        if verdict is Verdict.REFUTED:
            return True
    return False


def told_apart(mutant: Mutant) -> bool:
    """Some call or move, in a reachable state, has other outcomes under the changed rules.

    Raises:
        Undecided: the solver gave up.
    """
    owner = owner_named(SPECIFICATION, mutant.old.name.partition(".")[0])
    rules = Rules(owner, SPECIFICATION, None)
    changed = transitions(rules.domain, owner, rules.scope, mutant.specification())
    keys = {_key(step.rule) for step in (*rules.steps, *changed)}
    differs = [z3.Xor(_allowed(rules, rules.steps, key), _allowed(rules, changed, key)) for key in keys]
    if mutant.new is not None and mutant.new.effect is not mutant.old.effect:
        # the outcomes differ only where the effects do
        old = next(step for step in rules.steps if step.rule is mutant.old)
        new = next(step for step in changed if step.rule is mutant.new)
        differs = [z3.And(old.allowed(), _effects_differ(rules, old, new))]
    if mutant.old.modality is Modality.CALLER_MUST:
        before = rules.domain.disjunction(broken for rule, broken in rules.duties if rule is mutant.old)
        after = rules.domain.conjunction([]) if mutant.new is None else rules.scope.term(mutant.new.guard)
        differs = [z3.Xor(before, z3.BoolVal(False, rules.domain.context) if mutant.new is None else after)]
    return rules.example(rules.domain.disjunction(differs), plain=False) is not None


def _key(rule: Rule) -> tuple[object, ...]:
    return (
        rule.completion,
        rule.code,
        id(rule.value) if rule.code is None else 0,
        id(rule.constraint),
        _effect_key(rule),
    )


def _effect_key(rule: Rule) -> int:
    return id(NOTHING) if not rule.effect.updates else id(rule.effect)


def _allowed(rules: Rules, steps: Sequence[Transition], key: tuple[object, ...]) -> Expression:
    return rules.domain.disjunction(step.allowed() for step in steps if _key(step.rule) == key)


def _effects_differ(rules: Rules, old: Transition, new: Transition) -> Expression:
    one, other = old.scope_after().state, new.scope_after().state
    cells = []
    for field in FIELDS:
        for index in rules.domain.indices(field.domain):
            place = [rules.domain.constant(i, sort) for i, sort in zip(index, field.domain, strict=True)]
            cells.append(one[field.name](*place) != other[field.name](*place))
    return rules.domain.disjunction(cells)
