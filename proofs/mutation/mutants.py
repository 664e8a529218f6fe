"""Mutants of the rules: each rule changed in one way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from psci.model.language.effects import Effect, Update
from psci.model.language.rules import Modality, Rule
from psci.model.language.sorts import U64, Enumeration
from psci.model.language.terms import TRUE, Const, Op, Quantified, Term, conjunction, lift
from psci.model.specification import SPECIFICATION, Specification
from psci.model.tables.codes import DENIED, INVALID_PARAMETERS
from psci.model.tables.versions import VERSIONS


@dataclass(frozen=True)
class Mutant:
    """One rule changed in one way; `new` None drops it."""

    name: str
    operator: str
    old: Rule
    new: Rule | None

    @property
    def owner(self) -> str:
        """The call or move whose rule was changed."""
        return self.old.name.partition(".")[0]

    @property
    def in_every_version(self) -> bool:
        """The rule is one of every version of PSCI, before the change and after it."""
        rules = (self.old, self.new or self.old)
        return all((rule.since, rule.until) == (VERSIONS[0], VERSIONS[-1]) for rule in rules)

    def specification(self, base: Specification = SPECIFICATION) -> Specification:
        """The rules with this change."""
        return base.replacing(self.old, *(() if self.new is None else (self.new,)))


def mutants(specification: Specification = SPECIFICATION) -> tuple[Mutant, ...]:
    """Every mutant of every rule, in an order that never changes, each with a name of its own."""
    found = [mutant for rule in specification.every_rule() for mutant in _of_rule(rule)]
    # rules of different versions may share a name
    seen: Counter[str] = Counter()
    named = []
    for mutant in found:
        seen[mutant.name] += 1
        again = seen[mutant.name]
        named.append(mutant if again == 1 else replace(mutant, name=f"{mutant.name} ({again})"))
    return tuple(named)


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


__all__ = ["Mutant", "mutants", "sample"]
