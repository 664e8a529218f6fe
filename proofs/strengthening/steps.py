"""The steps of an induction for a given number of cores, written once for all questions about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import z3

from psci.model.declare import Call, Move
from psci.model.language.rules import Rule
from psci.model.language.terms import TRUE, fields_read
from psci.model.specification import Specification
from psci.proofs.encoding.bounded import Bounded
from psci.proofs.encoding.domain import Expression
from psci.proofs.encoding.rules import owners
from psci.proofs.encoding.steps import Translations
from psci.proofs.encoding.terms import Scope
from psci.proofs.methods.induction import Assumed, Taking, interesting, premises, taking
from psci.properties.language import Property


@dataclass(frozen=True)
class InductionStep:
    """One rule as a step, with what is assumed of it beside invariants, and what a property says of it."""

    rule: str
    taken: Taking
    facts: tuple[Expression, ...]
    claim: Expression | None
    """What has to hold of the step, and of the state after it; None where that is nothing."""
    alike: tuple[InductionStep, ...] = ()
    """For rules that change nothing: each of them; this one step then stands for all, and has no conditions."""


@dataclass(frozen=True)
class Steps:
    """The steps of a property's induction that change something, or of which its claim speaks."""

    prop: Property
    domain: Bounded
    before: Scope
    """The state before each step."""
    steps: tuple[InductionStep, ...]


def steps_of(prop: Property, domain: Bounded, specification: Specification) -> Steps:
    """The steps for a property; its own claim is assumed before a step where it is one of states."""
    translations = Translations(domain)
    before = translations.of(owners(specification)[0]).before(prop.history)
    return Steps(prop, domain, before, tuple(_steps(prop, domain, translations)))


def _steps(prop: Property, domain: Bounded, translations: Translations) -> Iterator[InductionStep]:
    specification = translations.specification
    own = [] if prop.of_state() is TRUE else [(prop.name, prop.of_state())]
    for owner in owners(specification):
        if not any(_interesting(prop, owner, rule) for rule in specification.rules[owner.name]):
            continue
        translated = translations.of(owner)
        assumed = Assumed(prop, own, translated.before(prop.history))
        alike: dict[int, list[tuple[InductionStep, InductionStep]]] = {}
        for transition in translated.transitions:
            if not _interesting(prop, owner, transition.rule):
                continue
            taken = taking(prop, translated, transition)
            claim = _claim(prop, domain, taken)
            # the facts are read last: they are about the symbols that were used
            standing = (*premises(prop, assumed, translated, taken), *domain.facts())
            facts = tuple(formula for _, formula in standing)
            conditions = tuple(formula for _, formula in taken.conditions)
            step = InductionStep(transition.rule.name, taken, (*conditions, *facts), claim)
            if taken.changed:
                yield step
            elif claim is not None:
                # rules that change nothing differ only in what they require, and mostly that is not needed
                alike.setdefault(claim.get_id(), []).append((InductionStep(step.rule, taken, facts, claim), step))
        for group in alike.values():
            first = group[0][0]
            yield InductionStep(first.rule, first.taken, first.facts, first.claim, tuple(step for _, step in group))


def _interesting(prop: Property, owner: Call | Move, rule: Rule) -> bool:
    """Which candidates there are is not known yet: any change may matter to one."""
    return bool(rule.effect.updates) or interesting(prop, owner, rule, ())


def _claim(prop: Property, domain: Bounded, taken: Taking) -> Expression | None:
    of_step = taken.of_step(prop)
    claims = [] if of_step is None else [of_step]
    if not fields_read(prop.of_state()).isdisjoint(taken.changed):
        claims.append(taken.after.term(prop.of_state()))
    whole = domain.conjunction(claims)
    return None if z3.is_true(z3.simplify(whole)) else whole
