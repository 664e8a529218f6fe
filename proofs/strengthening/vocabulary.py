"""What the candidates for a proof speak about: what its claim reads, and what decides how that changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from psci.explorer.abstraction.cone import CALLERS
from psci.model.language.rules import Rule
from psci.model.language.sorts import BOOL
from psci.model.language.terms import TRUE, App, Function, Op, Quantified, Term, Var, fields_read, show, subterms
from psci.model.specification import Specification
from psci.model.symbols.machine import MACHINE
from psci.model.symbols.readings import READINGS
from psci.model.symbols.state import FIELDS
from psci.proofs.encoding.rules import owners
from psci.properties.language import Property, Step, step_of

MOST_CONDITIONS = 8
"""The conditions on the machine that are taken from rules."""


@dataclass(frozen=True)
class Vocabulary:
    """The fields, history variables and conditions on the machine that candidates may read."""

    fields: tuple[Function, ...]
    """Fields of the state and history variables, in the order in which they are declared."""
    history: frozenset[str]
    """The names of the history variables."""
    declared: tuple[Term, ...]
    """Conditions on the machine that stand in the claim."""
    conditions: tuple[Term, ...]
    """Conditions on the machine under which rules change the history variables."""
    versions: tuple[Term, ...]
    """That the version is older than one since which some rule is there."""


def vocabulary(prop: Property, specification: Specification, wide: bool) -> Vocabulary:
    """The vocabulary for a property.

    Args:
        prop: the property.
        specification: the rules.
        wide: also what the rules read that change the fields of the claim, or that the claim speaks about.
    """
    steps = [
        (rule, step_of(owner, rule)) for owner in owners(specification) for rule in specification.rules[owner.name]
    ]
    claims = [prop.of_state(), *(prop.of_step(step) for _, step in steps)]
    spoken = frozenset(name.removesuffix("'") for name in fields_read(*claims))
    history = frozenset(field.name for field in prop.history.fields)
    names = CALLERS | spoken | history
    if wide:
        names |= _influence(prop, spoken, steps)
    guards = [rule.guard for rule, step in steps if prop.history.effect(step).updates]
    declared = _conditions(claims)
    return Vocabulary(
        tuple(field for field in (*FIELDS, *prop.history.fields) if field.name in names),
        history,
        declared,
        tuple(term for term in _conditions(guards) if not _same_as_one(term, declared))[:MOST_CONDITIONS],
        tuple(MACHINE.psci_version < number for number in sorted(_beginnings(prop, spoken, steps) - {0})),
    )


def _influence(prop: Property, spoken: frozenset[str], steps: Iterable[tuple[Rule, Step]]) -> frozenset[str]:
    """What decides how the fields that the claim reads change, and whether the steps are made that it speaks about."""
    found: set[str] = set()
    for rule, step in steps:
        updates = [update for update in rule.effect.updates if update.field.name in spoken]
        if updates or fields_read(prop.of_step(step)):
            found |= fields_read(rule.guard)
        for update in updates:
            new = [value for _, value in update.points] if update.everywhere is None else [update.everywhere]
            found |= fields_read(*new)
    return frozenset(found)


def _beginnings(prop: Property, spoken: frozenset[str], steps: Iterable[tuple[Rule, Step]]) -> frozenset[int]:
    """The versions since which there are rules of calls that change what the claim reads, or that it speaks about."""
    steps = tuple(steps)
    owners_that_matter = {
        step.name
        for rule, step in steps
        if prop.of_step(step) is not TRUE or any(update.field.name in spoken for update in rule.effect.updates)
    }
    return frozenset(rule.since.number or 0 for rule, step in steps if step.name in owners_that_matter)


def _same_as_one(term: Term, others: Iterable[Term]) -> bool:
    return any(show(term) == show(other) for other in others)


def _conditions(terms: Iterable[Term]) -> tuple[Term, ...]:
    """The largest conditions in the terms that read nothing but what a machine declares, each once."""
    found: dict[str, Term] = {}
    for term in terms:
        found.update({show(condition): condition for condition in _declared(term)})
    return tuple(found.values())


ASSUMED = frozenset(reading.symbol for reading in READINGS.values() if reading.gives_up and reading.default is not None)
"""The readings that every proof takes at their default: nothing is to be learnt from the other options."""


def _declared(term: Term) -> Iterator[Term]:
    if isinstance(term, Op) and term.name == "not":
        yield from _declared(term.arguments[0])
    elif term.sort == BOOL and _of_machine(term):
        yield term
    elif isinstance(term, Quantified):
        yield from _declared(term.body)
    elif isinstance(term, App | Op):
        for argument in term.arguments:
            yield from _declared(argument)


def _of_machine(term: Term) -> bool:
    inside = list(subterms(term))
    symbols = [sub.function for sub in inside if isinstance(sub, App)]
    return (
        bool(symbols)
        and all(symbol.kind == "machine" and symbol.name not in ASSUMED for symbol in symbols)
        and not any(isinstance(sub, Var | Quantified) for sub in inside)
    )
