"""Mutants of the rules: each rule changed in one way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TypeAlias

from psci.model.language.effects import Effect, Update
from psci.model.language.rules import CALLER, Modality, Rule
from psci.model.language.sorts import U64, Enumeration
from psci.model.language.terms import (
    TRUE,
    App,
    Const,
    Op,
    Quantified,
    Term,
    bind,
    conjunction,
    lift,
    show,
    subterms,
)
from psci.model.specification import SPECIFICATION, Specification
from psci.model.symbols.machine import MACHINE
from psci.model.tables.codes import DENIED, INVALID_PARAMETERS
from psci.model.tables.versions import VERSIONS


@dataclass(frozen=True)
class Mutant:
    """One rule changed in one way; `new` None drops it."""

    name: str
    operator: str
    old: Rule
    new: Rule | None
    also: tuple[Rule, ...] = ()
    """Rules that are dropped together with it."""

    @property
    def owner(self) -> str:
        """The call or move whose rule was changed."""
        return self.old.name.partition(".")[0]

    @property
    def in_every_version(self) -> bool:
        """The rule is one of every version of PSCI, before the change and after it."""
        rules = (self.old, self.new or self.old, *self.also)
        return all((rule.since, rule.until) == (VERSIONS[0], VERSIONS[-1]) for rule in rules)

    def specification(self, base: Specification = SPECIFICATION) -> Specification:
        """The rules with this change."""
        for rule in self.also:
            base = base.replacing(rule)
        return base.replacing(self.old, *(() if self.new is None else (self.new,)))


def mutants(specification: Specification = SPECIFICATION) -> tuple[Mutant, ...]:
    """Every mutant of every rule, in an order that never changes, each with a name of its own."""
    found = [mutant for rule in specification.every_rule() for mutant in _of_rule(rule)]
    found += [mutant for rules in specification.rules.values() for mutant in _of_families(rules)]
    # rules of different versions may share a name
    seen: Counter[str] = Counter()
    named = []
    for mutant in found:
        seen[mutant.name] += 1
        again = seen[mutant.name]
        named.append(mutant if again == 1 else replace(mutant, name=f"{mutant.name} ({again})"))
    return tuple(named)


def sample(count: int, specification: Specification = SPECIFICATION) -> tuple[Mutant, ...]:
    """Some of the mutants, by a hash of their names: the same ones, whatever else there is."""
    return tuple(sorted(mutants(specification), key=lambda mutant: sha256(mutant.name.encode()).digest())[:count])


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
        if update.points and update.field.domain:
            wider = tuple(_everywhere(other) if other is update else other for other in rule.effect.updates)
            yield mutant("widen update", f"of {update.field.name}", replace(rule, effect=Effect(wider)))
    yield from _swapped_updates(rule, mutant)
    for operator, way in INSIDE.items():
        for i, new in enumerate(_changed_inside(rule, way), start=1):
            yield mutant(operator, str(i), new)
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


def _swapped_updates(rule: Rule, mutant: Callable[[str, str, Rule | None], Mutant]) -> Iterator[Mutant]:
    """Two fields of the same sorts that get each other's new values."""
    updates = rule.effect.updates
    for i, one in enumerate(updates):
        for other in updates[i + 1 :]:
            same = one.field.domain == other.field.domain and one.field.range == other.field.range
            if same and one.everywhere is None and other.everywhere is None:
                swapped = {one: Update(one.field, other.points), other: Update(other.field, one.points)}
                effect = Effect(tuple(swapped.get(update, update) for update in updates))
                yield mutant("swap fields", f"{one.field.name} and {other.field.name}", replace(rule, effect=effect))


def _everywhere(update: Update) -> Update:
    """The first value of an update, for all indices."""
    binders = tuple(bind(sort) for sort in update.field.domain)
    return Update(update.field, binders=binders, everywhere=update.points[0][1])


# ---- changes inside terms

TermMutation: TypeAlias = Callable[[Term], Iterator[Term]]
"""The terms that differ from a term in one place."""


def _changed_inside(rule: Rule, way: TermMutation) -> Iterator[Rule]:
    """The rule with one change in its guard, its value, or what it writes."""
    for guard in way(rule.guard):
        yield replace(rule, guard=guard)
    if rule.value is not None:
        for value in way(rule.value):
            yield replace(rule, value=value)
    for update in rule.effect.updates:
        for new in _changed_update(update, way):
            changed = tuple(new if other is update else other for other in rule.effect.updates)
            yield replace(rule, effect=Effect(changed))


def _changed_update(update: Update, way: TermMutation) -> Iterator[Update]:
    if update.everywhere is not None:
        yield from (replace(update, everywhere=new) for new in way(update.everywhere))
    for i, (index, value) in enumerate(update.points):
        before, after = update.points[:i], update.points[i + 1 :]
        yield from (replace(update, points=(*before, (index, new), *after)) for new in way(value))
        for place in range(len(index)):
            for other in way(index[place]):
                moved = (*index[:place], other, *index[place + 1 :])
                yield replace(update, points=(*before, (moved, value), *after))


def rebuilt(term: Term, changed: Callable[[Term], Iterator[Term]]) -> Iterator[Term]:
    """The term with one of its parts changed, at any depth."""
    yield from changed(term)
    match term:
        case App(function=function, arguments=arguments, sort=sort):
            make: Callable[[tuple[Term, ...]], Term] = lambda new: App(function, new, sort)  # noqa: E731  # one line
        case Op(name=name, arguments=arguments, sort=sort):
            make = lambda new: Op(name, new, sort)  # noqa: E731  # one line
        case Quantified(kind=kind, variable=variable, body=body):
            arguments, make = (body,), lambda new: Quantified(kind, variable, new[0])
        case _:
            return
    for i, argument in enumerate(arguments):
        for other in rebuilt(argument, changed):
            yield make((*arguments[:i], other, *arguments[i + 1 :]))


def _conjuncts_inside(term: Term) -> Iterator[Term]:
    """Below `some` or `every`: one condition of a conjunction left out."""

    def inside(part: Term) -> Iterator[Term]:
        match part:
            case Quantified(kind=kind, variable=variable, body=body):
                for other in rebuilt(body, _dropped_conjuncts):
                    yield Quantified(kind, variable, other)

    seen: set[str] = set()
    for changed in rebuilt(term, inside):
        if show(changed) not in seen:  # what is below two quantifiers is met twice
            seen.add(show(changed))
            yield changed


def _caller_for_target(term: Term) -> Iterator[Term]:
    def swap(part: Term) -> Iterator[Term]:
        if isinstance(part, App) and part.function is MACHINE.core_of:
            yield CALLER()

    yield from rebuilt(term, swap)


def _target_for_caller(term: Term) -> Iterator[Term]:
    """The caller replaced by the core that target_cpu names, in a term that reads both."""
    targets = [p for p in subterms(term) if isinstance(p, App) and p.function.name == "target_cpu"]

    def swap(part: Term) -> Iterator[Term]:
        if targets and isinstance(part, App) and part.function is CALLER:
            yield MACHINE.core_of(targets[0])

    yield from rebuilt(term, swap)


def _wrong_ancestor(term: Term) -> Iterator[Term]:
    """Inside and outside of a power domain confused."""

    def swap(part: Term) -> Iterator[Term]:
        if isinstance(part, App) and part.function is MACHINE.ancestor:
            yield App(part.function, part.arguments[::-1], part.sort)

    yield from rebuilt(term, swap)


INSIDE: Mapping[str, TermMutation] = {
    "drop inner conjunct": _conjuncts_inside,
    "caller for target": _caller_for_target,
    "target for caller": _target_for_caller,
    "wrong ancestor": _wrong_ancestor,
}
"""Changes inside the terms of a rule."""


def _of_families(rules: tuple[Rule, ...]) -> Iterator[Mutant]:
    """All rules of a call that oblige it to refuse with the same code, dropped together."""
    families: dict[str, list[Rule]] = {}
    for rule in rules:
        if rule.modality is Modality.MUST_REFUSE:
            families.setdefault(str(rule.code or "any code"), []).append(rule)
    for code, (first, *others) in families.items():
        if others:
            owner = first.name.partition(".")[0]
            yield Mutant(f"{owner}: drop family of {code}", "drop family", first, None, tuple(others))


__all__ = ["Mutant", "mutants", "rebuilt", "sample"]
